//! Why there is no answer, and whether the destination may have got the request all the same.

use std::time::Duration;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{host}: {cause}")]
pub struct Fault {
    pub host: String,
    pub cause: Cause,
}

/// What went wrong on the way to an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// Not an absolute http or https URL, or a header field that cannot be sent.
    #[error("the URL or a header cannot be sent")]
    Request,
    #[error("the host name has no address: {0}")]
    Resolve(String),
    /// None of the addresses takes connections.
    #[error("no connection: {0}")]
    Connect(String),
    /// The proxy does not let us through.
    #[error("{0}")]
    Proxy(String),
    /// Most often the certificate is not trusted.
    #[error("the TLS handshake failed: {0}")]
    Handshake(String),
    #[error("the connection ended before the answer")]
    Lost,
    /// The answer is not HTTP/1, or its head is too long.
    #[error("the answer is not HTTP")]
    Malformed,
    #[error("no {step} within {after:?}")]
    TimedOut { step: Step, after: Duration },
    /// The body of the answer is longer than what is taken of it.
    #[error("the answer is longer than it may be")]
    TooLong,
}

/// The steps to an answer, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Step {
    /// Looking up the host name, of the destination or the proxy.
    #[error("address")]
    Resolve,
    #[error("connection")]
    Connect,
    #[error("answer from the proxy")]
    Proxy,
    #[error("TLS handshake")]
    Handshake,
    /// Sending the request and reading the answer.
    #[error("answer")]
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
