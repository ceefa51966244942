//! What the status of an answer means, and why something was refused, in Mist's words.

use alloc::{borrow::ToOwned, format, string::String};

use crate::{
    api::{Heard, Response},
    event::Detail,
    ports::failure::Failure,
};

/// The most characters of Mist's own words.
const WORDS_MAX: usize = 200;

/// The answer, if it is one that was hoped for; else why it is not. A redirect is not followed, and
/// leads to no switch.
pub fn outcome(heard: Heard) -> Result<Response, Failure> {
    let response = heard?;
    Err(match response.status {
        200..=299 => return Ok(response),
        300..=399 | 404 => Failure::Unreachable,
        401 | 403 => Failure::Login,
        408 => Failure::Timeout,
        429 | 500.. => Failure::Busy { after: response.retry_after },
        status => Failure::Rejected {
            message: format!("Mist answers {status}: {}", words(&response.body)),
        },
    })
}

/// A refusal in our own words.
pub const fn rejected(message: String) -> Failure {
    Failure::Rejected { message }
}

/// Mist's words in an answer, on one line and not too many.
fn words(body: &[u8]) -> String {
    let text = match serde_json::from_slice::<Detail<'_>>(body) {
        Ok(whole) => said(whole),
        // A portal in between has pages.
        Err(_) => str::from_utf8(body).ok().filter(|text| !text.contains('<')).map(str::to_owned),
    };
    let mut words = String::new();
    let is_gap = |c: char| c.is_whitespace() || c.is_control();
    for word in text.as_deref().unwrap_or_default().split(is_gap).filter(|word| !word.is_empty()) {
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(word);
    }
    if let Some((end, _)) = words.char_indices().nth(WORDS_MAX) {
        words.truncate(end);
        words.push('…');
    }
    if words.is_empty() { "it does not say why".to_owned() } else { words }
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

    fn answer(status: u16, body: &str) -> Heard {
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
    fn words_are_few_and_on_one_line() {
        let long = "x".repeat(500);
        for (body, expected) in [
            (r#"{"detail":"no such\nprofile \u001b[31m"}"#, "no such profile [31m"),
            (r#"{"usage":["unknown port usage"]}"#, "usage: unknown port usage"),
            (r#"["first","second"]"#, "first"),
            ("plain words", "plain words"),
            ("<html>portal</html>", "it does not say why"),
            ("", "it does not say why"),
            ("{}", "it does not say why"),
            (&long, &format!("{}…", "x".repeat(200))),
        ] {
            assert_eq!(words(body.as_bytes()), expected, "{body}");
        }
        assert_eq!(words(b"\xff\xfe"), "it does not say why");
    }
}
