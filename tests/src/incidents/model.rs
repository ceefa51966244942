//! A model of incidents, written from the rules and not from `mistgate_core::incident`. It is slow:
//! it keeps all that ever happened, and replays it for each question about the past.
//!
//! It answers how each incident is to be told at a moment. What a destination knows, the world
//! counts itself: at rest, both are equal. Moments are those of the world; only what orders events,
//! their own times, comes from outside. The numbers of the rules are those of the contract.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use mistgate_core::notify::Severity;
use mistgate_core::notify::change::Key;

/// How long an incident that is over is remembered.
const KEPT: Duration = Duration::from_secs(7 * 86_400);

/// The part of the configuration that decides how incidents are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    pub hold: Duration,
    pub flap_count: usize,
    pub flap_window: Duration,
    pub mute_dependents: bool,
}

/// What happened, at a moment of the world.
#[derive(Clone, Debug)]
pub enum Fact {
    /// A person acknowledged an incident.
    Acknowledged(Key),
    /// An event was accepted that raises or clears a condition.
    Changed {
        key: Key,
        is_raised: bool,
        severity: Severity,
        /// The event's own time, in seconds.
        at: i64,
        /// The destinations that its route names and that are told of incidents; `None` where it
        /// names none, not even one that prints.
        to: Option<BTreeSet<String>>,
    },
    /// The devices of a site are behind its only gateway, if it has one; by the keys of their
    /// outages.
    Gateway {
        site: BTreeSet<Key>,
        only: Option<Key>,
    },
    /// A device that is down is behind another that may be; both by the keys of their outages.
    Linked {
        child: Key,
        parent: Option<Key>,
    },
    /// A silence or a mute time of this number began.
    Quiet {
        number: u64,
        quiet: Quiet,
    },
    /// The silence or mute time of this number ended.
    QuietEnded(u64),
    Restarted,
    /// What an earlier run left, with the own times of its beginning and its last change.
    Restored {
        key: Key,
        is_open: bool,
        severity: Severity,
        times: u32,
        began: i64,
        changed: i64,
        /// How long ago it was over, if it is.
        ago: Duration,
        to: BTreeSet<String>,
    },
    /// The open incidents go to other destinations.
    Routed(BTreeMap<Key, BTreeSet<String>>),
    Ruled(Rules),
}

/// What a silence or a mute time hides.
#[derive(Clone, Debug)]
pub struct Quiet {
    pub keys: BTreeSet<Key>,
    pub critical_too: bool,
    /// Whether it hides only what was open when it began, until that is over.
    pub is_of_open: bool,
}

/// How an incident is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// As before: it has not lasted long enough.
    Held,
    /// As before: nobody is to hear of it.
    Muted,
    /// It comes and goes.
    Flapping(Severity),
    Open(Severity),
    Over,
}

/// What the rules say of one incident.
#[derive(Clone, Debug)]
pub struct Incident {
    pub is_open: bool,
    /// The worst since it began.
    pub severity: Severity,
    pub is_acknowledged: bool,
    /// How often this key began anew, from 1.
    pub number: u64,
    /// Which of all incidents it is.
    id: u64,
    pub to: BTreeSet<String>,
    /// How often it came since it began, from 1.
    pub times: u32,
    pub began_at: Duration,
    /// The own times, in seconds, of its beginning and of its last change.
    pub began: i64,
    pub changed: i64,
    /// When it last came or went. A hold begins here.
    since: Duration,
    raised_at: Vec<Duration>,
    is_flapping: bool,
}

/// All that happened.
#[derive(Clone, Debug)]
pub struct Model {
    /// At the beginning.
    rules: Rules,
    facts: Vec<(Duration, Fact)>,
    /// After all of them.
    latest: Replay,
}

/// The state of the replay.
#[derive(Clone, Debug)]
struct Replay {
    now: Duration,
    rules: Rules,
    incidents: BTreeMap<Key, Incident>,
    links: BTreeMap<Key, Key>,
    /// The same by the gateways of their sites.
    gateways: BTreeMap<Key, Key>,
    /// With the incidents that there were when each began.
    quiet: BTreeMap<u64, (BTreeMap<Key, u64>, Quiet)>,
    /// How many incidents there were.
    begun: u64,
}

impl Model {
    /// A model in which nothing has happened yet.
    pub const fn new(rules: Rules) -> Self {
        Self { rules, facts: Vec::new(), latest: Replay::new(rules) }
    }

