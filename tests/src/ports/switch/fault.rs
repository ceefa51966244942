//! The faults of the simulated switch, one to a request.

use core::time::Duration;

/// A fault. `is_done` says whether the request is carried out where the client cannot know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The reply is not XML.
    Garbled { is_done: bool },
    /// The connection ends instead of a reply.
    HangUp { is_done: bool },
    /// The reply has both success and an error.
    Mixed { is_done: bool },
    /// The reply has neither success nor an error.
    Nonsense { is_done: bool },
    /// The request is not carried out, and the reply says so.
    Refused,
    /// There is no reply.
    Silence { is_done: bool },
    /// The request takes this much longer.
    Slow(Duration),
    /// A person at the console holds the lock for this time.
    Stranger(Duration),
}

impl Fault {
    /// Each kind, with and without the request being carried out.
    pub const ALL: [Self; 15] = [
        Self::Garbled { is_done: false },
        Self::Garbled { is_done: true },
        Self::HangUp { is_done: false },
        Self::HangUp { is_done: true },
        Self::Mixed { is_done: false },
        Self::Mixed { is_done: true },
        Self::Nonsense { is_done: false },
        Self::Nonsense { is_done: true },
        Self::Refused,
        Self::Silence { is_done: false },
        Self::Silence { is_done: true },
        Self::Slow(Duration::from_secs(40)),
        Self::Slow(Duration::from_secs(290)),
        Self::Stranger(Duration::from_secs(20)),
        Self::Stranger(Duration::from_secs(600)),
    ];

    /// Whether the request is carried out.
    pub const fn is_done(self) -> bool {
        match self {
            Self::Garbled { is_done }
            | Self::HangUp { is_done }
            | Self::Mixed { is_done }
            | Self::Nonsense { is_done }
            | Self::Silence { is_done } => is_done,
            Self::Refused => false,
            Self::Slow(_) | Self::Stranger(_) => true,
        }
    }
}
