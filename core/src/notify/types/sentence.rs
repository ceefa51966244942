//! The language of the tables' sentences.
//!
//! `{name}` stands for a value of the event. `[a|b|c]` stands for the first of its alternatives
//! whose values are all there, and for nothing if there is none. Brackets do not nest. Outside of
//! brackets only `{device}`, `{bare}` and `{entities}` may stand, which every event has, so that no
//! sentence can have a hole: `[Port {port}|A port] of {device} went down[: {text}].` A test checks
//! the sentences of all tables.

use alloc::{borrow::Cow, string::String};

/// Says the sentence with the values that `value` knows, its first letter in upper case.
pub fn say<'v>(sentence: &str, value: &mut dyn FnMut(&str) -> Option<Cow<'v, str>>) -> String {
    let mut said = String::new();
    let mut rest = sentence;
    while let Some((before, bracketed)) = rest.split_once('[') {
        said.push_str(&fill(before, value).unwrap_or_default());
        let (alternatives, after) = bracketed.split_once(']').unwrap_or((bracketed, ""));
        let first = alternatives.split('|').find_map(|text| fill(text, value));
        said.push_str(&first.unwrap_or_default());
        rest = after;
    }
    said.push_str(&fill(rest, value).unwrap_or_default());
    capitalized(&said)
}

/// The text with its first letter in upper case.
pub fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

/// The text with its values, or `None` where one is missing.
fn fill<'v>(text: &str, value: &mut dyn FnMut(&str) -> Option<Cow<'v, str>>) -> Option<String> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, braced)) = rest.split_once('{') {
        filled.push_str(before);
        let (name, after) = braced.split_once('}')?;
        filled.push_str(&value(name)?);
        rest = after;
    }
    filled.push_str(rest);
    Some(filled)
}

#[cfg(test)]
pub(super) mod tests {
    use alloc::vec::Vec;

    use super::*;

    /// The values that every event has, if only as words such as `an AP`.
    const ALWAYS: [&str; 3] = ["bare", "device", "entities"];

    /// The values that an event may have.
    const SOMETIMES: [&str; 49] = [
        "alarm_class",
        "ap",
        "aps",
        "band",
        "because",
        "by",
        "bssids",
        "channel",
        "clients",
        "component",
        "destination",
        "file",
        "from_version",
        "fru_slot",
        "hold",
        "lag",
        "member",
        "mode",
        "neighbor",
        "next",
        "occurrences",
        "package",
        "path",
        "peer",
        "port",
        "ports",
        "pre_channel",
        "profile",
        "protocol_name",
        "radio_changes",
        "reason",
        "resource",
        "server",
        "server_change",
        "servers",
        "service",
        "site",
        "ssid",
        "ssids",
        "text",
        "to_version",
        "transition",
        "user",
        "vc-backup-id",
        "versions",
        "vlans",
        "vpn_name",
        "waiting",
        "whom",
    ];

    /// Why a sentence is not in the language.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(in crate::notify::types) enum Error {
        /// A bracket or brace is not closed, not opened, or nested.
        Brackets,
        /// No such value.
        Unknown,
        /// A value outside of brackets that an event may lack.
        Uncertain,
    }

    /// Whether a sentence is in the language.
    pub(in crate::notify::types) fn check(sentence: &str) -> Result<(), Error> {
        let mut bracketed = false;
        for (index, part) in sentence.split(['[', ']']).enumerate() {
            bracketed = index % 2 == 1;
            for name in names(part)? {
                if !ALWAYS.contains(&name) && !bracketed {
                    return Err(match SOMETIMES.contains(&name) {
                        true => Error::Uncertain,
                        false => Error::Unknown,
                    });
                }
                if !ALWAYS.contains(&name) && !SOMETIMES.contains(&name) {
                    return Err(Error::Unknown);
                }
            }
        }
        let opens_first = sentence
            .matches(['[', ']'])
            .enumerate()
            .all(|(index, bracket)| (bracket == "[") == (index % 2 == 0));
        match opens_first && !bracketed {
            true => Ok(()),
            false => Err(Error::Brackets),
        }
    }

    fn names(text: &str) -> Result<Vec<&str>, Error> {
        let mut names = Vec::new();
        let mut rest = text;
        while let Some((before, braced)) = rest.split_once('{') {
            let (name, after) = braced.split_once('}').ok_or(Error::Brackets)?;
            if before.contains('}') || name.contains('{') {
                return Err(Error::Brackets);
            }
            names.push(name);
            rest = after;
        }
        match rest.contains('}') {
            true => Err(Error::Brackets),
            false => Ok(names),
        }
    }

    fn said(sentence: &str) -> String {
        say(sentence, &mut |name| match name {
            "device" => Some(Cow::Borrowed("switch \"a\"")),
            "port" => Some(Cow::Borrowed("ge-0/0/1")),
            _ => None,
        })
    }

    #[test]
    fn the_first_alternative_without_a_hole_is_said() {
        assert_eq!(said("{device} lost[ {port}]."), "Switch \"a\" lost ge-0/0/1.");
        assert_eq!(said("[port {lag}|port {port}|a port] up[: {text}]."), "Port ge-0/0/1 up.");
        assert_eq!(said("[port {lag}|a port] up."), "A port up.");
        assert_eq!(said("[{text}]"), "");
    }

    #[test]
    fn a_sentence_that_could_have_a_hole_is_refused() {
        assert_eq!(check("[Port {port}|A port] of {device} is up."), Ok(()));
        assert_eq!(check("Port {port}."), Err(Error::Uncertain));
        assert_eq!(check("[{prot}]."), Err(Error::Unknown));
        assert_eq!(check("{prot}."), Err(Error::Unknown));
        for broken in ["[{port}", "{port]}", "a]", "]a[", "[a[b]]", "{device", "device}"] {
            assert_eq!(check(broken), Err(Error::Brackets), "{broken}");
        }
    }
}
