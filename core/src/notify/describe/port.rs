//! Our own reports about switch ports, in the JSON of `ports::text`.

use alloc::{
    borrow::{Cow, ToOwned},
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::{draft::Draft, subject};
use crate::{
    base::mac::Mac,
    event::{Detail, DeviceClass, Event},
    notify::{
        Link, Listing,
        links::{Dashboard, device_id},
        plain,
        types::Kind,
    },
};

/// The most rows of neighbouring ports in a sentence and in a fact.
const ROWS_MAX: usize = 4;
const ROWS_IN_FACT_MAX: usize = 12;

/// Describes a report about ports.
pub(super) fn describe(event: &Event<'_>, row: &Kind, dashboard: &Dashboard<'_>) -> Draft {
    let report = Report::of(event);
    let mut draft = Draft::of(row, event, &mut |name| report.value(name).map(Cow::Owned));
    draft.links = report.links(dashboard);
    draft.listing = report.listing();
    report.tell(&mut draft);
    draft
}

/// An access point, as far as it is known.
#[derive(Default)]
struct Ap {
    name: Option<String>,
    mac: Option<Mac>,
}

/// One port's change.
struct Change {
    port: String,
    mode: String,
    ap: Ap,
    because: Option<String>,
    took: f64,
    lines: Vec<String>,
}

struct Report<'e> {
    event: &'e Event<'e>,
    /// The access point of a report without changes.
    ap: Ap,
    changes: Vec<Change>,
    ports: Vec<String>,
}

impl<'e> Report<'e> {
    fn of(event: &'e Event<'e>) -> Self {
        let changes = event.get("changes").map(Detail::items).unwrap_or_default();
        Self {
            event,
            ap: Ap::of(|name| event.text(name)),
            changes: changes.into_iter().map(Change::of).collect(),
            ports: plain::each(&event.texts("ports"), plain::name),
        }
    }

    /// The value of a name in the row's sentence.
    fn value(&self, name: &str) -> Option<String> {
        match name {
            "ap" => self.ap.called(),
            "because" => self.because(),
            "hold" => Some(span(self.event.get("hold")?.number()?)),
            "mode" => self.mode(),
            "next" => self.next(),
            "ports" => self.placed(),
            "whom" => self.whom(),
            _ => None,
        }
    }

    /// `port ge-0/0/7 of switch "sw-1" at site HQ`
    fn placed(&self) -> Option<String> {
        let rows = rows(&self.ports);
        let ports = match (self.ports.as_slice(), rows.len()) {
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
        let name = self.event.text("switch");
        let mac = self.event.text("switch_mac").and_then(|mac| Mac::parse(&mac));
        subject::called("switch", name.as_deref(), mac.filter(|_| name.is_none()))
    }

    /// `mode ap`, or `mode ap (30) and mode default (18)`.
    fn mode(&self) -> Option<String> {
        let modes = self.modes();
        let is_one = modes.len() == 1;
        let each: Vec<_> = modes
            .iter()
            .map(|(mode, ports)| match is_one {
                true => format!("mode {mode}"),
                false => format!("mode {mode} ({})", ports.len()),
            })
            .collect();
        plain::non_empty(plain::list(&each, each.len()))
    }

    /// The ports by mode.
    fn modes(&self) -> BTreeMap<&str, Vec<String>> {
        let mut modes: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for change in &self.changes {
            modes.entry(&change.mode).or_default().push(change.port.clone());
        }
        modes
    }

    /// For a report about one change: `for AP "Reception"`, `after AP "Reception" left`.
    fn whom(&self) -> Option<String> {
        let [Change { ap, mode, .. }] = self.changes.as_slice() else {
            return None;
        };
        let ap = ap.called()?;
        Some(if mode == "ap" { format!("for {ap}") } else { format!("after {ap} left") })
    }

    /// The reason why nothing was changed, or the reason of a single change.
    fn because(&self) -> Option<String> {
        let own = self.event.text("because").map(|words| plain::clean(&words));
        let of_change = || match self.changes.as_slice() {
            [Change { because, .. }] => because.clone(),
            [] | [_, _, ..] => None,
        };
        let words = own.or_else(of_change)?;
        plain::non_empty(words.trim_end_matches('.').to_owned())
    }

    /// What happens next with the port or the ports.
    fn next(&self) -> Option<String> {
        let attempt = self.event.get("attempt").and_then(Detail::integer);
        let after = self.event.get("after").and_then(Detail::number).map(span);
        let is_lasting = self.event.text("lasting").is_some();
        let is_unknown = self.event.kind().is_some_and(|kind| kind == "PORT_UNCONFIRMED");
        let (it_is, it_waits, port) = match self.ports.len() {
            0 | 1 => ("It is", "It waits", "the port"),
            _ => ("They are", "They wait", "the ports"),
        };
        Some(match (attempt, after) {
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
            (None, None) if is_lasting => {
                format!("{it_is} judged again when there is news of {port}")
            }
            (None, None) => format!("{it_waits} until that is over"),
        })
    }

    /// Adds the facts.
    fn tell(&self, draft: &mut Draft) {
        let event = self.event;
        let time = |name: &str| Some(span(event.get(name)?.number()?));
        draft.maybe("Switch", event.text("switch"));
        draft.maybe("Switch MAC", event.text("switch_mac").map(|mac| plain::mac(&mac)));
        draft.maybe("Site", subject::site(event));
        let modes = self.modes();
        if modes.len() > 1 {
            for (mode, ports) in modes {
                let ports = plain::list(&rows(&ports), ROWS_IN_FACT_MAX);
                draft.fact(&format!("Mode {mode}"), &ports);
            }
        } else {
            let label = if self.ports.len() == 1 { "Port" } else { "Ports" };
            draft.fact(label, &plain::list(&rows(&self.ports), ROWS_IN_FACT_MAX));
            draft.maybe("Mode", modes.into_keys().next());
        }
        let aps = self.changes.iter().map(|change| &change.ap).chain([&self.ap]);
        draft.several("AP", "APs", &aps.filter_map(Ap::short).collect::<Vec<_>>());
        if let Some(Ap { name: Some(_), mac: Some(mac) }) = self.one_ap() {
            draft.fact("AP MAC", &mac.to_string());
        }
        draft.maybe("Reason", self.reasons());
        let label = match (event.get("rule"), event.get("failure")) {
            (Some(_), _) => "Refusal",
            (None, Some(_)) => "Failure",
            (None, None) => "Reason",
        };
        draft.maybe(label, event.text("because"));
        draft.maybe("Rule", event.text("rule"));
        draft.maybe("Attempts", event.text("attempt"));
        draft.maybe("Next attempt in", time("after"));
        draft.maybe("Held for", time("hold"));
        if event.text("read_back").is_some() {
            let how = "reading the port back, as the answer to the change was lost";
            draft.fact("Confirmed by", how);
        }
        let took = self.changes.iter().map(|change| change.took).fold(0.0, f64::max);
        if took > 0.0 {
            let is_done = event.get("rule").or(event.get("failure")).is_none();
            draft.fact(if is_done { "Took" } else { "Open for" }, &span(took));
        }
    }

    /// The reasons of all changes, each with its number of changes if they differ.
    fn reasons(&self) -> Option<String> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for because in self.changes.iter().filter_map(|change| change.because.as_deref()) {
            *counts.entry(because).or_default() += 1;
        }
        let is_one = counts.len() == 1;
        let each: Vec<_> = counts
            .iter()
            .map(|(words, count)| match is_one {
                true => words.to_string(),
                false => format!("{words} ({count})"),
            })
            .collect();
        plain::non_empty(plain::list(&each, 3))
    }

