//! `[chat.channels]` and `[[chat.route]]`: which event goes to which channel, and to whom.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::{borrow::Cow, string::String, string::ToString, sync::Arc, vec::Vec};

use super::problem::{Fault, meant, suggested};
use super::{reader::Item, section::Section, terms, terms::NEWER};
use crate::delivery::{batch::ChatId, config::Chat, config::Destination};
use crate::notify::{Severity, plain, topics};
use crate::route::{APPROVED, OTHERS, Routes, Rule, SYSTEM, Target};
use crate::{event::Topic, incident::config::Escalation, matcher::Field};

/// What a value in `[chat.channels.<topic>]` must say to silence a type.
pub(super) const DROP: &str = "drop";
pub(super) const CHANNEL: &str = "up to 64 of a-z, 0-9, \"-\" and \"_\"";
pub(super) const CHANNEL_LEN_MAX: usize = 64;
/// The most tables `[[chat.route]]`.
const RULES_MAX: usize = 1_000;

/// The tables `[[chat.route]]`.
pub(super) fn rules(
    section: &Section<'_>,
    chat: &Chat,
    is_served: impl Fn(&str) -> bool,
) -> Vec<Rule> {
    let expected = "tables, such as [[chat.route]]";
    let rule = |section: &Section<'_>| {
        let matcher = terms::matcher(section.items(&Field::ALL.map(|(name, _)| name)));
        let expected = "a list of chats, such as [\"noc\"]";
        let names = section.required("to", expected).map(|item| item.elements(expected));
        let to = names.iter().flatten().filter_map(|item| chat_named(item, &chat.destinations));
        let to = to.collect();
        let item = section.item("channel");
        let channel = item.and_then(|item| {
            let name = item.judged("a channel's name", channel)?;
            check_channel(name, &item, &is_served);
            Some(name.to_string())
        });
        Rule { matcher, to, channel, continues: section.flag("continue") }
    };
    let tables = section.item("route").map(|item| item.elements(expected)).unwrap_or_default();
    if let Some(item) = tables.get(RULES_MAX) {
        item.problem("one more rule", alloc::format!("at most {RULES_MAX}"));
    }
    let mut rules: Vec<Rule> = Vec::new();
    for item in tables.iter().take(RULES_MAX) {
        let Some(rule) = item.section(rule) else { continue };
        let takes = |earlier: &Rule| !earlier.continues && earlier.matcher.covers(&rule.matcher);
        if let Some(place) = rules.iter().position(takes) {
            let what =
                alloc::format!("it never matches: chat.route[{place}] takes all of its events");
            item.warning(what, "the narrower rule first, or continue = true there");
        }
        rules.push(rule);
    }
    rules
}

/// The chat that a text names.
pub(super) fn chat_named(item: &Item<'_>, destinations: &[Destination]) -> Option<ChatId> {
    item.judged("the name of a chat", |name| {
        let found = destinations.iter().find(|to| *to.chat == *name);
        found.map(|to| Arc::clone(&to.chat)).ok_or_else(|| {
            let mut names: Vec<&str> = destinations.iter().map(|to| &*to.chat).collect();
            names.dedup();
            let otherwise = alloc::format!("one of {}", names.join(", "));
            Fault::of(name, "is no configured chat", suggested(name, &names, otherwise))
        })
    })
}

/// Warns of a channel that nothing serves, or that was meant to be another.
fn check_channel(name: &str, item: &Item<'_>, is_served: impl Fn(&str) -> bool) {
    let severities = Severity::ALL.map(Severity::name);
    if !severities.contains(&name) && meant(name, &severities).is_some() {
        item.warning("a channel of this name has no severity", suggested(name, &severities, ""));
    } else if !is_served(name) {
        let what = alloc::format!("no destination serves the channel \"{name}\"");
        item.warning(what, "a URL for it, or a default URL");
    }
}

/// The name of a channel.
pub(super) fn channel(name: &str) -> Result<&str, Fault> {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
    match (1..=CHANNEL_LEN_MAX).contains(&name.len()) && name.bytes().all(fits) {
        true => Ok(name),
        false => Err(Fault::of(name, "is not a channel's name", CHANNEL)),
    }
}

/// Reads `[chat.channels.<topic>]`: a target for each type.
pub(super) fn overrides(
    section: &Section<'_>,
    is_served: impl Fn(&str) -> bool,
) -> BTreeMap<String, BTreeMap<String, Target>> {
    const TOPICS: &str = "a table for each topic, such as [chat.channels.device-events]";
    const TYPES: &str = "a table of types, such as { AP_CONNECTED = \"info\" }";
    let topics = section.item("channels").and_then(|item| item.entries(TOPICS));
    let mut overrides = BTreeMap::new();
    for (topic, item) in topics.unwrap_or_default() {
        check_topic(topic, &item);
        let mut targets = BTreeMap::new();
        for (kind, item) in item.entries(TYPES).unwrap_or_default() {
            check_kind(topic, kind, &item);
            if let Some(target) = target(&item, &is_served) {
                targets.insert(kind.to_string(), target);
            }
        }
        check_any(topic, &targets, &item);
        overrides.insert(topic.to_string(), targets);
    }
    overrides
}

