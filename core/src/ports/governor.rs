//! The rules that may refuse a change: lists, approval, limits, the breaker, freezes and the kill
//! switch. Each refusal names its rule.
//!
//! A refusal by a list is for good, so the change is dropped. All others are for now: the change
//! waits and is judged again. The governor is no machine, because it does nothing by itself.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::{format, string::String, string::ToString, sync::Arc, vec::Vec};
use core::{fmt, time::Duration};

use super::{name::PortName, switch_port::Switch, switch_port::SwitchPort};
use crate::base::time::{Instant, UnixTime};
use crate::base::{calendar::Period, glob, mac::Mac, window::Pace, window::Window};

/// With so many switches or sites in memory, the ones without recent changes are forgotten.
const PACES_MAX: usize = 16_384;

/// The rule by which what somebody else has changed since is not undone.
pub const NOT_UNDONE: &str = "ports.undo";
/// How many changes of a new store wait for a person.
pub const APPROVED_FIRST: usize = 10;

/// How many access points of one site must be lost, at least, to hold the changes of the site.
pub const SITE_APS: usize = 3;
/// Within what time they must be lost.
pub const SITE_WINDOW: Duration = Duration::from_secs(900);

/// The rules, as the sections below `[ports]` give them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    pub allow: Lists,
    pub never: Lists,
    pub limits: Limits,
    /// `ports.breaker`; `None` if it is off.
    pub breaker: Option<Breaker>,
    pub freezes: Vec<Period>,
    /// How many changes wait for a person first; without a number [`APPROVED_FIRST`] where none was
    /// ever made, else none.
    pub approve_first: Option<usize>,
    pub abort_after: AbortAfter,
}

/// How many ports in a row may fail to be changed before all changes are stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbortAfter {
    /// Of one switch (default 3).
    pub switch: usize,
    /// Of all (default 10).
    pub all: usize,
}

impl Default for AbortAfter {
    fn default() -> Self {
        Self { switch: 3, all: 10 }
    }
}

/// What a person said to a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approval {
    /// Nothing yet. The change has this number.
    Lacking(u64),
    Given,
    /// It takes back another one, which the kill switch lets through.
    Undo,
}

/// Switches and ports by pattern.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lists {
    pub switches: Vec<SwitchPattern>,
    /// Ports of any switch.
    pub ports: Vec<PortPattern>,
}

/// A switch's MAC, or a pattern for its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SwitchPattern {
    Mac(Mac),
    /// The switches of these names, in lower case; `*` stands for any text, also for no name.
    Name(String),
}

/// A pattern for a port's name: `ge-0/0/*`, or `ge-0/0/44-47` for a range as Mist writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortPattern {
    /// `*` stands for any text.
    Glob(String),
    /// From the first port to the last one in the same row.
    Range(PortName, PortName),
}

/// The windows that count changed ports; without any there is no limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// On one switch (default 48/m, 144/h).
    pub switch: Vec<Window>,
    /// On the switches of one site (default 96/m, 480/h).
    pub site: Vec<Window>,
    /// On all switches (default 200/m, 1000/h).
    pub all: Vec<Window>,
}

impl Default for Limits {
    fn default() -> Self {
        let windows =
            |minute, hour| Vec::from([Window::per_secs(minute, 60), Window::per_secs(hour, 3_600)]);
        Self { switch: windows(48, 144), site: windows(96, 480), all: windows(200, 1_000) }
    }
}

/// Holds all changes for a while if many access points are lost at once: something larger is wrong.
/// If it is a quarter of a site's, and [`SITE_APS`] at least, within [`SITE_WINDOW`], it holds
/// those of the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breaker {
    /// How many access points (default 30).
    pub aps: usize,
    /// Within this time (default 1m).
    pub window: Duration,
    /// How long nothing is changed after the last of these losses (default 15m).
    pub hold: Duration,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { aps: 30, window: Duration::from_secs(60), hold: Duration::from_secs(900) }
    }
}

/// Why a change must not happen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{words}")]
pub struct Refusal {
    /// The key of the rule in the configuration.
    pub rule: &'static str,
    /// As a person would say it, behind "because".
    pub words: String,
    /// Whether the change may happen later.
    pub is_for_now: bool,
    /// When it may happen, if that is known.
    pub until: Option<Instant>,
}

