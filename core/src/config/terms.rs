//! What a rule is about: a text, or a list of texts, for each field that it names.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::{problem::Fault, reader::Item};
use crate::matcher;
use crate::matcher::Matcher;

/// Reads the fields that are there.
pub(super) fn matcher<'a>(terms: Vec<(&'a str, Item<'a>)>) -> Matcher {
    let mut matcher = Matcher::default();
    for (field, item) in terms {
        for item in item.one_or_more("a text, or a list of texts") {
            item.judged("a text, or a list of texts", |value| {
                matcher.add(field, value).map_err(|error| match error {
                    matcher::Error::Field => Fault::new("unknown key", error.to_string()),
                    matcher::Error::TooMany => Fault::new("one more term", error.to_string()),
                    matcher::Error::Value => {
                        Fault::of(value, "can match nothing", error.to_string())
                    }
                })
            });
        }
    }
    matcher
}
