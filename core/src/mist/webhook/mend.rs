//! Makes the webhook, or changes it: what is written, what that changes for people to see, and the
//! request.

use alloc::{collections::BTreeSet, format, string::String, vec::Vec};

use http_types::{Method, Url};

use super::compare::{starves, topics};
use super::{hook::HTTP_POST, hook::Hook, survey::Found, wanted::Wanted};
use crate::base::{exchange::Exchange, exchange::Request, text::one_line};
use crate::mist::object::{Object, is_same, quoted};
use crate::mist::{refusal::Refusal, refusal::judged, target};

/// The name of a new webhook.
const NAME: &str = "mistgate";
/// What Mist sets by itself.
const READ_ONLY: [&str; 6] =
    ["id", "org_id", "site_id", "for_site", "created_time", "modified_time"];
/// The most characters of a value that is shown.
const VALUE_MAX: usize = 300;

/// The webhook as it will be written: that of Mist with what has to differ, or a new one. What it
/// has besides is kept.
pub fn mended(wanted: &Wanted, found: &Found, ours: Option<&Hook>) -> Object {
    let mut object = Object::default();
    for (name, json) in ours.iter().flat_map(|hook| hook.object.members()) {
        if !READ_ONLY.contains(&name) {
            object.set(name, json.into());
        }
    }
    let mut topics = topics(wanted, found);
    match ours {
        None => {
            object.set("name", quoted(NAME));
            object.set("url", quoted(wanted.url.as_ref().map_or("", Url::as_str)));
        }
        Some(hook) => {
            topics.extend(hook.topics.iter().cloned());
            let (starving, kept): (Vec<_>, Vec<_>) =
                hook.rules.iter().partition(|rule| starves(wanted, rule));
            if !starving.is_empty() {
                let kept: Vec<&str> = kept.into_iter().map(|rule| rule.json.as_str()).collect();
                object.set("rules", format!("[{}]", kept.join(",")));
            }
            if hook.blocks_rest {
                object.set("default_action", quoted("permit"));
            }
        }
    }
    object.set("type", quoted(HTTP_POST));
    object.set("enabled", "true".into());
    object.set("topics", list(&topics));
    if let Some(secret) = wanted.secrets.first() {
        object.set("secret", quoted(secret.expose()));
    }
    object.set("verify_cert", format!("{}", wanted.verifies_cert));
    object.set("single_event_per_message", "false".into());
    object
}

/// What writing this would change, a line for each member. The secret and other credentials are not
/// shown.
pub fn changes(ours: Option<&Hook>, after: &Object) -> Vec<String> {
    let shown = |json: &str| one_line(json, VALUE_MAX);
    let line = |(name, new): (&str, &str)| {
        let old = ours.and_then(|hook| hook.object.get(name));
        match (name, old) {
            (_, Some(old)) if is_same(old, new) => None,
            ("secret", _) => Some("secret: that of [webhook]".into()),
            (_, None) if ours.is_some() && is_default(name, new) => None,
            (_, Some(old)) => Some(format!("{name}: {} -> {}", shown(old), shown(new))),
            (_, None) => Some(format!("{name}: {}", shown(new))),
        }
    };
    after.members().filter_map(line).collect()
}

/// Whether a member that is left out has this value.
fn is_default(name: &str, json: &str) -> bool {
    let defaults = [
        ("enabled", "true"),
        ("single_event_per_message", "false"),
        ("type", "\"http-post\""),
        ("verify_cert", "true"),
    ];
    defaults.contains(&(name, json))
}

fn list(topics: &BTreeSet<String>) -> String {
    let topics: Vec<String> = topics.iter().map(|topic| quoted(topic)).collect();
    format!("[{}]", topics.join(","))
}

/// Changes our webhook, or makes a new one.
pub fn mend(wanted: &Wanted, found: &Found, ours: Option<&Hook>) -> Exchange<Result<(), Refusal>> {
    let (method, target) = match ours {
        Some(hook) => (Method::Put, target::webhook(&wanted.org, &hook.id)),
        None => (Method::Post, target::new_webhook(&wanted.org)),
    };
    let body = Some(format!("{}", mended(wanted, found, ours)).into_bytes());
    let (request, roles) = (Request { method, target, session: None, body }, found.token.words());
    Exchange::new(|asking| async move {
        judged(asking.send(request).await, "writing the webhook", &roles).map(drop)
    })
}
