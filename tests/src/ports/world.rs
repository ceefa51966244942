//! A world around the plan. Access points are moved, hang and flap. Switches lose power, are slow,
//! are locked by others, and drop commits. Members of virtual chassis change their numbers. The
//! cloud learns late and reports late, twice or never. mistgate crashes, loses what is not on disk,
//! and is reconfigured.
//!
//! [`laws`] says what holds at every step. In the end everything works again. Then every port must
//! have the mode that its access point needs, and no switch may be locked or have an unconfirmed
//! commit.
//!
//! The number of bytes decides the size of the world: from a few access points to thousands, on
//! hundreds of switches.

use core::{fmt::Write as _, time::Duration};
use std::collections::BTreeMap;

use mistgate_core::base::mac::Mac;
use mistgate_core::base::machine::Machine;
use mistgate_core::base::time::{Instant, UnixTime};
use mistgate_core::ports::ap_event::{ApEvent, Cause};
use mistgate_core::ports::edit::Edit;
use mistgate_core::ports::plan::Plan;
use mistgate_core::ports::plan::input::{Config, Input};
use mistgate_core::ports::plan::output::Output;
use mistgate_core::ports::question::{Answer, Question};
use mistgate_core::ports::record::Record;
use mistgate_core::ports::switch_port::{Mode, SwitchPort};

pub use self::end::Tally;
use self::laws::Laws;
use self::setting::{Names, START, Size, config, wall};
use self::truth::{Holder, Truth};
use crate::base::bytes::Bytes;

mod acts;
mod cloud;
mod end;
mod laws;
mod setting;
mod switches;
mod truth;

/// A run with more steps than this never ends.
const STEPS_MAX: usize = 2_000_000;

/// Something that will happen.
#[derive(Clone, Debug)]
enum Event {
    Answered {
        run: u64,
        id: u64,
        answer: Answer,
    },
    Asked {
        run: u64,
        id: u64,
        question: Question,
    },
    Finish {
        run: u64,
        id: u64,
        switch: usize,
        edits: Vec<Edit>,
    },
    Flush,
    Noticed {
        ap: usize,
        epoch: u64,
        is_alive: bool,
    },
    Plug {
        ap: usize,
        to: usize,
    },
    Read {
        run: u64,
        id: u64,
        switch_port: SwitchPort,
        mode: Mode,
    },
    /// The kill switch, which mistgate turned on itself.
    Stop,
    Undo {
        switch: usize,
    },
    Unlock {
        switch: usize,
    },
    Webhook(ApEvent),
}

struct World<'a> {
    bytes: Bytes<'a>,
    size: Size,
    names: Names,
    now: Instant,
    /// By how many seconds mistgate's clock is ahead of Mist's.
    skew: i64,
    config: Config,
    plan: Plan,
    /// The number of starts of mistgate so far.
    run: u64,
    events: BTreeMap<(Instant, u64), Event>,
    last_event: u64,
    truth: Truth,
    laws: Laws,
    is_stopped: bool,
    /// Until when the API fails.
    fails_until: Instant,
    /// When the last inventory was requested, by mistgate's clock.
    asked: UnixTime,
    disk: BTreeMap<SwitchPort, Record>,
    /// The access points that are looked for, by the ids of the questions.
    sought: BTreeMap<u64, Mac>,
    /// Records that are not on disk yet.
    unsaved: BTreeMap<SwitchPort, Option<Record>>,
    tally: Tally,
    /// One line for each event. `None` if nobody wants it.
    journal: Option<&'a mut String>,
}

