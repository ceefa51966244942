//! Timelines of the whole engine: at this time this goes in, and that comes out.

use core::time::Duration;

use super::*;
use crate::base::secret::Secret;
use crate::base::window::Window;
use crate::chat::kind::{Kind, Options};
use crate::chat::{console, google, slack, teams};
use crate::delivery::batch;
use crate::delivery::batch::EventKey;
use crate::delivery::config::Delivery;
use crate::engine::output::Put;
use crate::event::fingerprint::Fingerprint;
use crate::event::{Event, Topic};
use crate::incident::config::Rules;
use crate::notify::Severity;
use crate::route::{Routes, Target};
use crate::webhook::intake;

fn destination(name: &str, kind: &'static Kind, channels: &[&str]) -> Destination {
    Destination {
        chat: kind.name.into(),
        name: name.to_string(),
        is_named: false,
        kind,
        format: kind.default_format(),
        url: Some(Secret::new(name)),
        channels: channels.iter().map(|channel| channel.to_string()).collect(),
        default: channels.is_empty(),
        pace: Vec::new(),
        options: Options::default(),
        fallback: None,
    }
}

fn chat(destinations: &[Destination]) -> Config {
    let chat = Chat {
        routes: Routes::default().into(),
        destinations: destinations.to_vec(),
        delivery: Delivery {
            keeps_all: false,
            max_age: Duration::from_secs(3_600),
            timeout: Duration::from_secs(10),
            queue_max: 100,
            digest_after: Duration::from_secs(30),
            extra_ca: None,
            http_proxy: None,
        },
    };
    Config {
        chat,
        dedup_window: Duration::from_secs(60),
        incidents: Rules::default(),
        dashboard_host: "manage.mist.com".to_string(),
        next_batch: 1,
    }
}

fn names(chats: &Chats) -> String {
    chats.iter().map(|chat| &**chat).collect::<Vec<_>>().join(" ")
}

fn item(n: u8, channel: &str, kinds: &[&Kind]) -> Item {
    Item {
        fingerprint: Fingerprint::from_bytes([n; 16]),
        kin: None,
        channel: channel.to_string(),
        severity: Severity::Info,
        chats: kinds.iter().map(|kind| kind.name.into()).collect(),
        changes: Vec::new(),
        incidents: Vec::new(),
        text: "{}".to_string(),
    }
}

fn request(id: RequestId, items: Vec<Item>) -> Input {
    let intake = Intake {
        topic: "alarms".to_string(),
        items,
        unrouted: 0,
        broken: 0,
        ap_events: Vec::new(),
        org: None,
    };
    Input::Request { id, intake, at: UnixTime::from_secs(1_752_000_000) }
}

