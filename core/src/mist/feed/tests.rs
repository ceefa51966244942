//! Timelines of the feed: what is asked when, and what follows from the answers.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use http_types::Url;

use super::input::{Heard, Open};
use super::output::{Late, Origin};
use super::*;
use crate::base::calendar::Daily;
use crate::base::exchange::{ExchangeResult, Response};
use crate::base::mac::Mac;
use crate::base::secret::Secret;
use crate::event::Detail;
use crate::mist::webhook::wanted::Wanted;
use crate::route::Routes;

/// When the feed begins, in seconds since 1970.
const BEGIN: i64 = 1_752_000_000;
const HOOK: &str = r#"[{"id":"w","url":"https://gw.example/x","secret":"s","topics":["alarms",
    "audits","device-events","device-updowns","mxedge-events"]}]"#;

/// A feed with its surroundings.
struct Bench {
    feed: Feed,
    now: Instant,
    /// How far the wall clock is ahead, in seconds.
    ahead: i64,
    heard: Heard,
    is_writable: bool,
    /// Statuses and bodies by a part of the target, in the place of those that all is well with.
    answers: Vec<(&'static str, u16, String)>,
    open: BTreeSet<&'static str>,
    down: Vec<(Option<Arc<str>>, Mac, UnixTime)>,
    /// What was done, in order.
    said: Vec<String>,
    taken: Vec<Late>,
    gateways: BTreeMap<Arc<str>, Option<Mac>>,
    asked: Vec<String>,
}

impl Bench {
    fn new(caught_up_to: Option<i64>) -> Self {
        Self::testing(caught_up_to, None)
    }

    fn testing(caught_up_to: Option<i64>, selftest: Option<Daily>) -> Self {
        let wanted = Wanted {
            org: "o".into(),
            url: Url::parse("https://gw.example/x").ok(),
            verifies_cert: true,
            secrets: [Secret::new("s")].into(),
            routes: Some(Routes::default()),
            has_ports: false,
            writes: false,
        };
        let dedup_window = Duration::from_secs(3_600);
        let caught_up_to = caught_up_to.map(UnixTime::from_secs);
        let config = Config { wanted, dedup_window, caught_up_to, selftest };
        let now = Instant::from_secs(100);
        Self {
            feed: Feed::new(config, 7, now),
            now,
            ahead: 0,
            heard: Heard::default(),
            is_writable: true,
            answers: Vec::new(),
            open: BTreeSet::new(),
            down: Vec::new(),
            said: Vec::new(),
            taken: Vec::new(),
            gateways: BTreeMap::new(),
            asked: Vec::new(),
        }
    }

    fn secs(&self) -> i64 {
        let since = self.now - Instant::from_secs(100);
        BEGIN + self.ahead + i64::try_from(since.as_secs()).expect("some years")
    }

    fn answer(&mut self, target: &str) -> ExchangeResult {
        let known = self.answers.iter().find(|(part, ..)| target.contains(part));
        let (status, body) = match known {
            Some((_, status, body)) => (*status, body.clone()),
            None if target.ends_with("/self") => (200, "{}".to_string()),
            None if target.contains("/search") => (200, r#"{"results":[]}"#.to_string()),
            None if target.contains("/orgs/o/webhooks?") => (200, HOOK.to_string()),
            None => (200, "[]".to_string()),
        };
        let total = body.starts_with('[').then_some(usize::from(body.len() > 2));
        let (retry_after, session, body) = (None, None, body.into_bytes());
        Ok(Response { status, retry_after, total, session, body })
    }

    fn input(&mut self, output: Output) -> Option<Input> {
        Some(match output {
            Output::Compare => {
                let conditions = self.open.clone();
                Input::Open(Open { conditions, down: self.down.clone() })
            }
            Output::Event(event) => {
                self.said.push(format!("{event:?}"));
                return None;
            }
            Output::Gateways(gateways) => {
                self.gateways.extend(gateways);
                return None;
            }
            Output::Keep(_) => return None,
            Output::Look => {
                let (wall, is_writable) = (UnixTime::from_secs(self.secs()), self.is_writable);
                Input::Seen(Sight { wall, is_writable, heard: self.heard })
            }
            Output::Report(text) => {
                let whole: Detail<'_> = serde_json::from_str(&text).expect("JSON");
                let kind = whole.get("type").and_then(Detail::text).expect("a type");
                for part in Part::ALL {
                    if part.kind(true) == kind {
                        self.open.insert(part.condition());
                    } else if part.kind(false) == kind {
                        self.open.remove(part.condition());
                    }
                }
                self.said.push(kind.to_string());
                return None;
            }
            Output::Request(request) => {
                self.asked.push(request.target.clone());
                Input::Answered(self.answer(&request.target))
            }
            Output::Take(late) => {
                self.taken.push(late);
                Input::Taken(self.is_writable)
            }
            Output::Test => {
                self.said.push("Test".to_string());
                return None;
            }
        })
    }

    /// Runs for so many seconds, and gives what was done meanwhile.
    fn run(&mut self, secs: u64) -> Vec<String> {
        let end = self.now + Duration::from_secs(secs);
        while let Some(due) = self.feed.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.feed.handle_timeout(self.now);
            while let Some(output) = self.feed.poll_output() {
                if let Some(input) = self.input(output) {
                    self.feed.handle_input(self.now, input);
                }
            }
        }
        self.now = end;
        core::mem::take(&mut self.said)
    }

