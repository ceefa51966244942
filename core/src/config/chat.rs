//! `[chat]`: destinations, routes, and how deliveries behave.

use alloc::{
    borrow::Cow,
    collections::BTreeMap,
    string::{String, ToString},
    vec::Vec,
};
use core::time::Duration;

use super::{
    checked::{Chat, Delivery, Destination},
    files::FileKind,
    problem::{Fault, meant, quoted},
    reader::Item,
    section::Section,
    units, urls,
};
use crate::{
    base::{secret::Secret, window::Window},
    chat::shape::{Kind, TeamsFormat},
    delivery::pace,
    event::Topic,
    notify::types,
    route::{Routes, Target},
};

/// What a value in `[chat.channels.<topic>]` must say to silence a type.
const DROP: &str = "drop";
/// The destination of the channels without a URL of their own.
const DEFAULT: &str = "default";
const CHANNEL: &str = "up to 64 of a-z, 0-9, \"-\" and \"_\"";
const CHANNEL_LEN_MAX: usize = 64;
const MAX_AGE_MAX: Duration = Duration::from_secs(30 * 86_400);

/// `[chat]` but for `routes.ignored_sites`, which `[mist]` holds.
pub(super) fn chat(section: &Section<'_>) -> Chat {
    let destinations = destinations(section);
    // Without any destination, or where a URL is wrong, that is what is worth saying.
    let complete = section.is_sound() && !destinations.is_empty();
    let mut chat = Chat {
        routes: Routes { approved_admins: approved_admins(section), ..Routes::default() },
        destinations,
        delivery: delivery(section),
    };
    chat.routes.overrides =
        overrides(section, |channel| !complete || !chat.destinations_of(channel).is_empty());
    chat
}

fn delivery(section: &Section<'_>) -> Delivery {
    let default = Delivery::default();
    let second = Duration::from_secs(1);
    let day = Duration::from_secs(86_400);
    let ca = section.item("extra_ca");
    let proxy = section.secret("http_proxy", "http_proxy_file");
    Delivery {
        max_age: section.duration("max_age", default.max_age, second..=MAX_AGE_MAX),
        timeout: section.duration(
            "timeout",
            default.timeout,
            Duration::from_millis(100)..=Duration::from_secs(300),
        ),
        queue_max: section.count("queue_max", default.queue_max, 1..=10_000_000),
        digest_after: section.duration("digest_after", default.digest_after, second..=day),
        extra_ca: ca
            .and_then(|item| item.file(FileKind::Certificates))
            .map(|(_, text)| text.to_string()),
        http_proxy: proxy.and_then(|(item, url)| match urls::http_proxy(url.expose()) {
            Ok(()) => Some(url),
            Err(fault) => {
                item.fault(fault);
                None
            }
        }),
    }
}

fn approved_admins(section: &Section<'_>) -> Vec<String> {
    const ADDRESS: &str = "an address such as \"user@example.net\"";
    let expected = "a list of mail addresses, such as [\"user@example.net\"]";
    let admin = |item: &Item<'_>| {
        item.judged(ADDRESS, |text| {
            let visible = text.chars().all(|c| !c.is_whitespace() && !c.is_control());
            match text.split_once('@') {
                Some((user, host)) if visible && !user.is_empty() && !host.is_empty() => {
                    Ok(text.to_lowercase())
                }
                _ => Err(Fault::new(
                    alloc::format!("{} is not a mail address", quoted(text)),
                    ADDRESS,
                )),
            }
        })
    };
    section
        .item("approved_admins")
        .map_or(Vec::new(), |list| list.elements(expected).iter().filter_map(admin).collect())
}

/// The destinations of all kinds, in the order of the file.
fn destinations(section: &Section<'_>) -> Vec<Destination> {
    let kinds = section.items(&["slack", "teams", "google", "console"]);
    let of_kind = |(name, item): (&str, Item<'_>)| {
        item.section(|section| match name {
            "slack" => posted(section, Kind::Slack, pace::SLACK),
            "google" => posted(section, Kind::Google, pace::GOOGLE),
            "teams" => posted(section, Kind::Teams(teams_format(section)), pace::TEAMS),
            _ => Vec::from([console()]),
        })
    };
    let all: Vec<_> = kinds.into_iter().filter_map(of_kind).collect();
    all.into_iter().flatten().collect()
}

/// Takes every channel; a printer needs neither a URL nor a pace.
fn console() -> Destination {
    Destination {
        name: alloc::format!("{}/{DEFAULT}", Kind::Console.name()),
        kind: Kind::Console,
        url: None,
        channels: Vec::new(),
        default: true,
        pace: Vec::new(),
    }
}

fn teams_format(section: &Section<'_>) -> TeamsFormat {
    let expected = "\"adaptive-card\" or \"message-card\"";
    let format = section.judged("format", expected, |text| match text {
        "adaptive-card" => Ok(TeamsFormat::AdaptiveCard),
        "message-card" => Ok(TeamsFormat::MessageCard),
        _ => {
            let what = alloc::format!("{} is not a format", quoted(text));
            Err(Fault::new(what, expected))
        }
    });
    if format == Some(TeamsFormat::MessageCard) {
        let what = "Microsoft Teams itself no longer takes message cards";
        let expected = "\"adaptive-card\", unless the receiver is a program of your own";
        section.warning("format", Fault::new(what, expected));
    }
    format.unwrap_or_default()
}

