//! Incidents and silences: shown, acknowledged, made and ended.

use std::{collections::BTreeMap, slice};

use http_types::StatusCode;
use mistgate_core::incident::{Incidents, input::Input, record::Acknowledgement, view::View};
use mistgate_core::matcher::Matcher;
use mistgate_core::silence::{MutedBy, SILENCE_MAX, Silence, Until};
use mistgate_core::{base::text, base::time::UnixTime, config::units, incident::view::Knowledge};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{Admin, Answer, Asked, TEXT, ok, refused, stopping, unavailable};
use crate::{base::clock, base::journal::Level, base::journal::fields, http::listen::Reply};

pub(super) const LIST: &str = "/incidents";
pub(super) const SHOW: &str = "/incidents/{id}";
pub(super) const ACKNOWLEDGE: &str = "/incidents/{id}/ack";
pub(super) const SILENCES: &str = "/silences";
/// What a silence would cover now.
pub(super) const PREVIEW: &str = "/silences/preview";
pub(super) const END_SILENCE: &str = "/silences/{id}/end";

/// The most incidents in a list.
const LIST_MAX: usize = 1_000;
/// The most characters of a comment.
const COMMENT_MAX: usize = 500;

/// The body of an acknowledgement.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Comment {
    #[serde(default)]
    comment: String,
}

/// The body that asks for a silence.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// By the name of a field, a text or a list of texts.
    r#match: BTreeMap<String, Value>,
    r#for: Option<String>,
    until: Option<String>,
    #[serde(default)]
    until_recovered: bool,
    #[serde(default)]
    comment: String,
}

/// When a silence is to end.
#[derive(Clone, Copy)]
enum End {
    Recovered,
    Time(UnixTime),
}

/// The open ones, the worst first.
pub(super) async fn list(admin: &Admin) -> Answer {
    look(admin, |incidents| Ok(listed(&incidents.open_views()))).await
}

/// One of them, which may be over, and who knows of it.
pub(super) async fn show(admin: &Admin, asked: Asked<'_>) -> Answer {
    let id = id(asked);
    let one = move |incidents: &Incidents| {
        let view = incidents.find(id).ok_or_else(no_incident)?;
        let told: Vec<Value> = incidents.known(view.key).map(|known| knowledge(&known)).collect();
        Ok(facts(&view, Some(told)))
    };
    look(admin, one).await
}

/// Notes that a person has taken notice of one.
pub(super) async fn acknowledge(admin: &Admin, asked: Asked<'_>) -> Answer {
    let id = id(asked);
    let comment = match asked.body {
        [] => Comment::default(),
        body => parse(body)?,
    };
    let comment = text::one_line(&comment.comment, COMMENT_MAX);
    let (by, at) = (asked.caller.to_string(), clock::wall());
    let acknowledgement = Acknowledgement { by, comment: comment.clone(), at };
    let act = move |incidents: &Incidents| {
        let view = incidents.find(id).ok_or_else(no_incident)?;
        if !view.is_open {
            let at = view.incident.changed_at;
            return Err(refused(StatusCode::Conflict, &format!("it is over since {at}")));
        }
        Ok((view.sentence(), Input::Acknowledge { id, acknowledgement }))
    };
    let what = change(admin, act).await?;
    let values = fields![id, comment, from = asked.caller];
    admin.journal.note(Level::Info, "incident_acknowledged", values);
    Ok(ok().content(TEXT, format!("acknowledged: {what}\n")))
}

/// The silences, and how many incidents each mutes now.
pub(super) async fn silences(admin: &Admin) -> Answer {
    let all = |incidents: &Incidents| {
        let mut muted: BTreeMap<u64, usize> = BTreeMap::new();
        for view in incidents.views().filter(|view| view.is_open) {
            if let Some(MutedBy::Silence(number)) = view.muted_by {
                *muted.entry(*number).or_default() += 1;
            }
        }
        let shown = incidents.silences().all().iter().map(|(number, silence)| {
            silence_facts(*number, silence, muted.get(number).copied().unwrap_or_default())
        });
        Ok(json!({ "silences": shown.collect::<Vec<_>>() }))
    };
    look(admin, all).await
}

/// Says what a silence would cover now, and makes none.
pub(super) async fn preview(admin: &Admin, asked: Asked<'_>) -> Answer {
    let (matcher, _, _) = wanted(asked.body, clock::wall())?;
    let covered = move |incidents: &Incidents| {
        let mut views = incidents.open_views();
        views.retain(|view| matcher.matches(&view.incident.target()));
        Ok(listed(&views))
    };
    look(admin, covered).await
}

