//! `[ports]`: what is done about switch ports, how, and what must not be done.

use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::{ops::RangeInclusive, time::Duration};

use super::{calendar::period, problem::Fault, reader::Item, routes, section::Section, units};
use crate::base::{calendar::Period, secret::Secret, time::UnixTime, window::Window};
use crate::ports::governor::{
    AbortAfter, Breaker, Limits, Lists, Policy, PortPattern, SwitchPattern,
};
use crate::ports::{decide::Check, edit::Edits, edit::MethodConfig};
use crate::ports::{outage, plan::input, plan::input::Drift, plan::input::TwoPorts, port, probe};
use crate::{cso::Cso, junos::Junos, mist::Profiles};

mod cso;
mod junos;
mod mist;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
/// Waits of a minute or so; more than an hour would outlast the comparison with Mist.
const WAIT_BOUNDS: RangeInclusive<Duration> = Duration::from_millis(1)..=HOUR;

/// The section `[ports]` of the configuration.
#[derive(Clone, Debug)]
pub struct Ports {
    /// The policy of the plan, without what is known at run time only.
    pub plan: input::Config,
    /// How changes are made; `None` only while observing.
    pub method: Option<Method>,
    /// The chat channel for the reports (default info).
    pub report_to: String,
    /// The file that stops all changes while it exists (default `stop-ports` in the state folder).
    pub kill_switch: String,
    /// Where external programs may request a mode.
    pub external: Option<External>,
}

impl Ports {
    /// The policy of a plan. `wall` is the wall clock's time, and whether that is synchronised.
    pub fn plan(
        &self,
        ignored_sites: &[String],
        (wall, is_synchronised): (UnixTime, bool),
    ) -> input::Config {
        let ignored_sites = ignored_sites.into();
        input::Config { ignored_sites, wall, is_synchronised, ..self.plan.clone() }
    }
}

/// How changes are made: the section of the method in use.
#[derive(Clone, Debug)]
pub enum Method {
    Cso(Cso),
    Junos(Junos),
    Mist(Profiles),
}

impl Method {
    /// What a method's section means for the rest of the program.
    pub fn config(&self) -> &dyn MethodConfig {
        match self {
            Self::Cso(cso) => cso,
            Self::Junos(junos) => junos,
            Self::Mist(profiles) => profiles,
        }
    }
}

/// The section `[ports.external]` of the configuration.
#[derive(Clone, Debug)]
pub struct External {
    /// The path on the webhook listener.
    pub path: String,
    /// What the header `X-ClientApiKey` must hold.
    pub key: Secret,
}

impl External {
    /// The path where none is configured.
    pub const PATH: &str = "/external";

    /// Whether it can be configured as the path.
    pub fn is_path(text: &str) -> bool {
        units::path(text, "").is_ok()
    }
}

/// `[ports]`. What is wrong is noted; what is returned is complete.
pub(super) fn ports(section: &Section<'_>, state_dir: Option<&str>) -> Option<Ports> {
    let is_observing = is_observing(section);
    let kill_switch = match section.item("kill_switch") {
        Some(item) => item.file_path(),
        None => state_dir.map(|folder| alloc::format!("{folder}/stop-ports")),
    };
    let report_to = section.judged("report_to", "the name of a channel", routes::channel);
    let mut method = method(section, is_observing);
    let verify = section.duration("verify", Duration::from_secs(60), SECOND..=HOUR);
    let base = match &method {
        Some(Some(Method::Junos(junos))) => junos.clone(),
        Some(Some(Method::Cso(_) | Method::Mist(_)) | None) | None => Junos::default(),
    };
    let expected = "[[ports.template]] with switch, model or site, and what differs for them";
    let template = |item: &Item<'_>| item.section(|one| junos::template_of(one, &base)).flatten();
    let templates = section.list("template", expected, template).unwrap_or_default();
    if let Some(Some(Method::Junos(junos))) = &mut method {
        (junos.verify, junos.templates) = (verify, templates);
    }
    let external = section.section("external", external).flatten();
    let drifts = [("tell", Drift::Tell), ("repair", Drift::Repair)];
    let drift = section.choice("drift", "\"tell\" or \"repair\"", "is no such thing", &drifts);
    let expected = "\"tell\", \"first\" or \"both\"";
    let choices = [("tell", TwoPorts::Tell), ("first", TwoPorts::First), ("both", TwoPorts::Both)];
    let two_ports = section.choice("two_ports", expected, "is not one of them", &choices);
    let chosen = method.as_ref().and_then(Option::as_ref);
    let plan = input::Config {
        probe: probe::Config {
            settle: section.duration("settle", Duration::from_secs(60), WAIT_BOUNDS),
            check: check(section),
            wait: section.duration("disconnect_wait", Duration::from_secs(30), WAIT_BOUNDS),
        },
        port: port::Config { attempts_max: section.count("attempts", 6, 1..=100) },
        governor: governor(section),
        edits: chosen.map_or_else(Edits::unwritten, |method| method.config().edits()),
        is_observing,
        drift: match chosen {
            Some(Method::Junos(_) | Method::Mist(_)) => Some(drift.unwrap_or(Drift::Tell)),
            Some(Method::Cso(_)) | None => None,
        },
        ignored_sites: Vec::new(),
        one_sided_proof: section.flag("one_sided_proof"),
        two_ports: two_ports.unwrap_or(TwoPorts::Tell),
        reconcile_after: section.duration("reconcile", HOUR, Duration::from_secs(60)..=DAY),
        wall: UnixTime::default(),
        is_synchronised: false,
    };
    let report_to = report_to.unwrap_or("info").to_owned();
    Some(Ports { plan, method: method?, report_to, kill_switch: kill_switch?, external })
}