    /// Notes what happened. Moments do not go back.
    pub fn note(&mut self, now: Duration, fact: Fact) {
        assert!(self.facts.last().is_none_or(|(last, _)| *last <= now), "time went back");
        self.latest.step(now, &fact);
        self.facts.push((now, fact));
    }

    /// How each incident is to be told at a moment. What is not there was never wrong, or is
    /// forgotten.
    pub fn states(&self, now: Duration) -> BTreeMap<Key, State> {
        self.at(now).1
    }

    /// The incidents at a moment, open or over, and how each is to be told.
    pub fn at(&self, now: Duration) -> (BTreeMap<Key, Incident>, BTreeMap<Key, State>) {
        let replay = self.replay(now);
        let hidden = replay.hidden();
        let state = |(key, of): (&Key, &Incident)| (*key, replay.state(*key, of, &hidden));
        let states = replay.incidents.iter().map(state).collect();
        (replay.incidents, states)
    }

    /// The incidents at a moment, open or over.
    pub fn incidents(&self, now: Duration) -> BTreeMap<Key, Incident> {
        self.replay(now).incidents
    }

    /// Whether an event is told by an incident: not a recovery of nothing, or of what was over long
    /// ago, nor what goes to nobody.
    pub fn takes(
        &self,
        now: Duration,
        key: Key,
        is_raised: bool,
        at: i64,
        is_routed: bool,
    ) -> bool {
        let replay = self.replay(now);
        match replay.incidents.get(&key) {
            _ if is_raised && !is_routed => false,
            None => is_raised,
            Some(before) => {
                let is_recent = now - before.since <= replay.rules.flap_window;
                is_raised || before.is_open || at < before.changed || is_recent
            }
        }
    }

    /// Whether an incident is told again, and to more people, while it stays as it is.
    pub fn needs_help(&self, now: Duration, key: Key) -> bool {
        let replay = self.replay(now);
        replay.incidents.get(&key).is_some_and(|incident| {
            let state = replay.state(key, incident, &replay.hidden());
            !incident.is_acknowledged && matches!(state, State::Open(_))
        })
    }

    fn replay(&self, end: Duration) -> Replay {
        let is_past = self.facts.last().is_some_and(|(last, _)| end < *last);
        let mut replay = if is_past { Replay::new(self.rules) } else { self.latest.clone() };
        for (now, fact) in self.facts.iter().take_while(|(now, _)| is_past && *now <= end) {
            replay.step(*now, fact);
        }
        replay.pass(end);
        replay
    }
}

impl Replay {
    const fn new(rules: Rules) -> Self {
        Self {
            now: Duration::ZERO,
            rules,
            incidents: BTreeMap::new(),
            links: BTreeMap::new(),
            gateways: BTreeMap::new(),
            quiet: BTreeMap::new(),
            begun: 0,
        }
    }

    fn step(&mut self, now: Duration, fact: &Fact) {
        self.pass(now);
        let hidden = self.hidden();
        self.apply(fact);
        // What was behind a device gets a hold of its own to come back.
        let shown = self.hidden();
        for key in hidden.difference(&shown) {
            if let Some(child) = self.incidents.get_mut(key).filter(|of| of.is_open) {
                child.since = now;
            }
        }
    }

    /// What time alone changes.
    fn pass(&mut self, now: Duration) {
        self.now = now;
        let Rules { hold, flap_window, .. } = self.rules;
        for incident in self.incidents.values_mut() {
            let stays = if incident.is_open { hold * 2 } else { flap_window };
            if incident.is_flapping && incident.since + stays <= now {
                incident.is_flapping = false;
                incident.raised_at.clear();
            }
        }
        self.incidents.retain(|_, incident| incident.is_open || now < incident.since + KEPT);
    }

