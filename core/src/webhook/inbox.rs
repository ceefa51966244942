//! The inbox: which events are new, and when a request may be answered.
//!
//! ```text
//! Request ──> all seen, all on disk ────────────────────────────> Respond(200)
//!        └──> some new: Store ──> Stored ──────────────────────> Respond(200)
//!        └──> some seen, not yet on disk: waits for that batch ┘└> Refused: Respond(503)
//! ```
//!
//! 200 means on disk, also for a duplicate whose first copy is still being written. A batch that
//! the disk refused is forgotten, so that a resend counts as new. The inbox knows events by their
//! fingerprints only; writing them is the store's work. What the store may forget is said by
//! number, not by time: the wall clock may jump.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::{collections::btree_map::Entry, vec::Vec};
use core::time::Duration;

use http_types::StatusCode;

use crate::base::{machine::Machine, time::Instant};
use crate::event::fingerprint::{Fingerprint, Kin};

/// Names a waiting request to the driver.
pub type RequestId = u64;

/// Policy of an [`Inbox`].
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// How long an event is remembered.
    pub window: Duration,
    /// How many are remembered; beyond it the oldest is forgotten early.
    pub seen_max: usize,
    /// The number of the first batch: one more than the last in the store, and so never zero.
    pub next_batch: u64,
}

/// What the engine hands to the inbox.
#[derive(Debug)]
pub enum Input {
    /// A later policy; `next_batch` is ignored.
    Configured(Config),
    /// The store is open; its numbers end before `next_batch`.
    Opened { next_batch: u64 },
    /// The disk is full or failed: nothing of this batch was kept.
    Refused(u64),
    /// An event seen before the last start.
    Remembered {
        /// The number of the batch that brought it.
        batch: u64,
        fingerprint: Fingerprint,
        /// How long ago it was accepted.
        ago: Duration,
    },
    /// A request whose signature held.
    Request {
        /// The answer names it. Our own reports have none, because nobody waits for an answer.
        id: Option<RequestId>,
        /// The identities of its routed events, in order.
        fingerprints: Vec<(Fingerprint, Option<Kin>)>,
    },
    /// The batch is on disk.
    Stored(u64),
}

/// A command, or an event that the engine passes on.
#[derive(Debug, PartialEq, Eq)]
pub enum Output {
    /// Answer the request.
    Respond {
        id: RequestId,
        /// 200, or 503 where the disk refused.
        status: StatusCode,
    },
    /// Write these events of the last request as one batch; answer with `Stored` or `Refused`.
    Store {
        /// The batch's number.
        batch: u64,
        /// The places of the new events in the request, ascending.
        new: Vec<usize>,
        /// No event of an earlier batch than this is remembered any more.
        forget_before: u64,
    },
    /// The number of events of the last request that were seen before.
    Suppressed(usize),
}

/// An event that is remembered.
#[derive(Clone, Copy, Debug)]
struct Seen {
    forget_at: Instant,
    /// The batch that brought it.
    batch: u64,
}

#[derive(Debug, Default)]
struct Writing {
    fingerprints: Vec<Fingerprint>,
    waiting: Vec<RequestId>,
}

#[derive(Debug)]
struct Waiting {
    batches: usize,
    refused: bool,
}

/// The inbox machine.
#[derive(Debug)]
pub struct Inbox {
    config: Config,
    next_batch: u64,
    seen: BTreeMap<Fingerprint, Seen>,
    /// In the order of the batches, whose numbers are the second member.
    to_forget: VecDeque<(Instant, u64, Fingerprint)>,
    writing: BTreeMap<u64, Writing>,
    waiting: BTreeMap<RequestId, Waiting>,
    outputs: VecDeque<Output>,
}

impl Inbox {
    /// How many events are remembered.
    pub fn seen(&self) -> usize {
        self.seen.len()
    }

