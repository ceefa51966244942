//! The cloud's webhooks, the rights of its token, and its lists of topics and types.

use serde_json::{Map, Value, json};

use super::answer::not_found;
use super::organisation::{Organisation, Secrets};
use super::{Answer, Role};

/// The topics of webhooks, and whether an organisation's webhook can have them.
const TOPICS: [(&str, bool); 12] = [
    ("alarms", true),
    ("audits", true),
    ("client-info", true),
    ("client-join", true),
    ("client-sessions", true),
    ("device-events", true),
    ("device-updowns", true),
    ("location", false),
    ("mxedge-events", true),
    ("nac-events", true),
    ("occupancy-alerts", false),
    ("zone", false),
];
/// The members of a webhook with their defaults; a null has none.
const DEFAULTS: [(&str, &str); 12] = [
    ("default_action", "null"),
    ("enabled", "true"),
    ("headers", "null"),
    ("name", "null"),
    ("rules", "null"),
    ("secret", "null"),
    ("single_event_per_message", "false"),
    ("splunk_token", "null"),
    ("topics", "[]"),
    ("type", "\"http-post\""),
    ("url", "null"),
    ("verify_cert", "true"),
];

/// The answer to `/self`.
pub(super) fn rights(organisation: &Organisation) -> Value {
    let role = match organisation.token.1 {
        Role::Admin => "admin",
        Role::PortOperator => "helpdesk",
        Role::Observer => "read",
    };
    json!({
        "email": "noc@example.net",
        "privileges": [{ "scope": "org", "role": role, "org_id": organisation.id, "name": "Org" }],
    })
}

/// A list of constants.
pub(super) fn list(organisation: &Organisation, name: &str) -> Option<Value> {
    let topic = |(key, for_org): &(&str, bool)| json!({ "key": key, "for_org": for_org });
    match name {
        "alarm_defs" => Some(json!(organisation.types.1)),
        "device_events" => Some(json!(organisation.types.0)),
        "webhook_topics" => Some(TOPICS.iter().map(topic).collect()),
        _ => None,
    }
}

/// The webhooks of a site, or those of the organisation.
pub(super) fn of(organisation: &Organisation, site: Option<&str>) -> Vec<Value> {
    let is_of = |hook: &&Map<String, Value>| hook.get("site_id").and_then(Value::as_str) == site;
    organisation.webhooks.values().filter(is_of).map(|hook| sent(organisation, hook)).collect()
}

fn sent(organisation: &Organisation, hook: &Map<String, Value>) -> Value {
    let mut hook = hook.clone();
    match organisation.secrets {
        Secrets::Whole => {}
        Secrets::Stars => {
            hook.entry("secret").and_modify(|secret| *secret = json!("********"));
        }
        Secrets::Nothing => {
            hook.remove("secret");
        }
    }
    organisation.as_sent(Value::Object(hook))
}

/// Makes a webhook of the organisation, replaces one, or takes the order to ping one.
pub(super) fn write(
    organisation: &mut Organisation,
    method: &str,
    rest: &[&str],
    body: &str,
) -> Answer {
    let id = match (method, rest) {
        ("POST", []) => format!("{:08}-0000-4000-8000-000000000000", organisation.webhooks.len()),
        ("PUT", [id]) if organisation.webhooks.contains_key(*id) => (*id).to_owned(),
        ("POST", [id, "ping"]) if organisation.webhooks.contains_key(*id) => (*id).to_owned(),
        _ => return not_found(),
    };
    if organisation.token.1 != Role::Admin {
        return Answer::refusal(403, "You do not have permission to perform this action.");
    }
    if rest.contains(&"ping") {
        return Answer::new(200, "{}");
    }
    let mut hook = match judged(body) {
        Ok(hook) => hook,
        Err(objection) => return Answer::refusal(400, &objection),
    };
    hook.insert("id".to_owned(), json!(id));
    hook.insert("org_id".to_owned(), json!(organisation.id));
    hook.insert("modified_time".to_owned(), json!(1_752_000_000.25));
    organisation.webhooks.insert(id, hook.clone());
    Answer::new(200, sent(organisation, &hook))
}

/// The webhook in a body, with its defaults. It is as strict as Mist may be: what the documentation
/// does not name, or what Mist sets by itself, is refused.
fn judged(body: &str) -> Result<Map<String, Value>, String> {
    let Ok(Value::Object(mut hook)) = serde_json::from_str(body) else {
        return Err("not an object".to_owned());
    };
    let is_known = |name: &&String| DEFAULTS.iter().any(|(known, _)| known == name);
    if let Some(name) = hook.keys().find(|name| !is_known(name)) {
        return Err(format!("{name}: unknown member"));
    }
    for (name, default) in DEFAULTS {
        let default: Value = serde_json::from_str(default).unwrap_or_default();
        hook.entry(name).or_insert(default);
    }
    let topics = hook.get("topics").and_then(Value::as_array).ok_or("topics: not a list")?;
    let is_org = |topic: &&Value| TOPICS.iter().any(|(name, for_org)| *for_org && *topic == name);
    if let Some(topic) = topics.iter().find(|topic| !is_org(topic)) {
        return Err(format!("topics: {topic} is not for an organisation"));
    }
    let is_url = |url: &Value| url.as_str().is_some_and(|url| url.starts_with("http"));
    if !hook.get("url").is_some_and(is_url) {
        return Err("url: not one".to_owned());
    }
    for name in ["enabled", "single_event_per_message", "verify_cert"] {
        if !hook.get(name).is_some_and(Value::is_boolean) {
            return Err(format!("{name}: not true or false"));
        }
    }
    hook.retain(|_, value| !value.is_null());
    Ok(hook)
}
