//! The record of a port in the store: its access point, its mode, and what it had before.
//!
//! A record is JSON with a version, so that people can read it.

use alloc::{borrow::ToOwned, string::String, string::ToString, vec::Vec};

use serde::{Deserialize, Serialize};

use super::name::{PortName, SwitchName};
use super::switch_port::{Mode, Switch, SwitchPort};
use crate::base::{mac::Mac, time::UnixTime};

const VERSION: u32 = 1;

/// The record of a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub switch: Switch,
    pub port: PortName,
    /// The access point on it.
    pub ap: Option<Mac>,
    /// The mode that we gave it; `None` while a change is under way.
    pub mode: Option<Mode>,
    /// Whether we may ever have changed it.
    pub is_touched: bool,
    /// Whether the mode was only reported, in `observe`, and not set.
    pub is_observed: bool,
    /// What the port had before, as the method wrote it.
    pub before: Option<String>,
    /// When a change last began or ended, by our clock.
    pub changed_at: Option<UnixTime>,
    /// The number of the change that gave it its mode, if somebody may undo that.
    pub change: Option<u64>,
    /// The mode that it is not to get by itself, because somebody decided so about the change with
    /// this number.
    pub left: Option<(u64, Mode)>,
}

/// Why bytes are not a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("expected the JSON of a port's record, got something else")]
    Form,
    #[error("expected a MAC, a port and a mode, got something else")]
    Value,
    #[error("expected version {VERSION}, got {0}")]
    Version(u32),
}

#[derive(Deserialize, Serialize)]
struct Text {
    version: u32,
    switch: String,
    port: String,
    device_id: String,
    site: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ap: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mode: Option<String>,
    #[serde(default)]
    touched: bool,
    #[serde(default)]
    observed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    changed_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    change: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    left: Option<(u64, String)>,
}

impl Record {
    /// The port, which is the key in the store.
    pub const fn switch_port(&self) -> SwitchPort {
        SwitchPort { switch: self.switch.mac, port: self.port }
    }

    /// Whether a change of it was really made.
    pub const fn is_made(&self) -> bool {
        (self.is_touched && !self.is_observed) || self.change.is_some()
    }

    /// The bytes for the store.
    pub fn encode(&self) -> Vec<u8> {
        let text = Text {
            version: VERSION,
            switch: self.switch.mac.plain(),
            port: self.port.to_string(),
            device_id: self.switch.device_id.clone(),
            site: self.switch.site.clone(),
            name: self.switch.name.as_ref().map(SwitchName::to_string),
            model: self.switch.model.clone(),
            ap: self.ap.map(Mac::plain),
            mode: self.mode.map(|mode| mode.name().to_owned()),
            touched: self.is_touched,
            observed: self.is_observed,
            before: self.before.clone(),
            changed_at: self.changed_at.map(UnixTime::as_micros),
            change: self.change,
            left: self.left.map(|(change, mode)| (change, mode.name().to_owned())),
        };
        serde_json::to_vec(&text).expect("texts and numbers are JSON")
    }

    /// Reads what [`encode`](Self::encode) wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let text: Text = serde_json::from_slice(bytes).map_err(|_| Error::Form)?;
        if text.version != VERSION {
            return Err(Error::Version(text.version));
        }
        let mac = |text: &str| Mac::parse(text).ok_or(Error::Value);
        let name = |text: String| SwitchName::parse(&text).ok_or(Error::Value);
        let mode = |text: String| Mode::parse(&text).ok_or(Error::Value);
        Ok(Self {
            switch: Switch {
                mac: mac(&text.switch)?,
                device_id: text.device_id,
                site: text.site,
                name: text.name.map(name).transpose()?,
                model: text.model,
            },
            port: PortName::parse(&text.port).map_err(|_| Error::Value)?,
            ap: text.ap.map(|ap| mac(&ap)).transpose()?,
            mode: text.mode.map(mode).transpose()?,
            is_touched: text.touched,
            is_observed: text.observed,
            before: text.before,
            changed_at: text.changed_at.map(UnixTime::from_micros),
            change: text.change,
            left: text.left.map(|(change, text)| Ok((change, mode(text)?))).transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decode_undoes_encode() {
        let full = Record {
            switch: Switch {
                mac: Mac::parse("5c5b350000ff").expect("a MAC"),
                device_id: "00000000-0000-0000-1000-5c5b350000ff".into(),
                site: "s-1".into(),
                name: SwitchName::parse("sw-1"),
                model: Some("EX4400-48P".into()),
            },
            port: PortName::parse("ge-0/0/7").expect("a port"),
            ap: Mac::parse("5c5b35000001"),
            mode: Some(Mode::Ap),
            is_touched: true,
            is_observed: true,
            before: Some("{\"usage\":\"a \\\"b\\\"\"}".into()),
            changed_at: Some(UnixTime::from_secs(5)),
            change: Some(1_796_000_000),
            left: Some((1_795_000_000, Mode::Default)),
        };
        let mut bare = full.clone();
        (bare.switch.name, bare.ap, bare.mode) = (None, None, None);
        (bare.is_touched, bare.is_observed) = (false, false);
        (bare.before, bare.changed_at) = (None, None);
        (bare.change, bare.left) = (None, None);
        for record in [full, bare] {
            let bytes = record.encode();
            assert_eq!(Record::decode(&bytes), Ok(record));
            for end in 0..bytes.len() {
                let torn = bytes.get(..end).expect("a prefix");
                assert_eq!(Record::decode(torn), Err(Error::Form));
            }
        }
    }

    #[test]
    fn what_is_not_a_record_is_refused() {
        let text = |version: u32, port: &str, mode: &str| {
            alloc::format!(
                r#"{{"version":{version},"switch":"5c5b350000ff","port":"{port}","device_id":"",
                    "site":"","mode":"{mode}"}}"#
            )
        };
        assert!(Record::decode(text(1, "ge-0/0/1", "ap").as_bytes()).is_ok());
        for (text, error) in [
            (text(2, "ge-0/0/1", "ap"), Error::Version(2)),
            (text(1, "ge-0/0/1\\n", "ap"), Error::Value),
            (text(1, "ge-0/0/1", "trunk"), Error::Value),
            ("{}".into(), Error::Form),
        ] {
            assert_eq!(Record::decode(text.as_bytes()), Err(error), "{text}");
        }
    }
}