    fn request(
        &mut self,
        now: Instant,
        id: Option<RequestId>,
        fingerprints: &[(Fingerprint, Option<Kin>)],
    ) {
        let batch = self.next_batch;
        let forget_at = now + self.config.window;
        let mut new = Vec::new();
        let mut depends_on = Vec::new();
        let mut remembered = Vec::new();
        for (place, (fingerprint, kin)) in fingerprints.iter().enumerate() {
            let is_listed = || self.known(now, &kin.as_ref()?.other);
            match self.known(now, fingerprint).or_else(is_listed) {
                None => {
                    for print in kin.iter().map(|kin| &kin.own).chain([fingerprint]) {
                        self.remember(forget_at, *print, batch);
                        remembered.push(*print);
                    }
                    new.push(place);
                }
                Some(earlier) if earlier != batch && self.writing.contains_key(&earlier) => {
                    depends_on.push(earlier);
                }
                Some(_) => {}
            }
        }
        self.forget(now);
        if new.len() < fingerprints.len() {
            self.outputs.push_back(Output::Suppressed(fingerprints.len() - new.len()));
        }
        if !new.is_empty() {
            self.next_batch += 1;
            depends_on.push(batch);
            self.writing.insert(batch, Writing { fingerprints: remembered, waiting: Vec::new() });
            let forget_before = self.to_forget.front().map_or(batch, |&(_, oldest, _)| oldest);
            self.outputs.push_back(Output::Store { batch, new, forget_before });
        }
        if let Some(id) = id {
            self.wait(id, depends_on);
        }
    }

    fn wait(&mut self, id: RequestId, mut depends_on: Vec<u64>) {
        depends_on.sort_unstable();
        depends_on.dedup();
        if depends_on.is_empty() {
            self.outputs.push_back(Output::Respond { id, status: StatusCode::Ok });
            return;
        }
        for batch in &depends_on {
            if let Some(writing) = self.writing.get_mut(batch) {
                writing.waiting.push(id);
            }
        }
        self.waiting.insert(id, Waiting { batches: depends_on.len(), refused: false });
    }

    fn written(&mut self, batch: u64, refused: bool) {
        let Some(writing) = self.writing.remove(&batch) else { return };
        if refused {
            for fingerprint in writing.fingerprints {
                if let Entry::Occupied(seen) = self.seen.entry(fingerprint)
                    && seen.get().batch == batch
                {
                    seen.remove();
                }
            }
        }
        for id in writing.waiting {
            let Some(waiting) = self.waiting.get_mut(&id) else { continue };
            waiting.refused |= refused;
            waiting.batches -= 1;
            if waiting.batches == 0 {
                let status =
                    if waiting.refused { StatusCode::ServiceUnavailable } else { StatusCode::Ok };
                self.waiting.remove(&id);
                self.outputs.push_back(Output::Respond { id, status });
            }
        }
    }

    /// The batch in which it was seen. The time is checked here too: after a shorter window was
    /// configured, the queue of what to forget is not in order.
    fn known(&self, now: Instant, fingerprint: &Fingerprint) -> Option<u64> {
        self.seen.get(fingerprint).filter(|seen| seen.forget_at > now).map(|seen| seen.batch)
    }

    fn remember(&mut self, forget_at: Instant, fingerprint: Fingerprint, batch: u64) {
        self.seen.insert(fingerprint, Seen { forget_at, batch });
        // At the end, but for an earlier run's if this one had numbers before its store was open.
        let place = self.to_forget.partition_point(|&(_, earlier, _)| earlier <= batch);
        self.to_forget.insert(place, (forget_at, batch, fingerprint));
    }

    /// Forgets the events that are due, and the oldest beyond `seen_max`.
    fn forget(&mut self, now: Instant) {
        let max = self.config.seen_max;
        while self.to_forget.len() > max
            || self.to_forget.front().is_some_and(|&(at, ..)| at <= now)
        {
            if let Some((forget_at, _, fingerprint)) = self.to_forget.pop_front()
                && self.seen.get(&fingerprint).is_some_and(|seen| seen.forget_at == forget_at)
            {
                self.seen.remove(&fingerprint);
            }
        }
    }
}

impl Machine for Inbox {
    type Config = Config;
    type Input = Input;
    type Output = Output;

