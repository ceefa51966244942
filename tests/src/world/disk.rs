//! The disk: what was committed survives a crash, what was not is lost.
//!
//! Like the store it commits writes in groups, shortly after the first write. It reports a commit
//! a moment later, so a crash may fall between the two.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use mistgate_core::base::machine::Machine;
use mistgate_core::base::rand::Rand;
use mistgate_core::base::time::{Instant, UnixTime};
use mistgate_core::delivery::batch;
use mistgate_core::delivery::batch::{ChatId, Chats, EventKey};
use mistgate_core::delivery::dead_letter::Dead;
use mistgate_core::event::fingerprint::Fingerprint;
use mistgate_core::notify::change::Key;

/// What the disk is told.
#[derive(Clone, Debug)]
pub enum Input {
    /// Power is lost, and with it all that is not committed.
    Crash,
    /// From now on it behaves like this.
    Mood(Mood),
    Put(Batch),
    /// Keep or forget a row about incidents.
    Row(Row, Option<Vec<u8>>),
    /// These chats are done with this event, which is kept as a dead letter if it was given up.
    Settle(EventKey, Chats, Option<Dead>),
}

/// Names a row about incidents.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Row {
    Incident(Key),
    /// What a destination, by name, was last told of it.
    Shown(Arc<str>, Key),
    Silence(u64),
}

/// How the disk behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// Commits take milliseconds.
    Well,
    /// Commits take half a minute.
    Slow,
    /// All commits fail.
    Full,
}

/// The result of a commit, with the numbers of its batches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    Stored(Vec<u64>),
    Refused(Vec<u64>),
}

/// A batch of events as the store keeps it.
#[derive(Clone, Debug)]
pub struct Batch {
    pub number: u64,
    pub bytes: Vec<u8>,
    /// For each event the chats that are still to get it.
    pub left: Vec<Chats>,
    pub fingerprints: Vec<Fingerprint>,
    /// The incidents that it changes; none to forget one.
    pub incidents: Vec<(Key, Option<Vec<u8>>)>,
    /// The dead letter that this is.
    pub letter: Option<u64>,
    /// When it was accepted, if the clock was synchronised.
    pub at: Option<UnixTime>,
    /// When it was accepted in truth, which only the world knows.
    pub accepted_at: Instant,
    /// The fingerprints of earlier batches may be forgotten.
    pub forget_before: u64,
}

/// A dead letter.
#[derive(Clone, Debug)]
pub struct Letter {
    pub chat: ChatId,
    /// A batch of the one event.
    pub bytes: Vec<u8>,
}

/// What waits for a commit besides batches.
#[derive(Debug)]
enum Owed {
    Row(Row, Option<Vec<u8>>),
    Settle(EventKey, Chats, Option<Dead>),
}

#[derive(Debug)]
struct Group {
    commit_at: Instant,
    puts: Vec<Batch>,
    /// Each with how many of the batches came before it.
    owed: Vec<(usize, Owed)>,
    fails: bool,
}

/// What is committed, what is being committed, and what waits for the next commit.
#[derive(Debug)]
pub struct Disk {
    rand: Rand,
    mood: Mood,
    batches: BTreeMap<u64, Batch>,
    seen: BTreeMap<u64, (Option<UnixTime>, Vec<Fingerprint>)>,
    /// Every fingerprint that was ever committed.
    ever: BTreeSet<Fingerprint>,
    committed: Vec<Batch>,
    waiting: Vec<Batch>,
    /// As in [`Group`], for the next commit. As in the store, a failed commit leaves it here.
    owed: Vec<(usize, Owed)>,
    rows: BTreeMap<Row, Vec<u8>>,
    letters: BTreeMap<u64, Letter>,
    last_letter: u64,
    /// What became a dead letter.
    buried: Vec<(EventKey, ChatId)>,
    is_due: bool,
    group: Option<Group>,
    reports: VecDeque<(Instant, Output)>,
    outputs: VecDeque<Output>,
}

impl Disk {
    /// The number of the next batch.
    pub fn next_batch(&self) -> u64 {
        let last = self.batches.keys().chain(self.seen.keys()).max();
        last.map_or(1, |last| last + 1)
    }

    /// A batch that some chat still waits for.
    pub fn read(&self, number: u64) -> Option<&Batch> {
        self.batches.get(&number)
    }

    /// The batches that some chat still waits for, oldest first.
    pub fn batches(&self) -> impl Iterator<Item = &Batch> {
        self.batches.values()
    }

