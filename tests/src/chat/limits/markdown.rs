//! Texts that are markup in Markdown: CommonMark 0.31, the strikethrough of GitHub, which Teams has
//! too, and the `{{DATE(…)}}` of Adaptive Cards.

use super::is_word;

/// The first markup in a line, if there is any.
pub(super) fn live(line: &str) -> Option<&'static str> {
    let bare = without_escapes(line);
    let found = [
        (["](", "][", "]:"].iter().any(|end| bare.contains(end)), "link"),
        (bare.contains('`'), "code"),
        (bare.contains('*') || has_outer_underscore(&bare), "emphasis"),
        (bare.contains("~~"), "strikethrough"),
        (has_tag(&bare), "tag"),
        (has_entity(&bare), "entity"),
        (bare.contains("{{"), "function"),
        (is_item(&bare), "list item"),
        (is_rule(&bare), "rule"),
        (ends_or_space(bare.trim_start_matches('#')) && bare.starts_with('#'), "heading"),
        (bare.starts_with('>'), "quote"),
    ];
    found.into_iter().find_map(|(holds, what)| holds.then_some(what))
}

/// The line with each escaped character replaced by one without a meaning.
fn without_escapes(line: &str) -> String {
    let mut bare = String::new();
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        let after = rest.clone().next();
        if c == '\\' && after.is_some_and(|after| after.is_ascii_punctuation()) {
            rest.next();
            bare.push('\u{e000}');
        } else {
            bare.push(c);
        }
    }
    bare
}

fn has_outer_underscore(text: &str) -> bool {
    let mut before = None;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c == '_' && !(is_word(before) && is_word(rest.clone().next())) {
            return true;
        }
        before = Some(c);
    }
    false
}

fn has_tag(text: &str) -> bool {
    let opens =
        |rest: &str| rest.starts_with(|c: char| c.is_ascii_alphabetic() || "/!?".contains(c));
    text.split('<').skip(1).any(opens)
}

fn has_entity(text: &str) -> bool {
    text.split('&').skip(1).any(|rest| {
        rest.split_once(';').is_some_and(|(name, _)| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '#')
        })
    })
}

fn is_item(line: &str) -> bool {
    let bullet = line.strip_prefix(['-', '+']);
    let number = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let number = number.strip_prefix(['.', ')']).filter(|_| number.len() < line.len());
    bullet.or(number).is_some_and(ends_or_space)
}

fn is_rule(line: &str) -> bool {
    line.len() > 2 && line.chars().all(|c| c == '-' || c == ' ')
}

fn ends_or_space(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with(' ')
}
