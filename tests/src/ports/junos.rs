//! The Junos visit against a simulated switch: lost replies, links and clouds that come back late,
//! connections that break, reboots, slow commits, and commits by others.
//!
//! Whatever happens, a visit ends once, and nothing is confirmed that was not seen to work. Once
//! everything works again, the switch has the last requested configuration, no lock, and nothing
//! unconfirmed.

use core::{fmt::Write as _, num::NonZeroU16, time::Duration};
use std::collections::BTreeMap;

use mistgate_core::base::failure::Failure;
use mistgate_core::base::mac::Mac;
use mistgate_core::base::machine::Machine;
use mistgate_core::base::time::Instant;
use mistgate_core::junos::rollback::RollbackGuard;
use mistgate_core::junos::visit::Visit;
use mistgate_core::junos::visit::input::{Config, Input, Task};
use mistgate_core::junos::visit::output::{Outcome, Output};
use mistgate_core::netconf::session;
use mistgate_core::ports::edit::{Edit, Pushed};
use mistgate_core::ports::switch_port::Mode;

use crate::base::bytes::Bytes;
use crate::ports::switch;
use crate::ports::switch::{ConnectionId, Switch};
use crate::ports::switch::{answer::Style, fault::Fault};

mod edits;
mod proof;

use self::edits::{APS, PORTS, ap, at, changes_as_told, edit, of, switch};
use self::proof::Proof;

/// A visit that takes more steps than this never ends.
const STEPS_MAX: usize = 10_000;
/// How often the last change is tried once everything works again, and the time between two tries.
const TRIES_MAX: usize = 40;
const TRY_AFTER: Duration = Duration::from_secs(60);

/// Something that happens at a given time.
#[derive(Clone, Debug)]
enum Event {
    CloudAnswered {
        id: u64,
        nth: usize,
    },
    /// The switch notices that a connection is gone.
    Closed(ConnectionId),
    /// A person at the console commits, or within these minutes confirms what they have committed.
    Console(Option<u64>),
    /// That person confirms.
    Confirm,
    /// The connection breaks.
    Cut,
    /// The caller drops the visit.
    Drop,
    /// The link of a port comes up, and later its access point.
    Link(usize),
    /// Mist loses it.
    Lost(usize),
    Online(usize),
    Opened,
    Reboot {
        undoes: bool,
    },
    Stop,
}

/// Runs a world, and describes the results of all visits. Extra calls of `handle_timeout` must make
/// no difference.
pub fn run(data: &[u8]) -> String {
    let journal = World::run(data, 0);
    assert_eq!(journal, World::run(data, 2), "calls of handle_timeout made a difference");
    journal
}

struct World<'a> {
    bytes: Bytes<'a>,
    now: Instant,
    switch: Switch,
    config: (session::input::Config, NonZeroU16),
    guard: RollbackGuard,
    /// The ports whose last change had no known end, as the store has it.
    in_doubt: [bool; 2],
    visit: Option<(Visit, Option<ConnectionId>)>,
    done: Option<Outcome>,
    last_connection: u64,
    events: BTreeMap<(Instant, u64), Event>,
    last_event: u64,
    /// How long the switch takes to notice that a connection is gone.
    lingers: Duration,
    /// Until when no connection can be opened.
    down_until: Instant,
    links: [bool; 2],
    online: [bool; 2],
    is_healed: bool,
    proof: Proof,
    extra_timeouts: usize,
    journal: String,
}

impl<'a> World<'a> {
    fn run(data: &'a [u8], extra_timeouts: usize) -> String {
        let mut world = Self::new(data, extra_timeouts);
        for _ in 0..1 + world.bytes.count(5) {
            let task = world.task();
            world.trouble();
            world.visited(task);
            let pause = world.bytes.pick(&[0, 30, 400]);
            world.wait(Duration::from_secs(pause));
            if world.bytes.chance(30) {
                world.restart();
            }
        }
        world.heal();
        world.journal
    }

