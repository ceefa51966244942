//! Microsoft Teams: Workflows, and receivers that still speak the format of the retired connectors
//! (`appliance/docs/vendors/chat.md`).

mod shape;

use http_types::Url;

use super::kind::{Answer, Format, Kind, UrlVerdict};
use super::outcome::{Outcome, Reason, known};
use crate::base::window::Window;

/// The windows are those that Microsoft publishes for a channel (learn.microsoft.com, "Rate
/// limiting for connectors").
pub static KIND: Kind = Kind {
    name: "teams",
    formats: &[
        Format { name: "adaptive-card", shape: shape::adaptive_card, warning: None },
        Format {
            name: "message-card",
            shape: shape::message_card,
            warning: Some((
                "Microsoft Teams itself no longer takes message cards",
                "\"adaptive-card\", unless the receiver is a program of your own",
            )),
        },
    ],
    is_stream: false,
    is_grouped: false,
    pace: &[
        Window::per_secs(4, 1),
        Window::per_secs(60, 30),
        Window::per_secs(100, 3_600),
        Window::per_secs(150, 7_200),
        Window::per_secs(1_800, 86_400),
    ],
    url: Some(url),
    default_url: None,
    keys: &[],
    answer,
};

/// Three generations of URLs are in use; only the youngest works.
fn url(url: &Url) -> UrlVerdict {
    let host = url.host_str().unwrap_or_default();
    let is_connector = host == "webhook.office.com"
        || host.ends_with(".webhook.office.com")
        || matches!(host, "outlook.office.com" | "outlook.office365.com");
    if is_connector {
        return UrlVerdict::Suspicious((
            "Microsoft switched connectors off in May 2026",
            "the URL of a Teams workflow \"Send webhook alerts to a channel\"",
        ));
    }
    if host.ends_with(".logic.azure.com") {
        return UrlVerdict::Suspicious((
            "Microsoft moved workflows away from this host in November 2025",
            "the URL that the workflow shows today, on api.powerplatform.com",
        ));
    }
    if !host.ends_with(".api.powerplatform.com") {
        return UrlVerdict::Foreign;
    }
    if url.query_pairs().any(|(key, _)| key == "sig") {
        return UrlVerdict::Fine;
    }
    UrlVerdict::Suspicious((
        "the URL has no \"sig\" parameter, so it was cut off",
        "the whole URL that the workflow shows",
    ))
}

/// Power Automate's error codes for a flow that is switched off, deleted or no longer ours.
const DEAD: &[(&str, Reason)] = &[
    ("DirectApiAuthorizationRequired", Reason::Forbidden),
    ("MissingApiVersionParameter", Reason::Gone),
    ("WorkflowNotFound", Reason::Gone),
    ("WorkflowTriggerIsNotEnabled", Reason::Gone),
];

fn answer(answer: &Answer<'_>) -> Option<Outcome> {
    if let Some(reason) = known(DEAD, answer.body) {
        return Some(Outcome::Dead(reason));
    }
    // The retired connectors answered 200 with the real status in a sentence.
    if answer.status == 200 && answer.body.contains("Webhook message delivery failed") {
        return Some(match answer.body.contains("HTTP error 413") {
            true => Outcome::Degrade(Reason::TooLarge),
            false => Outcome::Retry { after: answer.retry_after, reason: Reason::RateLimited },
        });
    }
    None
}
