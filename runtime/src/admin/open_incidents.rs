//! Open incidents in metrics and status.

use std::collections::BTreeMap;

use mistgate_core::{base::order, incident::Incidents, incident::view::View, notify::Severity};
use serde_json::{Value, json};

use super::{by, gauge, incidents};
use crate::base::metrics::Gauge;

/// The most incidents in status.
const SHOWN_MAX: usize = 100;

/// How many incidents are open. Each is muted, held, or one of its severity.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    open: usize,
    muted: usize,
    held: usize,
    /// In the order of [`Severity::ALL`].
    by_severity: [usize; Severity::ALL.len()],
    flapping: usize,
    acknowledged: usize,
    silences: usize,
}

impl Counts {
    pub(super) fn of(incidents: &Incidents) -> Self {
        let mut counts = Self { silences: incidents.silences().all().len(), ..Self::default() };
        for view in incidents.views().filter(|view| view.is_open) {
            counts.open += 1;
            counts.flapping += usize::from(view.is_flapping);
            counts.acknowledged += usize::from(view.incident.acknowledged.is_some());
            if view.muted_by.is_some() {
                counts.muted += 1;
            } else if view.is_held {
                counts.held += 1;
            } else {
                let severities = Severity::ALL.iter().zip(&mut counts.by_severity);
                let found = severities.filter(|(severity, _)| **severity == view.incident.severity);
                found.for_each(|(_, count)| *count += 1);
            }
        }
        counts
    }

    fn by_severity(&self) -> impl Iterator<Item = (&'static str, usize)> {
        let names = Severity::ALL.into_iter().map(Severity::name);
        names.zip(self.by_severity)
    }
}

pub(super) fn gauges(counts: &Counts) -> Vec<Gauge> {
    let open = "Open incidents that are neither held nor muted, by severity.";
    let values = counts.by_severity().map(|(name, count)| (name, count as f64));
    let held = "Open incidents that are too young to be told.";
    vec![
        by("incidents_open", open, "severity", values),
        gauge("incidents_held", held, counts.held as f64),
        gauge("incidents_muted", "Open incidents that nobody is told of.", counts.muted as f64),
        gauge("silences", "Silences.", counts.silences as f64),
    ]
}

/// How many are open, and the first of them by site: the worst first, then those that changed last;
/// what is muted comes last.
pub(super) fn json(incidents: &Incidents) -> Value {
    let counts = Counts::of(incidents);
    let views = incidents.open_views();
    let mut sites: Vec<(Option<&str>, Vec<&View<'_>>)> = Vec::new();
    for view in views.iter().take(SHOWN_MAX) {
        let site = view.incident.site.as_deref();
        match sites.iter_mut().find(|(known, _)| *known == site) {
            Some((_, of_site)) => of_site.push(view),
            None => sites.push((site, vec![view])),
        }
    }
    let mut open: BTreeMap<Option<&str>, usize> = BTreeMap::new();
    for view in &views {
        *open.entry(view.incident.site.as_deref()).or_default() += 1;
    }
    let sites = sites.into_iter().map(|(site, shown)| {
        let open = open.get(&site);
        let shown: Vec<Value> =
            shown.into_iter().map(|view| incidents::facts(view, None)).collect();
        json!({ "site": site, "open": open, "incidents": shown })
    });
    json!({
        "open": counts.open,
        "by_severity": order::collect::<BTreeMap<_, _>, _>(counts.by_severity()),
        "held": counts.held,
        "muted": counts.muted,
        "flapping": counts.flapping,
        "acknowledged": counts.acknowledged,
        "silences": counts.silences,
        "sites": sites.collect::<Vec<_>>(),
    })
}
