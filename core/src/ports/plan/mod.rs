//! The plan of all switch ports: it owns the probes, the ports, the queues of the switches and the
//! governor.
//!
//! An event goes to the probe of its access point. The decision of the probe goes to the port that
//! it is about and, if the access point was on another port before, to that port too. The change of
//! a port waits a moment for other changes of the same switch, and they go out as one commit when
//! the governor allows it. If a switch said something too long ago, it is asked again before
//! anything is done about it. Once an hour everything is compared with Mist's inventory, which
//! finds what was missed.
//!
//! The plan drains its children inside its own `handle_*`. The current port of an access point is
//! the port whose slot names it, and the other way round.
//!
//! # Driving it
//!
//! - `Restored`, with all records of the store, is the first input, also where there are none.
//!   `Clock` comes whenever the wall clock may have jumped or is no longer, or again, synchronised,
//!   and every few minutes.
//! - Each `Ask`, `Compare`, `Push` and `Read` is answered once, failures included; the driver never
//!   retries. It may answer many questions with one request to Mist, and lets them wait for Mist's
//!   budget. It has one session for each switch: a `Read` may come while a `Push` to the same
//!   switch is under way, and waits for it.
//! - A `Push` begins when every `Store` before it is on disk. After a crash in between, the next
//!   run looks at the port again.
//! - A `Push` is all or nothing. If one of several ports spoils a commit, the ports are pushed
//!   again one by one, so that only that one gets stuck.
//! - While `Stop` holds, nothing is pushed or read back. The driver ends what is in flight at once,
//!   and answers it as unknown; it is read back when `Stop` is over.

use alloc::{collections::BTreeMap, collections::VecDeque, sync::Arc, vec::Vec};
use core::{mem, time::Duration};

pub mod input;
pub mod output;

mod state;
pub mod status;
mod timers;

mod ask;
mod conclude;
mod drift;
mod inventory;
mod person;
mod push;

use self::{input::Config, input::Input, output::Output};
use self::{state::Inventory, state::Sent, state::Slot, state::SwitchQueue, timers::Timers};
use super::ap_event::{ApEvent, Cause, Request};
use super::governor::{Governor, Held};
use super::{outage::Losses, port, port::Port, probe, switch_port::Mode, switch_port::SwitchPort};
use super::{probe::Probe, probe::Subject, record::Record, report::Change, report::Report};
use crate::base::{mac::Mac, machine::Machine, order, rand::Rand, time::Instant, time::UnixTime};

/// The most probes, and the most ports.
pub const PROBES_MAX: usize = 65_536;
/// The most switches that are known.
pub const SWITCHES_MAX: usize = 16_384;
/// How long the first change of a switch waits for others: Mist reports 48 access points that come
/// back together within seconds of each other.
pub const GATHER: Duration = Duration::from_secs(5);
/// The age from which on an answer of a switch is asked for again before it is acted on.
pub const PROOF_MAX: Duration = Duration::from_secs(300);
/// The most ports in one commit.
pub const BATCH_MAX: usize = 100;
/// How long a change waits for a person.
pub const APPROVAL_MAX: Duration = Duration::from_hours(24);
/// From the start to the first inventory.
const RECONCILE_FIRST: Duration = Duration::from_secs(5);

/// What has a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Breaker,
    Queue(Mac),
    Port(SwitchPort),
    Inventory,
    Probe(Subject),
}

/// Who asked a question of the plan.
#[derive(Clone, Copy, Debug)]
enum Asker {
    Inventory,
    Probe(Subject, u64),
}

