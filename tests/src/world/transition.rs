//! The transitions of the world, decoded from bytes.

use core::time::Duration;

use mistgate_core::delivery::config::Chat;

use super::{disk, server};
use crate::{base::bytes::Bytes, chat::configurations::chat};

/// What becomes of the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Somebody sets it to another time, which the kernel then does not call synchronised.
    Jumps(i64),
    /// It begins again in 1970, as without a battery.
    In1970,
    /// It is set right, and the kernel calls it synchronised.
    Right,
    /// The kernel has had no news for too long. The time goes on.
    Alone,
}

/// A change to the world, or a pause.
#[derive(Clone, Debug)]
pub enum Transition {
    /// The chat with this number, or the network before it, behaves differently from now on.
    Chat(usize, server::Mood),
    /// Power is lost after this many more outputs of the engine, and returns after this time.
    Crash(u64, Duration),
    /// The disk behaves differently from now on.
    Disk(disk::Mood),
    Events(Events),
    /// The configuration is replaced.
    Reload(Box<Chat>),
    Wait(Duration),
    Clock(Clock),
}

/// Events of one moment, and how they are spread over webhooks.
#[derive(Clone, Copy, Debug)]
pub struct Events {
    pub count: u64,
    /// An index in `Severity::ALL`, or one beyond the last for a mixture.
    pub severity: usize,
    pub sites: u64,
    /// The most events in one webhook.
    pub aggregated: usize,
    /// Whether the organisation's and the site's webhook both report them.
    pub twice: bool,
}

/// Decodes the next transition.
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
        _ => Transition::Clock(match bytes.up_to(7) {
            0..=2 => Clock::Right,
            3 => Clock::In1970,
            4 => Clock::Alone,
            // Some days, or some hours.
            5 => Clock::Jumps(bytes.pick(&[-2, 2, 10]) * 86_400),
            _ => Clock::Jumps(bytes.pick(&[-1, 1]) * bytes.up_to(40_000).cast_signed()),
        }),
    }
}
