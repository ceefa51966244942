//! An [`Event`] of a [`Topic`]: its device, its site and its other members.
//!
//! An event borrows the webhook's bytes. They are split into members once, and a member is decoded
//! when it is asked for. Decoding is lenient: Mist sends numbers as text, nulls, and lists where
//! one value is documented, and leaves out most of what is optional.

pub mod fingerprint;
pub mod ports;

use alloc::{borrow::Cow, borrow::ToOwned, boxed::Box, vec::Vec};
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, de::MapAccess, de::Visitor};
use serde_json::value::RawValue;

use crate::base::{mac::Mac, time::UnixTime};

/// The topic of a webhook. The topics that we describe in full have a variant; the others keep
/// their name. Mist adds topics at will (`appliance/docs/vendors/mist.md` §4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Topic<'a> {
    Alarms,
    Audits,
    DeviceEvents,
    DeviceUpdowns,
    /// Our own reports, which never come from outside.
    Mistgate,
    MxedgeEvents,
    /// Any other topic, by name.
    Other(Cow<'a, str>),
    /// Sent by the button "test webhook" in Mist.
    Ping,
}

impl Topic<'static> {
    /// The topics with a variant of their own.
    pub const KNOWN: [Self; 7] = [
        Self::Alarms,
        Self::Audits,
        Self::DeviceEvents,
        Self::DeviceUpdowns,
        Self::Mistgate,
        Self::MxedgeEvents,
        Self::Ping,
    ];
}

impl<'a> Topic<'a> {
    /// The topic of a webhook, in any letter case. Nothing from outside is [`Topic::Mistgate`].
    pub fn parse(name: Cow<'a, str>) -> Self {
        Topic::KNOWN
            .into_iter()
            .find(|known| *known != Self::Mistgate && known.name().eq_ignore_ascii_case(&name))
            .unwrap_or(Self::Other(name))
    }

    /// A topic from the store, which may be our own: only we write to it.
    pub fn stored(name: &'a str) -> Self {
        match name == Self::Mistgate.name() {
            true => Self::Mistgate,
            false => Self::parse(name.into()),
        }
    }

    /// The name as Mist and our configuration write it.
    pub fn name(&self) -> &str {
        match self {
            Self::Alarms => "alarms",
            Self::Audits => "audits",
            Self::DeviceEvents => "device-events",
            Self::DeviceUpdowns => "device-updowns",
            Self::Mistgate => "mistgate",
            Self::MxedgeEvents => "mxedge-events",
            Self::Other(name) => name,
            Self::Ping => "ping",
        }
    }
}

/// The value of a member: raw JSON that is decoded on demand and leniently.
#[derive(Clone, Copy, Deserialize)]
pub struct Detail<'a>(#[serde(borrow)] &'a RawValue);

impl<'a> Detail<'a> {
    /// The JSON text as it was sent.
    pub fn raw(self) -> &'a str {
        self.0.get()
    }

    /// Text, or a number or boolean as text. `None` for null, lists, objects and blank text.
    pub fn text(self) -> Option<Cow<'a, str>> {
        let raw = self.raw();
        match raw.as_bytes().first()? {
            b'"' => match self.string()? {
                Cow::Borrowed(text) => non_blank(text.trim()).map(Cow::Borrowed),
                Cow::Owned(text) => non_blank(text.trim()).map(|t| Cow::Owned(t.to_owned())),
            },
            b'n' | b'[' | b'{' => None,
            _ => Some(Cow::Borrowed(raw)),
        }
    }

    /// Text exactly as it was sent, blank or not. `None` for anything else.
    pub fn string(self) -> Option<Cow<'a, str>> {
        let text = self.raw().strip_prefix('"')?.strip_suffix('"')?;
        if !text.contains('\\') {
            return Some(Cow::Borrowed(text));
        }
        serde_json::from_str(self.raw()).ok().map(|Text(text)| text)
    }

    /// A number, also where it was sent as text.
    pub fn number(self) -> Option<f64> {
        self.text()?.parse().ok().filter(|n: &f64| n.is_finite())
    }

    /// A whole number, also where it was sent as text or with a fraction of zero.
    pub fn integer(self) -> Option<i64> {
        let text = self.text()?;
        text.parse().ok().or_else(|| {
            let number: f64 = text.parse().ok()?;
            (number % 1.0 == 0.0 && number.abs() < 9e15).then_some(number as i64)
        })
    }

    /// The elements of a list; anything else but null counts as a list of one.
    pub fn items(self) -> Vec<Self> {
        match self.raw().as_bytes().first() {
            Some(b'[') => serde_json::from_str(self.raw()).unwrap_or_default(),
            Some(b'n') | None => Vec::new(),
            Some(_) => Vec::from([self]),
        }
    }

    /// The non-blank texts of a list, or the one text that was sent in its place.
    pub fn texts(self) -> Vec<Cow<'a, str>> {
        self.items().into_iter().filter_map(Self::text).collect()
    }

    /// The members of an object; empty for anything else.
    pub fn members(self) -> Vec<(Cow<'a, str>, Self)> {
        serde_json::from_str(self.raw()).map_or_else(|_| Vec::new(), |Members(members)| members)
    }

    /// A member of an object; `None` for anything else.
    pub fn get(self, name: &str) -> Option<Self> {
        find(&self.members(), name)
    }

    /// The JSON object or list inside of a text. Mist sends `details`, `before` and `after` this
    /// way at times.
    pub fn embedded(self) -> Option<Box<RawValue>> {
        let text = self.text()?;
        matches!(text.as_bytes().first(), Some(b'{' | b'['))
            .then(|| serde_json::from_str(&text).ok())
            .flatten()
    }
}

