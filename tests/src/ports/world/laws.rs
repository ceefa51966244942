//! What must hold at every step. An access point is assigned to a port only if it was seen there, a
//! port is changed only with recent proof, and no rule is broken. The laws know what the plan was
//! told, and nothing else.

use std::collections::{BTreeMap, VecDeque};

use mistgate_core::base::mac::Mac;
use mistgate_core::base::time::{Instant, UnixTime};
use mistgate_core::ports::ap_event::{ApEvent, Cause};
use mistgate_core::ports::decide::Check;
use mistgate_core::ports::governor::{Limits, SITE_WINDOW};
use mistgate_core::ports::plan::PROOF_MAX;
use mistgate_core::ports::plan::input::{Config, Input};
use mistgate_core::ports::plan::output::Output;
use mistgate_core::ports::question::{Answer, Entry, Location};
use mistgate_core::ports::record::Record;
use mistgate_core::ports::report::{Change, Order, Report};
use mistgate_core::ports::switch_port::{Mode, Sighting, SwitchPort};

use self::losses::Losses;
use super::setting::{Names, Size};
use crate::chat::windows::Windows;

mod losses;

#[derive(Debug)]
pub(super) struct Laws {
    size: Size,
    pub(super) config: Config,
    is_stopped: bool,
    losses: Losses,
    /// The last losses that the breaker counts, and until when it is open.
    lost: VecDeque<(Instant, Mac)>,
    /// By the site where each access point was when it was lost.
    lost_at: BTreeMap<(String, Mac), Instant>,
    open_until: Option<Instant>,
    /// The same for the sites.
    sites_open: BTreeMap<String, Instant>,
    /// For each port the neighbours that were seen, and when.
    seen: Vec<Vec<(Instant, Option<Mac>)>>,
    /// For each access point the ports where it was seen, and when.
    seen_at: Vec<Vec<(Instant, usize)>>,
    /// For each access point the ports that it named itself, and when.
    named: Vec<Vec<(Instant, usize)>>,
    /// For each port the access point that is assigned to it.
    owner: Vec<Option<Mac>>,
    /// The same, as its record has it.
    recorded: Vec<Option<Mac>>,
    /// Whether the port became free because of events, which do not grow old.
    is_left: Vec<bool>,
    /// When mistgate last changed the port, if a record says so.
    changed_at: Vec<Option<Instant>>,
    /// For each port what a person decided.
    decided: Vec<Decided>,
    of_switch: Vec<Windows>,
    of_site: Vec<Windows>,
    of_all: Windows,
}

/// What a person decided about a port.
#[derive(Clone, Copy, Debug, Default)]
struct Decided {
    /// The mode of the change that is to be taken back.
    undone: Option<Mode>,
    /// The mode that it is not to get until there is news of it.
    left: Option<Mode>,
}

impl Laws {
    pub(super) fn new(size: Size, config: Config) -> Self {
        let Limits { switch, site, all } = config.governor.limits.clone();
        Self {
            size,
            is_stopped: false,
            losses: Losses::new(size.aps),
            lost: VecDeque::new(),
            lost_at: BTreeMap::new(),
            open_until: None,
            sites_open: BTreeMap::new(),
            seen: vec![Vec::new(); size.spots()],
            seen_at: vec![Vec::new(); size.aps],
            named: vec![Vec::new(); size.aps],
            owner: vec![None; size.spots()],
            recorded: vec![None; size.spots()],
            is_left: vec![false; size.spots()],
            changed_at: vec![None; size.spots()],
            decided: vec![Decided::default(); size.spots()],
            of_switch: vec![Windows::new(switch); size.switches],
            of_site: vec![Windows::new(site); size.sites()],
            of_all: Windows::new(all),
            config,
        }
    }

    /// mistgate starts again, and knows what its records say.
    pub(super) fn restart(&mut self, config: Config) {
        let changed_at = core::mem::take(&mut self.changed_at);
        *self = Self::new(self.size, config);
        let changes = (0..).zip(&changed_at).filter_map(|(spot, at)| Some(((*at)?, spot)));
        let mut changes: Vec<(Instant, usize)> = changes.collect();
        changes.sort_unstable();
        for (at, spot) in changes {
            self.windows(spot).into_iter().for_each(|windows| windows.recall(at));
        }
        self.changed_at = changed_at;
    }

