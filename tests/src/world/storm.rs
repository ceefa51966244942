//! Storms: access points of many sites go down and come back, all at once or again and again, while
//! chats are slow, power is lost, clocks jump, persons ask for silence and reloads reroute.

use core::time::Duration;
use std::collections::BTreeSet;

use mistgate_core::base::machine::Machine;
use mistgate_core::base::time::UnixTime;
use mistgate_core::engine::input::Input;
use mistgate_core::event::{Event, Topic};
use mistgate_core::incident;
use mistgate_core::matcher::Matcher;
use mistgate_core::notify::change::{Key, changes};
use mistgate_core::silence::{Silence, Until};
use serde_json::{Value, json};

use super::transition::{Clock, Transition};
use super::{World, disk, mist, server};
use crate::base::bytes::Bytes;
use crate::chat::configurations::chat;

/// The access points; each site has every sixth.
const APS: u8 = 60;
const SITES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
/// How the chats behave in a storm.
const MOODS: [server::Mood; 6] = [
    server::Mood::Well,
    server::Mood::Slow,
    server::Mood::LosesPosts,
    server::Mood::Limits(Duration::from_secs(60)),
    server::Mood::RefusesRich,
    server::Mood::Fails,
];

/// The incidents of a site that there can be.
pub(super) fn keys(site: &str) -> BTreeSet<Key> {
    let of_site = (0..APS).filter(|ap| site_of(*ap) == site);
    let of_ap = |ap: u8| {
        let text = event(ap, false, UnixTime::default()).to_string();
        let event = Event::parse(Topic::DeviceEvents, &text).expect("an object");
        changes(&event).into_iter().map(|change| change.key)
    };
    of_site.flat_map(of_ap).collect()
}

fn site_of(ap: u8) -> &'static str {
    SITES.get(usize::from(ap) % SITES.len()).copied().unwrap_or_default()
}

/// An access point goes down, or is back. Names hold no digits, so that each number is a count.
fn event(ap: u8, is_up: bool, at: UnixTime) -> Value {
    let name: String = [ap / 26, ap % 26].map(|digit| char::from(b'a' + digit)).iter().collect();
    let kind = if is_up { "AP_CONNECTED" } else { "AP_DISCONNECTED" };
    json!({
        "type": kind,
        "device_name": format!("ap-{name}"),
        "device_type": "ap",
        "mac": format!("5c5b36{ap:06x}"),
        "site_id": format!("id-{}", site_of(ap)),
        "site_name": site_of(ap),
        "timestamp": at.as_secs(),
    })
}

impl World {
    /// The next of a storm.
    pub(super) fn storm(&mut self, bytes: &mut Bytes<'_>) {
        match bytes.up_to(15) {
            0..=2 => {
                let (from, count) = (bytes.up_to(59), 1 + bytes.up_to(59));
                self.aps(from, count, false);
            }
            3..=5 => {
                let (from, count) = (bytes.up_to(59), 20 + bytes.up_to(40));
                self.aps(from, count, true);
            }
            6 => {
                let (from, count, times) = (bytes.up_to(59), 1 + bytes.up_to(20), bytes.up_to(6));
                let pause = Duration::from_secs(1 + bytes.up_to(20));
                for nth in 0..=times {
                    self.aps(from, count, nth % 2 == 1);
                    self.apply(Transition::Wait(pause));
                }
            }
            7..=9 => self.apply(Transition::Wait(Duration::from_secs(bytes.up_to(120)))),
            10 => self.apply(Transition::Wait(Duration::from_secs(bytes.up_to(3_600)))),
            11 | 12 => self.apply(Transition::Chat(bytes.count(7), bytes.pick(&MOODS))),
            13 => self.silence(bytes),
            14 => self.apply(match bytes.up_to(3) {
                0 => Transition::Clock(Clock::Right),
                1 => Transition::Clock(Clock::Jumps(bytes.pick(&[-40_000, 3_600, -60]))),
                2 => Transition::Disk(bytes.pick(&[disk::Mood::Well, disk::Mood::Slow])),
                _ => Transition::Crash(bytes.up_to(20), Duration::from_secs(bytes.up_to(60))),
            }),
            _ => self.apply(Transition::Reload(Box::new(chat(bytes)))),
        }
        self.settle();
    }

    fn aps(&mut self, from: u64, count: u64, is_up: bool) {
        let at = self.time();
        let aps = (from..from + count).map(|ap| u8::try_from(ap % 60).expect("less than 60"));
        let events: Vec<Value> = aps.map(|ap| event(ap, is_up, at)).collect();
        for events in events.chunks(10) {
            let body = json!({ "topic": "device-events", "events": events });
            let body = serde_json::to_vec(&body).expect("texts and numbers are JSON");
            self.mist.handle_input(self.now, mist::Input::Event(body.into()));
        }
    }

    fn silence(&mut self, bytes: &mut Bytes<'_>) {
        let mut matcher = Matcher::default();
        matcher.add("site", bytes.pick(&SITES)).expect("a good term");
        let after = Duration::from_secs(bytes.pick(&[600, 60, 7_200]));
        let now = self.wall();
        let silence = Silence {
            matcher,
            until: Until::Time(now.plus(after)),
            by: "ann".to_owned(),
            comment: String::new(),
            made_at: now,
        };
        self.feed(Some(Input::Incident(incident::input::Input::Silence(silence))));
    }
}
