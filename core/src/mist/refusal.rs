//! Why a command gets no answer from Mist's API, and what to do about it.

use alloc::{format, string::String, string::ToString};

use super::outcome::outcome;
use crate::base::{exchange::ExchangeResult, exchange::Response, failure::Failure};

/// An organisation may allow some addresses only (`appliance/docs/vendors/mist.md` §7).
const ADDRESSES: &str = "or src_ips of the organisation allows other addresses only";

/// Why there is no answer. It says what to do, as a person at a terminal is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The answer is not what it should be.
    #[error("{what}: what answers is not Mist's API")]
    Unclear { what: &'static str },
    /// The answer is 401.
    #[error(
        "{what}: Mist refuses the token (401): it is wrong or deleted, or was unused for 90 days; \
         {ADDRESSES}"
    )]
    Token { what: &'static str },
    /// The answer is 403. The roles are those that Mist says the token has.
    #[error(
        "{what}: Mist forbids it (403): the token's role is not enough{}; {ADDRESSES}",
        bracketed(.roles)
    )]
    Forbidden { what: &'static str, roles: String },
    /// The answer is 404.
    #[error(
        "{what}: Mist knows no such thing (404): mist.org_id is another one, or the token is for \
         another organisation"
    )]
    Absent { what: &'static str },
    #[error("{what}: {}", words(.failure))]
    Failed { what: &'static str, failure: Failure },
}

fn bracketed(roles: &str) -> String {
    if roles.is_empty() { String::new() } else { format!(" ({roles})") }
}

/// What Mist's API is to blame for.
fn words(failure: &Failure) -> String {
    if let Failure::Busy { after: Some(after) } = failure {
        return format!("Mist asks to wait for {} s", after.as_secs());
    }
    if let Failure::Rejected { message } = failure {
        return message.clone();
    }
    let words = [
        (Failure::Unreachable, "mist.api_url cannot be reached"),
        (Failure::Timeout, "Mist did not answer in time"),
        (Failure::Busy { after: None }, "Mist has a fault of its own — try again later"),
    ];
    let known = words.iter().find(|(known, _)| known == failure);
    known.map_or_else(|| failure.to_string(), |(_, words)| (*words).into())
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