    fn new(data: &'a [u8], extra_timeouts: usize) -> Self {
        let mut bytes = Bytes::new(data);
        let now = Instant::from_secs(1_000);
        let neighbour = |nth: usize| Some((at(APS, nth).to_owned(), format!("ap-{nth}")));
        let config = switch::Config {
            style: bytes.pick(&Style::ALL),
            commit_time: Duration::from_secs(bytes.pick(&[5, 0, 25, 100])),
            undoes_when_killed: bytes.chance(128),
            interfaces: [0, 1]
                .map(|nth| (at(PORTS, nth).to_owned(), (true, neighbour(nth))))
                .into_iter()
                .collect(),
            faults: (0..bytes.count(6))
                .map(|_| (bytes.up_to(60), bytes.pick(&Fault::ALL)))
                .collect(),
            ..switch::Config::default()
        };
        let confirm = NonZeroU16::new(bytes.pick(&[5, 1, 2, 10])).expect("not zero");
        Self {
            lingers: Duration::from_secs(bytes.pick(&[0, 45, 200])),
            guard: RollbackGuard::default(),
            bytes,
            now,
            switch: Switch::new(config, 0, now),
            config: (session::input::Config::default(), confirm),
            in_doubt: [false; 2],
            visit: None,
            done: None,
            last_connection: 0,
            events: BTreeMap::new(),
            last_event: 0,
            down_until: now,
            links: [true; 2],
            online: [true; 2],
            is_healed: false,
            proof: Proof::default(),
            extra_timeouts,
            journal: String::new(),
        }
    }

    fn task(&mut self) -> Task {
        let which = self.bytes.pick(&[[true, false], [false, true], [true, true]]);
        let mode = self.bytes.pick(&[Mode::Ap, Mode::Ap, Mode::Default]);
        let edits: Vec<Edit> =
            (0..2).filter(|nth| at(which, *nth)).map(|nth| self.edit(nth, mode)).collect();
        match self.bytes.up_to(9) {
            0..=6 => Task::Push(edits),
            7 => Task::Read(edits.first().expect("one at least").clone()),
            8 => Task::Compare(edits),
            _ => Task::See(switch(), edits.first().expect("one at least").port),
        }
    }

    /// The edit of a port, as the plan makes it with what is in the store.
    fn edit(&self, nth: usize, mode: Mode) -> Edit {
        Edit { is_in_doubt: at(self.in_doubt, nth), ..edit(nth, mode) }
    }

    /// Schedules something that goes wrong during the next visit.
    fn trouble(&mut self) {
        let event = match self.bytes.up_to(15) {
            0..=6 => return,
            7 | 8 => Event::Cut,
            9 | 10 => Event::Reboot { undoes: self.bytes.chance(128) },
            11 => Event::Stop,
            12 | 13 => Event::Drop,
            14 => Event::Lost(self.bytes.count(1)),
            _ => Event::Console(self.bytes.pick(&[None, Some(1), Some(5)])),
        };
        let after = self.bytes.up_to(120);
        self.after(after, event);
    }

    /// A new process, which knows nothing of what the last one left.
    fn restart(&mut self) {
        self.note("restart");
        self.guard = RollbackGuard::default();
    }

    /// Lets everything work again, and makes a last change.
    fn heal(&mut self) {
        self.is_healed = true;
        self.switch.heal();
        (self.links, self.online) = ([true; 2], [true; 2]);
        self.plug();
        let is_done = (0..TRIES_MAX).any(|_| {
            let edits = [self.edit(0, Mode::Ap), self.edit(1, Mode::Default)];
            let outcome = self.visited(Task::Push(edits.to_vec()));
            let is_done = matches!(outcome, Some(Outcome::Pushed(Pushed::Done { .. })));
            self.wait(if is_done { Duration::ZERO } else { TRY_AFTER });
            is_done
        });
        assert!(is_done, "never done: {}", self.journal);
        for edit in [self.edit(0, Mode::Ap), self.edit(1, Mode::Default)] {
            assert_eq!(self.visited(Task::Read(edit)), Some(Outcome::Read(Some(true))));
        }
        self.wait(Duration::from_secs(400));
        let switch = &self.switch;
        assert!(!switch.is_locked() && !switch.is_pending() && !switch.is_modified());
        assert_eq!(switch.sessions(), 0, "{switch:#?}");
    }

