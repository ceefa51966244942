//! Which channel an event goes to, to whom there, and why.
//!
//! The operator's configuration decides first: ignored sites, then the override of the type, then
//! the topic's `*`, then `ports.report_to` for reports on switch ports. Everything else follows the
//! built-in table, which is MWTT's published configuration.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::{borrow::ToOwned, format, string::String, string::ToString, sync::Arc, vec::Vec};
use core::fmt;

use serde_json::json;

use crate::event::{Detail, Event, Topic, mail_address};
use crate::notify::{DASHBOARD, ORG, SEND_TEST, Severity, change::changes, plain, topics, types};
use crate::{matcher, matcher::Field, matcher::Matcher, notify::change::Change};

/// The key under which the operator routes every type of a topic that is not named.
const ANY: &str = "*";
/// Changes by an administrator whom the operator approves of.
pub(crate) const APPROVED: &str = "approved_admins";
/// Changes by any other administrator.
pub(crate) const OTHERS: &str = "other_admins";
/// Changes without an administrator: by Mist itself, or by an API token, which anybody may hold.
pub(crate) const SYSTEM: &str = "system";

/// The operator's wishes about channels; what they do not name follows the built-in table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routes {
    /// Topic to type (or `*`) to target.
    pub overrides: BTreeMap<String, BTreeMap<String, Target>>,
    /// Mail addresses of administrators whose changes are expected.
    pub approved_admins: Vec<String>,
    /// Sites whose events are dropped.
    pub ignored_sites: Vec<String>,
    /// The channel for what happens to switch ports, in place of that of each type.
    pub ports_to: Option<String>,
    /// The organisations that have a name.
    pub orgs: Arc<Vec<Org>>,
    /// To whom: the first that matches decides, and those after it where it says so.
    pub rules: Vec<Rule>,
}

/// A table `[[chat.route]]`: to whom an event goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub matcher: Matcher,
    /// The names of chats.
    pub to: Vec<Arc<str>>,
    /// The channel in place of that of the event's type.
    pub channel: Option<String>,
    /// Whether the rules after it count too.
    pub continues: bool,
}

/// As a sentence: `What is of site EMEA-* goes to noc and oncall, in channel critical`.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { matcher, to, channel, continues } = self;
        let terms = |(name, field): &(&str, Field)| {
            let values = matcher.terms().filter(|(of, _)| of == name).map(|(_, value)| value);
            let values = values.collect::<Vec<_>>().join(" or ");
            let more = if *field == Field::Severity { " or worse" } else { "" };
            (!values.is_empty()).then(|| format!("of {name} {values}{more}"))
        };
        let terms: Vec<String> = Field::ALL.iter().filter_map(terms).collect();
        f.write_str(if terms.is_empty() { "Everything" } else { "What is " })?;
        write!(f, "{} goes to {}", plain::list(&terms, terms.len()), plain::list(to, to.len()))?;
        if let Some(channel) = channel {
            write!(f, ", in channel {channel}")?;
        }
        f.write_str(if *continues { ", and on to the next rule" } else { "" })
    }
}

/// What is said of the events of an organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Org {
    pub id: String,
    pub name: String,
    pub dashboard_host: String,
    /// Whether its access points are not those of `[ports]`.
    pub is_other: bool,
}

impl Org {
    /// The text of one of its events, with what is said of it.
    pub fn tell(&self, event: &Event<'_>) -> String {
        let (name, host) = (json!(self.name), json!(self.dashboard_host));
        let members = event.raw().trim_start_matches('{');
        format!("{{\"{ORG}\":{name},\"{DASHBOARD}\":{host},{members}")
    }
}