    fn apply(&mut self, fact: &Fact) {
        match fact {
            Fact::Acknowledged(key) => {
                let is_open = |incident: &&mut Incident| incident.is_open || incident.is_flapping;
                let open = self.incidents.get_mut(key).filter(is_open);
                open.into_iter().for_each(|incident| incident.is_acknowledged = true);
            }
            Fact::Changed { key, is_raised, severity, at, to } => {
                self.changed(*key, *is_raised, *severity, *at, to.as_ref());
            }
            Fact::Gateway { site, only } => {
                self.gateways.retain(|child, _| !site.contains(child));
                let children = site.iter().filter(|child| Some(**child) != *only);
                self.gateways.extend(children.filter_map(|child| Some((*child, (*only)?))));
            }
            Fact::Linked { child, parent } => {
                self.links.remove(child);
                self.links.extend(parent.map(|parent| (*child, parent)));
            }
            Fact::Quiet { number, quiet } => {
                let there = self.incidents.iter().map(|(key, of)| (*key, of.id)).collect();
                self.quiet.insert(*number, (there, quiet.clone()));
            }
            Fact::QuietEnded(number) => {
                self.quiet.remove(number);
            }
            Fact::Restarted => {
                // Holds begin anew, and nobody remembers what came and went.
                for incident in self.incidents.values_mut() {
                    incident.is_flapping = false;
                    incident.raised_at.clear();
                    if incident.is_open {
                        incident.since = self.now;
                    }
                }
            }
            Fact::Restored { key, is_open, severity, times, began, changed, ago, to } => {
                self.begun += 1;
                let incident = Incident {
                    id: self.begun,
                    is_open: *is_open,
                    severity: *severity,
                    is_acknowledged: false,
                    number: 1,
                    to: to.clone(),
                    times: *times,
                    began_at: self.now,
                    began: *began,
                    changed: *changed,
                    since: self.now.saturating_sub(*ago),
                    raised_at: Vec::new(),
                    is_flapping: false,
                };
                self.incidents.insert(*key, incident);
            }
            Fact::Routed(routes) => {
                for (key, incident) in &mut self.incidents {
                    incident.to = routes.get(key).cloned().unwrap_or_default();
                }
            }
            Fact::Ruled(rules) => self.rules = *rules,
        }
    }

    fn changed(
        &mut self,
        key: Key,
        is_raised: bool,
        severity: Severity,
        at: i64,
        to: Option<&BTreeSet<String>>,
    ) {
        if is_raised && to.is_none() {
            return;
        }
        let to = to.cloned().unwrap_or_default();
        let now = self.now;
        let before = self.incidents.get(&key);
        if before.is_some_and(|before| at < before.changed) {
            return;
        }
        let is_open = before.is_some_and(|before| before.is_open);
        let is_recent = before.is_some_and(|before| now - before.since <= self.rules.flap_window);
        if is_raised && !is_open && !is_recent {
            let number = before.map_or(1, |before| before.number + 1);
            self.begun += 1;
            let incident = Incident {
                id: self.begun,
                is_open: false,
                severity,
                is_acknowledged: false,
                number,
                to: to.clone(),
                times: 0,
                began_at: now,
                began: at,
                changed: at,
                since: now,
                raised_at: Vec::new(),
                is_flapping: false,
            };
            self.incidents.insert(key, incident);
        }
        let Some(incident) = self.incidents.get_mut(&key) else {
            return;
        };
        if is_raised {
            incident.severity = incident.severity.max(severity);
            incident.to.extend(to.iter().cloned());
        }
        if incident.is_open == is_raised {
            return;
        }
        (incident.is_open, incident.changed, incident.since) = (is_raised, at, now);
        if is_raised {
            let Rules { hold, flap_count, flap_window, .. } = self.rules;
            incident.times += 1;
            incident.raised_at.push(now);
            let recent = incident.raised_at.iter().filter(|at| now - **at <= flap_window).count();
            // Without a hold every event is told, as it comes.
            incident.is_flapping |= recent >= flap_count && !hold.is_zero();
        }
    }

    /// What is down behind a device that is down.
    fn hidden(&self) -> BTreeSet<Key> {
        let is_open = |key: &Key| self.incidents.get(key).is_some_and(|of| of.is_open);
        let links = self.links.iter().chain(&self.gateways);
        let links = links.filter(|_| self.rules.mute_dependents);
        let is_told = |key: &Key| self.incidents.get(key).is_some_and(|of| !of.to.is_empty());
        let hidden =
            links.filter(|(child, parent)| is_open(child) && is_open(parent) && is_told(parent));
        hidden.map(|(child, _)| *child).collect()
    }