    /// Makes a visit, and compares its result with the switch. `None` if it was dropped.
    fn visited(&mut self, task: Task) -> Option<Outcome> {
        let (session, confirm) = self.config;
        let guard = self.guard.clone();
        let edits = match &task {
            Task::Push(edits) => edits.clone(),
            Task::Read(edit) => vec![edit.clone()],
            Task::Compare(_) | Task::See(..) => Vec::new(),
        };
        let was_in_place = self.is_in_place(&edits);
        let is_certain = !self.switch.is_busy() && !self.switch.is_pending();
        let verify = Duration::from_secs(60);
        let config = Config { task: task.clone(), guard, session, confirm, verify };
        self.note(format_args!("{task:?}"));
        let was_in_doubt = self.in_doubt;
        if matches!(task, Task::Push(_)) {
            self.doubt(&edits, true);
        }
        self.visit = Some((Visit::new(config, self.last_connection, self.now), None));
        self.exchange();
        let _ = (0..STEPS_MAX).find(|_| {
            self.step(None);
            self.visit.is_none()
        });
        assert!(self.visit.is_none(), "no end: {}", self.journal);
        let outcome = self.done.take()?;
        match &outcome {
            Outcome::Pushed(Pushed::Done { .. }) | Outcome::Read(Some(_)) => {
                self.doubt(&edits, false);
            }
            Outcome::Pushed(Pushed::Failed(_)) => self.in_doubt = was_in_doubt,
            Outcome::Pushed(Pushed::Unknown(_))
            | Outcome::Read(None)
            | Outcome::Compared(_)
            | Outcome::Seen(_) => {}
        }
        let is_in_place = self.is_in_place(&edits);
        match (&task, &outcome) {
            (Task::Push(_), Outcome::Pushed(Pushed::Done { .. })) => {
                assert!(is_in_place && !self.switch.is_pending(), "{}", self.journal);
            }
            (Task::Push(_), Outcome::Pushed(Pushed::Failed(_))) => {
                assert!(!is_certain || was_in_place || !is_in_place, "{}", self.journal);
            }
            (Task::Read(_), Outcome::Read(Some(is_done))) => {
                assert_eq!(*is_done, is_in_place, "{}", self.journal);
                let is_ours_pending = self.switch.is_pending() && !self.switch.is_foreign_pending();
                assert!(!is_done || !is_ours_pending, "{}", self.journal);
            }
            (Task::Compare(edits), Outcome::Compared(Ok(diffs))) => {
                assert!(!is_certain || changes_as_told(&self.switch, edits, diffs));
            }
            (Task::Push(_), Outcome::Pushed(Pushed::Unknown(_)))
            | (Task::Read(_), Outcome::Read(None))
            | (Task::Compare(_), Outcome::Compared(_))
            | (Task::See(..), Outcome::Seen(_)) => {}
            _ => panic!("{task:?} ended as {outcome:?}"),
        }
        Some(outcome)
    }

    fn doubt(&mut self, edits: &[Edit], is_in_doubt: bool) {
        for nth in 0..2 {
            if edits.iter().any(|edit| edit.port.to_string() == at(PORTS, nth)) {
                *of(&mut self.in_doubt, nth) = is_in_doubt;
            }
        }
    }

    fn is_in_place(&self, edits: &[Edit]) -> bool {
        edits.iter().all(|edit| {
            let running = self.switch.running();
            let native = running.has(&format!("interfaces {} native-vlan-id", edit.port));
            native == (edit.mode == Mode::Ap)
        })
    }

    fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        while self.now < until {
            self.step(Some(until));
        }
    }

    fn after(&mut self, seconds: u64, event: Event) {
        self.last_event += 1;
        self.events.insert((self.now + Duration::from_secs(seconds), self.last_event), event);
    }

    /// Advances to the next event, at most to `until`, and handles it.
    fn step(&mut self, until: Option<Instant>) {
        let visit_at = self.visit.as_ref().and_then(|(visit, _)| visit.poll_timeout());
        let event_at = self.events.first_key_value().map(|((at, _), _)| *at);
        let due = [visit_at, event_at, self.switch.poll_timeout(), until];
        let next = due.into_iter().flatten().min();
        self.now = next.unwrap_or(self.now + Duration::from_secs(1)).max(self.now);
        let running = self.switch.running().clone();
        self.switch.handle_timeout(self.now);
        if *self.switch.running() != running {
            self.disturb();
        }
        if let Some(entry) = self.events.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let event = entry.remove();
            self.happen(event);
        }
        if let Some((visit, _)) = &mut self.visit {
            visit.handle_timeout(self.now);
        }
        self.exchange();
        if let Some((visit, _)) = &mut self.visit {
            for _ in 0..self.extra_timeouts {
                visit.handle_timeout(self.now);
                assert!(visit.poll_output().is_none(), "a call too many does something");
            }
            let deadline = visit.poll_timeout();
            assert!(deadline.is_none_or(|at| at > self.now), "due at {deadline:?}");
        }
    }

    /// Takes links down for a while, as a commit does.
    fn disturb(&mut self) {
        for nth in 0..2 {
            let (down, offline) =
                (self.bytes.pick(&[0, 0, 2, 6, 40, 200, 3_000]), self.bytes.pick(&[0, 9, 60, 600]));
            if down > 0 && !self.is_healed {
                *of(&mut self.links, nth) = false;
                self.after(down, Event::Link(nth));
            }
            if down + offline > 0 && !self.is_healed {
                *of(&mut self.online, nth) = false;
                self.after(down + offline, Event::Online(nth));
            }
        }
        self.plug();
    }

    fn plug(&mut self) {
        for nth in 0..2 {
            let neighbour = (at(APS, nth).to_owned(), format!("ap-{nth}"));
            self.switch.plug(at(PORTS, nth), at(self.links, nth), Some(neighbour));
        }
    }

    fn happen(&mut self, event: Event) {
        self.note(format_args!("{event:?}"));
        match event {
            Event::CloudAnswered { id, nth } => {
                let is_connected = (!self.bytes.chance(40)).then_some(at(self.online, nth));
                self.proof.cloud_answered(self.now, id, nth, is_connected);
                self.hand(Input::CloudAnswered { id, is_connected });
            }
            Event::Closed(id) => self.switch.handle_input(self.now, switch::Input::Closed(id)),
            Event::Confirm if self.switch.is_foreign_pending() => {
                self.switch.commit_at_console(&[], None);
            }
            Event::Console(confirm) => {
                let lines = ["set system host-name x", "set vlans a vlan-id 1"];
                let is_done = self.switch.commit_at_console(&lines, confirm);
                if is_done && confirm.is_some() && self.bytes.chance(128) {
                    self.after(45, Event::Confirm);
                }
            }
            Event::Cut if !self.is_healed => {
                self.disconnect();
                self.hand(Input::Closed);
            }
            Event::Drop if !self.is_healed => {
                self.leave();
                self.visit = None;
            }
            Event::Lost(nth) => self.hand(Input::Lost(ap(nth))),
            Event::Link(nth) => {
                *of(&mut self.links, nth) = true;
                self.plug();
            }
            Event::Online(nth) => *of(&mut self.online, nth) = true,
            Event::Opened if self.now < self.down_until => {
                self.hand(Input::NotOpened(Failure::Unreachable));
            }
            Event::Opened => {
                self.last_connection += 1;
                let id = ConnectionId::new(self.last_connection).expect("counted from 1");
                if let Some((_, connection)) = &mut self.visit {
                    *connection = Some(id);
                    self.switch.handle_input(self.now, switch::Input::Opened(id));
                    self.hand(Input::Opened);
                }
            }
            Event::Reboot { undoes } if !self.is_healed => {
                self.switch.reboot(undoes);
                self.down_until = self.now + Duration::from_secs(90);
                self.disturb();
            }
            Event::Stop if !self.is_healed => self.hand(Input::Stop),
            Event::Confirm | Event::Cut | Event::Drop | Event::Reboot { .. } | Event::Stop => {}
        }
    }

    fn hand(&mut self, input: Input) {
        if let Some((visit, _)) = &mut self.visit {
            visit.handle_timeout(self.now);
            visit.handle_input(self.now, input);
        }
    }

    /// Passes bytes in both directions until there are no more.
    fn exchange(&mut self) {
        loop {
            if let Some(output) = self.visit.as_mut().and_then(|(visit, _)| visit.poll_output()) {
                self.note_output(output);
            } else if let Some(output) = self.switch.poll_output() {
                self.came(output);
            } else {
                return;
            }
        }
    }

    fn note_output(&mut self, output: Output) {
        if let Output::Send(bytes) = &output {
            self.note(String::from_utf8_lossy(bytes));
        } else {
            self.note(format_args!("{output:?}"));
        }
        match output {
            Output::AskCloud { id, ap } => {
                let nth = APS.iter().position(|known| Mac::parse(known) == Some(ap));
                let nth = nth.expect("one of ours");
                let after = self.bytes.pick(&[1, 0, 15, 30]);
                self.proof.cloud_asked(self.now, id);
                self.after(after, Event::CloudAnswered { id, nth });
            }
            Output::Done(outcome) => {
                self.leave();
                let visit = self.visit.take();
                let (mut visit, _) = visit.expect("its output comes from a visit");
                visit.handle_input(self.now, Input::Stop);
                assert!(visit.poll_output().is_none() && visit.poll_timeout().is_none());
                assert!(self.done.replace(outcome).is_none(), "a second end");
            }
            Output::Open => {
                let after = self.bytes.up_to(1);
                self.after(after, Event::Opened);
            }
            Output::Remember(guard) => self.guard = guard,
            Output::Send(bytes) => {
                self.judge(&String::from_utf8_lossy(&bytes));
                if let Some((_, Some(id))) = self.visit {
                    self.switch.handle_input(self.now, switch::Input::Bytes(id, bytes));
                }
            }
            Output::Locked { .. } | Output::NotChanged { .. } | Output::Warned(_) => {}
        }
    }

    fn came(&mut self, output: switch::Output) {
        let Some((_, Some(ours))) = self.visit else {
            return;
        };
        match output {
            switch::Output::Bytes(id, bytes) if id == ours => {
                self.proof.replied(&String::from_utf8_lossy(&bytes), self.links);
                self.hand(Input::Bytes(bytes));
            }
            switch::Output::Close(id) if id == ours => self.hand(Input::Closed),
            switch::Output::Bytes(..) | switch::Output::Close(_) => {}
        }
    }

    /// Closes our side of the connection. The switch notices later.
    fn disconnect(&mut self) {
        if let Some(id) = self.visit.as_mut().and_then(|(_, connection)| connection.take()) {
            let lingers = self.lingers.as_secs();
            self.after(lingers, Event::Closed(id));
        }
    }

    /// As [`Self::disconnect`]; a connection that is still to be opened never is.
    fn leave(&mut self) {
        self.disconnect();
        self.events.retain(|_, event| !matches!(event, Event::Opened));
    }

    /// Checks a request: nothing may be confirmed without proof, and nothing of others at all.
    fn judge(&mut self, request: &str) {
        self.proof.requested(request);
        let commits = request.contains("<commit-configuration") && self.switch.is_pending();
        assert!(!commits || !self.switch.is_foreign_pending(), "not ours: {}", self.journal);
        if commits && !self.switch.would_undo() {
            let is_final = !request.contains("<check/>") && !request.contains("<confirmed/>");
            assert!(is_final, "confirms by the way: {}", self.journal);
            assert!(self.proof.holds(), "confirmed without proof: {}", self.journal);
        }
    }

    fn note(&mut self, what: impl core::fmt::Display) {
        writeln!(self.journal, "{:?} {what}", self.now).expect("a text takes all");
    }
}
