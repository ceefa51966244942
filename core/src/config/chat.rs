//! `[chat]`: destinations, routes, and how deliveries behave.

use alloc::{collections::BTreeSet, string::String, string::ToString, vec::Vec};
use core::time::Duration;

use super::{files::FileKind, reader::Item, routes, routes::DROP, section::Section, units, urls};
use super::{problem::Fault, routes::CHANNEL, routes::CHANNEL_LEN_MAX};
use crate::{base::secret::Secret, chat::kind::Format, chat::kind::Kind};
use crate::{chat::KINDS, chat::SHORT, chat::kind::Options, delivery::config::Chat};
use crate::{delivery::config::Delivery, delivery::config::Destination, route::Routes};

/// The destination of the channels without a URL of their own.
const DEFAULT: &str = "default";
const NAME: &str = "up to 64 of a-z, A-Z, 0-9, \"-\", \"_\" and \".\"";
/// The most tables `[[chat.destination]]`.
const NAMED_MAX: usize = 300;
/// The keys of [`named_urls`] and its neighbours.
const URLS: [&str; 4] = ["url", "url_file", "urls", "urls_file"];
const MAX_AGE_MAX: Duration = Duration::from_secs(30 * 86_400);

/// `[chat]` but for `routes.ignored_sites`, which `[mist]` holds.
pub(super) fn chat(section: &Section<'_>) -> Chat {
    let destinations = destinations(section);
    // Without any destination, or where a URL is wrong, that is what is worth saying.
    let complete = section.is_sound() && !destinations.is_empty();
    let mut chat = Chat {
        routes: Routes { approved_admins: approved_admins(section), ..Routes::default() }.into(),
        destinations,
        delivery: delivery(section),
    };
    let is_served = |channel: &str| !complete || chat.serving(channel).next().is_some();
    let rules = routes::rules(section, &chat, is_served);
    chat.routes.overrides = routes::overrides(section, is_served);
    chat.routes.rules = rules;
    chat
}

fn delivery(section: &Section<'_>) -> Delivery {
    let default = Delivery::default();
    let second = Duration::from_secs(1);
    let day = Duration::from_secs(86_400);
    let ca = section.item("extra_ca");
    let proxy = section.secret("http_proxy", "http_proxy_file");
    Delivery {
        // Said in another section.
        keeps_all: false,
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
        http_proxy: proxy.and_then(|(item, url)| {
            let judged = urls::http_proxy(url.expose()).map_err(|fault| item.fault(fault));
            judged.ok().map(|()| url)
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
                _ => Err(Fault::of(text, "is not a mail address", ADDRESS)),
            }
        })
    };
    section.list("approved_admins", expected, admin).unwrap_or_default()
}

/// The destinations of all chats: the short forms, which have the names of their kinds, and the
/// others, each in the order of the file.
fn destinations(section: &Section<'_>) -> Vec<Destination> {
    let short = section.items(&SHORT.map(|kind| kind.name));
    let of_kind = |(name, item): (&str, Item<'_>)| {
        let kind = SHORT.into_iter().find(|kind| kind.name == name)?;
        item.section(|section| chat_of(section, kind, None))
    };
    let mut all: Vec<Vec<_>> = short.into_iter().filter_map(of_kind).collect();
    let expected = "tables, such as [[chat.destination]]";
    let tables = section.item("destination").map(|item| item.elements(expected));
    let tables = tables.unwrap_or_default();
    if let Some(item) = tables.get(NAMED_MAX) {
        item.problem("one more destination", alloc::format!("at most {NAMED_MAX}"));
    }
    let mut names: BTreeSet<&str> = SHORT.iter().map(|kind| kind.name).collect();
    let mut fallbacks = Vec::new();
    for item in tables.iter().take(NAMED_MAX) {
        let Some((to, fallback)) = item.section(|section| named(section, &mut names)) else {
            continue;
        };
        fallbacks.extend(fallback.map(|item| (all.len(), item)));
        all.push(to);
    }
    let flat: Vec<Destination> = all.iter().flatten().cloned().collect();
    for (place, item) in fallbacks {
        let fallback = routes::chat_named(&item, &flat);
        for to in all.get_mut(place).into_iter().flatten() {
            to.fallback.clone_from(&fallback);
        }
    }
    all.into_iter().flatten().collect()
}

/// A table `[[chat.destination]]`, and what it names as its fallback. `names` are taken.
fn named<'a>(
    section: &Section<'a>,
    names: &mut BTreeSet<&'a str>,
) -> (Vec<Destination>, Option<Item<'a>>) {
    let known: Vec<_> = KINDS.iter().map(|kind| alloc::format!("\"{}\"", kind.name)).collect();
    let kinds = known.join(", ");
    let kind = section.required("kind", &kinds).and_then(|item| {
        item.judged(&kinds, |text| {
            let kind = KINDS.into_iter().find(|kind| kind.name == text);
            kind.ok_or_else(|| Fault::of(text, "is not a kind of destination", kinds.clone()))
        })
    });
    let name = section.required("name", NAME).and_then(|item| {
        item.judged(NAME, |text| {
            let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
            if !(1..=CHANNEL_LEN_MAX).contains(&text.len()) || !text.bytes().all(fits) {
                Err(Fault::of(text, "is not a destination's name", NAME))
            } else if !names.insert(text) {
                Err(Fault::of(text, "is the name of another one", "a name of its own"))
            } else {
                Ok(text)
            }
        })
    });
    let destinations = kind.map(|kind| chat_of(section, kind, Some(name.unwrap_or_default())));
    let keys = KINDS.iter().flat_map(|kind| kind.keys);
    let mut others = Vec::from(URLS);
    others.extend(["pace", "format"]);
    others.extend(keys.flat_map(|key| [Some(key.name), key.file]).flatten());
    if let Some(kind) = kind {
        section.refuse(&others, &alloc::format!("the kind {} has no such key", kind.name));
    } else {
        section.items(&others);
    }
    (name.and(destinations).unwrap_or_default(), section.item("fallback"))
}

