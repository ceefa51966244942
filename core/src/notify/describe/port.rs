//! Our own reports about switch ports.

use alloc::borrow::{Cow, ToOwned};
use alloc::{collections::BTreeMap, format, string::String, string::ToString, vec::Vec};

use super::{draft::Draft, subject};
use crate::base::mac::Mac;
use crate::event::{DeviceClass, Event, ports::PortChange, ports::PortEvent};
use crate::notify::{Link, Listing, links::Dashboard, links::device_id, plain, types::Kind};

/// The most rows of neighbouring ports in a sentence and in a fact.
const ROWS_MAX: usize = 4;
const ROWS_IN_FACT_MAX: usize = 12;

/// Describes a report about ports.
pub(super) fn describe(event: &Event<'_>, row: &Kind, dashboard: &Dashboard<'_>) -> Draft {
    let report = Description::of(event);
    let mut draft = Draft::of(row, &mut |name| report.value(name).map(Cow::Owned));
    draft.links = report.links(dashboard);
    draft.listing = report.listing();
    report.add_facts(&mut draft);
    draft
}

/// The name and the MAC of an access point, as far as they are known.
struct Ap {
    name: Option<String>,
    mac: Option<Mac>,
}

struct Description<'e> {
    event: &'e Event<'e>,
    /// As it was read, but the ports, and the ports, modes and reasons of the changes, are cleaned.
    report: PortEvent,
}

impl<'e> Description<'e> {
    fn of(event: &'e Event<'e>) -> Self {
        let mut report: PortEvent = event.read().unwrap_or_default();
        for port in &mut report.ports {
            *port = plain::name(port);
        }
        for PortChange { port, mode, because, .. } in &mut report.changes {
            (*port, *mode, *because) =
                (plain::name(port), plain::name(mode), plain::clean(because));
        }
        Self { event, report }
    }

    /// The value of a name in the row's sentence.
    fn value(&self, name: &str) -> Option<String> {
        match name {
            "ap" => Ap::of(&self.report.ap, &self.report.ap_name).called(),
            "because" => self.because(),
            "by" => self.report.by.as_ref().and_then(|by| plain::non_empty(plain::clean(by))),
            "hold" => self.report.hold.map(span),
            "mode" => self.mode(),
            "next" => self.next(),
            "ports" => self.placed(),
            "whom" => self.whom(),
            _ => None,
        }
    }

    /// `port ge-0/0/7 of switch "sw-1" at site HQ`
    fn placed(&self) -> Option<String> {
        let rows = rows(&self.report.ports);
        let ports = match (self.report.ports.as_slice(), rows.len()) {
            ([], _) => return None,
            ([port], _) => format!("port {port}"),
            (many, 1..=ROWS_MAX) => {
                format!("{} ports ({})", many.len(), plain::list(&rows, ROWS_MAX))
            }
            (many, _) => format!("{} ports", many.len()),
        };
        let site = subject::at(subject::site(self.event).as_deref());
        Some(format!("{ports} of {}{site}", self.switch()))
    }

    /// `switch "sw-1"`, or `the switch with MAC 5c:5b:35:00:00:01`.
    fn switch(&self) -> String {
        let PortEvent { switch, switch_mac, .. } = &self.report;
        let mac = switch_mac.as_ref().filter(|_| switch.is_none()).and_then(|mac| Mac::parse(mac));
        subject::called("switch", switch.as_deref(), mac)
    }

    /// `mode ap`, or `mode ap (30) and mode default (18)`.
    fn mode(&self) -> Option<String> {
        let modes = self.report.changes.iter().map(|change| format!("mode {}", change.mode));
        let each = counted(modes);
        plain::non_empty(plain::list(&each, each.len()))
    }

    /// The ports by mode.
    fn modes(&self) -> BTreeMap<&str, Vec<String>> {
        let mut modes: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for change in &self.report.changes {
            modes.entry(&change.mode).or_default().push(change.port.clone());
        }
        modes
    }

    /// For a report about one change: `for AP "Reception"`, `after AP "Reception" left`.
    fn whom(&self) -> Option<String> {
        let [PortChange { ap, ap_name, mode, .. }] = self.report.changes.as_slice() else {
            return None;
        };
        let ap = Ap::of(ap, ap_name).called()?;
        Some(if mode == "ap" { format!("for {ap}") } else { format!("after {ap} left") })
    }

