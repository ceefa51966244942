//! What the status of an answer means, and why something was refused, in Mist's words.

use alloc::{format, string::String};

use crate::{api::rejected, api::words, base::exchange::ExchangeResult};
use crate::{base::exchange::Response, base::failure::Failure, event::Detail};

/// The response, if its status means success; else the failure that its status stands for. A
/// redirect is not followed.
pub fn outcome(result: ExchangeResult) -> Result<Response, Failure> {
    let response = result?;
    Err(match response.status {
        200..=299 => return Ok(response),
        300..=399 | 404 => Failure::Unreachable,
        401 | 403 => Failure::Login,
        408 => Failure::Timeout,
        429 | 500.. => Failure::Busy { after: response.retry_after },
        status => rejected(format!("Mist answers {status}: {}", words(&response.body, &[], said))),
    })
}

/// `{"detail":"…"}` of the API's framework, else whatever the first text of the answer is.
fn said(whole: Detail<'_>) -> Option<String> {
    let own = |name: &str| whole.get(name).and_then(Detail::text);
    let known = ["detail", "error", "message"].into_iter().find_map(own);
    let any = || {
        let members = whole.members();
        members.into_iter().find_map(|(name, value)| {
            let text = value.texts().into_iter().next()?;
            Some(format!("{name}: {text}"))
        })
    };
    known.map(|text| text.into_owned()).or_else(any).or_else(|| {
        let first = whole.texts().into_iter().next();
        first.map(|text| text.into_owned())
    })
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    fn answer(status: u16, body: &str) -> ExchangeResult {
        let retry_after = Some(Duration::from_secs(7));
        Ok(Response { status, retry_after, total: None, session: None, body: body.into() })
    }

    #[test]
    fn every_status_means_something() {
        for status in 100..=999 {
            let failure = outcome(answer(status, "")).err();
            let expected = match status {
                200..=299 => None,
                300..=399 | 404 => Some("unreachable"),
                401 | 403 => Some("login"),
                408 => Some("timeout"),
                429 | 500..=999 => Some("busy"),
                _ => Some("rejected"),
            };
            assert_eq!(failure.as_ref().map(Failure::name), expected, "{status}");
            let busy = expected == Some("busy");
            assert_eq!(failure.and_then(|failure| failure.after()).is_some(), busy);
        }
        assert_eq!(outcome(Err(Failure::Timeout)), Err(Failure::Timeout));
    }

    #[test]
    fn words_are_found_where_mist_puts_them() {
        for (body, expected) in [
            (r#"{"detail":"no such profile"}"#, Some("no such profile")),
            (r#"{"usage":["unknown port usage"]}"#, Some("usage: unknown port usage")),
            (r#"["first","second"]"#, Some("first")),
            ("{}", None),
        ] {
            assert_eq!(said(serde_json::from_str(body).expect("JSON")).as_deref(), expected);
        }
    }
}
