//! `mistgate mist`: the real binary looks after the webhook of a cloud of the tests' own.

use std::io::Write as _;
use std::net::TcpListener;
use std::process::{Output, Stdio};

use mistgate_tests::ports::cloud::organisation::{ORG, Organisation, SITE, Secrets};
use mistgate_tests::ports::cloud::{Cloud, Fault, Role};
use serde_json::{Map, Value, json};

use crate::base::binary::{Place, SECRET, command, output, text};

const TOKEN: &str = "t0k3n-of-the-tests";
const URL: &str = "https://gw.example/webhooks";
const ID: &str = "00000007-0000-4000-8000-000000000000";

/// A cloud, and a configuration that names it.
struct Bench {
    cloud: Cloud,
    place: Place,
}

impl Bench {
    /// A bench with these webhooks of the organisation in the cloud.
    fn new(webhooks: &[Value]) -> Self {
        let mut organisation = Organisation::new(ORG, TOKEN);
        for (nth, hook) in webhooks.iter().enumerate() {
            let mut hook = hook.as_object().cloned().expect("an object");
            let id = ID.replace('7', &nth.to_string());
            hook.insert("id".to_owned(), json!(id));
            organisation.webhooks.insert(id, hook);
        }
        let cloud = Cloud::open(organisation).expect("a port");
        let bench = Self { cloud, place: Place::new("") };
        bench.configure(&format!("url = \"{URL}\"\n[chat.console]"), "");
        bench
    }

    /// Ends `[webhook]`, and adds sections; then ends `[mist]`.
    fn configure(&self, webhook: &str, mist: &str) {
        let api = self.cloud.origin();
        self.place.write("token", TOKEN);
        self.place.configure(&format!(
            "{webhook}\n[mist]\napi_url = \"{api}\"\norg_id = \"{ORG}\"\n\
             token_file = \"token\"\n{mist}"
        ));
    }

    fn run(&self, kind: &str, args: &[&str]) -> (i32, String) {
        let fixed = ["mist", kind, "--config", "mistgate.toml"];
        said(&output(self.place.path(), &[&fixed, args].concat()))
    }

    /// The webhook that is written first.
    fn webhook(&self) -> Map<String, Value> {
        let first =
            |organisation: &mut Organisation| organisation.webhooks.values().next().cloned();
        self.cloud.with(first).expect("a webhook")
    }

    fn writes(&self) -> usize {
        self.cloud.requests().iter().filter(|request| request.method != "GET").count()
    }
}

/// The exit code and all that was printed, in which there is no secret.
fn said(done: &Output) -> (i32, String) {
    let printed = text(&done.stdout) + &text(&done.stderr);
    for secret in [TOKEN, SECRET, "an-0ther", "h1dden"] {
        assert!(!printed.contains(secret), "{printed}");
    }
    (done.status.code().expect("an end"), printed)
}

/// A webhook that is as the configuration wants it, but for these members.
fn right(instead: Value) -> Value {
    let mut hook = json!({
        "name": "noc", "enabled": true, "type": "http-post", "url": URL, "secret": SECRET,
        "verify_cert": true, "single_event_per_message": false,
        "topics": ["alarms", "audits", "device-events", "device-updowns", "mxedge-events"],
        "headers": { "x-key": "h1dden" },
    });
    let members = hook.as_object_mut().expect("an object");
    members.extend(instead.as_object().cloned().expect("an object"));
    hook
}

