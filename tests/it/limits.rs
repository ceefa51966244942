//! No notification, however hostile, becomes a payload that a chat would refuse or misread.

use mistgate_core::{
    notify::{
        Fact, Link, Notification, Severity, Thread,
        shape::{Flavour, Form, Payload, TeamsFormat, shape},
    },
    rand::Rand,
    time::UnixTime,
};
use mistgate_tests::limits;
use serde_json::Value;

/// What names, messages and values are made of in the random notifications.
const PIECES: [&str; 48] = [
    "AP",
    "Reception",
    " ",
    "5c:5b:35:00:00:01",
    "ge-0/0/3",
    "power_cycle",
    "AP_CONNECTED",
    "<!channel>",
    "<!here|here>",
    "<@U012AB3CD>",
    "<#C012AB3CD>",
    "<https://evil.example|Mist>",
    "<users/all>",
    "@here",
    "#general",
    ":fire:",
    "*bold*",
    "_italic_",
    "~struck~",
    "`code`",
    "```",
    "[a](http://evil.example)",
    "![i](x)",
    "](http://evil.example)",
    "<b>",
    "</b>",
    "<a href=\"http://evil.example\">",
    "<script>",
    "&",
    "&lt;",
    "&#42;",
    "{{DATE(2025-01-01T00:00:00Z)}}",
    "- ",
    "1. ",
    "# ",
    "> ",
    "\\",
    "\"",
    "\n",
    "\r\n",
    "\0",
    "\u{1b}[2J",
    "\u{202e}",
    "\u{2066}",
    "e\u{301}",
    "\u{301}",
    "👩\u{200d}🚒",
    "שלום",
];

/// The flavours whose vendors have limits.
pub(crate) const FLAVOURS: [Flavour; 4] = [
    Flavour::Google,
    Flavour::Slack,
    Flavour::Teams(TeamsFormat::AdaptiveCard),
    Flavour::Teams(TeamsFormat::MessageCard),
];

const FORMS: [Form; 3] = [Form::Rich, Form::Compact, Form::Plain];

/// The faults of a payload by the limits of its vendor.
pub(crate) fn faults(flavour: Flavour, payload: &Payload) -> Vec<String> {
    match flavour {
        Flavour::Console => Vec::new(),
        Flavour::Google => limits::google::check(&payload.body),
        Flavour::Slack => limits::slack::check(&payload.body),
        Flavour::Teams(_) => limits::teams::check(&payload.body),
    }
}

fn check(notification: &Notification, what: &str) {
    for flavour in FLAVOURS {
        for best in FORMS {
            let payload = shape(flavour, notification, best);
            let faults = faults(flavour, &payload);
            let body: String = payload.body.chars().take(2_000).collect();
            assert!(
                faults.is_empty(),
                "{what}, {flavour:?}, {best:?}: {faults:#?}\n{body}"
            );
            assert!(payload.form >= best, "{what}: better than asked for");
            assert!(
                !payload.body.contains('\n'),
                "{what}: the body is not one line"
            );
        }
    }
}

fn notification(text: &str, facts: usize) -> Notification {
    Notification {
        severity: Severity::Critical,
        title: text.to_owned(),
        summary: text.to_owned(),
        facts: vec![
            Fact {
                label: text.to_owned(),
                value: text.to_owned(),
            };
            facts
        ],
        links: vec![
            Link {
                text: text.to_owned(),
                url: "https://manage.mist.com/admin/?org_id=1&x=2#!ap/detail/3_4".to_owned(),
            };
            facts
        ],
        at: Some(UnixTime::from_secs(1_752_000_000)),
        thread: Some(Thread {
            key: "ap-5c5b35000001".to_owned(),
            recovery: false,
        }),
    }
}

#[test]
fn every_piece_alone_and_in_bulk_is_harmless() {
    for piece in PIECES {
        check(&notification(piece, 1), &format!("{piece:?}"));
        check(
            &notification(&piece.repeat(600), 3),
            &format!("{piece:?} × 600"),
        );
        check(
            &notification(&format!("a{piece}b"), 40),
            &format!("{piece:?} inside"),
        );
    }
}

