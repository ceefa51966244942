//! No notification, however hostile, becomes a payload that a chat would refuse or misread.

use mistgate_core::base::rand::Rand;
use mistgate_core::base::time::UnixTime;
use mistgate_core::chat::kind::{Format, Kind, Options};
use mistgate_core::chat::shape::Form;
use mistgate_core::chat::{KINDS, console, google, slack, teams};
use mistgate_core::notify::{Fact, Link, Listing, Notification, Severity};
use mistgate_tests::chat::limits;
use serde_json::Value;

/// The random notifications have names, messages and values made of these.
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

/// Every format of every kind, with its name.
pub(crate) fn formats() -> impl Iterator<Item = (&'static Kind, &'static Format)> {
    let mut kinds = KINDS;
    kinds.sort_by_key(|kind| kind.name);
    kinds.into_iter().flat_map(|kind| kind.formats.iter().map(move |format| (kind, format)))
}

const FORMS: [Form; 3] = [Form::Rich, Form::Compact, Form::Plain];

fn check(notification: &Notification, what: &str) {
    // Streams have no limits.
    for (kind, format) in formats().filter(|(kind, _)| !kind.is_stream) {
        for best in FORMS {
            let payload = (format.shape)(notification, best, &limits::options(kind));
            let faults = limits::check(kind, &payload.body);
            let body: String = payload.body.chars().take(2_000).collect();
            assert!(faults.is_empty(), "{what}, {format:?}, {best:?}: {faults:#?}\n{body}");
            assert!(payload.form >= best, "{what}: better than asked for");
            assert!(!payload.body.contains('\n'), "{what}: the body is not one line");
        }
    }
}

fn notification(text: &str, facts: usize) -> Notification {
    Notification {
        severity: Severity::Critical,
        title: text.to_owned(),
        summary: text.to_owned(),
        facts: vec![Fact { label: text.to_owned(), value: text.to_owned() }; facts],
        listing: Some(Listing { label: text.to_owned(), lines: vec![text.to_owned(); facts] }),
        links: vec![
            Link {
                text: text.to_owned(),
                url: "https://manage.mist.com/admin/?org_id=1&x=2#!ap/detail/3_4".to_owned(),
            };
            facts
        ],
        at: Some(UnixTime::from_secs(1_752_000_000)),
        is_over: false,
        is_acknowledged: false,
        thread: Some("ap-5c5b35000001".to_owned()),
        incidents: Vec::new(),
    }
}

#[test]
fn every_piece_alone_and_in_bulk_is_harmless() {
    for piece in PIECES {
        check(&notification(piece, 1), &format!("{piece:?}"));
        check(&notification(&piece.repeat(600), 3), &format!("{piece:?} × 600"));
        check(&notification(&format!("a{piece}b"), 40), &format!("{piece:?} inside"));
    }
}

/// Escaping is right if the text that the vendor shows after decoding is the one that was meant.
/// The console escapes nothing, so its text is the one that was meant.
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
        let part = |format: &Format, pointer: &str| {
            let body = (format.shape)(&notification, Form::Rich, &Options::default()).body;
            let json: Value = serde_json::from_str(&body).expect("a JSON document");
            let text = json.pointer(pointer).and_then(Value::as_str);
            text.unwrap_or_else(|| panic!("no {pointer} in {body}")).to_owned()
        };
        let meant = part(console::KIND.default_format(), "/summary");
        if meant.chars().count() > 100 {
            continue;
        }
        let slack = part(slack::KIND.default_format(), "/blocks/1/text/text");
        assert_eq!(entities(&slack), meant);
        let google = "/cardsV2/0/card/sections/0/widgets/0/textParagraph/text";
        assert_eq!(entities(&part(google::KIND.default_format(), google)), meant);
        let [adaptive_card, message_card] = teams::KIND.formats else {
            panic!("two formats");
        };
        let card = "/attachments/0/content/body/0/items/0/text";
        let teams = part(adaptive_card, card);
        assert_eq!(markdown(&teams), meant);
        let legacy = part(message_card, "/title");
        assert_eq!(markdown(&legacy), format!("🔴 {meant}"));
    }
}

#[test]
fn extremes_are_cut_not_refused() {
    check(&notification("", 0), "nothing at all");
    check(&notification("", 20), "nothing, many times");
    check(&notification("\u{200b}\u{feff}\u{3164}", 2), "only invisible characters");
    check(&notification("x", 10_000), "ten thousand facts");
    for text in ["x", "&", "<", "*", "\"", "😀", "€", "\u{301}", "\u{85}", "a "] {
        check(&notification(&text.repeat(1 << 20), 2), &format!("a million {text:?}"));
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
        notification.links = vec![Link { text: "AP".to_owned(), url: url.to_owned() }];
        notification.thread = Some(url.to_owned());
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
        facts: (0..facts).map(|_| Fact { label: text(rand, 4), value: text(rand, 60) }).collect(),
        listing: (rand.up_to(1) == 0).then(|| Listing {
            label: text(rand, 4),
            lines: (0..rand.up_to(120)).map(|_| text(rand, 40)).collect(),
        }),
        links: (0..links)
            .map(|_| Link {
                text: text(rand, 5),
                url: format!("https://manage.mist.com/{}", rand.next_u64()),
            })
            .collect(),
        at: (rand.up_to(3) > 0)
            .then(|| UnixTime::from_secs(rand.up_to(4_000_000_000).cast_signed())),
        is_over: rand.up_to(1) == 0,
        is_acknowledged: false,
        thread: (rand.up_to(1) == 0).then(|| format!("ap-{}", rand.next_u64())),
        incidents: Vec::new(),
    }
}

/// A text of up to `pieces_max` pieces.
pub(crate) fn text(rand: &mut Rand, pieces_max: u64) -> String {
    (0..rand.up_to(pieces_max)).map(|_| pick(rand, &PIECES)).collect()
}

fn pick<T: Copy>(rand: &mut Rand, of: &[T]) -> T {
    let nth = rand.up_to(of.len() as u64 - 1);
    *of.get(usize::try_from(nth).expect("a length")).expect("up_to is inclusive")
}
