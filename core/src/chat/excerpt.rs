//! What every kind shows of a [`Notification`]: clean single lines, cut to what people read.
//!
//! A kind only lays out and escapes. Here the text from outside loses what could break a layout
//! or deceive a reader (line breaks, control characters, bidirectional overrides), and becomes
//! short enough for the [`Form`]. Lengths are counted by the kind's own [`Cost`], so a cut
//! never falls inside an escape sequence.

use alloc::{format, string::String, vec::Vec};

use super::shape::Form;
use crate::base::text::{is_bidi_control, is_blank, is_joined, is_space};
use crate::notify::{Fact, Link, Listing, Notification, Severity};

/// What one character adds to a length as the vendor counts it, escaping included.
pub(super) type Cost = fn(char) -> usize;

/// The colour of a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Quiet,
    Neutral,
    Good,
    Warning,
    Critical,
}

impl Tone {
    /// The tone of a notification. A recovery is good news whatever its severity.
    pub(super) fn of(notification: &Notification) -> Self {
        if notification.is_over {
            return Self::Good;
        }
        match notification.severity {
            Severity::Debug => Self::Quiet,
            Severity::Info => Self::Neutral,
            Severity::Warning => Self::Warning,
            Severity::Critical => Self::Critical,
        }
    }

    /// A coloured disc, for chats that colour nothing else. The severity's name always stands
    /// beside it, for readers who do not see the colour.
    pub(super) const fn mark(self) -> char {
        match self {
            Self::Quiet => '⚪',
            Self::Neutral => '🔵',
            Self::Good => '🟢',
            Self::Warning => '🟠',
            Self::Critical => '🔴',
        }
    }
}

/// The part of a notification that a form shows. Nothing in it is escaped.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Excerpt {
    pub(super) tone: Tone,
    /// The headline, which is never empty.
    pub(super) title: String,
    /// May be empty.
    pub(super) summary: String,
    /// Severity and time.
    pub(super) status: String,
    /// Label and value, neither empty.
    pub(super) facts: Vec<Fact>,
    /// The number of facts that were left out, in words, or empty.
    pub(super) more: String,
    pub(super) listing: Option<Listing>,
    /// Buttons with `https` URLs.
    pub(super) links: Vec<Link>,
}

impl Excerpt {
    /// The excerpt for `form`, with lengths counted by `cost`.
    pub(super) fn of(notification: &Notification, form: Form, cost: Cost) -> Self {
        let most = Most::of(form);
        let shown = |fact: &&Fact| !is_blank(&fact.value);
        let count = notification.facts.iter().filter(shown).count();
        let facts = notification.facts.iter().filter(shown).take(most.facts);
        let links = notification.links.iter().filter(|l| is_safe(&l.url, cost));
        Self {
            tone: Tone::of(notification),
            title: line_or(&notification.title, "Notification", most.title, cost),
            summary: line(&notification.summary, most.summary, cost),
            status: status(notification),
            facts: facts
                .map(|fact| Fact {
                    label: line_or(&fact.label, "Detail", most.label, cost),
                    value: line(&fact.value, most.value, cost),
                })
                .collect(),
            more: match count.saturating_sub(most.facts) {
                0 => String::new(),
                1 => String::from("… and 1 more detail"),
                more => format!("… and {more} more details"),
            },
            listing: notification.listing.as_ref().and_then(|all| listing(all, &most, cost)),
            links: links
                .take(most.links)
                .map(|link| Link {
                    text: line_or(&link.text, "Open", most.label, cost),
                    url: link.url.clone(),
                })
                .collect(),
        }
    }

    /// The headline with its mark.
    pub(super) fn headline(&self) -> String {
        format!("{} {}", self.tone.mark(), self.title)
    }

    /// Headline and summary in one line, for previews on a locked screen.
    pub(super) fn preview(&self) -> String {
        if self.summary.is_empty() {
            self.headline()
        } else {
            format!("{}: {}", self.headline(), self.summary)
        }
    }

