//! MESA's `config.py`: what it writes to switch ports, and when.
//!
//! What it means: `src/config_example.py` of tmunzer/mesa and the programs beside it, which use
//! other names for some keys than the example has; both are taken.

use mistgate_core::config::checked::{Webhook, ports::External};

use super::{
    common::{self, CHATS},
    draft::{Content, Draft},
    entry::Origin,
    old::{Found, Table},
    python::Module,
};

/// Carries everything over that mistgate has.
pub(super) fn import(module: &Module, file: &str, draft: &mut Draft) {
    let mut old = Table::of_module(module, "MESA", file);
    let origin = Origin { key: "its port".into(), ..old.about().clone() };
    let is_alone = draft.origin("webhook", "listen").is_none();
    if is_alone {
        common::listen(PORT, &origin, draft);
    } else {
        let what = "MESA listens on port 51360, and mistgate takes all webhooks on one";
        draft.note(&origin, what, "that of webhook.listen in the reverse proxy's configuration");
    }
    method(&mut old, draft);
    if let Some(mist) = old.table("mist_conf", draft) {
        mist_conf(mist, is_alone, draft);
    }
    if let Some(table) = old.table("external_conf", draft) {
        external(table, draft);
    }
    chats(&mut old, draft);
    if let Some(table) = old.table("disconnect_validation", draft) {
        disconnect(table, draft);
    }
    // The example has one name and the program imports the other.
    if let Some(table) =
        old.take_any(&["site_outage", "site_outage_aps"]).and_then(|found| found.table(draft))
    {
        outage(table, draft);
    }
    if let Some(found) = old.take("log_level") {
        common::log_level(&found, draft);
    }
    old.close(draft);
}

/// Where it listens (`mesa.py`).
const PORT: i64 = 51_360;
/// The channel for its messages.
const CHANNEL: &str = "ports";

fn mist_conf(mut old: Table<'_>, is_alone: bool, draft: &mut Draft) {
    if let Some(found) = old.take("apitoken") {
        common::secret_file("mist", "token_file", "mist-token", &found, draft);
    }
    if let Some(found) = old.take("mist_cloud") {
        common::cloud(&found, draft);
    }
    let secret = old.take("mist_secret");
    common::secret(secret.as_ref(), old.about(), draft);
    if let Some(found) = old.take("server_uri") {
        common::path(&found, draft);
    }
    if let Some(found) = old.take("site_id_ignored") {
        let sites = found.texts(draft, "mist.ignored_sites, a list of site ids");
        if !sites.is_empty() && !is_alone {
            let what = "mistgate tells the chats nothing about these sites either";
            draft.note(&found.origin, what, "only sites of which nothing should be heard");
        }
        draft.extend("mist", "ignored_sites", sites);
    }
    if let Some(found) = old.take("wait_for_cloud_update")
        && let Some(seconds) = found.seconds(draft, "ports.settle, such as \"60s\"")
    {
        draft.set("ports", "settle", seconds, &found.origin);
    }
    old.close(draft);
}

/// Requests from ClearPass and the like.
fn external(mut old: Table<'_>, draft: &mut Draft) {
    if let Some(found) = old.take("org_id")
        && let Some(id) = found.text(draft, "mist.org_id")
    {
        draft.set("mist", "org_id", id, &found.origin);
    }
    let enabled = old.take("enabled");
    let key = old.take("X-ClientApiKey");
    let path = old.take("server_uri");
    if enabled.is_none_or(|found| found.value.form != super::value::Form::Bool(true)) {
        let what = "not carried over but for org_id, as it is not enabled";
        draft.note(
            &old.about().clone(),
            what,
            "[ports.external], where others should ask for changes",
        );
        return old.close(draft);
    }
    external_path(path.as_ref(), old.about(), draft);
    match key {
        Some(found) if !found.is_none() => {
            common::secret_file("ports.external", "key_file", KEY, &found, draft);
        }
        key => {
            let origin = key.map_or_else(|| old.about().clone(), |found| found.origin);
            draft.note(
                &origin,
                "there is no key, so anybody could change ports",
                format!("the new one in the file {KEY}, sent as X-ClientApiKey"),
            );
            draft.file("ports.external", "key_file", (KEY.into(), Some(Content::New)), &origin);
        }
    }
    let what = "MESA does what is asked without a check; mistgate keeps its limits here too";
    draft.note(&old.about().clone(), what, "[ports.never] and the limits of [ports]");
    old.close(draft);
}

