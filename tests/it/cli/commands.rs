//! The commands other than `run`: what they print, and how they exit.

use std::os::unix::fs::PermissionsExt as _;
use std::{fs, io::Write, process::Stdio};

use mistgate_tests::chat::server::{Chat, reserve, say};
use mistgate_tests::webhook::mist::event_body;
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, date_time_ymd};
use serde_json::Value;

use crate::base::binary::{Place, command, output, text};
use crate::base::pki::{Authority, Leaf};
use crate::host::install::as_nobody;

#[test]
fn version_names_the_version_the_target_and_the_commit() {
    let folder = tempfile::tempdir().expect("a folder");
    let version = output(folder.path(), &["version"]);
    assert_eq!(version.status.code(), Some(0));
    let version = text(&version.stdout);
    let words: Vec<&str> = version.split_whitespace().collect();
    let [name, number, target, commit] = words.as_slice() else {
        panic!("{version}");
    };
    assert_eq!((*name, number.split('.').count()), ("mistgate", 3));
    assert!(target.contains('-'), "{version}");
    assert!(commit.len() >= 7, "{version}");
}

#[test]
fn version_verbose_says_how_it_was_built_and_what_the_kernel_offers() {
    let folder = tempfile::tempdir().expect("a folder");
    let said = output(folder.path(), &["version", "--verbose"]);
    assert_eq!((said.status.code(), text(&said.stderr).as_str()), (Some(0), ""));
    let said = text(&said.stdout);
    let rows: Vec<(&str, &str)> = said.lines().filter_map(|line| line.split_once("  ")).collect();
    let names: Vec<&str> = rows.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["compiler", "features", "store", "sandbox", "lacks"], "{said}");
    let is = |name, what: &str| rows.iter().any(|row| row.0 == name && row.1.contains(what));
    assert!(is("compiler", "rustc 1.") && is("store", "format "), "{said}");
    assert!(is("sandbox", "no new privileges"), "{said}");
    // Under qemu there is none.
    assert!(is("sandbox", "seccomp") || is("lacks", "seccomp"), "{said}");
}

#[test]
fn every_command_helps_and_wrong_usage_is_2() {
    let folder = tempfile::tempdir().expect("a folder");
    for command in ["run", "check", "import", "route", "send-test", "version"] {
        for args in [vec![command, "--help"], vec!["help", command]] {
            let help = output(folder.path(), &args);
            let printed = text(&help.stdout);
            assert_eq!(help.status.code(), Some(0), "{args:?}");
            assert!(
                printed.starts_with(&format!("Usage: mistgate {command}")),
                "{args:?}: {printed}"
            );
            assert!(help.stderr.is_empty(), "{args:?}");
        }
    }
    let help = output(folder.path(), &["--help"]);
    assert_eq!(help.status.code(), Some(0));
    for args in [
        &[][..],
        &["nothing"],
        &["check"],
        &["check", "--config"],
        &["run", "--log-level", "loud"],
        &["run", "--log-format", "xml"],
        &["route", "--no-such-flag"],
        &["route", "one.json", "two.json"],
    ] {
        let wrong = output(folder.path(), args);
        assert_eq!(wrong.status.code(), Some(2), "{args:?}");
        assert!(wrong.stdout.is_empty() && !wrong.stderr.is_empty(), "{args:?}");
    }
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0, "something was made");
}

#[test]
fn wrong_usage_names_what_was_probably_meant_and_where_help_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let said = |args: &[&str]| {
        let wrong = output(folder.path(), args);
        assert_eq!(wrong.status.code(), Some(2), "{args:?}");
        text(&wrong.stderr)
    };
    for (args, meant) in [
        (&["chek"][..], "chek — did you mean check?\nsee mistgate --help\n"),
        (
            &["check", "--confg", "x"],
            "--confg — did you mean --config?\nsee mistgate check --help\n",
        ),
        (&["cert", "lef"], "lef — did you mean leaf?\nsee mistgate cert --help\n"),
        (&["check", "--colour"], "argument: --colour\nsee mistgate check --help\n"),
        (&["run", "--log-level", "loud"], "got loud\nsee mistgate run --help\n"),
    ] {
        let said = said(args);
        assert!(said.ends_with(meant), "{args:?}: {said}");
    }
    assert!(said(&["check"]).contains("--config\nsee mistgate check --help\n"));
}