#[test]
fn an_empty_organisation_gets_its_webhook() {
    let bench = Bench::new(&[]);
    let (code, printed) = bench.run("check", &[]);
    assert_eq!(code, 1, "{printed}");
    assert!(
        printed.contains("no webhook of the organisation sends to https://gw.example/webhooks")
    );
    // Without a terminal and without --yes nothing is written.
    let (code, printed) = bench.run("setup", &[]);
    assert_eq!((code, bench.writes()), (1, 0), "{printed}");
    assert!(printed.contains("  url: \"https://gw.example/webhooks\"\n"), "{printed}");
    assert!(printed.contains("there is no terminal to ask on"), "{printed}");
    let (code, printed) = bench.run("setup", &["--yes"]);
    assert_eq!((code, bench.writes()), (0, 1), "{printed}");
    let hook = bench.webhook();
    assert_eq!(hook.get("secret"), Some(&json!(SECRET)));
    assert_eq!(hook.get("url"), Some(&json!(URL)));
    let topics = ["alarms", "audits", "device-events", "device-updowns", "mxedge-events"];
    assert_eq!(hook.get("topics"), Some(&json!(topics)));
    let (code, printed) = bench.run("check", &[]);
    assert_eq!(code, 0, "{printed}");
    let line = "webhook \"mistgate\" sends what the configuration wants to https://gw.example/web";
    assert!(printed.starts_with(line), "{printed}");
    let (code, printed) = bench.run("setup", &[]);
    assert_eq!((code, bench.writes()), (0, 1), "{printed}");
    assert!(printed.contains("nothing to change"), "{printed}");
    assert_eq!(bench.cloud.with(|organisation| organisation.webhooks.len()), 1);
}

#[test]
fn a_webhook_is_mended_and_keeps_what_it_has_besides() {
    let bench = Bench::new(&[
        right(json!({ "name": "elsewhere", "url": "https://other.example/" })),
        right(json!({
            "enabled": false, "secret": "an-0ther", "topics": ["client-join"],
            "verify_cert": false, "single_event_per_message": true, "default_action": "block",
            "rules": [
                { "topic": "client-join", "action": "permit" },
                { "topic": "alarms", "action": "block" },
            ],
        })),
    ]);
    let (code, printed) = bench.run("setup", &["--yes"]);
    assert_eq!((code, bench.writes()), (0, 1), "{printed}");
    for line in [
        "enabled: false -> true",
        "secret: that of [webhook]",
        "topics: [\"client-join\"] -> [\"alarms\",\"audits\",\"client-join\",",
        "default_action: \"block\" -> \"permit\"",
    ] {
        assert!(printed.contains(line), "{line}: {printed}");
    }
    let hook = bench.cloud.with(|o| o.webhooks.values().nth(1).cloned()).expect("a webhook");
    assert_eq!(hook.get("headers"), Some(&json!({ "x-key": "h1dden" })));
    assert_eq!(hook.get("name"), Some(&json!("noc")));
    let rules = json!([{ "topic": "client-join", "action": "permit" }]);
    assert_eq!(hook.get("rules"), Some(&rules));
    assert_eq!(bench.run("check", &[]).0, 0);
    // What Mist takes and does not keep is seen.
    bench.cloud.with(|o| o.webhooks.values_mut().nth(1).map(|hook| hook.remove("secret")));
    bench.cloud.misbehave("PUT", "", Fault::Ignored, 1);
    let (code, printed) = bench.run("setup", &["--yes"]);
    assert!(code == 1 && printed.matches("secret: there is none").count() == 2, "{printed}");
}

#[test]
fn each_difference_is_said() {
    for (instead, line) in [
        (json!({ "enabled": false }), "enabled: it is disabled"),
        (json!({ "type": "splunk" }), "type: splunk"),
        (json!({ "topics": ["alarms", "audits"] }), "topics: device-events, device-updowns, mx"),
        (json!({ "secret": "" }), "secret: there is none"),
        (json!({ "secret": "an-0ther" }), "secret: not the one of [webhook]"),
        (json!({ "verify_cert": false }), "verify_cert: off"),
        (json!({ "single_event_per_message": true }), "single_event_per_message: on"),
        (
            json!({ "rules": [{ "topic": "audits", "action": "block",
                "matching": { "admin_name": ["x"] } }] }),
            "rules: number 1 blocks what is routed: audits with admin_name x",
        ),
        (json!({ "default_action": "block" }), "default_action: block, so nothing is sent of al"),
        (json!({ "url": "https://gw.example/other" }), "no webhook of the organisation sends to"),
    ] {
        let bench = Bench::new(&[right(instead)]);
        let (code, printed) = bench.run("check", &[]);
        assert_eq!((code, bench.writes()), (1, 0), "{printed}");
        assert!(printed.starts_with(line), "{line}: {printed}");
        assert!(printed.ends_with("\nmistgate mist setup mends the webhook\n"), "{printed}");
    }
}

