//! MESA's `config.py`: what it writes to switch ports, and when.
//!
//! What it means: `src/config_example.py` of tmunzer/mesa and the programs beside it, which use
//! other names for some keys than the example has; both are taken.

use mistgate_core::{config::ports::External, webhook::config::Webhook};

use super::old::{Conversion::Seconds, Conversion::Text, Conversion::Texts, Found, Setting};
use super::{common, common::CHATS, entry::Origin, old::Table, python::Module};
use super::{draft::Content, draft::Draft, old::Conversion::Integer};

/// Where it listens (`mesa.py`).
const PORT: i64 = 51_360;
/// The channel for its messages.
const CHANNEL: &str = "ports";
const EXTERNAL_KEY: &str = "external-key";

const MIST_CONF: &[Setting] =
    &[(&["wait_for_cloud_update"], "settle", Seconds("ports.settle, such as \"60s\""))];
const DISCONNECT_VALIDATION: &[Setting] =
    &[(&["wait_time"], "disconnect_wait", Seconds("ports.disconnect_wait, such as \"30s\""))];
const SITE_OUTAGE: &[Setting] = &[
    (&["outage_timeout"], "window", Seconds("a duration in [ports.outage]")),
    (&["removed_timeout"], "forget", Seconds("a duration in [ports.outage]")),
    (
        &["min_percentage", "min_disconnected_percentage"],
        "min_percent",
        Integer("ports.outage.min_percent"),
    ),
];
// Without a profile for others, both programs remove the override.
const MIST: &[Setting] = &[
    (&["profile_ap", "conf_ap"], "ap_profile", Text),
    (&["profile_default", "conf_default"], "default_profile", Text),
];
const JUNOS: &[Setting] = &[
    (&["domain_name", "domain"], "domain", Text),
    (&["username", "ex_username"], "username", Text),
];
const JUNOS_LINES: &[Setting] = &[
    (&["conf_trunk_ap", "ex_conf_trunk_ap"], "ap", Texts("a list of lines of Junos configuration")),
    (
        &["conf_default", "ex_conf_default"],
        "default",
        Texts("a list of lines of Junos configuration"),
    ),
];
const CSO: &[Setting] = &[(&["tenant"], "tenant", Text), (&["login"], "login", Text)];
const CSO_PROFILE: &[Setting] = &[
    (&["port_profile_name"], "profile", Text),
    (&["vlan_id"], "vlan", Integer("the number of a VLAN")),
    (&["native_vlan_id"], "native_vlan", Integer("the number of a VLAN")),
];

/// Carries over all that mistgate has too.
pub(super) fn import(module: &Module, file: &str, draft: &mut Draft) {
    let mut old = Table::of_module(module, "MESA", file);
    let origin = Origin { key: "its port".into(), ..old.about.clone() };
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
    // Its messages have a channel of their own, so that nothing else goes where they went.
    for chat in CHATS {
        if let Some(found) = old.take(chat.0)
            && let Some(table) = found.table(draft)
            && common::chat(chat, table, Some(CHANNEL), draft)
        {
            draft.set("ports", "report_to", CHANNEL, &found.origin);
        }
    }
    if let Some(table) = old.table("disconnect_validation", draft) {
        disconnect(table, draft);
    }
    // The example has one name and the program imports the other.
    let outage = old.take_any(&["site_outage", "site_outage_aps"]);
    if let Some(mut outage) = outage.and_then(|found| found.table(draft)) {
        outage.carry("ports.outage", SITE_OUTAGE, draft);
        outage.close(draft);
    }
    old.close(draft);
}

fn mist_conf(mut old: Table<'_>, is_alone: bool, draft: &mut Draft) {
    if let Some(found) = old.take("apitoken") {
        common::secret_file("mist", "token_file", "mist-token", &found, draft);
    }
    common::mist(&mut old, &["mist_cloud"], draft);
    if let Some(found) = old.take("site_id_ignored") {
        let sites = found.texts(draft, common::SITES);
        if !sites.is_empty() && !is_alone {
            let what = "mistgate tells the chats nothing about these sites either";
            draft.note(&found.origin, what, "only sites of which nothing should be heard");
        }
        draft.extend("mist", "ignored_sites", sites);
    }
    old.carry("ports", MIST_CONF, draft);
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
    if !enabled.is_some_and(|found| found.is_true()) {
        let what = "not carried over but for org_id, as it is not enabled";
        draft.note(&old.about, what, "[ports.external], where others should ask for changes");
        return old.close(draft);
    }
    external_path(path.as_ref(), &old.about, draft);
    match key {
        Some(found) if !found.is_none() => {
            common::secret_file("ports.external", "key_file", EXTERNAL_KEY, &found, draft);
        }
        key => {
            let origin = key.map_or_else(|| old.about.clone(), |found| found.origin);
            let what = "there is no key, so anybody could change ports";
            let advice = format!("the new one in the file {EXTERNAL_KEY}, sent as X-ClientApiKey");
            draft.note(&origin, what, advice);
            let file = (EXTERNAL_KEY.into(), Some(Content::New));
            draft.file("ports.external", "key_file", file, &origin);
        }
    }
    let what = "MESA does what is asked without a check; mistgate keeps its limits here too";
    draft.note(&old.about, what, "[ports.never] and the limits of [ports]");
    old.close(draft);
}