/// The outputs after `input` at `secs`, each in a word or two.
fn at(engine: &mut Engine, secs: u64, input: Input) -> Vec<String> {
    let now = Instant::from_secs(secs);
    engine.handle_timeout(now);
    engine.handle_input(now, input);
    let words = core::iter::from_fn(|| engine.poll_output()).map(|output| match output {
        Output::Event(output::Event::Accepted { batch, events }) => {
            alloc::format!("accepted {batch}: {events}")
        }
        Output::Event(output::Event::Delivered { to, events, .. }) => {
            alloc::format!("delivered {}: {events}", to.name)
        }
        Output::Event(output::Event::Dropped { to, events, loss }) => {
            let to = to.map_or("nobody".to_string(), |to| to.name.clone());
            alloc::format!("dropped {to}: {events} {}", loss.name())
        }
        Output::Event(output::Event::Parked { to, reason, .. }) => {
            alloc::format!("parked {} {}", to.name, reason.name())
        }
        Output::Event(output::Event::Refused { events }) => alloc::format!("refused {events}"),
        Output::Event(output::Event::Resumed { to }) => alloc::format!("resumed {}", to.name),
        Output::Event(output::Event::Retrying { to, .. }) => alloc::format!("retrying {}", to.name),
        Output::Event(output::Event::Suppressed { events }) => {
            alloc::format!("suppressed {events}")
        }
        Output::Event(output::Event::Incident(event)) => match event {
            incident::output::Event::Counted { to, fate, events } => {
                alloc::format!("{to}: {events} {}", fate.name())
            }
            incident::output::Event::Full => "full".to_string(),
            incident::output::Event::Opened { id, .. } => alloc::format!("opened {id}"),
            incident::output::Event::Over { id, .. } => alloc::format!("over {id}"),
            incident::output::Event::SilenceOver(number) => {
                alloc::format!("silence {number} over")
            }
        },
        Output::Event(output::Event::Told { to, .. }) => alloc::format!("told {}", to.name),
        Output::KeepIncident { record, .. } => {
            alloc::format!("keep incident {}", record.is_some())
        }
        Output::KeepShown { to, shown, .. } => alloc::format!("keep {to} {}", shown.is_some()),
        Output::KeepSilence { number, .. } => alloc::format!("keep silence {number}"),
        Output::Recall { entries, .. } => alloc::format!("recall {}", entries.len()),
        Output::Respond { id, status } => alloc::format!("respond {id} {status}"),
        Output::Send { to, id, message: output::Message::Events(keys), .. } => {
            let batches: Vec<_> = keys.iter().map(|key| key.batch.to_string()).collect();
            alloc::format!("send {} #{id} {}", to.name, batches.join(","))
        }
        Output::Send { to, id, message: output::Message::Incidents(told), .. } => {
            alloc::format!("tell {} #{id} {}", to.name, told.title)
        }
        Output::Settle { key, chats, dead: None } => {
            alloc::format!("settle {} {}", key.batch, names(&chats))
        }
        Output::Settle { key, chats, dead: Some(Dead { to, reason }) } => {
            alloc::format!("bury {} {} of {to}: {reason}", key.batch, names(&chats))
        }
        Output::Store { put: Put { batch, chats, incidents, letter, .. }, .. } => match letter {
            Some(letter) => alloc::format!("store {batch} for letter {letter}"),
            None if incidents.is_empty() => alloc::format!("store {batch}: {}", chats.len()),
            None => {
                alloc::format!("store {batch}: {} and incidents {}", chats.len(), incidents.len())
            }
        },
    });
    words.collect()
}

/// A request with an event of an access point.
fn of_ap(engine: &Engine, id: RequestId, kind: &str, secs: i64) -> Input {
    let at = 1_752_000_000 + secs;
    let text = alloc::format!(
        r#"{{"type":"{kind}","mac":"5c5b35000001","device_name":"AP-1","timestamp":{at}}}"#
    );
    let event = Event::parse(Topic::DeviceEvents, &text).expect("an object");
    let items = Vec::from([intake::item(&engine.chat, &event).expect("it is routed")]);
    let mut request = request(id, items);
    if let Input::Request { intake, at: now, .. } = &mut request {
        (intake.topic, *now) = ("device-events".to_string(), UnixTime::from_secs(at));
    }
    request
}

