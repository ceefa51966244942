//! Who is told of an incident, and in which words.

use alloc::{collections::BTreeMap, collections::BTreeSet, format, string::ToString, vec::Vec};

use super::{config::Escalation, entry::Entry, record::Incident, teller::Tellers, teller::Wanted};
use super::{input::Config, input::Name, teller::States, teller::Teller};
use crate::base::{order, time::Instant, time::UnixTime};
use crate::delivery::{batch::Chats, config::Chat, config::Destination};
use crate::notify::summary::{
    Line, News, Shown, State, about_one, also_down, also_open, daily, history, summary,
};
use crate::notify::{Fact, Link, Notification, Severity, change::Key, links::Dashboard};
use crate::notify::{change::group_thread, topics::describe, types::condition::Condition};
use crate::{event::Event, event::Topic, notify::summary};
use crate::{route::route, silence::MutedBy};

/// The most sites that a summary has buttons to.
const SITES_MAX: usize = 3;

/// How each incident is shown by a message, whether that is about one critical incident alone, and
/// the message.
pub(super) type Message = (States, bool, Notification);

/// The destinations of a channel, of these chats, that are told of states.
pub(super) fn destinations(
    chat: &Chat,
    tellers: &Tellers,
    channel: &str,
    chats: &Chats,
) -> Vec<Name> {
    let serving = chat.serving(channel).filter(|to| chats.contains(&to.chat));
    let names = serving.filter_map(|to| tellers.get_key_value(to.name.as_str()));
    names.map(|(name, _)| Name::clone(name)).collect()
}

/// Who helps with an incident that stays open.
pub(super) fn escalated(chat: &Chat, escalation: &Escalation, severity: Severity) -> Vec<Name> {
    named(chat, severity, |to| escalation.to.iter().any(|name| **name == *to.chat))
}

/// Who is told of critical incidents in place of a destination.
pub(super) fn fallback(chat: &Chat, stopped: &str) -> Vec<Name> {
    let stopped = chat.destinations.iter().find(|to| to.name == stopped);
    let fallback = stopped.and_then(|to| to.fallback.as_ref());
    named(chat, Severity::Critical, |to| fallback == Some(&to.chat))
}

fn named(chat: &Chat, severity: Severity, is_asked: impl Fn(&Destination) -> bool) -> Vec<Name> {
    let asked = chat.serving(severity.name()).filter(|to| is_asked(to));
    asked.map(|to| Name::from(to.name.as_str())).collect()
}

/// The destinations of an incident by a later configuration.
pub(super) fn routed(config: &Config, tellers: &Tellers, incident: &Incident) -> Vec<Name> {
    let Config { rules, chat, .. } = config;
    let mut names = BTreeSet::new();
    for source in &incident.sources {
        // Its members are those that routes ask for.
        let text = serde_json::json!({
            "type": source.kind.name, "site_id": incident.site_id, "site_name": incident.site,
            "org_id": incident.org_id, "device_name": incident.device, "mac": incident.mac,
            "device_type": incident.class,
        });
        let text = text.to_string();
        if let Some(event) = Event::parse(Topic::stored(&source.topic), &text) {
            let decision = route(&event, &chat.routes);
            let channel = decision.channel.unwrap_or_default();
            names.extend(destinations(chat, tellers, channel, &chat.chats_of(&decision)));
        }
    }
    if let Some(escalation) = rules.escalate.as_ref().filter(|_| incident.is_escalated) {
        names.extend(escalated(chat, escalation, incident.severity));
    }
    names.into_iter().collect()
}

/// The next message of a destination: about one incident, or all of them. `wall` is the time of
/// sending.
pub(super) fn compose(
    config: &Config,
    entries: &BTreeMap<Key, Entry>,
    teller: &Teller,
    now: Instant,
    wall: UnixTime,
) -> Option<Message> {
    let (keys, is_alone) = teller.next(now);
    let is_report = teller.is_report(is_alone);
    if keys.is_empty() && !is_report {
        return None;
    }
    let told_now: BTreeSet<Key> = order::collect(keys.iter().copied());
    let mut states = Vec::with_capacity(keys.len());
    let mut lines = Vec::with_capacity(teller.told.len());
    let mut others = Vec::new();
    let first = keys.iter().find_map(|key| entries.get(key)).filter(|_| teller.is_grouped);
    for (key, told) in &teller.told {
        let Some(entry) = entries.get(key) else { continue };
        if first.is_some_and(|first| group(first) != group(entry)) {
            continue;
        }
        let is_told_now = told_now.contains(key);
        let shown = match entry.wanted(now, &config.rules, teller.is_grouped) {
            Wanted::Shown(shown) => shown,
            Wanted::Held | Wanted::Muted => told.shown.filter(|_| entry.incident.is_open),
        };
        if is_told_now {
            states.push((*key, shown));
            lines.extend(line(&entry.incident, told.shown, shown));
        } else {
            others.extend(line(&entry.incident, shown, shown));
        }
    }
    if let Some(first) = first {
        lines.append(&mut others);
        let told = about_group(config, first, &lines, &mut states, wall);
        return Some((states, false, told));
    }
    // Of what a chat refuses to read, a message about others names nothing.
    let is_bounded = teller.bound().is_some();
    let unnamed = if is_bounded { core::mem::take(&mut others).len() } else { 0 };
    if let ([key], [line]) = (keys.as_slice(), lines.as_slice())
        && !is_report
    {
        let entry = entries.get(key)?;
        let mut notification = card(config, entry).unwrap_or_else(|| about_one(line, wall));
        if line.news == News::Known {
            notification.title = format!("Still: {}", notification.title);
        }
        let is_asked = entry.incident.is_escalated || line.news == News::Known;
        if is_asked && entry.incident.is_open && entry.incident.acknowledged.is_none() {
            notification.summary.push_str(" Nobody has acknowledged it.");
        }
        let told_at = teller.told.get(key)?.at;
        notification.facts.extend(history(line, entry.incident.times, told_at, wall));
        notification.facts.extend(also_down(&behind(&entry.incident, entries)));
        notification.facts.extend(also_open(&others, unnamed));
        return Some((states, is_alone, notification));
    }
    lines.append(&mut others);
    let notification = summary(&lines, unnamed, wall);
    let links = sites(config, keys.iter().filter_map(|key| entries.get(key)));
    Some((states, is_alone, Notification { links, ..notification }))
}

