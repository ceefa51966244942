//! The page over HTTP: who may look and act, and that nothing from outside becomes markup.

use std::fs;
use std::io::Write as _;
use std::time::{Duration, Instant};

use mistgate_core::page::{SCRIPT, STYLE};
use mistgate_tests::base::http::{Message, exchange};
use mistgate_tests::chat::server::{Chat, say};
use mistgate_tests::webhook::mist::{body, connect, device_event, request, send};
use rustls::StreamOwned;
use serde_json::json;

use crate::base::binary::{Mistgate, Place, output, text};
use crate::base::pki::{Authority, Leaf, client};

const ACT: &str = "0123456789abcdef";
const LOOK: &str = "fedcba9876543210";
const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

/// A browser that keeps the cookie of one host.
struct Browser<'m> {
    mistgate: &'m Mistgate,
    cookie: String,
}

impl<'m> Browser<'m> {
    fn new(mistgate: &'m Mistgate) -> Self {
        Self { mistgate, cookie: String::new() }
    }

    fn get(&self, path: &str) -> Message {
        let headers = [("Cookie", self.cookie.as_str())];
        send(self.mistgate.admin(), &request("GET", path, &headers, "")).expect("an answer")
    }

    /// Sends a form as a browser does from a page of `origin`.
    fn send(&self, path: &str, origin: &str, form: &str) -> Message {
        let headers = [("Cookie", self.cookie.as_str()), ("Origin", origin), FORM];
        send(self.mistgate.admin(), &request("POST", path, &headers, form)).expect("an answer")
    }

    fn post(&self, path: &str, form: &str) -> Message {
        self.send(path, "http://127.0.0.1", form)
    }

    fn log_in(&mut self, token: &str) -> Message {
        let answer = self.post("/login", &format!("token={token}"));
        if let Some(cookie) = answer.header("set-cookie") {
            self.cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        }
        answer
    }

    /// What the forms of a page send along.
    fn form(&self, path: &str) -> String {
        let page = self.get(path).body;
        let (_, rest) = page.split_once("name=\"form\" value=\"").expect("a form");
        rest.split('"').next().unwrap_or_default().to_owned()
    }
}

/// Where an answer leads.
fn way(answer: &Message) -> (u16, Option<&str>) {
    (answer.status(), answer.header("location"))
}

fn guarded() -> Place {
    let place = Place::new("[chat.console]\n[ports]");
    let config = fs::read_to_string(place.path().join("mistgate.toml")).expect("a file");
    let tokens = format!("token = \"{ACT}\"\nview_token = \"{LOOK}\"\n");
    place.write("mistgate.toml", &(config + &tokens));
    place
}

#[test]
fn a_token_is_exchanged_for_a_cookie_that_ends() {
    let place = guarded();
    let mistgate = place.start();
    let mut browser = Browser::new(&mistgate);
    assert_eq!(way(&browser.get("/")), (303, Some("/login")));
    assert_eq!(browser.get("/status").status(), 401);
    let form = browser.get("/login");
    assert_eq!(form.status(), 200);
    assert_eq!(form.header("cache-control"), Some("no-store"));
    let policy = form.header("content-security-policy").expect("a policy");
    let wanted = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                  connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
    assert_eq!(policy, wanted);
    assert_eq!(form.header("x-content-type-options"), Some("nosniff"));

    let refused = browser.log_in("another-token");
    assert_eq!((refused.status(), refused.header("set-cookie")), (401, None));
    mistgate.line("page_login_refused", 1);
    assert!(mistgate.stderr().matches("another-token").next().is_none());

    let taken = browser.log_in(ACT);
    assert_eq!(way(&taken), (303, Some("/")));
    let cookie = taken.header("set-cookie").expect("a cookie");
    for part in ["; HttpOnly", "; SameSite=Lax", "; Path=/", "; Max-Age=43200"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains(ACT) && !cookie.contains("Secure"), "{cookie}");
    let line = mistgate.line("page_login", 1);
    assert_eq!(line.get("role"), Some(&json!("act")), "{line}");
    let pages = ["/", "/page/events", "/page/ports", "/page/meetups", "/page/destinations"];
    for path in pages.into_iter().chain(["/page/system", "/status"]) {
        assert_eq!(browser.get(path).status(), 200, "{path}");
    }
    assert!(browser.get("/").body.contains("May act"));

    assert_eq!(way(&browser.post("/logout", "")), (303, Some("/login")));
    // The cookie is worth nothing any more, whoever has kept it.
    assert_eq!(way(&browser.get("/")), (303, Some("/login")));
    mistgate.stop();
}

