//! The profiles of ports in a switch's configuration, and how they are changed.
//!
//! Mist has two layers for them (`appliance/docs/vendors/mist.md` §9). `local_port_config` holds
//! overrides and can be taken back without a trace, so it is the better one for us. But it has no
//! effect on a port whose entry in `port_config` has `no_local_overwrite`, which is the default and
//! which the dashboard writes for every port that it configures. So the layer is chosen for each
//! port:
//!
//! | entry in `port_config` | written is |
//! |---|---|
//! | none, or only `"*"`, which is for ports that have none | `local_port_config` |
//! | one with `no_local_overwrite: false` | `local_port_config` |
//! | any other | `usage` of that entry; the rest of it stays |
//!
//! Templates are not part of a device's own configuration and are ignored. An entry for several
//! ports is split. The ports of an aggregated link are not changed.

use alloc::{borrow::ToOwned, format, string::String, string::ToString, vec::Vec};

use serde::{Deserialize, Serialize};

use super::{map::PortMap, object::Object, object::quoted};
use crate::ports::{edit::Edit, name::PortName, switch_port::Mode};
use crate::{api::rejected, base::failure::Failure, base::text::cut_bytes, mist::Profiles};

/// The members of an override that stay: they are about the cable, not about the device on it.
const KEPT: [&str; 9] = [
    "description",
    "disable_autoneg",
    "disabled",
    "duplex",
    "mtu",
    "note",
    "poe_disabled",
    "speed",
    "usage",
];
/// What the dashboard shows beside an override of ours.
const NOTE: &str = "set by mistgate";
/// The most bytes of a difference.
const DIFF_MAX: usize = 16 << 10;

/// Where a profile is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum Layer {
    /// The device's own configuration.
    #[serde(rename = "port_config")]
    Config,
    #[serde(rename = "local_port_config")]
    Local,
}

impl Layer {
    const fn name(self) -> &'static str {
        match self {
            Self::Config => "port_config",
            Self::Local => "local_port_config",
        }
    }
}

/// The configuration of a switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    whole: Object,
    config: PortMap,
    local: PortMap,
}

/// What is to be written, and what it replaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The configuration with the change.
    pub device: Device,
    /// Where it differs.
    pub layers: Vec<Layer>,
    /// What was there, by port.
    pub before: Vec<(PortName, String)>,
    /// The difference, entry by entry, for people.
    pub diff: String,
}

/// What was there before a port got mode `ap`, as it is kept.
#[derive(Debug, Deserialize, Serialize)]
struct Before {
    layer: Layer,
    /// The entry, as JSON; none where there was none.
    entry: Option<String>,
    /// Whether it was for other ports too.
    #[serde(default)]
    shared: bool,
}

impl Device {
    /// Reads a device's configuration. `None` where it is none.
    pub fn parse(body: &[u8]) -> Option<Self> {
        let whole = Object::parse(str::from_utf8(body).ok()?)?;
        Some(Self {
            config: PortMap::parse(whole.get(Layer::Config.name()))?,
            local: PortMap::parse(whole.get(Layer::Local.name()))?,
            whole,
        })
    }

    /// Whether the device is a switch, as far as it says what it is.
    pub fn is_switch(&self) -> bool {
        self.whole.text("type").is_none_or(|kind| kind == "switch")
    }

    /// The JSON of the whole.
    pub fn whole(&self) -> String {
        self.whole.to_string()
    }

    /// The JSON of the overrides.
    pub fn local(&self) -> String {
        self.local.to_string()
    }

    /// What is to be written so that ports get their modes. Nothing where they have them.
    pub fn change(&self, edits: &[Edit], profiles: &Profiles) -> Result<Change, Failure> {
        let mut device = self.clone();
        let mut before = Vec::new();
        for edit in edits {
            match (edit.mode, &profiles.default) {
                (Mode::Ap, _) => before.extend(device.give(edit.port, profiles, &profiles.ap)?),
                (Mode::Default, Some(profile)) => {
                    device.give(edit.port, profiles, profile)?;
                }
                (Mode::Default, None) => device.give_back(edit, profiles)?,
            }
        }
        let mut layers = Vec::new();
        let mut diff = String::new();
        for layer in [Layer::Config, Layer::Local] {
            let lines = device.map(layer).diff(self.map(layer));
            if !lines.is_empty() {
                device.whole.set(layer.name(), device.map(layer).to_string());
                layers.push(layer);
                diff.extend([&format!("[{}]\n", layer.name()), &lines.join("\n"), "\n"]);
            }
        }
        Ok(Change { device, layers, before, diff: cut_bytes(diff.trim_end().to_owned(), DIFF_MAX) })
    }

    fn map(&self, layer: Layer) -> &PortMap {
        match layer {
            Layer::Config => &self.config,
            Layer::Local => &self.local,
        }
    }

