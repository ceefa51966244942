//! The cloud's answers to requests without a fault.

use http_types::Url;
use mistgate_core::base::mac::Mac;
use serde_json::{Map, Value, json};

use super::organisation::{Organisation, device_id};
use super::{Answer, Role, port_config, webhooks};
use crate::base::http::Message;

/// A request's query.
struct Query {
    path: Vec<String>,
    pairs: Vec<(String, String)>,
    target: String,
}

impl Query {
    fn new(target: &str) -> Option<Self> {
        let url = Url::parse(&format!("http://cloud{target}")).ok()?;
        Some(Self {
            path: url.path_segments()?.map(str::to_owned).collect(),
            pairs: url.query_pairs().into_owned().collect(),
            target: target.to_owned(),
        })
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find_map(|(known, value)| (known == name).then_some(value.as_str()))
    }

    fn number(&self, name: &str, default: usize) -> usize {
        self.get(name).and_then(|text| text.parse().ok()).unwrap_or(default)
    }

    /// Whether the query's MACs, if it has any, include this one.
    fn wants(&self, mac: Mac) -> bool {
        self.get("mac").is_none_or(|macs| macs.split(',').any(|text| Mac::parse(text) == Some(mac)))
    }
}

pub(super) fn answer(organisation: &mut Organisation, method: &str, request: &Message) -> Answer {
    let expected = format!("Token {}", organisation.token.0);
    if request.header("authorization") != Some(expected.as_str()) {
        return Answer::refusal(401, "Authentication credentials were not provided.");
    }
    let Some(query) = Query::new(request.target()) else {
        return Answer::refusal(400, "not a target");
    };
    let path: Vec<&str> = query.path.iter().map(String::as_str).collect();
    let org = organisation.id.clone();
    match (method, path.as_slice()) {
        ("GET", ["api", "v1", "orgs", id, "inventory"]) if *id == org => {
            inventory(organisation, &query)
        }
        ("GET", ["api", "v1", "orgs", id, "stats", "devices"]) if *id == org => {
            aps(organisation, &query)
        }
        ("GET", ["api", "v1", "orgs", id, "stats", "ports", "search"]) if *id == org => {
            ports(organisation, &query)
        }
        ("GET", ["api", "v1", "sites", site, "stats", "devices", id]) => {
            let mut aps = organisation.aps.iter();
            let ap = aps.find(|(mac, ap)| ap.site == *site && device_id(**mac) == *id);
            ap.map_or_else(not_found, |(mac, ap)| Answer::new(200, organisation.ap(*mac, ap)))
        }
        (_, ["api", "v1", "sites", site, "devices", id, rest @ ..]) => {
            let mut switches = organisation.switches.iter();
            let found = switches.find(|(_, switch)| switch.site == *site && switch.id == *id);
            match found.map(|(mac, _)| *mac) {
                Some(mac) => device(organisation, mac, method, rest, &request.body),
                None => not_found(),
            }
        }
        ("GET", ["api", "v1", "self"]) => Answer::new(200, webhooks::rights(organisation)),
        ("GET", ["api", "v1", "const", list]) => {
            let listed = webhooks::list(organisation, list);
            listed.map_or_else(not_found, |listed| Answer::new(200, listed))
        }
        ("GET", ["api", "v1", "orgs", id, "sites"]) if *id == org => {
            let sites = organisation.sites.iter();
            let sites = sites.map(|(id, name)| json!({ "id": id, "name": name, "org_id": org }));
            paged(organisation, &query, sites.collect())
        }
        ("GET", ["api", "v1", "orgs", id, "webhooks"]) if *id == org => {
            paged(organisation, &query, webhooks::of(organisation, None))
        }
        ("GET", ["api", "v1", "sites", site, "webhooks"])
            if organisation.sites.contains_key(*site) =>
        {
            paged(organisation, &query, webhooks::of(organisation, Some(site)))
        }
        ("GET", ["api", "v1", "orgs", id, "webhooks", hook, "events", "search"])
            if *id == org && organisation.webhooks.contains_key(*hook) =>
        {
            searched(organisation, &query, happened(&query, "status", &organisation.deliveries))
        }
        ("GET", ["api", "v1", "orgs", id, "devices", "events", "search"]) if *id == org => {
            let events = happened(&query, "device_type", &organisation.device_events);
            searched(organisation, &query, events)
        }
        (_, ["api", "v1", "orgs", id, "webhooks", rest @ ..]) if *id == org => {
            webhooks::write(organisation, method, rest, &request.body)
        }
        _ => not_found(),
    }
}

pub(super) fn not_found() -> Answer {
    Answer::refusal(404, "Not found.")
}

/// One page of a list, by number.
fn paged(organisation: &Organisation, query: &Query, all: Vec<Value>) -> Answer {
    let limit = query.number("limit", 100).clamp(1, organisation.page_max);
    let page = query.number("page", 1).max(1);
    let total = all.len();
    let elements: Vec<Value> = all.into_iter().skip((page - 1) * limit).take(limit).collect();
    let mut answer = Answer::new(200, Value::Array(elements));
    answer.headers =
        format!("X-Page-Limit: {limit}\r\nX-Page-Page: {page}\r\nX-Page-Total: {total}\r\n");
    answer
}

fn inventory(organisation: &Organisation, query: &Query) -> Answer {
    let with_members = query.get("vc") == Some("true");
    let entries = organisation
        .switches
        .iter()
        .flat_map(|(mac, switch)| organisation.entries(*mac, switch, with_members))
        .filter(|entry| {
            let mac = entry["mac"].as_str().and_then(Mac::parse);
            mac.is_some_and(|mac| query.wants(mac))
        });
    paged(organisation, query, entries.collect())
}

