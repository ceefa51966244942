//! The laws of the feed from Mist: it only reads, asks one thing at a time and waits for something
//! in the end; each of its incidents is raised once and ended once; and what it keeps as fetched is
//! fetched and on disk, whatever Mist answers.

use core::time::Duration;
use std::collections::{BTreeSet, VecDeque};

use http_types::{Method, Url};
use mistgate_core::base::calendar::Daily;
use mistgate_core::base::exchange::{ExchangeResult, Response};
use mistgate_core::base::failure::Failure;
use mistgate_core::base::mac::Mac;
use mistgate_core::base::machine::Machine as _;
use mistgate_core::base::secret::Secret;
use mistgate_core::base::time::{Instant, UnixTime};
use mistgate_core::base::zone;
use mistgate_core::event::{Event, Topic};
use mistgate_core::mist::feed::Feed;
use mistgate_core::mist::feed::input::{Config, Heard, Input, Open, Sight};
use mistgate_core::mist::feed::output::{Origin, Output};
use mistgate_core::mist::webhook::wanted::Wanted;
use mistgate_core::notify::change::changes;
use mistgate_core::route::Routes;
use mistgate_core::webhook::envelope;
use serde_json::json;

use super::Subject;
use crate::base::bytes::Bytes;

const ORG: &str = "978c48e6-6ef6-11e6-8bbf-02e208b2d34f";
const URL: &str = "https://gw.example/webhooks";
/// When the world begins, in seconds since 1970.
const BEGIN: i64 = 1_752_000_000;

/// The feed's surroundings: Mist, a wall clock, a disk, and the incidents.
pub struct Surroundings {
    /// What is to be answered, in the order in which it was asked for.
    pending: VecDeque<Output>,
    /// How far the wall clock is ahead, in seconds.
    ahead: i64,
    /// The conditions of ours that are raised.
    open: BTreeSet<&'static str>,
    /// Whether the round under way has answered and kept all so far.
    is_complete: bool,
    /// The latest time that was kept as fetched.
    kept: Option<UnixTime>,
    /// What the clock showed last, and whenever it was asked.
    seen: UnixTime,
    times: BTreeSet<UnixTime>,
}

impl Subject for Surroundings {
    type Machine = Feed;

    fn new(bytes: &mut Bytes<'_>, now: Instant) -> (Self, Config) {
        let wanted = Wanted {
            org: ORG.to_owned(),
            url: (!bytes.chance(30)).then(|| Url::parse(URL).expect("a URL")),
            verifies_cert: true,
            secrets: vec![Secret::new("s")],
            routes: (!bytes.chance(30)).then(Routes::default),
            has_ports: bytes.chance(60),
            writes: bytes.chance(60),
        };
        let kept = bytes.chance(128).then(|| UnixTime::from_secs(BEGIN - 100_000));
        let daily = Daily { minute: 1_140, zone: zone::named("UTC").expect("a zone") };
        let config = Config {
            wanted,
            dedup_window: Duration::from_secs(bytes.pick(&[3_600, 60, 86_400])),
            caught_up_to: kept,
            selftest: bytes.chance(100).then_some(daily),
        };
        let mut surroundings = Self {
            pending: VecDeque::new(),
            ahead: 0,
            open: BTreeSet::new(),
            is_complete: false,
            kept,
            seen: UnixTime::default(),
            times: BTreeSet::new(),
        };
        surroundings.seen = surroundings.wall(now);
        (surroundings, config)
    }

    fn input(&mut self, bytes: &mut Bytes<'_>, now: Instant) -> Input {
        if bytes.chance(10) {
            return Input::Tested(if bytes.chance(128) { Err("no ping".into()) } else { Ok(()) });
        }
        if bytes.chance(10) {
            // It slept, or somebody sets the clock.
            self.ahead += bytes.pick(&[600, 90_000, -300]);
        }
        match self.pending.pop_front() {
            Some(Output::Look) => {
                self.seen = self.wall(now);
                self.times.insert(self.seen);
                let heard = |bytes: &mut Bytes<'_>| bytes.chance(100).then_some(self.seen);
                let heard = Heard { any: heard(bytes), devices: heard(bytes) };
                Input::Seen(Sight { wall: self.seen, is_writable: !bytes.chance(40), heard })
            }
            Some(Output::Compare) => {
                let mac = Mac::parse("5c5b35000001").expect("a MAC");
                let down = bytes.chance(60).then(|| (Some(ORG.into()), mac, self.seen));
                Input::Open(Open {
                    conditions: self.open.clone(),
                    down: down.into_iter().collect(),
                })
            }
            Some(Output::Request(request)) => {
                let answer = answer(bytes, &request.target, self.seen);
                // Without the topics, or the webhooks of a site, it does what it can.
                let is_needed =
                    !["/const/", "/sites/"].iter().any(|of| request.target.contains(of));
                let is_well = answer.as_ref().is_ok_and(|answer| answer.status == 200);
                self.is_complete &= is_well || !is_needed;
                Input::Answered(answer)
            }
            Some(Output::Take(_)) => {
                let is_kept = !bytes.chance(20);
                self.is_complete &= is_kept;
                Input::Taken(is_kept)
            }
            // Nobody asked.
            Some(
                Output::Event(_)
                | Output::Gateways(_)
                | Output::Keep(_)
                | Output::Report(_)
                | Output::Test,
            )
            | None => match bytes.up_to(3) {
                0 => Input::Answered(Err(Failure::Timeout)),
                1 => Input::Open(Open::default()),
                2 => Input::Taken(true),
                _ => Input::Tested(Ok(())),
            },
        }
    }

