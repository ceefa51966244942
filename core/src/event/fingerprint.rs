//! Recognising an event that was sent before.
//!
//! Mist sends the same event once for an organisation's webhook and once for a site's, and resends
//! what we did not answer in time. Neither has a delivery id, so the content decides: a digest over
//! the topic and the members in the order of their names. `for_site` says by which webhook the
//! event came, and is left out.

use alloc::vec::Vec;

use sha2::{Digest, Sha256};

use crate::event::Event;

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

/// The fingerprint of one event.
pub fn fingerprint(event: &Event<'_>) -> Fingerprint {
    let mut members: Vec<_> =
        event.members().iter().filter(|(name, _)| name != "for_site").collect();
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
    let digest = Sha256::digest(&content);
    let (short, _) = digest.split_first_chunk().expect("a SHA-256 has 32 bytes");
    Fingerprint::from_bytes(*short)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Topic;

    fn of(topic: &str, json: &str) -> Fingerprint {
        fingerprint(&Event::parse(Topic::parse(topic.into()), json).expect("an event"))
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
