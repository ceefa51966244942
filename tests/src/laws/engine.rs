//! The engine under the laws, checked by the reference model.

use core::time::Duration;
use std::collections::BTreeMap;

use mistgate_core::base::time::{Instant, UnixTime};
use mistgate_core::chat::outcome::Reason;
use mistgate_core::delivery::batch;
use mistgate_core::delivery::batch::{ChatId, EventKey, Item};
use mistgate_core::delivery::queue::input::Entry;
use mistgate_core::engine::Engine;
use mistgate_core::engine::input::{Answer, Config, Input};
use mistgate_core::engine::output::{Output, Put};
use mistgate_core::event::fingerprint::Fingerprint;
use mistgate_core::event::{Event, Topic};
use mistgate_core::incident::config::Rules;
use mistgate_core::notify::Severity;
use mistgate_core::notify::change::{Change, changes};
use mistgate_core::webhook::inbox::RequestId;
use mistgate_core::webhook::intake::Intake;

use super::Subject;
use crate::base::bytes::Bytes;
use crate::chat::configurations::chat;
use crate::chat::reference::Reference;

/// The number of different events.
const EVENTS: u64 = 255;

/// The engine's surroundings: the driver, with a disk that never forgets.
pub struct Surroundings {
    reference: Reference,
    last_id: RequestId,
    /// The channel of each event that was ever stored.
    channels: BTreeMap<EventKey, String>,
    recalls: Vec<(Vec<Entry>, ChatId)>,
}

impl Subject for Surroundings {
    type Machine = Engine;

    fn new(bytes: &mut Bytes<'_>, _now: Instant) -> (Self, Config) {
        let config = config(bytes);
        let surroundings = Self {
            reference: Reference::new(config.clone()),
            last_id: 0,
            channels: BTreeMap::new(),
            recalls: Vec::new(),
        };
        (surroundings, config)
    }

    fn input(&mut self, bytes: &mut Bytes<'_>, now: Instant) -> Input {
        let input = match bytes.up_to(15) {
            0..=4 => self.request(bytes),
            5..=7 => Input::Stored(self.batch(bytes)),
            8 => Input::Refused(self.batch(bytes)),
            9..=12 => self.answered(bytes),
            13 => Input::Configured(config(bytes)),
            14 => Input::Remembered {
                batch: 0,
                fingerprint: print(bytes),
                ago: Duration::from_secs(bytes.up_to(100)),
            },
            _ => self.recalled(bytes),
        };
        self.reference.input(now, &input);
        input
    }

    fn output(&mut self, now: Instant, output: &Output) {
        self.reference.output(now, output);
        match output {
            Output::Recall { entries, chat } => {
                self.recalls.push((entries.clone(), chat.clone()));
            }
            Output::Store { put: Put { batch, .. }, bytes } => {
                let read = batch::decode(bytes).expect("our own bytes");
                for (index, event) in (0..).zip(read.events) {
                    let key = EventKey { batch: *batch, index };
                    self.channels.insert(key, event.channel.to_owned());
                }
            }
            Output::Event(_)
            | Output::KeepIncident { .. }
            | Output::KeepShown { .. }
            | Output::KeepSilence { .. }
            | Output::Respond { .. }
            | Output::Send { .. }
            | Output::Settle { .. } => {}
        }
    }

    fn check_drained(&mut self, now: Instant, engine: &Engine) {
        self.reference.check_drained(now, engine);
    }
}

impl Surroundings {
    fn request(&mut self, bytes: &mut Bytes<'_>) -> Input {
        self.last_id += 1;
        let items = (0..bytes.up_to(12)).map(|_| item(bytes)).collect();
        let intake = Intake {
            topic: "alarms".to_owned(),
            items,
            unrouted: 0,
            broken: 0,
            ap_events: Vec::new(),
            org: None,
        };
        Input::Request { id: self.last_id, intake, at: UnixTime::from_secs(1_752_000_000) }
    }