fn is_observing(section: &Section<'_>) -> bool {
    let expected = "\"observe\" or \"enforce\"";
    let modes = [("observe", true), ("enforce", false)];
    let mode = section.choice("mode", expected, "is not a mode", &modes);
    // Without a mode nothing is changed.
    mode.unwrap_or(true)
}

fn check(section: &Section<'_>) -> Check {
    let expected = "\"lldp\", \"outage\" or \"none\"";
    let outage = section.section("outage", outage).unwrap_or_default();
    let checks = [("lldp", Check::Lldp), ("none", Check::None), ("outage", Check::Outage(outage))];
    let check = section.choice("disconnect_check", expected, "is not a check", &checks);
    if check == Some(Check::None) {
        let what = "a port loses its configuration whenever its AP is out of reach";
        let expected = "\"lldp\", or \"outage\" where Mist does not know the switches";
        section.warning("disconnect_check", what, expected);
    }
    check.unwrap_or(Check::Lldp)
}

fn outage(section: &Section<'_>) -> outage::Policy {
    let default = outage::Policy::default();
    let min_percent = section.count("min_percent", default.min_percent, 1..=100);
    let policy = outage::Policy {
        window: section.duration("window", default.window, SECOND..=HOUR),
        forget: section.duration("forget", default.forget, SECOND..=DAY * 366),
        min_percent,
    };
    if policy.forget <= policy.window {
        let what = "an AP would be taken for removed while its outage begins";
        section.conflict("forget", what, "more than window");
    }
    policy
}

