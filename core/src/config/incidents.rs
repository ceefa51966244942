//! `[incidents]`: when what is wrong is told, and when it is not.

use alloc::{string::ToString, vec::Vec};
use core::{ops::RangeInclusive, time::Duration};

use super::{calendar, reader::Item, routes::chat_named, section::Section, terms};
use crate::{delivery::config::Chat, incident::config::Escalation};
use crate::{incident::config::Mute, incident::config::Rules, matcher::Matcher, notify::Severity};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);
/// The most mute times.
const MUTES_MAX: usize = 100;
/// How often something may come before it is flapping.
const FLAPS: RangeInclusive<usize> = 2..=20;

/// Reads `[incidents]`, all of whose keys may be absent.
pub(super) fn incidents(section: &Section<'_>, chat: &Chat) -> Rules {
    let default = Rules::default();
    let flap = section.section("flap", |flap| {
        let count = flap.count("count", default.flap_count, FLAPS);
        (count, flap.duration("window", default.flap_window, MINUTE..=DAY))
    });
    let (flap_count, flap_window) = flap.unwrap_or((default.flap_count, default.flap_window));
    Rules {
        hold: section.duration("hold", default.hold, Duration::ZERO..=MINUTE * 10),
        flap_count,
        flap_window,
        mute_dependents: section.flag_or("mute_dependents", default.mute_dependents),
        repeat: calendar::is_on(section, "repeat")
            .then(|| section.duration("repeat", DAY, MINUTE..=DAY * 7)),
        escalate: section.section("escalate", |section| escalation(section, chat)).flatten(),
        report: calendar::daily(section, "report"),
        mutes: mutes(section),
        max_event_age: default.max_event_age,
        unheard_after: default.unheard_after,
    }
}

fn escalation(section: &Section<'_>, chat: &Chat) -> Option<Escalation> {
    let expected = "a list of chats, such as [\"teams\"]";
    let to = section.required("to", expected)?;
    let read = |item: &Item<'_>| chat_named(item, &chat.destinations);
    let to = to.elements(expected).iter().filter_map(read).map(|name| name.to_string()).collect();
    let severities = Severity::ALL.map(|severity| (severity.name(), severity));
    let least = "\"debug\", \"info\", \"warning\" or \"critical\"";
    Some(Escalation {
        after: section.duration("after", MINUTE * 15, MINUTE..=DAY),
        to,
        severity: section
            .choice("severity", least, "is not a severity", &severities)
            .unwrap_or(Severity::Critical),
    })
}

fn mutes(section: &Section<'_>) -> Vec<Mute> {
    let mute = |item: &Item<'_>| {
        item.section(|section| {
            let period = calendar::period(section, "mute");
            let critical_too = section.flag("critical_too");
            let matcher = matcher(&section.required("match", TERMS)?)?;
            Some(Mute { matcher, period: period?, critical_too })
        })
    };
    let expected = "tables, such as [[incidents.mute]]";
    let mutes = section.list("mute", expected, |item| mute(item).flatten()).unwrap_or_default();
    if mutes.len() > MUTES_MAX {
        let what = alloc::format!("{} mute times", mutes.len());
        section.conflict("mute", what, alloc::format!("at most {MUTES_MAX}"));
    }
    mutes
}

const TERMS: &str = "a table such as { site = \"Lab-*\" }";

/// A table of terms, each a text or a list.
fn matcher(item: &Item<'_>) -> Option<Matcher> {
    let terms = item.entries(TERMS)?;
    if terms.is_empty() {
        item.problem("it would match everything", TERMS);
    }
    let matcher = terms::matcher(terms);
    (!matcher.is_empty()).then_some(matcher)
}