/// Makes a silence.
pub(super) async fn silence(admin: &Admin, asked: Asked<'_>) -> Answer {
    let now = clock::wall();
    let (matcher, end, comment) = wanted(asked.body, now)?;
    let end = end.ok_or_else(|| bad("expected one of for, until and until_recovered"))?;
    let by = asked.caller.to_string();
    let act = move |incidents: &Incidents| {
        let number = incidents.silences().next().ok_or_else(|| {
            refused(StatusCode::Conflict, "there are too many silences — end some")
        })?;
        let open = incidents.views().filter(|view| view.is_open);
        let covered = open.filter(|view| matcher.matches(&view.incident.target())).count();
        let until = match end {
            End::Time(at) => Until::Time(at),
            End::Recovered if covered == 0 => {
                let reason = "no open incident matches, so there is none that could recover";
                return Err(refused(StatusCode::Conflict, reason));
            }
            End::Recovered => Until::Recovered { last_id: incidents.last_id() },
        };
        let silence = Silence { matcher, until, by, comment, made_at: now };
        let facts = silence_facts(number, &silence, covered);
        Ok(((number, silence.clone(), facts), Input::Silence(silence)))
    };
    let (id, Silence { matcher, comment, .. }, facts) = change(admin, act).await?;
    let until = facts.get("until").and_then(Value::as_str).unwrap_or("recovered");
    let values = fields![id, match = matcher, until, comment, from = asked.caller];
    admin.journal.note(Level::Info, "silence_made", values);
    Ok(super::json(&facts))
}

pub(super) async fn end_silence(admin: &Admin, asked: Asked<'_>) -> Answer {
    let id = id(asked);
    let act = move |incidents: &Incidents| {
        let is_there = incidents.silences().all().contains_key(&id);
        let absent = || refused(StatusCode::NotFound, "there is no such silence");
        is_there.then_some(((), Input::EndSilence(id))).ok_or_else(absent)
    };
    change(admin, act).await?;
    admin.journal.note(Level::Info, "silence_ended", fields![id, from = asked.caller]);
    Ok(ok().content(TEXT, "ended\n"))
}

/// Shows what is seen of incidents.
async fn look(
    admin: &Admin,
    look: impl FnOnce(&Incidents) -> Result<Value, Reply> + Send + 'static,
) -> Answer {
    let seen = admin.driver.incidents(move |incidents| (look(incidents), None)).await;
    Ok(super::json(&seen.ok_or_else(stopping)??))
}

/// Changes incidents if the disk takes what is to be remembered of it.
async fn change<T: Send + 'static>(
    admin: &Admin,
    act: impl FnOnce(&Incidents) -> Result<(T, Input), Reply> + Send + 'static,
) -> Result<T, Reply> {
    let status = admin.driver.status().await;
    if status.is_some_and(|status| !status.writable) {
        return Err(unavailable("the store cannot be written for now"));
    }
    let changed = admin.driver.incidents(move |incidents| match act(incidents) {
        Ok((seen, input)) => (Ok(seen), Some(input)),
        Err(refusal) => (Err(refusal), None),
    });
    let seen = changed.await.ok_or_else(stopping)??;
    // The driver has handed it to the store before it answers this.
    match admin.driver.status().await {
        Some(status) if status.store.sync().await => Ok(seen),
        Some(_) | None => {
            Err(unavailable("done, but not on disk: the next start will not know it"))
        }
    }
}