    /// The reason why nothing was changed, or the reason of a single change.
    fn because(&self) -> Option<String> {
        let words = match (&self.report.because, self.report.changes.as_slice()) {
            (Some(because), _) => plain::clean(because),
            (None, [PortChange { because, .. }]) => because.clone(),
            (None, [] | [_, _, ..]) => return None,
        };
        plain::non_empty(words.trim_end_matches('.').to_owned())
    }

    /// What happens next with the port or the ports.
    fn next(&self) -> Option<String> {
        let PortEvent { kind, ports, attempt, after, lasting, .. } = &self.report;
        let is_unknown = kind == "PORT_UNCONFIRMED";
        let (it_is, it_waits, port) = match ports.len() {
            0 | 1 => ("It is", "It waits", "the port"),
            _ => ("They are", "They wait", "the ports"),
        };
        Some(match (attempt, after.map(span)) {
            (Some(attempt), None) => {
                let times = match attempt {
                    1 => "once".to_owned(),
                    times => format!("{times} times"),
                };
                format!("Tried {times}; the next attempt waits for news of {port}")
            }
            (Some(_), Some(after)) if is_unknown => format!("{it_is} read back in {after}"),
            (Some(_), Some(after)) => format!("{it_is} tried again in {after}"),
            (None, Some(after)) => format!("{it_is} judged again in {after}"),
            (None, None) if *lasting => {
                format!("{it_is} judged again when there is news of {port}")
            }
            (None, None) => format!("{it_waits} until that is over"),
        })
    }

    fn add_facts(&self, draft: &mut Draft) {
        let PortEvent { ports, rule, failure, changes, .. } = &self.report;
        draft.maybe("Switch", self.report.switch.as_ref());
        draft.maybe("Switch MAC", self.report.switch_mac.as_ref().map(|mac| plain::mac(mac)));
        draft.maybe("Site", subject::site(self.event));
        let modes = self.modes();
        if modes.len() > 1 {
            for (mode, ports) in modes {
                let ports = plain::list(&rows(&ports), ROWS_IN_FACT_MAX);
                draft.fact(&format!("Mode {mode}"), &ports);
            }
        } else {
            let label = if ports.len() == 1 { "Port" } else { "Ports" };
            draft.fact(label, &plain::list(&rows(ports), ROWS_IN_FACT_MAX));
            draft.maybe("Mode", modes.into_keys().next());
        }
        let numbers: Vec<String> =
            changes.iter().filter_map(|change| Some(change.number?.to_string())).collect();
        draft.several("Change", "Changes", &numbers);
        let own = Ap::of(&self.report.ap, &self.report.ap_name);
        let aps = changes.iter().map(|change| Ap::of(&change.ap, &change.ap_name)).chain([own]);
        draft.several("AP", "APs", &aps.filter_map(Ap::short).collect::<Vec<_>>());
        if let Some(Ap { name: Some(_), mac: Some(mac) }) = self.one_ap() {
            draft.fact("AP MAC", &mac.to_string());
        }
        draft.maybe("Reason", self.reasons());
        let label = match (rule, failure) {
            (Some(_), _) => "Refusal",
            (None, Some(_)) => "Failure",
            (None, None) => "Reason",
        };
        draft.maybe(label, self.report.because.as_ref());
        draft.maybe("Rule", rule.as_ref());
        draft.maybe("Attempts", self.report.attempt.map(|attempt| attempt.to_string()));
        draft.maybe("Next attempt in", self.report.after.map(span));
        draft.maybe("Held for", self.report.hold.map(span));
        if self.report.read_back {
            let how = "reading the port back, as the answer to the change was lost";
            draft.fact("Confirmed by", how);
        }
        let took = changes.iter().map(|change| change.took).fold(0.0, f64::max);
        if took > 0.0 {
            let is_done = rule.is_none() && failure.is_none();
            draft.fact(if is_done { "Took" } else { "Open for" }, &span(took));
        }
    }

