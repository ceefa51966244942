//! MWTT's `config.py`: the chats, and which event goes to which of their channels.
//!
//! What it means: `src/config_example.py`, `main.py` and `mwtt.py` of tmunzer/mwtt.

use std::borrow::Cow;

use mistgate_core::{event::Topic, notify::topics};

use super::{common, common::CHATS, draft::Draft, entry::Origin, old::Conversion::Texts};
use super::{old::Found, old::Setting, old::Table, python::Module};

/// Where it listens unless `port` says otherwise (`main.py`).
const PORT: i64 = 51_361;

/// The tables from types to channels: their topics, and our sections.
const TABLES: [(&str, &str, &str); 5] = [
    ("event_channels", "device-events", "chat.channels.device-events"),
    ("updown_channels", "device-updowns", "chat.channels.device-updowns"),
    ("alarm_channels", "alarms", "chat.channels.alarms"),
    ("audit_channels", "audits", "chat.channels.audits"),
    ("mxedge_events", "mxedge-events", "chat.channels.mxedge-events"),
];

const CHAT: &[Setting] = &[(
    &["approved_admins"],
    "approved_admins",
    Texts("chat.approved_admins, a list of mail addresses"),
)];

/// Carries over all that mistgate has too.
pub(super) fn import(module: &Module, file: &str, draft: &mut Draft) {
    let mut old = Table::of_module(module, "MWTT", file);
    if let Some(found) = old.take("port") {
        if let Some(port) = found.integer(draft, "webhook.listen with the port") {
            common::listen(port, &found.origin, draft);
        }
    } else {
        common::listen(PORT, &Origin { key: "its port".into(), ..old.about.clone() }, draft);
    }
    if let Some(mist) = old.table("mist_conf", draft) {
        mist_conf(mist, draft);
    }
    for chat in CHATS {
        if let Some(table) = old.table(chat.0, draft) {
            common::chat(chat, table, None, draft);
        }
    }
    let mut first = None;
    for (name, topic, section) in TABLES {
        if let Some(found) = old.take(name)
            && let Some(table) = found.table(draft)
        {
            channels(&found, table, topic, section, draft);
            first = first.or(Some(found.origin));
        }
    }
    if let Some(origin) = first {
        let what = "types that no table names went to default_url, and go to their built-in \
                    channels";
        draft.note(&origin, what, "[chat.channels.<topic>], where one should go elsewhere");
    }
    if let Some(found) = old.take("message_levels") {
        let what = "not carried over, as mistgate's own table is that of later versions";
        let advice = "[chat.channels.<topic>], where a type should go elsewhere";
        draft.note(&found.origin, what, advice);
    }
    old.close(draft);
}

fn mist_conf(mut old: Table<'_>, draft: &mut Draft) {
    common::mist(&mut old, &["mist_host", "mist_cloud"], draft);
    if let Some(found) = old.take("site_id_ignored") {
        let sites = found.texts(draft, common::SITES);
        if !sites.is_empty() {
            let what = "MWTT reads this list and never uses it; mistgate does drop their events";
            draft.note(&found.origin, what, "only sites of which nothing should be heard");
        }
        draft.extend("mist", "ignored_sites", sites);
    }
    old.carry("chat", CHAT, draft);
    old.close(draft);
}

/// One of the tables from types to channels. What mistgate has built in is not repeated.
fn channels(
    found: &Found<'_>,
    mut table: Table<'_>,
    topic: &'static str,
    section: &'static str,
    draft: &mut Draft,
) {
    let all = table.drain();
    if all.is_empty() {
        // MWTT answers such webhooks with 404.
        draft.set(section, "*", "drop", &found.origin);
        return;
    }
    let topic = Topic::parse(Cow::Borrowed(topic));
    for (kind, found) in all {
        let Some(channel) = found.text(draft, "a channel's name") else { continue };
        if [kind, channel].iter().any(|name| !common::is_name(name, &found.origin, draft)) {
            continue;
        }
        // The new name is reported with the channel's URL.
        let channel = common::channel(channel);
        let builtin = topics::find(&topic, kind).map(|row| row.severity.name());
        if builtin != Some(&*channel) {
            draft.set(section, kind, channel, &found.origin);
        }
    }
}
