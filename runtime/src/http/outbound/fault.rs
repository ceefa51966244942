//! Why there is no answer, and whether the destination may have got the request all the same.

use std::{fmt, time::Duration};

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub host: String,
    pub cause: Cause,
}

/// What went wrong on the way to an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Not an absolute http or https URL, or a header field that cannot be sent.
    Request,
    /// The host name has no address.
    Resolve(String),
    /// None of the addresses takes connections.
    Connect(String),
    /// The proxy does not let us through.
    Proxy(String),
    /// The TLS handshake failed; most often the certificate is not trusted.
    Handshake(String),
    /// The connection ended before the answer did.
    Lost,
    /// The answer is not HTTP/1, or its head is too long.
    Malformed,
    /// The time was over.
    TimedOut { step: Step, after: Duration },
    /// The body of the answer is longer than what is taken of it.
    TooLong,
}

/// The steps to an answer, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Looking up the host name, of the destination or the proxy.
    Resolve,
    Connect,
    /// Asking the proxy.
    Proxy,
    /// The TLS handshake.
    Handshake,
    /// Sending the request and reading the answer.
    Exchange,
}

impl Fault {
    /// Whether the destination may have got the request. If not, sending it again cannot make two
    /// of it.
    pub const fn may_have_arrived(&self) -> bool {
        matches!(
            self.cause,
            Cause::Lost
                | Cause::Malformed
                | Cause::TooLong
                | Cause::TimedOut { step: Step::Exchange, .. }
        )
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.host, self.cause)
    }
}

impl std::error::Error for Fault {}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request => f.write_str("the URL or a header cannot be sent"),
            Self::Resolve(reason) => write!(f, "the host name has no address: {reason}"),
            Self::Connect(reason) => write!(f, "no connection: {reason}"),
            Self::Proxy(reason) => f.write_str(reason),
            Self::Handshake(reason) => write!(f, "the TLS handshake failed: {reason}"),
            Self::Lost => f.write_str("the connection ended before the answer"),
            Self::Malformed => f.write_str("the answer is not HTTP"),
            Self::TimedOut { step, after } => write!(f, "no {step} within {after:?}"),
            Self::TooLong => f.write_str("the answer is longer than it may be"),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "address",
            Self::Connect => "connection",
            Self::Proxy => "answer from the proxy",
            Self::Handshake => "TLS handshake",
            Self::Exchange => "answer",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_one_line_for_people() {
        let fault = Fault {
            host: "chat.example".to_owned(),
            cause: Cause::TimedOut { step: Step::Handshake, after: Duration::from_secs(10) },
        };
        assert_eq!(fault.to_string(), "chat.example: no TLS handshake within 10s");
    }
}