/// The plan machine.
#[derive(Debug)]
pub struct Plan {
    config: Config,
    rand: Rand,
    governor: Governor,
    losses: Losses,
    queues: BTreeMap<Mac, SwitchQueue>,
    slots: BTreeMap<SwitchPort, Slot>,
    probes: BTreeMap<Subject, Probe>,
    /// When it was last reported that an access point cannot be found, by reason.
    unfound: BTreeMap<Mac, BTreeMap<&'static str, Instant>>,
    inventory: Inventory,
    timers: Timers<Due>,
    asked: BTreeMap<u64, Asker>,
    comparing: BTreeMap<u64, Vec<Sent>>,
    pushed: BTreeMap<u64, Mac>,
    reads: BTreeMap<u64, SwitchPort>,
    /// The ports that are compared before a change is taken back, and its number.
    undoing: BTreeMap<u64, (SwitchPort, u64)>,
    /// What is to be read back when the kill switch is off, because that may confirm a commit.
    unread: Vec<(SwitchPort, Mode)>,
    /// What settled since it was last reported.
    settled: Vec<Change>,
    last_id: u64,
    /// The number of the last change: at least the time of its day, so that none comes twice.
    last_change: u64,
    /// When the wall clock was read, and what it said.
    wall: (Instant, UnixTime),
    is_overflowing: bool,
    outputs: VecDeque<Output>,
}

impl Plan {
    /// The port of an access point, as far as it is known.
    pub fn current_port(&self, ap: Mac) -> Option<SwitchPort> {
        self.probes.get(&Subject::Ap(ap))?.current_port()
    }

    fn wall(&self, now: Instant) -> UnixTime {
        let (read_at, wall) = self.wall;
        wall.plus(now - read_at)
    }

    fn triggered(&mut self, now: Instant, ap_event: ApEvent) {
        let ApEvent { ap, cause, site, at, .. } = ap_event;
        if site.as_ref().is_some_and(|site| self.config.ignored_sites.contains(site)) {
            return;
        }
        if cause == Cause::Stale {
            return self.look_for_drift(Some(ap));
        }
        if cause != Cause::Restarting {
            let noted_at = at.unwrap_or_else(|| self.wall(now));
            self.losses.note(ap, site.as_deref(), cause == Cause::Lost, noted_at);
        }
        if cause == Cause::Lost {
            self.count_loss(now, ap);
            if let Some(site) = self.losses.site_of(ap).map(Arc::from) {
                self.weigh(now, site);
            }
        }
        self.handle_probe(now, Subject::Ap(ap), probe::Input::Triggered { cause, site, at });
    }

    /// Counts an access point that is learned to be lost.
    fn count_loss(&mut self, now: Instant, ap: Mac) {
        if self.governor.lost(now, ap, self.losses.site_of(ap)) {
            self.breaker_opened(None);
        }
        self.timers.set(Due::Breaker, self.governor.closes_at());
    }

    /// Judges the losses of a site, as far as it is known how many access points it has.
    fn weigh(&mut self, now: Instant, site: Arc<str>) {
        let of = self.losses.site_aps(&site);
        if of.is_some_and(|of| self.governor.weigh(now, &site, of)) {
            self.breaker_opened(Some(site));
        }
        self.timers.set(Due::Breaker, self.governor.closes_at());
    }

    fn breaker_opened(&mut self, held: Held) {
        let hold = self.config.governor.breaker.map_or(Duration::ZERO, |breaker| breaker.hold);
        self.report(Report::Breaker { held, is_open: true, hold });
    }

    fn look_at(&mut self, now: Instant, subject: Subject, cause: Cause) {
        let triggered = probe::Input::Triggered { cause, site: None, at: None };
        self.handle_probe(now, subject, triggered);
    }

    fn handle_probe(&mut self, now: Instant, subject: Subject, input: probe::Input) {
        if !self.probes.contains_key(&subject) {
            if self.probes.len() >= PROBES_MAX {
                return self.overflow();
            }
            let config = (self.config.probe, subject);
            self.probes.insert(subject, Probe::new(config, self.rand.next_u64(), now));
        }
        if let Some(probe) = self.probes.get_mut(&subject) {
            probe.handle_input(now, input);
        }
        self.drain_probe(now, subject);
    }