    /// Our clock jumps, so the records no longer tell when a port was changed.
    pub(super) fn jump(&mut self) {
        self.changed_at.fill(None);
    }

    /// Notes the next input of the plan. `asked` is our clock at the last request for an inventory.
    pub(super) fn note_input(
        &mut self,
        now: Instant,
        input: &Input,
        names: &Names,
        asked: UnixTime,
    ) {
        match input {
            Input::Answered { answer, .. } => match answer {
                Answer::Port(seen) => self.saw_all(now, seen.iter(), names),
                Answer::Inventory(entries) => self.note_inventory(now, entries, names, asked),
                Answer::Share(_) | Answer::Unanswered => {}
                Answer::Location(location) => {
                    self.saw_all(now, location.seen.iter(), names);
                }
            },
            Input::BreakerClosed => {
                self.lost.clear();
                self.lost_at.clear();
                self.open_until = None;
                self.sites_open.clear();
            }
            Input::Configured(config) => self.configured(config),
            Input::Restored(records) => {
                for record in records {
                    *self.of(record.switch_port(), names).0 = record.ap;
                    let left = record.left.map(|(_, mode)| mode);
                    self.decided(record.switch_port(), names).left = left;
                    self.record(record.switch_port(), record.ap, names);
                }
            }
            Input::ApEvent(ap_event) => self.note_event(now, ap_event, names),
            Input::Stop(is_stopped) => self.is_stopped = *is_stopped,
            Input::Clock { is_synchronised, .. } => self.config.is_synchronised = *is_synchronised,
            Input::Manual { .. }
            | Input::Ordered { .. }
            | Input::Pushed { .. }
            | Input::Compared { .. }
            | Input::Read { .. }
            | Input::Requested(_) => {}
        }
    }

    fn configured(&mut self, config: &Config) {
        let Limits { switch, site, all } = &config.governor.limits;
        for windows in &mut self.of_switch {
            windows.replace(switch.clone());
        }
        for windows in &mut self.of_site {
            windows.replace(site.clone());
        }
        self.of_all.replace(all.clone());
        if config.governor.breaker.is_none() {
            self.open_until = None;
            self.sites_open.clear();
        }
        self.config = config.clone();
    }

    fn note_event(&mut self, now: Instant, ap_event: &ApEvent, names: &Names) {
        let ApEvent { ap, cause, site, at, .. } = ap_event;
        if site.as_ref().is_some_and(|site| self.config.ignored_sites.contains(site)) {
            return;
        }
        let number = names.ap_of(*ap).expect("an access point of ours");
        if *cause == Cause::Restarting {
            return;
        }
        let is_lost = *cause == Cause::Lost;
        self.losses.note_event(number, is_lost, site.as_deref(), at.expect("a time"));
        if is_lost {
            self.count_loss(now, *ap, number);
            self.weigh(now);
        }
    }

    /// Counts a loss, wherever it was learned.
    fn count_loss(&mut self, now: Instant, ap: Mac, number: usize) {
        if let Some(breaker) = self.config.governor.breaker {
            self.lost_at.insert((self.losses.site(number).to_owned(), ap), now);
            self.lost.retain(|(at, lost)| *at + breaker.window > now && *lost != ap);
            self.lost.push_back((now, ap));
            if self.lost.len() >= breaker.aps {
                self.open_until = Some(now + breaker.hold);
            }
        }
    }

    fn note_inventory(&mut self, now: Instant, entries: &[Entry], names: &Names, asked: UnixTime) {
        for entry in entries {
            let number = names.ap_of(entry.ap).expect("an access point of ours");
            let is_ours = self.recorded.contains(&Some(entry.ap));
            let is_news = is_ours && !self.losses.is_counted_as_lost(number);
            self.losses.note_inventory(number, entry, asked);
            if !entry.is_connected && is_news {
                self.count_loss(now, entry.ap, number);
            }
            self.note_named(now, entry.ap, &entry.location, names);
            self.saw_all(now, entry.location.seen.iter(), names);
        }
        self.losses.count_sites();
        self.weigh(now);
    }