/// One destination for each URL of a chat, which has the name of its kind if it has none of its
/// own. One that prints has no URL, and takes every channel.
fn chat_of(section: &Section<'_>, kind: &'static Kind, name: Option<&str>) -> Vec<Destination> {
    let chat = name.unwrap_or(kind.name);
    let options = Options { keys: own_keys(section, kind) };
    let new = |channel: &str| {
        let is_plain = name.is_some() && channel == DEFAULT;
        let full = if is_plain { chat.to_string() } else { alloc::format!("{chat}/{channel}") };
        Destination {
            is_named: name.is_some(),
            default: channel == DEFAULT,
            options: options.clone(),
            ..Destination::new(kind, chat, full)
        }
    };
    if kind.url.is_none() {
        return Vec::from([new(DEFAULT)]);
    }
    let format = format(section, kind);
    let expected = "a pace such as \"1/s\", or \"off\" for no limit";
    let pace = section.judged("pace", expected, units::pace).unwrap_or_else(|| kind.pace.to_vec());
    let (key, file_key) =
        if name.is_some() { ("url", "url_file") } else { ("default_url", "default_url_file") };
    let default = section.secret(key, file_key);
    let tables = section.items(&["urls", "urls_file"]);
    let mut destinations: Vec<Destination> = Vec::new();
    if section.lacks(&[key, file_key, "urls", "urls_file"]) {
        match kind.default_url {
            Some(url) => destinations.push(Destination {
                format,
                url: Some(Secret::new(url)),
                pace: pace.clone(),
                ..new(DEFAULT)
            }),
            None => {
                let expected = alloc::format!("{key}, urls, or both");
                section.problem("there is no URL to post to", expected);
            }
        }
    }

    let named = named_urls(tables).into_iter();
    let named = named.map(|(channel, item, url)| (Some(channel), item, url));
    for (channel, item, url) in named.chain(default.map(|(item, url)| (None, item, url))) {
        let Some(url) = accepted(kind, &item, url) else {
            continue;
        };
        let channel_name = channel.as_deref().unwrap_or(DEFAULT);
        let place = destinations.iter().position(|to| to.url.as_ref() == Some(&url));
        let place = place.unwrap_or_else(|| {
            let (url, pace) = (Some(url), pace.clone());
            destinations.push(Destination { format, url, pace, ..new(channel_name) });
            destinations.len() - 1
        });
        if let Some(destination) = destinations.get_mut(place) {
            destination.default |= channel.is_none();
            destination.channels.extend(channel);
        }
    }
    destinations
}

/// The values of the keys that only this kind has.
fn own_keys(section: &Section<'_>, kind: &'static Kind) -> Vec<(&'static str, Secret)> {
    let mut values = Vec::new();
    for key in kind.keys {
        let names: Vec<_> = [Some(key.name), key.file].into_iter().flatten().collect();
        if key.is_required && section.lacks(&names) {
            section.missing(key.file.unwrap_or(key.name), key.expected);
        }
        let Some((found, item)) = section.one_of(&names) else { continue };
        let items = if key.is_list { item.one_or_more(key.expected) } else { Vec::from([item]) };
        for item in items {
            let value = match key.file {
                None => item.text(key.expected).map(Secret::new),
                Some(file) if file == found => item.secret_file(),
                Some(_) => item.secret(),
            };
            if value.as_ref().is_some_and(|value| !(key.fits)(value.expose())) {
                item.problem("this is something else", key.expected);
            }
            values.extend(value.map(|value| (key.name, value)));
        }
    }
    values
}

/// The key `format`, which only a kind of several formats has.
fn format(section: &Section<'_>, kind: &'static Kind) -> &'static Format {
    if kind.formats.len() < 2 {
        return kind.default_format();
    }
    let names: Vec<_> =
        kind.formats.iter().map(|format| alloc::format!("\"{}\"", format.name)).collect();
    let expected = names.join(" or ");
    let format = section.judged("format", &expected, |text| {
        let found = kind.formats.iter().find(|format| format.name == text);
        found.ok_or_else(|| Fault::of(text, "is not a format", expected.clone()))
    });
    if let Some((what, expected)) = format.and_then(|format| format.warning) {
        section.warning("format", what, expected);
    }
    format.unwrap_or_else(|| kind.default_format())
}

fn accepted(kind: &Kind, item: &Item<'_>, url: Secret) -> Option<Secret> {
    let warnings = urls::chat(kind, url.expose()).map_err(|fault| item.fault(fault)).ok()?;
    for Fault { what, expected } in warnings {
        item.warning(what, expected);
    }
    Some(url)
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
            } else if routes::channel(channel).is_err() {
                item.problem("this is not a channel's name", CHANNEL);
            } else if let Some(secret) = secret {
                named.push((channel.to_string(), item, secret));
            }
        }
    }
    named
}