    /// Everything as lines of text, for the plain form. Words are escaped by `escape`, URLs by
    /// `escape_url`.
    pub(super) fn lines(
        &self,
        escape: impl Fn(&str) -> String,
        escape_url: impl Fn(&str) -> String,
    ) -> Vec<String> {
        let facts = self.facts.iter();
        let links = self.links.iter();
        let mut lines = Vec::from([self.headline(), self.summary.clone(), self.status.clone()]);
        lines.extend(facts.map(|fact| format!("{}: {}", fact.label, fact.value)));
        lines.push(self.more.clone());
        if let Some(Listing { label, lines: listed }) = &self.listing {
            lines.push(format!("{label}:"));
            lines.extend(listed.iter().map(|line| spaced(line)));
        }
        lines.retain(|line| !line.is_empty());
        let words = lines.iter().map(|line| escape(line));
        words
            .chain(links.map(|link| format!("{}: {}", escape(&link.text), escape_url(&link.url))))
            .collect()
    }
}

/// The first form from `best` down whose body has at most `max` bytes, and that body. The plain
/// form is taken unmeasured: what it shows is bounded, well below every vendor's limit.
pub(super) fn first_within(
    max: usize,
    best: Form,
    body: impl Fn(Form) -> String,
) -> (Form, String) {
    for form in [Form::Rich, Form::Compact] {
        if form >= best {
            let body = body(form);
            if body.len() <= max {
                return (form, body);
            }
        }
    }
    (Form::Plain, body(Form::Plain))
}

/// `text` as one line of at most `max` by `cost`: runs of white space and control characters
/// become one space, bidirectional controls disappear, and what is too long ends in `…`.
/// Empty if nothing visible is left.
pub(super) fn line(text: &str, max: usize, cost: Cost) -> String {
    if is_blank(text) {
        return String::new();
    }
    within(words(text), max, cost)
}

/// As many characters as fit, and `…` if some are left. It reads no further than it must, because a
/// megabyte may be cut to a line.
fn within(all: impl Iterator<Item = char>, max: usize, cost: Cost) -> String {
    const ELLIPSIS: char = '…';
    let mut line = String::new();
    let mut used = 0;
    // The longest prefix that leaves room for the ellipsis, in bytes.
    let mut keep = 0;
    for c in all {
        used += cost(c);
        line.push(c);
        if used + cost(ELLIPSIS) <= max {
            keep = line.len();
        }
        if used > max {
            cut(&mut line, keep);
            line.push(ELLIPSIS);
            break;
        }
    }
    line
}

/// The lines as a form shows them. What was cut is counted in a last line.
fn listing(all: &Listing, most: &Most, cost: Cost) -> Option<Listing> {
    let mut left = most.listing;
    let lines = all.lines.iter().filter(|line| !is_blank(line));
    let fits = |line: &String| {
        let used = line.chars().map(cost).sum::<usize>() + cost('\n');
        let fits = used <= left;
        left = left.saturating_sub(used);
        fits
    };
    let count = lines.clone().count();
    let shown = lines.map(|line| exact(line, most.line, cost));
    let mut lines: Vec<String> = shown.take(most.lines).take_while(fits).collect();
    match count - lines.len() {
        0 => {}
        1 => lines.push(String::from("… and 1 more line")),
        more => lines.push(format!("… and {more} more lines")),
    }
    let label = line_or(&all.label, "Lines", most.label, cost);
    (!lines.is_empty()).then_some(Listing { label, lines })
}

/// [`line()`] with its spaces: a configuration is read by its indentation.
pub(super) fn exact(text: &str, max: usize, cost: Cost) -> String {
    const TAB: &str = "    ";
    let visible = text.chars().filter(|c| !is_bidi_control(*c));
    let spaces = visible.flat_map(|c| {
        let (c, more) = match c {
            '\t' => (None, TAB),
            c if is_space(c) => (Some(' '), ""),
            c => (Some(c), ""),
        };
        c.into_iter().chain(more.chars())
    });
    let mut exact = within(spaces, max, cost);
    exact.truncate(exact.trim_end().len());
    exact
}

/// The line with no-break spaces at its beginning and after another space, where a chat would drop
/// or merge plain ones.
pub(super) fn spaced(line: &str) -> String {
    let mut before = ' ';
    let keep = |c: char| {
        let kept = if c == ' ' && before == ' ' { '\u{a0}' } else { c };
        before = c;
        kept
    };
    line.chars().map(keep).collect()
}

/// Characters in UTF-16 code units, the larger of the two ways in which a vendor may count them.
pub(super) const fn units(c: char) -> usize {
    c.len_utf16()
}

/// How much of a notification a form shows. These numbers are for readers; they lie below the
/// vendors' limits for one text.
struct Most {
    title: usize,
    summary: usize,
    label: usize,
    value: usize,
    facts: usize,
    links: usize,
    /// One line of a listing, all of its lines together, and how many.
    line: usize,
    listing: usize,
    lines: usize,
}

