//! A small world around the plan: access points that are plugged about, switches that lose power
//! and lie in the moment of a commit, a cloud that hears late, tells late, twice or never, and we
//! who crash.
//!
//! After every step: no port is changed without proof that is young, none that is forbidden, none
//! while all is stopped, none over a limit, one batch for a switch at a time, and each is written
//! down before it is changed. In the end all heals; then every port has the mode that its access
//! point demands.

use core::{fmt::Write as _, time::Duration};
use std::collections::{BTreeMap, BTreeSet};

use mistgate_core::{
    event::Mac,
    machine::Machine,
    ports::{
        failure::Failure,
        place::{Mode, Place, Sighting},
        plan::{
            PROOF_MAX, Plan,
            input::{Input, Pushed},
            output::{Edit, Output},
        },
        question::{Answer, Entry, Hint, Question, Whereabouts},
        record::Record,
        sign::{Act, Request, Sign},
    },
    time::{Instant, UnixTime},
};

use self::setting::{PORTS, START, SWITCHES, ap, config, mac, place, switch, wall, windows};
use crate::{bytes::Bytes, windows::Windows};

mod setting;

const OPERATIONS_MAX: usize = 150;
const APS: u64 = 6;
/// How long the world runs after it healed: some comparisons with Mist, and the last attempts.
const HEALED_FOR: Duration = Duration::from_secs(6 * 3_600);
/// A run with more steps than this spins.
const STEPS_MAX: usize = 200_000;

/// What a link needs until its neighbour is known, an access point until the cloud has it, and the
/// cloud until it misses one.
const LLDP_AFTER: Duration = Duration::from_secs(30);
const CONNECT_AFTER: Duration = Duration::from_secs(20);
const MISS_AFTER: Duration = Duration::from_secs(40);

#[derive(Clone, Copy, Debug, Default)]
struct Ap {
    at: Option<Place>,
    since: Instant,
    /// Counts what happened to it, so that what the cloud was about to notice may be outdated.
    epoch: u64,
    is_connected: bool,
    last_seen: Option<UnixTime>,
}

/// What will happen.
#[derive(Clone, Debug)]
enum Event {
    Answer { run: u64, id: u64, question: Question },
    Connect { ap: Mac, epoch: u64 },
    Miss { ap: Mac, epoch: u64 },
    Finish { run: u64, id: u64, switch: Mac, edits: Vec<Edit> },
    Read { run: u64, id: u64, place: Place, mode: Mode },
    Webhook(Sign),
}

struct World<'a> {
    bytes: Bytes<'a>,
    now: Instant,
    plan: Plan,
    /// How often we were started.
    run: u64,
    events: BTreeMap<(Instant, u64), Event>,
    last_event: u64,
    aps: BTreeMap<Mac, Ap>,
    dark: BTreeSet<Mac>,
    /// The truth.
    modes: BTreeMap<Place, Mode>,
    /// The switches with a commit under way, by whichever run.
    busy: BTreeMap<Mac, u64>,
    disk: BTreeMap<Place, Record>,
    last_ap: BTreeMap<Place, Mac>,
    /// What switches said lately.
    said: Vec<(Instant, Sighting)>,
    is_stopped: bool,
    windows: BTreeMap<Option<Mac>, Windows>,
    /// Everything that happened, one line each, where somebody wants to know.
    journal: Option<String>,
}