#[test]
fn an_event_of_an_incident_is_told_by_the_incident() {
    let engine = &mut engine(&[
        destination("console", &console::KIND, &[]),
        destination("slack/all", &slack::KIND, &[]),
    ]);
    let down = of_ap(engine, 1, "AP_DISCONNECTED", 0);
    let stored = at(engine, 0, down);
    // The stream is owed the event, and the chat is told of the incident.
    assert_eq!(stored, ["opened 1", "store 1: 1 and incidents 1"]);
    let sent = at(engine, 0, Input::Stored(1));
    assert_eq!(sent, ["respond 1 200", "accepted 1: 1", "send console #1 1"]);
    let done = answered(engine, "console", 1, 200);
    assert_eq!(at(engine, 0, done), ["settle 1 console", "delivered console: 1"]);
    assert_eq!(engine.poll_timeout(), Some(Instant::from_secs(30)));
    engine.handle_timeout(Instant::from_secs(30));
    let up = of_ap(engine, 2, "AP_CONNECTED", 30);
    assert_eq!(
        at(engine, 30, up),
        ["tell slack/all #1 AP disconnected", "over 1", "store 2: 1 and incidents 1"]
    );
    // What is on its way is told again as it was, and as plain text.
    let refused = answered(engine, "slack/all", 1, 400);
    assert_eq!(at(engine, 31, refused), ["tell slack/all #2 AP disconnected"]);
    let arrived = answered(engine, "slack/all", 2, 200);
    assert_eq!(
        at(engine, 32, arrived),
        ["slack/all: 1 told", "keep slack/all true", "told slack/all"]
    );
    // A batch of nothing but what was told is no more than its fingerprints.
    let only_slack = chat(&[destination("slack/all", &slack::KIND, &[])]);
    at(engine, 33, Input::Configured(only_slack));
    let again = of_ap(engine, 3, "AP_CONNECTED", 33);
    assert_eq!(at(engine, 33, again), ["store 3: 0"]);
    assert_eq!(at(engine, 33, Input::Stored(3)), ["respond 3 200", "accepted 3: 1"]);
    engine.handle_timeout(Instant::from_secs(42));
    let words = at(engine, 42, Input::Refused(99));
    assert_eq!(words, ["tell slack/all #3 AP connected"]);
}

#[test]
fn an_incident_is_dropped_only_when_a_message_that_names_nothing_else_is_refused() {
    let engine = &mut engine(&[destination("slack/all", &slack::KIND, &[])]);
    let down = of_ap(engine, 1, "AP_DISCONNECTED", 0);
    at(engine, 0, down);
    at(engine, 0, Input::Stored(1));
    at(engine, 30, Input::Refused(99));
    for id in 1..=3 {
        let refused = answered(engine, "slack/all", id, 400);
        let again = alloc::format!("tell slack/all #{} AP disconnected", id + 1);
        assert_eq!(at(engine, 30 + id, refused), [again]);
    }
    let refused = answered(engine, "slack/all", 4, 400);
    let dropped = at(engine, 34, refused);
    let lines = ["slack/all: 1 dropped", "keep slack/all true", "dropped slack/all: 0 refused"];
    assert_eq!(dropped, lines);
}

#[test]
fn what_a_refused_batch_says_of_incidents_is_kept_all_the_same() {
    let engine = &mut engine(&[destination("slack/all", &slack::KIND, &[])]);
    let down = of_ap(engine, 1, "AP_DISCONNECTED", 0);
    at(engine, 0, down);
    assert_eq!(
        at(engine, 0, Input::Refused(1)),
        ["respond 1 503", "keep incident true", "refused 1"]
    );
}

fn answered(engine: &Engine, name: &str, id: u64, status: u16) -> Input {
    let slot = engine.slots.iter().chain(&engine.retired).find(|slot| slot.to.name == name);
    Input::Answered {
        destination: slot.expect("a destination of that name").id,
        id,
        answer: Ok(Answer { status, retry_after: None, body: Vec::new() }),
        at: UnixTime::from_secs(1_752_000_001),
    }
}

fn engine(destinations: &[Destination]) -> Engine {
    Engine::new(chat(destinations), 1, Instant::from_secs(0))
}

