//! The laws of a destination's queue: nothing is lost or doubled, one message is in flight at a
//! time, the highest severity goes first, then the oldest, and the vendor's windows and the queue's
//! bounds hold.

use core::cmp::Reverse;
use core::time::Duration;
use std::collections::BTreeMap;

use mistgate_core::base::machine::Machine;
use mistgate_core::base::time::Instant;
use mistgate_core::base::window::Window;
use mistgate_core::chat::outcome::{Outcome, Reason};
use mistgate_core::chat::shape::Form;
use mistgate_core::chat::{google, slack, teams};
use mistgate_core::delivery::batch::EventKey;
use mistgate_core::delivery::queue::input::{Config, Entry, Input};
use mistgate_core::delivery::queue::output::{End, Load, Loss, Output};
use mistgate_core::delivery::queue::{MERGED_MAX, Queue};
use mistgate_core::notify::Severity;

use super::Subject;
use crate::{base::bytes::Bytes, chat::windows::Windows};

/// The queue's surroundings: the engine and a chat.
pub struct Surroundings {
    config: Config,
    max_age: Duration,
    last_batch: u64,
    /// All events that are neither delivered nor dropped.
    waiting: BTreeMap<EventKey, Entry>,
    /// What can be told of incidents.
    incidents: Option<Severity>,
    in_flight: Option<Message>,
    /// The last answer, until the queue has reported its effect.
    answered: Option<(Message, Outcome)>,
    /// The events whose plain form must be sent next; none for incidents.
    degraded: Option<Vec<EventKey>>,
    /// Messages that were refused for good since the last that arrived.
    refusals: u32,
    windows: Windows,
}

#[derive(Clone, Debug)]
struct Message {
    id: u64,
    /// None if it is about incidents.
    keys: Vec<EventKey>,
    form: Form,
    /// Whether it was lost on its way.
    is_lost: bool,
}

impl Message {
    /// What is to be said plainly after a refusal, the first half if it was; none of what was lost.
    fn again(mut self) -> Option<Vec<EventKey>> {
        if self.form == Form::Plain {
            self.keys.truncate(self.keys.len().div_ceil(2));
        }
        (!self.is_lost || self.keys.is_empty()).then_some(self.keys)
    }
}

impl Subject for Surroundings {
    type Machine = Queue;

    fn new(bytes: &mut Bytes<'_>, _now: Instant) -> (Self, Config) {
        let config = config(bytes);
        let surroundings = Self {
            windows: Windows::new(config.pace.clone()),
            config: config.clone(),
            max_age: Duration::from_secs(bytes.pick(&[3_600, 10, 86_400])),
            last_batch: 0,
            waiting: BTreeMap::new(),
            incidents: None,
            in_flight: None,
            answered: None,
            degraded: None,
            refusals: 0,
        };
        (surroundings, config)
    }

    fn input(&mut self, bytes: &mut Bytes<'_>, now: Instant) -> Input {
        match bytes.up_to(17) {
            16 => {
                let chosen = bytes.pick(&[None, Some(Severity::Info), Some(Severity::Critical)]);
                self.incidents = chosen;
                Input::Incidents(chosen)
            }
            17 => {
                let withdrawn = self.in_flight.take_if(|message| message.keys.is_empty());
                Input::Withdrawn { id: withdrawn.map_or(1_000_000, |message| message.id) }
            }
            0..=9 => {
                self.last_batch += 1;
                let entry = Entry {
                    key: EventKey { batch: self.last_batch, index: 0 },
                    severity: bytes.pick(&Severity::ALL),
                    accepted_at: Some(now),
                    expires_at: now + self.max_age,
                };
                self.waiting.insert(entry.key, entry);
                Input::Enqueue(entry)
            }
            10..=14 => {
                let outcome = outcome(bytes);
                match self.in_flight.take_if(|_| !bytes.chance(20)) {
                    Some(message) => {
                        let id = message.id;
                        self.answered = Some((message, outcome));
                        Input::Answered { id, outcome, is_divisible: is_divisible(id) }
                    }
                    None => {
                        let id = 1_000_000 + bytes.up_to(9);
                        Input::Answered { id, outcome, is_divisible: is_divisible(id) }
                    }
                }
            }
            _ if bytes.chance(30) => {
                // A message about incidents is none of the store's.
                self.degraded.take_if(|keys| !keys.is_empty());
                self.in_flight.iter_mut().for_each(|message| message.is_lost = true);
                Input::Lost
            }
            _ => {
                self.config = config(bytes);
                self.windows.replace(self.config.pace.clone());
                Input::Configured(self.config.clone())
            }
        }
    }