impl Routes {
    /// The topics of Mist of which some event goes to a channel.
    pub fn topics(&self) -> BTreeSet<String> {
        let known = Topic::KNOWN.iter().map(Topic::name);
        let names: BTreeSet<&str> =
            known.chain(self.overrides.keys().map(String::as_str)).collect();
        let topic = |name: &str| Topic::parse(name.to_owned().into());
        let goes = |topic: &Topic<'_>| {
            let targets = self.targets(topic);
            let is_named = targets.is_some_and(|targets| targets.values().any(is_channel));
            let is_closed = targets.is_some_and(|targets| targets.contains_key(ANY));
            is_named || (!is_closed && has_default(topic))
        };
        let is_mist =
            |topic: &Topic<'_>| *topic != Topic::Ping && topic.name() != Topic::Mistgate.name();
        let topics = names.into_iter().map(topic).filter(|topic| is_mist(topic) && goes(topic));
        topics.map(|topic| topic.name().to_owned()).collect()
    }

    /// Whether an event of this topic and type goes to a channel, whatever its site.
    pub fn takes(&self, topic: &Topic<'_>, kind: &str) -> bool {
        match self.targets(topic).and_then(|targets| target(targets, kind)) {
            Some((_, target)) => is_channel(target),
            None => has_default(topic),
        }
    }

    /// Whether a topic has a channel by the built-in tables, or a place in the configuration.
    pub fn knows(&self, topic: &Topic<'_>) -> bool {
        has_default(topic) || self.targets(topic).is_some()
    }

    /// The organisation of an event, if it has a name.
    pub fn org(&self, event: &Event<'_>) -> Option<&Org> {
        let id = event.org_id().filter(|_| !self.orgs.is_empty())?;
        self.orgs.iter().find(|org| org.id.eq_ignore_ascii_case(&id))
    }

    /// The operator's targets of a topic.
    fn targets(&self, topic: &Topic<'_>) -> Option<&BTreeMap<String, Target>> {
        Some(self.entry(topic)?.1)
    }

    fn entry(&self, topic: &Topic<'_>) -> Option<(&String, &BTreeMap<String, Target>)> {
        self.overrides.iter().find(|(name, _)| name.eq_ignore_ascii_case(topic.name()))
    }
}

/// The entry for a type, or else that for all others.
fn target<'r>(
    targets: &'r BTreeMap<String, Target>,
    kind: &str,
) -> Option<(&'r String, &'r Target)> {
    let exact = targets.iter().find(|(name, _)| name.eq_ignore_ascii_case(kind));
    exact.or_else(|| targets.get_key_value(ANY))
}

const fn is_channel(target: &Target) -> bool {
    matches!(target, Target::Channel(_))
}

/// Whether events of a topic have a built-in channel.
fn has_default(topic: &Topic<'_>) -> bool {
    matches!(topic, Topic::Audits) || topics::types(topic).next().is_some()
}

/// Where the operator wants a type to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// To the channel of this name.
    Channel(String),
    Drop,
}

/// Where an event goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision<'r> {
    /// The channel; `None` drops the event.
    pub channel: Option<&'r str>,
    /// The severity of its notification: the one that the channel is named after, else the type's.
    pub severity: Severity,
    /// The chats that it goes to, where they take this channel; none for all short forms.
    pub to: Option<Vec<Arc<str>>>,
    pub why: Why,
    /// The rules that took it, by their places in [`Routes::rules`].
    pub rules: Vec<usize>,
}