#[test]
fn from_a_request_to_two_chats() {
    let both = [&slack::KIND, &google::KIND];
    let engine = &mut engine(&[
        destination("slack/info", &slack::KIND, &["info"]),
        destination("google/default", &google::KIND, &[]),
    ]);
    assert_eq!(at(engine, 0, request(7, [item(1, "info", &both)].into())), ["store 1: 1"]);
    assert!(engine.is_busy());
    assert_eq!(
        at(engine, 1, Input::Stored(1)),
        ["respond 7 200", "accepted 1: 1", "send slack/info #1 1", "send google/default #1 1"]
    );
    let answer = answered(engine, "slack/info", 1, 200);
    assert_eq!(at(engine, 1, answer), ["settle 1 slack", "delivered slack/info: 1"]);
    let answer = answered(engine, "google/default", 1, 200);
    assert_eq!(at(engine, 2, answer), ["settle 1 google", "delivered google/default: 1"]);
    assert!(!engine.is_busy());
    let again = request(8, [item(1, "info", &both)].into());
    assert_eq!(at(engine, 3, again), ["suppressed 1", "respond 8 200"]);
}

#[test]
fn what_nobody_waits_for_is_stored_where_all_is_kept() {
    let mut config = chat(&[destination("slack/info", &slack::KIND, &["info"])]);
    config.chat.delivery.keeps_all = true;
    let engine = &mut Engine::new(config, 1, Instant::from_secs(0));
    let items = Vec::from([item(1, "debug", &[]), item(2, "info", &[&slack::KIND])]);
    assert_eq!(at(engine, 0, request(1, items)), ["store 1: 2"]);
    let stored = at(engine, 0, Input::Stored(1));
    assert_eq!(stored, ["respond 1 200", "accepted 1: 1", "send slack/info #1 1"]);
    assert_eq!(at(engine, 0, request(2, [item(3, "debug", &[])].into())), ["store 2: 1"]);
    assert_eq!(at(engine, 0, Input::Stored(2)), ["respond 2 200"]);
    // A failure is told by its incident, and kept as it came.
    let stored = at(engine, 0, of_ap(engine, 3, "AP_DISCONNECTED", 0));
    assert!(stored.contains(&"store 3: 1 and incidents 1".to_string()), "{stored:?}");
    let client = Event::parse(Topic::parse("client-join".into()), "{}").expect("an object");
    assert_eq!(intake::item(&engine.chat, &client), None, "a topic that nobody named");
    let dropped = Event::parse(Topic::Alarms, "{}").expect("an object");
    engine.chat.destinations.clear();
    assert!(intake::item(&engine.chat, &dropped).is_some_and(|item| !item.is_routed()));
}

#[test]
fn a_refusing_disk_is_a_503_and_nothing_is_queued() {
    let engine = &mut engine(&[destination("slack/info", &slack::KIND, &["info"])]);
    let item = item(1, "info", &[&slack::KIND]);
    assert_eq!(at(engine, 0, request(1, [item.clone()].into())), ["store 1: 1"]);
    assert_eq!(at(engine, 0, Input::Refused(1)), ["respond 1 503", "refused 1"]);
    assert_eq!(at(engine, 1, request(2, [item].into())), ["store 2: 1"]);
}

#[test]
fn events_that_are_given_up_are_said_on_the_others_once_an_hour() {
    let engine = &mut engine(&[
        destination("slack/info", &slack::KIND, &["info"]),
        destination("teams/critical", &teams::KIND, &["critical"]),
    ]);
    let mut batch = 0;
    let mut refuse = |engine: &mut Engine, secs: u64| {
        batch += 1;
        let number = u8::try_from(batch).expect("a few");
        at(engine, secs, request(batch, [item(number, "info", &[&slack::KIND])].into()));
        let mut said = at(engine, secs, Input::Stored(batch));
        for _ in 0..2 {
            let sent = engine.slots.first().map(|slot| slot.queue.is_sending());
            assert_eq!(sent, Some(true), "{said:?}");
            let id = said.iter().find_map(|line| line.strip_prefix("send slack/info #"));
            let id = id.and_then(|rest| rest.split(' ').next()?.parse().ok()).expect("an id");
            let answer = answered(engine, "slack/info", id, 400);
            said = at(engine, secs + 1, answer);
            said.extend(at(engine, secs + 2, Input::Refused(99)));
        }
        let stored = |line: &String| line.strip_prefix("store ")?.split(':').next()?.parse().ok();
        let report: Option<u64> = said.iter().find_map(stored);
        batch = report.unwrap_or(batch);
        report.is_some()
    };
    assert!(refuse(engine, 0));
    assert!(!refuse(engine, 100));
    assert!(!refuse(engine, 3_500));
    assert!(refuse(engine, 3_700));
}

