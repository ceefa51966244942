//! The accepted events of one request as the store keeps them, and the keys that name them.
//!
//! A batch is written once and read when a destination's turn comes. Layout, all integers
//! little-endian: received at (i64, microseconds), topic, then for each event its channel, severity
//! (u8, with bit 7 where incidents follow), the incidents that it changed, and its JSON text. A
//! text is its length (u32) and its bytes. The layout has no number of its own: the store's format
//! number covers it.

use alloc::{collections::BTreeSet, string::String, sync::Arc, vec::Vec};

use crate::{base::time::UnixTime, event::Topic, event::fingerprint::Fingerprint};
use crate::{event::fingerprint::Kin, notify::Severity, notify::Standing, notify::change::Change};

/// Set in the byte of the severity.
const INCIDENTS_FOLLOW: u8 = 0x80;

/// Names a stored event: its batch and its position in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKey {
    /// The number of the batch. Batches are numbered in the order of acceptance.
    pub batch: u64,
    /// The position in the batch, from 0.
    pub index: u32,
}

/// The name of a chat: a set of destinations of which each channel has at most one. All
/// destinations of `[chat.slack]` belong to the chat `slack`. Of a-z, 0-9, `-` and `_`.
pub type ChatId = Arc<str>;

/// The chats that an event is owed to. Stored by name, so that it survives a restart with another
/// configuration.
pub type Chats = BTreeSet<ChatId>;

/// One accepted event, on its way to the store and to the queues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub fingerprint: Fingerprint,
    /// What else it is known by. Stored with the fingerprints.
    pub kin: Option<Kin>,
    /// The channel that it was routed to.
    pub channel: String,
    /// A critical event overtakes the others.
    pub severity: Severity,
    /// The chats that it goes to. The store keeps them beside the batch and settles them there.
    pub chats: Chats,
    /// What it says of conditions. Not stored with it.
    pub changes: Vec<Change>,
    /// How it left the incidents of these conditions.
    pub incidents: Vec<Standing>,
    /// Its JSON text, as sent.
    pub text: String,
}

impl Item {
    /// Whether a chat takes it.
    pub fn is_routed(&self) -> bool {
        !self.chats.is_empty()
    }
}

/// A batch as read from the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch<'a> {
    /// When the request came, by our clock.
    pub received_at: UnixTime,
    /// The topic's name.
    pub topic: &'a str,
    pub events: Vec<Stored<'a>>,
}

/// One event of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored<'a> {
    /// When the request came, by our clock.
    pub received_at: UnixTime,
    /// The channel that it was routed to when it came.
    pub channel: &'a str,
    pub severity: Severity,
    /// The [`Standing`] of each incident that it changed, in JSON; empty where there is none.
    pub incidents: &'a str,
    pub text: &'a str,
}

impl Stored<'_> {
    /// How it left the incidents that it changed.
    pub fn standings(&self) -> Vec<Standing> {
        match self.incidents {
            "" => Vec::new(),
            json => serde_json::from_str(json).unwrap_or_default(),
        }
    }
}

impl<'a> Batch<'a> {
    /// The topic, which may be our own.
    pub fn topic(&self) -> Topic<'a> {
        Topic::stored(self.topic)
    }

    /// The bytes of a batch of only one of the events.
    pub fn only(&self, index: usize) -> Option<Vec<u8>> {
        let event = self.events.get(index)?;
        let texts = event.channel.len() + event.incidents.len() + event.text.len();
        let mut bytes = begin(self.received_at, self.topic, texts);
        put_event(&mut bytes, event);
        Some(bytes)
    }
}

/// Why bytes are not a batch. The store checks its pages, so this means a foreign or newer file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The severity has no meaning.
    #[error("expected a severity of 0 to 3, got {0}")]
    Severity(u8),
    #[error("a text is not UTF-8")]
    Text,
    #[error("the bytes end too early")]
    Truncated,
}

/// Encodes the events of one request.
pub fn encode(received_at: UnixTime, topic: &str, items: &[Item]) -> Vec<u8> {
    let texts: usize = items.iter().map(|item| item.channel.len() + item.text.len() + 9).sum();
    let mut bytes = begin(received_at, topic, texts);
    for Item { channel, severity, incidents, text, .. } in items {
        let json = (!incidents.is_empty()).then(|| serde_json::to_string(incidents).ok()).flatten();
        let incidents = json.as_deref().unwrap_or_default();
        put_event(
            &mut bytes,
            &Stored { received_at, channel, severity: *severity, incidents, text },
        );
    }
    bytes
}

