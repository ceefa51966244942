//! What starts a probe: events of access points, and requests of programs outside.

use alloc::{borrow::Cow, string::String};
use serde::Deserialize;

use super::{name, name::PortName, switch_port::Mode, switch_port::SwitchPort};
use crate::{base::mac::Mac, base::time::UnixTime, event::Event, event::Topic};

/// What starts a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The access point came or restarted.
    Came,
    /// The access point was lost.
    Lost,
    /// The access point is about to restart, for a reason that Mist knows, and will be lost for a
    /// while.
    Restarting,
    /// A program outside asks for this mode.
    Asked(Mode),
    /// What is known is old; as an event, of a switch whose configuration may have changed.
    Stale,
}

impl Cause {
    /// The types of events.
    const TYPES: [(&'static str, Self); 10] = [
        ("AP_CONNECTED", Self::Came),
        ("AP_DISCONNECTED", Self::Lost),
        ("AP_RESTARTED", Self::Came),
        ("AP_RESTART_BY_USER", Self::Restarting),
        ("AP_UPGRADE_BY_SCHEDULE", Self::Restarting),
        ("AP_UPGRADE_BY_USER", Self::Restarting),
        ("SW_CONFIGURED", Self::Stale),
        ("SW_CONFIG_CHANGED_BY_USER", Self::Stale),
        ("SW_CONFIG_REVERTED", Self::Stale),
        ("SW_RECONFIGURED", Self::Stale),
    ];

    /// The cause in an event's type, in any letter case.
    pub fn parse(name: &str) -> Option<Self> {
        let mut types = Self::TYPES.into_iter();
        types.find(|(of, _)| of.eq_ignore_ascii_case(name)).map(|(_, cause)| cause)
    }
}

/// An event of an access point, which may concern a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApEvent {
    pub ap: Mac,
    pub cause: Cause,
    pub site: Option<String>,
    /// The time by Mist's clock.
    pub at: Option<UnixTime>,
    pub ap_name: Option<String>,
    pub site_name: Option<String>,
}

impl ApEvent {
    /// Reads an event of `device-events` or `device-updowns` about an access point. `None` for all
    /// other events.
    pub fn of(event: &Event<'_>) -> Option<Self> {
        let is_ours = matches!(event.topic(), Topic::DeviceEvents | Topic::DeviceUpdowns);
        let cause = Cause::parse(&event.kind()?).filter(|_| is_ours)?;
        Some(Self {
            ap: event.device_mac()?,
            cause,
            site: event.site_id().map(Cow::into_owned),
            at: event.at(),
            ap_name: event.device_name().map(Cow::into_owned),
            site_name: event.text("site_name").map(Cow::into_owned),
        })
    }
}

/// What a program outside, such as ClearPass, asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    pub switch_port: SwitchPort,
    pub mode: Mode,
}

/// Why a body is not a [`Request`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error(
        "expected a JSON object with the texts switch_mac, switch_port and type, \
         got something else"
    )]
    Body,
    #[error("switch_port: {0}")]
    Port(name::Error),
    #[error("switch_mac: expected a MAC address, got something else")]
    Switch,
    #[error("type: expected AP_CONNECTED, AP_RESTARTED or AP_DISCONNECTED, got another type")]
    Type,
}

impl Request {
    /// Reads the body of a POST to `ports.external.path`.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Body {
            switch_mac: String,
            switch_port: String,
            #[serde(default, rename = "type")]
            kind: String,
        }

        let body: Body = serde_json::from_slice(body).map_err(|_| Error::Body)?;
        let mode = match Cause::parse(body.kind.trim()) {
            Some(Cause::Came) => Mode::Ap,
            Some(Cause::Lost) => Mode::Default,
            Some(Cause::Restarting | Cause::Asked(_) | Cause::Stale) | None => {
                return Err(Error::Type);
            }
        };
        let switch = Mac::parse(body.switch_mac.trim()).ok_or(Error::Switch)?;
        let port = PortName::parse(body.switch_port.trim()).map_err(Error::Port)?;
        Ok(Self { switch_port: SwitchPort { switch, port }, mode })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_types_of_two_topics_are_signs() {
        let ap_event = |topic, text| ApEvent::of(&Event::parse(topic, text).expect("an object"));
        let ap = Mac::parse("5c5b35000001").expect("a MAC");
        assert_eq!(
            ap_event(
                Topic::DeviceEvents,
                r#"{"type":"AP_CONNECTED","mac":"5c5b35000001","site_id":"s-1","timestamp":5,
                    "device_name":"Reception","site_name":"HQ"}"#
            ),
            Some(ApEvent {
                ap,
                cause: Cause::Came,
                site: Some("s-1".into()),
                at: Some(UnixTime::from_secs(5)),
                ap_name: Some("Reception".into()),
                site_name: Some("HQ".into()),
            })
        );
        assert_eq!(
            ap_event(
                Topic::DeviceUpdowns,
                r#"{"type":"ap_disconnected","ap":"5C:5B:35:00:00:01"}"#
            ),
            Some(ApEvent {
                ap,
                cause: Cause::Lost,
                site: None,
                at: None,
                ap_name: None,
                site_name: None
            })
        );
        for (topic, text) in [
            (Topic::Alarms, r#"{"type":"AP_CONNECTED","mac":"5c5b35000001"}"#),
            (Topic::DeviceEvents, r#"{"type":"SW_CONNECTED","mac":"5c5b35000001"}"#),
            (Topic::DeviceEvents, r#"{"type":"AP_RESTARTED"}"#),
            (Topic::DeviceEvents, r#"{"mac":"5c5b35000001"}"#),
        ] {
            assert_eq!(ap_event(topic, text), None, "{text}");
        }
    }

    #[test]
    fn a_request_names_a_port_and_what_shall_be_there() {
        let switch_port = SwitchPort {
            switch: Mac::parse("5c5b35000002").expect("a MAC"),
            port: PortName::parse("ge-0/0/1").expect("a port"),
        };
        let body = |mac: &str, port: &str, kind: &str| {
            alloc::format!(r#"{{"switch_mac":"{mac}","switch_port":"{port}","type":"{kind}"}}"#)
        };
        for (kind, mode) in [
            ("AP_CONNECTED", Mode::Ap),
            ("AP_RESTARTED", Mode::Ap),
            ("ap_disconnected", Mode::Default),
        ] {
            let read = Request::parse(body("5C-5B-35-00-00-02", "ge-0/0/1.0", kind).as_bytes());
            assert_eq!(read, Ok(Request { switch_port, mode }));
        }
        for (text, error) in [
            (body("5c5b35000002", "ge-0/0/1", "SW_CONNECTED"), Error::Type),
            (body("5c5b3500000", "ge-0/0/1", "AP_CONNECTED"), Error::Switch),
            (body("5c5b35000002", "ae0", "AP_CONNECTED"), Error::Port(name::Error::Form)),
            ("[]".into(), Error::Body),
            (
                r#"{"switch_mac":1,"switch_port":"ge-0/0/1","type":"AP_CONNECTED"}"#.into(),
                Error::Body,
            ),
            (r#"{"switch_mac":"5c5b35000002","switch_port":"ge-0/0/1"}"#.into(), Error::Type),
        ] {
            assert_eq!(Request::parse(text.as_bytes()), Err(error), "{text}");
        }
    }
}