#[test]
fn a_second_webhook_is_said_over_all_pages() {
    let bench = Bench::new(&[right(json!({})), right(json!({ "name": "copy" }))]);
    bench.cloud.with(|organisation| {
        organisation.page_max = 1;
        for (nth, site) in [SITE, "67970e46-4e12-11e6-9188-0242ac110008"].iter().enumerate() {
            organisation.sites.insert((*site).to_owned(), format!("Site {nth}"));
        }
        let site = "67970e46-4e12-11e6-9188-0242ac110008";
        let hook = right(json!({
            "topics": ["zone", "alarms"], "site_id": site, "id": "67970e46-4e12-11e6-9188-0242ac110009",
        }));
        let hook = hook.as_object().cloned().expect("an object");
        organisation.webhooks.insert("67970e46-4e12-11e6-9188-0242ac110009".to_owned(), hook);
    });
    let (code, printed) = bench.run("check", &[]);
    assert_eq!(code, 1, "{printed}");
    let copy = "webhook \"copy\" of the organisation sends alarms, audits, device-events, ";
    assert!(printed.contains(copy), "{printed}");
    let site = "webhook \"noc\" of site Site 1 sends alarms here a second time\n";
    assert!(printed.contains(site), "{printed}");
    // Nothing of ours mends that.
    assert!(!printed.contains("mistgate mist setup"), "{printed}");
    let (code, printed) = bench.run("setup", &["--yes"]);
    assert_eq!((code, bench.writes()), (1, 0), "{printed}");
}

#[test]
fn a_token_that_is_not_enough_is_said() {
    let bench = Bench::new(&[right(json!({ "enabled": false }))]);
    bench.place.write("wrong", "wr0ng\n");
    let (code, printed) = bench.run("check", &["--token-file", "wrong"]);
    assert_eq!(code, 1, "{printed}");
    assert!(printed.contains("the token: Mist refuses the token (401)"), "{printed}");
    assert!(printed.contains("src_ips"), "{printed}");
    bench.cloud.misbehave("GET", "/webhooks?", Fault::Status(403, "{}".to_owned()), 1);
    let (code, printed) = bench.run("check", &[]);
    assert_eq!(code, 1, "{printed}");
    let line = "the organisation's webhooks: Mist forbids it (403): the token's role is not enough \
                (role admin of scope org); or src_ips";
    assert!(printed.contains(line), "{printed}");
    // One that may only read is enough to check, and does not mend.
    bench.cloud.with(|organisation| {
        organisation.token.1 = Role::Observer;
        organisation.secrets = Secrets::Nothing;
    });
    let (code, printed) = bench.run("check", &[]);
    assert!(code == 1 && printed.starts_with("enabled: "), "{printed}");
    assert!(printed.contains("secret: Mist does not show it to this token"), "{printed}");
    let (code, printed) = bench.run("setup", &["--yes"]);
    assert_eq!(code, 1, "{printed}");
    let line = "writing the webhook: Mist forbids it (403): the token's role is not enough \
                (role read of scope org)";
    assert!(printed.contains(line) && printed.contains("--token-file"), "{printed}");
    // Ports through Mist need one that writes.
    let ports = "[ports]\nmode = \"enforce\"\nmethod = \"mist\"\n[ports.mist]\nap_profile = \"ap\"";
    bench.configure(&format!("url = \"{URL}\"\n[chat.console]"), ports);
    let (code, printed) = bench.run("check", &[]);
    let line =
        "token: ports.method = \"mist\" writes, and it may only read: role read of scope org";
    assert!(code == 1 && printed.contains(line), "{printed}");
}

