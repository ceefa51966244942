//! What the driver hands to the feed.

use alloc::{collections::BTreeSet, string::String, sync::Arc, vec::Vec};
use core::time::Duration;

use crate::base::{calendar::Daily, exchange::ExchangeResult, mac::Mac, time::UnixTime};
use crate::mist::webhook::wanted::Wanted;

/// Policy of a [`Feed`](super::Feed).
#[derive(Clone, Debug)]
pub struct Config {
    /// The webhook and the token as they should be.
    pub wanted: Wanted,
    /// How long an event is remembered, to notice that it was seen.
    pub dedup_window: Duration,
    /// Up to when an earlier run had all that Mist could not deliver.
    pub caught_up_to: Option<UnixTime>,
    /// When a selftest is made by itself.
    pub selftest: Option<Daily>,
}

/// What happened outside.
#[derive(Clone, Debug)]
pub enum Input {
    /// The result of the last `Request`.
    Answered(ExchangeResult),
    /// The answer to `Compare`.
    Open(Open),
    /// The answer to `Look`.
    Seen(Sight),
    /// The answer to a `Take`: whether all of it is on disk.
    Taken(bool),
    /// A selftest passed; or why it failed, and what to do.
    Tested(Verdict),
}

/// That a part works; or why it does not, and what to do.
pub type Verdict = Result<(), String>;

/// The open incidents.
#[derive(Clone, Debug, Default)]
pub struct Open {
    /// The names of their conditions.
    pub conditions: BTreeSet<&'static str>,
    /// The devices that are down: their organisation and MAC, and since when.
    pub down: Vec<(Option<Arc<str>>, Mac, UnixTime)>,
}

/// How things are here.
#[derive(Clone, Copy, Debug)]
pub struct Sight {
    /// What time it is.
    pub wall: UnixTime,
    /// Whether the disk takes what is sent.
    pub is_writable: bool,
    pub heard: Heard,
}

/// When webhooks last came, if any did in this run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Heard {
    /// Of any topic.
    pub any: Option<UnixTime>,
    /// With events of devices.
    pub devices: Option<UnixTime>,
}