#[test]
fn what_is_critical_goes_to_the_fallback_of_a_dead_destination() {
    let slack = destination("slack", &slack::KIND, &[]);
    let oncall = Destination { is_named: true, ..destination("teams", &teams::KIND, &[]) };
    let engine =
        &mut engine(&[Destination { fallback: Some("teams".into()), ..slack.clone() }, oncall]);
    let overrides = [("device-events", [("*", Target::Channel("critical".to_string()))])];
    let named = |(kind, to): (&str, Target)| (kind.to_string(), to);
    engine.chat.routes.overrides = overrides
        .into_iter()
        .map(|(topic, to)| (topic.to_string(), to.into_iter().map(named).collect()))
        .collect();
    let down = of_ap(engine, 1, "AP_DISCONNECTED", 0);
    let told = at(engine, 0, down);
    assert!(told.contains(&"tell slack #1 AP disconnected".to_string()), "{told:?}");
    at(engine, 0, Input::Stored(1));
    // What is open then is told there, and nothing of what is not critical.
    let dead = answered(engine, "slack", 1, 404);
    let told = at(engine, 0, dead);
    assert!(told.contains(&"tell teams #1 AP disconnected".to_string()), "{told:?}");
    let arrived = answered(engine, "teams", 1, 200);
    at(engine, 1, arrived);
    let chats = |item: Item| {
        let mut item = item;
        engine.fall_back(&mut item);
        names(&item.chats)
    };
    let critical = Item { severity: Severity::Critical, ..item(2, "critical", &[&slack::KIND]) };
    assert_eq!(chats(critical), "slack teams");
    assert_eq!(chats(item(3, "critical", &[&slack::KIND])), "slack");
    let resumed = answered(engine, "slack", 2, 200);
    engine.handle_timeout(Instant::from_secs(120));
    at(engine, 121, resumed);
    let mut critical =
        Item { severity: Severity::Critical, ..item(4, "critical", &[&slack::KIND]) };
    engine.fall_back(&mut critical);
    assert_eq!(names(&critical.chats), "slack");
}

#[test]
fn a_dead_destination_is_said_on_the_others() {
    let engine = &mut engine(&[
        destination("slack/info", &slack::KIND, &["info"]),
        destination("slack/critical", &slack::KIND, &["critical"]),
        destination("teams/default", &teams::KIND, &[]),
    ]);
    at(engine, 0, request(1, [item(1, "info", &[&slack::KIND])].into()));
    at(engine, 0, Input::Stored(1));
    let answer = answered(engine, "slack/info", 1, 404);
    assert_eq!(
        at(engine, 0, answer),
        ["parked slack/info gone", "opened 1", "store 2: 0 and incidents 1"]
    );
    assert_eq!(at(engine, 0, Input::Stored(2)), ["accepted 2: 1"]);
    let told = at(engine, 30, Input::Refused(99));
    let title = "Chat destination stopped";
    assert_eq!(
        told,
        [format!("tell slack/critical #1 {title}"), format!("tell teams/default #1 {title}")]
    );
    engine.handle_timeout(Instant::from_secs(60));
    assert!(matches!(engine.poll_output(), Some(Output::Send { id: 2, .. })));
    let answer = answered(engine, "slack/info", 2, 200);
    assert_eq!(
        at(engine, 61, answer),
        [
            "resumed slack/info",
            "over 1",
            "store 3: 0 and incidents 1",
            "settle 1 slack",
            "delivered slack/info: 1"
        ]
    );
}

