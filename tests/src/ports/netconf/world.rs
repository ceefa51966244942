//! A session and a switch on one clock, with a network between them, and a caller that wants edits
//! made and verifies them.
//!
//! Whatever goes wrong, in the end the switch is configured as the outcomes say, nobody holds its
//! lock, and no commit is unconfirmed.

use core::{num::NonZeroU16, time::Duration};
use std::collections::{BTreeMap, VecDeque};

use mistgate_core::base::machine::Machine;
use mistgate_core::base::time::Instant;
use mistgate_core::netconf::lines::Lines;
use mistgate_core::netconf::rpc::request::Query;
use mistgate_core::netconf::session::Session;
use mistgate_core::netconf::session::input::{Config, Edit, Input, Mode};
use mistgate_core::netconf::session::output::{Failure, Outcome, Output};

use crate::base::bytes::Bytes;
use crate::ports::switch;
use crate::ports::switch::answer::Style;
use crate::ports::switch::configuration::Configuration;
use crate::ports::switch::fault::Fault;
use crate::ports::switch::{ConnectionId, Switch};

/// A world that takes more steps than this never comes to rest.
const STEPS_MAX: usize = 20_000;
/// How often a read-back is tried, and the time between two tries.
const READ_BACKS_MAX: usize = 30;
const READ_BACK_AFTER: Duration = Duration::from_secs(30);

/// The result of verifying a committed change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// The change works.
    Good,
    /// The change does not work.
    Bad,
    None,
}

/// An edit that the caller wants.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub lines: Vec<String>,
    /// Whether the edit is to be made, or only shown.
    pub is_push: bool,
    /// The result of verifying it.
    pub sight: Sight,
}

/// A whole world, with all its events.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The switch and its faults.
    pub switch: switch::Config,
    /// The edits, in order.
    pub wanted: Vec<Wanted>,
    /// The minutes after which the switch undoes an unconfirmed commit.
    pub confirm: NonZeroU16,
    /// How long the switch takes to notice that we have closed a connection.
    pub lingers: Duration,
    /// The size of the network's pieces, in bytes.
    pub piece: usize,
}

/// How an edit ended, after any read-backs.
pub type End = Result<Outcome, Failure>;

impl Plan {
    /// A random plan: a few edits and faults.
    pub fn of(bytes: &mut Bytes<'_>) -> Self {
        let (running, edits) = small();
        let switch = switch::Config {
            style: bytes.pick(&Style::ALL),
            running,
            commit_time: Duration::from_secs(bytes.pick(&[5, 0, 25, 100])),
            undoes_when_killed: bytes.chance(128),
            interfaces: BTreeMap::new(),
            faults: (0..bytes.count(6)).map(|_| fault(bytes)).collect(),
        };
        let wanted = (0..1 + bytes.count(3)).map(|_| Wanted {
            lines: bytes.pick(&[&edits[0], &edits[1]]).clone(),
            is_push: !bytes.chance(20),
            sight: bytes.pick(&[Sight::Good, Sight::Good, Sight::Bad, Sight::None]),
        });
        Self {
            wanted: wanted.collect(),
            confirm: NonZeroU16::new(bytes.pick(&[5, 1, 2, 10])).expect("not zero"),
            lingers: Duration::from_secs(bytes.pick(&[0, 45, 200])),
            piece: bytes.pick(&[1_000_000, 100, 7]),
            switch,
        }
    }
}

fn fault(bytes: &mut Bytes<'_>) -> (u64, Fault) {
    (bytes.up_to(40), bytes.pick(&Fault::ALL))
}

