//! What is delivered to whom: the section `[chat]` of the configuration.

use alloc::{boxed::Box, string::String, sync::Arc, vec::Vec};
use core::time::Duration;

use super::batch::{ChatId, Chats};
use crate::base::{secret::Secret, window::Window};
use crate::chat::kind::{Format, Kind, Options};
use crate::chat::shape::{Form, Payload};
use crate::notify::Notification;
use crate::route::{Decision, Routes};

/// `[chat]`: the destinations and what goes to them.
#[derive(Clone, Debug, Default)]
pub struct Chat {
    /// Which event goes to which channel.
    pub routes: Box<Routes>,
    /// The queues: one for each URL of each kind. Those of a chat stand together.
    pub destinations: Vec<Destination>,
    pub delivery: Delivery,
}

/// One URL of a chat, with a queue of its own.
#[derive(Clone, Debug)]
pub struct Destination {
    /// The chat that it belongs to. Stored events are owed to chats, by this name.
    pub chat: ChatId,
    /// `slack/info`, `teams/default`, `noc`, `noc/critical`; stable while the configuration keeps
    /// the channel.
    pub name: String,
    /// Whether it is of `[[chat.destination]]`, which only rules lead to.
    pub is_named: bool,
    pub kind: &'static Kind,
    pub format: &'static Format,
    /// Where to POST; none where messages are printed. Chat URLs are credentials.
    pub url: Option<Secret>,
    /// The channels that it serves by name.
    pub channels: Vec<String>,
    /// Whether it also serves the channels of its chat that have no URL of their own.
    pub default: bool,
    /// How fast it may be written to; empty for no limit.
    pub pace: Vec<Window>,
    pub options: Options,
    /// The chat that gets what is critical while this one is stopped.
    pub fallback: Option<ChatId>,
}

/// The settings of all deliveries.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// How old an event may become before it is given up (default 24h).
    pub max_age: Duration,
    /// For one POST, from the first byte to the answer (default 10s).
    pub timeout: Duration,
    /// Events waiting for one destination (default 50000).
    pub queue_max: usize,
    /// What waits is merged if the pace could not send it one by one in this time (default 30s).
    pub digest_after: Duration,
    /// Whether what no chat waits for is stored too, for `mistgate replay`.
    pub keeps_all: bool,
    /// PEM text of certificate authorities to trust beside the public ones.
    pub extra_ca: Option<String>,
    /// The proxy of the configuration; the environment's counts where there is none.
    pub http_proxy: Option<Secret>,
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            max_age: Duration::from_secs(24 * 3_600),
            timeout: Duration::from_secs(10),
            queue_max: 50_000,
            digest_after: Duration::from_secs(30),
            keeps_all: false,
            extra_ca: None,
            http_proxy: None,
        }
    }
}

impl Chat {
    /// The destinations of a channel with their places, at most one of each chat: the one that
    /// names it, else the one for all others. None of a channel without a name.
    pub fn destinations_of(&self, channel: &str) -> impl Iterator<Item = (usize, &Destination)> {
        let mut next = 0;
        self.destinations.chunk_by(|one, other| one.chat == other.chat).filter_map(move |chat| {
            let first = next;
            next += chat.len();
            let named = chat.iter().position(|to| to.names(channel));
            let place = named.or_else(|| chat.iter().position(|to| to.default))?;
            (!channel.is_empty()).then_some((first + place, chat.get(place)?))
        })
    }

    /// The same without their places.
    pub fn serving(&self, channel: &str) -> impl Iterator<Item = &Destination> {
        self.destinations_of(channel).map(|(_, to)| to)
    }

    /// The chats that have a destination for a channel.
    pub fn chats_with(&self, channel: &str) -> Chats {
        self.serving(channel).map(|to| Arc::clone(&to.chat)).collect()
    }

    /// The chats that an event goes to.
    pub fn chats_of(&self, decision: &Decision<'_>) -> Chats {
        self.chosen(decision).map(|to| Arc::clone(&to.chat)).collect()
    }

    /// The destinations that an event goes to, in the order of the configuration.
    pub fn chosen(&self, decision: &Decision<'_>) -> impl Iterator<Item = &Destination> {
        let serving = self.serving(decision.channel.unwrap_or_default());
        serving.filter(|to| to.is_of(decision))
    }
}

impl Destination {
    /// A destination without a URL, which serves every channel of its chat.
    pub fn new(kind: &'static Kind, chat: &str, name: String) -> Self {
        Self {
            chat: chat.into(),
            name,
            is_named: false,
            kind,
            format: kind.default_format(),
            url: None,
            channels: Vec::new(),
            default: true,
            pace: kind.pace.to_vec(),
            options: Options::default(),
            fallback: None,
        }
    }

    /// The payload of a message, at best in the given form.
    pub fn shape(&self, notification: &Notification, best: Form) -> Payload {
        (self.format.shape)(notification, best, &self.options)
    }

    /// Whether what was decided leads to its chat, in whatever channel.
    pub fn is_of(&self, decision: &Decision<'_>) -> bool {
        match &decision.to {
            None => !self.is_named,
            Some(chats) => chats.contains(&self.chat),
        }
    }

    /// What nobody may read of it.
    pub fn credentials(&self) -> impl Iterator<Item = &str> {
        let keys = self.options.keys.iter().map(|(_, value)| value);
        self.url.iter().chain(keys).map(Secret::expose)
    }

    fn names(&self, channel: &str) -> bool {
        self.channels.iter().any(|name| name == channel)
    }
}