#[test]
fn what_a_vanished_destination_held_goes_to_the_one_in_its_place() {
    let engine = &mut engine(&[destination("slack/old", &slack::KIND, &["info"])]);
    let items = [item(1, "info", &[&slack::KIND]), item(2, "info", &[&slack::KIND])];
    at(engine, 0, request(1, items.into()));
    at(engine, 0, Input::Stored(1));
    let config = chat(&[destination("slack/new", &slack::KIND, &["info"])]);
    // What is in flight is awaited, what waits is recalled.
    let recalled = recalled(engine, 1, config);
    let answer = answered(engine, "slack/old", 1, 200);
    assert_eq!(at(engine, 1, answer), ["settle 1 slack", "delivered slack/old: 1"]);
    assert_eq!(at(engine, 2, recalled.clone()), ["send slack/new #1 1"]);
    at(engine, 3, Input::Configured(chat(&[])));
    let dropped = at(engine, 4, recalled);
    let buried = "bury 1 slack of slack: no destination is configured for it any more";
    assert_eq!(dropped, [buried, "dropped nobody: 1 unrouted"]);
}

/// Configures, and answers the recall that follows as the driver does.
fn recalled(engine: &mut Engine, secs: u64, config: Config) -> Input {
    engine.handle_input(Instant::from_secs(secs), Input::Configured(config));
    let Some(Output::Recall { entries, chat }) = engine.poll_output() else {
        panic!("nothing is recalled");
    };
    assert!(engine.poll_output().is_none());
    let events = entries.into_iter().map(|entry| (entry, "info".to_string())).collect();
    Input::Recalled { events, chat }
}

#[test]
fn what_is_recalled_grows_no_younger() {
    let engine = &mut engine(&[destination("slack/old", &slack::KIND, &["info"])]);
    let items = [item(1, "info", &[&slack::KIND]), item(2, "info", &[&slack::KIND])];
    at(engine, 0, request(1, items.into()));
    at(engine, 0, Input::Stored(1));
    let config = chat(&[destination("slack/new", &slack::KIND, &["info"])]);
    let recalled = recalled(engine, 3_599, config);
    let buried = "bury 1 slack of slack/new: older than max_age";
    assert_eq!(at(engine, 3_600, recalled), [buried, "dropped slack/new: 1 expired"]);
}

#[test]
fn what_was_to_be_said_plainly_is_recalled_too() {
    let slow = |name| {
        let pace = [Window::per_secs(1, 60)].to_vec();
        Destination { pace, ..destination(name, &slack::KIND, &["info"]) }
    };
    let refused_then_retired = &mut engine(&[slow("slack/old")]);
    at(refused_then_retired, 0, request(1, [item(1, "info", &[&slack::KIND])].into()));
    at(refused_then_retired, 0, Input::Stored(1));
    let answer = answered(refused_then_retired, "slack/old", 1, 400);
    assert!(at(refused_then_retired, 1, answer).is_empty());
    let config = || Input::Configured(chat(&[slow("slack/new")]));
    assert_eq!(at(refused_then_retired, 2, config()), ["recall 1"]);

    let retired_then_refused = &mut engine(&[slow("slack/old")]);
    at(retired_then_refused, 0, request(1, [item(1, "info", &[&slack::KIND])].into()));
    at(retired_then_refused, 0, Input::Stored(1));
    assert!(at(retired_then_refused, 1, config()).is_empty());
    let answer = answered(retired_then_refused, "slack/old", 1, 400);
    assert_eq!(at(retired_then_refused, 2, answer), ["recall 1"]);
}