fn check_topic(topic: &str, item: &Item<'_>) {
    let names: Vec<_> = Topic::KNOWN.iter().map(Topic::name).collect();
    if names.contains(&topic) {
        return;
    }
    let parsed = Topic::parse(Cow::Borrowed(topic));
    if parsed.name() != topic {
        // Only a known topic in other letters is renamed by its parser.
        let expected = alloc::format!("\"{}\"", parsed.name());
        item.problem("topics are written in lower case", expected);
    } else if meant(topic, &names).is_some() {
        item.warning("no topic that we know", suggested(topic, &names, ""));
    }
}

fn check_kind(topic: &str, kind: &str, item: &Item<'_>) {
    if topic == Topic::Audits.name() && ![APPROVED, OTHERS, SYSTEM, "*"].contains(&kind) {
        let what = "audits have no types, so this names none of them";
        let expected = "approved_admins, other_admins, system or \"*\"";
        item.warning(what, expected);
    }
    let known = Topic::stored(topic);
    let names: Vec<&str> = topics::types(&known).map(|row| row.name).collect();
    if !names.is_empty() && kind != "*" && topics::find(&known, kind).is_none() {
        item.warning("no event type that we know", suggested(kind, &names, NEWER));
    }
}

/// Warns where `"*"` takes what is critical for something less.
fn check_any(topic: &str, targets: &BTreeMap<String, Target>, item: &Item<'_>) {
    let is_less = |name: &String| Severity::from_name(name).is_some_and(|s| s < Severity::Critical);
    match targets.get("*") {
        Some(Target::Drop) => {}
        Some(Target::Channel(name)) if is_less(name) => {}
        Some(Target::Channel(_)) | None => return,
    }
    let topic = Topic::stored(topic);
    let rows = topics::types(&topic).filter(|row| row.severity == Severity::Critical);
    let mut names: Vec<&str> = rows.map(|row| row.name).collect();
    if topic == Topic::Audits {
        names.extend([OTHERS, SYSTEM]);
    }
    names.retain(|name| !targets.keys().any(|key| key.eq_ignore_ascii_case(name)));
    if !names.is_empty() {
        let names = plain::list(&names, 3);
        let what = alloc::format!("\"*\" lowers what is critical: {names}");
        item.warning(what, "a line of its own for each that should stay critical");
    }
}

fn target(item: &Item<'_>, is_served: impl Fn(&str) -> bool) -> Option<Target> {
    let expected = "a channel's name, or \"drop\"";
    let name = item.judged(expected, channel)?;
    if name == DROP {
        return Some(Target::Drop);
    }
    check_channel(name, item, is_served);
    Some(Target::Channel(name.to_string()))
}

/// Warns of destinations and channels that no event reaches.
pub(super) fn check_reach(root: &Section<'_>, chat: &Chat, escalate: Option<&Escalation>) {
    let Routes { rules, overrides, ports_to, .. } = &*chat.routes;
    let takes_all = rules.iter().any(|rule| rule.matcher.is_empty());
    let escalated = escalate.into_iter().flat_map(|escalate| &escalate.to);
    let mut names: BTreeSet<&str> = escalated.map(String::as_str).collect();
    names.extend(rules.iter().flat_map(|rule| rule.to.iter().map(|to| &**to)));
    names.extend(chat.destinations.iter().filter_map(|to| to.fallback.as_deref()));
    let mut channels = BTreeSet::from(Severity::ALL.map(Severity::name));
    channels.extend(rules.iter().filter_map(|rule| rule.channel.as_deref()));
    channels.extend(ports_to.as_deref());
    channels.extend(overrides.values().flat_map(BTreeMap::values).filter_map(|to| match to {
        Target::Channel(name) => Some(name.as_str()),
        Target::Drop => None,
    }));
    for to in &chat.destinations {
        let name = &to.chat;
        if (to.is_named || takes_all) && names.insert(name) {
            let what = alloc::format!("nothing goes to {name}");
            root.warning("chat", what, "a rule chat.route that names it");
        }
        for channel in to.channels.iter().filter(|channel| !channels.contains(channel.as_str())) {
            let what = alloc::format!("nothing goes to the channel \"{channel}\" of {name}");
            root.warning("chat", what, "a rule or a type in chat.channels that names it");
        }
    }
}
