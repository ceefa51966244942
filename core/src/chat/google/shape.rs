//! Google Chat: a cardsV2 message for an incoming webhook (developers.google.com/workspace/chat,
//! "Cards v2" and "Format messages").
//!
//! The card's texts are a subset of HTML and are escaped as such. Headers, labels, buttons and the
//! `text` of the plain form have no documented escape at all, so there the few characters that
//! could mean something are shown as their nearest look-alikes.

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

use serde::Serialize;

use crate::chat::{
    excerpt::{Excerpt, first_within, spaced, to_json, units},
    shape::{Form, Payload},
};
use crate::notify::{Listing, Notification};

/// A message may have 32,000 bytes, cards included. The margin is for what Google adds.
const BODY_MAX: usize = 30_000;
/// How many facts stay visible of a list that can be unfolded.
const UNFOLDED: usize = 8;
/// Makes a thread of a key that is new, and answers in the thread of one that is known. Without
/// it the key is ignored.
const REPLY: &str = "messageReplyOption=REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD";

/// The body for an incoming webhook, in its incident's thread where there is one.
pub(super) fn shape(notification: &Notification, best: Form) -> Payload {
    let thread = thread(notification);
    let query = thread.is_some().then_some(REPLY);
    let (form, body) = first_within(BODY_MAX, best, |form| {
        let excerpt = Excerpt::of(notification, form, units);
        let thread = thread.map(|thread_key| Thread { thread_key });
        to_json(&match form {
            Form::Rich | Form::Compact => Message {
                text: None,
                fallback_text: Some(inert(&excerpt.preview())),
                cards: Vec::from([card(&excerpt)]),
                thread,
            },
            Form::Plain => Message {
                text: Some(excerpt.lines(inert, str::to_owned).join("\n")),
                fallback_text: None,
                cards: Vec::new(),
                thread,
            },
        })
    });
    Payload { body, form, query }
}

/// The key of the incident, if it keeps its promise to be a plain name.
fn thread(notification: &Notification) -> Option<&str> {
    const KEY_MAX: usize = 200;
    let key = notification.thread.as_ref()?.key.as_str();
    let plain = key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    (plain && (1..=KEY_MAX).contains(&key.len())).then_some(key)
}

fn card(excerpt: &Excerpt) -> CardWithId {
    let mut sections = Vec::new();
    if !excerpt.summary.is_empty() {
        sections
            .push(Section::of(Vec::from([Widget::TextParagraph { text: html(&excerpt.summary) }])));
    }
    let mut facts: Vec<Widget> = excerpt
        .facts
        .iter()
        .map(|fact| Widget::DecoratedText {
            top_label: inert(&fact.label),
            text: html(&fact.value),
            wrap_text: true,
        })
        .collect();
    if !excerpt.more.is_empty() {
        facts.push(Widget::TextParagraph { text: html(&excerpt.more) });
    }
    if !facts.is_empty() {
        sections.push(Section::of(facts));
    }
    if let Some(Listing { label, lines }) = &excerpt.listing {
        let lines: Vec<_> = lines.iter().map(|line| html(&spaced(line))).collect();
        let texts = [format!("<b>{}</b>", html(label)), lines.join("<br>")];
        let widgets = texts.map(|text| Widget::TextParagraph { text });
        sections.push(Section::of(Vec::from(widgets)));
    }
    if !excerpt.links.is_empty() {
        let buttons = excerpt.links.iter().map(|link| Button {
            text: inert(&link.text),
            on_click: OnClick { open_link: OpenLink { url: link.url.clone() } },
        });
        sections.push(Section::of(Vec::from([Widget::ButtonList { buttons: buttons.collect() }])));
    }
    if sections.is_empty() {
        // A card needs a section, whatever little there is to say.
        sections
            .push(Section::of(Vec::from([Widget::TextParagraph { text: html(&excerpt.title) }])));
    }
    CardWithId {
        card_id: "notification",
        card: Card {
            header: Header { title: inert(&excerpt.headline()), subtitle: excerpt.status.clone() },
            sections,
        },
    }
}

/// Escapes for the texts of widgets.
fn html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            _ => escaped.push(c),
        }
    }
    escaped
}

/// Shows what starts markup, a link or a mention (`<users/all>`) as its look-alike. An underscore
/// inside a word means nothing to Google Chat and stays, since type names are full of them.
fn inert(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut before = None;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let after = rest.clone().next();
        let in_word = [before, after].into_iter().all(|c| c.is_some_and(char::is_alphanumeric));
        shown.push(match c {
            '*' => '∗',
            '_' if !in_word => '＿',
            '~' => '∼',
            '`' => '‘',
            '<' => '‹',
            '>' => '›',
            _ => c,
        });
        before = Some(c);
    }
    shown
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fallback_text: Option<String>,
    #[serde(rename = "cardsV2", skip_serializing_if = "Vec::is_empty")]
    cards: Vec<CardWithId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread: Option<Thread<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Thread<'a> {
    thread_key: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CardWithId {
    /// Unique within its message, which has one card.
    card_id: &'static str,
    card: Card,
}