/// Links to the first few sites of incidents, as far as their events are still there.
fn sites<'a>(config: &Config, of: impl Iterator<Item = &'a Entry>) -> Vec<Link> {
    let mut seen = BTreeSet::new();
    let first = of.filter(|entry| seen.insert(&entry.incident.site_id));
    let links = first.filter_map(|entry| {
        let event = entry.incident.event.as_ref()?;
        let event = Event::parse(Topic::stored(&event.topic), &event.text)?;
        Dashboard::new(&event, &config.dashboard_host).site()
    });
    links.take(SITES_MAX).collect()
}

/// Condition and site of an incident, which those who are told of groups are told of together.
fn group(entry: &Entry) -> [&str; 3] {
    let Incident { org_id, site_id, site, .. } = &entry.incident;
    let site = site_id.as_deref().or(site.as_deref());
    [org_id.as_deref(), site, Some(entry.incident.condition())].map(Option::unwrap_or_default)
}

/// The message about all incidents of one condition at one site, with the card of a single one.
fn about_group(
    config: &Config,
    first: &Entry,
    lines: &[Line<'_>],
    states: &mut States,
    wall: UnixTime,
) -> Notification {
    let mut told = summary::group(lines, wall);
    told.links = sites(config, [first].into_iter());
    told.thread = Some(group_thread(group(first)));
    if let (Some(card), [_]) = (card(config, first), lines) {
        (told.summary, told.links) = (card.summary, card.links);
        told.facts.retain(|fact| fact.label == "Condition");
        told.facts.extend(card.facts);
    }
    let is_cared_for = |line: &Line<'_>| line.is_acknowledged || line.state == State::Over;
    let is_new = lines.iter().any(|line| line.news == News::New);
    let is_acknowledged = lines.iter().all(is_cared_for);
    told.is_acknowledged = is_acknowledged && !is_new;
    if is_acknowledged && is_new {
        // What nobody was told cannot be acknowledged there: the next message does that.
        for (_, shown) in states {
            *shown = shown.map(|shown| Shown::Open(shown.severity()));
        }
    }
    told
}

/// Makes a daily report of a summary: what is silenced, dead or failing is said too.
pub(super) fn report(
    notification: &mut Notification,
    silences: usize,
    entries: &BTreeMap<Key, Entry>,
    failing: Vec<Fact>,
) {
    let open = entries.values().filter(|entry| entry.incident.is_open);
    let muted = open.clone().filter(|entry| entry.muted_by.is_some()).count();
    let acknowledged = open.filter_map(|Entry { incident, .. }| {
        Some((incident.subject.as_str(), incident.acknowledged.as_ref()?.by.as_str()))
    });
    daily(notification, muted, silences, acknowledged);
    notification.facts.extend(failing);
}

/// The line of an incident that was told as `before` and is as `after` now.
fn line(incident: &Incident, before: Option<Shown>, after: Option<Shown>) -> Option<Line<'_>> {
    Some(Line {
        subject: &incident.subject,
        class: incident.class,
        condition: incident.kind.pair.map_or(&Condition::DEVICE_DOWN, |pair| pair.condition),
        site: incident.site.as_deref(),
        severity: after.map_or(incident.severity, Shown::severity),
        since: incident.opened_at,
        changed_at: incident.changed_at,
        is_unheard: incident.is_unheard,
        is_acknowledged: incident.acknowledged.is_some(),
        state: State::of(after),
        news: News::between(before, after)?,
    })
}

/// The message of the event that an incident last came or went with. `None` where the state is
/// another, or the event is no longer there.
fn card(config: &Config, entry: &Entry) -> Option<Notification> {
    let Incident { event, severity, is_open, .. } = &entry.incident;
    let event = event.as_ref().filter(|_| !entry.is_flapping)?;
    let parsed = Event::parse(Topic::stored(&event.topic), &event.text)?;
    let severity = if *is_open { *severity } else { Severity::Info };
    let mut notification = describe(&parsed, severity, &config.dashboard_host);
    notification.is_over = !is_open;
    // An event without a time happened about when it came.
    notification.at = notification.at.or(Some(entry.incident.changed_at));
    Some(notification)
}

/// The devices that are not told by themselves, because they are behind this one.
fn behind<'a>(incident: &Incident, entries: &'a BTreeMap<Key, Entry>) -> Vec<&'a str> {
    let this = Some(MutedBy::Device(incident.subject.clone()));
    let behind = entries.values().filter(|entry| entry.muted_by == this);
    let mut behind: Vec<&str> = behind.map(|entry| entry.incident.subject.as_str()).collect();
    order::sort_by_key(&mut behind, |name| (name.len(), *name));
    behind
}
