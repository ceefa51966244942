//! What a rule is about: a text, or a list of texts, for each field that it names.

use alloc::{string::ToString, vec::Vec};

use super::{problem::Fault, problem::meant, problem::suggested, reader::Item};
use crate::notify::{Severity, topics};
use crate::{base::glob, event::Topic, matcher, matcher::Field, matcher::Matcher};

/// Reads the fields that are there.
pub(super) fn matcher<'a>(terms: Vec<(&'a str, Item<'a>)>) -> Matcher {
    let mut matcher = Matcher::default();
    for (field, item) in terms {
        for item in item.one_or_more("a text, or a list of texts") {
            let value = item.judged("a text, or a list of texts", |value| {
                let added = matcher.add(field, value).map_err(|error| match error {
                    matcher::Error::Field => Fault::new("unknown key", error.to_string()),
                    matcher::Error::TooMany => Fault::new("one more term", error.to_string()),
                    matcher::Error::Value => {
                        let severities = Severity::ALL.map(Severity::name);
                        let expected = suggested(value, &severities, error.to_string());
                        Fault::of(value, "can match nothing", expected)
                    }
                });
                added.map(|()| value)
            });
            if let Some(value) = value {
                check(field, value, &item);
            }
        }
    }
    matcher
}

/// Warns of names that no event has. Mist may send topics of which we know nothing.
fn check(field: &str, value: &str, item: &Item<'_>) {
    if field == Field::Type.name() {
        let names: Vec<&str> = topics::all().map(|row| row.name).collect();
        let pattern = value.to_lowercase();
        if !names.iter().any(|name| glob::matches(&pattern, &name.to_lowercase())) {
            item.warning("no event type that we know", suggested(value, &names, NEWER));
        }
    } else if field == Field::Topic.name() {
        let names = Topic::KNOWN.each_ref().map(Topic::name);
        if !names.contains(&value) && meant(value, &names).is_some() {
            item.warning("no topic that we know", suggested(value, &names, ""));
        }
    }
}

/// Where a type may come from that our tables do not have.
pub(super) const NEWER: &str = "the name that Mist gives it, unless it is newer than this mistgate";