#[derive(Serialize)]
struct Card {
    header: Header,
    sections: Vec<Section>,
}

#[derive(Serialize)]
struct Header {
    title: String,
    subtitle: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Section {
    #[serde(skip_serializing_if = "Option::is_none")]
    collapsible: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uncollapsible_widgets_count: Option<usize>,
    widgets: Vec<Widget>,
}

impl Section {
    /// A long list folds, so that a chat of many cards stays readable.
    fn of(widgets: Vec<Widget>) -> Self {
        let long = widgets.len() > UNFOLDED;
        Self {
            collapsible: long.then_some(true),
            uncollapsible_widgets_count: long.then_some(UNFOLDED),
            widgets,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Widget {
    TextParagraph { text: String },
    DecoratedText { top_label: String, text: String, wrap_text: bool },
    ButtonList { buttons: Vec<Button> },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Button {
    text: String,
    on_click: OnClick,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OnClick {
    open_link: OpenLink,
}

#[derive(Serialize)]
struct OpenLink {
    url: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::time::UnixTime,
        notify::{self, Fact, Link, Severity},
    };

    fn notification() -> Notification {
        Notification {
            severity: Severity::Info,
            title: String::from("AP_X connected *again*"),
            summary: String::from("AP \"<b>x</b>\" at R&D is back."),
            facts: Vec::from([Fact {
                label: String::from("<users/all>"),
                value: String::from("a_b *c*"),
            }]),
            listing: None,
            links: Vec::from([Link {
                text: String::from("AP insights"),
                url: String::from("https://manage.mist.com/admin/"),
            }]),
            at: Some(UnixTime::from_secs(1_752_000_000)),
            thread: Some(notify::Thread { key: String::from("ap-1"), recovery: true }),
        }
    }

    #[test]
    fn a_recovery_is_a_green_card_in_its_incidents_thread() {
        let payload = shape(&notification(), Form::Rich);
        let expected = concat!(
            r#"{"fallbackText":"🟢 AP_X connected ∗again∗: AP \"‹b›x‹/b›\" at R&D is back.","#,
            r#""cardsV2":[{"cardId":"notification","card":{"#,
            r#""header":{"title":"🟢 AP_X connected ∗again∗","#,
            r#""subtitle":"Info · 2025-07-08 18:40:00 UTC"},"#,
            r#""sections":[{"widgets":[{"textParagraph":"#,
            r#"{"text":"AP \"&lt;b&gt;x&lt;/b&gt;\" at R&amp;D is back."}}]},"#,
            r#"{"widgets":[{"decoratedText":{"topLabel":"‹users/all›","#,
            r#""text":"a_b *c*","wrapText":true}}]},"#,
            r#"{"widgets":[{"buttonList":{"buttons":[{"text":"AP insights","#,
            r#""onClick":{"openLink":{"url":"https://manage.mist.com/admin/"}}}]}}]}]}}],"#,
            r#""thread":{"threadKey":"ap-1"}}"#,
        );
        assert_eq!(payload.body, expected);
        assert_eq!((payload.form, payload.query), (Form::Rich, Some(REPLY)));
    }

    #[test]
    fn the_plain_form_keeps_the_thread_and_means_nothing_but_text() {
        let payload = shape(&notification(), Form::Plain);
        let expected = concat!(
            r#"{"text":"🟢 AP_X connected ∗again∗\nAP \"‹b›x‹/b›\" at R&D is back.\n"#,
            r#"Info · 2025-07-08 18:40:00 UTC\n‹users/all›: a_b ∗c∗\n"#,
            r#"AP insights: https://manage.mist.com/admin/","thread":{"threadKey":"ap-1"}}"#,
        );
        assert_eq!(payload.body, expected);
        assert_eq!(payload.query, Some(REPLY));
    }

    #[test]
    fn a_key_that_is_no_name_makes_no_thread() {
        let mut notification = notification();
        for key in ["", "a&b", "ä", &"x".repeat(201)] {
            notification.thread = Some(notify::Thread { key: String::from(key), recovery: false });
            assert_eq!(shape(&notification, Form::Rich).query, None, "{key}");
        }
    }

    #[test]
    fn thirty_facts_of_astral_characters_take_the_next_form() {
        let mut long = notification();
        long.facts = (0..30)
            .map(|_| Fact { label: String::from("Name"), value: "😀".repeat(250) })
            .collect();
        assert_eq!(shape(&long, Form::Rich).form, Form::Compact);
        long.facts.truncate(20);
        let folded = shape(&long, Form::Rich);
        assert_eq!(folded.form, Form::Rich);
        assert!(folded.body.contains(r#""uncollapsibleWidgetsCount":8"#));
    }
}