    /// Opens the breaker for the sites that lost too much.
    fn weigh(&mut self, now: Instant) {
        let Some(breaker) = self.config.governor.breaker else {
            return;
        };
        let mut lost: BTreeMap<&str, Vec<Instant>> = BTreeMap::new();
        for ((site, _), at) in self.lost_at.iter().filter(|(_, at)| **at + SITE_WINDOW > now) {
            lost.entry(site).or_default().push(*at);
        }
        for (site, lost) in lost {
            let of = self.losses.site_aps(site);
            let is_many = |of| lost.len() >= 3 && lost.len() * 4 >= of;
            if let Some(last) = lost.iter().max().filter(|_| of.is_some_and(is_many)) {
                self.sites_open.insert(site.to_owned(), *last + breaker.hold);
            }
        }
    }

    /// Notes the ports that an access point names itself.
    pub(super) fn note_named(&mut self, now: Instant, ap: Mac, at: &Location, names: &Names) {
        let number = names.ap_of(ap).expect("an access point of ours");
        let named = self.named.get_mut(number).expect("an access point of ours");
        for hint in &at.hints {
            let spot = names.spot(hint.switch_port()).expect("a spot of ours");
            named.retain(|(at, known)| is_young(*at, now) && *known != spot);
            named.push((now, spot));
        }
    }

