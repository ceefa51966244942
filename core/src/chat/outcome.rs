//! What an answer to a POST means: delivered, or whose fault it is that it was not.
//!
//! Sources for the classes: `appliance/docs/vendors/chat.md` §8, by product §3, §5 and §7.

use core::{fmt, time::Duration};

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The chat took it.
    Delivered,
    /// The chat refuses this payload: say it more plainly.
    Degrade(Reason),
    /// The chat refuses this URL: nothing sent there will arrive until somebody repairs it.
    Dead(Reason),
    /// Not now: again later, and not before `after` where the chat named a time.
    Retry {
        /// What the answer's `Retry-After` asks for.
        after: Option<Duration>,
        reason: Reason,
    },
}

/// Why a message was not delivered. The names are labels of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The answer is not what this chat answers.
    BadAnswer,
    /// No connection: refused, reset, or cut in the middle.
    Connection,
    /// The name did not resolve.
    Dns,
    /// 401, 403: the URL's token or key is no longer valid.
    Forbidden,
    /// 404, 410, or a body that says so: the channel, space, flow or webhook is gone.
    Gone,
    /// A redirect. Chat webhooks do not redirect; a captive portal or a moved flow does.
    Moved,
    /// 400 and its kin: the payload.
    Payload,
    /// The HTTP proxy refused or failed.
    Proxy,
    RateLimited,
    ServerError,
    /// Our own store could not be read.
    Store,
    /// No answer in time.
    Timeout,
    /// The certificate or the handshake.
    Tls,
    /// 413, or a body that says so.
    TooLarge,
}

impl Reason {
    /// The label in metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BadAnswer => "bad_answer",
            Self::Connection => "connection",
            Self::Dns => "dns",
            Self::Forbidden => "forbidden",
            Self::Gone => "gone",
            Self::Moved => "moved",
            Self::Payload => "payload",
            Self::Proxy => "proxy",
            Self::RateLimited => "rate_limited",
            Self::ServerError => "server_error",
            Self::Store => "store",
            Self::Timeout => "timeout",
            Self::Tls => "tls",
            Self::TooLarge => "too_large",
        }
    }
}

/// The reason as a person would say it, after "the chat is not reachable:".
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadAnswer => "it gave an answer that this chat does not give",
            Self::Connection => "the connection failed",
            Self::Dns => "its name does not resolve",
            Self::Forbidden => "it no longer accepts the URL's token",
            Self::Gone => "the channel, space or flow is gone",
            Self::Moved => "it redirects to another address",
            Self::Payload => "it refused the message's content",
            Self::Proxy => "the HTTP proxy failed",
            Self::RateLimited => "it asked for fewer messages",
            Self::ServerError => "it has a fault of its own",
            Self::Store => "our own store could not be read",
            Self::Timeout => "it did not answer in time",
            Self::Tls => "no trusted TLS connection",
            Self::TooLarge => "it found the message too large",
        })
    }
}

/// What a status means where the body has none of the vendor's known words.
pub fn by_status(status: u16, retry_after: Option<Duration>) -> Outcome {
    let retry = |reason| Outcome::Retry { after: retry_after, reason };
    match status {
        200..=299 => Outcome::Delivered,
        300..=399 => Outcome::Dead(Reason::Moved),
        401 | 403 => Outcome::Dead(Reason::Forbidden),
        404 | 405 | 410 => Outcome::Dead(Reason::Gone),
        407 => retry(Reason::Proxy),
        408 => retry(Reason::Timeout),
        413 => Outcome::Degrade(Reason::TooLarge),
        425 | 429 => retry(Reason::RateLimited),
        400..=499 => Outcome::Degrade(Reason::Payload),
        500..=599 => retry(Reason::ServerError),
        _ => Outcome::Dead(Reason::BadAnswer),
    }
}

/// The reason of the first of a vendor's words that the body holds.
pub(super) fn known(words: &[(&str, Reason)], body: &str) -> Option<Reason> {
    words.iter().find_map(|&(word, reason)| body.contains(word).then_some(reason))
}
