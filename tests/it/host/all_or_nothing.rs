//! A reload that fails, at whatever step, leaves everything as it was; one that does not fail
//! changes everything. What it reads it reads once.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::{fs, thread};

use mistgate_core::config::raw::{Draft, Source};
use mistgate_runtime::host::node::Step;
use mistgate_tests::base::http;
use mistgate_tests::chat::server::Chat;
use mistgate_tests::webhook::mist::{Mist, connect, event_body};
use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};
use rustix::process::Signal;
use rustls::StreamOwned;
use serde_json::Value;
use tempfile::TempDir;

use crate::base::binary::{Mistgate, Place, SECRET};
use crate::base::pki::{Authority, client};

const FAILED: &str = "mistgate_config_reloads_total{result=\"failed\"}";
/// Of no switch.
const HOST_KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g";

/// A mistgate with every section and every kind of file, and two chats: one that gets the posts,
/// and one that is to get them.
struct Site {
    authority: Authority,
    old: Chat,
    new: Chat,
    /// Its port is also that of the webhook listener, on another address.
    taken: TcpListener,
    elsewhere: TempDir,
    place: Place,
}

impl Site {
    fn new() -> Self {
        let site = Self {
            authority: Authority::new(),
            old: Chat::open().expect("a chat"),
            new: Chat::open().expect("a chat"),
            taken: TcpListener::bind("127.0.0.2:0").expect("a port"),
            elsewhere: tempfile::tempdir().expect("a folder"),
            place: Place::new(""),
        };
        let leaf = site.authority.issue(&["127.0.0.1"]);
        for (name, text) in [
            ("web.pem", leaf.cert.as_str()),
            ("web.key", &leaf.key),
            ("proxy.pem", &format!("{}{}", leaf.cert, leaf.key)),
            ("root.pem", &site.authority.cert()),
            ("crl.pem", &site.authority.revoke(&[99])),
            ("secret", SECRET),
            ("password", "a password"),
            ("token", "a-token-of-some-length"),
            ("switches.key", &leaf.key),
            ("known_hosts", &format!("sw-1.example {HOST_KEY}")),
        ] {
            site.place.write(name, text);
        }
        site.place.write("mistgate.toml", &site.text());
        site
    }

