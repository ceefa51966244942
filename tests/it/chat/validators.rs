//! Tests of the validators: each rule is broken once, and the fault must be found.

use mistgate_tests::chat::limits;

const SLACK: &str = concat!(
    r#"{"text":"fallback","blocks":["#,
    r#"{"type":"header","text":{"type":"plain_text","text":"Down","emoji":false}},"#,
    r#"{"type":"section","text":{"type":"mrkdwn","text":"*body*","verbatim":true}},"#,
    r#"{"type":"section","fields":[{"type":"plain_text","text":"field","emoji":false}]},"#,
    r#"{"type":"actions","elements":[{"type":"button","action_id":"one","#,
    r#""text":{"type":"plain_text","text":"press","emoji":false},"url":"https://a.example/"}]},"#,
    r#"{"type":"context","elements":[{"type":"plain_text","text":"note","emoji":false}]}]}"#,
);

#[test]
fn the_slack_validator_reads_every_text() {
    breaks(
        limits::slack::check,
        SLACK,
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
            ("*body*", "a *b* c", "formatted"),
            ("*body*", "a `b` c", "formatted"),
            ("*body*", r"```\na ``` b\n```", "formatted"),
            ("*body*", "<http://a|b>", "unescaped <http"),
            (r#""verbatim":true"#, r#""verbatim":false"#, "become links"),
        ],
    );
}

#[test]
fn the_slack_validator_counts_every_part() {
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
        SLACK,
        &[
            ("\"field\"", &format!("\"{}\"", long(2_001)), "expected at most 2000"),
            (field, &many(field, 11), "expected at most 10"),
            (&format!(r#","fields":[{field}]"#), "", "neither text nor fields"),
            (&format!("[{field}]"), "[]", "empty"),
            (note, &many(note, 11), "expected at most 10"),
            ("one", &long(256), "expected at most 255"),
            ("one", twice, "two twice"),
            ("press", &long(76), "expected at most 75"),
            ("https://a.example/", "http://a.example/", "not an https URL"),
            ("https://a.example/", &format!("https://{}", long(3_000)), "expected at most 3000"),
            (section, &sections, "expected at most 50"),
            (r#""type":"context""#, r#""type":"marquee""#, "unknown block"),
            (r#""type":"actions""#, r#""type":"actions","colour":1"#, "unknown member colour"),
        ],
    );
    let full = many(&section.replace("field\"", &format!("{}\"", long(2_000))), 7);
    assert!(
        limits::slack::check(&SLACK.replace(section, &full))
            .iter()
            .any(|fault| fault.contains("characters of text"))
    );
}

#[test]
fn the_adaptive_card_validator_sees_each_fault() {
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
            (r#""contentUrl":null"#, r#""contentUrl":"https://a""#, "contentUrl"),
            ("toast", &long(24_000), "expected at most 24000"),
            (r#""version":"1.4","#, "", "no version"),
            (r#""version":"1.4""#, r#""version":"2.0""#, "version"),
            (r#""width":"Full""#, r#""width":"slim""#, "full width"),
            (r#""type":"FactSet""#, r#""type":"Table""#, "unknown element"),
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
            (action, &many(action, 7), "expected at most 6"),
            ("Action.OpenUrl", "Action.Submit", "Action.OpenUrl"),
            ("https://a.example/", "https:///x", "not an https URL"),
        ],
    );
}

#[test]
fn the_message_card_validator_sees_each_fault() {
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
            (r#""@context":"https://schema.org/extensions","#, "", "no @context"),
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
            ("toast", &long(4_097), "expected at most 4096"),
            ("toast", "<users/all>", "markup"),
            ("toast", "*a*", "markup"),
            ("toast", "_a", "markup"),
            (r#""cardId":"id","#, "", "cardId"),
            ("Down", "", "empty"),
            ("Down", "<b>", "may be markup"),
            ("<b>body</b>", "", "empty"),
            ("<b>body</b>", "<script>", "unescaped <script>"),
            ("<b>body</b>", "<a href=\\\"http://evil\\\">", "unescaped <a"),
            ("val &amp; ue", "R&D", "unescaped &"),
            (widget, &many(widget, 99), "101"),
            (widget, r#"{"card":{}}"#, "unknown member card"),
            (widget, "{}", "not exactly one widget"),
            (r#"{"widgets":["#, r#"{"uncollapsibleWidgetsCount":1,"widgets":["#, "collapsible"),
            ("https://a.example/", "a.example", "not an https URL"),
            ("incident", "", "empty"),
            ("incident", &long(4_001), "expected at most 4000"),
        ],
    );
    let body = format!(r#"{{"text":"{}"}}"#, long(32_000));
    assert!(limits::google::check(&body).iter().any(|fault| fault.contains("bytes")));
    assert!(limits::google::check("{}").iter().any(|fault| fault.contains("neither")));
    let object =
        fine.replace(r#""widgets":["#, r#""widgets":{"a":["#).replace("}}]}]}}],", "}}]}}]}}],");
    assert!(limits::google::check(&object).iter().any(|fault| fault.contains("not a list")));
}

fn long(units: usize) -> String {
    "x".repeat(units)
}

fn many(item: &str, count: usize) -> String {
    vec![item; count].join(",")
}

/// Each row breaks one rule of a valid payload: the text to replace, its replacement, and the fault
/// that the validator must report.
fn breaks(check: fn(&str) -> Vec<String>, fine: &str, rows: &[(&str, &str, &str)]) {
    assert_eq!(check(fine), Vec::<String>::new());
    assert_ne!(check("[]"), Vec::<String>::new());
    assert_ne!(check(fine.get(1..).expect("ASCII")), Vec::<String>::new());
    for (good, bad, fault) in rows {
        assert_eq!(fine.matches(good).count(), 1, "{good} is not one place");
        let faults = check(&fine.replace(good, bad));
        let found = faults.iter().any(|found| found.contains(fault));
        assert!(found, "{good} -> {bad}: expected {fault:?}, got {faults:?}");
    }
}
