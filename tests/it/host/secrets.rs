//! No secret is printed, logged or answered, whatever succeeds or fails, and no payload is logged
//! above level debug.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::Stdio;
use std::thread;

use mistgate_tests::chat::server::{Answer, Chat, OK, Post, reserve, say};
use mistgate_tests::webhook::mist::{Mist, event_body, request, send};
use rustix::process::Signal;

use crate::base::binary::{Mistgate, Place, command, output, text};
use crate::base::pki::Authority;

/// Texts that mistgate prints for no other reason. In URLs they are where the vendors' URLs have
/// them: in the path, and in the query.
const WEBHOOK: &str = "wHooKsEcReT0001";
const WEBHOOK_OLD: &str = "wHooKsEcReT0002";
const SLACK: &str = "sLacKtOkEn0003";
const SLACK_DEAD: &str = "sLacKtOkEn0004";
const TEAMS: &str = "tEamSsIg0005";
const GOOGLE: &str = "gOogLeToKeN0006";
const ADMIN: &str = "aDmiNtOkEn0007";
const MIST: &str = "mIstApItOkEn0008";
const PROXY: &str = "pRoxYpAsS0009";
const PROXY_ENV: &str = "pRoxYpAsS0010";
/// `user:` and the passwords, as the Proxy-Authorization header has them.
const PROXY_BASIC: &str = "dXNlcjpwUm94WXBBc1Mw";
const SECRETS: [&str; 11] = [
    WEBHOOK,
    WEBHOOK_OLD,
    SLACK,
    SLACK_DEAD,
    TEAMS,
    GOOGLE,
    ADMIN,
    MIST,
    PROXY,
    PROXY_ENV,
    PROXY_BASIC,
];
/// A text that only a payload contains.
const DEVICE: &str = "pAylOaDdEviCe";

/// Everything that was printed, logged or answered, and where.
#[derive(Default)]
struct Printed(Vec<(String, String)>);

impl Printed {
    fn add(&mut self, place: &str, text: impl Into<String>) {
        self.0.push((place.to_owned(), text.into()));
    }

    fn check(&self) {
        for (place, text) in &self.0 {
            let folded = text.to_ascii_lowercase();
            for secret in SECRETS {
                assert!(
                    !folded.contains(&secret.to_ascii_lowercase()),
                    "{secret} in {place}: {text}"
                );
            }
        }
    }
}

fn config(state: &str, rest: &str) -> String {
    format!(
        "state_dir = \"{state}\"\n[mist]\ntoken = \"{MIST}\"\n[webhook]\nlisten = \
         \"127.0.0.1:0\"\nsecrets = [\"{WEBHOOK}\", \"{WEBHOOK_OLD}\"]\n{rest}\n[admin]\nlisten = \
         \"127.0.0.1:0\"\ntoken = \"{ADMIN}\"\n"
    )
}

fn start(place: &Place, format: &str) -> Mistgate {
    let args = ["run", "--config", "mistgate.toml", "--log-format", format, "--log-level", "debug"];
    Mistgate::start(command(place.path(), &args))
}

fn ask(mistgate: &Mistgate, printed: &mut Printed) {
    for path in ["/metrics", "/status", "/-/ready", "/-/healthy"] {
        for token in [ADMIN, "wrong"] {
            let authorization = format!("Bearer {token}");
            let headers = [("Authorization", authorization.as_str())];
            let answer = send(mistgate.admin(), &request("GET", path, &headers, ""));
            printed.add(path, format!("{:?}", answer.expect("an answer")));
        }
    }
}

/// Posts valid and invalid requests, and keeps the answers.
fn post(mistgate: &Mistgate, printed: &mut Printed, nth: usize) {
    let to = mistgate.webhook();
    let body = event_body("AP_CONNECTED", &format!("{DEVICE}{nth}"));
    let mist = Mist::new(WEBHOOK);
    let signed = mist.request(&body);
    for request in [
        signed.clone(),
        Mist::new(WEBHOOK_OLD).request(&body),
        Mist::new("wrong").request(&body),
        mist.request_v1(&body),
        mist.request(&format!("{{{DEVICE}")),
        mist.request(&format!("{{\"topic\":\"alarms\",\"events\":[\"{DEVICE}\"]}}")),
        signed.replace("/webhooks", &format!("/{WEBHOOK}")),
        signed.replace("POST", "PUT"),
        signed.replace("HTTP/1.1", "HTTP/7"),
        signed.replace("Host: ", &format!("{SLACK} : ")),
    ] {
        let answer = send(to, &request);
        printed.add("the webhook listener's answer", format!("{answer:?}"));
    }
}

/// A server that answers a TLS handshake with something else.
fn no_tls() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            // Closing with unread bytes would reset the connection before the answer is read.
            let _ = stream.read(&mut [0; 4_096]);
            let _ = stream.write_all(b"220 this is another protocol\r\n");
        }
    });
    address
}