#[test]
fn check_finds_what_a_start_would_die_of() {
    let place = Place::new("[chat.console]");
    let check = ["check", "--config", "mistgate.toml"];
    let done = as_nobody(place.path(), &check);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    let state = place.path().join("state");
    fs::create_dir(&state).expect("a folder");
    let done = as_nobody(place.path(), &check);
    let why = text(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{why}");
    let expected = "mistgate.toml:1: state_dir: state: Permission denied";
    assert!(why.starts_with(expected) && why.lines().count() == 1, "{why}");
    fs::remove_dir(&state).expect("a folder");

    let mistgate = place.start();
    mistgate.webhook();
    mistgate.until("the note", |_| {
        let done = output(place.path(), &check);
        assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
        text(&done.stdout).contains("a mistgate runs with state: reload it")
    });
    mistgate.stop();
}

#[test]
fn check_warns_of_what_others_may_read_and_of_published_keys() {
    let place = Place::new("[chat.console]");
    let authority = Authority::new();
    let leaf = authority.issue(&["localhost"]);
    place.write("key.pem", &leaf.key);
    place.write("cert.pem", &leaf.cert);
    place.write("ca.pem", include_str!("../../vectors/micronets/published-root.cert.pem"));
    place.configure(
        "[chat.console]\n[proxy]\nlisten = \"127.0.0.1:0\"\ncert = \"cert.pem\"\nkey = \
         \"key.pem\"\nclient_ca = \"ca.pem\"",
    );
    let modes = |folder: u32, key: u32, config: u32| {
        let set = |name: &str, mode| {
            let mode = fs::Permissions::from_mode(mode);
            fs::set_permissions(place.path().join(name), mode).expect("a mode");
        };
        set("key.pem", key);
        set("mistgate.toml", config);
        set("", folder);
        let done = output(place.path(), &["check", "--config", "mistgate.toml"]);
        let said = text(&done.stdout) + &text(&done.stderr);
        assert_eq!(done.status.code(), Some(0), "{said}");
        assert!(said.contains("proxy.client_ca: the private key of a"), "{said}");
        ["may read this", "may write this"].map(|what| said.matches(what).count())
    };
    // Its folder keeps others out.
    assert_eq!(modes(0o700, 0o644, 0o644), [0, 0]);
    assert_eq!(modes(0o755, 0o640, 0o640), [0, 0]);
    // The configuration has the webhook's secret.
    assert_eq!(modes(0o755, 0o644, 0o644), [2, 0]);
    assert_eq!(modes(0o755, 0o646, 0o640), [0, 1]);
}

#[test]
fn check_lists_every_problem_with_its_line() {
    let place = Place::new("[chat.console]");
    let good = output(place.path(), &["check", "--config", "mistgate.toml"]);
    assert_eq!(text(&good.stdout), "mistgate.toml: no problems, 1 destination\n");
    assert_eq!(good.status.code(), Some(0));
    for (incidents, said) in [("", "after 30 s"), ("[incidents]\nhold = \"0s\"", "at once")] {
        let chats = format!("[chat.slack]\ndefault_url = \"https://relay.example/x\"\n{incidents}");
        place.write("told.toml", &chats);
        let good = output(place.path(), &["check", "--config", "told.toml"]);
        let said = format!("told.toml: no problems, 1 destination, failures told {said}\n");
        assert!(text(&good.stdout).contains(&said), "{}", text(&good.stdout));
    }

    place.write(
        "bad.toml",
        "[webhook]\n\
         listen = \"everywhere\"\n\
         secret_file = \"no-such-file\"\n\
         max_body = 5\n\
         tls = { cert = \"mistgate.toml\" }\n\
         [chat.slack]\n\
         default_url = \"http://example.com/T/B/token\"\n\
         pase = \"off\"\n\
         [chat.channels.device-events]\n\
         AP_CONNECTED = \"Nowhere!\"\n\
         [admin]\n\
         listen = \"0.0.0.0:0\"\n",
    );
    for args in [["check", "--config", "bad.toml"], ["run", "--config", "bad.toml"]] {
        let bad = output(place.path(), &args);
        assert_eq!(bad.status.code(), Some(1));
        let printed = text(&bad.stderr);
        let lines: Vec<&str> = printed.lines().collect();
        for (line, key) in [
            (2, "webhook.listen"),
            (3, "webhook.secret_file"),
            (4, "webhook.max_body"),
            (5, "webhook.tls.cert: the file holds no certificate"),
            (5, "webhook.tls.cert: the file holds no private key"),
            (7, "chat.slack.default_url"),
            (8, "chat.slack.pase"),
            (10, "chat.channels.device-events.AP_CONNECTED"),
            (11, "admin.token_file"),
        ] {
            let place = format!("bad.toml:{line}: {key}");
            let reported = lines.iter().filter(|printed| printed.starts_with(&place)).count();
            assert_eq!(reported, 1, "{place}\n{printed}");
        }
        // Where the manual has these keys.
        let problems = lines.iter().filter(|line| !line.starts_with("see https://"));
        assert_eq!(problems.clone().count(), lines.len() - usize::from(args[0] == "check"));
        for line in problems {
            assert!(line.starts_with("bad.toml:") && line.contains(" — "), "{line}");
        }
        assert!(!printed.contains("token\""), "{printed}");
        assert!(bad.stdout.is_empty());
    }
    let absent = output(place.path(), &["check", "--config", "absent.toml"]);
    assert_eq!(absent.status.code(), Some(1));
    assert!(text(&absent.stderr).starts_with("absent.toml:1: there is no such file — "));
}

const RULE: &str = "[[proxy.allow]]\nmeetup = \"*\"\nsubjects = [\"DNS=x\"]";

/// The exit code and output of `mistgate check` for a proxy with these keys, without the line that
/// names the page of the manual, which must be there once if there is something to look up.
fn check_proxy(place: &Place, keys: &str) -> (Option<i32>, String) {
    place.write("proxy.toml", &format!("[proxy]\nlisten = \"127.0.0.1:5050\"\n{keys}\n"));
    let checked = output(place.path(), &["check", "--config", "proxy.toml"]);
    let printed = text(&checked.stdout) + &text(&checked.stderr);
    let page = printed.lines().filter(|line| line.starts_with("see https://")).count();
    let is_good = checked.status.success() && printed.lines().count() == 1;
    assert_eq!(page, usize::from(!is_good), "{printed}");
    let lines = printed.lines().filter(|line| !line.starts_with("see https://"));
    (checked.status.code(), lines.map(|line| format!("{line}\n")).collect())
}

#[test]
fn check_loads_the_files_of_the_proxy_and_warns_of_what_peers_would_refuse() {
    let (authority, other) = (Authority::new(), Authority::new());
    let Leaf { cert, key } = authority.issue(&["proxy.example"]);
    let nameless = authority.member("Proxy", 7);
    let block = |label: &str| format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
    let place = Place::new("");
    for (name, text) in [
        ("good.pem", format!("{cert}{key}")),
        ("nameless.pem", format!("{}{}", nameless.cert, nameless.key)),
        ("other.key.pem", other.issue(&["proxy.example"]).key),
        ("root.pem", authority.cert()),
        ("crl.pem", authority.revoke(&[7])),
        ("broken.root.pem", block("CERTIFICATE")),
        ("broken.crl.pem", block("X509 CRL")),
    ] {
        place.write(name, &text);
    }
    let good = "cert = \"good.pem\"\nclient_ca = \"root.pem\"\ncrl = \"crl.pem\"";
    let (code, printed) = check_proxy(&place, &format!("{good}\n{RULE}"));
    assert_eq!(printed, "proxy.toml: no problems, 0 destinations, a websocket proxy\n");
    assert_eq!(code, Some(0));

    let (code, printed) = check_proxy(&place, &good.replace("good.pem", "nameless.pem"));
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(
        lines,
        [
            "proxy.toml:1: proxy.allow: any certificate of client_ca may join any meetup — \
             [[proxy.allow]] with a meetup and the subjects that may join it (warning)",
            "proxy.toml:3: proxy.cert: the certificate names no host, so clients that look for one \
             refuse it — one with a subject alternative name, as mistgate cert leaf --san makes \
             (warning)",
            "proxy.toml: no problems, 0 destinations, a websocket proxy",
        ]
    );
    assert_eq!(code, Some(0));

    for (files, problem) in [
        (
            "cert = \"good.pem\"\nkey = \"other.key.pem\"\nclient_ca = \"root.pem\"",
            "proxy.toml:3: proxy.cert: good.pem: the certificate does not belong to the key in \
             other.key.pem — ",
        ),
        (
            "cert = \"good.pem\"\nclient_ca = \"broken.root.pem\"",
            "proxy.toml:4: proxy.client_ca: broken.root.pem: ",
        ),
        (
            "cert = \"good.pem\"\nclient_ca = \"root.pem\"\ncrl = [\"crl.pem\",\n\
             \"broken.crl.pem\"]",
            "proxy.toml:6: proxy.crl[1]: broken.crl.pem: ",
        ),
        (
            "cert = \"good.pem\"\nclient_ca = \"root.pem\"\ncrl = \"root.pem\"",
            "proxy.toml:5: proxy.crl: the file holds no revocation list — ",
        ),
    ] {
        let (code, printed) = check_proxy(&place, &format!("{files}\n{RULE}"));
        assert!(
            printed.starts_with(problem) && printed.lines().count() == 1,
            "{problem}\n{printed}"
        );
        assert_eq!(code, Some(1));
    }
}

#[test]
fn check_warns_of_expired_files_and_of_certificates_for_another_use() {
    type Spoil = fn(&mut CertificateParams);
    const USE: &str = "the certificate's extended key usage is not for servers, so clients refuse";
    let ended: Spoil = |params| params.not_after = date_time_ymd(2021, 1, 1);
    let future: Spoil = |params| params.not_before = date_time_ymd(2096, 1, 1);
    let client: Spoil =
        |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let authority = Authority::new();
    let place = Place::new("");
    place.write("root.pem", &authority.cert());
    let warned = |cert: &str, revoked: &str, warning: &str| {
        place.write("proxy.pem", cert);
        place.write("crl.pem", revoked);
        let files = "cert = \"proxy.pem\"\nclient_ca = \"root.pem\"\ncrl = \"crl.pem\"";
        let (code, printed) = check_proxy(&place, &format!("{files}\n{RULE}"));
        assert!(printed.starts_with(&format!("proxy.toml:{warning}")), "{warning}\n{printed}");
        assert_eq!((code, printed.lines().count()), (Some(0), 2), "{printed}");
    };
    let issue = |spoil| {
        let Leaf { cert, key } = authority.issue_with(&["proxy.example"], spoil);
        format!("{cert}{key}")
    };
    for (spoil, warning) in [
        (ended, "the certificate ended at 2021-01-01 00:00:00 UTC — "),
        (future, "the certificate begins only at 2096-01-01 00:00:00 UTC — "),
        (client, USE),
    ] {
        warned(&issue(spoil), &authority.revoke(&[7]), &format!("3: proxy.cert: {warning}"));
    }
    let old = authority.revoke_until(&[7], 2021);
    let warning = "5: proxy.crl: a newer list should be there since 2021-01-01 00:00:00 UTC; this \
                 one still counts — ";
    warned(&issue(|_| {}), &old, warning);
}

#[test]
fn check_warns_of_names_that_authorities_below_may_write() {
    let constrained = Authority::constrained;
    let (free, flat, tall) = (Authority::new(), constrained(0), constrained(1));
    let Leaf { cert, key } = flat.issue(&["proxy.example"]);
    let place = Place::new("");
    place.write("proxy.pem", &format!("{cert}{key}"));
    let warned = |roots: &str, subject: &str| {
        place.write("root.pem", roots);
        let rule = RULE.replace("DNS=x", subject);
        let files = "cert = \"proxy.pem\"\nclient_ca = \"root.pem\"";
        let (code, printed) = check_proxy(&place, &format!("{files}\n{rule}"));
        assert_eq!(code, Some(0), "{printed}");
        let below = printed.contains("4: proxy.client_ca: the authority may have others below it");
        let several = printed.contains("4: proxy.client_ca: there are several authorities in it");
        (below, several)
    };
    for subject in ["O=x", "CN=x"] {
        assert_eq!(warned(&free.cert(), subject), (true, false), "{subject}");
        assert_eq!(warned(&tall.cert(), subject), (true, false), "{subject}");
        assert_eq!(warned(&flat.cert(), subject), (false, false), "{subject}");
        assert_eq!(warned(&(flat.cert() + &constrained(0).cert()), subject), (false, true));
    }
    assert_eq!(warned(&(free.cert() + &flat.cert()), "DNS=x"), (false, false));
}

#[test]
fn check_warns_of_an_rsa_key_for_switches() {
    let place = Place::new("");
    let printed = |kind: &str| {
        // It overwrites nothing.
        let _ = fs::remove_file(place.path().join("key"));
        let made = std::process::Command::new("ssh-keygen")
            .args(["-q", "-t", kind, "-N", "", "-f"])
            .arg(place.path().join("key"))
            .output()
            .expect("ssh-keygen");
        assert!(made.status.success(), "{}", text(&made.stderr));
        // As `ssh-keyscan` prints it.
        let public = fs::read_to_string(place.path().join("key.pub")).expect("a key");
        place.write("hosts", &format!("switch {public}"));
        place.write(
            "ports.toml",
            "[mist]\ntoken = \"0123456789abcdef0123456789abcdef\"\n\
             org_id = \"203d3d02-dbc0-4c1b-9f41-76896a3330f4\"\n[ports]\nmode = \"observe\"\nmethod = \"junos\"\n[ports.junos]\nusername = \"mist\"\n\
             private_key = \"key\"\nknown_hosts = \"hosts\"\n\
             ap = [\"set interfaces <port> native-vlan-id 42\"]\n\
             default = [\"delete interfaces <port> native-vlan-id\"]\n[admin]\n",
        );
        let checked = output(place.path(), &["check", "--config", "ports.toml"]);
        let printed = text(&checked.stdout) + &text(&checked.stderr);
        assert_eq!(checked.status.code(), Some(0), "{printed}");
        printed
    };
    let warning = "ports.toml:9: ports.junos.private_key: how long a signature takes may tell";
    let rsa = printed("rsa");
    assert!(rsa.contains(warning), "{rsa}");
    let modern = printed("ed25519");
    assert!(!modern.contains("private_key"), "{modern}");
}

#[test]
fn route_tells_where_and_why_and_payloads_are_what_would_be_posted() {
    let chat = Chat::open().expect("a chat");
    let place = Place::new(&format!(
        "[chat.slack]\npace = \"off\"\ndefault_url = \"{slack}\"\n\
         [chat.google]\npace = \"off\"\nurls = {{ critical = \"{google}\" }}\n\
         [chat.channels.device-events]\nAP_CONNECTED = \"warning\"\nAP_DISCONNECTED = \"drop\"",
        slack = chat.url("/slack"),
        google = chat.url("/google")
    ));
    let connected = event_body("AP_CONNECTED", "ap-1");
    place.write("connected.json", &connected);
    let routed = output(place.path(), &["route", "--config", "mistgate.toml", "connected.json"]);
    let printed = text(&routed.stdout);
    assert_eq!(routed.status.code(), Some(0), "{printed}{}", text(&routed.stderr));
    assert!(
        printed.starts_with("device-events AP_CONNECTED -> warning: slack/default ("),
        "{printed}"
    );

    // Read from standard input and shaped as it would be posted.
    let payloads = |body: &str| -> Vec<Value> {
        let args = ["route", "--config", "mistgate.toml", "--payloads"];
        let mut child = command(place.path(), &args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        child.stdin.take().expect("a pipe").write_all(body.as_bytes()).expect("a write");
        let routed = child.wait_with_output().expect("an output");
        assert_eq!(routed.status.code(), Some(0));
        let printed = text(&routed.stdout);
        printed.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
    };
    let lines = payloads(&connected);
    let [line] = lines.as_slice() else {
        panic!("{lines:?}");
    };
    assert_eq!(line.get("destination").and_then(Value::as_str), Some("slack"));
    assert_eq!(line.get("channel").and_then(Value::as_str), Some("warning"));
    let lines = payloads(&event_body("AP_DISCONNECTED", "ap-1"));
    let [dropped] = lines.as_slice() else {
        panic!("{lines:?}");
    };
    assert_eq!(dropped.get("destination"), Some(&Value::Null));
    assert!(dropped.get("reason").is_some_and(Value::is_string), "{dropped}");
    assert!(chat.posts().is_empty(), "route posted something");

    let mistgate = place.start();
    mistgate.accept(&connected);
    let posts = chat.wait(|posts| posts.len() == 1).expect("a post");
    let posted: Value =
        posts.first().and_then(|post| serde_json::from_str(&post.request.body).ok()).expect("JSON");
    assert_eq!(line.get("payload"), Some(&posted));
    mistgate.stop();

    let nonsense = output(place.path(), &["route", "--config", "mistgate.toml", "mistgate.toml"]);
    assert_eq!(nonsense.status.code(), Some(1));
    assert!(text(&nonsense.stderr).starts_with("mistgate.toml: expected a JSON object"));
}

#[test]
fn send_test_reports_what_each_destination_answered() {
    let chat = Chat::open().expect("a chat");
    let place = Place::new("");
    let (webhook, admin) = (reserve().expect("a port"), reserve().expect("a port"));
    let listen = |socket| {
        let name = rustix::net::getsockname(socket).expect("a name");
        std::net::SocketAddr::try_from(name).expect("an address")
    };
    place.write(
        "mistgate.toml",
        &format!(
            "state_dir = \"state\"\n[webhook]\nlisten = \"{}\"\nsecret = \"ss\"\n\
             [chat.slack]\npace = \"off\"\ndefault_url = \"{}\"\n\
             [chat.google]\npace = \"off\"\nurls = {{ info = \"{}\" }}\n\
             [[chat.destination]]\nname = \"noc\"\nkind = \"slack\"\nurl = \"{}\"\n\
             [admin]\nlisten = \"{}\"\ntoken = \"tt\"\n",
            listen(&webhook),
            chat.url("/slack"),
            chat.url("/google"),
            chat.url("/noc"),
            listen(&admin),
        ),
    );
    let try_it = |args: &[&str]| {
        let fixed = ["send-test", "--config", "mistgate.toml"];
        let tried = output(place.path(), &[&fixed, args].concat());
        (tried.status.code(), text(&tried.stdout), text(&tried.stderr))
    };
    let (code, _, errors) = try_it(&[]);
    assert_eq!(code, Some(1));
    assert!(errors.contains("start it with mistgate run"), "{errors}");

    let mistgate = place.start();
    mistgate.line("listening", 2);
    let all = (
        Some(0),
        "webhook listener: 200\ngoogle/info: delivered\nslack/default: delivered\n".to_owned(),
        String::new(),
    );
    let (code, printed, errors) = try_it(&[]);
    let mut lines: Vec<&str> = printed.lines().collect();
    lines.get_mut(1..).expect("two destinations").sort_unstable();
    assert_eq!((code, lines.join("\n") + "\n", errors), all);
    let (code, printed, _) = try_it(&["--channel", "critical"]);
    assert_eq!((code, printed.lines().count()), (Some(0), 2), "{printed}");

    let noc = (Some(0), "webhook listener: 200\nnoc: delivered\n".to_owned(), String::new());
    assert_eq!(try_it(&["--destination", "noc"]), noc);
    let (code, _, errors) = try_it(&["--destination", "nobody"]);
    assert_eq!(code, Some(1));
    assert!(errors.starts_with("info: no destination of nobody serves"), "{errors}");

    chat.answer(&[], say(500, ""));
    let (code, printed, errors) = try_it(&["--channel", "warning"]);
    assert_eq!(code, Some(1));
    assert!(printed.contains("slack/default: refused: HTTP status 500 or higher"), "{printed}");
    assert_eq!(errors, "not delivered: slack/default\n");
    let (code, _, errors) = try_it(&["--channel", "nowhere"]);
    assert_eq!(code, Some(1));
    assert!(errors.starts_with("nowhere: "), "{errors}");
    mistgate.stop();
}
