//! Several organisations of Mist, each in a cloud of its own: the real binary looks after all.

use mistgate_tests::chat::server::Chat;
use mistgate_tests::ports::cloud::organisation::{ORG, Organisation};
use mistgate_tests::ports::cloud::{Cloud, Recorded};
use mistgate_tests::webhook::mist::body;
use serde_json::{Value, json};

use crate::base::binary::{Mistgate, Place, Process, SECRET, command, output, text};

const OTHER: &str = "0b37f2c2-6ef7-11e6-8bbf-02e208b2d34f";
const TOKENS: [&str; 2] = ["t0k3n-of-the-first", "t0k3n-of-the-other"];
const URL: &str = "https://gw.example/webhooks";
const HOOK: &str = "00000007-0000-4000-8000-000000000000";

/// Two clouds, a chat, and a configuration between them.
struct Bench {
    clouds: [Cloud; 2],
    chat: Chat,
    place: Place,
}

impl Bench {
    fn new() -> Self {
        let clouds = [(ORG, TOKENS[0]), (OTHER, TOKENS[1])].map(|(org, token)| {
            let mut organisation = Organisation::new(org, token);
            organisation.add_webhook(HOOK, URL, SECRET);
            Cloud::open(organisation).expect("a port")
        });
        let chat = Chat::open().expect("a chat");
        let [first, other] = clouds.each_ref().map(Cloud::origin);
        // By which the dashboards of both are told apart.
        let other = other.replace("127.0.0.1", "localhost");
        let [token, of_other] = TOKENS;
        let place = Place::new(&format!(
            "url = \"{URL}\"\n[incidents]\nhold = \"0s\"\n[chat.slack]\npace = \"off\"\n\
             default_url = \"{}\"\n[mist]\napi_url = \"{first}\"\norg_id = \"{ORG}\"\n\
             token = \"{token}\"\n[[mist.org]]\nname = \"ACME \\\"x\\\"\"\n\
             org_id = \"{OTHER}\"\napi_url = \"{other}\"\ntoken = \"{of_other}\"",
            chat.url("/services/T0"),
        ));
        Self { clouds, chat, place }
    }

    fn disable(&self, nth: usize) {
        let hook = |organisation: &mut Organisation| {
            let hook = organisation.webhooks.values_mut().next().expect("a webhook");
            hook.insert("enabled".into(), json!(false))
        };
        self.clouds.get(nth).expect("one of two").with(hook);
    }

    /// Waits until a post says this, and gives it.
    fn told(&self, mistgate: &Mistgate, words: &str) -> String {
        let says = || {
            let posts = self.chat.posts();
            posts.iter().map(|post| post.request.body.clone()).find(|body| body.contains(words))
        };
        mistgate.until(words, |_| says().is_some());
        says().expect("a post")
    }

    /// The exit code of a command about the webhooks, and what it printed.
    fn run(&self, args: &[&str]) -> (Option<i32>, String) {
        let done =
            output(self.place.path(), &[&["mist"], args, &["--config", "mistgate.toml"]].concat());
        let printed = text(&done.stdout) + &text(&done.stderr);
        assert!(!TOKENS.iter().any(|token| printed.contains(token)), "{printed}");
        (done.status.code(), printed)
    }
}

