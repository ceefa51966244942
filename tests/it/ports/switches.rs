//! `mistgate run` with `[ports]`: from a webhook to the port, the chat and the audit, and back.

mod cso;
mod demands;
mod dependents;
mod guards;
mod junos;
mod person;
mod two_ports;

use std::{fs, os::unix::fs::PermissionsExt as _, sync::Mutex};

use mistgate_tests::base::http::Message;
use mistgate_tests::chat::server::Chat;
use mistgate_tests::ports::cloud::organisation::{ORG, Organisation, SITE};
use mistgate_tests::ports::cloud::{Cloud, Fault};
use mistgate_tests::webhook::mist::{body, request, send};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::base::binary::{Mistgate, Place};
use crate::ports::mac;

const TOKEN: &str = "the-token-of-the-tests";
const KEY: &str = "the key of the tests";
const SWITCH: &str = "5c5b350000ff";
const AP: &str = "5c5b35000001";
const PORT: &str = "ge-0/0/1";

/// A cloud with one switch and one access point, a chat for the reports, and a folder with a
/// configuration.
struct Site {
    cloud: Cloud,
    chat: Chat,
    place: Place,
    /// Mist's clock, which advances with every event.
    clock: Mutex<u64>,
}

impl Site {
    /// Creates one. `ports` is the beginning of `[ports]`, with any sections that follow.
    fn new(ports: &str) -> Self {
        Self::with_switch("access-1", ports)
    }

    fn with_switch(name: &str, ports: &str) -> Self {
        let mut organisation = Organisation::new(ORG, TOKEN);
        organisation.add_switch(mac(SWITCH), SITE, name, 4);
        organisation.add_ap(mac(AP), SITE);
        let site = Self {
            cloud: Cloud::open(organisation).expect("a cloud"),
            chat: Chat::open().expect("a chat"),
            place: Place::new(""),
            clock: Mutex::new(1_752_000_000),
        };
        site.configure(ports);
        site
    }

    fn configure(&self, ports: &str) {
        self.place.configure(&format!(
            "[mist]\napi_url = \"{}\"\ntoken = \"{TOKEN}\"\norg_id = \"{ORG}\"\n\
             [chat.slack]\npace = \"off\"\ndefault_url = \"{}\"\n\
             [chat.channels.device-events]\n\"*\" = \"drop\"\n\
             [ports]\nsettle = \"10ms\"\ndisconnect_wait = \"10ms\"\n{ports}",
            self.cloud.origin(),
            self.chat.url("/T")
        ));
    }

    fn plug(&self) {
        assert!(self.cloud.with(|organisation| organisation.plug(mac(AP), mac(SWITCH), PORT)));
    }

    fn unplug(&self) {
        self.cloud.with(|organisation| organisation.unplug(mac(AP)));
    }

    fn usage(&self) -> Option<String> {
        self.cloud.with(|organisation| organisation.usage(mac(SWITCH), PORT))
    }

    fn event(&self, kind: &str, ap: &str) -> String {
        let mut clock = self.clock.lock().expect("no panic");
        *clock += 1;
        let event = json!({
            "type": kind, "timestamp": *clock, "mac": ap, "device_name": "Lobby",
            "device_type": "ap", "site_id": SITE, "site_name": "HQ", "org_id": ORG,
        });
        body("device-events", &[event])
    }

    /// Sends an event that no chat shows.
    fn send_event(&self, mistgate: &Mistgate, kind: &str) {
        mistgate.accept(&self.event(kind, AP));
    }

    /// The audit's lines of this type.
    fn audit(&self, kind: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.place.path().join("state/ports-audit.jsonl"));
        let lines = text.unwrap_or_default();
        let lines = lines.lines().map(|line| serde_json::from_str(line).expect("JSON"));
        lines.filter(|line: &Value| line.get("type").is_some_and(|of| of == kind)).collect()
    }

    /// Waits for a post to the chat that contains all of these texts.
    fn await_post(&self, texts: &[&str]) {
        let holds = |body: &str| texts.iter().all(|text| body.contains(text));
        let posts = self.chat.wait(|posts| posts.iter().any(|post| holds(&post.request.body)));
        assert!(posts.is_some(), "{texts:?} not among {:?}", self.chat.posts());
    }
}

const ENFORCE: &str =
    "mode = \"enforce\"\napprove_first = 0\nmethod = \"mist\"\n[ports.mist]\nap_profile = \"ap\"\n";

