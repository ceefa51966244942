//! Hides the secrets of a configuration from chats, the audit and the journal.
//!
//! Junos shows `/* SECRET-DATA */` instead of a secret to a login that may not read secrets, and
//! marks a line with a secret with `## SECRET-DATA` (junos "secret" permission flag). So do we. A
//! value is a secret if the word before it says so, if it has the form of an encrypted one
//! (`$9$…`), or if Junos marked its line. If in doubt, more is hidden: everything in a statement
//! after such a word.

use alloc::{borrow::ToOwned, string::String};

use crate::base::secret::is_secret_name;

/// Replaces a secret.
const MASK: &str = "/* SECRET-DATA */";
/// Junos writes this after a line with a secret.
const MARK: &str = "SECRET-DATA";
/// Words of Junos before a secret that do not sound like one.
const WORDS: [&str; 3] = ["ascii-text", "cak", "hexadecimal"];

/// One line without its secrets: of a configuration, a difference, or a message of a switch or an
/// API.
pub fn redact(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix(MASK) {
            shown.push_str(MASK);
            rest = after;
            continue;
        }
        let (token, after) = rest.split_at(token_len(rest, first));
        let name = token.trim_matches('"');
        let assigned = after.trim_start().strip_prefix([':', '=']);
        if is_encrypted(name) {
            shown.push_str(MASK);
            rest = after;
        } else if let Some(value) = assigned.filter(|_| is_secret(name)) {
            shown.push_str(token);
            shown.push_str(lead(after, value));
            rest = masked(value, value_len(value), &mut shown);
        } else if !token.starts_with('"') && is_secret(name) {
            shown.push_str(token);
            rest = masked(after, statement_len(after), &mut shown);
        } else {
            shown.push_str(token);
            rest = after;
        }
    }
    if shown.contains(MARK) && !shown.contains(MASK) { marked(&shown) } else { shown }
}

/// Hides the value of `len` bytes, unless it is blank, and returns what follows it.
fn masked<'a>(text: &'a str, len: usize, shown: &mut String) -> &'a str {
    let (value, rest) = text.split_at(len);
    let bare = value.trim();
    if bare.is_empty() {
        shown.push_str(value);
    } else {
        shown.push_str(lead(value, value.trim_start()));
        shown.push_str(MASK);
        shown.push_str(value.strip_prefix(value.trim_end()).unwrap_or_default());
    }
    rest
}

/// The part of `text` before its end `rest`.
fn lead<'a>(text: &'a str, rest: &str) -> &'a str {
    text.get(..text.len() - rest.len()).unwrap_or_default()
}

/// The first word of a line that Junos marked, with the rest hidden.
fn marked(line: &str) -> String {
    let start = line.find(|c: char| c.is_alphanumeric()).unwrap_or(0);
    let (_, statement) = line.split_at(start);
    let word = statement.find(char::is_whitespace).unwrap_or(statement.len());
    let (head, rest) = line.split_at(start + word);
    let mut shown = head.to_owned();
    let rest = masked(rest, statement_len(rest), &mut shown);
    shown.push_str(rest);
    shown
}

fn is_secret(name: &str) -> bool {
    (is_secret_name(name) && name != MARK)
        || WORDS.iter().any(|word| word.eq_ignore_ascii_case(name))
}

/// The forms of crypt and of Junos: `$1$…`, `$9$…`, `$sha1$…`.
fn is_encrypted(value: &str) -> bool {
    value.strip_prefix('$').and_then(|rest| rest.split_once('$')).is_some_and(|(form, _)| {
        (1..=6).contains(&form.len()) && form.bytes().all(|b| b.is_ascii_alphanumeric())
    })
}

/// The length of a text in quotes, of a word, or of the one character between words.
fn token_len(text: &str, first: char) -> usize {
    let in_word = |c: char| c.is_alphanumeric() || "-_$./+".contains(c);
    if first == '"' {
        quoted_len(text)
    } else if in_word(first) {
        text.find(|c| !in_word(c)).unwrap_or(text.len())
    } else {
        first.len_utf8()
    }
}

/// The length of a text in quotes; if they are not closed, all of it.
fn quoted_len(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if c == '"' && !is_escaped {
            return at + 1;
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    text.len()
}

/// The length of an assigned value: a text in quotes or a word; all the rest for a list or object.
fn value_len(text: &str) -> usize {
    let value = text.trim_start();
    let space = text.len() - value.len();
    space
        + match value.chars().next() {
            Some('"') => quoted_len(value),
            Some('[' | '{') => value.len(),
            _ => value.find([',', '}', ']', ';']).unwrap_or(value.len()),
        }
}

/// The length of the rest of a statement; 0 if a block begins.
fn statement_len(text: &str) -> usize {
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        match rest.chars().next() {
            Some('"') => at += quoted_len(rest),
            Some(';' | '{') | None => return at,
            Some(c) => at += c.len_utf8(),
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_hidden_and_the_rest_is_as_it_was() {
        for (line, shown) in [
            (
                "set interfaces ge-0/0/7 native-vlan-id 42",
                "set interfaces ge-0/0/7 native-vlan-id 42",
            ),
            (
                r#"set system login user a authentication encrypted-password "$6$aB$x/y.""#,
                "set system login user a authentication encrypted-password /* SECRET-DATA */",
            ),
            (
                "set protocols dot1x authenticator radius 10.0.0.1 secret hunter2 timeout 3",
                "set protocols dot1x authenticator radius 10.0.0.1 secret /* SECRET-DATA */",
            ),
            (
                r#"+    pre-shared-key ascii-text "a b;c\"d"; ## SECRET-DATA"#,
                "+    pre-shared-key /* SECRET-DATA */; ## SECRET-DATA",
            ),
            ("+    pre-shared-key {", "+    pre-shared-key {"),
            (r#"+      ascii-text "hunter2";"#, "+      ascii-text /* SECRET-DATA */;"),
            (
                r#"-    value "$9$abc"; ## SECRET-DATA"#,
                "-    value /* SECRET-DATA */; ## SECRET-DATA",
            ),
            (
                r#"+    ssh-rsa "AAA b"; ## SECRET-DATA"#,
                "+    ssh-rsa /* SECRET-DATA */; ## SECRET-DATA",
            ),
            (
                "[edit system authentication-key 7]",
                "[edit system authentication-key /* SECRET-DATA */",
            ),
            (
                r#"ge-0/0/1: {"usage":"ap","psk": "hunter2", "mtu":9000}"#,
                r#"ge-0/0/1: {"usage":"ap","psk": /* SECRET-DATA */, "mtu":9000}"#,
            ),
            (r#"{"keys":["a","b"],"mtu":1}"#, r#"{"keys":/* SECRET-DATA */"#),
            ("token=abc, mtu=9000", "token=/* SECRET-DATA */, mtu=9000"),
            (
                r#"description "the key is under the mat""#,
                r#"description "the key is under the mat""#,
            ),
            (r#"password "unfinished"#, "password /* SECRET-DATA */"),
            ("password", "password"),
            ("", ""),
        ] {
            assert_eq!(redact(line), shown);
            assert_eq!(redact(shown), shown, "what is hidden stays as it is");
        }
    }

    #[test]
    fn any_text_is_taken() {
        let line = "+ \"ä\\\" key: [\"é\" $9$ü SECRET-DATA ; token={ cak\u{2028}";
        for (start, _) in line.char_indices() {
            let (_, tail) = line.split_at(start);
            for (end, _) in tail.char_indices() {
                let (part, _) = tail.split_at(end);
                assert!(redact(part).len() <= part.len() + 4 * MASK.len(), "{part:?}");
            }
        }
    }
}