    /// A batch that is being stored, or one that does not exist.
    fn batch(&self, bytes: &mut Bytes<'_>) -> u64 {
        let unstored: Vec<_> = self.reference.unstored().collect();
        let nth = bytes.count(unstored.len());
        unstored.get(nth).copied().unwrap_or(1_000_000)
    }

    /// An answer to a message in flight. If there is none, a report, which may be a repeated one.
    fn answered(&self, bytes: &mut Bytes<'_>) -> Input {
        let in_flight: Vec<_> = self.reference.in_flight().collect();
        let nth = bytes.count(in_flight.len().saturating_sub(1));
        let Some(&(destination, id)) = in_flight.get(nth) else {
            let text = format!(r#"{{"type":"PORT_STUCK","id":{}}}"#, self.last_id % 4);
            return Input::Report { text, at: UnixTime::from_secs(1_752_000_000) };
        };
        let answer = match bytes.up_to(7) {
            0..=3 => Ok(200),
            4 => Err(Reason::Timeout),
            5 => Ok(400),
            6 => Ok(404),
            _ => Ok(bytes.pick(&[429, 500, 413, 302, 999])),
        };
        let answer = answer.map(|status| Answer {
            status,
            retry_after: bytes.chance(80).then(|| Duration::from_secs(bytes.up_to(700))),
            body: bytes.slice(20).to_vec(),
        });
        Input::Answered { destination, id, answer, at: UnixTime::from_secs(1_752_000_000) }
    }

    fn recalled(&mut self, bytes: &mut Bytes<'_>) -> Input {
        let nth = bytes.count(self.recalls.len().saturating_sub(1));
        let recall = (nth < self.recalls.len()).then(|| self.recalls.swap_remove(nth));
        let (entries, chat) = recall.unwrap_or_default();
        let channel = |entry: Entry| {
            let channel = self.channels.get(&entry.key).expect("recalled what was never stored");
            (entry, channel.clone())
        };
        Input::Recalled { events: entries.into_iter().map(channel).collect(), chat }
    }
}

fn config(bytes: &mut Bytes<'_>) -> Config {
    let dedup_window = Duration::from_secs(bytes.pick(&[3_600, 60, 1]));
    Config {
        chat: chat(bytes),
        dedup_window,
        incidents: Rules {
            hold: Duration::from_secs(bytes.pick(&[30, 0, 1])),
            repeat: bytes.chance(50).then_some(Duration::from_secs(60)),
            ..Rules::default()
        },
        dashboard_host: "manage.mist.com".to_owned(),
        next_batch: 1,
    }
}

fn item(bytes: &mut Bytes<'_>) -> Item {
    let severity = bytes.pick(&Severity::ALL);
    const WANTED: [&[&str]; 4] =
        [&["console", "google", "slack", "teams"], &["slack"], &["slack", "teams"], &["console"]];
    let chats = bytes.pick(&WANTED);
    Item {
        fingerprint: print(bytes),
        kin: None,
        channel: severity.name().to_owned(),
        severity,
        chats: chats.iter().map(|chat| (*chat).into()).collect(),
        changes: if bytes.chance(50) { change(bytes) } else { Vec::new() },
        incidents: Vec::new(),
        text: "{}".to_owned(),
    }
}

/// What an event of an access point says of its incident.
fn change(bytes: &mut Bytes<'_>) -> Vec<Change> {
    let kind = bytes.pick(&["AP_DISCONNECTED", "AP_CONNECTED"]);
    let (ap, at) = (bytes.up_to(5), 1_752_000_000 - bytes.up_to(5));
    let text = format!(r#"{{"type":"{kind}","mac":"5c5b3500000{ap}","timestamp":{at}}}"#);
    changes(&Event::parse(Topic::DeviceEvents, &text).expect("an object"))
}

fn print(bytes: &mut Bytes<'_>) -> Fingerprint {
    let letter = u8::try_from(bytes.up_to(EVENTS)).expect("a byte");
    Fingerprint::from_bytes([letter; 16])
}