    /// The access point of a report about one.
    const fn one_ap(&self) -> Option<&Ap> {
        match self.changes.as_slice() {
            [] => Some(&self.ap),
            [change] => Some(&change.ap),
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
        let [first, second] = if self.changes.is_empty() { [ap, switch] } else { [switch, ap] };
        first.into_iter().chain(second).collect()
    }

    /// The lines that were changed, or would be.
    fn listing(&self) -> Option<Listing> {
        let diff = self.event.get("diff").and_then(Detail::string);
        let mut listing = match diff {
            Some(diff) => Listing {
                label: "Difference".to_owned(),
                lines: diff.lines().map(str::to_owned).collect(),
            },
            None => Listing {
                label: "Configuration".to_owned(),
                lines: self.changes.iter().flat_map(|change| change.lines.clone()).collect(),
            },
        };
        if let Some(more) = self.event.get("left_out").and_then(Detail::integer) {
            listing.lines.push(format!("… {more} more in the audit file"));
        }
        (!listing.lines.is_empty()).then_some(listing)
    }
}

impl Ap {
    /// From the members of an event, or of a change in it.
    fn of<'t>(text: impl Fn(&str) -> Option<Cow<'t, str>>) -> Self {
        Self {
            name: text("ap_name").map(|name| plain::name(&name)),
            mac: text("ap").and_then(|mac| Mac::parse(&mac)),
        }
    }

    /// `AP "Reception"`, or `the AP with MAC 5c:5b:35:00:00:01`.
    fn called(&self) -> Option<String> {
        let mac = self.mac.filter(|_| self.name.is_none());
        let is_known = self.name.is_some() || mac.is_some();
        is_known.then(|| subject::called("AP", self.name.as_deref(), mac))
    }

    /// The name, else the MAC.
    fn short(&self) -> Option<String> {
        self.name.clone().or_else(|| Some(self.mac?.to_string()))
    }
}

impl Change {
    fn of(json: Detail<'_>) -> Self {
        let text = |name: &str| json.get(name).and_then(Detail::text);
        Self {
            port: text("port").map(|port| plain::name(&port)).unwrap_or_default(),
            mode: text("mode").map(|mode| plain::name(&mode)).unwrap_or_default(),
            ap: Ap::of(text),
            because: text("because").map(|words| plain::clean(&words)),
            took: json.get("took").and_then(Detail::number).unwrap_or_default(),
            lines: json
                .get("lines")
                .into_iter()
                .flat_map(Detail::items)
                .filter_map(|line| line.string().map(Cow::into_owned))
                .collect(),
        }
    }
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