    /// The configuration of the start.
    fn text(&self) -> String {
        let (old, new) = (self.old.url("/T"), self.new.url("/T"));
        let (listen, origin) = (self.listen(), self.old.url(""));
        format!(
            "state_dir = \"state\"
             [mist]
             api_url = \"{origin}\"
             token_file = \"token\"
             org_id = \"978c48e6-6ef6-11e6-8bbf-02e208b2d34f\"
             [webhook]
             listen = \"{listen}\"
             secret_file = \"secret\"
             tls = {{ cert = \"web.pem\", key = \"web.key\" }}
             [chat]
             extra_ca = \"root.pem\"
             [chat.slack]
             pace = \"off\"
             default_url = \"{old}\"
             urls = {{ spare = \"{new}\" }}
             [ports]
             mode = \"observe\"
             method = \"junos\"
             [ports.junos]
             username = \"mist\"
             password_file = \"password\"
             private_key = \"switches.key\"
             known_hosts = \"known_hosts\"
             ap = [\"set interfaces <port> native-vlan-id 42\"]
             default = [\"delete interfaces <port> native-vlan-id\"]
             [proxy]
             listen = \"127.0.0.1:0\"
             cert = \"proxy.pem\"
             client_ca = \"root.pem\"
             crl = \"crl.pem\"
             [admin]
             listen = \"127.0.0.1:0\"\n"
        )
    }

    /// The same with another chat and another mode of the ports, and with one more change.
    fn changed(&self, from: &str, to: &str) -> String {
        let (old, new) = (self.old.url("/T"), self.new.url("/T"));
        let text = self.text();
        let default = |url: &str| format!("default_url = \"{url}\"");
        let text = text.replace(&default(&old), &default(&new)).replace("observe", "enforce");
        assert!(text.contains(from), "{from} in {text}");
        text.replace(from, to)
    }

    fn listen(&self) -> SocketAddr {
        let port = self.taken.local_addr().expect("an address").port();
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    /// Posts an event, which must reach this chat, and gives the status once it has.
    fn deliver(&self, mistgate: &Mistgate, device: &str, to: &Chat) -> Value {
        let delivered = mistgate.journal("delivered").len();
        let session = client(&self.authority.cert(), "127.0.0.1");
        let stream = connect(mistgate.webhook()).expect("a connection");
        let mut stream = StreamOwned::new(session, stream);
        let request = Mist::new(SECRET).request(&event_body("SW_CONNECTED", device));
        let answer = http::exchange(&mut stream, request.as_bytes()).expect("an answer");
        assert_eq!(answer.status(), 200, "{}", mistgate.stderr());
        mistgate.line("delivered", delivered + 1);
        let got = |chat: &Chat| chat.posts().iter().any(|post| post.request.body.contains(device));
        assert!(got(to), "{device} went elsewhere:\n{}", mistgate.stderr());
        status(mistgate)
    }
}

/// `/status` without what time alone changes.
fn status(mistgate: &Mistgate) -> Value {
    let mut status = mistgate.status();
    status.as_object_mut().expect("an object").remove("uptime_seconds");
    status
}

fn mode(status: &Value) -> &str {
    status.pointer("/ports/mode").and_then(Value::as_str).unwrap_or_default()
}

/// Asks for a reload, which must fail at this step.
fn refuse(mistgate: &Mistgate, step: Step) {
    let failed = |mistgate: &Mistgate| mistgate.metric(FAILED);
    let (before, lines) = (failed(mistgate), mistgate.journal("reload_failed").len());
    mistgate.signal(Signal::HUP);
    mistgate.until("a failed reload", |mistgate| failed(mistgate) > before);
    // There is a line for each problem.
    let line = mistgate.line("reload_failed", lines + 1);
    assert_eq!(line.get("step").and_then(Value::as_str), Some(step.name()), "{line}");
}

/// What makes each step fail: the new configuration, besides whatever else is new in it. `None`
/// where the kernel lacks what the step needs.
fn failing(site: &Site, step: Step, landlock: bool) -> Option<String> {
    Some(match step {
        Step::Configuration => site.changed("[proxy]", "nonsense = 1\n[proxy]"),
        Step::Fixed => site.changed("\"state\"", "\"elsewhere\""),
        Step::Sandbox => {
            let file = site.elsewhere.path().join("stop");
            let key = format!("[ports]\nkill_switch = \"{}\"", file.display());
            landlock.then(|| site.changed("[ports]", &key))?
        }
        Step::Sockets => {
            let taken = site.taken.local_addr().expect("an address");
            let listen = site.listen().to_string();
            // The webhook's is bound before the proxy's fails.
            let proxy = "[proxy]\n             listen = \"127.0.0.1:0\"";
            let text = site.changed(proxy, &format!("[proxy]\nlisten = \"{taken}\""));
            text.replace(&listen, &format!("127.0.0.3:{}", taken.port()))
        }
    })
}

#[test]
fn a_step_that_fails_leaves_everything_as_it_was() {
    let site = Site::new();
    let mistgate = site.place.start();
    let mut before = site.deliver(&mistgate, "ap-0.", &site.old);
    assert_eq!(mode(&before), "observe");
    let addresses = (mistgate.webhook(), mistgate.proxy(), mistgate.admin());
    let landlock = mistgate.line("sandbox", 1).to_string().contains(": files");
    for (at, step) in Step::ALL.into_iter().enumerate() {
        assert_eq!(step as usize, at, "a step is missing or out of order");
        let Some(text) = failing(&site, step, landlock) else {
            continue;
        };
        site.place.write("mistgate.toml", &text);
        refuse(&mistgate, step);
        assert_eq!(status(&mistgate), before, "{step:?}");
        assert_eq!((mistgate.webhook(), mistgate.proxy(), mistgate.admin()), addresses);
        before = site.deliver(&mistgate, &format!("ap-{}.", step.name()), &site.old);
    }
    assert!(site.new.posts().is_empty());

    // The same changes without a failure change everything.
    site.place.write("mistgate.toml", &site.changed("[proxy]", "[proxy]"));
    mistgate.reload();
    assert_eq!(mode(&site.deliver(&mistgate, "ap-last.", &site.new)), "enforce");
    mistgate.stop();
}

#[test]
fn each_file_that_is_named_can_fail_a_reload() {
    let site = Site::new();
    let mistgate = site.place.start();
    let mut before = site.deliver(&mistgate, "ap-0.", &site.old);
    let text = site.changed("[proxy]", "[proxy]");
    site.place.write("mistgate.toml", &text);
    let config = site.place.path().join("mistgate.toml");
    let name = config.to_str().expect("a name");
    let requests = Draft::parse(Source { name, text: &text }).files();
    let files: BTreeMap<&str, &str> =
        requests.iter().map(|file| (file.path.as_str(), file.key.as_str())).collect();
    assert!(files.len() > 8, "{files:?}");
    for (path, key) in files {
        let content = fs::read_to_string(path).expect("a file");
        let name = Path::new(path).file_name().and_then(|name| name.to_str()).expect("a name");
        // Of what is read, nothing is as it should be; then it is not there.
        site.place.write(name, "");
        refuse(&mistgate, Step::Configuration);
        fs::remove_file(path).expect("a file");
        refuse(&mistgate, Step::Configuration);
        assert_eq!(status(&mistgate), before, "{key}");
        site.place.write(name, &content);
        before = site.deliver(&mistgate, &format!("ap-{name}."), &site.old);
    }
    mistgate.reload();
    assert_eq!(mode(&site.deliver(&mistgate, "ap-last.", &site.new)), "enforce");
    mistgate.stop();
}

/// A file that can be opened twice, and not a third time.
struct Vanishing {
    path: PathBuf,
    second: PathBuf,
    openings: mpsc::Receiver<()>,
}

impl Vanishing {
    fn new(folder: &Path, name: &str, text: String) -> Self {
        let [first, second] = ["first", "second"].map(|name| folder.join(name));
        for pipe in [&first, &second] {
            mknodat(CWD, pipe, FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("a pipe");
        }
        let path = folder.join(name);
        fs::hard_link(&first, &path).expect("a link");
        let (opened, openings) = mpsc::channel();
        let (next, at) = (second.clone(), path.clone());
        thread::spawn(move || {
            let write = |pipe: &Path, then: &dyn Fn()| {
                // Waits for a reader.
                let mut pipe = OpenOptions::new().write(true).open(pipe).expect("a pipe");
                then();
                let _ = opened.send(());
                pipe.write_all(text.as_bytes()).expect("a reader");
            };
            write(&first, &|| {
                fs::remove_file(&at).expect("a link");
                fs::hard_link(&next, &at).expect("a link");
            });
            write(&next, &|| {
                let _ = fs::remove_file(&at);
            });
        });
        Self { path, second, openings }
    }

    /// How often it was opened. From here on it is an ordinary file.
    fn openings(self, text: &str) -> usize {
        crate::base::files::replace(&self.path, text);
        let count = self.openings.try_iter().count();
        // Lets the thread end.
        let flags = i32::try_from(OFlags::NONBLOCK.bits()).expect("a flag");
        let pipe = OpenOptions::new().read(true).custom_flags(flags).open(&self.second);
        let mut rest = String::new();
        let _ = pipe.and_then(|mut pipe: File| pipe.read_to_string(&mut rest));
        count
    }
}

#[test]
fn a_certificate_that_vanishes_while_it_is_read_changes_all_or_nothing() {
    let site = Site::new();
    let mistgate = site.place.start();
    site.deliver(&mistgate, "ap-1.", &site.old);
    let cert = fs::read_to_string(site.place.path().join("web.pem")).expect("a certificate");
    let file = Vanishing::new(site.place.path(), "vanishing.pem", cert.clone());
    site.place.write("mistgate.toml", &site.changed("\"web.pem\"", "\"vanishing.pem\""));
    mistgate.signal(Signal::HUP);
    mistgate.until("an end of the reload", |mistgate| {
        !mistgate.journal("reloaded").is_empty() || !mistgate.journal("reload_failed").is_empty()
    });
    let openings = file.openings(&cert);
    let is_taken = !mistgate.journal("reloaded").is_empty();
    let (chat, expected) = if is_taken { (&site.new, "enforce") } else { (&site.old, "observe") };
    let after = site.deliver(&mistgate, "ap-2.", chat);
    assert_eq!(mode(&after), expected, "{}", mistgate.stderr());
    assert_eq!(openings, 1, "{}", mistgate.stderr());
    mistgate.stop();
}