/// One destination for each URL of a kind.
fn posted(section: &Section<'_>, kind: Kind, vendor: &[Window]) -> Vec<Destination> {
    let expected = "a pace such as \"1/s\", or \"off\" for no limit";
    let pace = section.judged("pace", expected, units::pace).unwrap_or_else(|| vendor.to_vec());
    let default = section.secret("default_url", "default_url_file");
    let tables = section.items(&["urls", "urls_file"]);
    if section.lacks(&["default_url", "default_url_file", "urls", "urls_file"]) {
        section.problem("there is no URL to post to", "default_url, urls, or both");
    }

    let mut destinations: Vec<Destination> = Vec::new();
    for (channel, item, url) in named_urls(tables) {
        let Some(url) = accepted(kind, &item, url) else {
            continue;
        };
        match at(&mut destinations, &url) {
            Some(destination) => destination.channels.push(channel),
            None => destinations.push(Destination {
                name: alloc::format!("{}/{channel}", kind.name()),
                kind,
                url: Some(url),
                channels: Vec::from([channel]),
                default: false,
                pace: pace.clone(),
            }),
        }
    }
    if let Some(url) = default.and_then(|(item, url)| accepted(kind, &item, url)) {
        match at(&mut destinations, &url) {
            Some(destination) => destination.default = true,
            None => destinations.push(Destination {
                name: alloc::format!("{}/{DEFAULT}", kind.name()),
                kind,
                url: Some(url),
                channels: Vec::new(),
                default: true,
                pace,
            }),
        }
    }
    destinations
}

fn at<'d>(destinations: &'d mut [Destination], url: &Secret) -> Option<&'d mut Destination> {
    destinations.iter_mut().find(|destination| destination.url.as_ref() == Some(url))
}

fn accepted(kind: Kind, item: &Item<'_>, url: Secret) -> Option<Secret> {
    match urls::chat(kind, url.expose()) {
        Ok(doubts) => {
            for doubt in doubts {
                item.warning(doubt);
            }
            Some(url)
        }
        Err(fault) => {
            item.fault(fault);
            None
        }
    }
}

/// The channels with a URL of their own, in `urls` or, by file, in `urls_file`.
fn named_urls<'a>(tables: Vec<(&'static str, Item<'a>)>) -> Vec<(String, Item<'a>, Secret)> {
    let mut named: Vec<(String, Item<'a>, Secret)> = Vec::new();
    for (key, table) in tables {
        let expected = "a table of channels, such as { info = \"…\" }";
        let Some(entries) = table.entries(expected) else {
            continue;
        };
        if entries.is_empty() {
            table.problem("no channel is in it", expected);
        }
        for (channel, item) in entries {
            let secret = if key == "urls" { item.secret() } else { item.secret_file() };
            let earlier = named.iter().find(|(name, ..)| name == channel);
            if let Some((_, earlier, _)) = earlier {
                let what = alloc::format!("{} is set too", earlier.path);
                item.problem(what, "only one of the two");
            } else if matches!(channel, DROP | DEFAULT) {
                let what = alloc::format!("\"{channel}\" means something else here");
                item.problem(what, "another name for the channel");
            } else if !is_channel(channel) {
                item.problem("this is not a channel's name", CHANNEL);
            } else if let Some(secret) = secret {
                named.push((channel.to_string(), item, secret));
            }
        }
    }
    named
}

fn is_channel(name: &str) -> bool {
    (1..=CHANNEL_LEN_MAX).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'))
}

/// `[chat.channels.<topic>]`
fn overrides(
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
        item.warning(Fault::new("no topic that we know", expected));
    }
}

fn check_kind(topic: &str, kind: &str, item: &Item<'_>) {
    const ADMINS: &[&str] = &["approved_admins", "other_admins", "system"];
    if topic == Topic::Audits.name() && kind != "*" && !ADMINS.contains(&kind) {
        let what = "audits have no types, so this names none of them";
        let expected = "approved_admins, other_admins, system or \"*\"";
        item.warning(Fault::new(what, expected));
    }
    let is_ours = topic == Topic::Mistgate.name();
    if is_ours && kind != "*" && types::find(&Topic::Mistgate, kind).is_none() {
        let tables = types::tables(&Topic::Mistgate).iter();
        let names: Vec<_> = tables.flat_map(|table| table.iter()).map(|row| row.name).collect();
        let expected = match meant(&kind.to_ascii_uppercase(), &names) {
            Some(meant) => alloc::format!("did you mean \"{meant}\"?"),
            None => alloc::format!("one of {}", names.join(", ")),
        };
        item.warning(Fault::new("mistgate has no events of this type", expected));
    }
}

fn target(item: &Item<'_>, is_served: impl Fn(&str) -> bool) -> Option<Target> {
    let expected = "a channel's name, or \"drop\"";
    let name = item.judged(expected, |text| match text {
        DROP => Ok(DROP),
        name if is_channel(name) => Ok(name),
        other => {
            let what = alloc::format!("{} is not a channel's name", quoted(other));
            Err(Fault::new(what, CHANNEL))
        }
    })?;
    if name == DROP {
        return Some(Target::Drop);
    }
    if !is_served(name) {
        let what = alloc::format!("no destination serves the channel \"{name}\"");
        item.warning(Fault::new(what, "a URL for it, or a default_url"));
    }
    Some(Target::Channel(name.to_string()))
}