/// Reads the section of a method.
type ReadMethod = fn(&Section<'_>) -> Option<Method>;

/// The sections of the methods, by their names.
const METHODS: [(&str, ReadMethod); 3] = [
    ("junos", |section| junos::junos(section).map(Method::Junos)),
    ("mist", |section| mist::profiles(section).map(Method::Mist)),
    ("cso", |section| cso::cso(section).map(Method::Cso)),
];

/// The method, which may be missing while observing. The outer `None` is a wrong one.
fn method(section: &Section<'_>, is_observing: bool) -> Option<Option<Method>> {
    let expected = "\"junos\", \"mist\" or \"cso\"";
    // The sections of methods that are not in use are checked too, so that they are right when
    // used.
    let methods = METHODS.map(|(name, read)| (name, section.section(name, read)));
    if section.lacks(&["method"]) {
        section.item("method");
        if is_observing {
            return Some(None);
        }
        section.missing("method", expected);
        return None;
    }
    let method = section.judged("method", expected, |text| {
        let method = methods
            .into_iter()
            .find(|(name, _)| *name == text)
            .ok_or_else(|| Fault::of(text, "is no method", expected))?;
        method.1.ok_or_else(|| {
            let what = alloc::format!("there is no section [ports.{text}]");
            Fault::new(what, "what this method needs to know")
        })
    })?;
    method.map(Some)
}

fn external(section: &Section<'_>) -> Option<External> {
    const PATH: &str = "a path such as \"/external\"";
    let path = section.judged("path", PATH, |text| units::path(text, PATH));
    let expected = "the key that the header X-ClientApiKey must hold";
    let key = section.required_secret("key", "key_file", expected)?;
    Some(External { path: path.unwrap_or(External::PATH).to_owned(), key })
}

fn governor(section: &Section<'_>) -> Policy {
    let any = || Lists {
        switches: Vec::from([SwitchPattern::new("*")]),
        ports: PortPattern::new("*").into_iter().collect(),
    };
    Policy {
        allow: section.section("allow", |section| lists(section, any())).unwrap_or_else(any),
        never: section
            .section("never", |section| lists(section, Lists::default()))
            .unwrap_or_default(),
        limits: section.section("limits", limits).unwrap_or_default(),
        breaker: breaker(section),
        freezes: freezes(section),
        approve_first: Some(section.count("approve_first", 0, 0..=10_000))
            .filter(|_| !section.lacks(&["approve_first"])),
        abort_after: section.section("abort_after", abort_after).unwrap_or_default(),
    }
}

fn abort_after(section: &Section<'_>) -> AbortAfter {
    let default = AbortAfter::default();
    AbortAfter {
        switch: section.count("switch", default.switch, 1..=1_000),
        all: section.count("all", default.all, 1..=1_000),
    }
}

/// Patterns; a list that is not there is the one of `absent`.
fn lists(section: &Section<'_>, absent: Lists) -> Lists {
    const SWITCH: &str = "a switch's name or MAC, or a pattern such as \"access-*\"";
    const PORT: &str = "a port such as \"ge-0/0/1\", \"ge-0/0/44-47\" or \"xe-*\"";
    let switch = |item: &Item<'_>| {
        item.judged(SWITCH, |text| {
            let fits = |b: u8| b.is_ascii_alphanumeric() || b"-_.:*".contains(&b);
            if !text.is_empty() && text.bytes().all(fits) {
                Ok(SwitchPattern::new(text))
            } else {
                Err(Fault::of(text, "matches no switch", SWITCH))
            }
        })
    };
    let port = |item: &Item<'_>| {
        item.judged(PORT, |text| {
            PortPattern::new(text).ok_or_else(|| Fault::of(text, "matches no port", PORT))
        })
    };
    let switches = section.list("switches", "a list of switches", switch);
    let ports = section.list("ports", "a list of ports", port);
    Lists { switches: switches.unwrap_or(absent.switches), ports: ports.unwrap_or(absent.ports) }
}

fn limits(section: &Section<'_>) -> Limits {
    const LIMIT: &str = "ports per time, such as \"48/m, 144/h\", or \"off\" for no limit";
    let default = Limits::default();
    let limit = |key, default: Vec<Window>| {
        let windows = section.judged(key, LIMIT, |text| {
            units::pace(text).map_err(|_| Fault::of(text, "is not a limit", LIMIT))
        });
        windows.unwrap_or(default)
    };
    Limits {
        switch: limit("switch", default.switch),
        site: limit("site", default.site),
        all: limit("all", default.all),
    }
}

/// `breaker = "off"`, or a table.
fn breaker(section: &Section<'_>) -> Option<Breaker> {
    let default = Breaker::default();
    let Some(item) = section.item("breaker") else { return Some(default) };
    if item.value.as_str() == Some("off") {
        return None;
    }
    let breaker = item.section(|section| Breaker {
        aps: section.count("aps", default.aps, 2..=10_000),
        window: section.duration("window", default.window, SECOND..=HOUR),
        hold: section.duration("hold", default.hold, SECOND..=DAY),
    });
    Some(breaker.unwrap_or(default))
}

fn freezes(section: &Section<'_>) -> Vec<Period> {
    let expected = "[[ports.freeze]] with name, days or dates, from and to";
    let freeze = |item: &Item<'_>| item.section(|freeze| period(freeze, "freeze")).flatten();
    section.list("freeze", expected, freeze).unwrap_or_default()
}

/// A required name.
fn name(section: &Section<'_>, key: &'static str, expected: &str) -> Option<String> {
    section.required(key, expected)?.judged(expected, units::name)
}

#[cfg(test)]
mod tests;