impl Refusal {
    /// A refusal by a list, which is for good.
    pub const fn listed(rule: &'static str, words: String) -> Self {
        Self { rule, words, is_for_now: false, until: None }
    }

    /// A refusal for now: until the time given, or until somebody ends it.
    pub fn for_now(rule: &'static str, why: &str, until: Option<Instant>) -> Self {
        Self { rule, words: format!("{why} ({rule})"), is_for_now: true, until }
    }
}

impl SwitchPattern {
    /// Takes a pattern from the configuration.
    pub fn new(text: &str) -> Self {
        let name = || Self::Name(text.to_ascii_lowercase());
        Mac::parse(text).map_or_else(name, Self::Mac)
    }

    fn matches(&self, switch: &Switch) -> bool {
        match self {
            Self::Mac(mac) => *mac == switch.mac,
            Self::Name(pattern) => {
                let name = switch.name.as_ref().map(|name| name.as_str().to_ascii_lowercase());
                glob::matches(pattern, &name.unwrap_or_default())
            }
        }
    }
}

impl fmt::Display for SwitchPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mac(mac) => mac.fmt(f),
            Self::Name(pattern) => f.write_str(pattern),
        }
    }
}

impl PortPattern {
    /// Takes a pattern from the configuration. `None` if no port can match it.
    pub fn new(text: &str) -> Option<Self> {
        if text.contains('*') {
            let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-/:*".contains(&b);
            return text.bytes().all(fits).then(|| Self::Glob(text.to_string()));
        }
        if let Ok(port) = PortName::parse(text) {
            return Some(Self::Range(port, port));
        }
        let (first, last) = text.rsplit_once('-')?;
        let (row, _) = first.rsplit_once('/')?;
        let first = PortName::parse(first).ok()?;
        let last = PortName::parse(&format!("{row}/{last}")).ok()?;
        (first < last && first.channel().is_none()).then_some(Self::Range(first, last))
    }

    fn matches(&self, port: PortName) -> bool {
        match self {
            Self::Glob(pattern) => glob::matches(pattern, &port.to_string()),
            // A listed port stands for its channels too.
            Self::Range(first, last) if first.channel().is_none() => {
                (*first..=*last).contains(&port.whole())
            }
            Self::Range(first, last) => (*first..=*last).contains(&port),
        }
    }
}

impl fmt::Display for PortPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Glob(pattern) => f.write_str(pattern),
            Self::Range(first, last) if first == last => first.fmt(f),
            Self::Range(first, last) => write!(f, "{first} to {last}"),
        }
    }
}

/// Whose changes the breaker holds: those of this site, or all.
pub type Held = Option<Arc<str>>;

/// The rules, and what they remember of changes and losses.
#[derive(Clone, Debug, Default)]
pub struct Governor {
    policy: Policy,
    is_stopped: bool,
    /// The latest losses within the breaker's window, one for each access point.
    lost: VecDeque<(Instant, Mac)>,
    /// The losses of the last [`SITE_WINDOW`], by site and access point.
    lost_at: BTreeMap<Arc<str>, BTreeMap<Mac, Instant>>,
    /// What the breaker holds, and until when: the changes of a site, or of all.
    open: BTreeMap<Held, Instant>,
    all: Pace,
    sites: BTreeMap<Arc<str>, Pace>,
    switches: BTreeMap<Mac, Pace>,
    /// How many changes were made, and whether the first of them was made by this run.
    made: usize,
    is_new: bool,
    /// The ports that failed since a change of their switch, or any change, was made.
    failed_on: BTreeMap<Mac, BTreeSet<PortName>>,
    failed: BTreeSet<SwitchPort>,
}

impl Governor {
    /// Begins without any changes or losses.
    pub fn new(policy: Policy) -> Self {
        let all = Pace::new(policy.limits.all.clone());
        Self { all, policy, is_new: true, ..Self::default() }
    }

    /// Counts changes that an earlier run made.
    pub const fn restore(&mut self, made: usize) {
        (self.made, self.is_new) = (made, made == 0);
    }

