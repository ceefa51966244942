//! From an empty machine and an empty organisation to the first message: a person answers
//! `mistgate install`, which sets up the webhook in Mist and ends with a selftest.
//!
//! The machine is a root folder with namespaces of its own for mounts, processes and the network,
//! this machine's programs, and a stand-in for OpenRC's `rc-service`.

use std::fs::{self, File};
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::AsFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use mistgate_tests::base::http;
use mistgate_tests::chat::server::{Chat, LONG};
use mistgate_tests::ports::cloud::organisation::{ORG, Organisation};
use mistgate_tests::ports::cloud::{Cloud, Recorded};
use mistgate_tests::webhook::mist::{Mist, body, connect, event_body};
use rustix::process::Pid;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use rustls::StreamOwned;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::base::binary::{Process, binary};
use crate::base::{pki, poll};
use crate::cli::guide::terminal;

const TOKEN: &str = "t0k3n-of-the-tests";
/// What `rc-service mistgate restart` does: it starts the service, and waits until it runs.
const RC_SERVICE: &str = "#!/bin/sh\n/usr/local/bin/mistgate run --config \
    /etc/mistgate/mistgate.toml >/var/log/mistgate.log 2>&1 </dev/null &\n\
    while [ ! -S /var/lib/mistgate/control.sock ]; do sleep 0.05; done\n";

/// A machine on which nothing is installed.
struct Machine {
    folder: TempDir,
    _first: Process,
    /// Its first process, as it is called here.
    pid: Pid,
}

impl Machine {
    fn boot() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("root");
        let dirs = ["usr", "etc", "sbin", "run/openrc", "var/lib", "var/log", "proc", "dev", "tmp"];
        for dir in dirs {
            fs::create_dir_all(root.join(dir)).expect("a folder");
        }
        for (name, text) in [
            ("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"),
            ("etc/group", "root:x:0:\n"),
            ("run/openrc/softlevel", "default\n"),
            ("sbin/openrc-run", ""),
            ("sbin/rc-service", RC_SERVICE),
        ] {
            fs::write(root.join(name), text).expect("a file");
        }
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(root.join("sbin/rc-service"), mode).expect("a mode");
        let copy = folder.path().join("mistgate");
        fs::copy(binary(), &copy).expect("a copy");
        let script = format!(
            "set -e; cd {}; ip link set lo up; mount -t proc proc proc; mount --rbind /dev dev\n\
             mount --rbind -o ro /usr usr; mount -t tmpfs tmpfs usr/local; mkdir usr/local/bin\n\
             for link in bin lib lib64; do ln -s usr/$link $link; done; cp {} tmp/mistgate\n\
             echo booted; exec chroot . /usr/bin/sleep 1000000",
            root.display(),
            copy.display(),
        );
        let mut first = Command::new("unshare");
        first.args(["--mount", "--net", "--pid", "--fork", "--kill-child", "sh", "-c", &script]);
        let first = Process::start(first);
        assert!(first.printed(|said| said.contains("booted")).contains("booted"));
        let unshare = first.pid().as_raw_nonzero();
        let children = format!("/proc/{unshare}/task/{unshare}/children");
        let child = || {
            let children = fs::read_to_string(&children).ok()?;
            let child = children.split_whitespace().next()?.parse().ok()?;
            let name = fs::read_to_string(format!("/proc/{child}/comm")).ok()?;
            (name == "sleep\n").then(|| Pid::from_raw(child)).flatten()
        };
        let pid = poll::find_within(LONG, child, || "no machine".to_owned());
        Self { folder, _first: first, pid }
    }

    /// Lets this thread and those that it starts use the machine's network.
    fn enter_network(&self) {
        let network = File::open(format!("/proc/{}/ns/net", self.pid.as_raw_nonzero()));
        let network = network.expect("a network");
        move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network))
            .expect("root may do that");
    }

    fn command(&self, command: &[&str]) -> Command {
        let mut enter = Command::new("nsenter");
        enter.args(["--mount", "--net", "--pid", "--root", "--wd=/"]);
        enter.args(["--target", &self.pid.as_raw_nonzero().to_string(), "--"]);
        enter.args(command).env_clear().env("PATH", "/usr/sbin:/usr/bin");
        enter
    }

    fn path(&self, absolute: &str) -> PathBuf {
        self.folder.path().join("root").join(absolute.trim_start_matches('/'))
    }

    fn read(&self, absolute: &str) -> String {
        fs::read_to_string(self.path(absolute)).expect("a file")
    }
}