#[test]
fn what_an_earlier_run_left_expires_by_its_own_age() {
    let engine = &mut engine(&[destination("slack/info", &slack::KIND, &["info"])]);
    let restored = Restored {
        key: EventKey { batch: 1, index: 0 },
        channel: "info".to_string(),
        severity: Severity::Info,
        chats: Chats::from([slack::KIND.name.into()]),
    };
    let ago = Duration::from_secs(3_601);
    let input = Input::Restored { events: [restored].into(), ago };
    let buried = "bury 1 slack of slack/info: older than max_age";
    assert_eq!(at(engine, 0, input), [buried, "dropped slack/info: 1 expired"]);
}

#[test]
fn a_report_takes_the_way_of_any_event_and_a_repeat_is_none() {
    let mut config = chat(&[
        destination("slack/noc", &slack::KIND, &["noc"]),
        destination("slack/info", &slack::KIND, &["info"]),
    ]);
    config.chat.routes.ports_to = Some("noc".to_string());
    let mut engine = Engine::new(config, 1, Instant::from_secs(0));
    let report = |id: u8| Input::Report {
        text: alloc::format!(r#"{{"type":"PORT_CHANGED","id":"{id}"}}"#),
        at: UnixTime::from_secs(1_752_000_000),
    };
    assert_eq!(at(&mut engine, 0, report(1)), ["store 1: 1"]);
    assert_eq!(at(&mut engine, 0, Input::Stored(1)), ["accepted 1: 1", "send slack/noc #1 1"]);
    assert_eq!(at(&mut engine, 1, report(1)), ["suppressed 1"]);
    assert_eq!(at(&mut engine, 1, report(2)), ["store 2: 1"]);
    let unwanted = Input::Report { text: r#"{"type":"X"}"#.to_string(), at: UnixTime::default() };
    assert_eq!(at(&mut engine, 1, unwanted), ["store 3: 1"], "unknown types are information");
    for text in ["", "[]", "{"] {
        let input = Input::Report { text: text.to_string(), at: UnixTime::default() };
        assert!(at(&mut engine, 1, input).is_empty(), "{text}");
    }
}

#[test]
fn what_is_refused_for_good_is_buried_with_the_answer_and_sent_again_once() {
    let engine = &mut engine(&[destination("slack/info", &slack::KIND, &["info"])]);
    at(engine, 0, request(1, [item(1, "info", &[&slack::KIND])].into()));
    at(engine, 0, Input::Stored(1));
    let refused = |engine: &Engine, id, body: &[u8]| {
        let mut input = answered(engine, "slack/info", id, 400);
        if let Input::Answered { answer: Ok(answer), .. } = &mut input {
            answer.body = body.to_vec();
        }
        input
    };
    let input = refused(engine, 1, b"invalid_blocks");
    assert_eq!(at(engine, 0, input), ["send slack/info #2 1"]);
    let input = refused(engine, 2, b"invalid_text");
    let buried = "bury 1 slack of slack/info: refused: 400 invalid_text";
    assert_eq!(at(engine, 1, input), [buried, "dropped slack/info: 1 refused"]);

    let bytes =
        batch::encode(UnixTime::from_secs(5), "alarms", &[item(1, "info", &[&slack::KIND])]);
    let again = |id, chat: &str| {
        let intake = intake::again(7, chat.into(), &bytes).expect("one event");
        Input::Again { id, letter: 7, intake, at: UnixTime::from_secs(6) }
    };
    assert_eq!(at(engine, 2, again(2, "teams")), ["respond 2 409"], "there is no such chat");
    assert_eq!(at(engine, 2, again(3, "slack")), ["store 2 for letter 7"]);
    assert_eq!(at(engine, 2, again(4, "slack")), ["suppressed 1"], "it is already on its way");
    assert_eq!(at(engine, 2, Input::Refused(2)), ["respond 3 503", "respond 4 503", "refused 1"]);
    assert_eq!(at(engine, 3, again(5, "slack")), ["store 3 for letter 7"]);
    assert_eq!(
        at(engine, 3, Input::Stored(3)),
        ["respond 5 200", "accepted 3: 1", "send slack/info #3 3"]
    );
}