    /// Notes that a port was changed.
    pub fn made(&mut self, switch_port: SwitchPort) {
        self.made += 1;
        self.failed_on.remove(&switch_port.switch);
        self.failed.clear();
    }

    /// Notes that the change of a port went wrong. Returns how many did in a row, on its switch or
    /// in all, if that is too many.
    pub fn failed(&mut self, switch_port: SwitchPort) -> Option<(usize, Option<Mac>)> {
        let SwitchPort { switch, port } = switch_port;
        self.failed.insert(switch_port);
        let on_switch = self.failed_on.entry(switch).or_default();
        on_switch.insert(port);
        let AbortAfter { switch: switch_max, all } = self.policy.abort_after;
        let (on_switch, in_all) = (on_switch.len(), self.failed.len());
        let of_switch = (on_switch >= switch_max).then_some((on_switch, Some(switch)));
        let found = of_switch.or((in_all >= all).then_some((in_all, None)));
        if found.is_some() {
            self.failed_on.clear();
            self.failed.clear();
        }
        found
    }

    /// Replaces the rules. What was changed and lost is remembered.
    pub fn configure(&mut self, policy: Policy) {
        self.all.set_windows(policy.limits.all.clone());
        for pace in self.sites.values_mut() {
            pace.set_windows(policy.limits.site.clone());
        }
        for pace in self.switches.values_mut() {
            pace.set_windows(policy.limits.switch.clone());
        }
        if policy.breaker.is_none() {
            self.open.clear();
        }
        self.policy = policy;
    }

    /// Stops all changes, or lets them go on. Returns whether that is new.
    pub const fn stop(&mut self, is_stopped: bool) -> bool {
        let is_news = self.is_stopped != is_stopped;
        self.is_stopped = is_stopped;
        is_news
    }

    /// Notes that it was learned that an access point of a site is lost. Returns whether that
    /// opened the breaker for all.
    pub fn lost(&mut self, now: Instant, ap: Mac, site: Option<&str>) -> bool {
        let Some(Breaker { aps, window, hold }) = self.policy.breaker else { return false };
        if let Some(site) = site {
            self.lost_at.entry(site.into()).or_default().insert(ap, now);
        }
        self.lost.retain(|(lost_at, lost)| *lost_at + window > now && *lost != ap);
        self.lost.push_back((now, ap));
        if self.lost.len() < aps {
            return false;
        }
        // Earlier ones cannot matter any more.
        while self.lost.len() > aps {
            self.lost.pop_front();
        }
        self.open.insert(None, now + hold).is_none()
    }

    /// The sites that may have lost access points of late.
    pub fn lost_sites(&self) -> Vec<Arc<str>> {
        self.lost_at.keys().cloned().collect()
    }

    /// Opens the breaker for a site of so many access points if it lost too many of them. Returns
    /// whether that is new.
    pub fn weigh(&mut self, now: Instant, site: &str, of: usize) -> bool {
        let Some((Breaker { hold, .. }, lost)) =
            self.policy.breaker.zip(self.lost_at.get_mut(site))
        else {
            return false;
        };
        lost.retain(|_, lost_at| *lost_at + SITE_WINDOW > now);
        let (count, last) = (lost.len(), lost.values().max().copied());
        if count == 0 {
            self.lost_at.remove(site);
        }
        let is_many = count >= SITE_APS && count * 4 >= of;
        last.filter(|_| is_many)
            .is_some_and(|last| self.open.insert(Some(site.into()), last + hold).is_none())
    }

    /// When the breaker closes for somebody next, while it is open.
    pub fn closes_at(&self) -> Option<Instant> {
        self.open.values().min().copied()
    }

    /// Closes the breaker where it is time. Returns for whom it did.
    pub fn close(&mut self, now: Instant) -> Vec<Held> {
        let due = self.open.extract_if(.., |_, until| *until <= now);
        due.map(|(held, _)| held).collect()
    }

    /// Closes the breaker for an operator and forgets the losses so far. Returns for whom it was
    /// open.
    pub fn close_manually(&mut self) -> Vec<Held> {
        self.lost.clear();
        self.lost_at.clear();
        core::mem::take(&mut self.open).into_keys().collect()
    }

