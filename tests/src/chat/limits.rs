//! What the chats accept, written from their documentation and not from our shapers.
//!
//! Each vendor's `check` takes the body of a POST. It reports every fault for which the vendor
//! would refuse the message, drop a part of it, or show another text than was meant. No faults mean
//! that the payload is fine. Lengths are in UTF-16 code units, which is the larger of the two
//! counts that a vendor may use.

use mistgate_core::base::secret::Secret;
use mistgate_core::chat::kind::{Kind, Options};
use serde_json::{Map, Value};

use super::{server::Answer, stand_in::Card};

pub mod google;
mod markdown;
pub mod pagerduty;
pub mod slack;
pub mod teams;

/// A vendor as the tests know it: what it accepts, what it answers, and what readers see.
#[derive(Debug)]
pub struct Vendor {
    pub kind: &'static Kind,
    /// The name that the vendor uses.
    pub product: &'static str,
    /// Its colour in the demos, as a terminal's SGR code.
    pub colour: &'static str,
    /// Finds every fault of the body of a POST.
    pub check: fn(&str) -> Vec<String>,
    pub taken: Answer,
    pub refused: Answer,
    /// Reads a message, unless it is in the plain form, into what a reader sees.
    pub read: fn(&mut Card, &Value),
}

/// The vendors of the chats, which show cards.
pub static VENDORS: [&Vendor; 3] = [&slack::VENDOR, &teams::VENDOR, &google::VENDOR];

/// The vendor of a chat. `None` for other kinds.
pub fn vendor(kind: &Kind) -> Option<&'static Vendor> {
    VENDORS.into_iter().find(|vendor| vendor.kind == kind)
}

/// Every fault of a payload by its vendor's limits, if it has a vendor.
pub fn check(kind: &Kind, body: &str) -> Vec<String> {
    let pagerduty = &pagerduty::VENDOR;
    let vendor = vendor(kind).or((pagerduty.kind == kind).then_some(pagerduty));
    vendor.map_or_else(Vec::new, |vendor| (vendor.check)(body))
}

/// The keys that a kind needs, with some value.
pub fn options(kind: &Kind) -> Options {
    let required = kind.keys.iter().filter(|key| key.is_required);
    let keys = required.map(|key| (key.name, Secret::new("0123456789abcdef0123456789abcdef")));
    Options { keys: keys.collect() }
}

/// The faults found so far.
#[derive(Debug, Default)]
struct Findings(Vec<String>);

impl Findings {
    fn say(&mut self, path: &str, fault: impl AsRef<str>) {
        self.0.push(format!("{path}: {}", fault.as_ref()));
    }

    /// Adds `fault` unless `holds`.
    fn expect(&mut self, holds: bool, path: &str, fault: impl AsRef<str>) {
        if !holds {
            self.say(path, fault);
        }
    }

    /// Parses a JSON object, and checks all texts in it.
    fn document(&mut self, json: &str) -> Option<Value> {
        match serde_json::from_str(json) {
            Ok(document @ Value::Object(_)) => {
                self.clean("", &document);
                Some(document)
            }
            Ok(_) => {
                self.say("", "not an object");
                None
            }
            Err(error) => {
                self.say("", format!("not JSON: {error}"));
                None
            }
        }
    }

    /// Checks that no text has control characters, which some JSON readers refuse and no chat
    /// shows, or bidirectional controls, with which a name can disguise itself (UAX #9, Trojan
    /// Source).
    fn clean(&mut self, path: &str, value: &Value) {
        match value {
            Value::String(text) => {
                let is_bad = |c: char| {
                    (c.is_control() && c != '\n')
                        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
                };
                if let Some(bad) = text.chars().find(|c| is_bad(*c)) {
                    self.say(path, format!("holds {}", bad.escape_unicode()));
                }
            }
            Value::Array(items) => {
                for (nth, item) in items.iter().enumerate() {
                    self.clean(&format!("{path}[{nth}]"), item);
                }
            }
            Value::Object(members) => {
                for (name, member) in members {
                    self.clean(&join(path, name), member);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// The members of an object, each of which the vendor must know.
    fn object<'a>(
        &mut self,
        path: &str,
        value: &'a Value,
        known: &[&str],
    ) -> Option<&'a Map<String, Value>> {
        let Some(members) = value.as_object() else {
            self.say(path, "not an object");
            return None;
        };
        for name in members.keys() {
            self.expect(known.contains(&name.as_str()), path, format!("unknown member {name}"));
        }
        Some(members)
    }

    /// A text that a reader sees, of at most `max` units.
    fn text<'a>(&mut self, path: &str, value: Option<&'a Value>, max: usize) -> Option<&'a str> {
        let Some(text) = value.and_then(Value::as_str) else {
            self.say(path, "not a text");
            return None;
        };
        self.expect(!text.trim().is_empty(), path, "empty");
        let units = text.encode_utf16().count();
        self.expect(units <= max, path, format!("{units} characters, expected at most {max}"));
        Some(text)
    }

    /// A list of 1 to `max` items.
    fn list<'a>(&mut self, path: &str, value: Option<&'a Value>, max: usize) -> &'a [Value] {
        let Some(items) = value.and_then(Value::as_array) else {
            self.say(path, "not a list");
            return &[];
        };
        self.expect(!items.is_empty(), path, "empty");
        self.expect(
            items.len() <= max,
            path,
            format!("{} items, expected at most {max}", items.len()),
        );
        items
    }

    /// Checks that a member is absent or has one of these values.
    fn word(&mut self, path: &str, members: &Map<String, Value>, name: &str, words: &[&str]) {
        if let Some(value) = members.get(name) {
            let holds = value.as_str().is_some_and(|word| words.contains(&word));
            self.expect(holds, &join(path, name), format!("{value}, expected one of {words:?}"));
        }
    }

    /// Checks for an absolute `https` URL without characters that end or break it.
    fn url(&mut self, path: &str, value: Option<&Value>, max: usize) {
        if let Some(url) = self.text(path, value, max) {
            let host =
                url.strip_prefix("https://").and_then(|rest| rest.split(['/', '?', '#']).next());
            self.expect(host.is_some_and(|host| !host.is_empty()), path, "not an https URL");
            let whole = url.chars().all(|c| c.is_ascii_graphic() && !"\"<>\\^`|".contains(c));
            self.expect(whole, path, "not one URL");
        }
    }

    /// Checks that no two are equal.
    fn unique<'a>(&mut self, path: &str, names: impl IntoIterator<Item = &'a str>) {
        let mut seen = std::collections::BTreeSet::new();
        for name in names {
            self.expect(seen.insert(name), path, format!("{name} twice"));
        }
    }

    /// Checks that `&`, `<` and `>` are escaped. A `<` may stay if `is_live` accepts what follows
    /// it, up to the next `>`.
    fn entities(&mut self, path: &str, text: &str, is_live: impl Fn(&str) -> bool) {
        let mut rest = text;
        while let Some(at) = rest.find(['&', '<']) {
            let (_, found) = rest.split_at(at);
            let after = found.get(1..).unwrap_or_default();
            if found.starts_with('&') {
                let holds = ["amp;", "lt;", "gt;"].iter().any(|name| after.starts_with(name));
                self.expect(holds, path, format!("unescaped & in {text:?}"));
            } else {
                let inner = after.split_once('>').map_or(after, |(inner, _)| inner);
                self.expect(is_live(inner), path, format!("unescaped <{inner}>"));
            }
            rest = after;
        }
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// Whether `c` is part of a word. Next to such a character `_` is no markup.
fn is_word(c: Option<char>) -> bool {
    c.is_some_and(char::is_alphanumeric)
}
