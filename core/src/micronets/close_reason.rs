//! Why we close a connection: a code and a reason for each case.
//!
//! The codes are those of RFC 6455 §7.4.1. Among the later ones 1013 (try again later) would suit a
//! full meetup, but the library of the real gateways takes it for a broken frame and logs that in
//! place of our reason. Real peers connect anew after any close, whatever it says, so the reason is
//! for people who read a peer's log.

use core::{fmt, time::Duration};

use super::message;

/// What the websocket layer found wrong with what a peer sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A text that is not UTF-8.
    NotUtf8,
    /// A message of more than this many bytes.
    Oversize {
        /// The bound.
        max: usize,
    },
    /// A frame that RFC 6455 does not allow.
    Protocol,
}

/// Why a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The rules no longer let it join.
    Barred,
    /// Too many connections wait at this meetup.
    Crowded,
    /// It sent what no websocket may send.
    Faulty(Fault),
    /// Its first message is not a hello.
    HelloInvalid(message::Error),
    /// It said no hello.
    HelloMissing {
        /// In this time.
        after: Duration,
    },
    /// Two other peers are here.
    Occupied,
    /// Its partner left, and it was asked for that this ends the other connection too.
    PartnerLeft,
    /// The same peer has come again, and this connection of it does not answer.
    Replaced,
    /// It took nothing of what we wrote.
    Stalled {
        /// In this time.
        after: Duration,
    },
    /// We stop.
    Stopping,
    /// It answered no ping.
    Unanswered {
        /// In this time.
        after: Duration,
    },
}

impl CloseReason {
    /// The status code of the close frame.
    pub const fn code(self) -> u16 {
        match self {
            Self::Replaced => 1000,
            Self::PartnerLeft | Self::Stopping => 1001,
            Self::Faulty(Fault::Protocol) => 1002,
            Self::Faulty(Fault::NotUtf8) => 1007,
            Self::Barred
            | Self::Crowded
            | Self::HelloInvalid(_)
            | Self::HelloMissing { .. }
            | Self::Occupied => 1008,
            Self::Faulty(Fault::Oversize { .. }) => 1009,
            Self::Stalled { .. } | Self::Unanswered { .. } => 1011,
        }
    }

    /// The label in metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Barred => "barred",
            Self::Crowded => "crowded",
            Self::Faulty(Fault::NotUtf8) => "not_utf8",
            Self::Faulty(Fault::Oversize { .. }) => "oversize",
            Self::Faulty(Fault::Protocol) => "protocol",
            Self::HelloInvalid(_) => "hello_invalid",
            Self::HelloMissing { .. } => "hello_missing",
            Self::Occupied => "occupied",
            Self::PartnerLeft => "partner_left",
            Self::Replaced => "replaced",
            Self::Stalled { .. } => "stalled",
            Self::Stopping => "stopping",
            Self::Unanswered { .. } => "unanswered",
        }
    }
}

/// The reason of the close frame: at most 123 bytes (RFC 6455 §5.5).
impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Barred => f.write_str("this certificate may no longer join this meetup"),
            Self::Crowded => f.write_str("too many connections wait at this meetup"),
            Self::Faulty(Fault::NotUtf8) => f.write_str("a text message is not UTF-8"),
            Self::Faulty(Fault::Oversize { max }) => {
                write!(f, "a message has more than {max} bytes")
            }
            Self::Faulty(Fault::Protocol) => f.write_str("a frame breaks RFC 6455"),
            Self::HelloInvalid(error) => write!(f, "no CONN:HELLO: {error}"),
            Self::HelloMissing { after } => write!(f, "no CONN:HELLO within {after:?}"),
            Self::Occupied => f.write_str("two other peers are connected to this meetup"),
            Self::PartnerLeft => f.write_str("the partner has left"),
            Self::Replaced => f.write_str("a newer connection of the same peer took this place"),
            Self::Stalled { after } => write!(f, "nothing was taken for {after:?}"),
            Self::Stopping => f.write_str("the proxy is stopping"),
            Self::Unanswered { after } => write!(f, "no answer to a ping within {after:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;
    use crate::micronets::message::{Error, Got};

    #[test]
    fn every_reason_fits_into_a_close_frame() {
        let after = Duration::from_micros(86_399_999_999);
        let members = [
            ("message.headers", "a list of objects with name and value"),
            ("message.requiresResponse", "true or false"),
            ("message.queryStrings", "a list of objects with name and value"),
        ];
        let invalid = members
            .map(|(name, expected)| Error::Member { name, expected, got: Got::Boolean })
            .into_iter()
            .chain([
                Error::Json { line: 1 << 20, column: 1 << 20 },
                Error::NotHello,
                Error::Status { got: i64::MIN },
            ])
            .map(CloseReason::HelloInvalid);
        let others = [
            CloseReason::Barred,
            CloseReason::Crowded,
            CloseReason::Faulty(Fault::NotUtf8),
            CloseReason::Faulty(Fault::Oversize { max: usize::MAX }),
            CloseReason::Faulty(Fault::Protocol),
            CloseReason::HelloMissing { after },
            CloseReason::Occupied,
            CloseReason::PartnerLeft,
            CloseReason::Replaced,
            CloseReason::Stalled { after },
            CloseReason::Stopping,
            CloseReason::Unanswered { after },
        ];
        for reason in others.into_iter().chain(invalid) {
            let text = reason.to_string();
            assert!(!text.is_empty() && text.len() <= 123, "{text}");
            assert!(matches!(reason.code(), 1000..=1011), "{reason:?}");
        }
    }
}