/// Sets the path for requests of others. MESA allows the path of Mist's webhooks here too, and then
/// hears only one of the two.
fn external_path(found: Option<&Found<'_>>, about: &Origin, draft: &mut Draft) {
    // More than there can be paths for Mist.
    const FREE: [&str; 3] = [External::PATH, "/ports", "/ports/external"];
    let path = found.and_then(|found| found.text(draft, "ports.external.path"));
    let origin = found.map_or(about, |found| &found.origin);
    let is_taken = |path: &str| path == Webhook::PATH || draft.has("webhook", "paths", path);
    let is_path = path.is_none_or(External::is_path);
    if is_path && !is_taken(path.unwrap_or(External::PATH)) {
        return path.into_iter().for_each(|path| draft.set("ports.external", "path", path, origin));
    }
    if let Some(free) = FREE.into_iter().find(|path| !is_taken(path)) {
        let what = if is_path { "webhooks of Mist come to this path" } else { "it is no path" };
        draft.note(origin, what, format!("the path {free} for others"));
        draft.set("ports.external", "path", free, origin);
    }
}

fn disconnect(mut old: Table<'_>, draft: &mut Draft) {
    old.carry("ports", DISCONNECT_VALIDATION, draft);
    if let Some(found) = old.take("method")
        && let Some(method) = found.text(draft, "ports.disconnect_check")
    {
        let origin = &found.origin;
        let reports = "a look at its reports before ports.mode = \"enforce\"";
        let (check, warning) = match method {
            "outage" => {
                let what = "MESA changes no port back on sites of more than two APs, whatever its \
                            log says; mistgate does";
                (method, Some((what, reports)))
            }
            "lldp" => {
                let what = "MESA takes a port that is down and remembers its AP for one in use, \
                            and leaves it; mistgate changes it back";
                (method, Some((what, reports)))
            }
            "none" => (method, None),
            _ => ("none", Some(("no check that MESA knows, so it makes none", "\"lldp\""))),
        };
        if let Some((what, advice)) = warning {
            draft.note(origin, what, advice);
        }
        draft.set("ports", "disconnect_check", check, origin);
    }
    old.close(draft);
}

/// Carries over the method in use; the settings of the others are reported.
fn method(old: &mut Table<'_>, draft: &mut Draft) {
    type Method = fn(&mut Table<'_>, &mut Draft);
    const METHODS: [(&str, &str, &[&str], Method); 3] = [
        ("mist", "mist", &["mist_method"], |old, draft| old.carry("ports.mist", MIST, draft)),
        ("ex", "junos", &["ex_method", "ex_metod"], junos),
        ("cso", "cso", &["cso_method"], cso),
    ];
    let found = old.take("configuration_method");
    let origin = found.as_ref().map_or(&old.about, |found| &found.origin).clone();
    draft.set("ports", "mode", "observe", &origin);
    let what = "MESA changes ports at once; mistgate reports first what it would change";
    draft.note(&origin, what, "ports.mode = \"enforce\", as soon as its reports are right");
    let chosen = found.and_then(|found| found.text(draft, "ports.method"));
    if let Some(chosen) = chosen {
        match METHODS.iter().find(|(name, ..)| *name == chosen) {
            Some((_, ours, ..)) => draft.set("ports", "method", *ours, &origin),
            None => draft.note(&origin, "no method that MESA knows", "ports.method"),
        }
    }
    for (name, ours, keys, carry) in METHODS {
        let Some(found) = old.take_any(keys) else { continue };
        if chosen != Some(name) {
            let what = "not carried over, as configuration_method is another";
            let advice = format!("[ports.{ours}], before that method is used");
            draft.note(&found.origin, what, advice);
        } else if let Some(mut table) = found.table(draft) {
            carry(&mut table, draft);
            table.close(draft);
        }
    }
}

fn junos(old: &mut Table<'_>, draft: &mut Draft) {
    old.carry("ports.junos", JUNOS, draft);
    if let Some(found) = old.take_any(&["password", "ex_pwd"]) {
        common::secret_file("ports.junos", "password_file", "switch-password", &found, draft);
    }
    old.carry("ports.junos", JUNOS_LINES, draft);
    draft.file("ports.junos", "known_hosts", ("known_hosts".into(), None), &old.about);
    let what = "MESA sends the password to whoever answers; mistgate wants to know the switches' \
                host keys";
    let advice =
        "the file known_hosts, as ssh-keyscan -p 830 writes it, compared with the switches";
    draft.note(&old.about, what, advice);
    let what = "MESA stops with an error wherever it uses this method, so these lines were never \
                sent";
    draft.note(&old.about, what, "mistgate port diff, before ports.mode = \"enforce\"");
}

fn cso(old: &mut Table<'_>, draft: &mut Draft) {
    if let Some(found) = old.take("host")
        && let Some(host) = found.text(draft, "ports.cso.url")
    {
        let host = host.strip_prefix("https://").unwrap_or(host).trim_end_matches('/');
        draft.set("ports.cso", "url", format!("https://{host}"), &found.origin);
    }
    old.carry("ports.cso", CSO, draft);
    if let Some(found) = old.take("password") {
        common::secret_file("ports.cso", "password_file", "cso-password", &found, draft);
    }
    for (key, section) in [("conf_ap", "ports.cso.ap"), ("conf_default", "ports.cso.default")] {
        if let Some(mut profile) = old.table(key, draft) {
            profile.carry(section, CSO_PROFILE, draft);
            profile.close(draft);
        }
    }
}
