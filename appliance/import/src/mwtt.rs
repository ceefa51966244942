//! MWTT's `config.py`: chats and which event goes to which channel of theirs.
//!
//! What it means: `src/config_example.py`, `main.py` and `mwtt.py` of tmunzer/mwtt.

use std::borrow::Cow;

use mistgate_core::{event::Topic, notify::types};

use super::{
    common::{self, CHATS},
    draft::Draft,
    entry::Origin,
    old::{Found, Table},
    python::Module,
};

/// Carries everything over that mistgate has.
pub(super) fn import(module: &Module, file: &str, draft: &mut Draft) {
    let mut old = Table::of_module(module, "MWTT", file);
    let origin = old.about().clone();
    match old.take("port") {
        Some(found) => {
            if let Some(port) = found.integer(draft, "webhook.listen with the port") {
                common::listen(port, &found.origin, draft);
            }
        }
        None => {
            common::listen(PORT, &Origin { key: "its port".into(), ..origin }, draft);
        }
    }
    if let Some(mist) = old.table("mist_conf", draft) {
        mist_conf(mist, draft);
    }
    for chat in CHATS {
        if let Some(table) = old.table(chat.old, draft) {
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
    for key in ["log_level", "debug"] {
        if let Some(found) = old.take(key) {
            common::log_level(&found, draft);
        }
    }
    if let Some(found) = old.take("message_levels") {
        let what = "not carried over, as mistgate's own table is that of later versions";
        draft.note(
            &found.origin,
            what,
            "[chat.channels.<topic>], where a type should go elsewhere",
        );
    }
    old.close(draft);
}

/// Where it listens unless `port` says otherwise (`main.py`).
const PORT: i64 = 51_361;

const TABLES: [(&str, &str, &str); 5] = [
    ("event_channels", "device-events", "chat.channels.device-events"),
    ("updown_channels", "device-updowns", "chat.channels.device-updowns"),
    ("alarm_channels", "alarms", "chat.channels.alarms"),
    ("audit_channels", "audits", "chat.channels.audits"),
    ("mxedge_events", "mxedge-events", "chat.channels.mxedge-events"),
];

fn mist_conf(mut old: Table<'_>, draft: &mut Draft) {
    if let Some(found) = old.take_any(&["mist_host", "mist_cloud"]) {
        common::cloud(&found, draft);
    }
    let secret = old.take("mist_secret");
    common::secret(secret.as_ref(), old.about(), draft);
    if let Some(found) = old.take("server_uri") {
        common::path(&found, draft);
    }
    if let Some(found) = old.take("site_id_ignored") {
        let before = draft.origin("mist", "ignored_sites").is_some();
        common::ignored_sites(&found, draft);
        if !before && draft.origin("mist", "ignored_sites").is_some() {
            let what = "MWTT reads this list and never uses it; mistgate does drop their events";
            draft.note(&found.origin, what, "only sites of which nothing should be heard");
        }
    }
    if let Some(found) = old.take("approved_admins") {
        let admins = found.texts(draft, "chat.approved_admins, a list of mail addresses");
        draft.extend("chat", "approved_admins", admins);
    }
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
    let mut same = 0_usize;
    for (kind, found) in all {
        let Some(channel) = found.text(draft, "a channel's name") else {
            continue;
        };
        if [kind, channel].iter().any(|name| !common::is_name(name, &found.origin, draft)) {
            continue;
        }
        let channel = match channel {
            // So it says in the published example, and so it went to the default URL.
            "warnning" => {
                draft.note(&found.origin, "taken for \"warning\"", "the right name");
                "warning".to_owned()
            }
            // Renamed as the URLs' channels are, where it is said.
            channel => common::channel(channel),
        };
        if is_builtin(&topic, kind, &channel) {
            same += 1;
        } else {
            draft.set(section, kind, channel, &found.origin);
        }
    }
    if same == 0 {
        return;
    }
    let what = format!("{same} of its types have these channels built in, and are not named");
    let advice = "mistgate route, to see where an event goes";
    draft.note(&found.origin, what, advice);
}

fn is_builtin(topic: &Topic<'_>, kind: &str, channel: &str) -> bool {
    types::find(topic, kind).is_some_and(|row| row.severity.name() == channel)
}