    fn output(&mut self, _now: Instant, output: &Output) {
        let is_same =
            |other: &Output| core::mem::discriminant(other) == core::mem::discriminant(output);
        match output {
            Output::Request(request) => {
                assert_eq!(request.method, Method::Get, "{request:?}");
                assert!(request.target.starts_with("/api/v1/") && request.body.is_none());
                assert!(!self.pending.iter().any(is_same), "two requests at once");
                self.is_complete |= request.target.ends_with("/self");
                self.pending.push_back(output.clone());
            }
            Output::Look | Output::Compare => {
                assert!(!self.pending.iter().any(is_same), "asked twice: {output:?}");
                self.pending.push_back(output.clone());
            }
            Output::Take(late) => {
                // What failed is what Mist sent; all else is made here.
                let envelope = envelope::parse(late.body.as_bytes());
                let is_webhook = envelope.is_ok_and(|envelope| !envelope.events.is_empty());
                assert!(is_webhook || late.origin == Origin::Failed, "{late:?}");
                self.pending.push_back(output.clone());
            }
            Output::Report(text) => {
                let event = Event::parse(Topic::Mistgate, text).expect("an object");
                let changes = changes(&event);
                let [change] = changes.as_slice() else { panic!("of no condition: {text}") };
                let condition = change.kind.pair.expect("it has one").condition.name;
                let is_news = match change.is_raised {
                    true => self.open.insert(condition),
                    false => self.open.remove(condition),
                };
                assert!(is_news, "said again: {text}");
            }
            Output::Keep(at) => {
                let is_kept = self.kept == Some(*at);
                assert!(is_kept || self.times.contains(at), "kept another time than it was");
                if self.kept.is_some() && !is_kept {
                    assert!(self.is_complete, "kept, and not all is fetched");
                }
                self.kept = Some(*at);
            }
            Output::Event(_) | Output::Gateways(_) | Output::Test => {}
        }
    }

    fn check_drained(&mut self, _now: Instant, feed: &Feed) {
        let is_waiting = !self.pending.is_empty() || feed.poll_timeout().is_some();
        assert!(is_waiting, "it waits for nothing");
        let wrong = feed.status().wrong.keys().map(|part| part.condition());
        let unsaid: Vec<_> = wrong.filter(|condition| !self.open.contains(condition)).collect();
        assert!(unsaid.is_empty(), "wrong, and no incident: {unsaid:?}");
    }
}

impl Surroundings {
    fn wall(&self, now: Instant) -> UnixTime {
        let secs = i64::try_from(now.as_micros() / 1_000_000).expect("some years");
        UnixTime::from_secs(BEGIN + self.ahead + secs)
    }
}

/// An answer of Mist: mostly the right one.
fn answer(bytes: &mut Bytes<'_>, target: &str, now: UnixTime) -> ExchangeResult {
    let (mut status, at) = (200, now.as_secs() - i64::from(bytes.byte()) * 60);
    let kind = bytes.pick(&["AP_DISCONNECTED", "AP_CONNECTED", "AP_CONFIGURED"]);
    let event = json!({ "type": kind, "org_id": ORG, "mac": "5c5b35000001", "timestamp": at });
    let more = |body: serde_json::Value| {
        let mut body = body;
        if let Some(body) = body.as_object_mut() {
            // It may lead to itself, or on without end.
            body.insert("next".into(), json!(format!("{target}&search_after=1")));
        }
        body
    };
    let search = |bytes: &mut Bytes<'_>, result: serde_json::Value| {
        let page = json!({ "results": if bytes.chance(128) { vec![result] } else { Vec::new() } });
        if bytes.chance(30) { more(page) } else { page }
    };
    let body = if target.ends_with("/self") {
        let role = bytes.pick(&["admin", "read"]);
        let org = bytes.pick(&[ORG, "another"]);
        json!({ "privileges": [{ "scope": "org", "role": role, "org_id": org }] })
    } else if target.contains("/webhooks/") {
        let payload = json!({ "topic": "audits", "events": [event] }).to_string();
        let failed = json!({ "timestamp": at, "req_payload": payload, "error": "refused" });
        search(bytes, failed)
    } else if target.contains("/devices/events/") {
        search(bytes, event)
    } else if target.contains("/orgs/") && target.contains("/webhooks?") {
        let hook = json!({ "id": "w", "url": URL, "secret": bytes.pick(&["s", "t"]) });
        json!(if bytes.chance(200) { vec![hook] } else { Vec::new() })
    } else if target.contains("/stats/devices") {
        let status = bytes.pick(&["connected", "disconnected"]);
        json!([{ "mac": "5c5b35000001", "type": "ap", "status": status, "last_seen": at }])
    } else if target.contains("/sites?") && bytes.chance(100) {
        json!([{ "id": "s", "name": "HQ" }])
    } else {
        json!([])
    };
    let (mut total, mut body) = (body.as_array().map(Vec::len), body.to_string());
    match bytes.up_to(29) {
        1 => return Err(Failure::Timeout),
        2 => status = bytes.pick(&[401, 403, 404, 429, 500, 503]),
        3 => body = bytes.pick(&["<html>", "{}", "[]", "null", "[7]", ""]).to_owned(),
        4 => total = None,
        _ => {}
    }
    let (retry_after, session, body) = (None, None, body.into_bytes());
    Ok(Response { status, retry_after, total, session, body })
}
