//! Slack: Block Kit for an incoming webhook (docs.slack.dev, "Block Kit" and "Formatting message
//! text").
//!
//! Text from outside always stands in a `plain_text` object with `emoji` off. That is the one place
//! where Slack promises to interpret nothing: `mrkdwn` has no escape for `*`, `_`, `~` and `` ` ``,
//! and look-alikes or zero-width spaces would be copied along with a device's name. So the facts
//! are fields in pairs, a bold label left and its literal value right. `&`, `<` and `>` are
//! entities everywhere; Slack decodes them in both kinds of text, and without a bare `<` there is
//! no control sequence (`<!channel>`, `<@U…>`), whoever reads the payload.
//!
//! A listing stands between fences, where `mrkdwn` formats nothing either; the back quote, which
//! could end it early, is shown as its look-alike.

use alloc::{format, string::String, vec::Vec};

use serde::Serialize;

use crate::chat::{
    excerpt::{Excerpt, first_within, to_json, units},
    shape::{Form, Payload},
};
use crate::notify::{Listing, Notification};

/// Slack refuses blocks beyond some 12,000 characters together, containers included, with
/// `msg_blocks_too_long` (github.com/slackapi/bolt-js/issues/2509, not in the documentation).
/// Counting the bytes of the whole body stays on the safe side.
const BODY_MAX: usize = 10_000;
/// `fields` of a section block: two columns of five.
const FIELDS_MAX: usize = 10;

/// The body for an incoming webhook.
pub(super) fn shape(notification: &Notification, best: Form) -> Payload {
    let (form, body) = first_within(BODY_MAX, best, |form| {
        let excerpt = Excerpt::of(notification, form, cost);
        to_json(&match form {
            Form::Rich | Form::Compact => blocks(&excerpt),
            Form::Plain => plain(&excerpt),
        })
    });
    Payload { body, form, query: None }
}

fn blocks(excerpt: &Excerpt) -> Message {
    let mut blocks = Vec::from([Block::Header { text: Text::literal(&excerpt.headline()) }]);
    if !excerpt.summary.is_empty() {
        blocks.push(Block::Section {
            text: Some(Text::literal(&excerpt.summary)),
            fields: Vec::new(),
        });
    }
    let fields: Vec<Text> = excerpt
        .facts
        .iter()
        .flat_map(|fact| [Text::label(&fact.label), Text::literal(&fact.value)])
        .collect();
    blocks.extend(
        fields
            .chunks(FIELDS_MAX)
            .map(|fields| Block::Section { text: None, fields: fields.to_vec() }),
    );
    if let Some(Listing { label, lines }) = &excerpt.listing {
        let texts = [Text::label(label), Text::fenced(lines)];
        blocks.extend(texts.map(|text| Block::Section { text: Some(text), fields: Vec::new() }));
    }
    if !excerpt.links.is_empty() {
        let links = excerpt.links.iter().zip(1_usize..);
        blocks.push(Block::Actions {
            elements: links
                .map(|(link, nth)| Element::Button {
                    action_id: format!("link-{nth}"),
                    text: Text::literal(&link.text),
                    url: link.url.clone(),
                })
                .collect(),
        });
    }
    let notes = [&excerpt.status, &excerpt.more];
    blocks.push(Block::Context {
        elements: notes
            .into_iter()
            .filter(|note| !note.is_empty())
            .map(|note| Text::literal(note))
            .collect(),
    });
    Message {
        text: escape(&excerpt.preview()),
        mrkdwn: None,
        blocks,
        unfurl_links: false,
        unfurl_media: false,
    }
}

fn plain(excerpt: &Excerpt) -> Message {
    Message {
        text: excerpt.lines(escape, escape).join("\n"),
        mrkdwn: Some(false),
        blocks: Vec::new(),
        unfurl_links: false,
        unfurl_media: false,
    }
}

/// How Slack counts: after escaping.
const fn cost(c: char) -> usize {
    match entity(c) {
        Some(entity) => entity.len(),
        None => units(c),
    }
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match entity(c) {
            Some(entity) => escaped.push_str(entity),
            None => escaped.push(c),
        }
    }
    escaped
}

/// The three characters that Slack wants escaped, and no others.
const fn entity(c: char) -> Option<&'static str> {
    match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        _ => None,
    }
}

#[derive(Serialize)]
struct Message {
    /// The whole message where there are no blocks, else what a notification shows.
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    mrkdwn: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    blocks: Vec<Block>,
    unfurl_links: bool,
    unfurl_media: bool,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block {
    Header {
        text: Text,
    },
    Section {
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<Text>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        fields: Vec<Text>,
    },
    Actions {
        elements: Vec<Element>,
    },
    Context {
        elements: Vec<Text>,
    },
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Element {
    Button { action_id: String, text: Text, url: String },
}

#[derive(Clone, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Text {
    Mrkdwn { text: String, verbatim: bool },
    PlainText { text: String, emoji: bool },
}

impl Text {
    fn literal(text: &str) -> Self {
        Self::PlainText { text: escape(text), emoji: false }
    }