    /// The reasons of all changes, each with its number of changes if they differ.
    fn reasons(&self) -> Option<String> {
        let words = self.report.changes.iter().map(|change| change.because.clone());
        plain::non_empty(plain::list(&counted(words.filter(|words| !words.is_empty())), 3))
    }

    /// The access point of a report about one.
    fn one_ap(&self) -> Option<Ap> {
        match self.report.changes.as_slice() {
            [] => Some(Ap::of(&self.report.ap, &self.report.ap_name)),
            [change] => Some(Ap::of(&change.ap, &change.ap_name)),
            [_, _, ..] => None,
        }
    }

    /// The links of the switch and of the access point; in a report without changes, the access
    /// point comes first.
    fn links(&self, dashboard: &Dashboard<'_>) -> Vec<Link> {
        let switch = self.event.id("device_id");
        let switch = switch.map(|id| dashboard.device(DeviceClass::Switch, &id));
        let ap = self.one_ap().and_then(|ap| ap.mac);
        let ap = ap.map(|mac| dashboard.device(DeviceClass::AccessPoint, &device_id(mac)));
        let (switch, ap) = (switch.unwrap_or_default(), ap.unwrap_or_default());
        let [first, second] =
            if self.report.changes.is_empty() { [ap, switch] } else { [switch, ap] };
        first.into_iter().chain(second).collect()
    }

    /// The lines that were changed, or would be.
    fn listing(&self) -> Option<Listing> {
        let PortEvent { diff, changes, left_out: more, .. } = &self.report;
        let (label, lines) = match diff.as_str() {
            "" => {
                ("Configuration", changes.iter().flat_map(|change| change.lines.clone()).collect())
            }
            diff => ("Difference", diff.lines().map(str::to_owned).collect()),
        };
        let mut listing = Listing { label: label.to_owned(), lines };
        if *more > 0 {
            listing.lines.push(format!("… {more} more in the audit file"));
        }
        (!listing.lines.is_empty()).then_some(listing)
    }
}

impl Ap {
    fn of(mac: &Option<String>, name: &Option<String>) -> Self {
        let name = name.as_ref().map(|name| plain::name(name));
        Self { name, mac: mac.as_ref().and_then(|mac| Mac::parse(mac)) }
    }

    /// `AP "Reception"`, or `the AP with MAC 5c:5b:35:00:00:01`.
    fn called(&self) -> Option<String> {
        let mac = self.mac.filter(|_| self.name.is_none());
        let is_known = self.name.is_some() || mac.is_some();
        is_known.then(|| subject::called("AP", self.name.as_deref(), mac))
    }

    /// The name, else the MAC.
    fn short(self) -> Option<String> {
        self.name.or_else(|| Some(self.mac?.to_string()))
    }
}

/// Each text once, with how often it was there if there are others.
fn counted(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for text in texts {
        *counts.entry(text).or_default() += 1;
    }
    let is_one = counts.len() == 1;
    let each = counts.into_iter();
    each.map(|(text, count)| if is_one { text } else { format!("{text} ({count})") }).collect()
}

/// `12 s`, `4 min 40 s`; fractions are rounded up.
fn span(secs: f64) -> String {
    let whole = secs.clamp(0.0, 1e9) as i64;
    plain::duration(whole + i64::from(secs > whole as f64))
}

/// Neighbouring ports as ranges such as `ge-0/0/0-47`, in the notation of Mist.
fn rows(ports: &[String]) -> Vec<String> {
    let mut rows: Vec<(&str, u32, u32)> = Vec::new();
    let mut whole: Vec<String> = Vec::new();
    for port in ports {
        let parts = port.rsplit_once('/').and_then(|(row, nth)| Some((row, nth.parse().ok()?)));
        match (parts, rows.last_mut()) {
            (Some((row, nth)), Some((same, _, last))) if row == *same && *last + 1 == nth => {
                *last = nth;
            }
            (Some((row, nth)), _) => rows.push((row, nth, nth)),
            (None, _) => whole.push(port.clone()),
        }
    }
    let written = rows.into_iter().map(|(row, first, last)| match first == last {
        true => format!("{row}/{first}"),
        false => format!("{row}/{first}-{last}"),
    });
    written.chain(whole).collect()
}
