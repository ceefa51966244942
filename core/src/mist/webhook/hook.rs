//! A webhook as Mist shows it. Mist leaves out what has its default.

use alloc::{borrow::Cow, borrow::ToOwned, collections::BTreeSet, string::String, vec::Vec};
use core::fmt;

use http_types::Url;

use crate::{base::secret::Secret, base::text::one_line, event::Detail, mist::object::Object};

/// The most characters of a name.
const NAME_MAX: usize = 80;
/// The type that posts JSON and signs it.
pub(super) const HTTP_POST: &str = "http-post";

/// One webhook, of the organisation or of a site.
#[derive(Clone)]
pub struct Hook {
    /// All of its members, which are written back with it.
    pub object: Object,
    pub id: String,
    /// For people: on one line, and bounded.
    pub name: String,
    /// The name of its site; `None` where it is the organisation's.
    pub site: Option<String>,
    pub is_enabled: bool,
    /// Who is sent to in which way: `http-post`, `splunk` and others.
    pub kind: String,
    /// Without a user and a password. `None` if there is none that can be read.
    pub url: Option<Url>,
    pub topics: BTreeSet<String>,
    pub secret: Shown,
    pub verifies_cert: bool,
    pub is_single: bool,
    pub rules: Vec<Rule>,
    /// Whether what no rule is about is not sent.
    pub blocks_rest: bool,
}

/// What Mist shows of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// No such member, or null.
    Absent,
    /// An empty text.
    Empty,
    /// Stars in its place.
    Masked,
    Text(Secret),
}

/// Which events are sent, or are not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub json: String,
    /// `None`: every topic.
    pub topic: Option<String>,
    pub is_block: bool,
    /// Members of events, and the values that the rule is about; none for all events.
    pub matching: Vec<(String, Vec<String>)>,
}

/// The webhook's object may hold secrets.
impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hook").field("id", &self.id).field("name", &self.name).finish()
    }
}

impl Hook {
    /// Reads an element of the list of the site of this name, or of the organisation. `None`
    /// without an id.
    pub fn read(element: Detail<'_>, site: Option<&str>) -> Option<Self> {
        let object = Object::parse(element.raw())?;
        let text = |name: &str| Some(element.get(name)?.text()?.into_owned());
        let flag = |name: &str, default| text(name).map_or(default, |flag| flag == "true");
        let list = |name: &str| element.get(name).map(Detail::items).unwrap_or_default();
        let topics = element.get("topics").map(Detail::texts).unwrap_or_default();
        Some(Self {
            id: text("id")?,
            name: one_line(&text("name").unwrap_or_default(), NAME_MAX),
            site: site.map(ToOwned::to_owned),
            is_enabled: flag("enabled", true),
            kind: one_line(&text("type").unwrap_or_else(|| HTTP_POST.to_owned()), NAME_MAX),
            url: text("url").and_then(|url| place(&url)),
            topics: topics.into_iter().map(|topic| topic.into_owned()).collect(),
            secret: shown(element.get("secret")),
            verifies_cert: flag("verify_cert", true),
            is_single: flag("single_event_per_message", false),
            rules: list("rules").into_iter().map(Rule::read).collect(),
            blocks_rest: text("default_action").is_some_and(|action| action == "block"),
            object,
        })
    }
}

impl Rule {
    fn read(rule: Detail<'_>) -> Self {
        let text = |name: &str| Some(rule.get(name)?.text()?.into_owned());
        let matching = rule.get("matching").map(Detail::members).unwrap_or_default();
        let owned = |value: Cow<'_, str>| value.into_owned();
        Self {
            json: rule.raw().to_owned(),
            topic: text("topic"),
            is_block: text("action").is_some_and(|action| action == "block"),
            matching: matching
                .into_iter()
                .map(|(field, of)| (owned(field), of.texts().into_iter().map(owned).collect()))
                .collect(),
        }
    }

    /// Whether it is about events of this topic.
    pub fn is_about(&self, topic: &str) -> bool {
        self.topic.as_deref().is_none_or(|own| own == topic)
    }
}

/// A URL without a user and a password, which Mist sends along but does not connect to.
fn place(url: &str) -> Option<Url> {
    let mut url = Url::parse(url).ok()?;
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    Some(url)
}

fn shown(secret: Option<Detail<'_>>) -> Shown {
    match secret.and_then(Detail::string) {
        None => Shown::Absent,
        Some(text) if text.is_empty() => Shown::Empty,
        Some(text) if text.chars().all(|c| c == '*') => Shown::Masked,
        Some(text) => Shown::Text(Secret::new(text)),
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    fn hook(json: &str) -> Option<Hook> {
        Hook::read(serde_json::from_str(json).expect("JSON"), None)
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let hook = hook(r#"{"id":"w","url":"https://u:p4ss@gw.example/x"}"#).expect("a webhook");
        assert!(hook.is_enabled && hook.verifies_cert && !hook.is_single && !hook.blocks_rest);
        assert_eq!((hook.kind.as_str(), &hook.secret), (HTTP_POST, &Shown::Absent));
        assert_eq!(hook.url.as_ref().map(Url::as_str), Some("https://gw.example/x"));
        assert!(!format!("{hook:?}").contains("p4ss"));
        assert!(self::hook("{}").is_none() && self::hook("[]").is_none());
    }

    #[test]
    fn members_are_read_leniently() {
        let hook = hook(
            r#"{"id":"w","name":"a\nb","url":null,"topics":"zone","secret":"***","enabled":false,
                "verify_cert":false,"single_event_per_message":true,"default_action":"block",
                "type":"splunk","rules":[{"topic":"alarms","action":"block",
                "matching":{"type":["x"]}},{"action":"permit","matching":null},7]}"#,
        );
        let hook = hook.expect("a webhook");
        assert_eq!((hook.name.as_str(), hook.kind.as_str()), ("a b", "splunk"));
        assert!(!hook.is_enabled && !hook.verifies_cert && hook.is_single && hook.blocks_rest);
        assert_eq!((&hook.url, &hook.secret), (&None, &Shown::Masked));
        assert!(hook.topics.contains("zone"));
        let [block, permit, unclear] = hook.rules.as_slice() else {
            panic!("{:?}", hook.rules);
        };
        assert!(block.is_block && block.is_about("alarms") && !block.is_about("audits"));
        assert_eq!(block.matching, [("type".into(), ["x".into()].into())]);
        assert!(!permit.is_block && permit.is_about("audits") && permit.matching.is_empty());
        assert!(!unclear.is_block);
        for (secret, expected) in [("\"\"", Shown::Empty), ("null", Shown::Absent)] {
            let hook = self::hook(&format!(r#"{{"id":"w","secret":{secret}}}"#));
            assert_eq!(hook.map(|hook| hook.secret), Some(expected));
        }
    }
}