/// What decided where an event goes. Prints as the explanation of `mistgate route`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The alarm's type is not in the table; its own `severity` counts.
    AlarmSeverity {
        /// The type, as sent.
        kind: String,
        severity: String,
    },
    /// The built-in table, for this type or class of audits.
    Builtin {
        /// The type's name in the table, or the class.
        kind: &'static str,
    },
    /// The operator ignores the site.
    IgnoredSite,
    /// The topic has no built-in channel and the operator named none.
    NoDefault { topic: String },
    /// The operator's channel for what happens to switch ports.
    Ports {
        /// The type's name in the table.
        kind: &'static str,
    },
    /// The operator's configuration.
    Override {
        topic: String,
        /// The type or class in the configuration's spelling, or `*`.
        kind: String,
    },
    /// The type is not in the table.
    UnknownType {
        /// The type, as sent; empty where the event has none.
        kind: String,
    },
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlarmSeverity { kind, severity } => {
                write!(f, "unknown alarm {kind:?}, by its own severity {severity:?}")
            }
            Self::Builtin { kind } => write!(f, "built-in default for {kind}"),
            Self::IgnoredSite => f.write_str("site is ignored"),
            Self::NoDefault { topic } => {
                write!(f, "no channel for topic {topic:?}: [chat.channels] does not name it")
            }
            Self::Ports { kind } => write!(f, "ports.report_to for {kind}"),
            Self::Override { topic, kind } if kind == ANY => {
                write!(f, "override [chat.channels.{topic}] \"*\"")
            }
            Self::Override { topic, kind } => {
                write!(f, "override [chat.channels.{topic}] {kind}")
            }
            Self::UnknownType { kind } if kind.is_empty() => {
                f.write_str("event without a type, built-in default for unknown types")
            }
            Self::UnknownType { kind } => write!(f, "built-in default for unknown type {kind:?}"),
        }
    }
}