/// Runs the world, and writes the journal if there is one.
pub(super) fn run(data: &[u8], journal: Option<&mut String>) -> Tally {
    let mut bytes = Bytes::new(data);
    let size = Size::of(data.len());
    let config = config(&mut bytes, &size, wall(START));
    let mut world = World {
        bytes,
        size,
        names: Names::new(size),
        now: START,
        skew: 0,
        plan: Plan::new(config.clone(), 7, START),
        run: 1,
        events: BTreeMap::new(),
        last_event: 0,
        truth: Truth::new(size, START),
        laws: Laws::new(size, config.clone()),
        config,
        is_stopped: false,
        fails_until: START,
        asked: wall(START),
        disk: BTreeMap::new(),
        sought: BTreeMap::new(),
        unsaved: BTreeMap::new(),
        tally: Tally::default(),
        journal,
    };
    world.input(Input::Restored(Vec::new()));
    world.install();
    for _ in 0..size.operations {
        if world.bytes.is_empty() {
            break;
        }
        world.operate();
    }
    world.heal();
    world.tally
}

impl World<'_> {
    fn note(&mut self, what: impl core::fmt::Debug) {
        if let Some(journal) = &mut self.journal {
            let _ = writeln!(journal, "{} {what:?}", (self.now - START).as_millis());
        }
    }

    fn at(&mut self, after: Duration, event: Event) {
        self.last_event += 1;
        self.events.insert((self.now + after, self.last_event), event);
    }

    fn soon(&mut self, secs_max: u64) -> Duration {
        Duration::from_millis(self.bytes.up_to(secs_max * 1_000))
    }

    /// mistgate's wall clock.
    fn clock(&self) -> UnixTime {
        UnixTime::from_micros(wall(self.now).as_micros() + self.skew * 1_000_000)
    }

    /// A large world starts with most access points plugged in.
    fn install(&mut self) {
        let is_large = self.size.at_once > 1;
        for ap in (0..self.size.aps).filter(|ap| is_large && ap % 10 != 9) {
            let (switch, port) = (ap % self.size.switches, ap / self.size.switches);
            let to = self.size.spots_of(switch).start + port;
            let after = self.soon(60);
            self.at(after, Event::Plug { ap, to });
        }
    }

    fn operate(&mut self) {
        let kind = self.bytes.up_to(31);
        let times = if kind < 16 { self.size.at_once } else { 1 };
        for _ in 0..times {
            self.action(kind);
        }
        let pause = self.bytes.pick(&[0, 1, 5, 30, 70, 100, 400, 4_000]);
        self.pass(Duration::from_secs(pause));
        self.check_current_ports();
    }

    fn action(&mut self, kind: u64) {
        self.tally.incidents += 1;
        let ap = self.bytes.count(self.size.aps - 1);
        let switch = self.bytes.count(self.size.switches - 1);
        let spots = self.size.spots_of(switch);
        let spot = spots.start + self.bytes.count(spots.len() - 1);
        match kind {
            0..=6 => self.plug(ap, Some(spot)),
            7 => self.plug(ap, None),
            8 if self.truth.ap(ap).is_connected => self.webhook(ap, Cause::Came),
            9 => self.exchange(ap, spot),
            10 => self.flap(ap),
            11 | 12 => self.darken(switch, true),
            13 => self.darken(switch, false),
            14 => self.hang(ap, !self.truth.ap(ap).is_hung),
            15 => self.phone(spot, ap),
            16 | 17 => self.crash(),
            18 => self.stop(!self.is_stopped),
            19 | 20 => self.request(spot),
            21 => self.rename(switch),
            22 => self.darken_site(self.size.site_of(switch)),
            23 => (0..self.size.switches).for_each(|switch| self.darken(switch, false)),
            24 => self.fails_until = self.now + self.soon(2_000),
            25 => self.reload(),
            26 => self.truth.chassis_mut(switch).is_slow ^= true,
            27 => self.lock(switch),
            28 => {
                let skew = self.bytes.pick(&[0, 1, -1, 90, -90, 4_000, -4_000]);
                let is_synchronised = !self.bytes.chance(100);
                self.set_clock(skew, is_synchronised);
            }
            29 => self.input(Input::BreakerClosed),
            30 if self.truth.ap(ap).is_connected => self.upgrade(ap),
            31 => self.decide(),
            _ => {}
        }
    }

    fn stop(&mut self, is_stopped: bool) {
        self.is_stopped = is_stopped;
        self.input(Input::Stop(is_stopped));
        self.halt();
    }

    fn reload(&mut self) {
        let clock = self.clock();
        let is_synchronised = self.config.is_synchronised;
        let read = config(&mut self.bytes, &self.size, clock);
        self.config = Config { is_synchronised, ..read };
        self.input(Input::Configured(Box::new(self.config.clone())));
    }

    fn set_clock(&mut self, skew: i64, is_synchronised: bool) {
        self.skew = skew;
        self.config.is_synchronised = is_synchronised;
        self.laws.jump();
        self.input(Input::Clock { wall: self.clock(), is_synchronised });
    }

    /// Kills mistgate, which loses what is not on disk, and starts it again.
    fn crash(&mut self) {
        self.note("crash");
        self.tally.crashes += 1;
        if self.bytes.chance(128) {
            self.flush();
        }
        self.unsaved.clear();
        self.run += 1;
        self.config.wall = self.clock();
        self.plan = Plan::new(self.config.clone(), self.run, self.now);
        self.is_stopped = false;
        self.laws.restart(self.config.clone());
        let records = self.disk.values().map(|record| {
            let read = Record::decode(&record.encode());
            read.expect("a record that was written")
        });
        let records = records.collect();
        self.input(Input::Restored(records));
    }

    fn input(&mut self, input: Input) {
        self.note(&input);
        if let Input::Answered { id, answer: Answer::Location(location) } = &input
            && let Some(ap) = self.sought.remove(id)
        {
            self.laws.note_named(self.now, ap, location, &self.names);
        }
        self.laws.note_input(self.now, &input, &self.names, self.asked);
        self.plan.handle_input(self.now, input);
        self.drain();
    }

    /// Advances the time, and handles all that is due.
    fn pass(&mut self, duration: Duration) {
        let until = self.now + duration;
        for step in 0.. {
            assert!(step < STEPS_MAX, "it spins at {:?}", self.now);
            let event_at = self.events.first_key_value().map(|((at, _), _)| *at);
            let next_at = event_at.into_iter().chain(self.plan.poll_timeout()).min();
            let Some(at) = next_at.filter(|at| *at <= until) else {
                break;
            };
            self.now = self.now.max(at);
            self.plan.handle_timeout(self.now);
            self.drain();
            if let Some(entry) = self.events.first_entry().filter(|entry| entry.key().0 <= at) {
                let event = entry.remove();
                self.happen(event);
            }
        }
        self.now = until;
    }

    fn happen(&mut self, event: Event) {
        self.tally.incidents += usize::from(event.is_incident());
        match event {
            Event::Answered { run, id, answer } if run == self.run => {
                self.input(Input::Answered { id, answer });
            }
            Event::Asked { run, id, question } if run == self.run => {
                let answer = self.answer(&question);
                self.input(Input::Answered { id, answer });
            }
            Event::Finish { run, id, switch, edits } => self.finish(run, id, switch, &edits),
            Event::Flush => self.flush(),
            Event::Noticed { ap, epoch, is_alive } => self.noticed(ap, epoch, is_alive),
            Event::Plug { ap, to } => {
                // It may have been plugged in elsewhere meanwhile.
                if self.truth.ap(ap).at.is_none() {
                    self.plug(ap, Some(to));
                }
            }
            Event::Read { run, id, switch_port, mode } if run == self.run => {
                self.read(id, switch_port, mode)
            }
            Event::Stop => self.stop(true),
            Event::Undo { switch } => self.undo(switch),
            Event::Unlock { switch } => self.unlock(switch),
            Event::Webhook(ap_event) => self.input(Input::ApEvent(ap_event)),
            // mistgate has crashed since it asked.
            Event::Answered { .. } | Event::Asked { .. } | Event::Read { .. } => {}
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.plan.poll_output() {
            self.note(&output);
            let kept = self.kept(&output);
            self.laws.check_output(self.now, self.clock(), &output, &self.names, kept.as_ref());
            match output {
                Output::Ask { id, question } => {
                    if question == Question::Inventory {
                        self.asked = self.clock();
                    }
                    if let Question::Location { ap, .. } = &question {
                        self.sought.insert(id, *ap);
                    }
                    self.asked(id, question);
                }
                Output::Compare { id, switch, edits, is_undo } => {
                    let pick = |edit: &Edit| {
                        let at = SwitchPort { switch: switch.mac, port: edit.port };
                        let spot = self.names.spot(at).expect("a spot of ours");
                        let is_same = self.truth.socket(spot).mode == edit.mode;
                        let changes = if is_undo { &["+  a;"][..] } else { &["", "+  a;"] };
                        if is_undo && is_same { "" } else { self.bytes.pick(changes) }.to_owned()
                    };
                    let compared = Ok(edits.iter().map(pick).collect());
                    self.plan.handle_input(self.now, Input::Compared { id, compared });
                }
                Output::Forget(switch_port) => {
                    assert!(kept.is_some(), "{switch_port} was never kept");
                    self.write(switch_port, None);
                }
                Output::Push { id, switch, edits, .. } => self.push(id, switch.mac, edits),
                Output::Read { id, switch, edit } => {
                    let (run, mode) = (self.run, edit.mode);
                    let switch_port = SwitchPort { switch: switch.mac, port: edit.port };
                    let after = self.soon(5);
                    self.at(after, Event::Read { run, id, switch_port, mode });
                }
                Output::Report(report) => self.tally.count(&report),
                Output::Stop(_) => self.at(Duration::from_millis(10), Event::Stop),
                Output::Store(record) => self.write(record.switch_port(), Some(record)),
            }
        }
        let deadline = self.plan.poll_timeout();
        assert!(deadline.is_none_or(|at| at > self.now), "{deadline:?} at {:?}", self.now);
        self.plan.handle_timeout(self.now);
        assert!(self.plan.poll_output().is_none(), "an early handle_timeout does something");
    }

    /// The last record of the port that an output stores or forgets.
    fn kept(&self, output: &Output) -> Option<Record> {
        let switch_port = match output {
            Output::Forget(switch_port) => *switch_port,
            Output::Store(record) => record.switch_port(),
            Output::Ask { .. }
            | Output::Compare { .. }
            | Output::Push { .. }
            | Output::Read { .. }
            | Output::Report(_)
            | Output::Stop(_) => return None,
        };
        let unsaved = self.unsaved.get(&switch_port);
        unsaved.map_or_else(|| self.disk.get(&switch_port).cloned(), Clone::clone)
    }

    fn write(&mut self, switch_port: SwitchPort, record: Option<Record>) {
        if self.unsaved.is_empty() {
            let after = self.soon(1);
            self.at(after, Event::Flush);
        }
        self.unsaved.insert(switch_port, record);
    }

    fn flush(&mut self) {
        for (switch_port, record) in core::mem::take(&mut self.unsaved) {
            match record {
                Some(record) => self.disk.insert(switch_port, record),
                None => self.disk.remove(&switch_port),
            };
        }
    }

    /// Checks that every access point has one current port, and that the port's record agrees.
    fn check_current_ports(&self) {
        let ports = self.plan.status(self.now, usize::MAX).ports;
        let located = ports.iter().filter_map(|status| Some((status.ap?, status.switch_port)));
        let current_ports: BTreeMap<Mac, SwitchPort> = located.clone().collect();
        assert_eq!(current_ports.len(), located.count());
        for ap in (0..self.size.aps).map(|ap| self.names.ap(ap)) {
            assert_eq!(
                self.plan.current_port(ap),
                current_ports.get(&ap).copied(),
                "the current port of {ap}"
            );
        }
    }
}
