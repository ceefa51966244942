//! Changes to a switch's configuration, checked by an independent reading of Mist's specification:
//! no change touches another port.

use std::collections::BTreeMap;

use mistgate_core::base::rand::Rand;
use mistgate_core::mist::Profiles;
use mistgate_core::mist::profile::Device;
use mistgate_core::ports::edit::Edit;
use mistgate_core::ports::name::PortName;
use mistgate_core::ports::switch_port::Mode;
use mistgate_tests::ports::cloud::port_config;
use serde_json::{Map, Value, json};

/// The profile of each port, by the port's name.
type Usages = BTreeMap<String, String>;

fn ports() -> impl Iterator<Item = String> {
    (0..12).map(|n| format!("ge-0/0/{n}"))
}

/// A few entries for ranges of ports, some of which share a key.
fn some_entries(rand: &mut Rand, is_local: bool) -> Map<String, Value> {
    let mut map = Map::new();
    let mut key = String::new();
    let mut at = rand.up_to(3);
    while at < 12 {
        let last = (at + rand.up_to(4)).min(11);
        if !key.is_empty() {
            key.push_str(if rand.up_to(1) == 0 { "," } else { ", " });
        }
        key.push_str(&format!("ge-0/0/{at}"));
        if last > at {
            key.push_str(&format!("-{last}"));
        }
        if rand.up_to(1) == 0 || last >= 10 {
            let usage = if rand.up_to(1) == 0 { "iot" } else { "secured" };
            let entry = match rand.up_to(2) {
                0 if !is_local => json!({ "usage": usage, "no_local_overwrite": false }),
                1 if !is_local => json!({ "usage": usage, "no_local_overwrite": true }),
                _ => json!({ "usage": usage, "speed": "auto" }),
            };
            map.insert(std::mem::take(&mut key), entry);
        }
        at = last + 1 + rand.up_to(2);
    }
    map
}

/// The profile of each port. No port may have two entries.
fn usages(device: &Device) -> Usages {
    let whole: Map<String, Value> = serde_json::from_str(&device.whole()).expect("an object");
    for name in ["port_config", "local_port_config"] {
        let map = whole.get(name).expect("a map");
        assert_eq!(port_config::objection(map, |_| true), None, "{map}");
    }
    ports().map(|port| (port.clone(), port_config::usage(&whole, &port))).collect()
}

#[test]
fn whatever_comes_and_goes_no_other_port_is_touched() {
    let profiles = Profiles { ap: "ap".to_owned(), default: None };
    let mut rand = Rand::new(20);
    for round in 0..300 {
        let (config, local) = (some_entries(&mut rand, false), some_entries(&mut rand, true));
        let text = json!({ "port_config": config, "local_port_config": local }).to_string();
        let mut device = Device::parse(text.as_bytes()).expect("a device");
        let original = usages(&device);
        let mut plugged: BTreeMap<String, String> = BTreeMap::new();
        // In the end all access points go.
        let somewhere = (0..20).map(|_| (format!("ge-0/0/{}", rand.up_to(11)), true));
        let steps: Vec<_> = somewhere.chain(ports().map(|port| (port, false))).collect();
        for (port, may_come) in steps {
            let before = plugged.remove(&port);
            let mode = if before.is_some() { Mode::Default } else { Mode::Ap };
            if mode == Mode::Ap && !may_come {
                continue;
            }
            let name = PortName::parse(&port).expect("a port");
            let edit = [Edit {
                port: name,
                mode,
                ap: None,
                lines: Vec::new(),
                before,
                is_in_doubt: false,
                back: Vec::new(),
            }];
            let change = device.change(&edit, &profiles).expect("a change");
            let before = change.before.into_iter().map(|(_, before)| (port.clone(), before));
            plugged.extend(before);
            assert_eq!(plugged.contains_key(&port), mode == Mode::Ap);
            device = change.device;
            let mut expected = original.clone();
            expected.extend(plugged.keys().map(|port| (port.clone(), "ap".to_owned())));
            assert_eq!(usages(&device), expected, "{round} {port}: {text}");
            let again = device.change(&edit, &profiles).expect("no trouble");
            assert_eq!(again.layers, [], "{round} {port}: {text}");
        }
        assert_eq!(usages(&device), original, "{round}: {text}");
    }
}