impl<'a> From<&'a RawValue> for Detail<'a> {
    fn from(raw: &'a RawValue) -> Self {
        Self(raw)
    }
}

impl fmt::Debug for Detail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.raw())
    }
}

/// The kind of device that an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DeviceClass {
    #[serde(rename = "ap")]
    AccessPoint,
    /// Mist's dashboard calls it a WAN edge.
    #[serde(rename = "gateway")]
    Gateway,
    #[serde(rename = "mxedge")]
    MistEdge,
    #[serde(rename = "switch")]
    Switch,
}

impl DeviceClass {
    /// The class that Mist calls `ap`, `gateway`, `mxedge` or `switch`.
    pub fn parse(name: &str) -> Option<Self> {
        let all = [Self::AccessPoint, Self::Gateway, Self::MistEdge, Self::Switch];
        all.into_iter().find(|class| class.name().eq_ignore_ascii_case(name))
    }

    /// The name that Mist gives it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AccessPoint => "ap",
            Self::Gateway => "gateway",
            Self::MistEdge => "mxedge",
            Self::Switch => "switch",
        }
    }

    /// The class that the first part of an event's type names, such as `AP` of `AP_CONNECTED`.
    pub fn of_prefix(prefix: &str) -> Option<Self> {
        const PREFIXES: [(&str, DeviceClass); 7] = [
            ("AP", DeviceClass::AccessPoint),
            ("ESL", DeviceClass::AccessPoint),
            ("1026", DeviceClass::AccessPoint),
            ("GW", DeviceClass::Gateway),
            ("ME", DeviceClass::MistEdge),
            ("TT", DeviceClass::MistEdge),
            ("SW", DeviceClass::Switch),
        ];
        let found = PREFIXES.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(prefix));
        found.map(|(_, class)| class)
    }
}

/// One event of a webhook, split into its members.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    topic: Topic<'a>,
    text: &'a str,
    members: Vec<(Cow<'a, str>, Detail<'a>)>,
}

impl<'a> Event<'a> {
    /// Splits the JSON object of an event. `None` for anything but an object.
    pub fn parse(topic: Topic<'a>, text: &'a str) -> Option<Self> {
        let Members(members) = serde_json::from_str(text).ok()?;
        Some(Self { topic, text, members })
    }

    /// The topic of the webhook that brought it.
    pub const fn topic(&self) -> &Topic<'a> {
        &self.topic
    }

    /// The JSON text, as it was sent.
    pub const fn raw(&self) -> &'a str {
        self.text
    }

    /// Reads an event that is one of our own. `None` if it has another form.
    pub fn read<T: Deserialize<'a>>(&self) -> Option<T> {
        serde_json::from_str(self.text).ok()
    }

    /// The type in the letters that were sent. Events of some topics have none.
    pub fn kind(&self) -> Option<Cow<'a, str>> {
        self.text("type")
    }

    /// All members in the order in which they were sent.
    pub fn members(&self) -> &[(Cow<'a, str>, Detail<'a>)] {
        &self.members
    }

    /// A member by its name; the last one if the name is repeated.
    pub fn get(&self, name: &str) -> Option<Detail<'a>> {
        find(&self.members, name)
    }

    /// [`Detail::text`] of a member.
    pub fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        self.get(name)?.text()
    }

    /// [`Detail::texts`] of a member, empty where it is missing.
    pub fn texts(&self, name: &str) -> Vec<Cow<'a, str>> {
        self.get(name).map(Detail::texts).unwrap_or_default()
    }

    /// When it happened, by Mist's clock.
    pub fn at(&self) -> Option<UnixTime> {
        UnixTime::from_secs_f64(self.get("timestamp")?.number()?)
    }

    /// The id of the organisation, if it may stand in a URL.
    pub fn org_id(&self) -> Option<Cow<'a, str>> {
        self.id("org_id")
    }

    /// The site's id; Mist's all-zero id of "no site" counts as none.
    pub fn site_id(&self) -> Option<Cow<'a, str>> {
        self.id("site_id")
    }

    /// An id that may stand in a URL: letters, digits, `-` and `_`, not all zeros.
    pub fn id(&self, name: &str) -> Option<Cow<'a, str>> {
        self.text(name).filter(|id| {
            id.len() <= 64
                && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
                && id.bytes().any(|b| !matches!(b, b'0' | b'-'))
        })
    }

    /// The class of the device: from `device_type`, else from the first part of the type.
    pub fn device_class(&self) -> Option<DeviceClass> {
        let named = self.text("device_type").and_then(|name| DeviceClass::parse(&name));
        named.or_else(|| DeviceClass::of_prefix(self.kind()?.split('_').next()?))
    }

    /// The device's MAC: `mac`, or `ap`, which older events and the documented ones of
    /// `device-updowns` have. The null MAC counts as none.
    pub fn device_mac(&self) -> Option<Mac> {
        let mut macs = ["mac", "ap"].into_iter().filter_map(|name| Mac::parse(&self.text(name)?));
        macs.find(|mac| mac.is_device())
    }

    /// The device's name: `device_name`, `ap_name` or `mxedge_name`.
    pub fn device_name(&self) -> Option<Cow<'a, str>> {
        ["device_name", "ap_name", "mxedge_name"].into_iter().find_map(|name| self.text(name))
    }
}