/// What Mist has of our webhook.
struct Webhook {
    id: String,
    mist: Mist,
    /// The authority of the listener's certificate.
    root: String,
}

impl Webhook {
    fn of(cloud: &Cloud, machine: &Machine) -> Self {
        let hook = cloud.with(|organisation| organisation.webhooks.values().next().cloned());
        let hook = hook.expect("a webhook");
        let text = |name: &str| hook.get(name).and_then(Value::as_str).expect("a text").to_owned();
        assert_eq!(text("url"), "https://gw.example:51361/webhooks");
        let root = machine.read("/etc/mistgate/proxy/root.cert.pem");
        Self { id: text("id"), mist: Mist::new(&text("secret")), root }
    }

    /// Posts a body over TLS, which must be accepted.
    fn post(&self, body: &str) {
        let stream = connect(SocketAddr::from((Ipv4Addr::LOCALHOST, 51_361))).expect("a listener");
        let mut stream = StreamOwned::new(pki::client(&self.root, "gw.example"), stream);
        let request = self.mist.request(body);
        let answer = http::exchange(&mut stream, request.as_bytes()).expect("an answer");
        assert_eq!(answer.status(), 200);
    }
}

fn pings(asked: &[Recorded]) -> usize {
    asked.iter().filter(|one| one.target.ends_with("/ping")).count()
}

/// Answers the questions of `mistgate install`.
fn answer(asking: &Process, person: &mut File, cloud: &Cloud, chat: &Chat) {
    for (question, answer) in [
        ("Host of your Mist cloud's API", cloud.origin().as_str()),
        ("API token of the organisation", TOKEN),
        ("under which Mist reaches this machine", "gw.example"),
        ("incoming webhook of Slack", &chat.url("/services/T0")),
        ("incoming webhook of Microsoft Teams", ""),
        ("incoming webhook of Google Chat", ""),
        ("Observe the switch ports", "n"),
        ("Do this?", "y"),
    ] {
        asking.printed_error(question);
        writeln!(person, "{answer}").expect("a terminal");
    }
}

#[test]
fn from_nothing_install_leads_to_the_first_message() {
    let machine = Machine::boot();
    machine.enter_network();
    let cloud = Cloud::open(Organisation::new(ORG, TOKEN)).expect("a port");
    let chat = Chat::open().expect("a chat");
    let (mut person, stdin) = terminal();
    let install = machine.command(&["/tmp/mistgate", "install"]);
    let mut asking = Process::start_at(install, stdin);
    answer(&asking, &mut person, &cloud, &chat);
    assert!(cloud.wait(|asked| pings(asked) == 1), "{}{}", asking.stdout(), asking.stderr());
    let webhook = Webhook::of(&cloud, &machine);
    webhook.post(&body("ping", &[json!({ "id": webhook.id, "timestamp": 1.5 })]));
    let code = asking.wait().code();
    let said = asking.stdout() + &asking.stderr();
    assert_eq!(code, Some(0), "{said}{}", machine.read("/var/log/mistgate.log"));
    for line in [
        "account         mistgate",
        "The service runs.",
        "sends what the configuration wants to https://gw.example:51361/webhooks",
        "Mist is asked to ping the webhook: yes",
        "the ping comes in, signed: yes",
        "slack/default takes a message: yes",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(!said.contains(TOKEN) && !said.contains(&chat.url("/services/T0")), "{said}");
    assert!(machine.read("/etc/passwd").contains("\nmistgate:"));

    let told = |words: &str| chat.posts().iter().any(|post| post.request.body.contains(words));
    webhook.post(&event_body("SW_CONFIGURED", "first-switch"));
    poll::within(LONG, || told("first-switch"), || machine.read("/var/log/mistgate.log"));

    // Once Mist does not reach it, the same test says so.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    cloud.with(|organisation| {
        organisation.deliveries.push(json!({
            "status": "failure", "topic": "ping", "req_payload": "{}", "timestamp": now,
            "error": "connection refused",
        }));
    });
    let mut test = machine.command(&["/usr/local/bin/mistgate", "selftest"]);
    let test = test.stdin(Stdio::null()).output().expect("a process");
    let said = String::from_utf8_lossy(&test.stderr).into_owned();
    assert_eq!(test.status.code(), Some(1), "{said}");
    assert!(said.contains("Mist could not deliver it: connection refused"), "{said}");
}
