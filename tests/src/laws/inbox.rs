//! The laws of the inbox: every request is answered once, with 200 only for what is on disk; a
//! duplicate is not accepted; and no more is remembered than allowed.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use http_types::StatusCode;
use mistgate_core::base::time::Instant;
use mistgate_core::event::fingerprint::Fingerprint;
use mistgate_core::webhook::inbox::{Config, Inbox, Input, Output, RequestId};

use super::Subject;
use crate::base::bytes::Bytes;

/// The number of different events.
const EVENTS: u64 = 24;

/// The inbox's surroundings: a disk and a sender.
pub struct Surroundings {
    config: Config,
    next_batch: u64,
    last_id: RequestId,
    /// The events of the last request.
    request: Vec<Fingerprint>,
    suppressed: usize,
    unanswered: BTreeMap<RequestId, Vec<Fingerprint>>,
    writing: BTreeMap<u64, Vec<Fingerprint>>,
    on_disk: BTreeSet<Fingerprint>,
    refused: BTreeSet<Fingerprint>,
    /// Until when an event counts as a duplicate, unless the memory was ever full, and of an event
    /// in which batch.
    seen: BTreeMap<Fingerprint, (Instant, u64)>,
    was_short: bool,
}

impl Subject for Surroundings {
    type Machine = Inbox;

    fn new(bytes: &mut Bytes<'_>, _now: Instant) -> (Self, Config) {
        let config = config(bytes, 1 + bytes.clone().up_to(9));
        let surroundings = Self {
            config,
            next_batch: config.next_batch,
            last_id: 0,
            request: Vec::new(),
            suppressed: 0,
            unanswered: BTreeMap::new(),
            writing: BTreeMap::new(),
            on_disk: BTreeSet::new(),
            refused: BTreeSet::new(),
            seen: BTreeMap::new(),
            was_short: is_short(&config),
        };
        (surroundings, config)
    }

    fn input(&mut self, bytes: &mut Bytes<'_>, now: Instant) -> Input {
        self.request.clear();
        self.suppressed = 0;
        match bytes.up_to(9) {
            0..=3 => {
                self.request = (0..bytes.up_to(6)).map(|_| print(bytes)).collect();
                self.last_id += 1;
                let id = (!bytes.chance(40)).then_some(self.last_id);
                if let Some(id) = id {
                    self.unanswered.insert(id, self.request.clone());
                }
                let fingerprints = self.request.iter().map(|print| (*print, None)).collect();
                Input::Request { id, fingerprints }
            }
            4..=6 => {
                let batch = self.batch(bytes);
                self.on_disk.extend(self.writing.remove(&batch).unwrap_or_default());
                Input::Stored(batch)
            }
            7 => {
                let batch = self.batch(bytes);
                for print in self.writing.remove(&batch).unwrap_or_default() {
                    self.seen.remove(&print);
                    self.refused.insert(print);
                }
                Input::Refused(batch)
            }
            // Before any request.
            8 if self.last_id == 0 => {
                let fingerprint = print(bytes);
                let ago = Duration::from_secs(bytes.up_to(5_000));
                if let Some(left) = self.config.window.checked_sub(ago)
                    && !left.is_zero()
                {
                    self.on_disk.insert(fingerprint);
                    self.seen.entry(fingerprint).or_insert((now + left, self.next_batch - 1));
                }
                Input::Remembered { batch: self.next_batch - 1, fingerprint, ago }
            }
            _ => {
                self.config = config(bytes, 0);
                self.was_short |= is_short(&self.config);
                Input::Configured(self.config)
            }
        }
    }

    fn output(&mut self, now: Instant, output: &Output) {
        match output {
            Output::Respond { id, status } => {
                let events = self.unanswered.remove(id).expect("one answer to each request");
                let on_disk = events.iter().all(|print| self.on_disk.contains(print));
                if *status == StatusCode::Ok {
                    assert!(on_disk, "200 for what is not on disk");
                } else {
                    assert_eq!(*status, StatusCode::ServiceUnavailable);
                    let refused = events.iter().any(|print| self.refused.contains(print));
                    assert!(refused, "503 though nothing was refused");
                }
            }
            Output::Store { batch, new, forget_before } => {
                assert_eq!(*batch, self.next_batch, "batches are numbered in order");
                self.next_batch += 1;
                assert!(!new.is_empty() && new.is_sorted_by(|a, b| a < b), "{new:?}");
                assert_eq!(new.len() + self.suppressed, self.request.len());
                let mut prints = Vec::new();
                for place in new {
                    let print = *self.request.get(*place).expect("a place in the request");
                    let seen = self.seen.get(&print).is_some_and(|&(until, _)| now < until);
                    assert!(self.was_short || !seen, "taken twice");
                    prints.push(print);
                    self.seen.insert(print, (now + self.config.window, *batch));
                }
                let needed = self.seen.values().filter(|(until, _)| now < *until);
                let needed = needed.map(|(_, batch)| *batch).min();
                assert!(forget_before <= batch, "forgets what is being stored");
                let kept = needed.is_none_or(|needed| *forget_before <= needed);
                assert!(self.was_short || kept, "forgets what is remembered");
                self.writing.insert(*batch, prints);
            }
            Output::Suppressed(events) => {
                assert!((1..=self.request.len()).contains(events));
                self.suppressed = *events;
            }
        }
    }

    fn check_drained(&mut self, _now: Instant, inbox: &Inbox) {
        let (seen, max) = (inbox.seen(), self.config.seen_max);
        assert!(seen <= max, "remembers {seen} of at most {max}");
        assert!(!self.writing.is_empty() || self.unanswered.is_empty(), "a request waits in vain");
    }
}

impl Surroundings {
    /// A batch that is being stored, or one that does not exist.
    fn batch(&self, bytes: &mut Bytes<'_>) -> u64 {
        let nth = bytes.count(self.writing.len());
        self.writing.keys().nth(nth).copied().unwrap_or(bytes.up_to(20))
    }
}

fn print(bytes: &mut Bytes<'_>) -> Fingerprint {
    let letter = u8::try_from(bytes.up_to(EVENTS - 1)).expect("a small number");
    Fingerprint::from_bytes([letter; 16])
}

fn config(bytes: &mut Bytes<'_>, next_batch: u64) -> Config {
    let window = Duration::from_secs(bytes.pick(&[60, 1, 3_600]));
    let seen_max = if bytes.chance(128) { 1 + bytes.count(30) } else { 1_000_000 };
    Config { window, seen_max, next_batch }
}

/// Whether events may be forgotten early.
const fn is_short(config: &Config) -> bool {
    config.seen_max < 1_000_000
}
