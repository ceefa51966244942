//! What Mist could not deliver: its log of deliveries, and its list of device events, which that
//! log does not have (`appliance/docs/vendors/mist.md` §11).

use alloc::{borrow::Cow, format, string::String, vec::Vec};

use super::output::{Late, Origin};
use crate::base::{mac::Mac, order, text::one_line, time::UnixTime};
use crate::event::{Detail, DeviceClass, Topic};

/// The most characters of an error.
const REASON_MAX: usize = 200;

/// A delivery that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failed {
    pub(super) at: UnixTime,
    /// The webhook's body.
    pub(super) body: String,
    /// What Mist saw.
    pub(super) reason: String,
}

impl Failed {
    /// Reads an element of the log. `None` without a time and a body.
    pub(super) fn read(item: Detail<'_>) -> Option<Self> {
        let text = |name: &str| item.get(name)?.text();
        let payload = item.get("req_payload").filter(|payload| payload.raw() != "null")?;
        let status = || Some(format!("it was answered {}", text("status_code")?));
        let reason = text("error").map(Cow::into_owned).or_else(status).unwrap_or_default();
        Some(Self {
            at: at(item)?,
            body: payload.string().map_or_else(|| payload.raw().into(), Cow::into_owned),
            reason: one_line(&reason, REASON_MAX),
        })
    }
}

/// A device in the list of all devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Device {
    pub(super) mac: Mac,
    pub(super) class: DeviceClass,
    pub(super) is_connected: bool,
    /// When Mist last heard of it.
    pub(super) last_seen: UnixTime,
    pub(super) name: Option<String>,
    pub(super) site: Option<String>,
}

impl Device {
    /// Reads an element of the list. `None` for a device that was never connected.
    pub(super) fn read(item: Detail<'_>) -> Option<Self> {
        let text = |name: &str| Some(item.get(name)?.text()?.into_owned());
        Some(Self {
            mac: Mac::parse(&text("mac")?)?,
            class: DeviceClass::parse(&text("type")?)?,
            is_connected: text("status")?.eq_ignore_ascii_case("connected"),
            last_seen: UnixTime::from_secs_f64(item.get("last_seen")?.number()?)?,
            name: text("name"),
            site: text("site_id"),
        })
    }

    /// The type of the event that says how it is; `None` for classes without one.
    pub(super) const fn kind(&self) -> Option<&'static str> {
        Some(match (self.class, self.is_connected) {
            (DeviceClass::AccessPoint, true) => "AP_CONNECTED",
            (DeviceClass::AccessPoint, false) => "AP_DISCONNECTED",
            (DeviceClass::Gateway, true) => "GW_CONNECTED",
            (DeviceClass::Gateway, false) => "GW_DISCONNECTED",
            (DeviceClass::Switch, true) => "SW_CONNECTED",
            (DeviceClass::Switch, false) => "SW_DISCONNECTED",
            (DeviceClass::MistEdge, _) => return None,
        })
    }
}

/// The bodies of a page of listed device events, in the order of their times: what is older than
/// `known_from` apart, as it may have been told and forgotten.
pub(super) fn listed(mut events: Vec<Detail<'_>>, known_from: UnixTime) -> Vec<Late> {
    order::sort_by_key(&mut events, |event| at(*event));
    let is_old = |event: &Detail<'_>| at(*event).is_none_or(|at| at < known_from);
    let (old, young): (Vec<_>, Vec<_>) = events.into_iter().partition(is_old);
    let parts = [(old, true), (young, false)].into_iter().filter(|(part, _)| !part.is_empty());
    let late = |(events, is_folded): (Vec<Detail<'_>>, bool)| Late {
        body: body(&Topic::DeviceEvents, events.iter().map(|event| event.raw())),
        origin: Origin::Listed,
        is_folded,
    };
    parts.map(late).collect()
}

/// A webhook's body with these events.
pub(super) fn body<'e>(topic: &Topic<'_>, events: impl Iterator<Item = &'e str>) -> String {
    let events: Vec<&str> = events.collect();
    format!("{{\"topic\":\"{}\",\"events\":[{}]}}", topic.name(), events.join(","))
}

/// When it happened.
pub(super) fn at(item: Detail<'_>) -> Option<UnixTime> {
    UnixTime::from_secs_f64(item.get("timestamp")?.number()?)
}

/// The query for what happened in a time, a page at a time.
pub(super) fn between(from: UnixTime, to: UnixTime, rest: &str) -> String {
    format!("start={}&end={}&{rest}", from.as_secs(), to.as_secs())
}
