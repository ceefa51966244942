//! Why we close a connection: a code and a reason for each case.
//!
//! The codes are those of RFC 6455 §7.4.1. Of the later ones 1013 (try again later) would suit a
//! full meetup, but the library of the real gateways takes it for a broken frame and logs that
//! instead of our reason. Real peers connect again after any close, whatever it says, so the reason
//! is for people who read a peer's log.

use alloc::{borrow::Cow, format};
use core::{fmt, time::Duration};

use super::message;

/// What the websocket layer found wrong with what a peer sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A text that is not UTF-8.
    NotUtf8,
    /// A message of more than `max` bytes.
    Oversize { max: usize },
    /// A frame that RFC 6455 does not allow.
    Protocol,
}

/// Why a connection is closed. Durations are the limits that were exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The rules no longer let the peer join.
    Barred,
    /// Too many connections wait at this meetup.
    Crowded,
    /// The peer broke the websocket protocol.
    Faulty(Fault),
    /// The peer's first message is not a hello.
    HelloInvalid(message::Error),
    /// The peer sent no hello in time.
    HelloMissing { after: Duration },
    /// Two other peers are here.
    Occupied,
    /// The partner left, and `on_partner_loss` is `close`.
    PartnerLeft,
    /// The same peer has connected again, and this connection does not answer.
    Replaced,
    /// The peer took nothing of what we wrote.
    Stalled { after: Duration },
    /// The proxy stops.
    Stopping,
    /// The peer answered no ping.
    Unanswered { after: Duration },
}

impl CloseReason {
    /// The status code of the close frame.
    pub fn code(self) -> u16 {
        self.facts().0
    }

    /// The label in metrics and logs.
    pub fn name(self) -> &'static str {
        self.facts().1
    }

    /// Code, label, and the reason in words.
    fn facts(self) -> (u16, &'static str, Cow<'static, str>) {
        let (code, name, reason) = match self {
            Self::Barred => (1008, "barred", "this certificate may no longer join this meetup"),
            Self::Crowded => (1008, "crowded", "too many connections wait at this meetup"),
            Self::Faulty(Fault::NotUtf8) => (1007, "not_utf8", "a text message is not UTF-8"),
            Self::Faulty(Fault::Oversize { max }) => {
                return (1009, "oversize", format!("a message has more than {max} bytes").into());
            }
            Self::Faulty(Fault::Protocol) => (1002, "protocol", "a frame breaks RFC 6455"),
            Self::HelloInvalid(error) => {
                return (1008, "hello_invalid", format!("no CONN:HELLO: {error}").into());
            }
            Self::HelloMissing { after } => {
                return (1008, "hello_missing", format!("no CONN:HELLO within {after:?}").into());
            }
            Self::Occupied => (1008, "occupied", "two other peers are connected to this meetup"),
            Self::PartnerLeft => (1001, "partner_left", "the partner has left"),
            Self::Replaced => {
                (1000, "replaced", "a newer connection of the same peer took this place")
            }
            Self::Stalled { after } => {
                return (1011, "stalled", format!("nothing was taken for {after:?}").into());
            }
            Self::Stopping => (1001, "stopping", "the proxy is stopping"),
            Self::Unanswered { after } => {
                let reason = format!("no answer to a ping within {after:?}");
                return (1011, "unanswered", reason.into());
            }
        };
        (code, name, reason.into())
    }
}

/// The reason of the close frame: at most 123 bytes (RFC 6455 §5.5).
impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.facts().2)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;
    use crate::micronets::message::Error;

    #[test]
    fn every_reason_fits_into_a_close_frame() {
        let after = Duration::from_micros(86_399_999_999);
        let members = [
            ("message.headers", "a list of objects with name and value"),
            ("message.requiresResponse", "true or false"),
            ("message.queryStrings", "a list of objects with name and value"),
        ];
        let invalid = members
            .map(|(name, expected)| Error::Member { name, expected, got: "true or false" })
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