    fn state(&self, key: Key, incident: &Incident, hidden: &BTreeSet<Key>) -> State {
        let Incident { is_open, severity, since, .. } = *incident;
        let is_critical = severity == Severity::Critical;
        let is_quiet = self.quiet.values().any(|(there, quiet)| {
            quiet.keys.contains(&key)
                && (quiet.critical_too || !is_critical)
                && (!quiet.is_of_open || there.get(&key) == Some(&incident.id))
        });
        match (is_open, incident.is_flapping) {
            _ if is_quiet || hidden.contains(&key) => State::Muted,
            (_, true) => State::Flapping(severity),
            (false, false) => State::Over,
            (true, false) if !is_critical && self.now < since + self.rules.hold => State::Held,
            (true, false) => State::Open(severity),
        }
    }
}

/// When a destination may next be told of several incidents, after its messages of these moments.
pub fn next_at(sent: &[Duration]) -> Duration {
    const WAITS: [u64; 4] = [10, 20, 40, 60];
    let mut step = 0;
    let mut last: Option<Duration> = None;
    for now in sent {
        let is_soon = last.is_some_and(|last| *now - last < Duration::from_secs(300));
        step = if is_soon { step + 1 } else { 0 };
        last = Some(*now);
    }
    let wait = WAITS.get(step).copied().unwrap_or(60);
    last.map_or(Duration::ZERO, |last| last + Duration::from_secs(wait))
}

