//! Comments and names: public items have docs that say more than their names, comments refer only
//! to what is in the repository, and names avoid words without a meaning.

use super::{none, sources};

/// A doc of fewer words only repeats the name.
const DOC_WORDS_MIN: usize = 3;
/// Words that do not tell what a type is.
const BANNED: [&str; 4] = ["Handler", "Helper", "Manager", "Util"];
/// Prefixes that do not tell what a function does.
const BANNED_BEGINNINGS: [&str; 3] = ["do_", "get_", "process_"];
const ITEMS: [&str; 9] =
    ["const", "enum", "fn", "mod", "static", "struct", "trait", "type", "union"];

/// An item defined on a line.
struct Item<'a> {
    kind: &'a str,
    name: &'a str,
    is_public: bool,
}

impl<'a> Item<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut words = line.split_whitespace().peekable();
        let is_public = words.peek() == Some(&"pub");
        let mut kind = words.find(|word| {
            let qualifies = ["async", "pub", "unsafe"].contains(word) || word.starts_with("pub(");
            !qualifies
        })?;
        let mut rest = words.next()?;
        if kind == "const" && rest == "fn" {
            (kind, rest) = (rest, words.next()?);
        }
        let end = rest.find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(rest.len());
        let name = rest.get(..end).filter(|name| !name.is_empty())?;
        ITEMS.contains(&kind).then_some(Self { kind, name, is_public })
    }
}

/// The lines above the tests, with their numbers from 1.
fn product(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(text.lines().take_while(|line| !line.trim_start().starts_with("#[cfg(test)]")))
}

#[test]
fn docs_say_more_than_names() {
    let mut faults = Vec::new();
    for (name, text) in sources() {
        let is_documented = ["core/src/", "runtime/src/", "appliance/", "tests/src/"]
            .iter()
            .any(|folder| name.starts_with(folder));
        if !is_documented || name.ends_with("/tests.rs") {
            continue;
        }
        if !text.starts_with("//! ") {
            faults.push(format!("{name}:1: the module has no doc"));
        }
        // The words of the doc above the next item. `None` without a doc.
        let mut doc: Option<Vec<&str>> = None;
        for (number, line) in product(&text) {
            let code = line.trim_start();
            if let Some(words) = code.strip_prefix("///") {
                doc.get_or_insert_default().extend(words.split_whitespace());
            } else if ["#[argh", "option", "positional", "switch"]
                .iter()
                .any(|of| code.starts_with(of))
            {
                // This doc is the help text of an argument, and may be short.
                doc = Some(vec!["…"; DOC_WORDS_MIN]);
            } else if !code.starts_with("#[") && !code.starts_with(")]") {
                match (doc.take(), Item::parse(line)) {
                    (Some(words), _) if words.len() < DOC_WORDS_MIN => {
                        let words = words.join(" ");
                        faults.push(format!("{name}:{number}: this says too little: {words}"));
                    }
                    (None, Some(Item { kind, name: item, is_public: true }))
                        if !["const", "mod", "static"].contains(&kind) =>
                    {
                        faults.push(format!("{name}:{number}: {kind} {item} has no doc"));
                    }
                    _ => {}
                }
            }
        }
    }
    none(faults);
}

#[test]
fn names_avoid_the_words_that_say_nothing() {
    let mut faults = Vec::new();
    for (name, text) in sources() {
        for (number, line) in (1..).zip(text.lines()) {
            let Some(item) = Item::parse(line) else {
                continue;
            };
            let word = BANNED.iter().find(|word| item.name.contains(**word));
            let beginning = BANNED_BEGINNINGS.iter().find(|word| item.name.starts_with(**word));
            if let Some(word) = word.or(beginning) {
                faults.push(format!("{name}:{number}: {} has {word} in its name", item.name));
            }
        }
    }
    none(faults);
}

#[test]
fn comments_refer_to_what_is_here() {
    // Split, so that this line does not match.
    let absent = concat!("fac", "ts/");
    let mut faults = Vec::new();
    for (name, text) in sources() {
        for (number, line) in (1..).zip(text.lines()) {
            if line.split_once("//").is_some_and(|(_, comment)| comment.contains(absent)) {
                faults.push(format!("{name}:{number}: {absent} is not in the repository"));
            }
        }
    }
    none(faults);
}
