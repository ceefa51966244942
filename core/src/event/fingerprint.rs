//! Recognising an event that was sent before, or that Mist lists.
//!
//! Mist sends the same event once for an organisation's webhook and once for a site's, and resends
//! what we did not answer in time. Neither has a delivery id, so the content decides: a digest over
//! the topic and the members in the order of their names. `for_site` says by which webhook the
//! event came, and is left out.

use alloc::{string::ToString, vec::Vec};

use sha2::{Digest, Sha256};

use crate::event::{Event, Topic};

/// The identity of an event's content: 128 bits of a SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(u128);

impl Fingerprint {
    /// From the bytes that the store kept.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_le_bytes(bytes))
    }

    /// The bytes, for the store.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.to_le_bytes()
    }
}

/// What an event of an access point is known by besides its content: organisation, device, type and
/// second. Mist lists such events too, with other members, and one that it lists is the same as one
/// that it sent. Two that it sent are not, which may be about two ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kin {
    /// What it is remembered by.
    pub own: Fingerprint,
    /// What the same event of the other origin is remembered by.
    pub other: Fingerprint,
}

impl Kin {
    /// Of an event that was sent; `None` if it is not one of an access point's, or does not say all
    /// of that.
    pub fn of_sent(event: &Event<'_>) -> Option<Self> {
        let is_ours = matches!(event.topic(), Topic::DeviceEvents | Topic::DeviceUpdowns);
        let kind = event.kind().filter(|kind| is_ours && kind.starts_with("AP_"))?;
        let (org, mac) = (event.org_id()?, event.device_mac()?.plain());
        let secs = event.at()?.as_secs().to_string();
        let own = short([&*org, &mac, &kind, &secs].join("\0"));
        // One digest for both, since this is done for each event: the origins differ in a bit.
        Some(Self { own, other: Fingerprint(own.0 ^ 1) })
    }

    /// Of the same event, if Mist lists it.
    #[must_use]
    pub const fn listed(self) -> Self {
        Self { own: self.other, other: self.own }
    }
}

/// The fingerprint of one event.
pub fn fingerprint(event: &Event<'_>) -> Fingerprint {
    let mut members = Vec::with_capacity(event.members().len());
    members.extend(event.members().iter().filter(|(name, _)| name != "for_site"));
    // Stable: of repeated members the order sent is part of the content.
    members.sort_by(|(a, _), (b, _)| a.cmp(b));
    // Digesting once is cheaper than digesting many pieces.
    let raw = members.iter().map(|(name, detail)| 16 + name.len() + detail.raw().len());
    let mut content = Vec::with_capacity(event.topic().name().len() + raw.sum::<usize>());
    content.extend_from_slice(event.topic().name().as_bytes());
    for (name, detail) in members {
        // Lengths keep neighbours apart: no text can pretend to be the next member.
        content.extend_from_slice(&(name.len() as u64).to_le_bytes());
        content.extend_from_slice(name.as_bytes());
        content.extend_from_slice(&(detail.raw().len() as u64).to_le_bytes());
        content.extend_from_slice(detail.raw().as_bytes());
    }
    short(content)
}

fn short(content: impl AsRef<[u8]>) -> Fingerprint {
    let digest = Sha256::digest(content);
    let (short, _) = digest.split_first_chunk().expect("a SHA-256 has 32 bytes");
    Fingerprint::from_bytes(*short)
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    fn of(topic: &str, json: &str) -> Fingerprint {
        fingerprint(&Event::parse(Topic::parse(topic.into()), json).expect("an event"))
    }

    #[test]
    fn an_event_that_is_listed_is_kin_to_one_that_was_sent() {
        let kin = |topic: &str, json: &str| {
            Kin::of_sent(&Event::parse(Topic::parse(topic.into()), json).expect("an event"))
        };
        let members = r#""org_id":"o","mac":"5c5b35000001","type":"AP_CONNECTED""#;
        let sent = kin("device-events", &format!("{{{members},\"timestamp\":5.7,\"a\":1}}"));
        let sent = sent.expect("all four");
        let listed = kin("device-updowns", &format!("{{{members},\"timestamp\":5}}"));
        let listed = listed.map(Kin::listed).expect("all four");
        assert_eq!((sent.own, sent.other), (listed.other, listed.own));
        assert_ne!(sent.own, sent.other);
        let later = kin("device-events", &format!("{{{members},\"timestamp\":6}}"));
        assert_ne!(later.map(|kin| kin.own), Some(sent.own));
        assert_eq!(kin("device-events", &format!("{{{members}}}")), None);
        assert_eq!(kin("alarms", &format!("{{{members},\"timestamp\":5}}")), None);
    }

    #[test]
    fn the_order_of_members_and_the_way_in_do_not_count() {
        let org = of("alarms", r#"{"id":"x","count":1}"#);
        assert_eq!(org, of("alarms", r#"{"count":1,"for_site":true,"id":"x"}"#));
        assert_ne!(org, of("alarms", r#"{"count":2,"id":"x"}"#));
        assert_ne!(org, of("device-events", r#"{"id":"x","count":1}"#));
        assert_ne!(of("a", r#"{"ab":"c"}"#), of("a", r#"{"a":"bc"}"#));
    }
}