fn aps(organisation: &Organisation, query: &Query) -> Answer {
    let aps = organisation.aps.iter().filter(|(mac, _)| query.wants(**mac));
    paged(organisation, query, aps.map(|(mac, ap)| organisation.ap(*mac, ap)).collect())
}

/// What happened in the time that the query is about, the last day without one, and has this member
/// as it says.
fn happened(query: &Query, member: &str, all: &[Value]) -> Vec<Value> {
    let time = |name: &str, default: f64| {
        query.get(name).and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let (start, end) =
        (time("start", super::organisation::now() as f64 - 86_400.0), time("end", f64::MAX));
    let fits = |entry: &&Value| {
        let at = entry["timestamp"].as_f64().unwrap_or_default();
        let wanted = query.get(member);
        (start..=end).contains(&at) && wanted.is_none_or(|wanted| entry[member] == wanted)
    };
    all.iter().filter(fits).cloned().collect()
}

fn ports(organisation: &Organisation, query: &Query) -> Answer {
    let fits = |port: &Value| {
        ["mac", "port_id", "neighbor_mac"]
            .iter()
            .all(|name| query.get(name).is_none_or(|wanted| port[*name].as_str() == Some(wanted)))
            && query.get("up").is_none_or(|up| port["up"] == (up == "true"))
    };
    let all = organisation.switches.iter().flat_map(|(mac, switch)| {
        let ports = switch.ports.iter();
        ports.map(|(name, port)| organisation.port(*mac, switch, name, port))
    });
    searched(organisation, query, all.filter(fits).collect())
}

/// One page of a search, with the URL of the next.
fn searched(organisation: &Organisation, query: &Query, all: Vec<Value>) -> Answer {
    let limit = query.number("limit", 100).clamp(1, organisation.page_max);
    let after = query.number("search_after", 0);
    let total = all.len();
    let results: Vec<Value> = all.into_iter().skip(after).take(limit).collect();
    let end = after + results.len();
    let next = (end < total).then(|| {
        let (first, _) = query.target.split_once("&search_after=").unwrap_or((&query.target, ""));
        format!("{first}&search_after={end}")
    });
    Answer::new(
        200,
        organisation.as_sent(json!({
            "start": 1, "end": 2, "limit": limit, "total": total, "next": next, "results": results,
        })),
    )
}

/// Reads or replaces a switch's configuration.
fn device(
    organisation: &mut Organisation,
    mac: Mac,
    method: &str,
    rest: &[&str],
    body: &str,
) -> Answer {
    let role = organisation.token.1;
    let may = match rest {
        [] => role == Role::Admin,
        _ => role != Role::Observer,
    };
    match (method, rest) {
        ("GET", []) => {}
        ("PUT", [] | ["local_port_config"]) | ("DELETE", ["local_port_config"]) if !may => {
            return Answer::refusal(403, "You do not have permission to perform this action.");
        }
        ("PUT", []) => {
            if let Err(objection) = replace(organisation, mac, body) {
                return Answer::refusal(400, &objection);
            }
        }
        ("PUT" | "DELETE", ["local_port_config"]) => {
            let body = if method == "PUT" { body } else { "{}" };
            if let Err(objection) = overrides(organisation, mac, body) {
                return Answer::refusal(400, &objection);
            }
            return Answer::new(200, "{}");
        }
        _ => return not_found(),
    }
    let Some(switch) = organisation.switches.get(&mac) else {
        return not_found();
    };
    let mut device = switch.config.clone();
    let own = organisation.as_sent(json!({
        "id": switch.id, "mac": mac.plain(), "type": "switch", "org_id": organisation.id,
        "site_id": switch.site, "name": switch.name, "modified_time": 1_752_000_000.25,
        "deviceprofile_id": null,
    }));
    device.extend(own.as_object().cloned().unwrap_or_default());
    for name in ["port_config", "local_port_config"].iter().filter(|_| organisation.sends_nulls) {
        device.entry(*name).or_insert(Value::Null);
    }
    Answer::new(200, Value::Object(device))
}

/// The members that identify the device, and cannot be changed.
const OWN: [&str; 8] =
    ["deviceprofile_id", "id", "mac", "modified_time", "name", "org_id", "site_id", "type"];

fn replace(organisation: &mut Organisation, mac: Mac, body: &str) -> Result<(), String> {
    let Ok(Value::Object(mut config)) = serde_json::from_str(body) else {
        return Err("not an object".to_owned());
    };
    config.retain(|name, _| !OWN.contains(&name.as_str()));
    for name in ["port_config", "local_port_config"] {
        if let Some(map) = config.get(name).filter(|map| !map.is_null()) {
            objection(organisation, map)?;
        }
    }
    let takes_overrides = organisation.takes_overrides;
    if let Some(switch) = organisation.switches.get_mut(&mac) {
        if !takes_overrides {
            config.remove("local_port_config");
            let kept = switch.config.get("local_port_config");
            config.extend(kept.map(|kept| ("local_port_config".to_owned(), kept.clone())));
        }
        switch.config = config;
    }
    Ok(())
}

fn overrides(organisation: &mut Organisation, mac: Mac, body: &str) -> Result<(), String> {
    let map: Map<String, Value> = serde_json::from_str(body).map_err(|_| "not an object")?;
    let map = Value::Object(map);
    objection(organisation, &map)?;
    if let Some(switch) = organisation.switches.get_mut(&mac) {
        switch.config.insert("local_port_config".to_owned(), map);
    }
    Ok(())
}

fn objection(organisation: &Organisation, map: &Value) -> Result<(), String> {
    let is_profile = |usage: &str| organisation.profiles.contains(usage);
    port_config::objection(map, is_profile).map_or(Ok(()), Err)
}
