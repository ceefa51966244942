//! Mist's API over real sockets: each question and each way of a change, against a cloud that works
//! and one that does not.

use std::{sync::Arc, time::Duration};

use http_types::Url;
use mistgate_core::base::exchange::Request;
use mistgate_core::base::failure::Failure;
use mistgate_core::base::mac::Mac;
use mistgate_core::base::secret::Secret;
use mistgate_core::http::proxy::Proxies;
use mistgate_core::mist;
use mistgate_core::mist::Profiles;
use mistgate_core::ports::edit::{Edit, Pushed};
use mistgate_core::ports::name::{PortName, SwitchName};
use mistgate_core::ports::question::{Answer, Entry, Hint, Location, Question};
use mistgate_core::ports::switch_port::{Mode, Sighting, Switch, SwitchPort};
use mistgate_runtime::api::Api;
use mistgate_runtime::base::clock::Clock;
use mistgate_runtime::base::journal::{Format, Journal, Level};
use mistgate_runtime::http::outbound::Outbound;
use mistgate_runtime::http::tls;
use mistgate_runtime::ports::method::Method as _;
use mistgate_runtime::ports::mist::Mist;
use mistgate_tests::chat::server::LONG;
use mistgate_tests::ports::cloud::organisation::{ORG, Organisation};
use mistgate_tests::ports::cloud::{Cloud, Fault, Role};
use serde_json::{Value, json};
use smol::future;

use crate::ports::mac;

const SITE: &str = "4ac1dcf4-9d8b-7211-65c4-057819f0862b";
const OTHER_SITE: &str = "5bd2ed05-0e9c-8322-76d5-168920a1973c";
const TOKEN: &str = "t0k3n-of-the-tests";

fn ap(n: usize) -> Mac {
    mac(&format!("5c5b350{n:05x}"))
}

fn switch_mac() -> Mac {
    mac("00005e005301")
}

fn port(name: &str) -> PortName {
    PortName::parse(name).expect("a port")
}

/// A cloud with one switch of twelve ports, and three access points at its site.
fn cloud() -> Cloud {
    let mut organisation = Organisation::new(ORG, TOKEN);
    organisation.add_switch(switch_mac(), SITE, "sw-1", 12);
    for n in 1..=3 {
        organisation.add_ap(ap(n), SITE);
    }
    Cloud::open(organisation).expect("a port")
}

fn mist_with(cloud: &Cloud, token: &str, default: Option<&str>) -> Mist {
    let config = mist::Mist {
        name: None,
        is_other: false,
        api_url: Url::parse(&cloud.origin()).expect("a URL"),
        dashboard_host: "localhost".to_owned(),
        token: Some(Secret::new(token)),
        org_id: Some(ORG.to_owned()),
        selftest: None,
    };
    let profiles = Profiles { ap: "ap".to_owned(), default: default.map(str::to_owned) };
    let mist = Mist::new(&config, Some(profiles), outbound(), journal());
    mist.expect("a token and an organisation")
}

fn outbound() -> Outbound {
    Outbound { tls: tls::connector(Vec::new()), proxies: Proxies::default(), clock: Clock::start() }
}

fn journal() -> Arc<Journal> {
    Arc::new(Journal::new(Format::Text, Level::Error))
}

fn mist(cloud: &Cloud) -> Mist {
    mist_with(cloud, TOKEN, None)
}

fn ask(mist: &Mist, question: Question) -> Answer {
    future::block_on(mist.answer(question))
}

fn ask_port(mist: &Mist, switch: Mac, name: &str) -> Answer {
    let switch_port = SwitchPort { switch, port: port(name) };
    ask(mist, Question::Port { switch_port, switch: None })
}

fn location(mist: &Mist, ap: Mac, site: Option<&str>) -> Location {
    let site = site.map(str::to_owned);
    let answer = ask(mist, Question::Location { ap, site });
    let Answer::Location(location) = answer else {
        panic!("{answer:?}");
    };
    location
}

fn inventory(mist: &Mist) -> Vec<Entry> {
    let answer = ask(mist, Question::Inventory);
    let Answer::Inventory(entries) = answer else {
        panic!("{answer:?}");
    };
    entries
}

