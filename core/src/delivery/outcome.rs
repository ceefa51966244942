//! What an answer to a POST means: delivered, or whose fault it is that it was not.
//!
//! Sources for the classes: `appliance/docs/vendors/chat.md` §8, by product §3, §5 and §7.

use core::{fmt, time::Duration};

use crate::chat::shape::Kind;

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
        /// Why.
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
    /// 429.
    RateLimited,
    /// 5xx.
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

/// Slack's words for a webhook that will not come back by itself.
const SLACK_DEAD: &[(&str, Reason)] = &[
    ("action_prohibited", Reason::Forbidden),
    ("channel_is_archived", Reason::Gone),
    ("channel_not_found", Reason::Gone),
    ("invalid_token", Reason::Forbidden),
    ("no_active_hooks", Reason::Gone),
    ("no_service", Reason::Gone),
    ("no_team", Reason::Gone),
    ("posting_to_general_channel_denied", Reason::Forbidden),
    ("team_disabled", Reason::Gone),
    ("token_revoked", Reason::Forbidden),
    ("user_not_found", Reason::Gone),
];

/// Power Automate's error codes for a flow that is switched off, deleted or no longer ours.
const TEAMS_DEAD: &[(&str, Reason)] = &[
    ("DirectApiAuthorizationRequired", Reason::Forbidden),
    ("MissingApiVersionParameter", Reason::Gone),
    ("WorkflowNotFound", Reason::Gone),
    ("WorkflowTriggerIsNotEnabled", Reason::Gone),
];

/// Reads an answer. `body` may be cut; only its beginning is looked at. A known word of the vendor
/// decides before the status does.
pub fn outcome(kind: Kind, status: u16, retry_after: Option<Duration>, body: &[u8]) -> Outcome {
    let body = alloc::string::String::from_utf8_lossy(body.get(..2_048).unwrap_or(body));
    let retry = |reason| Outcome::Retry { after: retry_after, reason };
    match kind {
        Kind::Slack => {
            if let Some(reason) = known(SLACK_DEAD, &body) {
                return Outcome::Dead(reason);
            }
            if status == 200 && !slack_ok(body.trim()) {
                return Outcome::Dead(Reason::BadAnswer);
            }
        }
        Kind::Teams(_) => {
            if let Some(reason) = known(TEAMS_DEAD, &body) {
                return Outcome::Dead(reason);
            }
            // The retired connectors answered 200 with the real status in a sentence.
            if status == 200 && body.contains("Webhook message delivery failed") {
                return match body.contains("HTTP error 413") {
                    true => Outcome::Degrade(Reason::TooLarge),
                    false => retry(Reason::RateLimited),
                };
            }
        }
        Kind::Console | Kind::Google => {}
    }
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

/// Slack says `ok`; its workflow triggers and its look-alikes say it in JSON, or say nothing.
fn slack_ok(body: &str) -> bool {
    let word: alloc::string::String = body.chars().filter(|c| !c.is_whitespace()).collect();
    word.is_empty()
        || word.eq_ignore_ascii_case("ok")
        || word.contains("\"ok\":true")
        || word.contains("\"success\":true")
}

fn known(words: &[(&str, Reason)], body: &str) -> Option<Reason> {
    words.iter().find_map(|&(word, reason)| body.contains(word).then_some(reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::shape::TeamsFormat;

    const TEAMS: Kind = Kind::Teams(TeamsFormat::AdaptiveCard);

    #[test]
    fn every_status_has_its_class() {
        for kind in [Kind::Slack, TEAMS, Kind::Google] {
            for status in 100..=599 {
                let expected = match status {
                    200..=299 => Outcome::Delivered,
                    300..=399 => Outcome::Dead(Reason::Moved),
                    401 | 403 => Outcome::Dead(Reason::Forbidden),
                    404 | 405 | 410 => Outcome::Dead(Reason::Gone),
                    407 => Outcome::Retry { after: None, reason: Reason::Proxy },
                    408 => Outcome::Retry { after: None, reason: Reason::Timeout },
                    413 => Outcome::Degrade(Reason::TooLarge),
                    425 | 429 => Outcome::Retry { after: None, reason: Reason::RateLimited },
                    400..=499 => Outcome::Degrade(Reason::Payload),
                    500..=599 => Outcome::Retry { after: None, reason: Reason::ServerError },
                    _ => Outcome::Dead(Reason::BadAnswer),
                };
                assert_eq!(outcome(kind, status, None, b""), expected, "{kind:?} {status}");
            }
        }
    }

    #[test]
    fn the_vendors_words_decide_before_the_status() {
        let dead = |reason| Outcome::Dead(reason);
        for (kind, status, body, expected) in [
            (Kind::Slack, 200, "ok", Outcome::Delivered),
            (Kind::Slack, 200, "{\"ok\": true}", Outcome::Delivered),
            (Kind::Slack, 200, "<html>log in to the hotel</html>", dead(Reason::BadAnswer)),
            (Kind::Slack, 403, "invalid_token", dead(Reason::Forbidden)),
            (Kind::Slack, 404, "no_service", dead(Reason::Gone)),
            (Kind::Slack, 410, "channel_is_archived", dead(Reason::Gone)),
            (Kind::Slack, 400, "invalid_blocks", Outcome::Degrade(Reason::Payload)),
            (Kind::Slack, 400, "user_not_found", dead(Reason::Gone)),
            (TEAMS, 202, "", Outcome::Delivered),
            (TEAMS, 200, "1", Outcome::Delivered),
            (
                TEAMS,
                200,
                "Webhook message delivery failed with error: Microsoft Teams endpoint returned \
                 HTTP error 413",
                Outcome::Degrade(Reason::TooLarge),
            ),
            (
                TEAMS,
                400,
                "{\"error\":{\"code\":\"WorkflowTriggerIsNotEnabled\"}}",
                dead(Reason::Gone),
            ),
            (TEAMS, 400, "{\"error\":{}}", Outcome::Degrade(Reason::Payload)),
            (Kind::Google, 404, "{}", dead(Reason::Gone)),
        ] {
            assert_eq!(
                outcome(kind, status, None, body.as_bytes()),
                expected,
                "{kind:?} {status} {body}"
            );
        }
    }

    #[test]
    fn a_named_time_is_handed_on() {
        let after = Some(Duration::from_secs(7));
        assert_eq!(
            outcome(Kind::Slack, 429, after, b"{\"error\":\"rate_limited\"}"),
            Outcome::Retry { after, reason: Reason::RateLimited }
        );
    }
}