impl Most {
    const RICH: Self = Self {
        title: 120,
        summary: 1_000,
        label: 60,
        value: 500,
        facts: 30,
        links: 4,
        line: 160,
        listing: 2_500,
        lines: 40,
    };

    const COMPACT: Self = Self {
        title: 120,
        summary: 300,
        label: 40,
        value: 120,
        facts: 6,
        links: 1,
        line: 100,
        listing: 600,
        lines: 8,
    };

    const fn of(form: Form) -> Self {
        match form {
            Form::Rich => Self::RICH,
            Form::Compact | Form::Plain => Self::COMPACT,
        }
    }
}

fn status(notification: &Notification) -> String {
    let severity = match notification.severity {
        Severity::Debug => "Debug",
        Severity::Info => "Info",
        Severity::Warning => "Warning",
        Severity::Critical => "Critical",
    };
    match notification.at {
        Some(at) => format!("{severity} · {at}"),
        None => String::from(severity),
    }
}

fn line_or(text: &str, otherwise: &str, max: usize, cost: Cost) -> String {
    let line = line(text, max, cost);
    if line.is_empty() { String::from(otherwise) } else { line }
}

/// Shortens to `keep` bytes, or a little less where that would take an accent, a skin tone or the
/// second half of a joined emoji from the character that it belongs to.
fn cut(line: &mut String, keep: usize) {
    // Text may consist of nothing but marks; then it is cut within them.
    const MARKS_MAX: usize = 8;
    let mut dropped = line.get(keep..).and_then(|rest| rest.chars().next());
    line.truncate(keep);
    for _ in 0..MARKS_MAX {
        if !dropped.is_some_and(is_joined) && !line.ends_with('\u{200d}') {
            break;
        }
        dropped = line.pop();
    }
    line.truncate(line.trim_end().len());
}

/// The words of `text`, one space between them.
fn words(text: &str) -> impl Iterator<Item = char> {
    let visible = text.chars().filter(|c| !is_bidi_control(*c));
    let mut gap = None;
    visible.skip_while(|c| is_space(*c)).flat_map(move |c| {
        if is_space(c) {
            gap = Some(' ');
            return [None, None].into_iter().flatten();
        }
        [gap.take(), Some(c)].into_iter().flatten()
    })
}

