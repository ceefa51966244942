//! `[chat.channels]` and `[[chat.route]]`: which event goes to which channel, and to whom.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::{borrow::Cow, sync::Arc, vec::Vec};

use super::problem::{Fault, meant};
use super::{reader::Item, section::Section, terms};
use crate::delivery::config::Chat;
use crate::event::Topic;
use crate::matcher::Field;
use crate::notify::{Severity, topics};
use crate::route::{Rule, Target};

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
    let mut names: Vec<&str> = chat.destinations.iter().map(|to| &*to.chat).collect();
    names.dedup();
    let to = |item: &Item<'_>| {
        item.judged("the name of a chat", |name| {
            let found = chat.destinations.iter().find(|to| *to.chat == *name);
            found.map(|to| Arc::clone(&to.chat)).ok_or_else(|| {
                let expected = match meant(name, &names) {
                    Some(meant) => alloc::format!("did you mean \"{meant}\"?"),
                    None => alloc::format!("one of {}", names.join(", ")),
                };
                Fault::of(name, "is no configured chat", expected)
            })
        })
    };
    let rule = |section: &Section<'_>| {
        let matcher = terms::matcher(section.items(&Field::ALL.map(|(name, _)| name)));
        let expected = "a list of chats, such as [\"noc\"]";
        let names = section.required("to", expected).map(|item| item.elements(expected));
        let to = names.iter().flatten().filter_map(to).collect();
        let item = section.item("channel");
        let channel = item.and_then(|item| {
            let name = item.judged("a channel's name", channel)?;
            match Severity::ALL.iter().find(|known| meant(name, &[known.name()]).is_some()) {
                Some(known) if name != known.name() => {
                    let expected = alloc::format!("did you mean \"{}\"?", known.name());
                    item.warning("a channel of this name has no severity", expected);
                }
                Some(_) | None if !is_served(name) => {
                    let what = alloc::format!("no destination serves the channel \"{name}\"");
                    item.warning(what, "a URL for it, or a default URL");
                }
                Some(_) | None => {}
            }
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
        let ends = rules.iter().position(|rule| rule.matcher.is_empty() && !rule.continues);
        if let Some(place) = ends {
            let what = alloc::format!("it is never reached: chat.route[{place}] takes everything");
            item.warning(what, "the rule for everything last, or continue = true there");
        }
        rules.extend(item.section(rule));
    }
    rules
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
    } else if let Some(meant) = meant(topic, &names) {
        let expected = alloc::format!("did you mean \"{meant}\"?");
        item.warning("no topic that we know", expected);
    }
}

fn check_kind(topic: &str, kind: &str, item: &Item<'_>) {
    const ADMINS: &[&str] = &["approved_admins", "other_admins", "system"];
    if topic == Topic::Audits.name() && kind != "*" && !ADMINS.contains(&kind) {
        let what = "audits have no types, so this names none of them";
        let expected = "approved_admins, other_admins, system or \"*\"";
        item.warning(what, expected);
    }
    let is_ours = topic == Topic::Mistgate.name();
    if is_ours && kind != "*" && topics::find(&Topic::Mistgate, kind).is_none() {
        let names: Vec<_> = topics::types(&Topic::Mistgate).map(|row| row.name).collect();
        let expected = match meant(&kind.to_ascii_uppercase(), &names) {
            Some(meant) => alloc::format!("did you mean \"{meant}\"?"),
            None => alloc::format!("one of {}", names.join(", ")),
        };
        item.warning("mistgate has no events of this type", expected);
    }
}

fn target(item: &Item<'_>, is_served: impl Fn(&str) -> bool) -> Option<Target> {
    let expected = "a channel's name, or \"drop\"";
    let name = item.judged(expected, channel)?;
    if name == DROP {
        return Some(Target::Drop);
    }
    if !is_served(name) {
        let what = alloc::format!("no destination serves the channel \"{name}\"");
        item.warning(what, "a URL for it, or a default_url");
    }
    Some(Target::Channel(name.to_string()))
}
