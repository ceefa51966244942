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

use crate::chat::excerpt::{Excerpt, first_within, units};
use crate::chat::{json::Json, json::object, kind::Options, shape::Form, shape::Payload};
use crate::notify::{Listing, Notification};

/// Slack refuses blocks beyond some 12,000 characters together, containers included, with
/// `msg_blocks_too_long` (github.com/slackapi/bolt-js/issues/2509, not in the documentation).
/// Counting the bytes of the whole body stays on the safe side.
const BODY_MAX: usize = 10_000;
/// `fields` of a section block: two columns of five.
const FIELDS_MAX: usize = 10;

/// The body for an incoming webhook.
pub(super) fn shape(notification: &Notification, best: Form, _options: &Options) -> Payload {
    let (form, body) = first_within(BODY_MAX, best, |form| {
        let excerpt = Excerpt::of(notification, form, cost);
        let message = match form {
            Form::Rich | Form::Compact => {
                object! { "text": escape(&excerpt.preview()), "blocks": blocks(&excerpt) }
            }
            Form::Plain => {
                let text = excerpt.lines(escape, escape).join("\n");
                object! { "text": text, "mrkdwn": false }
            }
        };
        message.with("unfurl_links", Some(false)).with("unfurl_media", Some(false)).into_text()
    });
    Payload { body, form, query: None, header: None }
}

fn blocks(excerpt: &Excerpt) -> Json {
    let section = |text: Json| object! { "type": "section", "text": text };
    let mut blocks =
        Vec::from([object! { "type": "header", "text": literal(&excerpt.headline()) }]);
    if !excerpt.summary.is_empty() {
        blocks.push(section(literal(&excerpt.summary)));
    }
    let fields = excerpt.facts.iter().flat_map(|fact| [bold(&fact.label), literal(&fact.value)]);
    let fields: Vec<Json> = fields.collect();
    blocks.extend(fields.chunks(FIELDS_MAX).map(
        |fields| object! { "type": "section", "fields": Json::from_iter(fields.iter().cloned()) },
    ));
    if let Some(Listing { label, lines }) = &excerpt.listing {
        blocks.extend([bold(label), fenced(lines)].map(section));
    }
    let buttons = excerpt.links.iter().zip(1_usize..).map(|(link, nth)| {
        object! {
            "type": "button",
            "action_id": format!("link-{nth}"),
            "text": literal(&link.text),
            "url": &link.url,
        }
    });
    if let Some(buttons) = Json::unless_empty(buttons.collect()) {
        blocks.push(object! { "type": "actions", "elements": buttons });
    }
    let notes = [&excerpt.status, &excerpt.more].into_iter().filter(|note| !note.is_empty());
    let notes = notes.map(|note| literal(note));
    blocks.push(object! { "type": "context", "elements": Json::from_iter(notes) });
    Json::from_iter(blocks)
}

/// Text in which Slack interprets nothing.
fn literal(text: &str) -> Json {
    object! { "type": "plain_text", "text": escape(text), "emoji": false }
}

fn mrkdwn(text: String) -> Json {
    object! { "type": "mrkdwn", "text": text, "verbatim": true }
}

/// Lines between fences, which hold nothing that could end them.
fn fenced(lines: &[String]) -> Json {
    let lines = escape(&lines.join("\n").replace('`', "ˋ"));
    mrkdwn(format!("```\n{lines}\n```"))
}

/// Bold, unless the text holds anything that could mean something in `mrkdwn`.
fn bold(text: &str) -> Json {
    let is_inert = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '&' | '-' | '/' | '(' | ')');
    match text.chars().all(is_inert) {
        true => mrkdwn(format!("*{}*", escape(text))),
        false => literal(text),
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
            is_over: false,
            is_acknowledged: false,
            thread: None,
            incidents: Vec::new(),
        }
    }

    #[test]
    fn outside_text_is_literal_and_without_control_sequences() {
        let payload = shape(&notification(), Form::Rich, &Options::default());
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
        let payload = shape(&notification(), Form::Plain, &Options::default());
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
        let body = shape(&listed, Form::Rich, &Options::default()).body;
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
        let body = shape(&long, Form::Rich, &Options::default()).body;
        let header = format!("\"🟠 {}…\"", "&amp;".repeat(23));
        assert!(body.contains(&header), "{body}");
    }

    #[test]
    fn too_much_text_takes_the_next_form() {
        let mut long = notification();
        long.facts = (0..30)
            .map(|nth| Fact { label: format!("Detail {nth}"), value: "x".repeat(500) })
            .collect();
        let payload = shape(&long, Form::Rich, &Options::default());
        assert_eq!(payload.form, Form::Compact);
        assert!(payload.body.contains("… and 24 more details"));
    }
}
