//! Timelines of the whole engine: at this time this goes in, and that comes out.

use core::time::Duration;

use super::*;
use crate::base::secret::Secret;
use crate::base::window::Window;
use crate::chat::kind::Kind;
use crate::chat::{google, slack, teams};
use crate::delivery::config::Delivery;
use crate::event::fingerprint::Fingerprint;
use crate::route::Routes;

fn destination(name: &str, kind: &'static Kind, channels: &[&str]) -> Destination {
    Destination {
        chat: kind.name.into(),
        name: name.to_string(),
        kind,
        format: kind.default_format(),
        url: Some(Secret::new(name)),
        channels: channels.iter().map(|channel| channel.to_string()).collect(),
        default: channels.is_empty(),
        pace: Vec::new(),
    }
}

fn chat(destinations: &[Destination]) -> Config {
    let chat = Chat {
        routes: Routes::default(),
        destinations: destinations.to_vec(),
        delivery: Delivery {
            max_age: Duration::from_secs(3_600),
            timeout: Duration::from_secs(10),
            queue_max: 100,
            digest_after: Duration::from_secs(30),
            extra_ca: None,
            http_proxy: None,
        },
    };
    Config { chat, dedup_window: Duration::from_secs(60), next_batch: 1 }
}

fn names(chats: &Chats) -> String {
    chats.iter().map(|chat| &**chat).collect::<Vec<_>>().join(" ")
}

fn item(n: u8, channel: &str, kinds: &[&Kind]) -> Item {
    Item {
        fingerprint: Fingerprint::from_bytes([n; 16]),
        channel: channel.to_string(),
        severity: Severity::Info,
        chats: kinds.iter().map(|kind| kind.name.into()).collect(),
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
        Output::Recall { entries, .. } => alloc::format!("recall {}", entries.len()),
        Output::Respond { id, status } => alloc::format!("respond {id} {status}"),
        Output::Send { to, id, keys, .. } => {
            let batches: Vec<_> = keys.iter().map(|key| key.batch.to_string()).collect();
            alloc::format!("send {} #{id} {}", to.name, batches.join(","))
        }
        Output::Settle { key, chats, dead: None } => {
            alloc::format!("settle {} {}", key.batch, names(&chats))
        }
        Output::Settle { key, chats, dead: Some(Dead { to, reason }) } => {
            alloc::format!("bury {} {} of {to}: {reason}", key.batch, names(&chats))
        }
        Output::Store { batch, chats, letter: None, .. } => {
            alloc::format!("store {batch}: {}", chats.len())
        }
        Output::Store { batch, letter: Some(letter), .. } => {
            alloc::format!("store {batch} for letter {letter}")
        }
    });
    words.collect()
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
fn a_refusing_disk_is_a_503_and_nothing_is_queued() {
    let engine = &mut engine(&[destination("slack/info", &slack::KIND, &["info"])]);
    let item = item(1, "info", &[&slack::KIND]);
    assert_eq!(at(engine, 0, request(1, [item.clone()].into())), ["store 1: 1"]);
    assert_eq!(at(engine, 0, Input::Refused(1)), ["respond 1 503", "refused 1"]);
    assert_eq!(at(engine, 1, request(2, [item].into())), ["store 2: 1"]);
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
    assert_eq!(at(engine, 0, answer), ["parked slack/info gone", "store 2: 1"]);
    assert_eq!(
        at(engine, 0, Input::Stored(2)),
        ["accepted 2: 1", "send slack/critical #1 2", "send teams/default #1 2"]
    );
    engine.handle_timeout(Instant::from_secs(60));
    assert!(matches!(engine.poll_output(), Some(Output::Send { id: 2, .. })));
    let answer = answered(engine, "slack/info", 2, 200);
    assert_eq!(
        at(engine, 61, answer),
        ["resumed slack/info", "settle 1 slack", "delivered slack/info: 1", "store 3: 1"]
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