    /// The fingerprints that are not forgotten, with their batches and when these were accepted.
    pub fn seen(&self) -> impl Iterator<Item = (u64, Option<UnixTime>, Fingerprint)> {
        let of = |(batch, (at, prints)): (&u64, &(Option<UnixTime>, Vec<Fingerprint>))| {
            let (batch, at) = (*batch, *at);
            prints.clone().into_iter().map(move |print| (batch, at, print))
        };
        self.seen.iter().flat_map(of)
    }

    /// Whether an event was ever committed.
    pub fn ever_held(&self, print: &Fingerprint) -> bool {
        self.ever.contains(print)
    }

    /// The batches that were committed since the last call.
    pub fn committed(&mut self) -> Vec<Batch> {
        core::mem::take(&mut self.committed)
    }

    /// The dead letters, oldest first.
    pub fn letters(&self) -> impl Iterator<Item = (u64, &Letter)> {
        self.letters.iter().map(|(id, letter)| (*id, letter))
    }

    /// What became a dead letter since the last call.
    pub fn buried(&mut self) -> Vec<(EventKey, ChatId)> {
        core::mem::take(&mut self.buried)
    }

    /// The rows about incidents.
    pub const fn rows(&self) -> &BTreeMap<Row, Vec<u8>> {
        &self.rows
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
        let owed = core::mem::take(&mut self.owed);
        let fails = self.mood == Mood::Full;
        self.group = Some(Group { commit_at: now + after, puts, owed, fails });
    }

    fn commit(&mut self, Group { commit_at, puts, owed, fails }: Group) {
        let numbers: Vec<_> = puts.iter().map(|batch| batch.number).collect();
        let output = if fails { Output::Refused(numbers) } else { Output::Stored(numbers) };
        if fails {
            let later = core::mem::take(&mut self.owed);
            let owed = owed.into_iter().map(|(_, owed)| (0, owed));
            self.owed = owed.chain(later).collect();
        } else {
            let mut owed = owed.into_iter().peekable();
            for (nth, batch) in puts.into_iter().enumerate() {
                while let Some((_, owed)) = owed.next_if(|(after, _)| *after <= nth) {
                    self.apply(owed);
                }
                for (key, record) in batch.incidents.clone() {
                    self.apply(Owed::Row(Row::Incident(key), record));
                }
                if let Some(letter) = batch.letter {
                    assert!(self.letters.remove(&letter).is_some(), "letter {letter} goes twice");
                }
                self.ever.extend(&batch.fingerprints);
                self.seen.insert(batch.number, (batch.at, batch.fingerprints.clone()));
                self.seen.retain(|number, _| *number >= batch.forget_before);
                self.committed.push(batch.clone());
                if !batch.left.is_empty() {
                    self.batches.insert(batch.number, batch);
                }
            }
            owed.for_each(|(_, owed)| self.apply(owed));
        }
        let report_at = commit_at + Duration::from_micros(50 + self.rand.up_to(2_000));
        self.reports.push_back((report_at, output));
    }

    fn owe(&mut self, owed: Owed) {
        self.owed.push((self.waiting.len(), owed));
        self.is_due = true;
    }

    fn apply(&mut self, owed: Owed) {
        match owed {
            Owed::Row(row, Some(bytes)) => drop(self.rows.insert(row, bytes)),
            Owed::Row(row, None) => drop(self.rows.remove(&row)),
            Owed::Settle(key, chats, dead) => self.settle(key, &chats, dead.is_some()),
        }
    }

    fn settle(&mut self, key: EventKey, done: &Chats, is_dead: bool) {
        let Some(batch) = self.batches.get_mut(&key.batch) else {
            return;
        };
        let index = usize::try_from(key.index).expect("an index");
        let left = batch.left.get_mut(index).expect("an index in the batch");
        for chat in done.iter().filter(|chat| left.remove(*chat) && is_dead) {
            let read = batch::decode(&batch.bytes).expect("our own bytes");
            let bytes = read.only(index).expect("an index in the batch");
            self.last_letter += 1;
            self.letters.insert(self.last_letter, Letter { chat: chat.clone(), bytes });
            self.buried.push((key, chat.clone()));
        }
        if batch.left.iter().all(Chats::is_empty) {
            self.batches.remove(&key.batch);
        }
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
            rows: BTreeMap::new(),
            letters: BTreeMap::new(),
            last_letter: 0,
            buried: Vec::new(),
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
        while let Some((_, output)) = self.reports.pop_front_if(|(report_at, _)| *report_at <= now)
        {
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
            Input::Row(row, bytes) => self.owe(Owed::Row(row, bytes)),
            Input::Settle(key, chats, dead) => self.owe(Owed::Settle(key, chats, dead)),
        }
        self.begin(now);
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let commit_at = self.group.as_ref().map(|group| group.commit_at);
        let report_at = self.reports.front().map(|(report_at, _)| *report_at);
        commit_at.into_iter().chain(report_at).min()
    }
}