#[test]
fn a_token_may_come_from_standard_input_and_stars_are_no_difference() {
    let bench = Bench::new(&[right(json!({ "secret": "an-0ther" }))]);
    bench.cloud.with(|organisation| organisation.secrets = Secrets::Stars);
    bench.place.write("token", "0f-an-observer");
    let (code, printed) = bench.run("check", &[]);
    assert_eq!(code, 1, "{printed}");
    let mut piped = command(
        bench.place.path(),
        &["mist", "setup", "--config", "mistgate.toml", "--token-file", "-", "--yes"],
    );
    piped.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = piped.spawn().expect("a process");
    let mut stdin = process.stdin.take().expect("a pipe");
    stdin.write_all(format!("{TOKEN}\n").as_bytes()).expect("a reader");
    drop(stdin);
    let (code, printed) = said(&process.wait_with_output().expect("an end"));
    assert_eq!(code, 0, "{printed}");
    assert!(printed.contains("secret: Mist does not show it to this token"), "{printed}");
    assert_eq!(bench.webhook().get("secret"), Some(&json!(SECRET)));
}

#[test]
fn what_is_missing_in_the_command_is_wrong_usage() {
    let bench = Bench::new(&[right(json!({ "url": "https://gw.example/x" }))]);
    bench.configure("[chat.console]", "");
    for (args, code, words) in [
        ([].as_slice(), 2, "webhook.url: missing"),
        (&["--url", "gw.example"], 2, "this is not a URL"),
        (&["--url", "https://u:p@gw.example/"], 2, "this URL holds a user name or a password"),
        (&["--url", "https://gw.example/x"], 0, "webhook \"noc\" sends what"),
        (&["--url", "https://gw.example/x", "--token-file", "none"], 1, "none: No such file"),
    ] {
        let (found, printed) = bench.run("check", args);
        assert!(found == code && printed.contains(words), "{args:?} {found}: {printed}");
    }
    let api = bench.cloud.origin();
    let mist = format!("[chat.console]\n[mist]\napi_url = \"{api}\"");
    bench.place.configure(&mist);
    let (code, printed) = bench.run("types", &[]);
    assert!(code == 2 && printed.contains("mist.token_file: missing"), "{printed}");
    bench.place.write("token", TOKEN);
    let url = ["--url", URL, "--token-file", "token"];
    let (code, printed) = bench.run("check", &url);
    assert!(code == 1 && printed.contains("mist.org_id: missing"), "{printed}");
}

#[test]
fn a_cloud_that_is_not_there_or_not_mist_is_said() {
    let bench = Bench::new(&[]);
    for (fault, words) in [
        (Fault::Portal, "the token: what answers is not Mist's API"),
        (Fault::Status(502, String::new()), "the token: Mist has a fault of its own"),
        (Fault::TooMany(Some(7)), "the token: Mist asks to wait for 7 s"),
    ] {
        bench.cloud.misbehave("GET", "/self", fault, 1);
        let (code, printed) = bench.run("check", &[]);
        assert!(code == 1 && printed.contains(words), "{printed}");
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let gone = listener.local_addr().expect("an address");
    drop(listener);
    bench.place.configure(&format!(
        "url = \"{URL}\"\n[chat.console]\n[mist]\napi_url = \"http://{gone}\"\norg_id = \"{ORG}\"\n\
         token_file = \"token\""
    ));
    let (code, printed) = bench.run("check", &[]);
    assert!(code == 1 && printed.contains("mist.api_url cannot be reached"), "{printed}");
}

#[test]
fn types_without_words_are_listed() {
    let bench = Bench::new(&[]);
    let known = json!({ "key": "AP_CONNECTED", "display": "AP Connected" });
    let alarm = |key: &str, display: &str| {
        json!({
            "key": key, "display": display, "severity": "critical", "group": "infrastructure",
            "fields": [],
        })
    };
    bench.cloud.with(|organisation| {
        organisation.types = (vec![known.clone()], vec![alarm("rogue_ap", "Rogue AP")]);
    });
    let (code, printed) = bench.run("types", &[]);
    assert_eq!((code, &*printed), (0, "there are words for all 2 types that Mist lists\n"));
    bench.cloud.with(|organisation| {
        organisation.types.0.push(json!({ "key": "AP_NEW", "display": "A new\nevent" }));
        organisation.types.1.push(alarm("new_alarm", "New alarm"));
    });
    let (code, printed) = bench.run("types", &[]);
    let expected = "device-events AP_NEW: A new event\nalarms new_alarm: New alarm (critical)\n";
    assert_eq!((code, &*printed), (0, expected));
}