/// Whether a critical incident may be told at once, after those of these moments.
pub fn may_go_alone(sent: &[Duration], now: Duration) -> bool {
    sent.iter().filter(|at| now < **at + Duration::from_secs(60)).count() < 5
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules {
        hold: Duration::from_secs(30),
        flap_count: 3,
        flap_window: Duration::from_secs(600),
        mute_dependents: true,
    };

    fn key(number: u8) -> Key {
        Key::from_bytes([number; 16])
    }

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn changed(number: u8, is_raised: bool, severity: Severity, at: i64) -> Fact {
        let to = BTreeSet::from(["slack/default".to_owned()]);
        Fact::Changed { key: key(number), is_raised, severity, at, to: Some(to) }
    }

    /// Key 1 goes down, or comes up, at its own time too.
    fn warning(model: &mut Model, now: u64, is_raised: bool) {
        let at = i64::try_from(now).expect("some seconds");
        model.note(secs(now), changed(1, is_raised, Severity::Warning, at));
    }

    fn check(model: &Model, number: u8, expected: &[(u64, Option<State>)]) {
        for (now, state) in expected {
            let found = model.states(secs(*now)).get(&key(number)).copied();
            assert_eq!(found, *state, "at {now} s");
        }
    }

    const OPEN: Option<State> = Some(State::Open(Severity::Warning));
    const FLAPPING: Option<State> = Some(State::Flapping(Severity::Warning));

    #[test]
    fn a_failure_is_held_and_is_forgotten_a_week_after_it_is_over() {
        let mut model = Model::new(RULES);
        warning(&mut model, 100, true);
        warning(&mut model, 200, false);
        model.note(secs(300), changed(2, true, Severity::Critical, 300));
        let week = 7 * 86_400;
        let over = Some(State::Over);
        check(&model, 1, &[(99, None), (100, Some(State::Held)), (129, Some(State::Held))]);
        check(&model, 1, &[(130, OPEN), (200, over), (199 + week, over), (200 + week, None)]);
        check(&model, 2, &[(300, Some(State::Open(Severity::Critical)))]);
    }

    #[test]
    fn what_comes_and_goes_is_told_as_that_until_it_stays() {
        let mut model = Model::new(RULES);
        for (now, is_raised) in [(0, true), (40, false), (50, true), (60, false), (70, true)] {
            warning(&mut model, now, is_raised);
        }
        check(&model, 1, &[(69, Some(State::Over)), (70, FLAPPING), (129, FLAPPING), (130, OPEN)]);
        warning(&mut model, 200, false);
        // It came once since then.
        warning(&mut model, 210, true);
        check(&model, 1, &[(200, Some(State::Over)), (210, Some(State::Held)), (240, OPEN)]);
    }

    #[test]
    fn the_own_time_of_events_orders_and_the_same_again_is_no_change() {
        let mut model = Model::new(RULES);
        model.note(secs(10), changed(1, true, Severity::Warning, 100));
        model.note(secs(20), changed(1, false, Severity::Warning, 99));
        model.note(secs(25), changed(1, true, Severity::Warning, 101));
        check(&model, 1, &[(39, Some(State::Held)), (40, OPEN)]);
        model.note(secs(50), changed(1, true, Severity::Critical, 102));
        check(&model, 1, &[(50, Some(State::Open(Severity::Critical)))]);
        model.note(secs(60), changed(2, false, Severity::Warning, 60));
        check(&model, 2, &[(60, None)]);
    }

    #[test]
    fn soon_again_is_the_same_incident_and_later_is_a_new_one() {
        let mut model = Model::new(RULES);
        warning(&mut model, 0, true);
        model.note(secs(40), Fact::Acknowledged(key(1)));
        warning(&mut model, 50, false);
        warning(&mut model, 650, true);
        assert!(!model.needs_help(secs(700), key(1)));
        warning(&mut model, 800, false);
        warning(&mut model, 1_401, true);
        assert!(model.needs_help(secs(1_431), key(1)));
        let of = |now| model.incidents(secs(now)).get(&key(1)).map(|incident| incident.number);
        assert_eq!((of(700), of(1_401)), (Some(1), Some(2)));
        // Twice in ten minutes is not three times.
        warning(&mut model, 1_450, false);
        warning(&mut model, 1_460, true);
        check(&model, 1, &[(1_460, Some(State::Held)), (1_490, OPEN)]);
    }

    #[test]
    fn a_silence_hides_and_one_of_what_is_open_hides_nothing_later() {
        let mut model = Model::new(RULES);
        warning(&mut model, 0, true);
        let quiet = |critical_too, is_of_open| {
            let keys = BTreeSet::from([key(1), key(2)]);
            Fact::Quiet { number: 1, quiet: Quiet { keys, critical_too, is_of_open } }
        };
        model.note(secs(50), quiet(true, true));
        model.note(secs(60), changed(2, true, Severity::Critical, 60));
        check(&model, 1, &[(50, Some(State::Muted))]);
        check(&model, 2, &[(60, Some(State::Open(Severity::Critical)))]);
        model.note(secs(70), quiet(false, false));
        warning(&mut model, 75, false);
        check(&model, 1, &[(75, Some(State::Muted))]);
        check(&model, 2, &[(70, Some(State::Open(Severity::Critical)))]);
        model.note(secs(80), Fact::QuietEnded(1));
        check(&model, 1, &[(80, Some(State::Over))]);
    }

    #[test]
    fn what_is_behind_a_device_that_is_down_is_muted_until_that_is_back() {
        let mut model = Model::new(RULES);
        model.note(secs(0), Fact::Linked { child: key(1), parent: Some(key(9)) });
        warning(&mut model, 10, true);
        model.note(secs(20), changed(9, true, Severity::Warning, 20));
        check(&model, 1, &[(19, Some(State::Held)), (20, Some(State::Muted))]);
        model.note(secs(100), changed(9, false, Severity::Warning, 100));
        check(&model, 1, &[(99, Some(State::Muted)), (100, Some(State::Held)), (130, OPEN)]);
    }

    #[test]
    fn after_a_restart_holds_begin_anew_and_reloads_reroute() {
        let mut model = Model::new(RULES);
        warning(&mut model, 0, true);
        model.note(secs(40), Fact::Restarted);
        check(&model, 1, &[(39, OPEN), (40, Some(State::Held)), (70, OPEN)]);
        let to = BTreeSet::from(["teams/default".to_owned()]);
        model.note(secs(80), Fact::Routed(BTreeMap::from([(key(1), to.clone())])));
        assert_eq!(model.incidents(secs(80)).get(&key(1)).map(|of| &of.to), Some(&to));
        model.note(secs(90), Fact::Ruled(Rules { hold: secs(600), ..RULES }));
        check(&model, 1, &[(90, Some(State::Held))]);
    }

    #[test]
    fn messages_come_ever_more_slowly_until_it_is_quiet() {
        let next = |sent: &[u64]| {
            let sent: Vec<_> = sent.iter().map(|at| secs(*at)).collect();
            next_at(&sent).as_secs()
        };
        assert_eq!((next(&[]), next(&[100]), next(&[100, 110])), (0, 110, 130));
        assert_eq!((next(&[0, 10, 30]), next(&[0, 10, 30, 70])), (70, 130));
        assert_eq!((next(&[0, 10, 30, 70, 130]), next(&[0, 10, 310])), (190, 320));
        let alone: Vec<_> = (0..5).map(secs).collect();
        assert!(!may_go_alone(&alone, secs(59)) && may_go_alone(&alone, secs(60)));
    }
}