fn observe() -> String {
    ENFORCE.replace("enforce", "observe")
}

/// Requests a mode of the port by the key API.
fn ask(mistgate: &Mistgate, method: &str, headers: &[(&str, &str)], body: &str) -> Message {
    send(mistgate.webhook(), &request(method, "/external", headers, body)).expect("an answer")
}

fn wanted(kind: &str) -> String {
    json!({ "switch_mac": SWITCH, "switch_port": PORT, "type": kind }).to_string()
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

#[test]
fn an_ap_gets_its_port_and_gives_it_back() {
    let site = Site::new(ENFORCE);
    let mistgate = site.place.start();
    let before = site.usage().expect("a port");
    site.plug();
    site.send_event(&mistgate, "AP_CONNECTED");
    let line = mistgate.line("port_changed", 1);
    assert_eq!((text(&line, "/port"), text(&line, "/mode")), (PORT, "ap"));
    assert_eq!((text(&line, "/switch"), text(&line, "/ap")), ("access-1", AP));
    assert_eq!(site.usage().as_deref(), Some("ap"));
    site.await_post(&["Switch port changed", PORT, "Lobby", "HQ"]);

    let status = mistgate.status();
    assert_eq!(status.pointer("/ports/modes/ap"), Some(&json!(1)), "{status}");
    let port = status.pointer("/ports/ports/0").expect("a port");
    assert_eq!((text(port, "/switch"), text(port, "/port")), ("access-1", PORT));
    assert_eq!((text(port, "/mode"), text(port, "/stage")), ("ap", "resting"));
    assert_eq!(mistgate.metric("mistgate_ports{mode=\"ap\"}"), 1.0);

    site.unplug();
    site.send_event(&mistgate, "AP_DISCONNECTED");
    let line = mistgate.line("port_changed", 2);
    assert_eq!((text(&line, "/port"), text(&line, "/mode")), (PORT, "default"));
    assert_eq!(site.usage(), Some(before));
    site.chat.wait(|posts| posts.len() == 2).expect("two reports");
    mistgate.until("no port of ours", |mistgate| {
        mistgate.status().pointer("/ports/modes") == Some(&json!({}))
    });
    assert_eq!(mistgate.metric("mistgate_port_changes_total{result=\"done\"}"), 2.0);
    assert_eq!(mistgate.metric("mistgate_port_change_seconds_count"), 2.0);
    mistgate.stop();

    let lines = site.audit("PORT_CHANGED");
    let modes: Vec<_> = lines.iter().map(|line| text(line, "/changes/0/mode")).collect();
    assert_eq!(modes, ["ap", "default"]);
    assert!(lines.iter().all(|line| text(line, "/ap_name").is_empty()
        && text(line, "/changes/0/ap_name") == "Lobby"
        && !text(line, "/diff").is_empty()));
    let file = fs::metadata(site.place.path().join("state/ports-audit.jsonl")).expect("a file");
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
}

#[test]
fn nothing_is_changed_while_the_audit_cannot_be_written() {
    let site = Site::new(ENFORCE);
    // Where a file should be.
    let audit = site.place.path().join("state/ports-audit.jsonl");
    fs::create_dir_all(&audit).expect("a folder");
    let mistgate = site.place.start();
    mistgate.line("audit_failed", 1);
    let before = site.usage();
    site.plug();
    site.send_event(&mistgate, "AP_CONNECTED");
    let line = mistgate.line("port_retrying", 1);
    assert_eq!((text(&line, "/port"), text(&line, "/failure")), (PORT, "audit"));
    assert_eq!((site.usage(), site.cloud.requests_of("PUT").len()), (before, 0));
    fs::remove_dir(&audit).expect("an empty folder");
    mistgate.line("audit_written", 1);
    mistgate.line("port_changed", 1);
    assert_eq!(site.usage().as_deref(), Some("ap"));
    mistgate.stop();
    assert!(!site.audit("PORT_RETRYING").is_empty());
    assert_eq!(site.audit("PORT_CHANGED").len(), 1);
}

#[test]
fn observing_changes_nothing_and_tells_the_exact_change_until_it_may() {
    let site = Site::new(&observe());
    let mistgate = site.place.start();
    site.plug();
    site.send_event(&mistgate, "AP_CONNECTED");
    mistgate.line("port_observed", 1);
    site.await_post(&["Switch port would be changed", "usage"]);
    let [observed] = &*site.audit("PORT_OBSERVED") else {
        panic!("{:?}", site.audit("PORT_OBSERVED"));
    };
    assert_eq!(text(observed, "/changes/0/lines/0"), format!("{PORT}: profile ap"));
    assert_eq!(mistgate.metric("mistgate_ports_observed"), 1.0);
    assert_eq!(site.cloud.requests_of("PUT"), []);

    // The change that was only reported is made once it is allowed.
    site.configure(ENFORCE);
    mistgate.reload();
    mistgate.line("port_changed", 1);
    assert_eq!(site.usage().as_deref(), Some("ap"));

    // Without the section events are ignored. With it, the comparison with Mist finds what was
    // missed.
    site.configure("");
    let config = fs::read_to_string(site.place.path().join("mistgate.toml")).expect("a file");
    let (head, tail) = config.split_once("[ports]").expect("a section");
    let (_, tail) = tail.split_once("[admin]").expect("a section");
    site.place.write("mistgate.toml", &format!("{head}[admin]{tail}"));
    mistgate.reload();
    assert_eq!(mistgate.status().pointer("/ports"), Some(&Value::Null));
    site.unplug();
    site.send_event(&mistgate, "AP_DISCONNECTED");
    site.configure(ENFORCE);
    mistgate.reload();
    mistgate.line("port_changed", 2);
    assert_eq!(site.usage().as_deref(), Some("default"));
    mistgate.stop();
}

#[test]
fn the_kill_switch_holds_over_a_restart_and_everything_goes_on_after_it() {
    let site = Site::new(ENFORCE);
    let mistgate = site.place.start();
    let stopped = |is_stopped: bool| {
        move |mistgate: &Mistgate| {
            mistgate.status().pointer("/ports/stopped") == Some(&json!(is_stopped))
        }
    };
    assert_eq!(mistgate.order("/ports/stop", &[("Origin", "http://x")], "").status(), 403);
    assert_eq!(mistgate.ask("/ports/stop").status(), 405);
    assert_eq!(mistgate.order("/ports/other", &[], "").status(), 404);
    let answer = mistgate.order("/ports/stop", &[], "");
    assert_eq!((answer.status(), answer.body.as_str()), (200, "stopped\n"));
    assert!(stopped(true)(&mistgate));
    let file = site.place.path().join("state/stop-ports");
    assert!(file.exists());
    site.await_post(&["Switch port changes stopped"]);
    site.plug();
    site.send_event(&mistgate, "AP_CONNECTED");
    let line = mistgate.line("port_refused", 1);
    assert_eq!(text(&line, "/rule"), "ports.kill_switch");
    let port = mistgate.status().pointer("/ports/ports/0").cloned().expect("a port");
    assert_eq!((text(&port, "/stage"), text(&port, "/wanted")), ("due", "ap"));
    assert_eq!(text(&port, "/refused_by"), "ports.kill_switch");
    let refusals = "mistgate_port_refusals_total{rule=\"ports.kill_switch\"}";
    assert_eq!(mistgate.metric(refusals), 1.0);
    mistgate.stop();

    let mistgate = site.place.start();
    mistgate.line("ports_stopped", 1);
    // The comparison with Mist finds the access point.
    mistgate.line("port_refused", 1);
    assert_eq!(site.cloud.requests_of("PUT"), []);
    assert_eq!(mistgate.order("/ports/go", &[], "").status(), 200);
    mistgate.line("port_changed", 1);
    assert!(stopped(false)(&mistgate) && !file.exists());

    // A file made by hand works too, and so does a path where no file can be made.
    fs::write(&file, "").expect("a file");
    mistgate.until("a stop", stopped(true));
    fs::remove_file(&file).expect("a file");
    mistgate.until("no stop", stopped(false));
    // In the state folder, since the sandbox allows no other place to be written.
    site.configure(&format!("kill_switch = \"state/nowhere/stop\"\n{ENFORCE}"));
    mistgate.reload();
    let answer = mistgate.order("/ports/stop", &[], "");
    assert_eq!(answer.status(), 500);
    assert!(answer.body.contains("until the next restart only: "), "{}", answer.body);
    assert!(stopped(true)(&mistgate));
    assert_eq!(mistgate.order("/ports/go", &[], "").status(), 200);
    assert!(stopped(false)(&mistgate));
    mistgate.stop();
}

#[test]
fn a_program_outside_may_ask_for_a_mode() {
    let external = format!("{ENFORCE}[ports.external]\nkey = \"{KEY}\"\n");
    let site = Site::new(&external);
    let mistgate = site.place.start();
    let key = [("X-ClientApiKey", KEY)];
    assert_eq!(ask(&mistgate, "GET", &key, "").status(), 405);
    assert_eq!(ask(&mistgate, "POST", &[], &wanted("AP_CONNECTED")).status(), 401);
    let wrong = [("X-ClientApiKey", "the key of the test")];
    assert_eq!(ask(&mistgate, "POST", &wrong, &wanted("AP_CONNECTED")).status(), 401);
    let answer = ask(&mistgate, "POST", &key, &wanted("SW_CONNECTED"));
    assert_eq!(answer.status(), 200, "as the original answers");
    let expected =
        "type: expected AP_CONNECTED, AP_RESTARTED or AP_DISCONNECTED, got another type\n";
    assert_eq!(answer.body, expected);
    site.plug();
    let answer = ask(&mistgate, "POST", &key, &wanted("AP_CONNECTED"));
    assert_eq!((answer.status(), answer.body.as_str()), (200, ""));
    mistgate.line("port_requested", 1);
    mistgate.line("port_changed", 1);
    assert_eq!(site.usage().as_deref(), Some("ap"));
    site.await_post(&["Switch port changed", PORT, "mode ap"]);
    // Even on request a port is not taken from an access point that is connected to it.
    assert_eq!(ask(&mistgate, "POST", &key, &wanted("AP_DISCONNECTED")).status(), 200);
    mistgate.line("port_requested", 2);
    site.unplug();
    assert_eq!(ask(&mistgate, "POST", &key, &wanted("AP_DISCONNECTED")).status(), 200);
    mistgate.line("port_changed", 2);
    site.await_post(&["Switch port changed", PORT, "mode default"]);
    // What it asked for is undone where the access point comes back, and that is told.
    site.plug();
    site.send_event(&mistgate, "AP_CONNECTED");
    mistgate.line("port_changed", 3);
    let undone = |posts: &[_]| posts.len() == 3;
    assert!(site.chat.wait(|posts| undone(posts)).is_some(), "{:?}", site.chat.posts());
    let modes: Vec<_> = site.audit("PORT_CHANGED");
    let modes: Vec<_> = modes.iter().map(|line| text(line, "/changes/0/mode")).collect();
    assert_eq!(modes, ["ap", "default", "ap"]);
    let journal = mistgate.stop();
    for secret in [KEY, TOKEN] {
        assert!(!journal.contains(secret), "{journal}");
    }
}

#[test]
fn a_crash_in_the_midst_of_a_change_ends_right() {
    let site = Site::new(ENFORCE);
    let mistgate = site.place.start();
    site.plug();
    site.cloud.misbehave("PUT", "local_port_config", Fault::Held, 1);
    site.send_event(&mistgate, "AP_CONNECTED");
    assert!(site.cloud.wait(|requests| requests.iter().any(|request| request.method == "PUT")));
    mistgate.kill();
    // The switch has the change, but mistgate does not know it.
    assert_eq!(site.usage().as_deref(), Some("ap"));
    assert_eq!(site.audit("PORT_CHANGED").len(), 0);
    site.cloud.release();

    let mistgate = site.place.start();
    mistgate.line("port_unchanged", 1);
    site.unplug();
    site.send_event(&mistgate, "AP_DISCONNECTED");
    let line = mistgate.line("port_changed", 1);
    assert_eq!(text(&line, "/mode"), "default");
    assert_eq!(site.usage().as_deref(), Some("default"));
    mistgate.stop();
}

#[test]
fn the_audit_follows_when_its_file_is_moved() {
    let site = Site::new(ENFORCE);
    let mistgate = site.place.start();
    site.plug();
    site.send_event(&mistgate, "AP_CONNECTED");
    mistgate.until("a line", |_| site.audit("PORT_CHANGED").len() == 1);
    let file = site.place.path().join("state/ports-audit.jsonl");
    let moved = file.with_extension("jsonl.1");
    fs::rename(&file, &moved).expect("a rename");
    mistgate.signal(Signal::HUP);
    mistgate.line("reloaded", 1);
    site.unplug();
    site.send_event(&mistgate, "AP_DISCONNECTED");
    mistgate.until("a line", |_| site.audit("PORT_CHANGED").len() == 1);
    assert_eq!(fs::read_to_string(&moved).expect("a file").lines().count(), 1);
    mistgate.stop();
}