#[test]
fn who_may_look_cannot_act_and_no_page_of_another_host_can() {
    let place = guarded();
    let mistgate = place.start();
    let (mut looks, mut acts) = (Browser::new(&mistgate), Browser::new(&mistgate));
    looks.log_in(LOOK);
    acts.log_in(ACT);
    let page = looks.get("/page/ports").body;
    assert!(page.contains("May look") && !page.contains("/ports/stop"), "{page}");
    let form = acts.form("/page/ports");
    let order = format!("form={form}&back=/page/ports");
    assert_eq!(looks.post("/ports/stop", &order).status(), 403);
    for origin in ["https://evil.example", "null", "http://127.0.0.1.evil.example"] {
        assert_eq!(acts.send("/ports/stop", origin, &order).status(), 403, "{origin}");
    }
    assert_eq!(acts.post("/ports/stop", "form=guessed").status(), 403);
    assert_eq!(acts.post("/ports/stop", "").status(), 403);
    // A name that its owner lets lead here.
    let headers = [("Cookie", acts.cookie.as_str()), ("Origin", "http://evil.example"), FORM];
    let rebound = request("POST", "/ports/stop", &headers, &order)
        .replace("Host: 127.0.0.1", "Host: evil.example");
    assert_eq!(send(mistgate.admin(), &rebound).expect("an answer").status(), 403);
    assert_eq!(mistgate.journal("ports_ordered").len(), 0);
    assert!(mistgate.stderr().contains("a page of another host"));

    assert_eq!(way(&acts.post("/ports/stop", &order)), (303, Some("/page/ports")));
    let line = mistgate.line("ports_ordered", 1);
    assert_eq!(line.get("from"), Some(&json!("127.0.0.1 (page, act)")), "{line}");
    let page = acts.get("/page/ports").body;
    assert!(page.contains("Kill switch is on</dt><dd>yes") && page.contains("/ports/go"), "{page}");
    assert!(looks.get("/").body.contains("the kill switch is on"));
    // A way back that leads away is not taken.
    let away = format!("form={form}&back=//evil.example");
    let done = acts.post("/ports/go", &away);
    assert_eq!((done.status(), done.header("location")), (200, None));
    // Without the token that they gave, those who have logged in are strangers.
    place.configure("[chat.console]\n[ports]");
    mistgate.reload();
    assert_eq!(way(&acts.post("/ports/stop", &order)).0, 403);
    mistgate.stop();
}

#[test]
fn incidents_are_acknowledged_and_silenced_by_forms() {
    let place = Place::new("[chat.console]\n[incidents]\nhold = \"10m\"");
    let mistgate = place.start();
    let name = "<img src=x onerror=alert(1)>\"'&\u{202e}";
    mistgate.accept(&body("device-events", &[device_event("AP_DISCONNECTED", name)]));
    mistgate.line("incident_opened", 1);
    let mut browser = Browser::new(&mistgate);
    // Whoever is on this machine may look.
    let page = browser.get("/").body;
    assert!(page.contains("Log in to act") && !page.contains("Acknowledge"), "{page}");
    let token = fs::read_to_string(place.path().join("state/admin-token")).expect("a token");
    browser.log_in(token.trim());
    for path in ["/", "/page/events", "/page/events?q=onerror"] {
        let page = browser.get(path).body;
        assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;&quot;"), "{page}");
        assert!(!page.contains("<img") && !page.contains('\u{202e}'), "{page}");
    }
    let form = browser.form("/");
    let done = browser.post("/incidents/1/ack", &format!("form={form}&back=/"));
    assert_eq!(way(&done), (303, Some("/")));
    let done = browser.post("/silences", &format!("form={form}&back=/&match.device=A%2A&for=8h"));
    assert_eq!(way(&done), (303, Some("/")));
    let page = browser.get("/").body;
    assert!(page.contains("acknowledged by 127.0.0.1 (page, act)"), "{page}");
    assert!(page.contains("/silences/1/end") && page.contains("device A*"), "{page}");
    let refused = browser.post("/silences", &format!("form={form}&back=/&match.city=x&for=8h"));
    assert_eq!(refused.status(), 400);
    assert!(refused.body.contains("match.city: expected org"), "{}", refused.body);
    assert_eq!(browser.post("/silences/1/end", &format!("form={form}&back=/")).status(), 303);
    assert!(
        browser.get("/page/events?q=nothing-has-this").body.contains("No event in memory matches")
    );
    mistgate.stop();
}