    fn output(&mut self, now: Instant, output: &Output) {
        match output {
            Output::Delivered { entries, form, .. } => {
                let (message, outcome) = self.answered.take().expect("an answer");
                assert_eq!((outcome, *form), (Outcome::Delivered, message.form));
                assert_eq!(keys(entries), message.keys);
                self.forget(entries);
                self.refusals = 0;
            }
            Output::Dropped { entries, loss } => {
                match loss {
                    Loss::Expired => assert!(entries.iter().all(|entry| entry.expires_at <= now)),
                    Loss::Full => assert!(self.waiting.len() > self.config.queue_max),
                    Loss::Lost => {
                        let is_refusal = |(message, outcome): &mut (Message, Outcome)| {
                            matches!(outcome, Outcome::Degrade(_)) && message.form == Form::Plain
                        };
                        self.refusals += u32::from(self.answered.take_if(is_refusal).is_some());
                    }
                    Loss::Refused(reason) => {
                        let (message, outcome) = self.answered.take().expect("an answer");
                        assert_eq!(outcome, Outcome::Degrade(*reason));
                        assert_eq!(keys(entries), message.keys);
                        assert_eq!(
                            message.form,
                            Form::Plain,
                            "given up before it was said plainly"
                        );
                        self.refusals += 1;
                    }
                    Loss::Unrouted => panic!("a queue knows no routes"),
                }
                self.forget(entries);
            }
            Output::Failing(reason) => assert!(matches!(
                &self.answered,
                Some((_, Outcome::Retry { reason: same, .. })) if same == reason
            )),
            // After five refusals too, of which the last was said before.
            Output::Parked { .. } if self.answered.is_none() => assert!(self.refusals >= 5),
            Output::Parked { probe_after, .. } => self.failed(*probe_after),
            Output::Resumed => {}
            Output::Retrying { after, .. } => self.failed(*after),
            Output::Send { id, load: Load::Events(keys), form } => {
                self.sent(now, *id, keys, *form);
            }
            Output::Send { id, load: Load::Incidents, form } => {
                self.sent(now, *id, &[], *form);
            }
            Output::Told(end) => {
                let (message, outcome) = self.answered.clone().expect("an answer");
                assert!(message.keys.is_empty());
                match end {
                    // Why is said next.
                    End::Again => return,
                    End::Arrived(form) => {
                        assert_eq!((outcome, *form), (Outcome::Delivered, message.form));
                        self.refusals = 0;
                    }
                    End::Divided => {
                        assert!(matches!(outcome, Outcome::Degrade(_)), "{outcome:?}");
                        assert!(message.form == Form::Plain && is_divisible(message.id));
                    }
                    End::Refused(reason) => {
                        assert!(!is_divisible(message.id), "it has parts");
                        assert_eq!(outcome, Outcome::Degrade(*reason));
                        assert_eq!(message.form, Form::Plain);
                        self.refusals += 1;
                    }
                }
                self.answered = None;
            }
        }
    }

    fn check_drained(&mut self, _now: Instant, queue: &Queue) {
        if let Some((message, outcome)) = self.answered.take() {
            assert!(matches!(outcome, Outcome::Degrade(_)), "nothing came of {outcome:?}");
            self.degraded = message.again();
        }
        assert_eq!(queue.waiting(), self.waiting.len(), "events were lost or doubled");
        let max = self.config.queue_max + MERGED_MAX;
        assert!(queue.waiting() <= max, "{} wait of at most {max}", queue.waiting());
        assert_eq!(queue.is_sending(), self.in_flight.is_some());
        if !queue.is_sending() {
            let waits = !self.waiting.is_empty()
                || self.incidents.is_some()
                || self.degraded.as_ref().is_some_and(Vec::is_empty);
            assert_eq!(queue.poll_timeout().is_some(), waits, "{queue:?}");
        }
    }
}