#[test]
fn each_webhook_is_looked_after_and_what_is_wrong_says_where() {
    let bench = Bench::new();
    bench.disable(1);
    let mistgate = bench.place.start();
    let wrong = mistgate.line("mist_wrong", 1);
    assert_eq!(wrong.get("org"), Some(&json!(OTHER)), "{wrong}");
    assert!(bench.told(&mistgate, "Webhook in Mist is wrong").contains("ACME"));
    mistgate.until("the status", |mistgate| {
        let status = mistgate.status();
        let checked = |path: &str| status.pointer(path).is_some_and(Value::is_string);
        checked("/mist/checked_at") && checked("/mist_orgs/0/wrong/webhook")
    });
    assert_eq!(mistgate.status().pointer("/mist/wrong"), Some(&json!({})));
    let metric = |labels: &str| mistgate.metric(&format!("mistgate_mist_wrong{{{labels}}}"));
    let of_other = "part=\"webhook\",org=\"ACME \\\"x\\\"\"";
    assert_eq!([metric("part=\"webhook\""), metric(of_other)].map(|n| n.to_string()), ["0", "1"]);

    bench.disable(0);
    let (code, printed) = bench.run(&["check"]);
    assert_eq!(
        (code, printed.matches("enabled: it is disabled").count()),
        (Some(1), 2),
        "{printed}"
    );
    assert!(printed.contains("ACME \"x\":\n"), "{printed}");
    let (code, printed) = bench.run(&["setup", "--yes"]);
    assert_eq!((code, printed.matches("written").count()), (Some(0), 2), "{printed}");
    mistgate.reload();
    mistgate.line("incident_over", 1);
    mistgate.stop();
}

#[test]
fn an_event_says_of_which_organisation_it_is_also_when_it_is_late() {
    let bench = Bench::new();
    let mistgate = bench.place.start();
    mistgate.until("a first round", |mistgate| {
        let status = mistgate.status();
        ["/mist/checked_at", "/mist_orgs/0/checked_at"]
            .iter()
            .all(|path| status.pointer(path).is_some_and(Value::is_string))
    });
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.expect("after 1970").as_secs();
    let event = |org: &str, name: &str| {
        json!({
            "type": "AP_CONFIGURED", "org_id": org, "device_name": name, "mac": "5c5b35000001",
            "device_type": "ap", "timestamp": now, "site_id": HOOK,
        })
    };
    mistgate.accept(&body("device-events", &[event(ORG, "first-ap")]));
    mistgate.accept(&body("device-events", &[event(OTHER, "other-ap")]));
    let [first, other] = ["first-ap", "other-ap"].map(|name| bench.told(&mistgate, name));
    assert!(!first.contains("ACME") && other.contains("ACME"), "{first}\n{other}");
    // Each cloud has its dashboard, which is at the host of the API where that has no usual name.
    assert!(first.contains(&format!("//127.0.0.1/admin/?org_id={ORG}")), "{first}");
    assert!(other.contains(&format!("//localhost/admin/?org_id={OTHER}")), "{other}");
    mistgate.kill();

    let audit = json!({
        "id": "a-1", "org_id": OTHER, "admin_name": "A B a@example.net", "timestamp": now,
        "message": "Deleted Site X",
    });
    bench.clouds.last().expect("two").with(|organisation| {
        organisation.deliveries.push(json!({
            "status": "failure", "topic": "audits", "req_payload": body("audits", &[audit]),
            "timestamp": now, "error": "connection refused",
        }));
    });
    let mistgate = bench.place.start();
    assert!(bench.told(&mistgate, "Deleted Site X").contains("ACME"));
    mistgate.stop();
}

#[test]
fn a_selftest_pings_the_webhook_of_each() {
    let bench = Bench::new();
    let mistgate = bench.place.start();
    mistgate.webhook();
    let args = ["selftest", "--config", "mistgate.toml"];
    let mut test = Process::start(command(bench.place.path(), &args));
    for cloud in &bench.clouds {
        let is_pinged = |asked: &[Recorded]| asked.iter().any(|one| one.target.ends_with("/ping"));
        assert!(cloud.wait(is_pinged), "{}", test.stderr());
        mistgate.accept(&body("ping", &[json!({ "id": HOOK, "timestamp": 1.5 })]));
    }
    assert_eq!(test.wait().code(), Some(0), "{}", test.stderr());
    let steps = test.stdout();
    assert!(steps.contains("  the ping comes in, signed: yes\n"), "{steps}");
    assert!(steps.contains("ACME \"x\": the ping comes in, signed: yes\n"), "{steps}");
    assert_eq!(steps.matches("takes a message").count(), 1, "{steps}");
    mistgate.stop();
}