#[test]
fn news_come_at_once_and_no_one_waits_for_ever() {
    let place = Place::new("[chat.console]");
    let mistgate = place.start();
    let version = |text: &str| {
        let id = text.lines().find_map(|line| line.strip_prefix("id: "));
        id.unwrap_or_else(|| panic!("no id in {text}")).to_owned()
    };
    let first = mistgate.ask("/events");
    assert_eq!(first.header("content-type"), Some("text/event-stream"));
    let before = version(&first.body);
    let page = mistgate.ask("/").body;
    assert!(page.contains(&format!("data-version=\"{before}\"")), "{page}");
    let to = mistgate.admin();
    let waiting = std::thread::spawn(move || {
        let headers = [("Last-Event-ID", before.as_str())];
        send(to, &request("GET", "/events", &headers, "")).expect("an answer").body
    });
    mistgate.accept(&body("device-events", &[device_event("AP_CONNECTED", "ap-1")]));
    let news = waiting.join().expect("an answer");
    assert!(news.contains("\ndata: news\n\n"), "{news}");
    // More than there are places for: the first are asked to come again later.
    let last = format!("/events?after={}", version(&mistgate.ask("/events").body));
    let ask = |_| {
        let last = last.clone();
        std::thread::spawn(move || send(to, &request("GET", &last, &[], "")).expect("an answer"))
    };
    let waiting: Vec<_> = (0..24).map(ask).collect();
    mistgate.until("those that are too many", |_| {
        waiting.iter().filter(|one| one.is_finished()).count() >= 8
    });
    mistgate.stop();
    for one in waiting {
        // Who still waits when it stops is answered, too.
        assert_eq!(one.join().expect("an answer").status(), 200);
    }
}

#[test]
fn a_page_is_refused_where_others_reach_it() {
    let place = Place::new("");
    let check = |admin: &str| {
        let webhook = "[webhook]\nlisten = \"127.0.0.1:1\"\nsecret = \"aa\"\n[chat.console]\n";
        place.write("mistgate.toml", &format!("{webhook}[admin]\n{admin}"));
        let done = output(place.path(), &["check", "--config", "mistgate.toml"]);
        (done.status.code(), text(&done.stderr) + &text(&done.stdout))
    };
    let (code, said) = check("listen = \"10.0.0.1:1\"\ntoken = \"tt\"\npage = true");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("admin.page: others could read along who logs in"), "{said}");
    let (code, said) = check("listen = \"10.0.0.1:1\"\npage = true");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("admin.token_file: missing"), "{said}");
    assert_eq!(check("listen = \"10.0.0.1:1\"\ntoken = \"tt\"").0, Some(0));
    let (code, said) = check("listen = \"10.0.0.1:1\"\ntls = { cert = \"absent.pem\" }");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("admin.token_file: missing"), "{said}");
    assert!(said.contains("admin.tls.cert: the file cannot be read"), "{said}");
    // Without the page there is neither that nor a way to log in.
    let place = guarded();
    let config = fs::read_to_string(place.path().join("mistgate.toml")).expect("a file");
    place.write("mistgate.toml", &(config + "page = false\n"));
    let mistgate = place.start();
    for path in ["/", "/login", "/page/ports", "/style/1"] {
        assert_eq!(mistgate.ask(path).status(), 404, "{path}");
    }
    mistgate.stop();
}

