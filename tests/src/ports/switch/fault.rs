//! What goes wrong with a request.

use core::time::Duration;

/// One thing that goes wrong. Some leave open whether the request was carried out, and it may be
/// either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The answer is no XML.
    Garbled {
        /// Whether the request is carried out.
        is_done: bool,
    },
    /// The connection ends in place of an answer.
    HangUp {
        /// Whether the request is carried out.
        is_done: bool,
    },
    /// The answer says success beside an error.
    Mixed {
        /// Whether the request is carried out.
        is_done: bool,
    },
    /// The answer says neither success nor an error.
    Nonsense {
        /// Whether the request is carried out.
        is_done: bool,
    },
    /// It is not carried out, and the answer says so.
    Refused,
    /// There is no answer.
    Silence {
        /// Whether the request is carried out.
        is_done: bool,
    },
    /// It takes so much longer.
    Slow(Duration),
    /// Somebody at the console takes the lock, for so long.
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