/// Runs a world until all is at rest. Gives how each edit ended.
pub fn run(plan: &Plan) -> Vec<End> {
    let mut world = World::new(plan);
    let mut before = plan.switch.running.clone();
    let mut ends = Vec::new();
    for wanted in &plan.wanted {
        let mut after = before.clone();
        for line in &wanted.lines {
            // If a line cannot be loaded, the switch refuses the edit as a whole.
            let _ = after.load(line);
        }
        let end = world.edited(plan, wanted);
        let running = world.switch.running().clone();
        match &end {
            Ok(Outcome::Broken { .. } | Outcome::Confirmed | Outcome::Unchanged) => {
                assert_eq!(running, after, "{end:?}");
            }
            Ok(Outcome::Unconfirmed { .. }) => assert!(running == after || running == before),
            Ok(
                Outcome::Absent
                | Outcome::Compared
                | Outcome::Pending { .. }
                | Outcome::RolledBack { .. },
            )
            | Err(_) => assert_eq!(running, before, "{end:?}"),
            Ok(Outcome::Unknown { .. }) => panic!("nobody found out: {end:?}"),
        }
        before = running;
        ends.push(end);
    }
    world.stop();
    let switch = &world.switch;
    assert!(!switch.is_locked() && !switch.is_pending() && !switch.is_modified(), "{switch:#?}");
    assert_eq!(switch.sessions(), 0);
    ends
}

struct World {
    now: Instant,
    switch: Switch,
    /// The open session and its connection.
    session: Option<(Session, ConnectionId)>,
    last_connection: u64,
    piece: usize,
    lingers: Duration,
    /// Connections that we have closed, and when the switch notices.
    closing: VecDeque<(Instant, ConnectionId)>,
    /// How the current edit ended.
    end: Option<End>,
    /// The result of verifying it.
    sight: Sight,
}

impl World {
    fn new(plan: &Plan) -> Self {
        let now = Instant::from_secs(1_000);
        Self {
            now,
            switch: Switch::new(plan.switch.clone(), 0, now),
            session: None,
            last_connection: 0,
            piece: plan.piece,
            lingers: plan.lingers,
            closing: VecDeque::new(),
            end: None,
            sight: Sight::None,
        }
    }

    /// Makes an edit. If its outcome is unknown, reads back.
    fn edited(&mut self, plan: &Plan, wanted: &Wanted) -> End {
        let push = Mode::Push { confirm: plan.confirm };
        let mode = if wanted.is_push { push } else { Mode::Compare };
        let mut end = self.tried(wanted, mode);
        let mut is_known = !matches!(end, Ok(Outcome::Unknown { .. }));
        let mut tries = 0;
        while !is_known && tries < READ_BACKS_MAX {
            end = self.tried(wanted, Mode::ReadBack);
            is_known = end.is_ok() && !matches!(end, Ok(Outcome::Unknown { .. }));
            tries += 1;
            if !is_known {
                self.wait(READ_BACK_AFTER);
            }
        }
        if matches!(end, Ok(Outcome::Pending { .. } | Outcome::Unconfirmed { .. })) {
            // Another edit would confirm it.
            self.wait(Duration::from_secs(u64::from(plan.confirm.get()) * 60 + 400));
        }
        end
    }

    fn tried(&mut self, wanted: &Wanted, mode: Mode) -> End {
        self.sight = wanted.sight;
        let lines = Lines::new(&wanted.lines).expect("lines");
        let may_have_left = (mode == Mode::ReadBack).then_some("world");
        let edit = Edit { lines, comment: "world".to_owned(), may_have_left, mode };
        self.ask(Input::Edit(edit));
        for _ in 0..STEPS_MAX {
            if let Some(end) = self.end.take() {
                return end;
            }
            self.step(None);
        }
        panic!("no end");
    }

    /// Closes the session, and waits until the switch is at rest.
    fn stop(&mut self) {
        if self.session.is_some() {
            self.ask(Input::Stop);
        }
        for _ in 0..STEPS_MAX {
            let is_quiet = self.session.is_none() && self.closing.is_empty();
            if is_quiet && self.switch.poll_timeout().is_none() {
                return;
            }
            self.step(None);
        }
        panic!("no rest");
    }

    fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        while self.now < until {
            self.step(Some(until));
        }
    }

    /// Passes an input to the session; opens one if there is none.
    fn ask(&mut self, input: Input) {
        if self.session.is_none() {
            self.last_connection += 1;
            let id = ConnectionId::new(self.last_connection).expect("counted from 1");
            let session = Session::new(Config::default(), self.last_connection, self.now);
            self.session = Some((session, id));
            self.switch.handle_timeout(self.now);
            self.switch.handle_input(self.now, switch::Input::Opened(id));
        }
        self.hand(input);
        self.exchange();
    }

    fn hand(&mut self, input: Input) {
        if let Some((session, _)) = &mut self.session {
            session.handle_timeout(self.now);
            session.handle_input(self.now, input);
        }
    }

    /// Advances to the next event, at most to `until`, and handles it.
    fn step(&mut self, until: Option<Instant>) {
        let session_at = self.session.as_ref().and_then(|(session, _)| session.poll_timeout());
        let closing_at = self.closing.front().map(|(at, _)| *at);
        let due = [session_at, closing_at, self.switch.poll_timeout(), until];
        let next = due.into_iter().flatten().min();
        self.now = next.unwrap_or(self.now + Duration::from_secs(1)).max(self.now);
        while let Some((_, id)) = self.closing.pop_front_if(|(at, _)| *at <= self.now) {
            self.switch.handle_input(self.now, switch::Input::Closed(id));
        }
        self.switch.handle_timeout(self.now);
        if let Some((session, _)) = &mut self.session {
            session.handle_timeout(self.now);
        }
        self.exchange();
    }

    /// Passes bytes in both directions until there are no more.
    fn exchange(&mut self) {
        loop {
            if let Some(output) = self.session.as_mut().and_then(|(s, _)| s.poll_output()) {
                self.note_output(output);
            } else if let Some(output) = self.switch.poll_output() {
                self.came(output);
            } else {
                return;
            }
        }
    }

    fn note_output(&mut self, output: Output) {
        let Some((_, id)) = self.session else {
            return;
        };
        match output {
            Output::Answered(Some(_)) => match self.sight {
                Sight::Good => self.hand(Input::Verdict(Ok(()))),
                Sight::Bad => self.not_verified("the access point is gone"),
                Sight::None => {}
            },
            Output::Answered(None) => self.not_verified("nothing to be seen"),
            Output::Bytes(bytes) => {
                for piece in bytes.chunks(self.piece) {
                    let input = switch::Input::Bytes(id, piece.to_vec());
                    self.switch.handle_input(self.now, input);
                }
            }
            Output::Close(_) => {
                self.session = None;
                self.closing.push_back((self.now + self.lingers, id));
            }
            Output::Committed { .. } => self.hand(Input::Ask(Query::Neighbours)),
            Output::Edited { result, .. } => {
                assert!(self.end.replace(result).is_none(), "a second end");
            }
            Output::Opened { .. } | Output::Waiting { .. } => {}
        }
    }

    fn not_verified(&mut self, reason: &str) {
        self.hand(Input::Verdict(Err(reason.to_owned())));
    }

    fn came(&mut self, output: switch::Output) {
        let Some((_, ours)) = self.session else {
            return;
        };
        match output {
            switch::Output::Bytes(id, bytes) if id == ours => {
                for piece in bytes.chunks(self.piece) {
                    self.hand(Input::Bytes(piece.to_vec()));
                }
            }
            switch::Output::Close(id) if id == ours => self.hand(Input::Closed),
            switch::Output::Bytes(..) | switch::Output::Close(_) => {}
        }
    }
}

/// A configuration, and two edits of it that a switch accepts.
pub fn small() -> (Configuration, [Vec<String>; 2]) {
    let before = Configuration::of(&[
        "set interfaces ge-0/0/7 description \"AP <1> & co\"",
        "set interfaces ge-0/0/7 unit 0 family ethernet-switching vlan members staff",
    ]);
    let line = |text: &str| text.to_owned();
    let trunk = [
        "delete interfaces ge-0/0/7 unit 0 family ethernet-switching vlan",
        "set interfaces ge-0/0/7 native-vlan-id 42",
        "set interfaces ge-0/0/7 unit 0 family ethernet-switching interface-mode trunk",
        "set interfaces ge-0/0/7 unit 0 family ethernet-switching vlan members all",
    ];
    let access = [
        "delete interfaces ge-0/0/7 native-vlan-id",
        "delete interfaces ge-0/0/7 unit 0 family ethernet-switching",
        "set interfaces ge-0/0/7 unit 0 family ethernet-switching vlan members staff",
        "delete interfaces ge-0/0/8 description",
    ];
    (before, [trunk.map(line).to_vec(), access.map(line).to_vec()])
}
