//! A reference for the losses of access points. It keeps them all, and counts them anew each time.

use std::collections::BTreeSet;

use mistgate_core::base::time::UnixTime;
use mistgate_core::ports::outage::Policy;
use mistgate_core::ports::question::Entry;

#[derive(Clone, Debug, Default)]
struct ApState {
    site: String,
    lost_at: Option<UnixTime>,
    noted_at: Option<UnixTime>,
    /// The time of the last event, and whether it was a loss.
    latest: Option<(UnixTime, bool)>,
    is_lost: bool,
}

#[derive(Debug)]
pub(super) struct Losses {
    aps: Vec<ApState>,
    is_counted: bool,
    /// The sites of the last inventory.
    sites: BTreeSet<String>,
}

impl Losses {
    pub(super) fn new(aps: usize) -> Self {
        Self { aps: vec![ApState::default(); aps], is_counted: false, sites: BTreeSet::new() }
    }

    /// Notes an event, unless a newer one is known.
    pub(super) fn note_event(
        &mut self,
        ap: usize,
        is_lost: bool,
        site: Option<&str>,
        at: UnixTime,
    ) {
        let ap_state = self.aps.get_mut(ap).expect("an access point of ours");
        if ap_state
            .latest
            .is_none_or(|(latest, was_lost)| at > latest || (at == latest && is_lost != was_lost))
        {
            ap_state.latest = Some((at, is_lost));
            ap_state.is_lost = is_lost;
        }
        let is_known = !ap_state.site.is_empty() || site.is_some();
        if is_known && ap_state.noted_at.is_none_or(|noted_at| noted_at <= at) {
            if let Some(site) = site {
                site.clone_into(&mut ap_state.site);
            }
            ap_state.lost_at = is_lost.then(|| ap_state.lost_at.unwrap_or(at));
            ap_state.noted_at = Some(at);
        }
    }

    /// Notes an inventory entry, requested at `asked_at`.
    pub(super) fn note_inventory(&mut self, ap: usize, entry: &Entry, asked_at: UnixTime) {
        self.is_counted = true;
        let ap_state = self.aps.get_mut(ap).expect("an access point of ours");
        ap_state.is_lost |= !entry.is_connected;
        if ap_state.noted_at.is_none_or(|noted_at| noted_at <= asked_at) {
            ap_state.site.clone_from(&entry.site);
            let lost_at = entry.last_seen.unwrap_or(UnixTime::from_secs(0));
            ap_state.lost_at = (!entry.is_connected).then_some(lost_at);
            ap_state.noted_at = Some(asked_at);
        }
    }

    /// All sites that have an access point are known from here on.
    pub(super) fn count_sites(&mut self) {
        self.sites = self.aps.iter().map(|ap_state| ap_state.site.clone()).collect();
    }

    /// The site of an access point; empty if it is not known.
    pub(super) fn site(&self, ap: usize) -> &str {
        self.aps.get(ap).map_or("", |ap_state| &ap_state.site)
    }

    /// How many access points a site has, as far as an inventory has told.
    pub(super) fn site_aps(&self, site: &str) -> Option<usize> {
        let of_site = self.aps.iter().filter(|ap_state| ap_state.site == site);
        self.sites.contains(site).then(|| of_site.count())
    }

    /// Whether the loss of an access point was counted before.
    pub(super) fn is_counted_as_lost(&self, ap: usize) -> bool {
        self.aps.get(ap).is_some_and(|ap_state| ap_state.lost_at.is_some())
    }

    /// Whether the last event of an access point was a loss.
    pub(super) fn is_lost(&self, ap: usize) -> bool {
        self.aps.get(ap).is_some_and(|ap_state| ap_state.is_lost)
    }

    /// How many access points of its site were lost together with this one, and of how many.
    pub(super) fn share(&self, ap: usize, policy: &Policy) -> Option<(usize, usize)> {
        let own = self.aps.get(ap).filter(|_| self.is_counted)?;
        let lost_at = own.lost_at?.as_micros();
        let of_site = || self.aps.iter().filter(|ap_state| ap_state.site == own.site);
        let micros = |duration: core::time::Duration| {
            i64::try_from(duration.as_micros()).expect("less than an age")
        };
        let together = |ap_state: &&ApState| {
            ap_state
                .lost_at
                .is_some_and(|at| (at.as_micros() - lost_at).abs() <= micros(policy.window))
        };
        let counts = |ap_state: &&ApState| {
            ap_state.lost_at.is_none_or(|at| lost_at - at.as_micros() < micros(policy.forget))
        };
        Some((of_site().filter(together).count(), of_site().filter(counts).count()))
    }
}
