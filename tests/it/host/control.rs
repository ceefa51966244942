//! `control.sock`, and the commands that ask a running mistgate through it.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use mistgate_tests::base::http;
use mistgate_tests::base::http::Message;
use mistgate_tests::chat::server::Chat;
use mistgate_tests::webhook::mist::{event_body, request, send};
use rustix::process::geteuid;
use serde_json::{Value, json};

use crate::base::binary::{Mistgate, Place, Process, SECRET, binary, command, output, text};
use crate::base::files::{NOBODY, mode};

fn socket(place: &Place) -> PathBuf {
    place.path().join("state/control.sock")
}

/// Runs `mistgate status` with these arguments, and gives its exit code and what it printed.
fn status(place: &Place, args: &[&str]) -> (Option<i32>, String) {
    let fixed = ["status", "--config", "mistgate.toml"];
    let Output { status, stdout, stderr } = output(place.path(), &[&fixed[..], args].concat());
    (status.code(), text(&stdout) + &text(&stderr))
}

/// Sends a request as root's shell does after sudo.
fn ask(place: &Place, method: &str, path: &str) -> Message {
    let mut stream = UnixStream::connect(socket(place)).expect("a connection");
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\nx-sudo-user: alice\r\ncontent-length: 0\r\n\r\n"
    );
    http::exchange(&mut stream, request.as_bytes()).expect("an answer")
}

#[test]
fn status_says_how_it_is_whether_or_not_there_is_an_admin_endpoint() {
    let place = Place::new("");
    let config = |rest: &str| {
        let webhook = format!("[webhook]\nlisten = \"127.0.0.1:0\"\nsecret = \"{SECRET}\"\n");
        place.write("mistgate.toml", &format!("state_dir = \"state\"\n{webhook}{rest}"));
    };
    config("[chat.console]\n[ports]\n");
    let not_running = "state: no mistgate runs with this state folder\n";
    assert_eq!(status(&place, &[]), (Some(3), not_running.to_owned()));
    assert_eq!(status(&place, &["--healthy"]), (Some(3), not_running.to_owned()));

    let mistgate = place.start();
    mistgate.webhook();
    mistgate.until("a socket", |_| socket(&place).exists());
    assert_eq!(status(&place, &["--healthy"]), (Some(0), "healthy\n".to_owned()));
    assert_eq!(mode(&socket(&place)), 0o600);
    let (code, shown) = status(&place, &[]);
    assert_eq!(code, Some(0), "{shown}");
    let first = format!("mistgate {}, up ", env!("CARGO_PKG_VERSION"));
    assert!(shown.starts_with(&first) && shown.contains(": all is well\n"), "{shown}");
    for line in ["store         takes writes", "ports         observe by none"] {
        assert!(shown.lines().any(|shown| shown == line), "{line} in {shown}");
    }
    let (code, shown) = status(&place, &["--json"]);
    assert_eq!(code, Some(0), "{shown}");
    let shown: Value = serde_json::from_str(&shown).expect("JSON");
    assert_eq!(shown.get("wrong"), Some(&json!([])), "{shown}");
    assert_eq!(shown.pointer("/store/writable"), Some(&json!(true)), "{shown}");

    // Of a file that is being edited only the folder of the state counts.
    config("[chat.console]\nnonsense = 1\n");
    assert_eq!(status(&place, &[]).0, Some(0));
    config("= 1\n");
    let (code, shown) = status(&place, &[]);
    assert_eq!(
        (code, shown.as_str()),
        (Some(1), "mistgate.toml: no state_dir can be read in it\n")
    );
    config("[chat.console]\n");
    mistgate.stop();
    assert!(!socket(&place).exists());
    assert_eq!(status(&place, &[]), (Some(3), not_running.to_owned()));
}

