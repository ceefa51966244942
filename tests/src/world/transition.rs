//! What happens to the world, from luck.

use core::time::Duration;

use mistgate_core::config::checked::Chat;

use super::{disk, server};
use crate::{base::bytes::Bytes, chat::configurations::chat};

/// One thing that happens.
#[derive(Clone, Debug)]
pub enum Transition {
    /// A chat or the way to it changes; the number picks one.
    Chat(usize, server::Mood),
    /// Power is lost after so many more outputs of the engine, and back after a while.
    Crash(u64, Duration),
    /// The disk changes.
    Disk(disk::Mood),
    /// Events at several sites, in a number of webhooks.
    Events(Events),
    /// The configuration is read again.
    Reload(Box<Chat>),
    /// Nothing, for a while.
    Wait(Duration),
    /// The wall clock jumps by so many seconds.
    WallClock(i64),
}

/// Events that happen at once.
#[derive(Clone, Copy, Debug)]
pub struct Events {
    pub count: u64,
    /// How loud they are: a place in `Severity::ALL`, or one beyond it for a mixture.
    pub severity: usize,
    /// How many sites they come from.
    pub sites: u64,
    /// How many of them share a webhook.
    pub aggregated: usize,
    /// Whether both an organisation's and a site's webhook tell of them.
    pub twice: bool,
}

/// The next transition.
pub fn transition(bytes: &mut Bytes<'_>) -> Transition {
    match bytes.up_to(31) {
        0..=9 | 11 => Transition::Events(Events {
            count: 1 + bytes.up_to(3),
            severity: bytes.count(4),
            sites: 1 + bytes.up_to(2),
            aggregated: 1 + bytes.count(3),
            twice: bytes.chance(60),
        }),
        10 => Transition::Events(Events {
            count: 20 + bytes.up_to(60),
            severity: 4,
            sites: 1 + bytes.up_to(40),
            aggregated: 1 + bytes.count(39),
            twice: bytes.chance(60),
        }),
        12..=18 => Transition::Wait(Duration::from_micros(bytes.up_to(5_000_000))),
        19 | 20 => Transition::Wait(Duration::from_secs(bytes.up_to(7_200))),
        21..=24 => Transition::Chat(bytes.count(7), bytes.pick(&server::Mood::ALL)),
        25 => Transition::Disk(bytes.pick(&[
            disk::Mood::Well,
            disk::Mood::Well,
            disk::Mood::Slow,
            disk::Mood::Full,
        ])),
        26 | 27 => Transition::Crash(bytes.up_to(20), Duration::from_millis(bytes.up_to(120_000))),
        28 | 29 => Transition::Reload(Box::new(chat(bytes))),
        30 => Transition::Wait(Duration::ZERO),
        _ => Transition::WallClock(bytes.pick(&[-1, 1]) * bytes.up_to(40_000).cast_signed()),
    }
}