    /// How often the token was asked about, which begins a round.
    fn rounds(&mut self) -> usize {
        let count = self.asked.iter().filter(|target| target.ends_with("/self")).count();
        self.asked.clear();
        count
    }

    fn log(&mut self, at: i64, body: &str) {
        let entry = format!(
            r#"{{"results":[{{"timestamp":{at},"req_payload":"{body}","error":"refused\nhere"}}]}}"#
        );
        self.answers.push(("/w/events/search?start=", 200, entry));
    }

    fn list(&mut self, events: &str) {
        let page = format!(r#"{{"results":[{events}]}}"#);
        self.answers.push(("/devices/events/search?start=", 200, page));
    }
}

#[test]
fn a_round_is_made_at_the_start_each_hour_and_after_an_outage() {
    let mut bench = Bench::new(None);
    assert_eq!(bench.run(10), [""; 0]);
    assert_eq!(bench.rounds(), 1);
    bench.run(2_900);
    assert_eq!(bench.rounds(), 0);
    // Before an hour is over, so that nothing that failed meanwhile is forgotten.
    bench.run(300);
    assert_eq!(bench.rounds(), 1);
    // A short one is not seen.
    for (refuses, rounds) in [(5, 0), (130, 1)] {
        bench.is_writable = false;
        bench.run(refuses);
        bench.is_writable = true;
        bench.run(120);
        assert_eq!(bench.rounds(), rounds, "{refuses}");
    }
    // The computer slept.
    bench.ahead += 600;
    bench.run(60);
    assert_eq!(bench.rounds(), 1);
    assert!(bench.taken.is_empty() && bench.said.is_empty());
}

#[test]
fn what_is_wrong_is_reported_once_also_if_an_earlier_run_did() {
    let mut bench = Bench::new(None);
    bench.answers.push((
        "/orgs/o/webhooks?",
        200,
        HOOK.replace("\"id\"", "\"enabled\":false,\"id\""),
    ));
    let said = bench.run(1);
    let [wrong, report] = said.as_slice() else { panic!("{said:?}") };
    assert!(
        wrong.starts_with("Wrong { part: Webhook, reason: \"enabled: it is disabled"),
        "{wrong}"
    );
    assert_eq!(report, "MIST_WEBHOOK_WRONG");
    assert_eq!(bench.run(4_000), [""; 0]);
    bench.answers.clear();
    assert_eq!(bench.run(4_000), ["Right(Webhook)", "MIST_WEBHOOK_RIGHT"]);
    bench.open.insert(Part::Token.condition());
    assert_eq!(bench.run(4_000), ["MIST_TOKEN_ACCEPTED"]);
}

#[test]
fn a_refused_token_is_wrong_and_a_fault_of_mist_is_not() {
    let mut bench = Bench::new(None);
    bench.answers.push(("/self", 503, String::new()));
    let said = bench.run(1);
    assert!(said.iter().all(|said| said.starts_with("Unchecked")) && said.len() == 1, "{said:?}");
    assert_eq!((bench.run(600), bench.rounds()), (Vec::new(), 3));
    bench.answers = [("/self", 401, String::new())].into();
    let said = bench.run(300);
    assert_eq!(said.get(1).map(String::as_str), Some("MIST_TOKEN_REFUSED"), "{said:?}");
    // It would be refused again.
    bench.rounds();
    assert_eq!((bench.run(2_800).len(), bench.rounds()), (0, 0));
    // The right to read the log is one of those that it needs.
    bench.answers = [("/w/events/search", 403, String::new())].into();
    let said = bench.run(4_000);
    assert!(said.iter().any(|said| said.contains("the log of deliveries: Mist forbids it (403)")));
    let status = bench.feed.status();
    assert!(status.wrong.contains_key(&Part::Token) && status.checked_at.is_none());
}

#[test]
fn what_failed_is_taken_and_what_may_have_been_told_only_folded() {
    let mut bench = Bench::new(Some(BEGIN - 7_200));
    bench.log(BEGIN - 5_000, "{}");
    let own = |at: i64| format!(r#"{{"type":"AP_CONNECTED","timestamp":{at}}}"#);
    bench.list(&[own(BEGIN - 60), own(BEGIN - 6_000), own(BEGIN - 90)].join(","));
    let said = bench.run(1);
    let body = |at: &[i64]| {
        let events: Vec<String> = at.iter().map(|at| own(*at)).collect();
        format!(r#"{{"topic":"device-events","events":[{}]}}"#, events.join(","))
    };
    let late = |body: String, origin, is_folded| Late { body, origin, is_folded };
    assert_eq!(
        bench.taken,
        [
            late("{}".into(), Origin::Failed, true),
            late(body(&[BEGIN - 6_000]), Origin::Listed, true),
            late(body(&[BEGIN - 90, BEGIN - 60]), Origin::Listed, false),
        ]
    );
    // What failed before this run began says nothing of how it is now.
    assert_eq!(said, ["CaughtUp { failed: 1, listed: 3 }"]);
    let query = format!("start={}&end={BEGIN}&", BEGIN - 7_200 - 300);
    assert_eq!(bench.asked.iter().filter(|target| target.contains(&query)).count(), 2);
    // The next round begins where this one did; at the most a day is asked for.
    bench.asked.clear();
    bench.run(4_000);
    let query = format!("start={}&", BEGIN - 300);
    assert!(bench.asked.iter().any(|target| target.contains(&query)), "{:?}", bench.asked);
    let mut bench = Bench::new(Some(BEGIN - 700_000));
    bench.run(1);
    let query = format!("start={}&", BEGIN - 86_400);
    assert!(bench.asked.iter().any(|target| target.contains(&query)), "{:?}", bench.asked);
}

#[test]
fn what_the_disk_refuses_is_fetched_again() {
    let mut bench = Bench::new(Some(BEGIN - 600));
    bench.log(BEGIN - 60, "{}");
    bench.now = bench.now + Duration::from_secs(1);
    bench.feed.handle_timeout(bench.now);
    while let Some(output) = bench.feed.poll_output() {
        bench.is_writable = !matches!(output, Output::Take(_));
        if let Some(input) = bench.input(output) {
            bench.feed.handle_input(bench.now, input);
        }
    }
    bench.is_writable = true;
    assert_eq!(bench.feed.status().caught_up_to, Some(UnixTime::from_secs(BEGIN - 600)));
    bench.run(400);
    assert_eq!((bench.taken.len(), bench.rounds()), (2, 2));
    assert!(bench.feed.status().caught_up_to > Some(UnixTime::from_secs(BEGIN)));
}

#[test]
fn mist_fails_to_reach_us_until_something_is_heard_again() {
    let mut bench = Bench::new(Some(BEGIN));
    bench.run(1);
    bench.log(BEGIN + 3_000, "{}");
    let said = bench.run(4_000);
    let wrong = "Wrong { part: Delivery, reason: \"at 19:30 it saw: refused here\" }";
    assert_eq!(said, ["CaughtUp { failed: 1, listed: 0 }", wrong, "MIST_DELIVERY_FAILED"]);
    bench.answers.clear();
    assert_eq!(bench.run(4_000), [""; 0]);
    bench.heard.any = Some(UnixTime::from_secs(BEGIN + 8_000));
    assert_eq!(bench.run(4_000), ["Right(Delivery)", "MIST_DELIVERY_WORKS"]);
}

#[test]
fn a_selftest_is_made_each_day_and_its_failure_is_wrong_until_one_passes() {
    let daily = Daily { minute: 1_140, zone: jiff::tz::TimeZone::UTC };
    let mut bench = Bench::testing(Some(BEGIN), Some(daily));
    // The day's time is 20 minutes after the begin.
    assert_eq!(bench.run(1_199), [""; 0]);
    assert_eq!(bench.run(61), ["Test"]);
    let mut tell = |verdict: Verdict, secs| {
        bench.feed.handle_input(bench.now, Input::Tested(verdict));
        while let Some(output) = bench.feed.poll_output() {
            if let Some(input) = bench.input(output) {
                bench.feed.handle_input(bench.now, input);
            }
        }
        bench.run(secs)
    };
    assert_eq!(tell(Ok(()), 1), [""; 0]);
    let wrong = "Wrong { part: Selftest, reason: \"no ping\" }";
    assert_eq!(tell(Err("no ping".into()), 1), [wrong, "SELFTEST_FAILED"]);
    assert_eq!(tell(Err("no ping".into()), 80_000), [""; 0]);
    assert_eq!(tell(Ok(()), 1), ["Right(Selftest)", "SELFTEST_PASSED"]);
    assert_eq!(tell(Ok(()), 10_000), ["Test"]);
}

#[test]
fn device_events_that_mist_lists_and_does_not_send_are_missed() {
    let mut bench = Bench::new(Some(BEGIN));
    bench.run(1);
    // Of a type that nobody wants, or on its way.
    bench.list(&format!(r#"{{"type":"AP_CONNECTED","timestamp":{}}}"#, BEGIN + 3_900));
    assert_eq!(bench.run(4_000), ["CaughtUp { failed: 0, listed: 1 }"]);
    assert_eq!(bench.run(4_000).get(2).map(String::as_str), Some("MIST_EVENTS_MISSING"));
    bench.heard.devices = Some(UnixTime::from_secs(BEGIN + 9_000));
    assert_eq!(bench.run(4_000).get(2).map(String::as_str), Some("MIST_EVENTS_ARRIVE"));
}

#[test]
fn incidents_of_devices_follow_what_mist_says() {
    let device = |mac: u8, status: &str, seen: &str| {
        format!(
            r#"{{"mac":"5c5b350000{mac:02x}","type":"ap","status":{status},"last_seen":{seen},
                "name":"ap-{mac}","site_id":"s1"}}"#
        )
    };
    let mut bench = Bench::new(Some(BEGIN));
    let (up, down) = ("\"connected\"", "\"disconnected\"");
    let old = format!("{}", BEGIN - 900);
    let devices = [
        device(1, up, &old),
        // Lost a moment ago, by its event.
        device(2, up, &old),
        device(3, down, &old),
        device(4, down, &old),
        // A moment ago; its own event may come.
        device(5, down, &format!("{}", BEGIN - 60)),
        // Never connected.
        device(6, "null", "null"),
        // An incident of another organisation.
        device(7, up, &old),
    ];
    bench.answers.push(("/stats/devices?type=all", 200, format!("[{}]", devices.join(","))));
    bench.answers.push(("/orgs/o/sites?", 200, r#"[{"id":"s1","name":"HQ"}]"#.into()));
    let incident = |mac: u8, org: &str, ago: i64| {
        let mac = Mac::parse(&format!("5c5b350000{mac:02x}")).expect("a MAC");
        (Some(org.into()), mac, UnixTime::from_secs(BEGIN - ago))
    };
    bench.down = [(1, "o", 800), (2, "o", 60), (3, "o", 800), (7, "x", 800)]
        .map(|(mac, org, ago)| incident(mac, org, ago))
        .into();
    bench.run(1);
    let [late] = bench.taken.as_slice() else { panic!("{:?}", bench.taken) };
    let events: Detail<'_> = serde_json::from_str(&late.body).expect("JSON");
    let events = events.get("events").map(Detail::items).unwrap_or_default();
    let said = events.into_iter().map(|event| {
        let texts = ["type", "device_name", "site_name", "timestamp"];
        texts
            .map(|name| event.get(name).and_then(Detail::text).expect("a member").into_owned())
            .join(" ")
    });
    let expected = [
        format!("AP_CONNECTED ap-1 HQ {BEGIN}"),
        format!("AP_DISCONNECTED ap-4 HQ {}", BEGIN - 900),
    ];
    assert_eq!(said.collect::<Vec<_>>(), expected);
    assert_eq!((late.origin, late.is_folded), (Origin::Seen, false));
    assert!(bench.feed.status().checked_at.is_some());
}

#[test]
fn a_gateway_that_is_the_only_one_of_its_site_is_told() {
    let mut bench = Bench::new(None);
    let devices = [("01", "gateway", "s1"), ("02", "ap", "s1"), ("03", "gateway", "s2")]
        .into_iter()
        .chain([("04", "gateway", "s2"), ("05", "switch", "s3")])
        .map(|(mac, class, site)| {
            format!(r#"{{"mac":"5c5b350000{mac}","type":"{class}","site_id":"{site}"}}"#)
        });
    let devices: Vec<String> = devices.collect();
    bench.answers.push(("/stats/devices?type=all", 200, format!("[{}]", devices.join(","))));
    bench.run(1);
    let only = Mac::parse("5c5b35000001");
    let expected = [("s1", only), ("s2", None), ("s3", None)];
    assert_eq!(bench.gateways, expected.map(|(site, only)| (site.into(), only)).into());
}