    /// Lines between fences, which hold nothing that could end them.
    fn fenced(lines: &[String]) -> Self {
        let lines = escape(&lines.join("\n").replace('`', "ˋ"));
        Self::Mrkdwn { text: format!("```\n{lines}\n```"), verbatim: true }
    }

    /// Bold, unless it holds anything that could mean something in `mrkdwn`.
    fn label(text: &str) -> Self {
        let is_inert =
            |c: char| c.is_alphanumeric() || matches!(c, ' ' | '&' | '-' | '/' | '(' | ')');
        if text.chars().all(is_inert) {
            Self::Mrkdwn { text: format!("*{}*", escape(text)), verbatim: true }
        } else {
            Self::literal(text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::{Fact, Link, Severity};

    fn notification() -> Notification {
        Notification {
            severity: Severity::Warning,
            title: String::from("AP <!channel> & co"),
            summary: String::from("AP \"*x*\" :fire: lost its connection."),
            facts: Vec::from([Fact {
                label: String::from("Reason"),
                value: String::from("_power_ <@U1>"),
            }]),
            listing: None,
            links: Vec::from([Link {
                text: String::from("AP insights"),
                url: String::from("https://manage.mist.com/admin/?a=1&b=2"),
            }]),
            at: None,
            thread: None,
        }
    }

    #[test]
    fn outside_text_is_literal_and_without_control_sequences() {
        let payload = shape(&notification(), Form::Rich);
        let expected = concat!(
            r#"{"text":"🟠 AP &lt;!channel&gt; &amp; co: AP \"*x*\" :fire: lost its connection.","#,
            r#""blocks":[{"type":"header","text":{"type":"plain_text","#,
            r#""text":"🟠 AP &lt;!channel&gt; &amp; co","emoji":false}},"#,
            r#"{"type":"section","text":{"type":"plain_text","#,
            r#""text":"AP \"*x*\" :fire: lost its connection.","emoji":false}},"#,
            r#"{"type":"section","fields":["#,
            r#"{"type":"mrkdwn","text":"*Reason*","verbatim":true},"#,
            r#"{"type":"plain_text","text":"_power_ &lt;@U1&gt;","emoji":false}]},"#,
            r#"{"type":"actions","elements":[{"type":"button","action_id":"link-1","#,
            r#""text":{"type":"plain_text","text":"AP insights","emoji":false},"#,
            r#""url":"https://manage.mist.com/admin/?a=1&b=2"}]},"#,
            r#"{"type":"context","elements":["#,
            r#"{"type":"plain_text","text":"Warning","emoji":false}]}],"#,
            r#""unfurl_links":false,"unfurl_media":false}"#,
        );
        assert_eq!(payload.body, expected);
        assert_eq!((payload.form, payload.query), (Form::Rich, None));
    }

    #[test]
    fn the_plain_form_is_text_that_slack_does_not_format() {
        let payload = shape(&notification(), Form::Plain);
        let expected = concat!(
            r#"{"text":"🟠 AP &lt;!channel&gt; &amp; co\nAP \"*x*\" :fire: lost its connection."#,
            r#"\nWarning\nReason: _power_ &lt;@U1&gt;"#,
            r#"\nAP insights: https://manage.mist.com/admin/?a=1&amp;b=2","#,
            r#""mrkdwn":false,"unfurl_links":false,"unfurl_media":false}"#,
        );
        assert_eq!(payload.body, expected);
    }

    #[test]
    fn a_listing_stands_between_fences_that_it_cannot_end() {
        let mut listed = notification();
        listed.listing = Some(Listing {
            label: String::from("Difference"),
            lines: Vec::from([String::from("+   a <b> ```"), String::from("*c*")]),
        });
        let body = shape(&listed, Form::Rich).body;
        let label = r#""text":{"type":"mrkdwn","text":"*Difference*","verbatim":true}"#;
        let fenced = concat!(
            r#""text":{"type":"mrkdwn","#,
            r#""text":"```\n+   a &lt;b&gt; ˋˋˋ\n*c*\n```","verbatim":true}"#
        );
        assert!(body.contains(label) && body.contains(fenced), "{body}");
    }

    #[test]
    fn a_header_of_entities_is_cut_between_them() {
        let mut long = notification();
        long.title = "&".repeat(100);
        let body = shape(&long, Form::Rich).body;
        let header = format!("\"🟠 {}…\"", "&amp;".repeat(23));
        assert!(body.contains(&header), "{body}");
    }

    #[test]
    fn too_much_text_takes_the_next_form() {
        let mut long = notification();
        long.facts = (0..30)
            .map(|nth| Fact { label: format!("Detail {nth}"), value: "x".repeat(500) })
            .collect();
        let payload = shape(&long, Form::Rich);
        assert_eq!(payload.form, Form::Compact);
        assert!(payload.body.contains("… and 24 more details"));
    }
}