/// The chats of [`everything`].
struct Chats {
    slack: Chat,
    dead: Chat,
    down: Chat,
}

impl Chats {
    fn new() -> Self {
        let slack = Chat::open().expect("a chat");
        slack.answer(&[say(500, SLACK), Answer::Close, say(400, SLACK)], OK);
        let dead = Chat::open().expect("a chat");
        dead.answer(&[], say(404, "no_service"));
        Self { slack, dead, down: Chat::closed().expect("a chat") }
    }

    /// A configuration in which everything fails that can, each destination in its own way.
    fn config(&self) -> String {
        // A label of 64 octets is not a name (RFC 1035 §2.3.4), so no resolver is asked.
        let unresolved = "x".repeat(64);
        let chat = format!(
            "[chat]\ntimeout = \"2s\"\n[chat.console]\n[chat.slack]\npace = \"off\"\n\
             default_url = \"{}\"\nurls = {{ critical = \"{}\" }}\n\
             [chat.teams]\npace = \"off\"\ndefault_url = \"{}\"\n\
             urls = {{ critical = \"{}\" }}\n\
             [chat.google]\npace = \"off\"\ndefault_url = \"{}\"\n\
             [chat.channels.device-events]\nAP_CONNECTED = \"info\"\n\
             SW_DISCONNECTED = \"critical\"",
            self.slack.url(&format!("/services/T/B/{SLACK}")),
            self.dead.url(&format!("/services/T/B/{SLACK_DEAD}")),
            format_args!("https://{}/flow?sig={TEAMS}", no_tls()),
            format_args!("https://{unresolved}.invalid/flow?sig={TEAMS}"),
            self.down.url(&format!("/v1/spaces/S/messages?key=k&token={GOOGLE}")),
        );
        config("state", &chat)
    }
}

#[test]
fn no_secret_is_said_on_the_way_to_the_chats() {
    let mut printed = Printed::default();
    let chats = Chats::new();
    let place = Place::new("[chat.console]");
    place.write("mistgate.toml", &chats.config());
    let mistgate = start(&place, "json");
    post(&mistgate, &mut printed, 0);
    let critical = event_body("SW_DISCONNECTED", &format!("{DEVICE}-critical"));
    let answer = Mist::new(WEBHOOK).post(mistgate.webhook(), &critical);
    assert_eq!(answer.expect("an answer").status(), 200);
    mistgate.line("parked", 1);
    for reason in ["tls", "dns", "connection", "server_error"] {
        let series = format!("reason=\"{reason}\"");
        let headers = [("Authorization", &*format!("Bearer {ADMIN}"))];
        mistgate.until(reason, |mistgate| {
            let asked = send(mistgate.admin(), &request("GET", "/metrics", &headers, ""));
            asked.is_ok_and(|metrics| metrics.body.contains(&series))
        });
    }
    chats.slack.wait(|posts| posts.iter().any(Post::is_taken)).expect("a delivery");
    ask(&mistgate, &mut printed);
    post(&mistgate, &mut printed, 1);
    printed.add("the console", mistgate.stdout());
    let journal = mistgate.stop();
    for line in journal.lines().filter(|line| !line.contains("\"level\":\"debug\"")) {
        assert!(!line.contains(DEVICE), "a payload above debug: {line}");
    }
    assert!(journal.contains("\"level\":\"debug\""));
    printed.add("the journal", journal);
    printed.check();
}

#[test]
fn no_secret_is_said_about_a_configuration() {
    let mut printed = Printed::default();
    let good = Chats::new().config();
    // Problems in values that hold a secret, and a syntax error in the middle of one.
    let ftp = good.replace("http:", "ftp:").replace("https:", "ftps:");
    let bad = ftp.replace(ADMIN, &format!("{ADMIN} and more")).replace("pace", "pase");
    let broken = good.replace(&format!("\"{WEBHOOK_OLD}\""), WEBHOOK_OLD);
    let place = Place::new("[chat.console]");
    place.write("mistgate.toml", &good);
    let mut mistgate = start(&place, "text");
    mistgate.printed_error("event=listening listener=admin");
    for (config, done) in
        [(&bad, "event=reload_failed"), (&broken, "this is not TOML"), (&good, "event=reloaded")]
    {
        place.write("mistgate.toml", config);
        mistgate.signal(Signal::HUP);
        mistgate.printed_error(done);
        for args in [
            ["check", "--config", "mistgate.toml"].as_slice(),
            &["send-test", "--config", "mistgate.toml"],
            &["route", "--config", "mistgate.toml"],
        ] {
            let done = output(place.path(), args);
            printed.add("a command", text(&done.stdout) + &text(&done.stderr));
        }
    }
    mistgate.signal(Signal::TERM);
    assert_eq!(mistgate.wait().code(), Some(0));
    printed.add("the journal", mistgate.stderr());
    printed.check();
}