    /// Whether all changes are stopped.
    pub const fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    /// Whether a port may be changed now, at `wall` by the wall clock.
    pub fn judge(
        &self,
        now: Instant,
        wall: UnixTime,
        (switch, port): (&Switch, PortName),
        approval: Approval,
    ) -> Result<(), Refusal> {
        self.listed(switch, port)?;
        let waiting = if self.is_new { APPROVED_FIRST } else { 0 };
        if let Approval::Lacking(number) = approval
            && self.made < self.policy.approve_first.unwrap_or(waiting)
        {
            let why = format!("a person must approve it: mistgate port approve {number}");
            return Err(Refusal::for_now("ports.approve_first", &why, None));
        }
        if self.is_stopped && approval != Approval::Undo {
            return Err(Refusal::for_now("ports.kill_switch", "all changes are stopped", None));
        }
        let of_site =
            |(held, _): &(&Held, &Instant)| held.as_ref().is_none_or(|site| **site == *switch.site);
        let until = self.open.iter().filter(of_site).map(|(_, until)| *until).max();
        if let Some(until) = until.filter(|until| *until > now) {
            return Err(Refusal::for_now(
                "ports.breaker",
                "too many APs went at once",
                Some(until),
            ));
        }
        for freeze in &self.policy.freezes {
            if let Some(left) = freeze.left(wall) {
                let why = format!("changes are frozen: {}", freeze.name);
                return Err(Refusal::for_now("ports.freeze", &why, Some(now + left)));
            }
        }
        self.limited(now, switch)
    }

    fn listed(&self, switch: &Switch, port: PortName) -> Result<(), Refusal> {
        let Policy { allow, never, .. } = &self.policy;
        let refused = |what, rule, pattern: Option<&dyn fmt::Display>| {
            let words = match pattern {
                Some(pattern) => format!("the {what} is in {rule}: {pattern}"),
                None => format!("the {what} is not in {rule}"),
            };
            Err(Refusal::listed(rule, words))
        };
        if let Some(pattern) = never.switches.iter().find(|pattern| pattern.matches(switch)) {
            refused("switch", "ports.never.switches", Some(pattern))
        } else if let Some(pattern) = never.ports.iter().find(|pattern| pattern.matches(port)) {
            refused("port", "ports.never.ports", Some(pattern))
        } else if !allow.switches.iter().any(|pattern| pattern.matches(switch)) {
            refused("switch", "ports.allow.switches", None)
        } else if !allow.ports.iter().any(|pattern| pattern.matches(port)) {
            refused("port", "ports.allow.ports", None)
        } else {
            Ok(())
        }
    }

    fn limited(&self, now: Instant, switch: &Switch) -> Result<(), Refusal> {
        let site = self.sites.get(switch.site.as_str());
        for (rule, pace) in [
            ("ports.limits.switch", self.switches.get(&switch.mac)),
            ("ports.limits.site", site),
            ("ports.limits.all", Some(&self.all)),
        ] {
            let until = pace.map_or(now, |pace| pace.ready_at(now, true));
            if until > now {
                return Err(Refusal::for_now(rule, "enough was changed for now", Some(until)));
            }
        }
        Ok(())
    }

    /// Counts the change of a port.
    pub fn note(&mut self, now: Instant, switch_port: SwitchPort, site: &str) {
        let Limits { switch, site: windows, .. } = &self.policy.limits;
        self.all.note(now);
        for_key(&mut self.switches, switch_port.switch, now, switch).note(now);
        for_key(&mut self.sites, site.into(), now, windows).note(now);
    }
}

/// The pace of a key. If there are too many, the idle ones are forgotten first.
fn for_key<'a, K: Ord + Clone>(
    paces: &'a mut BTreeMap<K, Pace>,
    key: K,
    now: Instant,
    windows: &[Window],
) -> &'a mut Pace {
    if paces.len() >= PACES_MAX && !paces.contains_key(&key) {
        paces.retain(|_, pace| !pace.is_idle(now));
    }
    paces.entry(key).or_insert_with(|| Pace::new(windows.to_vec()))
}

#[cfg(test)]
mod tests;
