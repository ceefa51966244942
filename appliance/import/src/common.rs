//! What MWTT and MESA have in common: Mist's cloud, the webhook, and the chats.

use mistgate_core::{base::secret::Secret, config::problem::segment};

use super::{
    draft::{Content, Draft},
    entry::Origin,
    old::{Found, Table},
    value::Form,
};

/// A chat product.
#[derive(Clone, Copy)]
pub(super) struct Chat {
    /// What the old programs call its settings.
    pub(super) old: &'static str,
    name: &'static str,
    section: &'static str,
    urls: &'static str,
}

/// The chats of MWTT; MESA has the first two.
pub(super) const CHATS: [Chat; 3] = [
    Chat { old: "slack_conf", name: "slack", section: "chat.slack", urls: "chat.slack.urls_file" },
    Chat {
        old: "msteams_conf",
        name: "teams",
        section: "chat.teams",
        urls: "chat.teams.urls_file",
    },
    Chat {
        old: "gchat_conf",
        name: "google",
        section: "chat.google",
        urls: "chat.google.urls_file",
    },
];

/// `mist_host` of MWTT and `mist_cloud` of MESA: the host of the API, in older versions of the
/// dashboard.
pub(super) fn cloud(found: &Found<'_>, draft: &mut Draft) {
    let Some(host) = found.text(draft, "mist.api_url, such as \"https://api.mist.com\"") else {
        return;
    };
    let host = host.strip_prefix("https://").unwrap_or(host).trim_end_matches('/');
    let host = match host.strip_prefix("manage.") {
        Some(cloud) => format!("api.{cloud}"),
        None => host.to_owned(),
    };
    draft.set("mist", "api_url", format!("https://{host}"), &found.origin);
}

/// `server_uri`
pub(super) fn path(found: &Found<'_>, draft: &mut Draft) {
    if let Some(path) = found.text(draft, "webhook.paths, such as [\"/webhooks\"]") {
        draft.extend("webhook", "paths", [(path.to_owned(), found.origin.clone())]);
    }
}

/// `mist_secret`; `about` is where it would be.
pub(super) fn secret(found: Option<&Found<'_>>, about: &Origin, draft: &mut Draft) {
    let origin = found.map_or(about, |found| &found.origin).clone();
    let none = found.is_none_or(|found| found.is_none() || found.value.text() == Some(""));
    let content = match found {
        _ if none => Some(Content::New),
        Some(found) => {
            let advice = format!("the secret in the file {SECRET}");
            found.text(draft, &advice).map(|text| {
                doubt(found, text, SECRET, draft);
                Content::Known(Secret::new(text))
            })
        }
        None => None,
    };
    draft.secrets.push((content, origin));
}

/// Names the secrets that the programs had, once all of them were asked.
pub(super) fn secrets(draft: &mut Draft) {
    let secrets = core::mem::take(&mut draft.secrets);
    let mut known: Vec<(Content, Origin)> = Vec::new();
    for (content, origin) in &secrets {
        if let Some(content @ Content::Known(_)) = content
            && !known.iter().any(|(same, _)| same == content)
        {
            known.push((content.clone(), origin.clone()));
        }
    }
    for (content, origin) in &secrets {
        if *content == Some(Content::New) {
            let file =
                if known.is_empty() { "the new one in the file" } else { "the one in the file" };
            let advice = format!("{file} {SECRET}, entered as the webhook's secret in Mist");
            draft.note(origin, "there is no secret, so anybody could send", advice);
        }
    }
    match known.as_slice() {
        [] => {
            // Where one is written down elsewhere, it is that one.
            let awaited = secrets.iter().find(|(content, _)| content.is_none());
            if let Some((content, origin)) = awaited.or(secrets.first()) {
                draft.file("webhook", "secret_file", (SECRET.into(), content.clone()), origin);
            }
        }
        [(content, origin)] => {
            draft.file("webhook", "secret_file", (SECRET.into(), Some(content.clone())), origin);
        }
        several => {
            for (content, origin) in several {
                let name = match origin.program {
                    "MWTT" => SECRET.to_string(),
                    _ => format!("{SECRET}-2"),
                };
                draft.extend("webhook", "secret_files", [(name.clone(), origin.clone())]);
                draft.keep(name, content.clone());
            }
        }
    }
}

/// `site_id_ignored`
pub(super) fn ignored_sites(found: &Found<'_>, draft: &mut Draft) {
    let sites = found.texts(draft, "mist.ignored_sites, a list of site ids");
    draft.extend("mist", "ignored_sites", sites);
}