    fn drain_probe(&mut self, now: Instant, subject: Subject) {
        while let Some(output) = self.probes.get_mut(&subject).and_then(Probe::poll_output) {
            match output {
                probe::Output::Ask { id, question } => self.ask(now, subject, id, question),
                probe::Output::Concluded { decision, since } => {
                    self.concluded(now, subject, decision, since);
                }
            }
        }
        let probe = self.probes.get(&subject);
        self.timers.set(Due::Probe(subject), probe.and_then(Probe::poll_timeout));
        if matches!(subject, Subject::Port(_)) && probe.is_some_and(Probe::is_resting) {
            self.probes.remove(&subject);
        }
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    fn overflow(&mut self) {
        if !mem::replace(&mut self.is_overflowing, true) {
            self.report(Report::Overflow);
        }
    }

    fn report(&mut self, report: Report) {
        self.outputs.push_back(Output::Report(report));
    }

    fn close_breaker(&mut self, now: Instant) {
        let closed = self.governor.close_manually();
        self.breaker_closed(closed);
        self.judge_again(now);
    }

    fn breaker_closed(&mut self, closed: Vec<Held>) {
        for held in closed {
            self.report(Report::Breaker { held, is_open: false, hold: Duration::ZERO });
        }
        self.timers.set(Due::Breaker, self.governor.closes_at());
    }

    fn stop(&mut self, now: Instant, is_stopped: bool) {
        if self.governor.stop(is_stopped) {
            self.report(Report::Stopped { is_on: is_stopped, because: None });
            self.judge_again(now);
            for (switch_port, mode) in mem::take(&mut self.unread) {
                self.read_back(switch_port, mode);
            }
        }
    }

    fn configure(&mut self, now: Instant, config: Config) {
        let before = mem::replace(&mut self.config, config);
        let Config { probe, port, governor, wall, .. } = &self.config;
        self.wall = (now, *wall);
        self.governor.configure(governor.clone());
        for one in self.probes.values_mut() {
            one.handle_input(now, probe::Input::Configured(*probe));
        }
        for slot in self.slots.values_mut() {
            slot.port.handle_input(now, port::Input::Configured(*port));
        }
        self.timers.set(Due::Breaker, self.governor.closes_at());
        self.judge_again(now);
        self.change_mode(now, before.observes(), before.doubts_clock());
    }

    fn set_clock(&mut self, now: Instant, wall: UnixTime, is_synchronised: bool) {
        let (observed, doubted) = (self.config.observes(), self.config.doubts_clock());
        self.wall = (now, wall);
        self.config.is_synchronised = is_synchronised;
        self.change_mode(now, observed, doubted);
    }

    /// Acts on a change of whether changes are made or only reported. What was only reported is
    /// then to be done.
    fn change_mode(&mut self, now: Instant, observed: bool, doubted: bool) {
        if self.config.doubts_clock() != doubted {
            self.report(Report::ClockDoubted(!doubted));
        }
        if !observed || self.config.observes() {
            return;
        }
        for slot in self.slots.values_mut().filter(|slot| slot.is_observed) {
            slot.is_observed = false;
            slot.port = Port::new(self.config.port, self.rand.next_u64(), now);
        }
        self.judge_again(now);
        self.ask_inventory(now);
    }

    fn restored(&mut self, now: Instant, mut records: Vec<Record>) {
        if self.config.doubts_clock() {
            self.report(Report::ClockDoubted(true));
        }
        order::sort_by_key(&mut records, |record| record.changed_at);
        let made = records.iter().filter(|record| record.is_made());
        self.governor.restore(made.count());
        self.last_change = records.iter().filter_map(|record| record.change).max().unwrap_or(0);
        for record in records {
            self.recall(now, &record);
            let switch_port = record.switch_port();
            self.know(&record.switch);
            if !self.make_slot(now, switch_port) {
                continue;
            }
            let ap = record.ap.filter(|ap| self.current_port(*ap).is_none());
            if let Some(ap) = ap {
                self.handle_probe(now, Subject::Ap(ap), probe::Input::Restored(switch_port));
            }
            let counts = !record.is_observed || self.config.observes();
            if let Some(slot) = self.slots.get_mut(&switch_port) {
                slot.kept = Some(record.clone());
                slot.ap = ap;
                slot.before = record.before;
                slot.changed_at = record.changed_at;
                slot.is_observed = record.is_observed && counts;
                slot.made = record.change.zip(record.mode);
                slot.left = record.left;
                if record.is_touched && counts {
                    let restored = port::Input::Restored { mode: record.mode };
                    slot.port.handle_input(now, restored);
                }
            }
        }
    }

    /// Counts a change of an earlier run, so that limits hold across a restart.
    fn recall(&mut self, now: Instant, record: &Record) {
        let wall = self.wall(now).as_micros();
        let ago = record.changed_at.map(|changed_at| wall.saturating_sub(changed_at.as_micros()));
        if let Some(ago) = ago.and_then(|ago| u64::try_from(ago).ok())
            && !record.is_observed
        {
            let changed_at = now.saturating_sub(Duration::from_micros(ago));
            self.governor.note(changed_at, record.switch_port(), &record.switch.site);
        }
    }
}

impl Machine for Plan {
    type Config = Config;
    type Input = Input;
    type Output = Output;