/// Escaping is right if what the vendor shows after decoding it is what was meant. The console
/// escapes nothing, so it says what was meant.
#[test]
fn names_are_shown_as_they_are() {
    let entities = |text: &str| {
        let text = text.replace("&lt;", "<").replace("&gt;", ">");
        text.replace("&amp;", "&")
    };
    let markdown = |text: &str| {
        let mut rest = text.chars();
        let mut shown = String::new();
        while let Some(c) = rest.next() {
            let escaped = rest.clone().next().filter(char::is_ascii_punctuation);
            shown.push(match escaped.filter(|_| c == '\\') {
                Some(escaped) => {
                    rest.next();
                    escaped
                }
                None => c,
            });
        }
        shown
    };
    let mut rand = Rand::new(1);
    for _ in 0..300 {
        let mut notification = notification(&text(&mut rand, 6), 0);
        notification.title.insert(0, 'a');
        notification.summary.insert(0, 'a');
        let part = |flavour, pointer: &str| {
            let body = shape(flavour, &notification, Form::Rich).body;
            let json: Value = serde_json::from_str(&body).expect("a JSON document");
            let text = json.pointer(pointer).and_then(Value::as_str);
            text.unwrap_or_else(|| panic!("no {pointer} in {body}"))
                .to_owned()
        };
        let meant = part(Flavour::Console, "/summary");
        if meant.chars().count() > 100 {
            continue;
        }
        let slack = part(Flavour::Slack, "/blocks/1/text/text");
        assert_eq!(entities(&slack), meant);
        let google = "/cardsV2/0/card/sections/0/widgets/0/textParagraph/text";
        assert_eq!(entities(&part(Flavour::Google, google)), meant);
        let card = "/attachments/0/content/body/0/items/0/text";
        let teams = part(Flavour::Teams(TeamsFormat::AdaptiveCard), card);
        assert_eq!(markdown(&teams), meant);
        let legacy = part(Flavour::Teams(TeamsFormat::MessageCard), "/title");
        assert_eq!(markdown(&legacy), format!("🔴 {meant}"));
    }
}

#[test]
fn extremes_are_cut_not_refused() {
    check(&notification("", 0), "nothing at all");
    check(&notification("", 20), "nothing, many times");
    check(
        &notification("\u{200b}\u{feff}\u{3164}", 2),
        "only invisible characters",
    );
    check(&notification("x", 10_000), "ten thousand facts");
    for text in [
        "x", "&", "<", "*", "\"", "😀", "€", "\u{301}", "\u{85}", "a ",
    ] {
        check(
            &notification(&text.repeat(1 << 20), 2),
            &format!("a million {text:?}"),
        );
        for length in 112..122 {
            let text = format!("{}😀", text.repeat(length));
            check(&notification(&text, 1), &format!("{text:?} at the limit"));
        }
    }
}

#[test]
fn what_is_no_url_or_key_is_left_out() {
    let urls = [
        "",
        "https://",
        "http://a",
        "javascript:alert(1)",
        "https://a b",
        "https://a/\n",
        "https://a/<b>",
        "https://a/|b",
        &format!("https://a/{}", "&".repeat(1_000)),
        &format!("https://a/{}", "x".repeat(5_000)),
    ];
    for url in urls {
        let mut notification = notification("AP", 1);
        notification.links = vec![Link {
            text: "AP".to_owned(),
            url: url.to_owned(),
        }];
        notification.thread = Some(Thread {
            key: url.to_owned(),
            recovery: true,
        });
        check(&notification, url);
    }
}

#[test]
fn random_notifications_are_always_valid() {
    for seed in 0..150 {
        let notification = random(&mut Rand::new(seed));
        check(&notification, &format!("seed {seed}: {notification:?}"));
    }
}