    fn new(config: Config, _seed: u64, _now: Instant) -> Self {
        Self {
            config,
            next_batch: config.next_batch,
            seen: BTreeMap::new(),
            to_forget: VecDeque::new(),
            writing: BTreeMap::new(),
            waiting: BTreeMap::new(),
            outputs: VecDeque::new(),
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.forget(now);
    }

    fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::Configured(config) => {
                self.config = config;
                self.forget(now);
            }
            Input::Opened { next_batch } => self.next_batch = self.next_batch.max(next_batch),
            Input::Refused(batch) => self.written(batch, true),
            Input::Remembered { batch, fingerprint, ago } => {
                if let Some(left) =
                    self.config.window.checked_sub(ago).filter(|left| !left.is_zero())
                    && self.known(now, &fingerprint).is_none()
                {
                    self.remember(now + left, fingerprint, batch);
                    self.forget(now);
                }
            }
            Input::Request { id, fingerprints } => self.request(now, id, &fingerprints),
            Input::Stored(batch) => self.written(batch, false),
        }
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.to_forget.front().map(|&(forget_at, ..)| forget_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(60);

    fn inbox() -> Inbox {
        let config = Config { window: WINDOW, seen_max: 100, next_batch: 1 };
        Inbox::new(config, 0, Instant::from_secs(0))
    }

    fn print(n: u8) -> Fingerprint {
        Fingerprint::from_bytes([n; 16])
    }

    /// At `secs` this goes in, and that comes out.
    fn at(inbox: &mut Inbox, secs: u64, input: Input, expected: &[Output]) {
        let now = Instant::from_secs(secs);
        inbox.handle_timeout(now);
        inbox.handle_input(now, input);
        let outputs: Vec<_> = core::iter::from_fn(|| inbox.poll_output()).collect();
        assert_eq!(outputs, expected, "at {secs} s");
    }

    fn request(id: RequestId, prints: &[u8]) -> Input {
        let fingerprints = prints.iter().map(|&n| (print(n), None)).collect();
        Input::Request { id: Some(id), fingerprints }
    }

    /// The event of an earlier run's batch, both of this number.
    fn remembered(n: u8, ago: Duration) -> Input {
        Input::Remembered { batch: n.into(), fingerprint: print(n), ago }
    }

    fn ok(id: RequestId) -> Output {
        Output::Respond { id, status: StatusCode::Ok }
    }

    fn unavailable(id: RequestId) -> Output {
        Output::Respond { id, status: StatusCode::ServiceUnavailable }
    }

    fn store(batch: u64, new: &[usize], forget_before: u64) -> Output {
        Output::Store { batch, new: new.to_vec(), forget_before }
    }

    #[test]
    fn an_answer_waits_for_the_disk() {
        let inbox = &mut inbox();
        at(inbox, 0, request(1, &[1, 2]), &[store(1, &[0, 1], 1)]);
        at(inbox, 1, Input::Stored(1), &[ok(1)]);
    }

    #[test]
    fn a_duplicate_waits_for_the_first_copy_and_then_not_at_all() {
        let inbox = &mut inbox();
        at(inbox, 0, request(1, &[1]), &[store(1, &[0], 1)]);
        at(inbox, 0, request(2, &[1, 2]), &[Output::Suppressed(1), store(2, &[1], 1)]);
        at(inbox, 1, Input::Stored(2), &[]);
        at(inbox, 1, Input::Stored(1), &[ok(1), ok(2)]);
        at(inbox, 2, request(3, &[1]), &[Output::Suppressed(1), ok(3)]);
    }

    #[test]
    fn twice_in_one_request_is_once() {
        let inbox = &mut inbox();
        at(inbox, 0, request(1, &[1, 1]), &[Output::Suppressed(1), store(1, &[0], 1)]);
    }

    #[test]
    fn what_the_disk_refused_is_new_again() {
        let inbox = &mut inbox();
        at(inbox, 0, request(1, &[1]), &[store(1, &[0], 1)]);
        at(inbox, 0, request(2, &[1]), &[Output::Suppressed(1)]);
        at(inbox, 1, Input::Refused(1), &[unavailable(1), unavailable(2)]);
        at(inbox, 2, request(3, &[1]), &[store(2, &[0], 1)]);
    }

    #[test]
    fn what_is_listed_and_what_was_sent_are_one_and_two_that_were_sent_are_two() {
        let kin = Kin { own: print(101), other: print(102) };
        let inbox = &mut inbox();
        let of = |n: u8, kin| Input::Request {
            id: Some(n.into()),
            fingerprints: [(print(n), Some(kin))].into(),
        };
        at(inbox, 0, of(1, kin), &[store(1, &[0], 1)]);
        at(inbox, 0, of(2, kin), &[store(2, &[0], 1)]);
        at(inbox, 0, Input::Stored(2), &[ok(2)]);
        at(inbox, 0, of(3, kin.listed()), &[Output::Suppressed(1), ok(3)]);
        at(inbox, 0, Input::Stored(1), &[ok(1)]);
        let kin = Kin { own: print(103), other: print(104) };
        at(inbox, 1, of(4, kin.listed()), &[store(3, &[0], 1)]);
        at(inbox, 1, of(5, kin), &[Output::Suppressed(1)]);
        // What the disk refused is known by nothing.
        at(inbox, 1, Input::Refused(3), &[unavailable(4), unavailable(5)]);
        at(inbox, 1, of(6, kin), &[store(4, &[0], 1)]);
    }

    #[test]
    fn an_empty_request_is_fine() {
        at(&mut inbox(), 0, request(1, &[]), &[ok(1)]);
    }

    #[test]
    fn the_window_ends_also_across_a_restart() {
        let config = Config { window: WINDOW, seen_max: 100, next_batch: 4 };
        let inbox = &mut Inbox::new(config, 0, Instant::from_secs(0));
        for (batch, ago) in [(1, WINDOW * 2), (2, Duration::from_secs(50)), (3, WINDOW * 2)] {
            at(inbox, 0, remembered(batch, ago), &[]);
        }
        at(inbox, 5, request(1, &[2, 3]), &[Output::Suppressed(1), store(4, &[1], 2)]);
        at(inbox, 70, request(2, &[2]), &[store(5, &[0], 5)]);
    }

    /// The first two have no age, so that they count as new; the third is forgotten behind them.
    #[test]
    fn what_the_store_may_forget_follows_the_numbers_and_not_the_ages() {
        let config = Config { window: WINDOW, seen_max: 100, next_batch: 4 };
        let inbox = &mut Inbox::new(config, 0, Instant::from_secs(0));
        for (batch, ago) in [(1, 0), (2, 0), (3, 50)] {
            at(inbox, 0, remembered(batch, Duration::from_secs(ago)), &[]);
        }
        at(inbox, 20, request(1, &[3]), &[store(4, &[0], 1)]);
        at(inbox, 59, request(2, &[4]), &[store(5, &[0], 1)]);
        at(inbox, 60, request(3, &[5]), &[store(6, &[0], 4)]);
    }

    #[test]
    fn memory_is_bounded() {
        let inbox = &mut inbox();
        for n in 0..=255 {
            inbox.handle_input(Instant::from_secs(1), remembered(n, Duration::ZERO));
        }
        assert_eq!(inbox.seen(), 100);
        let config = Config { window: WINDOW, seen_max: 10, next_batch: 0 };
        inbox.handle_input(Instant::from_secs(1), Input::Configured(config));
        assert_eq!(inbox.seen(), 10);
    }

    #[test]
    fn a_shorter_window_counts_from_when_it_was_configured() {
        let inbox = &mut inbox();
        let stored = |batch, forget_before| [store(batch, &[0], forget_before)];
        at(inbox, 0, request(1, &[1]), &stored(1, 1));
        let config = Config { window: WINDOW / 6, seen_max: 100, next_batch: 0 };
        at(inbox, 1, Input::Configured(config), &[]);
        at(inbox, 2, request(2, &[2]), &stored(2, 1));
        at(inbox, 11, request(3, &[2]), &[Output::Suppressed(1)]);
        at(inbox, 12, request(4, &[2]), &stored(3, 1));
        at(inbox, 12, request(5, &[1]), &[Output::Suppressed(1)]);
    }

    #[test]
    fn what_a_full_memory_hid_is_forgotten_in_time() {
        let config = Config { window: WINDOW, seen_max: 2, next_batch: 1 };
        let inbox = &mut Inbox::new(config, 0, Instant::from_secs(0));
        for (n, ago) in [(1, 0), (2, 50), (3, 0)] {
            at(inbox, 20, remembered(n, Duration::from_secs(ago)), &[]);
        }
        assert_eq!(inbox.seen(), 2);
        at(inbox, 31, remembered(4, Duration::ZERO), &[]);
        assert!(inbox.poll_timeout() > Some(Instant::from_secs(31)));
    }
}