/// The last word of an `admin_name` such as `First Last user@example.net`: the mail address.
pub fn mail_address(admin_name: &str) -> &str {
    admin_name
        .split_whitespace()
        .next_back()
        .unwrap_or(admin_name)
        .trim_matches(['<', '>', '(', ')', ','])
}

/// A member by its name.
pub fn find<'a>(members: &[(Cow<'_, str>, Detail<'a>)], name: &str) -> Option<Detail<'a>> {
    // The last of repeated members counts, as in other JSON readers.
    members.iter().rev().find_map(|(key, detail)| (key == name).then_some(*detail))
}

fn non_blank(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// A JSON text, borrowed where it holds no escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The members of a JSON object with undecoded values.
struct Members<'a>(Vec<(Cow<'a, str>, Detail<'a>)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor;

        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                // Room for the members of nearly every event at once.
                let mut members = Vec::with_capacity(24);
                while let Some((Text(name), detail)) = map.next_entry::<Text<'de>, Detail<'de>>()? {
                    members.push((name, detail));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(ObjectVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_event(json: &str, check: impl FnOnce(Event<'_>)) {
        check(Event::parse(Topic::DeviceEvents, json).expect("an object"));
    }

    #[test]
    fn reads_each_member_as_well_as_it_can_be() {
        with_event(
            r#"{"n":"12.5","i":7,"t":7,"blank":" ","null":null,"one":"x","list":["a",null,2],
                "esc":"a\"b","type":"SW_CONNECTED","ap":"5C-5B-35-00-00-01","timestamp":"1752000000.8",
                "site_id":"00000000-0000-0000-0000-000000000000","dup":1,"dup":2}"#,
            |event| {
                assert_eq!(event.get("n").and_then(Detail::number), Some(12.5));
                assert_eq!(event.get("i").and_then(Detail::integer), Some(7));
                assert_eq!(event.text("t").as_deref(), Some("7"));
                assert_eq!(event.text("blank"), None);
                assert_eq!(event.text("null"), None);
                assert_eq!(event.texts("one"), ["x"]);
                assert_eq!(event.texts("list"), ["a", "2"]);
                assert_eq!(event.text("esc").as_deref(), Some("a\"b"));
                assert_eq!(event.device_class(), Some(DeviceClass::Switch));
                let mac = event.device_mac().expect("a MAC");
                assert_eq!(
                    alloc::format!("{mac} {}", mac.plain()),
                    "5c:5b:35:00:00:01 5c5b35000001"
                );
                assert_eq!(event.at().map(UnixTime::as_secs), Some(1_752_000_000));
                assert_eq!(event.site_id(), None);
                assert_eq!(event.text("dup").as_deref(), Some("2"));
            },
        );
    }

    #[test]
    fn a_null_mac_is_no_device_s() {
        with_event(r#"{"mac":"00:00:00:00:00:00","ap":"5c5b35000001"}"#, |event| {
            assert_eq!(event.device_mac(), Mac::parse("5c5b35000001"));
        });
        with_event(r#"{"mac":"ffffffffffff","ap":"000000000000"}"#, |event| {
            assert_eq!(event.device_mac(), None);
        });
    }

    #[test]
    fn an_id_for_a_url_is_only_an_id() {
        with_event(r#"{"a":"x/../y","b":"ab-1_2","c":"javascript:1"}"#, |event| {
            assert_eq!(event.id("a"), None);
            assert_eq!(event.id("b").as_deref(), Some("ab-1_2"));
            assert_eq!(event.id("c"), None);
        });
    }

    #[test]
    fn details_in_a_text_are_unfolded() {
        with_event(r#"{"details":"{\"status\":\"open\"}"}"#, |event| {
            let inner = event.get("details").and_then(Detail::embedded).expect("JSON in a text");
            assert_eq!(
                Detail::from(&*inner).get("status").and_then(Detail::text).as_deref(),
                Some("open")
            );
        });
    }
}