const KEY: &str = "external-key";

/// MESA can have the same path for Mist and for others, of whom only the first is then heard.
fn external_path(found: Option<&Found<'_>>, about: &Origin, draft: &mut Draft) {
    // More than there can be paths for Mist.
    const FREE: [&str; 3] = [External::PATH, "/ports", "/ports/external"];
    let path = found.and_then(|found| found.text(draft, "ports.external.path"));
    let origin = found.map_or(about, |found| &found.origin);
    let is_taken = |path: &str| path == Webhook::PATH || draft.has("webhook", "paths", path);
    if !is_taken(path.unwrap_or(External::PATH)) {
        return path.into_iter().for_each(|path| draft.set("ports.external", "path", path, origin));
    }
    if let Some(free) = FREE.into_iter().find(|path| !is_taken(path)) {
        let what = "webhooks of Mist come to this path";
        draft.note(origin, what, format!("the path {free} for others"));
        draft.set("ports.external", "path", free, origin);
    }
}

/// Its messages have a channel of their own, so that nothing else goes where they went.
fn chats(old: &mut Table<'_>, draft: &mut Draft) {
    for chat in CHATS {
        if let Some(found) = old.take(chat.old)
            && let Some(table) = found.table(draft)
            && common::chat(chat, table, Some(CHANNEL), draft)
        {
            draft.set("ports", "report_to", CHANNEL, &found.origin);
        }
    }
}

fn disconnect(mut old: Table<'_>, draft: &mut Draft) {
    if let Some(found) = old.take("wait_time")
        && let Some(seconds) = found.seconds(draft, "ports.disconnect_wait, such as \"30s\"")
    {
        draft.set("ports", "disconnect_wait", seconds, &found.origin);
    }
    if let Some(found) = old.take("method")
        && let Some(method) = found.text(draft, "ports.disconnect_check")
    {
        let origin = &found.origin;
        match method {
            "outage" => {
                let what = "MESA changes no port back on sites of more than two APs, whatever its \
                            log says; mistgate does";
                draft.note(origin, what, "a look at its reports before ports.mode = \"enforce\"");
            }
            "lldp" => {
                let what = "MESA takes a port that is down and remembers its AP for one in use, \
                            and leaves it; mistgate changes it back";
                draft.note(origin, what, "a look at its reports before ports.mode = \"enforce\"");
            }
            "none" => {}
            // So does MESA with any other name.
            _ => draft.note(origin, "no check that MESA knows, so it makes none", "\"lldp\""),
        }
        let check = if matches!(method, "outage" | "lldp") { method } else { "none" };
        draft.set("ports", "disconnect_check", check, origin);
    }
    old.close(draft);
}

fn outage(mut old: Table<'_>, draft: &mut Draft) {
    for (key, ours) in [("outage_timeout", "window"), ("removed_timeout", "forget")] {
        if let Some(found) = old.take(key)
            && let Some(seconds) = found.seconds(draft, "a duration in [ports.outage]")
        {
            draft.set("ports.outage", ours, seconds, &found.origin);
        }
    }
    if let Some(found) = old.take_any(&["min_percentage", "min_disconnected_percentage"])
        && let Some(percent) = found.integer(draft, "ports.outage.min_percent")
    {
        draft.set("ports.outage", "min_percent", percent, &found.origin);
    }
    old.close(draft);
}

/// The method in use; the settings of others are told.
fn method(old: &mut Table<'_>, draft: &mut Draft) {
    const METHODS: [(&str, &str, &[&str], Method); 3] = [
        ("mist", "mist", &["mist_method"], mist),
        ("ex", "junos", &["ex_method", "ex_metod"], junos),
        ("cso", "cso", &["cso_method"], cso),
    ];
    let found = old.take("configuration_method");
    let origin = found.as_ref().map_or(old.about(), |found| &found.origin).clone();
    draft.set("ports", "mode", "observe", &origin);
    draft.remark("ports", "Decides and reports, and changes nothing until mode is \"enforce\".");
    let what = "MESA changes ports at once; mistgate reports first what it would change";
    draft.note(&origin, what, "ports.mode = \"enforce\", as soon as its reports are right");
    let chosen = found.as_ref().and_then(|found| found.text(draft, "ports.method"));
    if let (Some(found), Some(chosen)) = (&found, chosen) {
        match METHODS.iter().find(|(name, ..)| *name == chosen) {
            Some((_, ours, ..)) => draft.set("ports", "method", *ours, &found.origin),
            None => draft.note(&found.origin, "no method that MESA knows", "ports.method"),
        }
    }
    for (name, ours, keys, read) in METHODS {
        let Some(found) = old.take_any(keys) else {
            continue;
        };
        if chosen != Some(name) {
            let what = "not carried over, as configuration_method is another";
            draft.note(&found.origin, what, format!("[ports.{ours}], before that method is used"));
        } else if let Some(table) = found.table(draft) {
            read(table, draft);
        }
    }
}

