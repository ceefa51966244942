//! The meaning of `port_config` and `local_port_config` by Mist's specification.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

const CONFIG: &str = "port_config";
const LOCAL: &str = "local_port_config";

/// The profile of a port: its override if that is allowed, else its entry, else the entry `*`.
pub fn usage(config: &Map<String, Value>, port: &str) -> String {
    let own = entry(config.get(CONFIG), port);
    let is_closed = own.is_some_and(|entry| entry["no_local_overwrite"] != Value::Bool(false));
    let local = entry(config.get(LOCAL), port).filter(|_| !is_closed);
    let any = config.get(CONFIG).and_then(|map| map.get("*"));
    let usage = local.or(own).or(any).and_then(|entry| entry["usage"].as_str());
    usage.unwrap_or("default").to_owned()
}

/// The reason why Mist would refuse a map of ports, if there is one.
pub fn objection(map: &Value, is_profile: impl Fn(&str) -> bool) -> Option<String> {
    let Value::Object(map) = map else {
        return Some("not an object".to_owned());
    };
    let mut owners: BTreeMap<String, &str> = BTreeMap::new();
    for (key, entry) in map {
        let Some(usage) = entry["usage"].as_str() else {
            return Some(format!("{key}: usage is required"));
        };
        if !is_profile(usage) {
            return Some(format!("{key}: no port profile is called {usage}"));
        }
        for port in ports(key) {
            if let Some(other) = owners.insert(port.clone(), key) {
                return Some(format!("{port} is in {other} and in {key}"));
            }
        }
    }
    None
}

fn entry<'m>(map: Option<&'m Value>, port: &str) -> Option<&'m Value> {
    let mut entries = map?.as_object()?.iter();
    entries.find(|(key, _)| ports(key).iter().any(|own| own == port)).map(|(_, entry)| entry)
}

/// The ports of a range such as `ge-0/0/8-16, ge-1/0/0-47`, one by one.
fn ports(key: &str) -> Vec<String> {
    let mut all = Vec::new();
    for part in key.split(',').map(str::trim) {
        let range = part.rsplit_once('/').and_then(|(card, numbers)| {
            let (first, last) = numbers.split_once('-')?;
            Some((card, first.parse::<u16>().ok()?, last.parse::<u16>().ok()?))
        });
        match range {
            Some((card, first, last)) => {
                all.extend((first..=last).map(|number| format!("{card}/{number}")));
            }
            None => all.push(part.to_owned()),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_override_counts_where_it_is_allowed() {
        let config = json!({
            "port_config": {
                "ge-0/0/0-1": { "usage": "iot" },
                "ge-0/0/2, ge-0/0/4-5": { "usage": "iot", "no_local_overwrite": false },
                "*": { "usage": "secured" },
            },
            "local_port_config": { "ge-0/0/0-9": { "usage": "ap" } },
        });
        let config = config.as_object().expect("an object");
        for (port, expected) in [(0, "iot"), (2, "ap"), (5, "ap"), (9, "ap"), (10, "secured")] {
            assert_eq!(usage(config, &format!("ge-0/0/{port}")), expected, "{port}");
        }
        assert_eq!(usage(&Map::new(), "ge-0/0/0"), "default");
    }

    #[test]
    fn two_entries_for_one_port_are_refused() {
        let objection = |map: Value| objection(&map, |usage| usage == "ap");
        assert_eq!(objection(json!({ "ge-0/0/0-1": { "usage": "ap" } })), None);
        let twice = json!({ "ge-0/0/0-1": { "usage": "ap" }, "ge-0/0/1": { "usage": "ap" } });
        assert_eq!(objection(twice).as_deref(), Some("ge-0/0/1 is in ge-0/0/0-1 and in ge-0/0/1"));
        assert!(objection(json!({ "ge-0/0/1": {} })).is_some());
        assert!(objection(json!({ "ge-0/0/1": { "usage": "other" } })).is_some());
        assert!(objection(json!([])).is_some());
    }
}