/// The switch as Mist describes it.
fn switch() -> Switch {
    Switch {
        mac: switch_mac(),
        device_id: "00000000-0000-0000-1000-00005e005301".to_owned(),
        site: SITE.to_owned(),
        name: SwitchName::parse("sw-1"),
        model: None,
    }
}

fn edit(name: &str, mode: Mode, before: Option<String>) -> Edit {
    Edit {
        port: port(name),
        mode,
        ap: None,
        lines: Vec::new(),
        before,
        is_in_doubt: false,
        back: Vec::new(),
    }
}

fn push(mist: &Mist, edits: &[Edit]) -> Pushed {
    future::block_on(mist.push(&switch(), edits))
}

fn to_ap(mist: &Mist, name: &str) -> Pushed {
    push(mist, &[edit(name, Mode::Ap, None)])
}

fn done(pushed: Pushed) -> (String, Vec<(PortName, String)>) {
    let Pushed::Done { diff, before } = pushed else {
        panic!("{pushed:?}");
    };
    (diff, before)
}

fn usage(cloud: &Cloud, name: &str) -> String {
    cloud.with(|organisation| organisation.usage(switch_mac(), name)).expect("a port")
}

fn puts(cloud: &Cloud) -> usize {
    cloud.requests_of("PUT").len()
}

/// Waits until the cloud has got this many requests with a method.
async fn await_requests(cloud: &Cloud, method: &str, count: usize) {
    let deadline = std::time::Instant::now() + LONG;
    while cloud.requests_of(method).len() < count {
        assert!(std::time::Instant::now() < deadline, "the cloud gets no more requests");
        smol::Timer::after(Duration::from_millis(2)).await;
    }
}

#[test]
fn a_port_is_what_the_cloud_says_of_it() {
    let cloud = cloud();
    let mist = mist(&cloud);
    assert!(cloud.with(|organisation| organisation.plug(ap(1), switch_mac(), "ge-0/0/1")));
    let Answer::Port(Some(seen)) = ask_port(&mist, switch_mac(), "ge-0/0/1") else {
        panic!("no answer");
    };
    assert!(seen.proves(ap(1)));
    assert_eq!((seen.switch, seen.port), (switch(), Some(port("ge-0/0/1"))));
    cloud.with(|organisation| organisation.unplug(ap(1)));
    let Answer::Port(Some(seen)) = ask_port(&mist, switch_mac(), "ge-0/0/1") else {
        panic!("no answer");
    };
    // Without a link the neighbour is out of date, and proves nothing.
    assert_eq!((seen.up, seen.neighbor), (false, Some(ap(1))));
    assert_eq!(ask_port(&mist, switch_mac(), "ge-0/0/99"), Answer::Port(None));
    assert_eq!(ask_port(&mist, mac("00005e0053ff"), "ge-0/0/1"), Answer::Port(None));
    cloud.with(|organisation| {
        let switch = organisation.switches.get_mut(&switch_mac()).expect("the switch");
        switch.is_connected = false;
        organisation.sends_nulls = true;
    });
    let Answer::Port(Some(seen)) = ask_port(&mist, switch_mac(), "ge-0/0/1") else {
        panic!("no answer");
    };
    assert!(!seen.is_live && !seen.proves(ap(1)));
    // The switch reports nothing of a port that it has not seen.
    assert_eq!(ask_port(&mist, switch_mac(), "ge-0/0/2"), Answer::Unanswered);
}