    fn saw_all<'a>(
        &mut self,
        now: Instant,
        sightings: impl Iterator<Item = &'a Sighting>,
        names: &Names,
    ) {
        for sighting in sightings.filter(|sighting| sighting.is_live) {
            let switch_port = sighting.switch_port().expect("a port");
            let spot = names.spot(switch_port).expect("a spot of ours");
            let neighbor = sighting.neighbor.filter(|_| sighting.up);
            if neighbor.is_none() && sighting.restarts_for().is_some() {
                // After a power cut an access point takes longer than its switch.
                continue;
            }
            let seen = self.seen.get_mut(spot).expect("a spot of ours");
            seen.retain(|(at, known)| is_young(*at, now) && *known != neighbor);
            seen.push((now, neighbor));
            if let Some(ap) = neighbor.and_then(|neighbor| names.ap_of(neighbor)) {
                let seen_at = self.seen_at.get_mut(ap).expect("an access point of ours");
                seen_at.retain(|(at, known)| is_young(*at, now) && *known != spot);
                seen_at.push((now, spot));
            }
        }
    }

    /// Checks an output of the plan. `clock` is our clock, and `before` the port's record.
    pub(super) fn check_output(
        &mut self,
        now: Instant,
        clock: UnixTime,
        output: &Output,
        names: &Names,
        before: Option<&Record>,
    ) {
        match output {
            Output::Forget(switch_port) => {
                self.check_assignment(now, *switch_port, before, None, names);
                self.record(*switch_port, None, names);
                let is_observing = self.config.observes();
                let (owner, is_left, changed_at) = self.of(*switch_port, names);
                *changed_at = None;
                // In mode observe a change is reported only after its record is removed.
                if !is_observing {
                    (*owner, *is_left) = (None, false);
                }
            }
            Output::Push { switch, edits, is_undo, .. } => {
                assert!(!self.config.observes() || *is_undo, "a change while only observing");
                assert!(!edits.is_empty() && edits.is_sorted_by(|a, b| a.port < b.port));
                for edit in edits {
                    let switch_port = SwitchPort { switch: switch.mac, port: edit.port };
                    let decided = self.decided(switch_port, names);
                    let undoes = decided.undone.is_some_and(|undone| undone != edit.mode);
                    assert!(undoes || !is_undo, "{switch_port} is not undone by anybody");
                    if undoes {
                        self.windows_of(now, switch_port, names);
                    } else {
                        assert_ne!(decided.left, Some(edit.mode), "{switch_port} is to be left");
                        self.check_change(now, clock, switch_port, edit.mode, names);
                    }
                    let (owner, _, changed_at) = self.of(switch_port, names);
                    assert_eq!(edit.ap, owner.filter(|_| edit.mode == Mode::Ap), "{switch_port}");
                    *changed_at = Some(now);
                }
            }
            Output::Report(Report::Observed { switch, changes, .. }) => {
                assert!(self.config.observes(), "a change that was only reported");
                for Change { port, mode, .. } in changes {
                    let switch_port = SwitchPort { switch: switch.mac, port: *port };
                    self.check_change(now, clock, switch_port, *mode, names);
                }
            }
            Output::Report(Report::Ordered { switch, change, order }) => {
                let switch_port = SwitchPort { switch: switch.mac, port: change.port };
                let decided = self.decided(switch_port, names);
                match order {
                    Order::Approve => *decided = Decided::default(),
                    Order::Reject => decided.left = Some(change.mode),
                    Order::Undo => {
                        *decided = Decided { undone: Some(change.mode), left: Some(change.mode) };
                    }
                }
            }
            Output::Report(Report::Settled { switch, changes, .. }) => {
                for Change { port, .. } in changes {
                    let switch_port = SwitchPort { switch: switch.mac, port: *port };
                    self.decided(switch_port, names).undone = None;
                }
            }
            // What was compared before the undoing was different.
            Output::Report(Report::Refused { switch, change, refusal })
                if refusal.rule == "ports.undo" =>
            {
                let switch_port = SwitchPort { switch: switch.mac, port: change.port };
                *self.decided(switch_port, names) = Decided::default();
            }
            Output::Store(record) => {
                self.check_assignment(now, record.switch_port(), before, record.ap, names);
                self.record(record.switch_port(), record.ap, names);
                if record.mode == Some(Mode::Default) && !record.is_touched {
                    let (owner, is_left, _) = self.of(record.switch_port(), names);
                    (*owner, *is_left) = (None, false);
                }
            }
            Output::Read { .. } => assert!(!self.is_stopped, "it may confirm a commit"),
            Output::Ask { .. } | Output::Compare { .. } | Output::Report(_) | Output::Stop(_) => {}
        }
    }

    fn record(&mut self, switch_port: SwitchPort, ap: Option<Mac>, names: &Names) {
        let spot = names.spot(switch_port).expect("a spot of ours");
        *self.recorded.get_mut(spot).expect("a spot of ours") = ap;
    }

    fn of(
        &mut self,
        switch_port: SwitchPort,
        names: &Names,
    ) -> (&mut Option<Mac>, &mut bool, &mut Option<Instant>) {
        let spot = names.spot(switch_port).expect("a spot of ours");
        let owner = self.owner.get_mut(spot).expect("a spot of ours");
        let is_left = self.is_left.get_mut(spot).expect("a spot of ours");
        let changed_at = self.changed_at.get_mut(spot).expect("a spot of ours");
        (owner, is_left, changed_at)
    }

    /// Checks that an access point may be assigned to a port, or removed from it.
    fn check_assignment(
        &mut self,
        now: Instant,
        switch_port: SwitchPort,
        before: Option<&Record>,
        ap: Option<Mac>,
        names: &Names,
    ) {
        let before = before.and_then(|record| record.ap);
        if before == ap {
            return;
        }
        self.decided(switch_port, names).left = None;
        let spot = names.spot(switch_port).expect("a spot of ours");
        if let Some(ap) = ap {
            assert!(
                self.is_seen(now, spot, Some(ap)),
                "{ap} was not seen on {switch_port} at {now:?}"
            );
            let number = names.ap_of(ap).expect("an access point of ours");
            let mut named = self.named.get(number).expect("an access point of ours").iter();
            let is_named = named.any(|(at, known)| is_young(*at, now) && *known == spot);
            assert!(
                is_named || self.config.one_sided_proof,
                "{ap} did not name {switch_port} itself at {now:?}"
            );
            let (owner, is_left, _) = self.of(switch_port, names);
            (*owner, *is_left) = (Some(ap), false);
        } else if let Some(ap) = before {
            let number = names.ap_of(ap).expect("an access point of ours");
            let is_lost = match self.config.probe.check {
                Check::Lldp => false,
                Check::None => self.losses.is_lost(number),
                Check::Outage(policy) => {
                    let is_outage = |share| policy_says(share, policy.min_percent);
                    let share = self.losses.share(number, &policy);
                    self.losses.is_lost(number) && share.is_some_and(|share| !is_outage(share))
                }
            };
            assert!(
                is_lost || self.is_free(now, spot, Some(ap), names),
                "{ap} was not seen to have left {switch_port} at {now:?}"
            );
            *self.of(switch_port, names).1 = is_lost;
        }
    }

    /// Checks that a port may be changed.
    fn check_change(
        &mut self,
        now: Instant,
        clock: UnixTime,
        switch_port: SwitchPort,
        mode: Mode,
        names: &Names,
    ) {
        let spot = names.spot(switch_port).expect("a spot of ours");
        let policy = &self.config.governor;
        assert!(!self.is_stopped, "a change while all is stopped");
        assert!(!self.size.is_forbidden(spot), "{switch_port} is forbidden");
        assert!(self.open_until.is_none_or(|until| until <= now), "the breaker is open");
        let site = &names.switch(self.size.switch_of(spot)).site;
        let until = self.sites_open.get(site);
        assert!(until.is_none_or(|until| *until <= now), "the breaker is open for {site}");
        assert!(policy.freezes.iter().all(|freeze| freeze.left(clock).is_none()), "a freeze");
        let (owner, is_left, _) = self.of(switch_port, names);
        let (owner, is_left) = (*owner, *is_left);
        let is_proved = match mode {
            Mode::Ap => owner.is_some() && self.is_seen(now, spot, owner),
            Mode::Default => is_left || self.is_free(now, spot, owner, names),
        };
        assert!(is_proved, "{switch_port}: {mode:?} at {now:?} without proof");
        self.windows_of(now, switch_port, names);
    }

    fn windows_of(&mut self, now: Instant, switch_port: SwitchPort, names: &Names) {
        let spot = names.spot(switch_port).expect("a spot of ours");
        self.windows(spot).into_iter().for_each(|windows| windows.sent(now));
    }

    fn decided(&mut self, switch_port: SwitchPort, names: &Names) -> &mut Decided {
        let spot = names.spot(switch_port).expect("a spot of ours");
        self.decided.get_mut(spot).expect("a spot of ours")
    }

    /// The windows that count a change of this port.
    fn windows(&mut self, spot: usize) -> [&mut Windows; 3] {
        let switch = self.size.switch_of(spot);
        let site = self.size.site_of(switch);
        let of_switch = self.of_switch.get_mut(switch).expect("a switch of ours");
        let of_site = self.of_site.get_mut(site).expect("a site of ours");
        [of_switch, of_site, &mut self.of_all]
    }

    fn is_seen(&self, now: Instant, spot: usize, who: Option<Mac>) -> bool {
        let seen = self.seen.get(spot).expect("a spot of ours");
        seen.iter().any(|(at, neighbor)| is_young(*at, now) && *neighbor == who)
    }

    /// Whether the port was recently seen without its owner, or the owner elsewhere. If it has no
    /// owner, any access point on it may stay.
    fn is_free(&self, now: Instant, spot: usize, owner: Option<Mac>, names: &Names) -> bool {
        let seen = self.seen.get(spot).expect("a spot of ours");
        let stays = |neighbor: Mac| match owner {
            Some(owner) => neighbor == owner,
            None => names.ap_of(neighbor).is_some(),
        };
        let without = |(at, neighbor): &(Instant, Option<Mac>)| {
            is_young(*at, now) && !neighbor.is_some_and(stays)
        };
        let elsewhere = |(at, other): &(Instant, usize)| is_young(*at, now) && *other != spot;
        let ap = owner.and_then(|owner| names.ap_of(owner));
        let seen_at = ap.and_then(|ap| self.seen_at.get(ap));
        seen.iter().any(without) || seen_at.is_some_and(|at| at.iter().any(elsewhere))
    }

    /// Whether the loss of an access point still counts as part of an outage of its site.
    pub(super) fn is_outage(&self, ap: usize) -> bool {
        match self.config.probe.check {
            Check::Outage(policy) => self
                .losses
                .share(ap, &policy)
                .is_some_and(|share| policy_says(share, policy.min_percent)),
            Check::Lldp | Check::None => false,
        }
    }
}

fn is_young(at: Instant, now: Instant) -> bool {
    at + PROOF_MAX >= now
}

/// Whether `lost` of `of` access points are an outage: a large share, of a site with more than two.
const fn policy_says((lost, of): (usize, usize), min_percent: u8) -> bool {
    of > 2 && lost * 100 >= of * min_percent as usize
}