/// Decides where an event goes.
pub fn route<'r>(event: &Event<'_>, routes: &'r Routes) -> Decision<'r> {
    let mut decision = by_type(event, routes);
    if decision.channel.is_none() || decision.to.is_some() || routes.rules.is_empty() {
        return decision;
    }
    // Each rule gives a channel, at least that of the type. The worst of them counts.
    let mut given: Option<(Severity, Option<&'r str>)> = None;
    for (place, rule) in routes.rules.iter().enumerate() {
        if !is_met(&rule.matcher, event, decision.severity) {
            continue;
        }
        let channel = rule.channel.as_deref();
        let severity = channel.and_then(Severity::from_name).unwrap_or(decision.severity);
        if given.is_none_or(|(worst, _)| severity > worst) {
            given = Some((severity, channel.or(decision.channel)));
        }
        decision.rules.push(place);
        decision.to.get_or_insert_default().extend(rule.to.iter().cloned());
        if !rule.continues {
            break;
        }
    }
    if let Some((severity, channel)) = given {
        (decision.severity, decision.channel) = (severity, channel);
    }
    decision
}

/// Whether an event is what a rule is about. An alarm that names several devices is about each.
fn is_met(matcher: &Matcher, event: &Event<'_>, severity: Severity) -> bool {
    let (org, site, site_id) = (event.org_id(), event.text("site_name"), event.site_id());
    let (name, kind, admin) = (event.device_name(), event.kind(), event.text("admin_name"));
    let target = matcher::Target {
        org: org.as_deref(),
        site: site.as_deref(),
        site_id: site_id.as_deref(),
        device: name.as_deref(),
        mac: event.device_mac(),
        class: event.device_class(),
        topics: Vec::from([event.topic().name()]),
        kinds: kind.as_deref().into_iter().collect(),
        severity,
        admin: admin.as_deref(),
    };
    let of = |change: &Change| {
        let (device, mac) = (change.device.as_deref(), change.mac);
        matcher.matches(&matcher::Target { device, mac, ..target.clone() })
    };
    matcher.matches(&target) || (matcher.names(Field::Device) && changes(event).iter().any(of))
}

/// What the tables and `[chat.channels]` say.
fn by_type<'r>(event: &Event<'_>, routes: &'r Routes) -> Decision<'r> {
    let rules = Vec::new();
    let default = default(event, routes);
    let (severity, why) = match &default {
        Ok((severity, why)) => (*severity, why.clone()),
        Err(why) => (Severity::Info, why.clone()),
    };
    // Who wants to see one destination has signed for it.
    let to = event.get(SEND_TEST).and_then(Detail::string).map(|chat| Vec::from([chat.into()]));
    if is_ignored(event, routes) {
        return Decision { channel: None, severity, to, why: Why::IgnoredSite, rules };
    }
    if let Some((topic, kind, target)) = overriding(event, routes) {
        let channel = match target {
            Target::Channel(name) => Some(name.as_str()),
            Target::Drop => None,
        };
        return Decision {
            channel,
            severity: channel.and_then(Severity::from_name).unwrap_or(severity),
            to,
            why: Why::Override { topic: topic.to_owned(), kind: kind.to_owned() },
            rules,
        };
    }
    if let Why::Builtin { kind } = why
        && let Some(channel) = routes.ports_to.as_deref().filter(|_| types::is_of_ports(kind))
    {
        let why = Why::Ports { kind };
        return Decision { channel: Some(channel), severity, to, why, rules };
    }
    Decision { channel: default.is_ok().then_some(severity.name()), severity, to, why, rules }
}

/// The built-in severity, which names the built-in channel; an error where there is none.
fn default(event: &Event<'_>, routes: &Routes) -> Result<(Severity, Why), Why> {
    let kind = event.kind().unwrap_or_default();
    if let Some(row) = topics::find(event.topic(), &kind) {
        return Ok((row.severity, Why::Builtin { kind: row.name }));
    }
    let unknown = || Why::UnknownType { kind: kind.to_string() };
    let topic = event.topic();
    if *topic == Topic::Alarms {
        let sent = event.text("severity").unwrap_or_default();
        let severity = match sent.to_ascii_lowercase().as_str() {
            "critical" => Severity::Critical,
            "warn" | "warning" => Severity::Warning,
            "info" => Severity::Info,
            _ => return Ok((Severity::Info, unknown())),
        };
        let why = Why::AlarmSeverity { kind: kind.to_string(), severity: sent.into_owned() };
        return Ok((severity, why));
    }
    if *topic == Topic::Audits {
        let kind = audit_class(event, routes);
        let severity = if kind == APPROVED { Severity::Debug } else { Severity::Critical };
        return Ok((severity, Why::Builtin { kind }));
    }
    let has_types = topics::types(topic).next().is_some();
    has_types
        .then(|| (Severity::Info, unknown()))
        .ok_or_else(|| Why::NoDefault { topic: topic.name().to_owned() })
}

fn audit_class(event: &Event<'_>, routes: &Routes) -> &'static str {
    let Some(admin) = event.text("admin_name") else {
        return SYSTEM;
    };
    let address = mail_address(&admin);
    let approved =
        routes.approved_admins.iter().any(|approved| approved.trim().eq_ignore_ascii_case(address));
    match approved {
        true => APPROVED,
        false => OTHERS,
    }
}

fn is_ignored(event: &Event<'_>, routes: &Routes) -> bool {
    event.site_id().is_some_and(|site| {
        routes.ignored_sites.iter().any(|ignored| ignored.eq_ignore_ascii_case(&site))
    })
}

/// The operator's entry for the event, as topic, type and target.
fn overriding<'r>(event: &Event<'_>, routes: &'r Routes) -> Option<(&'r str, &'r str, &'r Target)> {
    let (topic, targets) = routes.entry(event.topic())?;
    let kind = match matches!(event.topic(), Topic::Audits) {
        true => audit_class(event, routes).into(),
        false => event.kind().unwrap_or_default(),
    };
    let (kind, target) = target(targets, &kind)?;
    Some((topic, kind, target))
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    fn decide(
        topic: &'static str,
        json: &str,
        routes: &Routes,
    ) -> (Option<String>, Severity, String) {
        let topic = match topic {
            "mistgate" => Topic::Mistgate,
            name => Topic::parse(name.into()),
        };
        let event = Event::parse(topic, json).expect("an object");
        let decision = route(&event, routes);
        (decision.channel.map(ToOwned::to_owned), decision.severity, decision.why.to_string())
    }

    fn overrides(topic: &str, entries: &[(&str, Target)]) -> Routes {
        let entries =
            entries.iter().map(|(kind, target)| ((*kind).to_owned(), target.clone())).collect();
        Routes {
            overrides: BTreeMap::from([(topic.to_owned(), entries)]),
            approved_admins: Vec::from(["Ann@example.net".to_owned()]),
            ignored_sites: Vec::from(["4AC1dcf4-9d8b-7211-65c4-057819f0862b".to_owned()]),
            ports_to: Some("noc".to_owned()),
            orgs: Arc::default(),
            rules: Vec::new(),
        }
    }

    fn rule(terms: &[(&str, &str)], to: &[&str], channel: &str, continues: bool) -> Rule {
        let mut matcher = Matcher::default();
        for (field, value) in terms {
            matcher.add(field, value).expect("a good term");
        }
        let to = to.iter().map(|name| (*name).into()).collect();
        let channel = (!channel.is_empty()).then(|| channel.to_owned());
        Rule { matcher, to, channel, continues }
    }

    #[test]
    fn the_first_rule_that_matches_decides_and_the_worst_channel_counts() {
        let routes = Routes {
            rules: Vec::from([
                rule(&[], &["siem"], "", true),
                rule(&[("site", "EMEA-*"), ("severity", "warning")], &["oncall"], "critical", true),
                rule(&[("site", "EMEA-*")], &["emea"], "debug", false),
                rule(&[("admin", "*@us.example")], &["us"], "", false),
                rule(&[("device", "5c5b35000002")], &["slack"], "", false),
                rule(&[("topic", "device-events"), ("site", "EMEA-9")], &["never"], "", false),
            ]),
            ..Routes::default()
        };
        for (topic, json, channel, to, rules) in [
            (
                "device-events",
                r#"{"type":"SW_PORT_BPDU_BLOCKED","site_name":"EMEA-1"}"#,
                "critical",
                &["siem", "oncall", "emea"][..],
                &[0, 1, 2][..],
            ),
            // Of several rules the worst channel counts, also that of the type.
            (
                "device-events",
                r#"{"type":"AP_CONNECTED","site_name":"emea-2"}"#,
                "info",
                &["siem", "emea"],
                &[0, 2],
            ),
            // A pattern does not match a name that nobody knows.
            ("device-events", r#"{"type":"AP_CONNECTED","site_id":"e"}"#, "info", &["siem"], &[0]),
            (
                "audits",
                r#"{"message":"m","admin_name":"Bob bob@us.example"}"#,
                "critical",
                &["siem", "us"],
                &[0, 3],
            ),
            (
                "alarms",
                r#"{"type":"device_down","aps":["5c5b35000001","5c5b35000002"]}"#,
                "warning",
                &["siem", "slack"],
                &[0, 4],
            ),
        ] {
            let event = Event::parse(Topic::parse(topic.into()), json).expect("an object");
            let decision = route(&event, &routes);
            let named: Vec<&str> = decision.to.iter().flatten().map(|name| &**name).collect();
            assert_eq!((decision.channel, &*named), (Some(channel), to), "{json}");
            assert_eq!(decision.rules, rules, "{json}");
        }
        let dropped = r#"{"type":"NAC_CLIENT_DENY"}"#;
        let event = Event::parse(Topic::parse("nac-events".into()), dropped).expect("an object");
        assert_eq!(route(&event, &routes).to, None);
    }

    fn to(channel: &str) -> Target {
        Target::Channel(channel.to_owned())
    }

    #[test]
    fn types_go_to_their_built_in_channel() {
        let routes = Routes::default();
        for (topic, json, channel, why) in [
            ("device-events", r#"{"type":"AP_CONFIG_FAILED"}"#, "critical", "AP_CONFIG_FAILED"),
            (
                "device-events",
                r#"{"type":"SW_PORT_BPDU_BLOCKED"}"#,
                "warning",
                "SW_PORT_BPDU_BLOCKED",
            ),
            ("device-updowns", r#"{"type":"gw_disconnected"}"#, "info", "GW_DISCONNECTED"),
            ("mxedge-events", r#"{"type":"ME_SERVICE_CRASHED"}"#, "critical", "ME_SERVICE_CRASHED"),
            ("alarms", r#"{"type":"rogue_ap"}"#, "critical", "rogue_ap"),
            ("alarms", r#"{"type":"MISSING_VLAN"}"#, "critical", "missing_vlan"),
            ("mistgate", r#"{"type":"DESTINATION_PARKED"}"#, "critical", "DESTINATION_PARKED"),
        ] {
            let decision = decide(topic, json, &routes);
            assert_eq!(decision.0.as_deref(), Some(channel), "{json}");
            assert_eq!(decision.2, format!("built-in default for {why}"));
        }
    }

    #[test]
    fn what_happens_to_ports_goes_where_the_operator_wants_it_and_looks_as_it_is() {
        let stuck = r#"{"type":"PORT_STUCK"}"#;
        let decision = decide("mistgate", stuck, &Routes::default());
        assert_eq!((decision.0.as_deref(), decision.1), (Some("critical"), Severity::Critical));
        let mut routes = overrides("mistgate", &[("PORT_KEPT", Target::Drop)]);
        let decision = decide("mistgate", stuck, &routes);
        assert_eq!((decision.0.as_deref(), decision.1), (Some("noc"), Severity::Critical));
        assert_eq!(decision.2, "ports.report_to for PORT_STUCK");
        let chats = decide("mistgate", r#"{"type":"DESTINATION_PARKED"}"#, &routes);
        assert_eq!(chats.0.as_deref(), Some("critical"));
        assert_eq!(decide("mistgate", r#"{"type":"PORT_KEPT"}"#, &routes).0, None);
        routes = overrides("mistgate", &[("*", to("debug"))]);
        let decision = decide("mistgate", stuck, &routes);
        assert_eq!((decision.0.as_deref(), decision.1), (Some("debug"), Severity::Debug));
    }

    #[test]
    fn unknown_types_speak_for_themselves() {
        let routes = Routes::default();
        let alarm = decide("alarms", r#"{"type":"new_x","severity":"warn"}"#, &routes);
        assert_eq!((alarm.0.as_deref(), alarm.1), (Some("warning"), Severity::Warning));
        assert_eq!(alarm.2, "unknown alarm \"new_x\", by its own severity \"warn\"");
        let event = decide("device-events", r#"{"type":"SW_NEW"}"#, &routes);
        assert_eq!(event.0.as_deref(), Some("info"));
        assert_eq!(event.2, "built-in default for unknown type \"SW_NEW\"");
        assert_eq!(decide("alarms", r#"{"type":"x"}"#, &routes).0.as_deref(), Some("info"));
    }

    #[test]
    fn the_operator_s_word_comes_first() {
        let routes = overrides(
            "device-events",
            &[
                ("ap_disconnected", to("critical")),
                ("SW_PORT_UP", Target::Drop),
                ("AP_CONFIG_FAILED", to("noc")),
                ("*", to("debug")),
            ],
        );
        let named = decide("device-events", r#"{"type":"AP_DISCONNECTED"}"#, &routes);
        assert_eq!((named.0.as_deref(), named.1), (Some("critical"), Severity::Critical));
        assert_eq!(named.2, "override [chat.channels.device-events] ap_disconnected");
        let dropped = decide("device-events", r#"{"type":"SW_PORT_UP"}"#, &routes);
        assert_eq!(dropped.0, None);
        let own = decide("device-events", r#"{"type":"AP_CONFIG_FAILED"}"#, &routes);
        assert_eq!((own.0.as_deref(), own.1), (Some("noc"), Severity::Critical));
        let rest = decide("device-events", r#"{"type":"AP_CONNECTED"}"#, &routes);
        assert_eq!((rest.0.as_deref(), rest.1), (Some("debug"), Severity::Debug));
        assert_eq!(rest.2, "override [chat.channels.device-events] \"*\"");
        let other = decide("device-updowns", r#"{"type":"AP_CONNECTED"}"#, &routes);
        assert_eq!(other.0.as_deref(), Some("info"));
    }

    #[test]
    fn a_topic_is_wanted_where_some_type_of_it_goes_somewhere() {
        let built_in = ["alarms", "audits", "device-events", "device-updowns", "mxedge-events"];
        assert_eq!(Vec::from_iter(Routes::default().topics()), built_in);
        let mut routes = overrides("alarms", &[("*", Target::Drop)]);
        routes.overrides.extend(overrides("zone", &[("*", to("info"))]).overrides);
        routes.overrides.extend(overrides("mistgate", &[("*", to("info"))]).overrides);
        routes.overrides.extend(overrides("site-sle", &[("x", Target::Drop)]).overrides);
        let only_down = [("*", Target::Drop), ("ap_disconnected", to("info"))];
        routes.overrides.extend(overrides("device-updowns", &only_down).overrides);
        let wanted = ["audits", "device-events", "device-updowns", "mxedge-events", "zone"];
        assert_eq!(Vec::from_iter(routes.topics()), wanted);
        assert!(routes.takes(&Topic::DeviceUpdowns, "AP_DISCONNECTED"));
        assert!(!routes.takes(&Topic::DeviceUpdowns, "AP_CONNECTED"));
        assert!(routes.takes(&Topic::DeviceEvents, "NEW_TYPE") && routes.takes(&Topic::Audits, ""));
        assert!(!routes.takes(&Topic::Alarms, "rogue_ap"));
        assert!(!routes.takes(&Topic::parse("client-join".into()), ""));
    }

    #[test]
    fn an_ignored_site_is_silent() {
        let routes = overrides("device-events", &[("*", to("critical"))]);
        let site = r#"{"type":"AP_CONNECTED","site_id":"4ac1dcf4-9d8b-7211-65c4-057819f0862b"}"#;
        let decision = decide("device-events", site, &routes);
        assert_eq!((decision.0, decision.2.as_str()), (None, "site is ignored"));
    }

    #[test]
    fn audits_go_by_who_acted() {
        let routes = overrides("audits", &[("system", to("noc"))]);
        let admin = |name: &str| format!(r#"{{"message":"m","admin_name":{name}}}"#);
        let approved = decide("audits", &admin(r#""Ann B ann@example.net""#), &routes);
        assert_eq!(approved.0.as_deref(), Some("debug"));
        assert_eq!(approved.2, "built-in default for approved_admins");
        let disguised = decide("audits", &admin(r#""ann@example.net eve@example.net""#), &routes);
        assert_eq!(disguised.0.as_deref(), Some("critical"));
        assert_eq!(decide("audits", &admin("null"), &routes).0.as_deref(), Some("noc"));
        let system = decide("audits", &admin("null"), &Routes::default());
        assert_eq!(system.0.as_deref(), Some("critical"));
        assert_eq!(system.2, "built-in default for system");
    }

    #[test]
    fn topics_without_a_table_are_dropped_unless_the_operator_wants_them() {
        let quiet = decide("nac-events", r#"{"type":"NAC_CLIENT_DENY"}"#, &Routes::default());
        assert_eq!(quiet.0, None);
        assert_eq!(
            quiet.2,
            "no channel for topic \"nac-events\": [chat.channels] does not name it"
        );
        assert_eq!(decide("ping", "{}", &Routes::default()).0, None);
        let routes = overrides("nac-events", &[("*", to("warning"))]);
        let wanted = decide("nac-events", r#"{"type":"NAC_CLIENT_DENY"}"#, &routes);
        assert_eq!((wanted.0.as_deref(), wanted.1), (Some("warning"), Severity::Warning));
    }
}