#[test]
fn a_virtual_chassis_is_the_device_that_the_cloud_made() {
    let (whole, member) = (mac("020003000001"), mac("00005e005311"));
    let cloud = cloud();
    cloud.with(|organisation| {
        organisation.add_switch(whole, SITE, "stack", 4);
        let stack = organisation.switches.get_mut(&whole).expect("the stack");
        stack.id = "00000000-0000-0000-1000-020003000001".to_owned();
        stack.members = vec![member, mac("00005e005312")];
        assert!(organisation.plug(ap(1), whole, "ge-0/0/1"));
    });
    let mist = mist(&cloud);
    let Answer::Port(Some(seen)) = ask_port(&mist, member, "ge-0/0/1") else {
        panic!("no answer");
    };
    assert_eq!(seen.switch.mac, whole);
    assert!(seen.proves(ap(1)));
    let pushed = future::block_on(mist.push(&seen.switch, &[edit("ge-0/0/1", Mode::Ap, None)]));
    done(pushed);
    assert_eq!(cloud.with(|o| o.usage(whole, "ge-0/0/1")).as_deref(), Some("ap"));
    // The access point names a member of the chassis as its neighbour.
    cloud.with(|organisation| {
        let stack = organisation.switches.get_mut(&whole).expect("the stack");
        stack.ports.get_mut("ge-0/0/1").expect("the port").neighbor = None;
    });
    let found = location(&mist, ap(1), Some(SITE));
    let hint = found.hints.first().expect("a hint");
    assert_eq!((hint.switch.mac, hint.port), (whole, port("ge-0/0/1")));
}

#[test]
fn an_access_point_is_where_a_switch_sees_it_or_where_it_says() {
    let cloud = cloud();
    let mist = mist(&cloud);
    assert_eq!(location(&mist, ap(1), Some(SITE)), Location::default());
    assert_eq!(location(&mist, ap(9), None), Location::default());
    assert!(cloud.with(|organisation| organisation.plug(ap(1), switch_mac(), "ge-0/0/1")));
    let found = location(&mist, ap(1), Some(SITE));
    assert!(found.seen.iter().all(|seen| seen.proves(ap(1))) && found.seen.len() == 1);
    let named = |found: &Location| found.hints.iter().map(Hint::switch_port).collect::<Vec<_>>();
    assert_eq!(
        named(&found),
        found.seen.iter().filter_map(Sighting::switch_port).collect::<Vec<_>>()
    );
    // It moves; the old port still reports it for a while.
    assert!(cloud.with(|organisation| organisation.plug(ap(1), switch_mac(), "ge-0/0/2")));
    let found = location(&mist, ap(1), Some(SITE));
    let proofs: Vec<_> = found.seen.iter().filter(|seen| seen.proves(ap(1))).collect();
    assert_eq!(proofs.iter().map(|seen| seen.port).collect::<Vec<_>>(), [Some(port("ge-0/0/2"))]);
    assert_eq!(found.seen.len(), 2);
    // LLDP is off there, so the switch does not see it. The site is the one that it has left.
    cloud.with(|organisation| {
        let switch = organisation.switches.get_mut(&switch_mac()).expect("the switch");
        switch.ports.values_mut().for_each(|port| port.neighbor = None);
    });
    for site in [Some(SITE), Some(OTHER_SITE), None] {
        let found = location(&mist, ap(1), site);
        let hint = found.hints.first().expect("a hint");
        assert_eq!(hint.switch_port().to_string(), "00:00:5e:00:53:01 ge-0/0/2", "{site:?}");
        assert_eq!(hint.switch.site, SITE);
    }
    assert_eq!(future::block_on(mist.is_connected(ap(1), Some(SITE))), Some(true));
    cloud.with(|organisation| organisation.unplug(ap(1)));
    assert_eq!(future::block_on(mist.is_connected(ap(1), None)), Some(false));
    assert_eq!(future::block_on(mist.is_connected(ap(2), None)), None);
    assert_eq!(future::block_on(mist.is_connected(ap(9), Some(SITE))), None);
}