#[test]
fn with_a_certificate_the_page_is_served_by_tls_under_any_name() {
    let (place, authority) = (Place::new(""), Authority::new());
    let put = |leaf: &Leaf| {
        place.write("key.pem", &leaf.key);
        place.write("cert.pem", &leaf.cert);
    };
    put(&authority.issue(&["gw-1.example.net"]));
    // All addresses: without TLS it would be refused.
    place.write(
        "mistgate.toml",
        &format!(
            "state_dir = \"state\"\n[webhook]\nlisten = \"127.0.0.1:0\"\nsecret = \"{ACT}\"\n\
             [chat.console]\n[ports]\n[admin]\nlisten = \"0.0.0.0:0\"\ntoken = \"{ACT}\"\n\
             tls = {{ cert = \"cert.pem\", key = \"key.pem\" }}\n"
        ),
    );
    let mistgate = place.start();
    let to = (std::net::Ipv4Addr::LOCALHOST, mistgate.admin().port()).into();
    let ask = |name, method, path: &str, headers: &[(&str, &str)], body| {
        let tls = client(&authority.cert(), name);
        let mut stream = StreamOwned::new(tls, connect(to).expect("a connection"));
        let request = request(method, path, headers, body);
        let request = request.replace("Host: 127.0.0.1", &format!("Host: {name}"));
        exchange(&mut stream, request.as_bytes())
    };
    // Plain HTTP gets no answer of the page.
    assert!(send(to, &request("GET", "/login", &[], "")).is_err());
    let name = "gw-1.example.net";
    assert_eq!(way(&ask(name, "GET", "/", &[], "").expect("an answer")), (303, Some("/login")));
    let origin = ("Origin", "https://gw-1.example.net");
    let form = format!("token={ACT}");
    let taken = ask(name, "POST", "/login", &[origin, FORM], &form).expect("an answer");
    assert_eq!(way(&taken), (303, Some("/")));
    let cookie = taken.header("set-cookie").expect("a cookie");
    assert!(cookie.ends_with("; HttpOnly; SameSite=Lax; Secure"), "{cookie}");
    let cookie = ("Cookie", cookie.split(';').next().unwrap_or_default());
    let page = ask(name, "GET", "/page/ports", &[cookie], "").expect("an answer").body;
    let (_, rest) = page.split_once("name=\"form\" value=\"").expect("a form");
    let order = format!("form={}&back=/", rest.split('"').next().unwrap_or_default());
    let evil = ("Origin", "https://evil.example");
    let refused = ask(name, "POST", "/ports/stop", &[cookie, evil, FORM], &order);
    assert_eq!(refused.expect("an answer").status(), 403);
    let done = ask(name, "POST", "/ports/stop", &[cookie, origin, FORM], &order);
    assert_eq!(way(&done.expect("an answer")), (303, Some("/")));
    // Another certificate is used without a stop, and those who have logged in stay so.
    put(&authority.issue(&["gw-2.example.net"]));
    mistgate.reload();
    let page = ask("gw-2.example.net", "GET", "/", &[cookie], "").expect("an answer");
    assert_eq!(page.status(), 200);
    assert!(ask(name, "GET", "/", &[cookie], "").is_err());
    mistgate.stop();
}