fn random(rand: &mut Rand) -> Notification {
    let severity = pick(rand, &Severity::ALL);
    let facts = rand.up_to(45);
    let links = rand.up_to(6);
    Notification {
        severity,
        title: text(rand, 12),
        summary: text(rand, 80),
        facts: (0..facts)
            .map(|_| Fact {
                label: text(rand, 4),
                value: text(rand, 60),
            })
            .collect(),
        links: (0..links)
            .map(|_| Link {
                text: text(rand, 5),
                url: format!("https://manage.mist.com/{}", rand.next_u64()),
            })
            .collect(),
        at: (rand.up_to(3) > 0)
            .then(|| UnixTime::from_secs(rand.up_to(4_000_000_000).cast_signed())),
        thread: (rand.up_to(1) == 0).then(|| Thread {
            key: format!("ap-{}", rand.next_u64()),
            recovery: rand.up_to(1) == 0,
        }),
    }
}

fn text(rand: &mut Rand, pieces_max: u64) -> String {
    (0..rand.up_to(pieces_max))
        .map(|_| pick(rand, &PIECES))
        .collect()
}

fn pick<T: Copy>(rand: &mut Rand, of: &[T]) -> T {
    let nth = rand.up_to(of.len() as u64 - 1);
    *of.get(usize::try_from(nth).expect("a length"))
        .expect("up_to is inclusive")
}

/// The validators must be able to fail: each row breaks one rule of a payload that is fine.
fn breaks(check: fn(&str) -> Vec<String>, fine: &str, rows: &[(&str, &str, &str)]) {
    assert_eq!(check(fine), Vec::<String>::new());
    assert_ne!(check("[]"), Vec::<String>::new());
    assert_ne!(check(fine.get(1..).expect("ASCII")), Vec::<String>::new());
    for (good, bad, fault) in rows {
        assert_eq!(fine.matches(good).count(), 1, "{good} is not one place");
        let faults = check(&fine.replace(good, bad));
        let found = faults.iter().any(|said| said.contains(fault));
        assert!(found, "{good} -> {bad}: expected {fault:?}, got {faults:?}");
    }
}

