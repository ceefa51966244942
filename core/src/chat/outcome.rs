//! What an answer to a POST means: delivered, or whose fault it is that it was not.
//!
//! Sources for the classes: `appliance/docs/vendors/chat.md` §8, by product §3, §5 and §7.

use core::{fmt, time::Duration};

/// What an answer means for the message that was sent.
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
    /// A bug of ours has ended the attempt.
    Internal,
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
    /// The label in metrics and logs, and what a person would say after "the chat is not
    /// reachable:".
    const fn label_and_words(self) -> (&'static str, &'static str) {
        match self {
            Self::BadAnswer => ("bad_answer", "it gave an answer that this chat does not give"),
            Self::Connection => ("connection", "the connection failed"),
            Self::Dns => ("dns", "its name does not resolve"),
            Self::Forbidden => ("forbidden", "it no longer accepts the URL's token"),
            Self::Gone => ("gone", "the channel, space or flow is gone"),
            Self::Internal => ("internal", "a bug in mistgate has ended the attempt"),
            Self::Moved => ("moved", "it redirects to another address"),
            Self::Payload => ("payload", "it refused the message's content"),
            Self::Proxy => ("proxy", "the HTTP proxy failed"),
            Self::RateLimited => ("rate_limited", "it asked for fewer messages"),
            Self::ServerError => ("server_error", "it has a fault of its own"),
            Self::Store => ("store", "our own store could not be read"),
            Self::Timeout => ("timeout", "it did not answer in time"),
            Self::Tls => ("tls", "no trusted TLS connection"),
            Self::TooLarge => ("too_large", "it found the message too large"),
        }
    }

    /// The label in metrics and logs.
    pub const fn name(self) -> &'static str {
        self.label_and_words().0
    }
}

/// The reason as a person would say it.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label_and_words().1)
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