    const fn map_mut(&mut self, layer: Layer) -> &mut PortMap {
        match layer {
            Layer::Config => &mut self.config,
            Layer::Local => &mut self.local,
        }
    }

    /// The entry about a port, and whether it is for it alone.
    fn entry(&self, layer: Layer, port: PortName) -> Result<Option<(Object, bool)>, Failure> {
        let found = self.map(layer).find(port).map_err(|error| {
            rejected(format!("what {} has for {port} is not clear: {error}", layer.name()))
        })?;
        let Some((json, is_single)) = found else { return Ok(None) };
        let entry = Object::parse(json)
            .ok_or_else(|| rejected(format!("what {} has for {port} is no entry", layer.name())))?;
        Ok(Some((entry, is_single)))
    }

    /// Where the profile of a port is written, with the entry that is there.
    fn place(&self, port: PortName) -> Result<(Layer, Option<(Object, bool)>), Failure> {
        let config = self.entry(Layer::Config, port)?;
        if let Some((entry, _)) = &config
            && entry.get("aggregated") == Some("true")
        {
            return Err(rejected(format!("{port} belongs to an aggregated link")));
        }
        match config.filter(|(entry, _)| entry.get("no_local_overwrite") != Some("false")) {
            Some(entry) => Ok((Layer::Config, Some(entry))),
            None => Ok((Layer::Local, self.entry(Layer::Local, port)?)),
        }
    }

    /// The profile that a port has.
    fn usage(&self, port: PortName) -> Result<Option<String>, Failure> {
        let own = match self.place(port)? {
            (_, Some(entry)) => Some(entry),
            (Layer::Local, None) => self.entry(Layer::Config, port)?,
            (Layer::Config, None) => None,
        };
        Ok(own.and_then(|(entry, _)| entry.text("usage")))
    }

    /// Gives a port a profile, and returns what was there.
    fn give(
        &mut self,
        port: PortName,
        profiles: &Profiles,
        profile: &str,
    ) -> Result<Option<(PortName, String)>, Failure> {
        let (layer, entry) = self.place(port)?;
        let has = self.usage(port)?;
        let has_ours = has.as_ref() == Some(&profiles.ap);
        // An override with the profile for access points is what we write, also where the record
        // of it was lost: it is nothing to come back to.
        let before = (layer == Layer::Config || !has_ours || entry.is_none()).then(|| Before {
            layer,
            entry: entry.as_ref().map(|(entry, _)| entry.to_string()),
            shared: entry.as_ref().is_some_and(|(_, is_single)| !is_single),
        });
        if has.as_deref() != Some(profile) {
            let mut entry = entry.map(|(entry, _)| entry).unwrap_or_default();
            if layer == Layer::Local {
                entry.retain(&KEPT);
            }
            entry.set("usage", quoted(profile));
            if layer == Layer::Local && entry.get("note").is_none() {
                entry.set("note", quoted(NOTE));
            }
            self.write(layer, port, |map| map.set(port, entry.to_string()))?;
        }
        let before = before.and_then(|before| serde_json::to_string(&before).ok());
        Ok(before.map(|before| (port, before)))
    }

    /// Gives a port back what it had. What another user has changed since then stays.
    fn give_back(&mut self, edit: &Edit, profiles: &Profiles) -> Result<(), Failure> {
        let port = edit.port;
        let before = edit.before.as_deref().and_then(|text| serde_json::from_str(text).ok());
        let Some(Before { layer, entry, shared }) = before else {
            return self.take_away(port, profiles);
        };
        if !self.is_ours(layer, port, profiles)? {
            return Ok(());
        }
        self.write(layer, port, |map| match entry {
            None => map.remove(port),
            Some(json) if shared => map.join(port, json),
            Some(json) => map.set(port, json),
        })
    }

    /// Takes the profile for access points from a port of which it is not known what it had.
    fn take_away(&mut self, port: PortName, profiles: &Profiles) -> Result<(), Failure> {
        if self.is_ours(Layer::Local, port, profiles)? {
            return self.write(Layer::Local, port, |map| map.remove(port));
        }
        if self.is_ours(Layer::Config, port, profiles)? {
            return Err(rejected(format!(
                "it is not known which profile {port} had before; \
                 ports.mist.default_profile can name one"
            )));
        }
        Ok(())
    }

    /// Whether a port's entry has the profile for access points.
    fn is_ours(&self, layer: Layer, port: PortName, profiles: &Profiles) -> Result<bool, Failure> {
        let entry = self.entry(layer, port)?;
        let usage = entry.and_then(|(entry, _)| entry.text("usage"));
        Ok(usage.as_ref() == Some(&profiles.ap))
    }

    fn write(
        &mut self,
        layer: Layer,
        port: PortName,
        write: impl FnOnce(&mut PortMap) -> Result<(), super::map::Error>,
    ) -> Result<(), Failure> {
        write(self.map_mut(layer)).map_err(|error| rejected(format!("{port}: {error}")))
    }
}

#[cfg(test)]
mod tests;