#[test]
fn no_secret_is_said_on_the_way_through_a_proxy() {
    let mut printed = Printed::default();
    let proxy = Chat::open().expect("a proxy");
    proxy.answer(&[say(407, PROXY), say(502, PROXY), Answer::Close], OK);
    let place = Place::new("[chat.console]");
    let chat = reserve().expect("a port");
    let chat = SocketAddr::try_from(rustix::net::getsockname(&chat).expect("a name"));
    let chat = chat.expect("an address");
    let slack = format!(
        "[chat.slack]\npace = \"off\"\ndefault_url = \"http://{chat}/services/T/B/{SLACK}\"\n\
         [chat.teams]\npace = \"off\"\ndefault_url = \"https://{chat}/flow?sig={TEAMS}\"",
    );
    let by_config = config(
        "state",
        &format!("[chat]\nhttp_proxy = \"http://user:{PROXY}@{}\"\n{slack}", proxy.address()),
    );
    place.write("mistgate.toml", &by_config);
    let mistgate = start(&place, "json");
    post(&mistgate, &mut printed, 0);
    mistgate.line("delivered", 1);
    let posts = proxy.posts();
    assert!(posts.iter().all(|post| {
        let header = post.request.header("proxy-authorization").unwrap_or_default();
        header.starts_with(&format!("Basic {PROXY_BASIC}"))
    }));
    ask(&mistgate, &mut printed);
    place.write("mistgate.toml", &by_config.replace("http://user", "socks5://user"));
    mistgate.signal(Signal::HUP);
    mistgate.line("reload_failed", 1);
    printed.add("the journal", mistgate.stop());

    // Proxies of the environment, right and wrong.
    place.write("mistgate.toml", &config("state", &slack));
    let args = ["run", "--config", "mistgate.toml", "--log-format", "json", "--log-level", "debug"];
    let mut by_environment = command(place.path(), &args);
    by_environment.env("http_proxy", format!("http://user:{PROXY_ENV}@{}", proxy.address()));
    by_environment.env("https_proxy", format!("http://user:{PROXY_ENV}@{}", proxy.address()));
    let mistgate = Mistgate::start(by_environment);
    post(&mistgate, &mut printed, 1);
    mistgate.line("delivered", 1);
    ask(&mistgate, &mut printed);
    printed.add("the journal", mistgate.stop());
    for wrong in ["socks5://user:SECRET@127.0.0.1:1", "http://user:SECRET@:x", "http://SECRET@"] {
        let mut by_environment = command(place.path(), &args);
        by_environment.env("http_proxy", wrong.replace("SECRET", PROXY_ENV));
        let refused = by_environment.stdin(Stdio::null()).output().expect("a process");
        assert_eq!(refused.status.code(), Some(1), "{wrong}");
        printed.add("the refusal of a proxy", text(&refused.stderr));
    }
    printed.check();
}

#[test]
fn no_key_is_said_by_listeners_with_tls() {
    let mut printed = Printed::default();
    let authority = Authority::new();
    let leaf = authority.issue(&["127.0.0.1"]);
    let place = Place::new("[chat.console]");
    place.write("cert.pem", &leaf.cert);
    place.write("key.pem", &leaf.key);
    let with_tls = |key: &str| {
        let files = format!("cert = \"cert.pem\"\nkey = \"{key}\"\nclient_ca = \"cert.pem\"");
        let tls = format!(
            "tls = {{ cert = \"cert.pem\", key = \"{key}\" }}\n[chat.console]\n[proxy]\n\
             listen = \"127.0.0.1:0\"\n{files}"
        );
        place.write("mistgate.toml", &config("state", &tls));
    };
    with_tls("key.pem");
    let mistgate = start(&place, "json");
    // A client that does not speak TLS, and a reload with no key or with another certificate's key.
    post(&mistgate, &mut printed, 0);
    place.write("broken.pem", &leaf.key.replace('=', "").replace('A', "?"));
    place.write("other.pem", &authority.issue(&["127.0.0.1"]).key);
    for (nth, key) in (1..).zip(["broken.pem", "other.pem"]) {
        with_tls(key);
        mistgate.signal(Signal::HUP);
        // One line for the webhook, one for the proxy.
        mistgate.line("reload_failed", 2 * nth);
        let checked = output(place.path(), &["check", "--config", "mistgate.toml"]);
        assert_eq!(checked.status.code(), Some(1));
        printed.add("check", text(&checked.stderr));
    }
    mistgate.line("handshake_failed", 1);
    printed.add("the journal", mistgate.stop());
    for (place, text) in &printed.0 {
        for line in leaf.key.lines().filter(|line| line.len() > 16 && !line.contains("-----")) {
            assert!(!text.contains(line), "the key in {place}: {text}");
        }
    }
    printed.check();
}