#[test]
fn the_inventory_has_all_devices_over_all_pages() {
    const APS: usize = 23;
    let cloud = cloud();
    let mist = mist(&cloud);
    cloud.with(|organisation| {
        organisation.page_max = 4;
        organisation.sends_nulls = true;
        for n in 0..APS {
            let switch = mac(&format!("00005e0054{:02x}", n / 3));
            organisation.add_switch(switch, SITE, &format!("sw-{}", n / 3), 3);
            organisation.add_ap(ap(n), SITE);
        }
        for n in 0..APS - 2 {
            let switch = mac(&format!("00005e0054{:02x}", n / 3));
            assert!(organisation.plug(ap(n), switch, &format!("ge-0/0/{}", n % 3)));
        }
        organisation.unplug(ap(0));
    });
    let entries = inventory(&mist);
    assert_eq!(entries.len(), APS);
    let connected: Vec<_> = entries.iter().filter(|entry| entry.is_connected).collect();
    assert_eq!(connected.len(), APS - 3);
    for entry in connected {
        assert!(entry.location.seen.iter().any(|seen| seen.proves(entry.ap)), "{entry:?}");
        assert!(entry.last_seen.is_some() && entry.site == SITE);
    }
    let gone = entries.iter().find(|entry| entry.ap == ap(0)).expect("it is listed");
    assert!(!gone.is_connected && gone.location.seen.is_empty());
    let never = entries.iter().find(|entry| entry.ap == ap(APS - 1)).expect("it is listed");
    assert_eq!((never.is_connected, never.last_seen), (false, None));
    assert!(cloud.requests().len() > 12, "{}", cloud.requests().len());
    // If one page fails there is no answer, whichever page it is.
    for part in ["stats/devices", "page=3", "inventory", "stats/ports", "search_after=8"] {
        cloud.misbehave("GET", part, Fault::Status(500, "{}".to_owned()), 1);
        assert_eq!(ask(&mist, Question::Inventory), Answer::Unanswered, "{part}");
    }
    assert_eq!(inventory(&mist).len(), APS);
}