    fn new(config: Config, seed: u64, now: Instant) -> Self {
        let mut timers = Timers::new();
        timers.set(Due::Inventory, Some(now + RECONCILE_FIRST));
        Self {
            governor: Governor::new(config.governor.clone()),
            wall: (now, config.wall),
            config,
            rand: Rand::new(seed),
            losses: Losses::default(),
            queues: BTreeMap::new(),
            slots: BTreeMap::new(),
            probes: BTreeMap::new(),
            unfound: BTreeMap::new(),
            inventory: Inventory::default(),
            timers,
            asked: BTreeMap::new(),
            comparing: BTreeMap::new(),
            pushed: BTreeMap::new(),
            reads: BTreeMap::new(),
            undoing: BTreeMap::new(),
            unread: Vec::new(),
            settled: Vec::new(),
            last_id: 0,
            last_change: 0,
            is_overflowing: false,
            outputs: VecDeque::new(),
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        while let Some(due) = self.timers.take_due(now) {
            match due {
                Due::Breaker => {
                    let closed = self.governor.close(now);
                    self.breaker_closed(closed);
                }
                Due::Queue(mac) => self.push(now, mac),
                Due::Port(switch_port) => {
                    if let Some(slot) = self.slots.get_mut(&switch_port) {
                        slot.port.handle_timeout(now);
                    }
                    self.drain_port(now, switch_port);
                }
                Due::Inventory => self.ask_inventory(now),
                Due::Probe(subject) => {
                    if let Some(probe) = self.probes.get_mut(&subject) {
                        probe.handle_timeout(now);
                    }
                    self.drain_probe(now, subject);
                }
            }
        }
    }

    fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::Answered { id, answer } => self.answered(now, id, answer),
            Input::BreakerClosed => self.close_breaker(now),
            Input::Clock { wall, is_synchronised } => self.set_clock(now, wall, is_synchronised),
            Input::Compared { id, compared } => self.compared(now, id, &compared),
            Input::Configured(config) => self.configure(now, *config),
            Input::Manual { switch, port, mode } => self.manual(now, &switch, port, mode),
            Input::Ordered { order, number } => self.ordered(now, order, number),
            Input::Pushed { id, pushed } => self.pushed(now, id, pushed),
            Input::Read { id, is_done } => self.read(now, id, is_done),
            Input::Requested(Request { switch_port, mode }) => {
                self.look_at(now, Subject::Port(switch_port), Cause::Asked(mode));
            }
            Input::Restored(records) => self.restored(now, records),
            Input::ApEvent(ap_event) => self.triggered(now, ap_event),
            Input::Stop(is_stopped) => self.stop(now, is_stopped),
        }
        self.handle_timeout(now);
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next_at()
    }
}

#[cfg(test)]
mod tests;
