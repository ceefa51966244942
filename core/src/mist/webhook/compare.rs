//! What differs between the webhook as it is wanted and as Mist has it. Nothing here is asked or
//! changed.

use alloc::{collections::BTreeSet, format, string::String, vec::Vec};

use http_types::Url;

use super::{hook::HTTP_POST, hook::Hook, hook::Rule, hook::Shown, survey::Found, wanted::Wanted};
use crate::base::{order, text::one_line};

/// The most characters of a list or of a rule.
const LIST_MAX: usize = 200;

/// One thing that is not as it should be. Prints as a line for people, without secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Difference {
    /// No webhook of the organisation sends to our URL; these send elsewhere on its host.
    #[error(
        "no webhook of the organisation sends to {url}{}",
        part("; to the same host, but not there: ", .near)
    )]
    Missing { url: Url, near: Vec<String> },
    #[error("enabled: it is disabled, so nothing is sent")]
    Disabled,
    #[error("type: {0} — only {HTTP_POST} is signed")]
    Kind(String),
    /// These topics are routed, and not sent.
    #[error("topics: {} missing", list(.0))]
    Topics(Vec<String>),
    /// These are routed.
    #[error(
        "topics: {} can only be sent by webhooks of sites, and none sends them here",
        list(.0)
    )]
    SiteTopics(Vec<String>),
    #[error("secret: there is none, so all that is sent is refused as unsigned")]
    NoSecret,
    #[error("secret: not the newest of webhook.secrets")]
    OldSecret,
    #[error("secret: not the one of [webhook], so all that is sent is refused")]
    OtherSecret,
    #[error("verify_cert: off, so whoever answers in our place gets everything")]
    VerifiesNoCert,
    #[error("verify_cert: on, and webhook.verify_cert is false")]
    VerifiesCert,
    #[error("single_event_per_message: on, which makes a request of each event")]
    SingleEvent,
    #[error("rules: number {number} blocks what is routed: {words}")]
    Rule { number: usize, words: String },
    /// What no rule permits is not sent.
    #[error(
        "default_action: block{}{}",
        part(", so nothing is sent of ", .nothing_of),
        part(", so only what a rule permits is sent of ", .part_of)
    )]
    DefaultAction { nothing_of: Vec<String>, part_of: Vec<String> },
    /// Another webhook, of the organisation or of a site, sends these topics to our URL too.
    #[error("webhook \"{name}\" of {whose} sends {} here a second time", list(.topics))]
    Twice { name: String, whose: String, topics: Vec<String> },
    #[error("token: it has rights, but none in this organisation: {rights}")]
    TokenElsewhere { rights: String },
    #[error("token: ports.method = \"mist\" writes, and it may only read: {rights}")]
    TokenReads { rights: String },
}

/// Something that could not be judged. Prints as a line for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Note {
    #[error("secret: Mist does not show it to this token, so it is not compared")]
    SecretHidden,
    #[error("the webhooks of {0} sites could not be looked at")]
    SitesUnread(usize),
}

/// The result of a comparison.
#[derive(Clone, Debug)]
pub struct Comparison<'f> {
    /// The webhook that is ours.
    pub ours: Option<&'f Hook>,
    pub differences: Vec<Difference>,
    pub notes: Vec<Note>,
}

impl Difference {
    /// Whether the token is not what it should be, and not the webhook.
    pub const fn is_of_token(&self) -> bool {
        matches!(self, Self::TokenElsewhere { .. } | Self::TokenReads { .. })
    }

    /// Whether a change of our webhook, or a new one, takes it away.
    pub const fn is_mendable(&self) -> bool {
        !matches!(
            self,
            Self::SiteTopics(_)
                | Self::Twice { .. }
                | Self::TokenElsewhere { .. }
                | Self::TokenReads { .. }
        )
    }
}

/// Says what differs.
pub fn compare<'f>(wanted: &Wanted, found: &'f Found) -> Comparison<'f> {
    let mut differences = token(wanted, found);
    let mut notes = Vec::new();
    let Some(url) = &wanted.url else { return Comparison { ours: None, differences, notes } };
    let here = |hook: &&Hook| hook.url.as_ref() == Some(url);
    let all: Vec<&Hook> = found.webhooks.iter().filter(here).collect();
    let topics = wanted.topics();
    let shared = |hook: &Hook| hook.topics.intersection(&topics).count();
    let of_org = all.iter().copied().filter(|hook| hook.site.is_none());
    // Of those that are equal, the first.
    let ours = of_org.rev().max_by_key(|hook| (hook.is_enabled, shared(hook)));
    match ours {
        None => {
            let host = url.host();
            let is_near = |hook: &&Hook| {
                hook.site.is_none() && hook.url.as_ref().is_some_and(|url| url.host() == host)
            };
            let near = found.webhooks.iter().filter(is_near);
            let near = near.map(|hook| hook.name.clone()).collect();
            differences.push(Difference::Missing { url: url.clone(), near });
        }
        Some(ours) => {
            differences.extend(own(wanted, found, ours));
            let (secret, note) = secret(wanted, found, ours);
            differences.extend(secret);
            notes.extend(note);
            differences.extend(rules(wanted, ours));
        }
    }
    let at_sites = all.iter().filter(|hook| hook.site.is_some() && hook.is_enabled);
    let at_sites: BTreeSet<&String> = order::collect(at_sites.flat_map(|hook| &hook.topics));
    let none = topics.intersection(&found.site_topics).filter(|topic| !at_sites.contains(topic));
    let none: Vec<String> = none.cloned().collect();
    if !none.is_empty() {
        differences.push(Difference::SiteTopics(none));
    }
    differences.extend(all.iter().filter_map(|hook| twice(ours?, hook)));
    if found.unread_sites > 0 {
        notes.push(Note::SitesUnread(found.unread_sites));
    }
    Comparison { ours, differences, notes }
}