/// Runs the world, and writes down everything that happens where there is something to write on.
pub(super) fn run(data: &[u8], journal: Option<String>) -> Option<String> {
    let plan = Plan::new(config(START), 7, START);
    let mut world = World {
        bytes: Bytes::new(data),
        now: START,
        plan,
        run: 1,
        events: BTreeMap::new(),
        last_event: 0,
        aps: (1..=APS).map(|number| (ap(number), Ap::default())).collect(),
        dark: BTreeSet::new(),
        modes: BTreeMap::new(),
        busy: BTreeMap::new(),
        disk: BTreeMap::new(),
        last_ap: BTreeMap::new(),
        said: Vec::new(),
        is_stopped: false,
        windows: windows(),
        journal,
    };
    for _ in 0..OPERATIONS_MAX {
        if world.bytes.is_empty() {
            break;
        }
        world.operate();
    }
    world.heal();
    world.journal
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

    fn operate(&mut self) {
        let one = ap(1 + self.bytes.up_to(APS - 1));
        let other = ap(1 + self.bytes.up_to(APS - 1));
        let spot = place(1 + self.bytes.up_to(SWITCHES - 1), self.bytes.up_to(PORTS - 1));
        match self.bytes.up_to(15) {
            0..=4 => self.plug(one, Some(spot)),
            5 => self.plug(one, None),
            6 => {
                let act = Act::Restarted;
                if self.aps.get(&one).is_some_and(|ap| ap.is_connected) {
                    self.webhook(one, act);
                }
            }
            7 => self.darken(spot.switch),
            8 => self.light(spot.switch),
            9 => self.crash(),
            10 => {
                self.is_stopped = !self.is_stopped;
                self.tell(Input::Stop(self.is_stopped));
            }
            11 => {
                let mode = self.bytes.pick(&[Mode::Ap, Mode::Default]);
                self.tell(Input::Requested(Request { place: spot, mode }));
            }
            12 => {
                // They change places, or one takes the other's.
                let at = |world: &Self, ap| world.aps.get(&ap).and_then(|ap| ap.at);
                let (here, there) = (at(self, one), at(self, other));
                self.plug(one, None);
                self.plug(other, None);
                self.plug(one, there);
                if one != other && self.bytes.chance(128) {
                    self.plug(other, here);
                }
            }
            _ => {}
        }
        let pause = self.bytes.pick(&[0, 1, 5, 30, 70, 100, 400, 4_000]);
        self.pass(Duration::from_secs(pause));
    }

    /// Plugs an access point in, if the port is free, or out.
    fn plug(&mut self, ap: Mac, to: Option<Place>) {
        if to.is_some() && self.aps.values().any(|other| other.at == to) {
            return;
        }
        let now = self.now;
        let one = self.aps.get_mut(&ap).expect("one of ours");
        (one.at, one.since) = (to, now);
        self.note(("plug", ap, to));
        self.changed(ap);
    }

    /// The cloud will notice.
    fn changed(&mut self, ap: Mac) {
        let one = self.aps.get_mut(&ap).expect("one of ours");
        one.epoch += 1;
        let epoch = one.epoch;
        let has_power = one.at.is_some_and(|place| !self.dark.contains(&place.switch));
        if has_power {
            self.at(CONNECT_AFTER, Event::Connect { ap, epoch });
        } else {
            self.at(MISS_AFTER, Event::Miss { ap, epoch });
        }
    }

    fn on(&self, switch: Mac) -> Vec<Mac> {
        let is_there = |ap: &Ap| ap.at.is_some_and(|place| place.switch == switch);
        self.aps.iter().filter(|(_, ap)| is_there(ap)).map(|(mac, _)| *mac).collect()
    }

    fn darken(&mut self, switch: Mac) {
        if self.dark.insert(switch) {
            self.note(("dark", switch));
            for ap in self.on(switch) {
                self.changed(ap);
            }
        }
    }

    fn light(&mut self, switch: Mac) {
        if self.dark.remove(&switch) {
            self.note(("light", switch));
            for ap in self.on(switch) {
                let now = self.now;
                self.aps.get_mut(&ap).expect("one of ours").since = now;
                self.changed(ap);
            }
        }
    }

    fn crash(&mut self) {
        self.note("crash");
        self.run += 1;
        self.plan = Plan::new(config(self.now), self.run, self.now);
        self.is_stopped = false;
        self.windows = windows();
        self.tell(Input::Restored(self.disk.values().cloned().collect()));
    }

    fn webhook(&mut self, ap: Mac, act: Act) {
        let home = self.aps.get(&ap).and_then(|ap| ap.at);
        let site = home.map(|place| switch(place.switch).site);
        let at = Some(wall(self.now));
        let sign = Sign { ap, act, site, at, ap_name: None, site_name: None };
        for _ in 0..self.bytes.pick(&[1, 1, 1, 1, 1, 1, 2, 0]) {
            let delay = self.bytes.pick(&[1, 0, 2, 3, 30, 90]);
            self.at(Duration::from_secs(delay), Event::Webhook(sign.clone()));
        }
    }

    fn tell(&mut self, input: Input) {
        self.note(&input);
        self.plan.handle_input(self.now, input);
        self.drain();
    }

    /// Lets time pass, with all that happens meanwhile.
    fn pass(&mut self, duration: Duration) {
        let until = self.now + duration;
        for step in 0.. {
            assert!(step < STEPS_MAX, "it spins at {:?}", self.now);
            let event_at = self.events.keys().next().map(|(at, _)| *at);
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
        match event {
            Event::Answer { run, id, question } if run == self.run => {
                let is_lost = self.bytes.chance(20);
                let answer = if is_lost { Answer::Unanswered } else { self.answer(question) };
                self.tell(Input::Answered { id, answer });
            }
            Event::Connect { ap, epoch } => self.noticed(ap, epoch, true),
            Event::Miss { ap, epoch } => self.noticed(ap, epoch, false),
            Event::Finish { run, id, switch, edits } => self.finish(run, id, switch, &edits),
            Event::Read { run, id, place, mode } if run == self.run => {
                let is_lost = self.dark.contains(&place.switch) || self.bytes.chance(30);
                let is_done = (!is_lost).then(|| self.mode(place) == mode);
                self.tell(Input::Read { id, is_done });
            }
            Event::Webhook(sign) => self.tell(Input::Signed(sign)),
            // Whoever asked is gone.
            Event::Answer { .. } | Event::Read { .. } => {}
        }
    }

    fn noticed(&mut self, ap: Mac, epoch: u64, is_connected: bool) {
        let seen = wall(self.now);
        let one = self.aps.get_mut(&ap).expect("one of ours");
        if one.epoch != epoch {
            return;
        }
        let was_connected = core::mem::replace(&mut one.is_connected, is_connected);
        one.last_seen = Some(seen);
        match (was_connected, is_connected) {
            (_, true) => self.webhook(ap, Act::Connected),
            (true, false) => self.webhook(ap, Act::Disconnected),
            (false, false) => {}
        }
    }

    fn mode(&self, place: Place) -> Mode {
        self.modes.get(&place).copied().unwrap_or(Mode::Default)
    }

    /// A commit comes to its end, whatever that is and whoever still waits for it.
    fn finish(&mut self, run: u64, id: u64, switch: Mac, edits: &[Edit]) {
        self.busy.remove(&switch);
        let is_dark = self.dark.contains(&switch);
        let (is_done, pushed) = match self.bytes.up_to(15) {
            _ if is_dark && self.bytes.chance(128) => (false, Pushed::Unknown(Failure::Timeout)),
            _ if is_dark => (false, Pushed::Failed(Failure::Unreachable)),
            12 => (false, Pushed::Failed(Failure::Locked { holder: "alice".to_owned() })),
            13 => (false, Pushed::Failed(Failure::Rejected { message: String::new() })),
            14 => (false, Pushed::Unknown(Failure::Timeout)),
            15 => (true, Pushed::Unknown(Failure::Timeout)),
            _ => (true, Pushed::Done { diff: String::new(), before: Vec::new() }),
        };
        if is_done {
            for edit in edits {
                self.modes.insert(Place { switch, port: edit.port }, edit.mode);
            }
        }
        self.note(("finished", switch, is_done, &pushed));
        if run == self.run {
            self.tell(Input::Pushed { id, pushed });
        }
    }

    /// What a switch says of a port, the truth but for what it has not heard yet.
    fn sighting(&self, place: Place) -> Sighting {
        let there = self.aps.iter().find(|(_, ap)| ap.at == Some(place));
        let is_live = !self.dark.contains(&place.switch);
        let heard = there.filter(|(_, ap)| ap.since + LLDP_AFTER <= self.now);
        let stale = self.last_ap.get(&place).copied().filter(|_| there.is_none() || !is_live);
        Sighting {
            switch: switch(place.switch),
            port: Some(place.port),
            is_live,
            up: there.is_some(),
            neighbor: heard.map(|(mac, _)| *mac).or(stale),
        }
    }

    fn answer(&mut self, question: Question) -> Answer {
        let answer = match question {
            Question::Port { place, .. } => Answer::Port(Some(self.sighting(place))),
            Question::Roster => Answer::Roster(
                self.aps
                    .iter()
                    .map(|(mac, ap)| Entry {
                        ap: *mac,
                        site: ap.at.map_or("one".to_owned(), |place| switch(place.switch).site),
                        is_connected: ap.is_connected,
                        last_seen: ap.last_seen,
                        whereabouts: self.whereabouts(*mac),
                    })
                    .collect(),
            ),
            Question::Whereabouts { ap, .. } => Answer::Whereabouts(self.whereabouts(ap)),
        };
        let sightings: Vec<Sighting> = match &answer {
            Answer::Port(seen) => seen.iter().cloned().collect(),
            Answer::Roster(entries) => {
                entries.iter().flat_map(|entry| entry.whereabouts.seen.clone()).collect()
            }
            Answer::Unanswered => Vec::new(),
            Answer::Whereabouts(whereabouts) => whereabouts.seen.clone(),
        };
        let now = self.now;
        self.said.retain(|(at, _)| *at + PROOF_MAX >= now);
        self.said.extend(sightings.into_iter().map(|sighting| (now, sighting)));
        answer
    }

    /// All ports whose neighbour it is or was; and sometimes only what it says itself.
    fn whereabouts(&self, ap: Mac) -> Whereabouts {
        let all = (1..=SWITCHES).flat_map(|s| (0..PORTS).map(move |port| place(s, port)));
        let seen = all.map(|place| self.sighting(place));
        let seen: Vec<_> = seen.filter(|sighting| sighting.neighbor == Some(ap)).collect();
        let at = self.aps.get(&ap).and_then(|ap| ap.at);
        let hint = at.map(|at| Hint { switch: switch(at.switch), port: at.port });
        // Some switches are not known to the cloud, so that only the access point tells.
        let is_known = at.is_none_or(|at| at.switch != mac(SWITCHES));
        Whereabouts { seen: if is_known { seen } else { Vec::new() }, hint }
    }

    fn drain(&mut self) {
        while let Some(output) = self.plan.poll_output() {
            self.note(&output);
            match output {
                Output::Ask { id, question } => {
                    let after = self.soon(5);
                    self.at(after, Event::Answer { run: self.run, id, question });
                }
                Output::Forget(place) => {
                    assert!(self.disk.remove(&place).is_some(), "{place} was never kept");
                }
                Output::Push { id, switch, edits } => self.push(id, switch.mac, edits),
                Output::Read { id, switch, edit } => {
                    let (run, mode) = (self.run, edit.mode);
                    let place = Place { switch: switch.mac, port: edit.port };
                    let after = self.soon(5);
                    self.at(after, Event::Read { run, id, place, mode });
                }
                Output::Report(_) => {}
                Output::Store(record) => {
                    let place = record.place();
                    self.last_ap.extend(record.ap.map(|ap| (place, ap)));
                    self.disk.insert(place, record);
                }
            }
        }
        self.rests();
    }

    fn rests(&mut self) {
        let deadline = self.plan.poll_timeout();
        assert!(deadline.is_none_or(|at| at > self.now), "{deadline:?} at {:?}", self.now);
        self.plan.handle_timeout(self.now);
        assert!(self.plan.poll_output().is_none(), "an early handle_timeout does something");
        let housed = self.plan.ports().filter_map(|status| Some((status.ap?, status.place)));
        let housed: BTreeMap<Mac, Place> = housed.collect();
        assert_eq!(housed.len(), self.plan.ports().filter(|status| status.ap.is_some()).count());
        for ap in self.aps.keys() {
            assert_eq!(self.plan.home(*ap), housed.get(ap).copied(), "the home of {ap}");
        }
    }

    fn push(&mut self, id: u64, switch: Mac, edits: Vec<Edit>) {
        assert!(!self.is_stopped, "a change while all is stopped");
        assert!(!edits.is_empty() && edits.is_sorted_by(|a, b| a.port < b.port), "{edits:?}");
        for edit in &edits {
            let place = Place { switch, port: edit.port };
            assert_ne!(place.port, self::place(1, PORTS - 1).port, "a forbidden port");
            let record = self.disk.get(&place).expect("written down before it is changed");
            assert!(record.mode.is_none() && record.is_touched, "{record:?}");
            self.proven(place, edit.mode);
            for key in [Some(switch), None] {
                self.windows.get_mut(&key).expect("a limit").sent(self.now);
            }
        }
        let run = self.run;
        let owner = self.busy.get(&switch).copied();
        assert_ne!(owner, Some(run), "two commits at a time");
        if owner.is_some() {
            // What an earlier run began still holds the lock.
            let failure = Failure::Locked { holder: "mistgate".to_owned() };
            return self.tell(Input::Pushed { id, pushed: Pushed::Failed(failure) });
        }
        self.busy.insert(switch, run);
        let after = self.soon(30);
        self.at(after, Event::Finish { run, id, switch, edits });
    }

    /// A switch said lately what asks for this mode.
    fn proven(&self, place: Place, mode: Mode) {
        let own = self.last_ap.get(&place).copied();
        let is_proof = |(at, said): &(Instant, Sighting)| {
            let is_young = *at + PROOF_MAX >= self.now && said.is_live;
            let is_here = said.place() == Some(place);
            let neighbor = said.neighbor.filter(|_| said.up);
            is_young
                && match mode {
                    Mode::Ap => is_here && neighbor.is_some_and(|n| self.aps.contains_key(&n)),
                    Mode::Default if is_here => neighbor.is_none() || neighbor != own,
                    Mode::Default => neighbor.is_some() && neighbor == own,
                }
        };
        assert!(
            self.said.iter().any(is_proof),
            "{place}: {mode:?} at {:?} without proof",
            self.now
        );
    }

    fn heal(&mut self) {
        self.bytes = Bytes::new(&[]);
        self.note("heal");
        for number in 1..=SWITCHES {
            self.light(mac(number));
        }
        self.is_stopped = false;
        self.tell(Input::Stop(false));
        self.pass(HEALED_FOR);
        // What is forbidden is asked for every hour, and may just be.
        if self.plan.ports().any(|status| status.due.is_some()) {
            self.pass(Duration::from_secs(60));
        }
        for status in self.plan.ports() {
            assert!(!status.is_pushing && status.due.is_none(), "{status:?} still waits");
        }
        assert!(self.busy.is_empty(), "a commit without end");
        for number in 1..=SWITCHES {
            for port in 0..PORTS {
                let place = place(number, port);
                let there = self.aps.iter().find(|(_, ap)| ap.at == Some(place));
                let is_allowed = port != PORTS - 1;
                let expected = if there.is_some() && is_allowed { Mode::Ap } else { Mode::Default };
                assert_eq!(self.mode(place), expected, "{place} with {there:?}");
                let kept = self.disk.get(&place);
                assert_eq!(kept.and_then(|record| record.ap), there.map(|(mac, _)| *mac));
            }
        }
    }
}