/// `log_level`, `debug`
pub(super) fn log_level(found: &Found<'_>, draft: &mut Draft) {
    let what = "not carried over, as it is no part of the configuration";
    draft.note(&found.origin, what, "mistgate run --log-level debug, where more is to be seen");
}

/// `port`, or the one that is written in the program.
pub(super) fn listen(port: i64, origin: &Origin, draft: &mut Draft) {
    draft.set("webhook", "listen", format!("0.0.0.0:{port}"), origin);
}

/// The settings of a chat. A single `url` is that of the channel `only`, where there is one.
/// Returns whether the chat is in use.
pub(super) fn chat(
    chat: Chat,
    mut old: Table<'_>,
    only: Option<&'static str>,
    draft: &mut Draft,
) -> bool {
    let enabled = old.take("enabled");
    let is_enabled =
        matches!(&enabled, Some(Found { value, .. }) if value.form == Form::Bool(true));
    if !is_enabled {
        let what = match &enabled {
            Some(found) => format!("not carried over, as enabled is {}", found.value.form),
            None => "not carried over, as it is not enabled".into(),
        };
        let advice = format!("[{}], where messages should go there after all", chat.section);
        draft.note(&old.about().clone(), what, advice);
        return false;
    }
    if let Some(found) = old.take("default_url")
        && !found.is_none()
    {
        url(chat, None, &found, draft);
    }
    if let Some(found) = old.take("url") {
        if !matches!(found.value.form, Form::Dict(_)) {
            url(chat, only, &found, draft);
        } else if let Some(mut table) = found.table(draft) {
            for (channel, found) in table.drain() {
                if is_name(channel, &found.origin, draft) {
                    let channel = named(channel, &found.origin, draft);
                    url(chat, Some(&channel), &found, draft);
                }
            }
        }
    }
    old.close(draft);
    true
}

/// Whether a text is the name of a channel or type. A secret in the wrong place is none, which is
/// said.
pub(super) fn is_name(text: &str, origin: &Origin, draft: &mut Draft) -> bool {
    let is_name = text.len() <= NAME_LEN_MAX && !text.contains("://");
    if !is_name {
        let what = "not carried over, as this is too long for a name, or a URL";
        draft.note(origin, what, "a channel's name, or a type's");
    }
    is_name
}

/// A channel's name in letters of ours, said where it changes.
fn named(old: &str, origin: &Origin, draft: &mut Draft) -> String {
    let name = channel(old);
    if name != old {
        let what = format!("the channel {} is called \"{name}\" here", segment(old));
        draft.note(origin, what, "that name in mistgate's configuration");
    }
    name
}

/// A channel's name in letters of ours.
pub(super) fn channel(old: &str) -> String {
    let letter = |c: char| match c.to_ascii_lowercase() {
        c @ ('a'..='z' | '0'..='9' | '-' | '_') => c,
        _ => '-',
    };
    let name: String = old.chars().take(CHANNEL_LEN_MAX).map(letter).collect();
    match name.as_str() {
        // Both mean something else in a configuration of ours.
        "drop" | "default" => name + "-channel",
        "" => "unnamed".into(),
        _ => name,
    }
}

/// Puts a secret into a file of its own.
pub(super) fn secret_file(
    section: &'static str,
    key: &str,
    name: &str,
    found: &Found<'_>,
    draft: &mut Draft,
) {
    let advice = format!("the secret in the file {name}");
    let text = found.text(draft, &advice);
    if let Some(text) = text {
        doubt(found, text, name, draft);
    }
    let content = text.map(|text| Content::Known(Secret::new(text)));
    draft.file(section, key, (name.to_owned(), content), &found.origin);
}

/// The secret of the webhook.
const SECRET: &str = "webhook-secret";
/// Leaves room for what may be added to it.
const CHANNEL_LEN_MAX: usize = 48;
/// No type and no channel has a longer name.
const NAME_LEN_MAX: usize = 128;

fn url(chat: Chat, channel: Option<&str>, found: &Found<'_>, draft: &mut Draft) {
    let Chat { name, section, urls, .. } = chat;
    match channel {
        Some(channel) => {
            let file = format!("{name}-url-{channel}");
            secret_file(urls, channel, &file, found, draft);
        }
        None => {
            let file = format!("{name}-url");
            secret_file(section, "default_url_file", &file, found, draft);
        }
    }
}

/// Says of a text out of the published examples that it is no secret.
fn doubt(found: &Found<'_>, text: &str, file: &str, draft: &mut Draft) {
    let is_example = text.to_ascii_lowercase().contains("xxxxx") || text == "mybadpassword";
    if is_example {
        let advice = format!("the real one in the file {file}");
        draft.note(&found.origin, "this is the text of the example, not yours", advice);
    }
}