impl Surroundings {
    fn sent(&mut self, now: Instant, id: u64, keys: &[EventKey], form: Form) {
        assert!(self.in_flight.is_none(), "two messages in flight");
        if let Some((message, outcome)) = self.answered.take() {
            assert!(matches!(outcome, Outcome::Degrade(_)), "{outcome:?} came to nothing");
            self.degraded = message.again();
        }
        match self.degraded.take() {
            Some(refused) => assert_eq!((refused.as_slice(), form), (keys, Form::Plain)),
            None => self.in_order(now, keys, form),
        }
        if keys.is_empty() {
            self.incidents = None;
        }
        self.windows.sent(now);
        self.in_flight = Some(Message { id, keys: keys.to_vec(), form, is_lost: false });
    }

    fn in_order(&self, now: Instant, keys: &[EventKey], form: Form) {
        assert_eq!(form, Form::Rich);
        let worst = self.waiting.values().map(|entry| entry.severity).max();
        if keys.is_empty() {
            return assert!(self.incidents.is_some() && self.incidents >= worst, "not their turn");
        }
        assert!(keys.len() <= MERGED_MAX, "{} events in a message", keys.len());
        assert!(self.incidents < worst, "overtook {:?}", self.incidents);
        let entries: Vec<_> = keys.iter().filter_map(|key| self.waiting.get(key)).collect();
        assert_eq!(entries.len(), keys.len(), "sent what does not wait");
        assert!(entries.first().is_some_and(|first| first.expires_at > now), "sent though too old");
        let mut due: Vec<_> = self.waiting.values().collect();
        due.sort_by_key(|entry| (Reverse(entry.severity), entry.key));
        if due.first().is_some_and(|first| first.severity == Severity::Critical) {
            due.retain(|entry| entry.severity == Severity::Critical);
        }
        assert!(due.iter().zip(&entries).all(|(due, sent)| due == sent), "not in order: {keys:?}");
        let is_merged = keys.len() > 1;
        assert!(!is_merged || !self.config.pace.is_empty(), "merged without need: {keys:?}");
        assert!(!is_merged || keys.len() == due.len().min(MERGED_MAX), "left some: {keys:?}");
    }

    fn failed(&mut self, after: Duration) {
        let (_, outcome) = self.answered.take().expect("an answer");
        assert!(matches!(outcome, Outcome::Dead(_) | Outcome::Retry { .. }), "{outcome:?}");
        if let Outcome::Retry { after: Some(named), reason: _ } = outcome {
            // A parked destination is probed by its own timer.
            assert!(after >= named.min(Duration::from_secs(60)), "{after:?} instead of {named:?}");
            assert!(after <= Duration::from_secs(3_600), "{after:?}");
        }
        assert!(!after.is_zero());
    }

    fn forget(&mut self, entries: &[Entry]) {
        for entry in entries {
            let waited = self.waiting.remove(&entry.key);
            assert_eq!(waited.as_ref(), Some(entry), "delivered or dropped twice");
        }
    }
}

/// Every other message about incidents could be told in parts.
const fn is_divisible(id: u64) -> bool {
    id.is_multiple_of(2)
}

fn keys(entries: &[Entry]) -> Vec<EventKey> {
    entries.iter().map(|entry| entry.key).collect()
}

fn config(bytes: &mut Bytes<'_>) -> Config {
    const FAST: &[Window] = &[Window::per_secs(1_000, 1)];
    Config {
        pace: bytes
            .pick(&[slack::KIND.pace, &[], teams::KIND.pace, google::KIND.pace, FAST])
            .to_vec(),
        queue_max: bytes.pick(&[1_000, 1, 7, 60]),
        digest_after: Duration::from_secs(bytes.pick(&[30, 1, 5, 3_600])),
    }
}

fn outcome(bytes: &mut Bytes<'_>) -> Outcome {
    match bytes.up_to(7) {
        0..=2 => Outcome::Delivered,
        3 | 4 => Outcome::Degrade(Reason::Payload),
        5 => Outcome::Dead(Reason::Gone),
        6 => Outcome::Retry { after: None, reason: Reason::ServerError },
        _ => {
            let after = Some(Duration::from_secs(bytes.up_to(700)));
            Outcome::Retry { after, reason: Reason::RateLimited }
        }
    }
}