#[test]
fn what_is_no_answer_is_never_taken_for_one() {
    let cloud = cloud();
    let mist = mist(&cloud);
    assert!(cloud.with(|organisation| organisation.plug(ap(1), switch_mac(), "ge-0/0/1")));
    let away = format!("/api/v1/orgs/{OTHER_SITE}/stats/ports/search?search_after=1");
    let next = json!({ "results": [{}], "limit": 1, "total": 2, "next": away }).to_string();
    let abroad = next.replace("/api/", "http://127.0.0.1:1/api/");
    let faults = [
        Fault::Status(400, r#"{"detail":"bad"}"#.to_owned()),
        Fault::Status(401, "{}".to_owned()),
        Fault::Status(403, "{}".to_owned()),
        Fault::Status(404, "{}".to_owned()),
        Fault::Status(502, "<html>".to_owned()),
        Fault::Portal,
        Fault::Cut,
        Fault::HalfAnswer,
        Fault::Body(String::new()),
        Fault::Body("null".to_owned()),
        Fault::Body(r#"{"results":null}"#.to_owned()),
        Fault::Body(next),
        Fault::Body(abroad),
        Fault::Body("x".repeat(9 << 20)),
    ];
    for fault in faults {
        let shown = format!("{fault:.60?}");
        cloud.misbehave("GET", "stats/ports", fault.clone(), 2);
        assert_eq!(ask_port(&mist, switch_mac(), "ge-0/0/1"), Answer::Unanswered, "{shown}");
        let question = Question::Location { ap: ap(1), site: None };
        assert_eq!(ask(&mist, question), Answer::Unanswered, "{shown}");
    }
    let Answer::Port(Some(_)) = ask_port(&mist, switch_mac(), "ge-0/0/1") else {
        panic!("it is all right again");
    };
    let wrong = mist_with(&cloud, "another", None);
    assert_eq!(ask_port(&wrong, switch_mac(), "ge-0/0/1"), Answer::Unanswered);
    assert_eq!(
        future::block_on(wrong.push(&switch(), &[edit("ge-0/0/1", Mode::Ap, None)])),
        Pushed::Failed(Failure::Login)
    );
}

#[test]
fn an_override_comes_and_goes() {
    let cloud = cloud();
    let mist = mist(&cloud);
    let others = json!({ "ge-0/0/9": { "usage": "iot" } });
    let config = json!({
        "notes": ["kept", 1.5, null],
        "local_port_config": others,
        "port_config": { "ge-0/0/4-8": { "usage": "iot", "no_local_overwrite": false } },
    });
    cloud.with(|organisation| organisation.configure(switch_mac(), config.clone()));
    let edits = [edit("ge-0/0/1", Mode::Ap, None), edit("ge-0/0/5", Mode::Ap, None)];
    let (diff, before) = done(push(&mist, &edits));
    assert!(diff.starts_with("[local_port_config]\n+ \"ge-0/0/1\": "), "{diff}");
    assert_eq!((usage(&cloud, "ge-0/0/1"), usage(&cloud, "ge-0/0/5")), ("ap".into(), "ap".into()));
    assert_eq!(
        (usage(&cloud, "ge-0/0/6"), usage(&cloud, "ge-0/0/9")),
        ("iot".into(), "iot".into())
    );
    // One request for both ports, with all overrides.
    let written = cloud.requests_of("PUT");
    assert_eq!(written.len(), 1);
    assert!(written.iter().all(|put| put.target.ends_with("/local_port_config")));
    let read = |edit: &Edit| future::block_on(mist.read(&switch(), edit));
    assert_eq!(read(&edit("ge-0/0/1", Mode::Ap, None)), Some(true));
    assert_eq!(read(&edit("ge-0/0/2", Mode::Ap, None)), Some(false));
    // The same change again does nothing.
    assert_eq!(done(push(&mist, &edits)).0, "");
    assert_eq!(puts(&cloud), 1);
    let back: Vec<Edit> = before
        .into_iter()
        .map(|(port, before)| edit(&port.to_string(), Mode::Default, Some(before)))
        .collect();
    assert!(back.iter().all(|edit| read(edit) == Some(false)));
    assert_eq!(done(push(&mist, &back)).1, []);
    assert_eq!(cloud.with(|organisation| organisation.config(switch_mac())), config);
    assert!(back.iter().all(|edit| read(edit) == Some(true)));
}

#[test]
fn a_range_is_split_and_comes_together() {
    let cloud = cloud();
    let mist = mist(&cloud);
    let config = json!({
        "unknown": { "deep": [1.5, { "null": null }] },
        "port_config": {
            "ge-0/0/0-8, ge-0/0/10": { "usage": "iot", "no_local_overwrite": true, "mtu": 9200 },
            "ge-0/0/11": { "usage": "secured" },
        },
        "local_port_config": { "ge-0/0/1": { "usage": "iot" } },
    });
    cloud.with(|organisation| organisation.configure(switch_mac(), config.clone()));
    let mut before = Vec::new();
    for name in ["ge-0/0/4", "ge-0/0/0", "ge-0/0/10", "ge-0/0/11"] {
        let (diff, was) = done(to_ap(&mist, name));
        assert!(diff.starts_with("[port_config]\n- "), "{diff}");
        before.extend(was);
        assert_eq!(usage(&cloud, name), "ap");
    }
    for name in ["ge-0/0/1", "ge-0/0/3", "ge-0/0/5", "ge-0/0/8"] {
        assert_eq!(usage(&cloud, name), "iot", "{name}");
    }
    let split = cloud.with(|organisation| organisation.config(switch_mac()));
    assert_eq!(
        split.pointer("/port_config/ge-0~10~14"),
        Some(&json!({ "usage": "ap", "no_local_overwrite": true, "mtu": 9200 }))
    );
    for (port, was) in before {
        done(push(&mist, &[edit(&port.to_string(), Mode::Default, Some(was))]));
    }
    assert_eq!(cloud.with(|organisation| organisation.config(switch_mac())), config);
}

#[test]
fn a_named_profile_is_given_in_place_of_what_was_there() {
    let cloud = cloud();
    let mist = mist_with(&cloud, TOKEN, Some("secured"));
    done(to_ap(&mist, "ge-0/0/1"));
    done(push(&mist, &[edit("ge-0/0/1", Mode::Default, None)]));
    assert_eq!(usage(&cloud, "ge-0/0/1"), "secured");
    // If Mist does not have a profile, the refusal has Mist's words.
    cloud.with(|organisation| organisation.profiles.remove("ap"));
    let Pushed::Failed(Failure::Rejected { message }) = to_ap(&mist, "ge-0/0/2") else {
        panic!("it is refused");
    };
    assert_eq!(message, "Mist answers 400: ge-0/0/2: no port profile is called ap");
}

#[test]
fn both_places_change_in_one_batch() {
    for takes_overrides in [true, false] {
        let cloud = cloud();
        let mist = mist(&cloud);
        let config = json!({ "port_config": { "ge-0/0/1": { "usage": "iot" } } });
        cloud.with(|organisation| {
            organisation.configure(switch_mac(), config);
            organisation.takes_overrides = takes_overrides;
        });
        let edits = [edit("ge-0/0/1", Mode::Ap, None), edit("ge-0/0/2", Mode::Ap, None)];
        let (diff, before) = done(push(&mist, &edits));
        assert!(diff.contains("[port_config]") && diff.contains("[local_port_config]"), "{diff}");
        assert_eq!((before.len(), puts(&cloud)), (2, if takes_overrides { 1 } else { 2 }));
        assert_eq!(
            (usage(&cloud, "ge-0/0/1"), usage(&cloud, "ge-0/0/2")),
            ("ap".into(), "ap".into())
        );
    }
}

#[test]
fn a_write_without_an_answer_is_unknown_and_is_read_back() {
    let cloud = cloud();
    let mist = mist(&cloud);
    let here = edit("ge-0/0/1", Mode::Ap, None);
    for (fault, expected, is_made) in [
        (Fault::LostAnswer, Pushed::Unknown(Failure::Timeout), true),
        (Fault::HalfAnswer, Pushed::Unknown(Failure::Timeout), true),
        (Fault::Cut, Pushed::Unknown(Failure::Timeout), false),
        (Fault::Status(504, String::new()), Pushed::Unknown(Failure::Busy { after: None }), false),
        (Fault::Status(403, "{}".to_owned()), Pushed::Failed(Failure::Login), false),
        (Fault::Status(404, "{}".to_owned()), Pushed::Failed(Failure::Unreachable), false),
    ] {
        let switch = switch();
        cloud.with(|organisation| organisation.configure(switch_mac(), json!({})));
        cloud.misbehave("PUT", "", fault.clone(), 1);
        let before = puts(&cloud);
        let pushed = future::block_on(mist.push(&switch, std::slice::from_ref(&here)));
        assert_eq!(pushed, expected, "{fault:?}");
        assert_eq!(puts(&cloud), before + 1, "{fault:?}: it is not sent twice");
        assert_eq!(future::block_on(mist.read(&switch, &here)), Some(is_made), "{fault:?}");
    }
    // An answer of success without an effect, and one whose effect cannot be read back.
    cloud.misbehave("PUT", "", Fault::Ignored, 1);
    let reason = "Mist took the change and did not keep it".to_owned();
    let not_kept = Pushed::Failed(Failure::Undone { reason, after: None });
    let switch = switch();
    let push = || future::block_on(mist.push(&switch, std::slice::from_ref(&here)));
    assert_eq!(push(), not_kept);
    // The first read of the device succeeds.
    cloud.misbehave("PUT", "", Fault::Portal, 1);
    assert!(matches!(push(), Pushed::Done { .. }), "what is read counts");
    cloud.misbehave("GET", "/devices/", Fault::Portal, 1);
    assert_eq!(push(), Pushed::Failed(Failure::Busy { after: None }));
    cloud.misbehave("GET", "/devices/", Fault::Cut, 1);
    assert_eq!(future::block_on(mist.read(&switch, &here)), None);
}

#[test]
fn who_may_only_write_overrides_is_kept_out_by_no_local_overwrite() {
    let cloud = cloud();
    let mist = mist(&cloud);
    let config = json!({ "port_config": { "ge-0/0/1": { "usage": "iot" } } });
    cloud.with(|organisation| {
        organisation.configure(switch_mac(), config.clone());
        organisation.token.1 = Role::PortOperator;
    });
    assert_eq!(to_ap(&mist, "ge-0/0/1"), Pushed::Failed(Failure::Protected));
    done(to_ap(&mist, "ge-0/0/2"));
    cloud.with(|organisation| organisation.token.1 = Role::Observer);
    assert_eq!(to_ap(&mist, "ge-0/0/3"), Pushed::Failed(Failure::Login));
    assert_eq!(usage(&cloud, "ge-0/0/1"), "iot");
}

#[test]
fn one_switch_is_written_by_one_at_a_time() {
    let cloud = cloud();
    let mist = mist(&cloud);
    let at = switch();
    let edits: Vec<Edit> = (0..10).map(|n| edit(&format!("ge-0/0/{n}"), Mode::Ap, None)).collect();
    // Each change reads all overrides and writes them back, so two at once would lose one.
    let executor = smol::LocalExecutor::new();
    let tasks: Vec<_> = edits
        .iter()
        .map(|edit| executor.spawn(mist.push(&at, std::slice::from_ref(edit))))
        .collect();
    let pushed: Vec<Pushed> = future::block_on(executor.run(async {
        let mut all = Vec::new();
        for task in tasks {
            all.push(task.await);
        }
        all
    }));
    assert!(pushed.iter().all(|pushed| matches!(pushed, Pushed::Done { .. })), "{pushed:?}");
    assert_eq!(puts(&cloud), 10);
    assert!(edits.iter().all(|edit| usage(&cloud, &edit.port.to_string()) == "ap"));
}

#[test]
fn different_switches_are_written_at_the_same_time() {
    let cloud = cloud();
    let other = mac("00005e005302");
    cloud.with(|organisation| organisation.add_switch(other, SITE, "sw-2", 2));
    let mist = mist(&cloud);
    let first = switch();
    let second = Switch {
        mac: other,
        device_id: "00000000-0000-0000-1000-00005e005302".to_owned(),
        ..first.clone()
    };
    let here = [edit("ge-0/0/1", Mode::Ap, None)];
    cloud.misbehave("PUT", &first.device_id, Fault::Held, 1);
    let (slow, quick) = future::block_on(future::zip(mist.push(&first, &here), async {
        await_requests(&cloud, "PUT", 1).await;
        let quick = mist.push(&second, &here).await;
        cloud.release();
        quick
    }));
    done(quick);
    done(slow);
    assert!(cloud.together_max() >= 2);
}

#[test]
fn a_spent_budget_delays_all_questions() {
    let cloud = cloud();
    let mist = mist(&cloud);
    assert!(cloud.with(|organisation| organisation.plug(ap(1), switch_mac(), "ge-0/0/0")));
    let at = switch();
    cloud.misbehave("GET", "inventory", Fault::TooMany(Some(2)), 1);
    assert_eq!(ask_port(&mist, switch_mac(), "ge-0/0/0"), Answer::Unanswered);
    let before = cloud.requests().len();
    let start = std::time::Instant::now();
    // A question waits, and then is answered.
    let Answer::Port(Some(_)) = ask_port(&mist, switch_mac(), "ge-0/0/0") else {
        panic!("it is answered");
    };
    assert!(start.elapsed() > Duration::from_secs(1), "{:?}", start.elapsed());
    assert_eq!(cloud.requests().len(), before + 2);
    // A change does not wait that long, and reports when to try again.
    cloud.misbehave("PUT", "", Fault::TooMany(Some(600)), 1);
    let here = [edit("ge-0/0/1", Mode::Ap, None)];
    let pushed = future::block_on(mist.push(&at, &here));
    assert_eq!(pushed, Pushed::Failed(Failure::Busy { after: Some(Duration::from_secs(600)) }));
    let before = cloud.requests().len();
    let pushed = future::block_on(mist.push(&at, &here));
    let Pushed::Failed(Failure::Busy { after: Some(after) }) = pushed else {
        panic!("{pushed:?}");
    };
    assert!(after > Duration::from_secs(500), "{after:?}");
    assert_eq!(future::block_on(mist.is_connected(ap(1), None)), None);
    assert_eq!(ask_port(&mist, switch_mac(), "ge-0/0/0"), Answer::Unanswered);
    // A later configuration keeps the pause.
    let later = self::mist(&cloud).after(&mist);
    assert_eq!(future::block_on(later.is_connected(ap(1), None)), None);
    assert_eq!(cloud.requests().len(), before, "nothing is asked meanwhile");
}

#[test]
fn questions_leave_room_for_changes() {
    const QUESTIONS: usize = 12;
    let cloud = cloud();
    let mist = mist(&cloud);
    cloud.misbehave("GET", "inventory", Fault::Held, QUESTIONS);
    let executor = smol::LocalExecutor::new();
    let asked: Vec<_> = (0..QUESTIONS)
        .map(|n| {
            let switch_port =
                SwitchPort { switch: switch_mac(), port: port(&format!("ge-0/1/{n}")) };
            executor.spawn(mist.answer(Question::Port { switch_port, switch: None }))
        })
        .collect();
    let answers = future::block_on(executor.run(async {
        let (at, here) = (switch(), [edit("ge-0/0/1", Mode::Ap, None)]);
        await_requests(&cloud, "GET", 6).await;
        // While no question is answered, changes still succeed.
        done(mist.push(&at, &here).await);
        cloud.release();
        let mut answers = Vec::new();
        for answer in asked {
            answers.push(answer.await);
        }
        answers
    }));
    assert!(answers.iter().all(|answer| *answer == Answer::Port(None)), "{answers:?}");
    assert!(cloud.together_max() < QUESTIONS, "{}", cloud.together_max());
}

#[test]
fn without_profiles_or_a_device_nothing_is_written() {
    let cloud = cloud();
    let mist = mist(&cloud);
    let at = switch();
    let unknown = Switch { device_id: String::new(), ..at };
    let here = [edit("ge-0/0/1", Mode::Ap, None)];
    let pushed = future::block_on(mist.push(&unknown, &here));
    assert_eq!(pushed, Pushed::Failed(Failure::Unreachable));
    assert_eq!(puts(&cloud), 0);
    let gone = Url::parse(&cloud.origin()).expect("a URL");
    let config = |token: Option<&str>, org: Option<&str>| mist::Mist {
        name: None,
        is_other: false,
        api_url: gone.clone(),
        dashboard_host: String::new(),
        token: token.map(Secret::new),
        org_id: org.map(str::to_owned),
        selftest: None,
    };
    for (token, org) in [(None, Some(ORG)), (Some(TOKEN), None)] {
        assert!(Mist::new(&config(token, org), None, outbound(), journal()).is_none());
    }
}

#[test]
fn requests_are_signed_and_bare() {
    let cloud = cloud();
    let mist = mist(&cloud);
    done(to_ap(&mist, "ge-0/0/1"));
    let put = cloud.requests_of("PUT").pop().expect("a write");
    let body: Value = serde_json::from_str(&put.body).expect("JSON");
    assert_eq!(body, json!({ "ge-0/0/1": { "usage": "ap", "note": "set by mistgate" } }));
    assert!(cloud.requests().iter().all(|request| !request.target.contains(TOKEN)));
}

#[test]
fn an_answer_that_is_late_may_be_one_and_a_cloud_that_is_not_there_got_nothing() {
    let cloud = cloud();
    let get = |origin: &str, timeout: Duration| {
        let origin = Url::parse(origin).expect("a URL");
        let authorization = Some(Secret::new(format!("Token {TOKEN}")));
        let api = Api::new(origin, authorization, timeout, outbound(), journal());
        let (method, target) = (http_types::Method::Get, format!("/api/v1/orgs/{ORG}/inventory"));
        let request = Request { method, target, session: None, body: None };
        future::block_on(api.send(&request))
    };
    let short = Duration::from_millis(200);
    cloud.misbehave("GET", "inventory", Fault::Held, 1);
    assert_eq!(get(&cloud.origin(), short), Err(Failure::Timeout));
    let answer = get(&cloud.origin(), LONG).expect("an answer");
    assert_eq!((answer.status, answer.total), (200, Some(1)));
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = nobody.local_addr().expect("an address");
    drop(nobody);
    assert_eq!(get(&format!("http://{address}"), LONG), Err(Failure::Unreachable));
    // A server without a valid certificate does not get the token.
    let https = cloud.origin().replace("http://", "https://");
    assert_eq!(get(&https, short), Err(Failure::Unreachable));
}
