//! The disk: what was committed survives a crash, what was not is lost.
//!
//! It commits in groups as the store does, a moment after the first write, and tells so a moment
//! later still, so that a crash may fall between the two.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use mistgate_core::{
    base::{
        machine::Machine,
        rand::Rand,
        time::{Instant, UnixTime},
    },
    delivery::batch::{Chats, EventKey},
    event::fingerprint::Fingerprint,
};

/// What the disk is asked.
#[derive(Clone, Debug)]
pub enum Input {
    /// The machine lost power: what is not committed is gone.
    Crash,
    /// From now on it does so.
    Mood(Mood),
    /// Keep a batch.
    Put(Batch),
    /// These chats are done with this event.
    Settle(EventKey, Chats),
}

/// How the disk does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// Commits take milliseconds.
    Well,
    /// Commits take half a minute.
    Slow,
    /// Commits fail.
    Full,
}

/// What became of the batches of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// They are on disk.
    Stored(Vec<u64>),
    /// They are not.
    Refused(Vec<u64>),
}

/// A batch to keep.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Its number.
    pub number: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The chats that shall have each event, in order; on disk, those that still wait for it.
    pub left: Vec<Chats>,
    /// The identities of its events.
    pub fingerprints: Vec<Fingerprint>,
    /// When it was accepted, by the wall clock.
    pub at: UnixTime,
    /// Identities of before this moment may be forgotten.
    pub forget_before: UnixTime,
}

#[derive(Debug)]
struct Group {
    commit_at: Instant,
    puts: Vec<Batch>,
    fails: bool,
}

/// The disk.
#[derive(Debug)]
pub struct Disk {
    rand: Rand,
    mood: Mood,
    batches: BTreeMap<u64, Batch>,
    seen: BTreeMap<u64, (UnixTime, Vec<Fingerprint>)>,
    /// Every identity that ever was on disk.
    ever: BTreeSet<Fingerprint>,
    /// Committed since the last look.
    committed: Vec<Batch>,
    waiting: Vec<Batch>,
    /// Settled and not yet written down. After a failure they wait for the next write, as in the
    /// store.
    owed: Vec<(EventKey, Chats)>,
    is_due: bool,
    group: Option<Group>,
    reports: VecDeque<(Instant, Output)>,
    outputs: VecDeque<Output>,
}

impl Disk {
    /// The number for the next batch.
    pub fn next_batch(&self) -> u64 {
        let last = self.batches.keys().chain(self.seen.keys()).max();
        last.map_or(1, |last| last + 1)
    }

    /// A batch that somebody still waits for.
    pub fn read(&self, number: u64) -> Option<&Batch> {
        self.batches.get(&number)
    }

    /// The batches that somebody still waits for, oldest first.
    pub fn batches(&self) -> impl Iterator<Item = &Batch> {
        self.batches.values()
    }

    /// The identities that are remembered, oldest first, without those of before a moment.
    pub fn seen(&mut self, forget_before: UnixTime) -> Vec<(UnixTime, Fingerprint)> {
        forget(&mut self.seen, forget_before);
        self.seen.values().flat_map(|(at, prints)| prints.iter().map(|p| (*at, *p))).collect()
    }

    /// Whether an event ever reached the disk.
    pub fn knew(&self, print: &Fingerprint) -> bool {
        self.ever.contains(print)
    }

    /// What was committed since the last call.
    pub fn committed(&mut self) -> Vec<Batch> {
        core::mem::take(&mut self.committed)
    }

    fn begin(&mut self, now: Instant) {
        if self.group.is_some() || !core::mem::take(&mut self.is_due) {
            return;
        }
        let after = match self.mood {
            Mood::Well => Duration::from_micros(200 + self.rand.up_to(30_000)),
            Mood::Slow => Duration::from_millis(20_000 + self.rand.up_to(20_000)),
            Mood::Full => Duration::from_millis(1 + self.rand.up_to(1_000)),
        };
        let puts = core::mem::take(&mut self.waiting);
        let fails = self.mood == Mood::Full;
        self.group = Some(Group { commit_at: now + after, puts, fails });
    }

    fn commit(&mut self, Group { commit_at, puts, fails }: Group) {
        let numbers: Vec<_> = puts.iter().map(|batch| batch.number).collect();
        let output = if fails { Output::Refused(numbers) } else { Output::Stored(numbers) };
        if !fails {
            for batch in puts {
                self.ever.extend(&batch.fingerprints);
                self.seen.insert(batch.number, (batch.at, batch.fingerprints.clone()));
                forget(&mut self.seen, batch.forget_before);
                self.committed.push(batch.clone());
                self.batches.insert(batch.number, batch);
            }
            // As the store does, this writes down settlements that arrived while it was writing.
            for (key, chats) in core::mem::take(&mut self.owed) {
                self.settle(key, &chats);
            }
        }
        let told_at = commit_at + Duration::from_micros(50 + self.rand.up_to(2_000));
        self.reports.push_back((told_at, output));
    }

    fn settle(&mut self, key: EventKey, done: &Chats) {
        let Some(batch) = self.batches.get_mut(&key.batch) else {
            return;
        };
        let index = usize::try_from(key.index).expect("a place");
        let left = batch.left.get_mut(index).expect("a place in the batch");
        left.retain(|chat| !done.contains(chat));
        if batch.left.iter().all(Chats::is_empty) {
            self.batches.remove(&key.batch);
        }
    }
}

fn forget(seen: &mut BTreeMap<u64, (UnixTime, Vec<Fingerprint>)>, before: UnixTime) {
    while seen.first_key_value().is_some_and(|(_, (at, _))| *at < before) {
        seen.pop_first();
    }
}

impl Machine for Disk {
    type Config = ();
    type Input = Input;
    type Output = Output;

    fn new((): (), seed: u64, _now: Instant) -> Self {
        Self {
            rand: Rand::new(seed),
            mood: Mood::Well,
            batches: BTreeMap::new(),
            seen: BTreeMap::new(),
            ever: BTreeSet::new(),
            committed: Vec::new(),
            waiting: Vec::new(),
            owed: Vec::new(),
            is_due: false,
            group: None,
            reports: VecDeque::new(),
            outputs: VecDeque::new(),
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        if let Some(group) = self.group.take_if(|group| group.commit_at <= now) {
            self.commit(group);
            self.begin(now);
        }
        while let Some((_, output)) = self.reports.pop_front_if(|(told_at, _)| *told_at <= now) {
            self.outputs.push_back(output);
        }
    }

    fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::Crash => {
                self.waiting.clear();
                self.owed.clear();
                self.is_due = false;
                self.group = None;
                self.reports.clear();
            }
            Input::Mood(mood) => self.mood = mood,
            Input::Put(batch) => {
                self.waiting.push(batch);
                self.is_due = true;
            }
            Input::Settle(key, chats) => {
                self.owed.push((key, chats));
                self.is_due = true;
            }
        }
        self.begin(now);
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let commit_at = self.group.as_ref().map(|group| group.commit_at);
        let told_at = self.reports.front().map(|(told_at, _)| *told_at);
        commit_at.into_iter().chain(told_at).min()
    }
}
