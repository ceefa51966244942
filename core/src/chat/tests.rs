use core::time::Duration;

use super::outcome::{Outcome, Reason};
use super::*;

#[test]
fn every_status_has_its_class() {
    for kind in KINDS {
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
            assert_eq!(kind.outcome(status, None, b""), expected, "{kind:?} {status}");
        }
    }
}

#[test]
fn the_vendors_words_decide_before_the_status() {
    let dead = |reason| Outcome::Dead(reason);
    for (kind, status, body, expected) in [
        (&slack::KIND, 200, "ok", Outcome::Delivered),
        (&slack::KIND, 200, "{\"ok\": true}", Outcome::Delivered),
        (&slack::KIND, 200, "<html>log in to the hotel</html>", dead(Reason::BadAnswer)),
        (&slack::KIND, 403, "invalid_token", dead(Reason::Forbidden)),
        (&slack::KIND, 404, "no_service", dead(Reason::Gone)),
        (&slack::KIND, 410, "channel_is_archived", dead(Reason::Gone)),
        (&slack::KIND, 400, "invalid_blocks", Outcome::Degrade(Reason::Payload)),
        (&slack::KIND, 400, "user_not_found", dead(Reason::Gone)),
        (&teams::KIND, 202, "", Outcome::Delivered),
        (&teams::KIND, 200, "1", Outcome::Delivered),
        (
            &teams::KIND,
            200,
            "Webhook message delivery failed with error: Microsoft Teams endpoint returned \
             HTTP error 413",
            Outcome::Degrade(Reason::TooLarge),
        ),
        (
            &teams::KIND,
            400,
            "{\"error\":{\"code\":\"WorkflowTriggerIsNotEnabled\"}}",
            dead(Reason::Gone),
        ),
        (&teams::KIND, 400, "{\"error\":{}}", Outcome::Degrade(Reason::Payload)),
        (&teams::KIND, 200, " <html>log in</html>", dead(Reason::BadAnswer)),
        (&google::KIND, 404, "{}", dead(Reason::Gone)),
        (&google::KIND, 200, "<!doctype html>", dead(Reason::BadAnswer)),
        (
            &google::KIND,
            400,
            "{\"error\":{\"message\":\"API key not valid. Please pass a valid API key.\"}}",
            dead(Reason::Forbidden),
        ),
        (&google::KIND, 400, "{\"error\":{}}", Outcome::Degrade(Reason::Payload)),
        (&pagerduty::KIND, 202, "{\"status\":\"success\"}", Outcome::Delivered),
        (
            &pagerduty::KIND,
            400,
            "{\"status\":\"invalid event\",\"errors\":[\"Invalid routing key\"]}",
            dead(Reason::Forbidden),
        ),
        (
            &pagerduty::KIND,
            400,
            "{\"status\":\"invalid event\",\"errors\":[\"'summary' is missing\"]}",
            Outcome::Degrade(Reason::Payload),
        ),
    ] {
        assert_eq!(
            kind.outcome(status, None, body.as_bytes()),
            expected,
            "{kind:?} {status} {body}"
        );
    }
}

#[test]
fn a_named_time_is_handed_on() {
    let after = Some(Duration::from_secs(7));
    assert_eq!(
        slack::KIND.outcome(429, after, b"{\"error\":\"rate_limited\"}"),
        Outcome::Retry { after, reason: Reason::RateLimited }
    );
}