/// What a body asks for: of what, until when and why.
fn wanted(body: &[u8], now: UnixTime) -> Result<(Matcher, Option<End>, String), Reply> {
    let Wanted { r#match, r#for, until, until_recovered, comment } = parse(body)?;
    let mut matcher = Matcher::default();
    for (field, values) in &r#match {
        let values = values.as_array().map_or(slice::from_ref(values), Vec::as_slice);
        for value in values {
            let value = value.as_str();
            let value = value.ok_or_else(|| bad(&format!("match.{field}: expected texts")))?;
            let added = matcher.add(field, value);
            added.map_err(|error| bad(&format!("match.{field}: {error}")))?;
        }
    }
    if matcher.is_empty() {
        return Err(bad("match: expected at least one term"));
    }
    let end = match (r#for, until, until_recovered) {
        (None, None, false) => None,
        (None, None, true) => Some(End::Recovered),
        (Some(text), None, false) => {
            let length = units::duration(&text).filter(|length| !length.is_zero());
            let length = length.ok_or_else(|| bad("for: expected a time such as 30m, 8h or 7d"))?;
            Some(End::Time(now.plus(length)))
        }
        (None, Some(text), false) => {
            let expected = "until: expected a time to come such as 2026-12-24 08:00, in UTC";
            let at = UnixTime::parse(&text).filter(|at| *at > now);
            Some(End::Time(at.ok_or_else(|| bad(expected))?))
        }
        _ => return Err(bad("expected only one of for, until and until_recovered")),
    };
    if matches!(end, Some(End::Time(at)) if at > now.plus(SILENCE_MAX)) {
        return Err(bad("a silence may last for at most 90d"));
    }
    Ok((matcher, end, text::one_line(&comment, COMMENT_MAX)))
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Reply> {
    serde_json::from_slice(body).map_err(|error| bad(&format!("the body: {error}")))
}

/// The number in a path. None is larger than all.
fn id(asked: Asked<'_>) -> u64 {
    asked.id().unwrap_or(u64::MAX)
}

fn bad(reason: &str) -> Reply {
    refused(StatusCode::BadRequest, &text::one_line(reason, COMMENT_MAX))
}

fn no_incident() -> Reply {
    refused(StatusCode::NotFound, "there is no such incident")
}

fn listed(views: &[View<'_>]) -> Value {
    let shown = views.iter().take(LIST_MAX).map(|view| facts(view, None));
    json!({ "count": views.len(), "incidents": shown.collect::<Vec<_>>() })
}

/// What is known of an incident, and by whom.
pub(super) fn facts(view: &View<'_>, told: Option<Vec<Value>>) -> Value {
    let incident = view.incident;
    let sources = incident.sources.iter();
    let sources = sources.map(|source| json!({ "topic": source.topic, "type": source.kind.name }));
    let acknowledged = incident.acknowledged.as_ref().map(|by| {
        let Acknowledgement { by, comment, at } = by;
        json!({ "by": by, "comment": comment, "at": at.rfc3339() })
    });
    json!({
        "id": incident.id,
        "state": view.state(),
        "severity": incident.severity.name(),
        "summary": view.sentence(),
        "condition": incident.condition(),
        "subject": incident.subject,
        "device": incident.device,
        "device_type": incident.class.map(|class| class.name()),
        "mac": incident.mac.map(|mac| mac.to_string()),
        "site": incident.site.as_deref(),
        "site_id": incident.site_id.as_deref(),
        "org_id": incident.org_id.as_deref(),
        "opened_at": incident.opened_at.rfc3339(),
        "changed_at": incident.changed_at.rfc3339(),
        "times": incident.times,
        "sources": sources.collect::<Vec<_>>(),
        "acknowledged": acknowledged,
        "escalated": incident.is_escalated,
        "muted_by": view.muted_by.map(MutedBy::to_string),
        "told": told,
    })
}

fn knowledge(Knowledge { to, told, is_due }: &Knowledge<'_>) -> Value {
    json!({
        "destination": to,
        "as": told.map(|(shown, _)| shown.name()),
        "severity": told.map(|(shown, _)| shown.severity().name()),
        "at": told.map(|(_, at)| at.rfc3339()),
        "due": is_due,
    })
}

fn silence_facts(number: u64, silence: &Silence, muted: usize) -> Value {
    let Silence { matcher, until, by, comment, made_at } = silence;
    let mut terms: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (field, value) in matcher.terms() {
        terms.entry(field).or_default().push(value);
    }
    let until = match until {
        Until::Time(at) => Some(at.rfc3339()),
        Until::Recovered { .. } => None,
    };
    json!({
        "id": number,
        "match": terms,
        "until_recovered": until.is_none(),
        "until": until,
        "by": by,
        "comment": comment,
        "made_at": made_at.rfc3339(),
        "muted": muted,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_body_is_said_in_a_line() {
        let now = UnixTime::from_secs(1_752_000_000);
        let read =
            |body: &str| wanted(body.as_bytes(), now).map(|(matcher, end, _)| (matcher, end));
        for (body, reason) in [
            ("", "the body: EOF while parsing a value at line 1 column 0"),
            (r#"{"match":{"site":"a"},"to":1}"#, "the body: unknown field `to`, expected one of"),
            (r#"{"match":{}}"#, "match: expected at least one term"),
            (r#"{"match":{"site":[1]}}"#, "match.site: expected texts"),
            (r#"{"match":{"city":"a"}}"#, "match.city: expected org, site, device, device_type,"),
            (r#"{"match":{"severity":"high"}}"#, "match.severity: expected a value: of severity"),
            (r#"{"match":{"site":"a"},"for":"3"}"#, "for: expected a time such as 30m, 8h or 7d"),
            (r#"{"match":{"site":"a"},"for":"0s"}"#, "for: expected a time such as"),
            (r#"{"match":{"site":"a"},"for":"91d"}"#, "a silence may last for at most 90d"),
            (r#"{"match":{"site":"a"},"until":"2025-07-08"}"#, "until: expected a time to come"),
            (r#"{"match":{"site":"a"},"until":"2026-01-01"}"#, "a silence may last for at most"),
            (
                r#"{"match":{"site":"a"},"for":"1h","until_recovered":true}"#,
                "expected only one of for, until and until_recovered",
            ),
        ] {
            let Err(refusal) = read(body) else { panic!("{body} is refused") };
            assert_eq!(refusal.status, 400, "{body}");
            let said = String::from_utf8_lossy(&refusal.body);
            assert!(said.starts_with(reason), "{body}: {said}");
        }
        let body = r#"{"match":{"site":["EMEA-*","x"],"severity":"warning"},"for":"2h"}"#;
        let (matcher, end) = read(body).expect("a good body");
        assert_eq!(matcher.to_string(), "severity=warning site=EMEA-* site=x");
        assert!(matches!(end, Some(End::Time(at)) if at == UnixTime::from_secs(1_752_007_200)));
    }
}