#[test]
fn status_fails_while_something_is_wrong() {
    let chat = Chat::closed().expect("a chat");
    let place = Place::new(&format!("[chat.slack]\ndefault_url = \"{}\"", chat.url("/T")));
    let mistgate = place.start();
    mistgate.accept(&event_body("AP_CONNECTED", "ap-1"));
    mistgate.line("retrying", 1);
    let (code, shown) = status(&place, &[]);
    assert_eq!(code, Some(1), "{shown}");
    assert!(shown.contains(": slack/default takes no messages: "), "{shown}");
    assert!(shown.contains("destination   slack/default: failing ("), "{shown}");
    assert!(shown.contains("1 waiting, the oldest for "), "{shown}");
    mistgate.stop();
}

#[test]
fn a_dead_socket_is_replaced_and_a_living_one_is_not() {
    let place = Place::new("[chat.console]");
    let mistgate = place.start();
    mistgate.webhook();
    mistgate.until("a socket", |_| status(&place, &[]).0 == Some(0));
    // The second one finds the store in use.
    let args = ["run", "--config", "mistgate.toml", "--log-format", "json"];
    let mut second = Process::start(command(place.path(), &args));
    assert_eq!(second.wait().code(), Some(1));
    assert!(second.stderr().contains("another mistgate uses this store"), "{}", second.stderr());
    assert_eq!(status(&place, &[]).0, Some(0));

    mistgate.kill();
    assert!(socket(&place).exists());
    assert_eq!(status(&place, &[]).0, Some(3));
    let mistgate = place.start();
    mistgate.webhook();
    mistgate.until("a socket", |_| status(&place, &[]).0 == Some(0));
    mistgate.stop();
}

#[test]
fn both_ways_in_have_the_same_routes_and_the_audit_knows_who_acted() {
    let place = Place::new("[chat.console]\n[ports]");
    let mistgate = place.start();
    mistgate.admin();
    mistgate.until("a socket", |_| socket(&place).exists());
    for path in ["/-/healthy", "/-/ready"] {
        assert_eq!(ask(&place, "GET", path).body, mistgate.ask(path).body, "{path}");
    }
    assert!(ask(&place, "GET", "/metrics").body.contains("mistgate_uptime_seconds"));
    assert_eq!(ask(&place, "GET", "/nowhere").status(), 404);
    let refused = ask(&place, "GET", "/ports/stop");
    assert_eq!((refused.status(), refused.header("allow")), (405, Some("POST")));
    assert_eq!(ask(&place, "POST", "/status").header("allow"), Some("GET, HEAD"));

    assert_eq!(ask(&place, "POST", "/ports/stop").body, "stopped\n");
    assert!(status(&place, &[]).1.contains("the kill switch is on"));
    assert_eq!(ask(&place, "POST", "/ports/go").body, "going on\n");
    let by = format!("uid {} (sudo: alice)", geteuid().as_raw());
    let line = mistgate.line("ports_ordered", 1);
    assert_eq!(line.get("from").and_then(Value::as_str), Some(&*by), "{line}");
    mistgate.stop();
    let audit = fs::read_to_string(place.path().join("state/ports-audit.jsonl")).expect("a file");
    let lines: Vec<Value> =
        audit.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let told: Vec<_> = lines
        .iter()
        .map(|line| ["type", "by"].map(|key| line.get(key).and_then(Value::as_str)))
        .collect();
    let expected = ["PORTS_STOPPED", "PORTS_RESUMED"].map(|kind| [Some(kind), Some(&*by)]);
    assert_eq!(told, expected, "{audit}");
}

/// Needs root, which can be anybody.
#[test]
fn only_root_and_the_user_of_the_service_are_let_in() {
    if !geteuid().is_root() {
        return;
    }
    const STRANGER: u32 = 1;
    let place = Place::new("[chat.console]");
    let state = place.path().join("state");
    fs::create_dir(&state).expect("a folder");
    chown(&state, Some(NOBODY), Some(NOBODY)).expect("root");
    let open = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("root");
    };
    open(place.path(), 0o755);
    open(&place.path().join("mistgate.toml"), 0o644);
    let program = place.path().join("mistgate");
    fs::copy(binary(), &program).expect("a copy");
    let mistgate = place.start();
    mistgate.webhook();
    mistgate.until("a socket", |_| status(&place, &[]).0 == Some(0));
    let status_of = |uid| {
        let mut command = Command::new(&program);
        command.args(["status", "--config", "mistgate.toml"]).current_dir(place.path());
        let output = command.env_clear().stdin(Stdio::null()).uid(uid).gid(uid).output();
        output.expect("a process").status.code()
    };
    assert_eq!(status_of(NOBODY), Some(0));
    open(&state, 0o711);
    assert_eq!(status_of(STRANGER), Some(1), "by the mode");
    open(&socket(&place), 0o666);
    assert_eq!(status_of(STRANGER), Some(1), "by its user");
    let line = mistgate.line("control_refused", 1);
    assert_eq!(line.get("uid").and_then(Value::as_str), Some("1"), "{line}");
    mistgate.stop();
}