#[test]
fn dead_letters_are_sent_again_and_discarded_by_forms() {
    let chat = Chat::open().expect("a chat");
    chat.answer(&[], say(400, "invalid_blocks"));
    let url = chat.url("/services/T0/wJ8kfP2mQ");
    let place =
        Place::new(&format!("[chat.slack]\npace = \"off\"\ndefault_url = \"{url}\"\n[ports]"));
    let mistgate = place.start();
    for n in 0..2 {
        mistgate
            .accept(&body("device-events", &[device_event("AP_CONNECTED", &format!("ap-{n}"))]));
    }
    mistgate.until("two letters", |mistgate| mistgate.metric("mistgate_dead_letters") == 2.0);
    let mut browser = Browser::new(&mistgate);
    let shown = browser.get("/page/destinations").body;
    assert!(shown.contains("refused: 400 invalid_blocks") && !shown.contains("Discard"), "{shown}");
    assert!(!shown.contains("wJ8kfP2mQ"), "{shown}");
    let token = fs::read_to_string(place.path().join("state/admin-token")).expect("a token");
    browser.log_in(token.trim());
    let page = "/page/destinations";
    let shown = browser.get(page).body;
    assert!(shown.contains("/dead-letters/2/send") && shown.contains("/dead-letters/1/drop"));
    let form = format!("form={}&back={page}", browser.form("/page/ports"));
    assert_eq!(way(&browser.post("/dead-letters/1/drop", &form)), (303, Some(page)));
    assert_eq!(way(&browser.post("/dead-letters/2/send", &form)), (303, Some(page)));
    mistgate.line("dead_letter_dropped", 1);
    mistgate.line("dead_letter_sent", 1);
    assert!(!browser.get(page).body.contains("/dead-letters/1/"));
    // An absurd page of them is empty.
    let far = browser.get(&format!("{page}?skip={}", usize::MAX));
    assert!(far.status() == 200 && !far.body.contains("/dead-letters/"), "{}", far.body);
    mistgate.stop();
}

#[test]
fn failed_logins_are_slowed_and_counted() {
    let place = guarded();
    let mistgate = place.start();
    let mut browser = Browser::new(&mistgate);
    let mut took = Vec::new();
    for n in 0..16 {
        let began = Instant::now();
        assert_eq!(browser.log_in(&format!("guess-{n}")).status(), 401);
        took.push(began.elapsed());
    }
    let slowed = took
        .get(9)
        .zip(took.last())
        .is_some_and(|(tenth, last)| *last > *tenth + Duration::from_millis(100));
    assert!(slowed, "{took:?}");
    assert_eq!(browser.log_in(ACT).status(), 303, "whoever has the token gets in");
    let metrics = browser.get("/metrics").body;
    assert!(metrics.contains("mistgate_auth_failures_total{place=\"page\"} 16\n"), "{metrics}");
    mistgate.stop();
}

#[test]
fn a_thousand_slow_clients_keep_nobody_from_the_page() {
    let place = Place::new("[chat.console]");
    let mistgate = place.start();
    let to = mistgate.admin();
    // Half a request each, and streams that nobody reads.
    let half = |n: usize| {
        let mut stream = connect(to).ok()?;
        let (path, end) = if n.is_multiple_of(2) { ("/", "") } else { ("/events", "\r\n") };
        let _ = write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{end}");
        Some(stream)
    };
    let held: Vec<_> = (0..1_000).filter_map(half).collect();
    assert!(held.len() > 50, "{}", held.len());
    mistgate.until("the page", |_| {
        send(to, &request("GET", "/", &[], "")).is_ok_and(|answer| answer.status() == 200)
    });
    drop(held);
    mistgate.until("the page afterwards", |mistgate| mistgate.ask("/").status() == 200);
    mistgate.stop();
}

#[test]
fn style_and_script_are_small_and_kept() {
    assert!(SCRIPT.1.len() <= 20 << 10 && STYLE.1.len() + SCRIPT.1.len() <= 60 << 10);
    let place = Place::new("[chat.console]");
    let mistgate = place.start();
    let page = mistgate.ask("/").body;
    for (before, content) in [STYLE, SCRIPT] {
        let (_, rest) = page.split_once(&format!("\"{before}")).expect("a link");
        let name = rest.split('"').next().unwrap_or_default();
        let answer = mistgate.ask(&format!("{before}{name}"));
        assert_eq!(answer.body, content);
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        let kept = answer.header("cache-control").expect("how long");
        assert!(kept.contains("immutable"), "{kept}");
        assert!(!content.contains("://"), "nothing comes from another host");
    }
    mistgate.stop();
}