/// Decodes what [`encode`] wrote, borrowing its texts.
pub fn decode(bytes: &[u8]) -> Result<Batch<'_>, Error> {
    let mut reader = Reader(bytes);
    let received_at = UnixTime::from_micros(i64::from_le_bytes(reader.take()?));
    let topic = reader.take_text()?;
    let mut events = Vec::new();
    while !reader.0.is_empty() {
        let channel = reader.take_text()?;
        let [byte] = reader.take()?;
        let severity = Severity::ALL
            .into_iter()
            .find(|known| *known as u8 == byte & !INCIDENTS_FOLLOW)
            .ok_or(Error::Severity(byte))?;
        let follow = byte & INCIDENTS_FOLLOW != 0;
        let incidents = if follow { reader.take_text()? } else { "" };
        let text = reader.take_text()?;
        events.push(Stored { received_at, channel, severity, incidents, text });
    }
    Ok(Batch { received_at, topic, events })
}

/// The head of a batch, with room for so many bytes of events.
fn begin(received_at: UnixTime, topic: &str, events: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(8 + 4 + topic.len() + events);
    bytes.extend_from_slice(&received_at.as_micros().to_le_bytes());
    put_text(&mut bytes, topic);
    bytes
}

fn put_event(bytes: &mut Vec<u8>, event: &Stored<'_>) {
    put_text(bytes, event.channel);
    if event.incidents.is_empty() {
        bytes.push(event.severity as u8);
    } else {
        bytes.push(event.severity as u8 | INCIDENTS_FOLLOW);
        put_text(bytes, event.incidents);
    }
    put_text(bytes, event.text);
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    let length = u32::try_from(text.len()).expect("a body is bounded far below 4 GiB");
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(text.as_bytes());
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (head, rest) = self.0.split_first_chunk().ok_or(Error::Truncated)?;
        self.0 = rest;
        Ok(*head)
    }

    fn take_text(&mut self) -> Result<&'a str, Error> {
        let length = u32::from_le_bytes(self.take()?);
        let length = usize::try_from(length).map_err(|_| Error::Truncated)?;
        let (text, rest) = self.0.split_at_checked(length).ok_or(Error::Truncated)?;
        self.0 = rest;
        core::str::from_utf8(text).map_err(|_| Error::Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(channel: &str, text: &str) -> Item {
        Item {
            fingerprint: Fingerprint::from_bytes([7; 16]),
            kin: None,
            channel: channel.into(),
            severity: Severity::Info,
            chats: Chats::default(),
            changes: Vec::new(),
            incidents: Vec::new(),
            text: text.into(),
        }
    }

    #[test]
    fn decode_undoes_encode_and_every_prefix_is_an_error_or_shorter() {
        let standing = Standing { id: 17, is_open: true, muted_by: None };
        let incidents = Vec::from([standing.clone()]);
        let items = [item("info", "{\"a\":\"é\"}"), Item { incidents, ..item("critical", "{}") }];
        let bytes = encode(UnixTime::from_secs(5), "alarms", &items);
        let batch = decode(&bytes).expect("our own bytes");
        assert_eq!((batch.received_at, batch.topic), (UnixTime::from_secs(5), "alarms"));
        let read: Vec<_> = batch.events.iter().map(|e| (e.channel, e.severity, e.text)).collect();
        let written: Vec<_> =
            items.iter().map(|i| (i.channel.as_str(), i.severity, i.text.as_str())).collect();
        assert_eq!(read, written);
        let incidents: Vec<_> = batch.events.iter().map(|event| event.incidents).collect();
        assert_eq!(incidents, ["", r#"[{"id":17,"is_open":true,"muted_by":null}]"#]);
        let only = batch.only(1).expect("it has two");
        let only = decode(&only).expect("our own bytes");
        assert_eq!(
            (only.topic, only.events.as_slice()),
            ("alarms", batch.events.get(1..).expect("two"))
        );
        assert_eq!(batch.only(2), None);
        for end in 0..bytes.len() {
            if let Ok(shorter) = decode(bytes.get(..end).expect("a prefix")) {
                assert!(shorter.events.len() < 2);
            }
        }
        assert_eq!(decode(&[9]), Err(Error::Truncated));
    }
}