/// The status of a request to the admin endpoint.
fn admin(mistgate: &Mistgate, method: &str, path: &str, headers: &[(&str, &str)]) -> u16 {
    send(mistgate.admin(), &request(method, path, headers, "")).expect("an answer").status()
}

#[test]
fn what_acts_needs_the_token_of_the_first_start_also_on_loopback() {
    let place = Place::new("[chat.console]\n[ports]\n");
    let mistgate = place.start();
    mistgate.admin();
    let file = place.path().join("state/admin-token");
    assert_eq!(mode(&file), 0o600);
    let token = fs::read_to_string(&file).expect("a token");
    let bearer = format!("Bearer {}", token.trim_end());
    let token_header = ("Authorization", bearer.as_str());
    let with_token = [token_header];
    assert_eq!(admin(&mistgate, "GET", "/status", &[]), 200);
    assert_eq!(admin(&mistgate, "POST", "/ports/go", &[]), 401);
    assert_eq!(admin(&mistgate, "POST", "/ports/go", &[("Authorization", "Bearer x")]), 401);
    assert_eq!(admin(&mistgate, "POST", "/ports/stop", &[]), 200);
    assert_eq!(admin(&mistgate, "POST", "/ports/go", &with_token), 200);
    // A page in a browser: of another host, or under a name that leads here.
    let page = [("Origin", "http://x"), token_header];
    assert_eq!(admin(&mistgate, "POST", "/ports/go", &page), 403);
    assert_eq!(admin(&mistgate, "POST", "/ports/stop", &[("Origin", "http://x")]), 403);
    let named = |host: &str| {
        let request = format!("GET /status HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        send(mistgate.admin(), &request).expect("an answer").status()
    };
    let hosts = ["localhost:9361", "[::1]:9361", "127.0.0.1", "evil.example", "127.0.0.1.x:1"];
    assert_eq!(hosts.map(named), [200, 200, 200, 403, 403]);
    let refused = mistgate.line("admin_unauthorised", 1);
    assert_eq!(refused.get("reason").and_then(Value::as_str), Some("no token"));
    assert!(!mistgate.stderr().contains(token.trim_end()));
    mistgate.stop();

    let mistgate = place.start();
    mistgate.admin();
    assert_eq!(fs::read_to_string(&file).expect("a token"), token, "it is made once");
    mistgate.stop();
}

#[test]
fn the_view_token_looks_and_does_not_act() {
    let place = Place::new("");
    place.write("token", "the-token-that-acts\n");
    place.write("view-token", "the-token-that-looks\n");
    let webhook = format!("[webhook]\nlisten = \"127.0.0.1:0\"\nsecret = \"{SECRET}\"\n");
    place.write(
        "mistgate.toml",
        &format!(
            "state_dir = \"state\"\n{webhook}[chat.console]\n[ports]\n[admin]\nlisten = \
             \"127.0.0.1:0\"\ntoken_file = \"token\"\nview_token_file = \"view-token\"\n"
        ),
    );
    let mistgate = place.start();
    mistgate.admin();
    let act = [("Authorization", "Bearer the-token-that-acts")];
    let look = [("Authorization", "Bearer the-token-that-looks")];
    let answers = [&[][..], &look, &act].map(|headers| {
        let status = admin(&mistgate, "GET", "/status", headers);
        (status, admin(&mistgate, "POST", "/ports/go", headers))
    });
    assert_eq!(answers, [(401, 401), (200, 403), (200, 200)]);
    mistgate.stop();
}
