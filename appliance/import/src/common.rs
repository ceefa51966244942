//! What MWTT and MESA have in common: Mist's cloud, the webhook, and the chats.

use mistgate_core::{base::secret::Secret, config::problem::segment};

use super::{draft::Content, draft::Draft, entry::Origin, old::Found, old::Table, value::Form};

/// A chat product: what the old programs call its settings, our name of it, its section, and the
/// section of its URLs.
type Chat = (&'static str, &'static str, &'static str, &'static str);

/// The chats of MWTT; MESA has the first two.
pub(super) const CHATS: [Chat; 3] = [
    ("slack_conf", "slack", "chat.slack", "chat.slack.urls_file"),
    ("msteams_conf", "teams", "chat.teams", "chat.teams.urls_file"),
    ("gchat_conf", "google", "chat.google", "chat.google.urls_file"),
];
/// What to advise about a list of sites, in either program.
pub(super) const SITES: &str = "mist.ignored_sites, a list of site ids";

/// The webhook's secret.
const SECRET: &str = "webhook-secret";
/// Leaves room for what may be added to a name, in characters.
const CHANNEL_LEN_MAX: usize = 48;
/// In bytes; no type and no channel has a longer name.
const NAME_LEN_MAX: usize = 128;

/// Mist's cloud and its webhook, which both programs have in `mist_conf`. The cloud is the API's
/// host; in older versions it is the dashboard's.
pub(super) fn mist(old: &mut Table<'_>, cloud: &[&str], draft: &mut Draft) {
    if let Some(found) = old.take_any(cloud)
        && let Some(host) = found.text(draft, "mist.api_url, such as \"https://api.mist.com\"")
    {
        let host = host.strip_prefix("https://").unwrap_or(host).trim_end_matches('/');
        let url = match host.strip_prefix("manage.") {
            Some(cloud) => format!("https://api.{cloud}"),
            None => format!("https://{host}"),
        };
        draft.set("mist", "api_url", url, &found.origin);
    }
    let secret = old.take("mist_secret");
    let origin = secret.as_ref().map_or(&old.about, |found| &found.origin).clone();
    let content = match secret {
        Some(found) if !found.is_none() && found.value.text() != Some("") => {
            known(&found, SECRET, draft)
        }
        _ => Some(Content::New),
    };
    draft.secrets.push((content, origin));
    if let Some(found) = old.take("server_uri")
        && let Some(path) = found.text(draft, "webhook.paths, such as [\"/webhooks\"]")
    {
        draft.extend("webhook", "paths", [(path.to_owned(), found.origin)]);
    }
}

/// Puts the webhook secrets of all programs into files, each secret once.
pub(super) fn secrets(draft: &mut Draft) {
    let secrets = std::mem::take(&mut draft.secrets);
    let mut known: Vec<&(Option<Content>, Origin)> = Vec::new();
    for secret in &secrets {
        if matches!(secret.0, Some(Content::Known(_)))
            && !known.iter().any(|(same, _)| *same == secret.0)
        {
            known.push(secret);
        }
    }
    let file = if known.is_empty() { "the new one in the file" } else { "the one in the file" };
    for (_, origin) in secrets.iter().filter(|(content, _)| *content == Some(Content::New)) {
        let advice = format!("{file} {SECRET}, entered as the webhook's secret in Mist");
        draft.note(origin, "there is no secret, so anybody could send", advice);
    }
    // A secret that a program keeps elsewhere is used rather than a new one.
    let elsewhere = || secrets.iter().find(|(content, _)| content.is_none());
    let only = match known.as_slice() {
        [] => elsewhere().or(secrets.first()),
        [only] => Some(*only),
        _ => None,
    };
    if let Some((content, origin)) = only {
        return draft.file("webhook", "secret_file", (SECRET.into(), content.clone()), origin);
    }
    for (content, origin) in known {
        let second = if origin.program == "MWTT" { "" } else { "-2" };
        let name = format!("{SECRET}{second}");
        draft.extend("webhook", "secret_files", [(name.clone(), origin.clone())]);
        draft.keep(name, content.clone());
    }
}

/// `port`, or the one that is written in the program.
pub(super) fn listen(port: i64, origin: &Origin, draft: &mut Draft) {
    draft.set("webhook", "listen", format!("0.0.0.0:{port}"), origin);
}

/// The settings of a chat. If `only` is given, a single `url` is that of this channel.
/// Returns whether the chat is in use.
pub(super) fn chat(
    chat @ (_, _, section, _): Chat,
    mut old: Table<'_>,
    only: Option<&'static str>,
    draft: &mut Draft,
) -> bool {
    let enabled = old.take("enabled");
    if !enabled.as_ref().is_some_and(Found::is_true) {
        let what = match &enabled {
            Some(found) => format!("not carried over, as enabled is {}", found.value.form),
            None => "not carried over, as it is not enabled".into(),
        };
        let advice = format!("[{section}], where messages should go there after all");
        draft.note(&old.about, what, advice);
        return false;
    }
    if let Some(found) = old.take("default_url").filter(|found| !found.is_none()) {
        url(chat, None, &found, draft);
    }
    if let Some(found) = old.take("url") {
        if !matches!(found.value.form, Form::Dict(_)) {
            url(chat, only, &found, draft);
        } else if let Some(mut table) = found.table(draft) {
            for (old, found) in table.drain() {
                if !is_name(old, &found.origin, draft) {
                    continue;
                }
                let name = channel(old);
                if name != old {
                    let what = format!("the channel {} is called \"{name}\" here", segment(old));
                    draft.note(&found.origin, what, "that name in mistgate's configuration");
                }
                url(chat, Some(&name), &found, draft);
            }
        }
    }
    old.close(draft);
    true
}

/// Whether a text can be the name of a channel or type. One that is too long, or a URL, may be a
/// secret in the wrong place, and is reported without its text.
pub(super) fn is_name(text: &str, origin: &Origin, draft: &mut Draft) -> bool {
    let is_name = text.len() <= NAME_LEN_MAX && !text.contains("://");
    if !is_name {
        let what = "not carried over, as this is too long for a name, or a URL";
        draft.note(origin, what, "a channel's name, or a type's");
    }
    is_name
}

/// A channel's name in the letters that ours have.
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
    let content = known(found, name, draft);
    draft.file(section, key, (name.to_owned(), content), &found.origin);
}

fn url(
    (_, name, section, urls): Chat,
    channel: Option<&str>,
    found: &Found<'_>,
    draft: &mut Draft,
) {
    match channel {
        Some(channel) => {
            secret_file(urls, channel, &format!("{name}-url-{channel}"), found, draft);
        }
        None => secret_file(section, "default_url_file", &format!("{name}-url"), found, draft),
    }
}

/// A secret for a file.
fn known(found: &Found<'_>, file: &str, draft: &mut Draft) -> Option<Content> {
    let text = found.text(draft, &format!("the secret in the file {file}"))?;
    Some(Content::Known(Secret::new(text)))
}