#[test]
fn the_slack_validator_sees_each_fault() {
    let fine = concat!(
        r#"{"text":"fallback","blocks":["#,
        r#"{"type":"header","text":{"type":"plain_text","text":"Down","emoji":false}},"#,
        r#"{"type":"section","text":{"type":"mrkdwn","text":"*body*","verbatim":true}},"#,
        r#"{"type":"section","fields":[{"type":"plain_text","text":"field","emoji":false}]},"#,
        r#"{"type":"actions","elements":[{"type":"button","action_id":"one","#,
        r#""text":{"type":"plain_text","text":"press","emoji":false},"url":"https://a.example/"}]},"#,
        r#"{"type":"context","elements":[{"type":"plain_text","text":"note","emoji":false}]}]}"#,
    );
    let long = |n: usize| "x".repeat(n);
    let many = |item: &str, n: usize| vec![item; n].join(",");
    let field = r#"{"type":"plain_text","text":"field","emoji":false}"#;
    let note = r#"{"type":"plain_text","text":"note","emoji":false}"#;
    let section =
        r#"{"type":"section","fields":[{"type":"plain_text","text":"field","emoji":false}]}"#;
    let sections = many(section, 50);
    let twice = concat!(
        r#"two","text":{"type":"plain_text","text":"x","emoji":false},"url":"https://a/"},"#,
        r#"{"type":"button","action_id":"two"#,
    );
    breaks(
        limits::slack::check,
        fine,
        &[
            (r#""text":"fallback","#, "", "text: not a text"),
            ("fallback", &long(4_001), "expected at most 4000"),
            ("fallback", "<!channel>", "unescaped <!channel>"),
            ("fallback", "a & b", "unescaped &"),
            ("Down", &long(151), "expected at most 150"),
            ("Down", &"😀".repeat(76), "expected at most 150"),
            ("Down", " ", "empty"),
            ("Down", r"a\u0007", r"\u{7}"),
            ("Down", r"a\u202eb", r"\u{202e}"),
            (r#""Down","emoji":false"#, r#""Down","emoji":true"#, "emoji"),
            ("*body*", &long(3_001), "expected at most 3000"),
            ("*body*", "<@U1>", "unescaped <@U1>"),
            ("*body*", "<http://a|b>", "unescaped <http"),
            (r#""verbatim":true"#, r#""verbatim":false"#, "become links"),
            (
                "\"field\"",
                &format!("\"{}\"", long(2_001)),
                "expected at most 2000",
            ),
            (field, &many(field, 11), "expected at most 10"),
            (
                &format!(r#","fields":[{field}]"#),
                "",
                "neither text nor fields",
            ),
            (&format!("[{field}]"), "[]", "empty"),
            (note, &many(note, 11), "expected at most 10"),
            ("one", &long(256), "expected at most 255"),
            ("one", twice, "two twice"),
            ("press", &long(76), "expected at most 75"),
            (
                "https://a.example/",
                "http://a.example/",
                "not an https URL",
            ),
            (
                "https://a.example/",
                &format!("https://{}", long(3_000)),
                "expected at most 3000",
            ),
            (section, &sections, "expected at most 50"),
            (
                r#""type":"context""#,
                r#""type":"marquee""#,
                "unknown block",
            ),
            (
                r#""type":"actions""#,
                r#""type":"actions","colour":1"#,
                "unknown member colour",
            ),
        ],
    );
    let full = many(
        &section.replace("field\"", &format!("{}\"", long(2_000))),
        7,
    );
    assert!(
        limits::slack::check(&fine.replace(section, &full))
            .iter()
            .any(|fault| fault.contains("characters of text"))
    );
}

#[test]
fn the_teams_validator_sees_each_fault() {
    let fine = concat!(
        r#"{"type":"message","summary":"toast","attachments":[{"#,
        r#""contentType":"application/vnd.microsoft.card.adaptive","contentUrl":null,"content":{"#,
        r#""$schema":"http://adaptivecards.io/schemas/adaptive-card.json","#,
        r#""type":"AdaptiveCard","version":"1.4","msteams":{"width":"Full"},"body":["#,
        r#"{"type":"Container","style":"good","items":["#,
        r#"{"type":"TextBlock","text":"Down","wrap":true,"size":"Large"}]},"#,
        r#"{"type":"FactSet","facts":[{"title":"key","value":"val_ue"}]}],"#,
        r#""actions":[{"type":"Action.OpenUrl","title":"press","url":"https://a.example/"}]}}]}"#,
    );
    let action = r#"{"type":"Action.OpenUrl","title":"press","url":"https://a.example/"}"#;
    breaks(
        limits::teams::check,
        fine,
        &[
            (r#""type":"message""#, r#""type":"card""#, "not \"message\""),
            ("vnd.microsoft.card.adaptive", "json", "contentType"),
            (
                r#""contentUrl":null"#,
                r#""contentUrl":"https://a""#,
                "contentUrl",
            ),
            ("toast", &"x".repeat(24_000), "expected at most 24000"),
            (r#""version":"1.4","#, "", "no version"),
            (r#""version":"1.4""#, r#""version":"2.0""#, "version"),
            (r#""width":"Full""#, r#""width":"slim""#, "full width"),
            (
                r#""type":"FactSet""#,
                r#""type":"Table""#,
                "unknown element",
            ),
            (r#""style":"good""#, r#""style":"red""#, "style"),
            (r#""size":"Large""#, r#""size":"huge""#, "size"),
            (r#""wrap":true"#, r#""wrap":false"#, "cut on phones"),
            ("Down", "", "empty"),
            ("Down", "[a](http://evil.example)", "live link"),
            ("Down", r"\\[a](http://evil.example)", "live link"),
            ("Down", "[a]: http://evil.example", "live link"),
            ("Down", "*a*", "live emphasis"),
            ("Down", "_a_", "live emphasis"),
            ("Down", "`a`", "live code"),
            ("Down", "~~a~~", "live strikethrough"),
            ("Down", "<at>x</at>", "live tag"),
            ("Down", "&#42;", "live entity"),
            ("Down", "{{DATE(x)}}", "live function"),
            ("Down", "- a", "live list item"),
            ("Down", "7) a", "live list item"),
            ("Down", "# a", "live heading"),
            ("Down", "> a", "live quote"),
            ("Down", "---", "live rule"),
            (r#"{"title":"key","value":"val_ue"}"#, "", "empty"),
            ("val_ue", "", "empty"),
            (action, &[action; 7].join(","), "expected at most 6"),
            ("Action.OpenUrl", "Action.Submit", "Action.OpenUrl"),
            ("https://a.example/", "https:///x", "not an https URL"),
        ],
    );
    let fine = concat!(
        r#"{"@type":"MessageCard","@context":"https://schema.org/extensions","#,
        r#""themeColor":"D13438","summary":"toast","title":"Down","#,
        r#""sections":[{"text":"body","facts":[{"name":"key","value":"val"}],"markdown":true}],"#,
        r#""potentialAction":[{"@type":"OpenUri","name":"press","#,
        r#""targets":[{"os":"default","uri":"https://a.example/"}]}]}"#,
    );
    breaks(
        limits::teams::check,
        fine,
        &[
            ("\"MessageCard\"", "\"Card\"", "@type"),
            (
                r#""@context":"https://schema.org/extensions","#,
                "",
                "no @context",
            ),
            ("D13438", "danger", "six hex digits"),
            (r#""summary":"toast","#, "", "neither summary nor text"),
            ("body", "a *b*", "live emphasis"),
            ("val\"", "<b>\"", "live tag"),
            ("\"OpenUri\"", "\"HttpPOST\"", "OpenUri"),
            (r#""os":"default""#, r#""os":"plan9""#, "os"),
            ("https://a.example/", "ftp://a", "not an https URL"),
        ],
    );
}

#[test]
fn the_google_validator_sees_each_fault() {
    let fine = concat!(
        r#"{"fallbackText":"toast","cardsV2":[{"cardId":"id","card":{"#,
        r#""header":{"title":"Down","subtitle":"sub"},"sections":[{"widgets":["#,
        r#"{"textParagraph":{"text":"<b>body</b>"}},"#,
        r#"{"decoratedText":{"topLabel":"key","text":"val &amp; ue"}},"#,
        r#"{"buttonList":{"buttons":[{"text":"press","#,
        r#""onClick":{"openLink":{"url":"https://a.example/"}}}]}}]}]}}],"#,
        r#""thread":{"threadKey":"incident"}}"#,
    );
    let widget = r#"{"decoratedText":{"topLabel":"key","text":"val &amp; ue"}}"#;
    breaks(
        limits::google::check,
        fine,
        &[
            ("toast", &"x".repeat(4_097), "expected at most 4096"),
            ("toast", "<users/all>", "markup"),
            ("toast", "*a*", "markup"),
            ("toast", "_a", "markup"),
            (r#""cardId":"id","#, "", "cardId"),
            ("Down", "", "empty"),
            ("Down", "<b>", "may be markup"),
            ("<b>body</b>", "", "empty"),
            ("<b>body</b>", "<script>", "unescaped <script>"),
            (
                "<b>body</b>",
                "<a href=\\\"http://evil\\\">",
                "unescaped <a",
            ),
            ("val &amp; ue", "R&D", "unescaped &"),
            (widget, &[widget; 99].join(","), "101"),
            (widget, r#"{"card":{}}"#, "unknown member card"),
            (widget, "{}", "not exactly one widget"),
            (
                r#"{"widgets":["#,
                r#"{"uncollapsibleWidgetsCount":1,"widgets":["#,
                "collapsible",
            ),
            ("https://a.example/", "a.example", "not an https URL"),
            ("incident", "", "empty"),
            ("incident", &"x".repeat(4_001), "expected at most 4000"),
        ],
    );
    let body = format!(r#"{{"text":"{}"}}"#, "x".repeat(32_000));
    assert!(
        limits::google::check(&body)
            .iter()
            .any(|fault| fault.contains("bytes"))
    );
    assert!(
        limits::google::check("{}")
            .iter()
            .any(|fault| fault.contains("neither"))
    );
    let object = fine
        .replace(r#""widgets":["#, r#""widgets":{"a":["#)
        .replace("}}]}]}}],", "}}]}}]}}],");
    assert!(
        limits::google::check(&object)
            .iter()
            .any(|fault| fault.contains("not a list"))
    );
}