fn token(wanted: &Wanted, found: &Found) -> Vec<Difference> {
    let Found { token, .. } = found;
    if token.is_elsewhere(&wanted.org) {
        Vec::from([Difference::TokenElsewhere { rights: token.words() }])
    } else if wanted.writes && !token.may_write(&wanted.org) {
        Vec::from([Difference::TokenReads { rights: token.words() }])
    } else {
        Vec::new()
    }
}

/// The differences of single members.
fn own(wanted: &Wanted, found: &Found, ours: &Hook) -> Vec<Difference> {
    let missing: Vec<String> = topics(wanted, found).difference(&ours.topics).cloned().collect();
    let is_encrypted = wanted.url.as_ref().is_some_and(|url| url.scheme() == "https");
    let is_on = ours.verifies_cert;
    let verifies = if is_on { Difference::VerifiesCert } else { Difference::VerifiesNoCert };
    let all = [
        (!ours.is_enabled).then_some(Difference::Disabled),
        (ours.kind != HTTP_POST).then(|| Difference::Kind(ours.kind.clone())),
        (!missing.is_empty()).then_some(Difference::Topics(missing)),
        (is_encrypted && is_on != wanted.verifies_cert).then_some(verifies),
        ours.is_single.then_some(Difference::SingleEvent),
    ];
    all.into_iter().flatten().collect()
}

/// The topics that a webhook of the organisation is to have.
pub fn topics(wanted: &Wanted, found: &Found) -> BTreeSet<String> {
    wanted.topics().difference(&found.site_topics).cloned().collect()
}

fn secret(wanted: &Wanted, found: &Found, ours: &Hook) -> (Option<Difference>, Option<Note>) {
    let difference = match &ours.secret {
        Shown::Masked => return (None, Some(Note::SecretHidden)),
        // Whether Mist leaves secrets out for those who may only read is not documented.
        Shown::Absent if !found.token.may_write(&wanted.org) => {
            return (None, Some(Note::SecretHidden));
        }
        Shown::Absent | Shown::Empty => Some(Difference::NoSecret),
        Shown::Text(secret) => match wanted.secrets.iter().position(|known| known == secret) {
            Some(0) => None,
            Some(_) => Some(Difference::OldSecret),
            None => Some(Difference::OtherSecret),
        },
    };
    (difference, None)
}

/// What rules keep back. Whether Mist takes the first that fits is not documented, so one that
/// blocks counts wherever it stands.
fn rules(wanted: &Wanted, ours: &Hook) -> Vec<Difference> {
    let blocking = (1..).zip(&ours.rules).filter(|(_, rule)| starves(wanted, rule));
    let mut differences: Vec<Difference> =
        blocking.map(|(number, rule)| Difference::Rule { number, words: words(rule) }).collect();
    if ours.blocks_rest {
        let (mut nothing_of, mut part_of) = (Vec::new(), Vec::new());
        for topic in wanted.topics() {
            let permits = |rule: &&Rule| !rule.is_block && rule.is_about(&topic);
            let mut permits = ours.rules.iter().filter(permits).peekable();
            if permits.peek().is_none() {
                nothing_of.push(topic);
            } else if permits.all(|rule| !rule.matching.is_empty()) {
                part_of.push(topic);
            }
        }
        if !nothing_of.is_empty() || !part_of.is_empty() {
            differences.push(Difference::DefaultAction { nothing_of, part_of });
        }
    }
    differences
}

/// Whether a rule keeps back something that is routed. One that is only about types that go nowhere
/// does not.
pub fn starves(wanted: &Wanted, rule: &Rule) -> bool {
    let types = rule.matching.iter().find(|(field, _)| field == "type").map(|(_, types)| types);
    let is_wanted = |topic: &String| match types {
        Some(types) => types.iter().any(|kind| wanted.takes(topic, kind)),
        None => true,
    };
    rule.is_block && wanted.topics().iter().any(|topic| rule.is_about(topic) && is_wanted(topic))
}

fn words(rule: &Rule) -> String {
    let topic = rule.topic.as_deref().unwrap_or("every topic");
    let of = |(field, values): &(String, Vec<String>)| format!("{field} {}", values.join(", "));
    let matching: Vec<String> = rule.matching.iter().map(of).collect();
    let where_ = if matching.is_empty() { "" } else { " with " };
    one_line(&format!("{topic}{where_}{}", matching.join(" and ")), LIST_MAX)
}

/// Whether another webhook sends what ours sends.
fn twice(ours: &Hook, other: &Hook) -> Option<Difference> {
    let topics: Vec<String> = ours.topics.intersection(&other.topics).cloned().collect();
    let is_second =
        other.id != ours.id && ours.is_enabled && other.is_enabled && !topics.is_empty();
    let of_site = other.site.as_ref().map(|site| format!("site {site}"));
    let whose = of_site.unwrap_or_else(|| "the organisation".into());
    is_second.then(|| Difference::Twice { name: other.name.clone(), whose, topics })
}

/// What is said of these topics, or nothing where there are none.
fn part(words: &str, topics: &[String]) -> String {
    if topics.is_empty() { String::new() } else { format!("{words}{}", list(topics)) }
}

fn list(topics: &[String]) -> String {
    one_line(&topics.join(", "), LIST_MAX)
}