type Method = fn(Table<'_>, &mut Draft);

fn mist(mut old: Table<'_>, draft: &mut Draft) {
    for (keys, ours) in [
        (["profile_ap", "conf_ap"], "ap_profile"),
        (["profile_default", "conf_default"], "default_profile"),
    ] {
        // Without a profile for others, both programs remove the override.
        if let Some(found) = old.take_any(&keys).filter(|found| !found.is_none()) {
            copy(&found, "ports.mist", ours, draft);
        }
    }
    old.close(draft);
}

fn junos(mut old: Table<'_>, draft: &mut Draft) {
    let about = old.about().clone();
    for (keys, ours) in
        [(["domain_name", "domain"], "domain"), (["username", "ex_username"], "username")]
    {
        if let Some(found) = old.take_any(&keys) {
            copy(&found, "ports.junos", ours, draft);
        }
    }
    if let Some(found) = old.take_any(&["password", "ex_pwd"]) {
        common::secret_file("ports.junos", "password_file", "switch-password", &found, draft);
    }
    for (keys, ours) in [
        (["conf_trunk_ap", "ex_conf_trunk_ap"], "ap"),
        (["conf_default", "ex_conf_default"], "default"),
    ] {
        if let Some(found) = old.take_any(&keys) {
            let lines = found.texts(draft, "a list of lines of Junos configuration");
            draft.extend("ports.junos", ours, lines);
        }
    }
    draft.file("ports.junos", "known_hosts", ("known_hosts".into(), None), &about);
    draft.note(
        &about,
        "MESA sends the password to whoever answers; mistgate wants to know the switches' host keys",
        "the file known_hosts, as ssh-keyscan -p 830 writes it, compared with the switches",
    );
    draft.note(
        &about,
        "MESA stops with an error wherever it uses this method, so these lines were never sent",
        "mistgate port diff, before ports.mode = \"enforce\"",
    );
    old.close(draft);
}

fn cso(mut old: Table<'_>, draft: &mut Draft) {
    if let Some(found) = old.take("host")
        && let Some(host) = found.text(draft, "ports.cso.url")
    {
        let host = host.strip_prefix("https://").unwrap_or(host).trim_end_matches('/');
        draft.set("ports.cso", "url", format!("https://{host}"), &found.origin);
    }
    for key in ["tenant", "login"] {
        if let Some(found) = old.take(key) {
            copy(&found, "ports.cso", key, draft);
        }
    }
    if let Some(found) = old.take("password") {
        common::secret_file("ports.cso", "password_file", "cso-password", &found, draft);
    }
    for (key, section) in [("conf_ap", "ports.cso.ap"), ("conf_default", "ports.cso.default")] {
        let Some(mut profile) = old.table(key, draft) else {
            continue;
        };
        if let Some(found) = profile.take("port_profile_name") {
            copy(&found, section, "profile", draft);
        }
        for (key, ours) in [("vlan_id", "vlan"), ("native_vlan_id", "native_vlan")] {
            if let Some(found) = profile.take(key).filter(|found| !found.is_none())
                && let Some(vlan) = found.integer(draft, "the number of a VLAN")
            {
                draft.set(section, ours, vlan, &found.origin);
            }
        }
        profile.close(draft);
    }
    old.close(draft);
}

fn copy(found: &Found<'_>, section: &'static str, key: &'static str, draft: &mut Draft) {
    if let Some(text) = found.text(draft, &format!("{section}.{key}, a text")) {
        draft.set(section, key, text, &found.origin);
    }
}