/// Whether a URL keeps what [`Link`] promises. A vendor refuses the whole message for one bad URL,
/// so such a link is left out.
fn is_safe(url: &str, cost: Cost) -> bool {
    const URL_MAX: usize = 1_500;
    url.strip_prefix("https://")
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
        && url
            .chars()
            .all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>' | '\\' | '^' | '`' | '|'))
        && url.chars().map(cost).sum::<usize>() <= URL_MAX
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::borrow::ToOwned;

    use crate::base::time::UnixTime;

    fn check(text: &str, max: usize, expected: &str) {
        assert_eq!(line(text, max, units), expected, "{text:?}");
    }

    #[test]
    fn a_line_is_one_line_without_controls() {
        check("  a\r\n\tb\0c\u{2028}d ", 99, "a b c d");
        check("x\u{202e}gpj\u{2069}.exe", 99, "xgpj.exe");
        check("a \u{202e} b", 99, "a b");
        check("שלום\u{200f}!", 99, "שלום\u{200f}!");
        check("\u{200b}\u{feff} \u{3164}", 99, "");
    }

    #[test]
    fn a_long_line_ends_in_an_ellipsis_within_its_limit() {
        check("abcdef", 6, "abcdef");
        check("abcdefg", 6, "abcde…");
        check("abcd efg", 6, "abcd…");
        check("😀😀😀😀", 8, "😀😀😀😀");
        check("😀😀😀😀😀", 8, "😀😀😀…");
        assert_eq!(line("<<<<", 9, |c| if c == '<' { 4 } else { 1 }), "<<…");
    }

    #[test]
    fn a_cut_takes_no_part_of_a_character() {
        check("abcde\u{301}fg", 6, "abcd…");
        check("ab👩\u{200d}🚒cde", 7, "ab…");
        check("ab👍\u{1f3fd}cdef", 5, "ab…");
        let marks = "\u{301}".repeat(50);
        assert_eq!(line(&marks, 20, units).chars().count(), 12);
    }

    fn notification() -> Notification {
        let fact = |label: &str, value: &str| Fact {
            label: String::from(label),
            value: String::from(value),
        };
        let link = |url: &str| Link { text: String::new(), url: String::from(url) };
        Notification {
            severity: Severity::Warning,
            title: String::from("\u{202e}\n"),
            summary: String::new(),
            facts: Vec::from([fact("", "a"), fact("Blank", " \u{200b}"), fact("B", "b")]),
            listing: None,
            links: Vec::from([
                link("http://a"),
                link("https://"),
                link("https:///x"),
                link("https://a/\"b"),
                link("https://a/ä"),
                link("https://a/b?c=d&e=f#!g"),
            ]),
            at: Some(UnixTime::from_secs(1_752_000_000)),
            is_over: false,
            is_acknowledged: false,
            thread: None,
            incidents: Vec::new(),
        }
    }

    #[test]
    fn what_says_nothing_is_left_out_and_what_must_be_there_is() {
        let excerpt = Excerpt::of(&notification(), Form::Rich, units);
        assert_eq!(
            excerpt.lines(str::to_owned, str::to_owned),
            [
                "🟠 Notification",
                "Warning · 2025-07-08 18:40:00 UTC",
                "Detail: a",
                "B: b",
                "Open: https://a/b?c=d&e=f#!g",
            ]
        );
        assert_eq!(excerpt.preview(), "🟠 Notification");
    }

    #[test]
    fn facts_beyond_the_most_are_counted() {
        let mut notification = notification();
        for (count, more) in
            [(30, ""), (31, "… and 1 more detail"), (10_000, "… and 9970 more details")]
        {
            notification.facts = (0..count)
                .map(|nth| Fact { label: String::from("N"), value: format!("{nth}") })
                .collect();
            let excerpt = Excerpt::of(&notification, Form::Rich, units);
            assert_eq!((excerpt.facts.len(), excerpt.more.as_str()), (30, more));
        }
    }

    #[test]
    fn a_listing_keeps_its_indentation_and_says_what_it_leaves_out() {
        let mut notification = notification();
        let mut shown = |lines: &[&str]| {
            let lines = lines.iter().map(|line| String::from(*line)).collect();
            notification.listing = Some(Listing { label: String::from("Difference"), lines });
            let listing = |form| Excerpt::of(&notification, form, units).listing;
            (listing(Form::Rich).map(|all| all.lines), listing(Form::Compact).map(|all| all.lines))
        };
        let (rich, _) = shown(&["[edit]", "", "+   a\u{202e}\u{7} \tb;  ", "\u{200b}"]);
        assert_eq!(rich.as_deref(), Some(["[edit]", "+   a      b;"].map(String::from).as_slice()));
        assert_eq!(shown(&[" ", ""]), (None, None));
        let long = "x".repeat(200);
        let (rich, compact) = shown(&[long.as_str(); 50]);
        let (rich, compact) = (rich.unwrap_or_default(), compact.unwrap_or_default());
        assert_eq!(rich.first().map(|line| line.chars().count()), Some(160));
        assert_eq!(rich.last().map(String::as_str), Some("… and 35 more lines"));
        assert_eq!(compact.last().map(String::as_str), Some("… and 45 more lines"));
        let (rich, _) = shown(&["a"; 41]);
        assert_eq!(rich.unwrap_or_default().last().map(String::as_str), Some("… and 1 more line"));
    }

    #[test]
    fn spaces_that_a_chat_would_take_for_one_are_kept() {
        assert_eq!(spaced("  a b  c"), "\u{a0}\u{a0}a b \u{a0}c");
        assert_eq!(spaced("+   a;"), "+ \u{a0}\u{a0}a;");
    }

    #[test]
    fn the_first_form_that_fits_is_taken() {
        let body = |form| match form {
            Form::Rich => "rich form".into(),
            Form::Compact => "compact".into(),
            Form::Plain => String::from("x"),
        };
        assert_eq!(first_within(9, Form::Rich, body).0, Form::Rich);
        assert_eq!(first_within(8, Form::Rich, body).0, Form::Compact);
        assert_eq!(first_within(6, Form::Rich, body).0, Form::Plain);
        assert_eq!(first_within(9, Form::Compact, body).0, Form::Compact);
        assert_eq!(first_within(0, Form::Plain, body).0, Form::Plain);
    }
}
