//! Why a command gets no answer from Mist's API, and what to do about it.

use alloc::string::String;
use core::fmt;

use super::outcome::outcome;
use crate::base::exchange::{ExchangeResult, Response};
use crate::base::failure::Failure;

/// Why there is no answer. It says what to do, as a person at a terminal is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The answer is not what it should be.
    Unclear {
        what: &'static str,
    },
    /// The answer is 401.
    Token {
        what: &'static str,
    },
    /// The answer is 403.
    Forbidden {
        what: &'static str,
        /// The roles that Mist says the token has.
        roles: String,
    },
    /// The answer is 404.
    Absent {
        what: &'static str,
    },
    Failed {
        what: &'static str,
        failure: Failure,
    },
}

/// An organisation may allow some addresses only (`appliance/docs/vendors/mist.md` §7).
const ADDRESSES: &str = "or src_ips of the organisation allows other addresses only";

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unclear { what } => write!(f, "{what}: what answers is not Mist's API"),
            Self::Token { what } => write!(
                f,
                "{what}: Mist refuses the token (401): it is wrong or deleted, or was unused for 90 \
                 days; {ADDRESSES}"
            ),
            Self::Forbidden { what, roles } => {
                write!(f, "{what}: Mist forbids it (403): the token's role is not enough")?;
                if !roles.is_empty() {
                    write!(f, " ({roles})")?;
                }
                write!(f, "; {ADDRESSES}")
            }
            Self::Absent { what } => write!(
                f,
                "{what}: Mist knows no such thing (404): mist.org_id is another one, or the token \
                 is for another organisation"
            ),
            Self::Failed { what, failure } => {
                write!(f, "{what}: ")?;
                if let Failure::Busy { after: Some(after) } = failure {
                    return write!(f, "Mist asks to wait for {} s", after.as_secs());
                }
                if let Failure::Rejected { message } = failure {
                    return f.write_str(message);
                }
                let words = [
                    (Failure::Unreachable, "mist.api_url cannot be reached"),
                    (Failure::Timeout, "Mist did not answer in time"),
                    (
                        Failure::Busy { after: None },
                        "Mist has a fault of its own — try again later",
                    ),
                ];
                match words.iter().find(|(known, _)| known == failure) {
                    Some((_, words)) => f.write_str(words),
                    None => write!(f, "{failure}"),
                }
            }
        }
    }
}

/// The response to a request about `what`, if its status means success. `roles` are those that the
/// token is known to have.
pub fn judged(
    result: ExchangeResult,
    what: &'static str,
    roles: &str,
) -> Result<Response, Refusal> {
    match result.as_ref().map_or(0, |response| response.status) {
        401 => Err(Refusal::Token { what }),
        403 => Err(Refusal::Forbidden { what, roles: roles.into() }),
        404 => Err(Refusal::Absent { what }),
        _ => outcome(result).map_err(|failure| Refusal::Failed { what, failure }),
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use core::time::Duration;

    use super::*;

    #[test]
    fn a_refusal_says_what_to_do() {
        let answer = |status| {
            let body = br#"{"detail":"bad topic"}"#.to_vec();
            let retry_after = Some(Duration::from_secs(9));
            Ok(Response { status, retry_after, total: None, session: None, body })
        };
        for (result, words) in [
            (answer(401), "W: Mist refuses the token (401): it is wrong or deleted"),
            (
                answer(403),
                "W: Mist forbids it (403): the token's role is not enough (read); or src_",
            ),
            (answer(404), "W: Mist knows no such thing (404): mist.org_id"),
            (answer(400), "W: Mist answers 400: bad topic"),
            (answer(429), "W: Mist asks to wait for 9 s"),
            (Err(Failure::Unreachable), "W: mist.api_url cannot be reached"),
            (Err(Failure::Timeout), "W: Mist did not answer in time"),
            (Err(Failure::Busy { after: None }), "W: Mist has a fault of its own"),
        ] {
            let refusal = judged(result, "W", "read").expect_err("a refusal");
            assert!(format!("{refusal}").starts_with(words), "{refusal}");
        }
        assert!(judged(answer(200), "W", "").is_ok());
    }
}
