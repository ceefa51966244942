//! What the engine hands to the incidents.

use alloc::{string::String, sync::Arc, vec::Vec};

use super::{config::Rules, record::Acknowledgement};
use crate::{base::mac::Mac, base::time::UnixTime, delivery::batch::Chats};
use crate::{delivery::config::Chat, delivery::queue::output::End, notify::change::Change};
use crate::{notify::Fact, notify::Severity, notify::change::Key, silence::Silence};

/// The name of a destination.
pub type Name = Arc<str>;

/// Policy of [`Incidents`](super::Incidents).
#[derive(Clone, Debug, Default)]
pub struct Config {
    pub rules: Rules,
    /// Routes, and who is told.
    pub chat: Chat,
    /// The host that links lead to.
    pub dashboard_host: String,
}

/// What happened outside.
#[derive(Clone, Debug)]
pub enum Input {
    /// A person took notice of an open incident.
    Acknowledge {
        id: u64,
        acknowledgement: Acknowledgement,
    },
    /// An event was accepted that raises or clears a condition. Answered with `Takes`.
    Changed(Changed),
    /// The wall clock, and whether the kernel calls it synchronised. Only then is an event judged
    /// by its age.
    Clock {
        wall: UnixTime,
        is_synchronised: bool,
    },
    /// The queue of a destination can send a message now. Answered with `Message`; asked again
    /// before that message has ended, the answer is the same.
    Compose {
        to: Name,
        /// What a daily report is to say of everything that is no incident.
        failing: Vec<Fact>,
    },
    Configured(Config),
    /// The end of the message of a destination.
    Ended {
        to: Name,
        end: End,
    },
    /// A person ends a silence.
    EndSilence(u64),
    /// Sites, by their ids, and the only gateway of each, which all its other devices are behind;
    /// `None` if there is none or several.
    Gateways(Vec<(Arc<str>, Option<Mac>)>),
    /// A device is behind another, by LLDP; or behind none that is known.
    Linked {
        child: Mac,
        parent: Option<Mac>,
    },
    /// The store is open, and has handed over all that it had. `is_new` if it has taken the place
    /// of one that was set aside, and so has nothing of what is known.
    Opened {
        is_new: bool,
        /// The most bytes of its file.
        store_max: u64,
    },
    /// An incident that an earlier run left, as `Keep` had it. Looked at with the rest at `Opened`.
    Restored {
        key: Key,
        record: Vec<u8>,
    },
    /// What an earlier run had told, as `KeepShown` had it. After all `Restored`.
    RestoredShown {
        to: Name,
        key: Key,
        shown: Vec<u8>,
    },
    /// A silence that an earlier run left, as `KeepSilence` had it.
    RestoredSilence {
        number: u64,
        silence: Vec<u8>,
    },
    /// A person wants silence.
    Silence(Silence),
    /// A destination takes nothing: its fallback is told of what is critical and open.
    Stopped(Name),
}

/// An event's change of one condition.
#[derive(Clone, Debug)]
pub struct Changed {
    pub change: Change,
    pub severity: Severity,
    /// The channel of the event; empty where it has none.
    pub channel: String,
    /// The chats that it is routed to.
    pub chats: Chats,
    /// The topic's name.
    pub topic: String,
    /// The event's JSON text.
    pub text: Arc<str>,
}
