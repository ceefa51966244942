//! `mistgate run`: the first start in an empty folder, and the stop.

use std::fs;
use std::fs::File;
use std::io::{PipeReader, PipeWriter, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use async_tungstenite::tungstenite::Message;
use mistgate_tests::base::http;
use mistgate_tests::chat::server::{Answer, Chat, LONG};
use mistgate_tests::webhook::mist::{Mist, connect, event_body};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::base::binary::{Mistgate, Place, SECRET, binary, command, output, text};
use crate::base::files::mode;
use crate::base::pki::Leaf;
use crate::base::poll;
use crate::micronets::relay::{GATEWAY, MANAGER, Peer};

/// The README promises that a stop takes no longer.
const STOP_MAX: Duration = Duration::from_secs(10);

/// A connection on which a request has arrived, except for the second half of its body.
fn half_a_request(to: SocketAddr, device: &str) -> (TcpStream, String) {
    let request = Mist::new(SECRET).request(&event_body("AP_CONNECTED", device));
    let request = request.replacen("\r\n", "\r\nExpect: 100-continue\r\n", 1);
    let (first, rest) = request.split_at(request.len() - 10);
    let mut stream = connect(to).expect("a connection");
    stream.write_all(first.as_bytes()).expect("a write");
    // The server answers 100 when it starts to read the body.
    let answer = http::read(&mut stream).expect("an answer").expect("an answer");
    assert_eq!(answer.status(), 100);
    (stream, rest.to_owned())
}

#[test]
fn without_a_configuration_it_starts_in_an_empty_folder_and_can_be_tried() {
    // The built-in addresses are the same in every folder, so only one test may use them at a time.
    let lock = File::create(std::env::temp_dir().join("mistgate-tests-embedded.lock"));
    let lock = lock.expect("a lock file");
    lock.lock().expect("a lock");
    let folder = tempfile::tempdir().expect("a folder");
    let start = || Mistgate::start(command(folder.path(), &["run", "--log-format", "json"]));

    let early = output(folder.path(), &["send-test"]);
    assert_eq!(early.status.code(), Some(1));
    let expected = "./mistgate-data: not there, or not whole — start mistgate run in this folder \
                    first\n";
    assert_eq!(text(&early.stderr), expected);

    let mistgate = start();
    assert_eq!(mistgate.webhook().to_string(), "127.0.0.1:51361");
    assert_eq!(mistgate.proxy().to_string(), "127.0.0.1:5050");
    assert_eq!(mistgate.admin().to_string(), "127.0.0.1:9361");
    let state = folder.path().join("mistgate-data");
    assert_eq!(mode(&state), 0o700);
    for file in fs::read_dir(&state).expect("a folder") {
        let file = file.expect("a file").path();
        let expected = if file.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(&file), expected, "{}", file.display());
    }
    let certificates = state.join("proxy");
    for name in ["root", "proxy", "client"] {
        assert_eq!(mode(&certificates.join(format!("{name}.key.pem"))), 0o600, "{name}");
        assert_eq!(mode(&certificates.join(format!("{name}.cert.pem"))), 0o644, "{name}");
    }
    for name in ["proxy", "client"] {
        assert_eq!(mode(&certificates.join(format!("{name}.pkeycert.pem"))), 0o600, "{name}");
    }
    let secret = fs::read_to_string(state.join("webhook-secret")).expect("a secret");
    let secret = secret.trim_end();
    assert!(secret.len() == 64 && secret.bytes().all(|digit| digit.is_ascii_hexdigit()));

    for (args, title) in [
        (["send-test", "--channel", "info"].as_slice(), "\"severity\":\"info\""),
        (["send-test", "--channel", "critical"].as_slice(), "\"severity\":\"critical\""),
    ] {
        let tried = output(folder.path(), args);
        let (printed, errors) = (text(&tried.stdout), text(&tried.stderr));
        assert_eq!(tried.status.code(), Some(0), "{printed}{errors}");
        assert_eq!(printed, "webhook listener: 200\nconsole/default: delivered\n");
        let printed = mistgate.printed(|stdout| stdout.contains(title));
        assert!(printed.contains("mistgate send-test"), "{printed}");
    }
    // The command that it prints for a peer works with these files.
    let pem = |name: &str| fs::read_to_string(certificates.join(name)).expect("a file");
    let root = pem("root.cert.pem");
    let both = pem("client.pkeycert.pem");
    let client = Leaf { cert: both.clone(), key: both };
    let mut peers = [MANAGER, GATEWAY].map(|hello| {
        let mut peer = Peer::upgrade(mistgate.proxy(), &root, &client, "demo").expect("upgraded");
        peer.say(hello);
        peer
    });
    let [manager, gateway] = &mut peers;
    assert_eq!(manager.receive(), Message::text(GATEWAY));
    assert_eq!(gateway.receive(), Message::text(MANAGER));
    drop(peers);

    let welcome = mistgate.stderr();
    for line in [
        "webhooks on http://127.0.0.1:51361/webhooks",
        "meet at wss://127.0.0.1:5050/micronets/v1/ws-proxy/NAME",
        "mistgate connect --client-cert ./mistgate-data/proxy/client.pkeycert.pem ",
        "./mistgate-data",
        "mistgate send-test ",
        "curl http://127.0.0.1:9361/status",
    ] {
        assert!(welcome.contains(line), "{line}: {welcome}");
    }
    assert!(!welcome.contains(secret), "{welcome}");
    mistgate.stop();

    // A second start uses what the first one made.
    let mistgate = start();
    let answer = Mist::new(secret).post(mistgate.webhook(), &event_body("AP_CONNECTED", "ap-2"));
    assert_eq!(answer.expect("an answer").status(), 200);
    mistgate.printed(|stdout| stdout.contains("ap-2"));
    mistgate.stop();
    assert_eq!(pem("root.cert.pem"), root);
}

#[test]
fn a_second_one_on_the_same_state_or_address_says_what_to_do() {
    let place = Place::new("[chat.console]");
    let mistgate = place.start();
    let taken = mistgate.webhook();
    let second = output(place.path(), &["run", "--config", "mistgate.toml"]);
    assert_eq!(second.status.code(), Some(1));
    let printed = text(&second.stderr);
    assert!(printed.contains("another mistgate uses this store"), "{printed}");

    place.write(
        "other.toml",
        &format!(
            "state_dir = \"other\"\n[webhook]\nlisten = \"{taken}\"\nsecret = \"xx\"\n\
             [chat.console]\n"
        ),
    );
    let second = output(place.path(), &["run", "--config", "other.toml"]);
    assert_eq!(second.status.code(), Some(1));
    let printed = text(&second.stderr);
    assert!(printed.contains(&format!("webhook.listen: {taken}")), "{printed}");
    assert!(printed.contains("choose another address"), "{printed}");
    assert_eq!(mistgate.ask("/-/ready").status(), 200);
}

#[test]
fn a_stop_answers_the_requests_and_awaits_the_posts_in_flight() {
    for signal in [Signal::TERM, Signal::INT] {
        let chat = Chat::open().expect("a chat");
        chat.answer(&[], Answer::Hold);
        let place = Place::new(&format!(
            "[chat.slack]\npace = \"off\"\ndefault_url = \"{}\"",
            chat.url("/T")
        ));
        let mut mistgate = place.start();
        mistgate.accept(&event_body("AP_CONNECTED", "ap-posted"));
        chat.wait(|posts| posts.len() == 1).expect("a post");

        // The first half of a request has arrived when the signal comes.
        let webhook = mistgate.webhook();
        let (mut stream, rest) = half_a_request(webhook, "ap-requested");
        mistgate.signal(signal);
        mistgate.line("stopping", 1);
        stream.write_all(rest.as_bytes()).expect("a write");
        let answer = http::read(&mut stream).expect("an answer").expect("an answer");
        assert_eq!(answer.status(), 200, "{}", mistgate.stderr());
        assert!(connect(webhook).is_err(), "it still listens");
        chat.release();
        assert_eq!(mistgate.wait().code(), Some(0), "{}", mistgate.stderr());
        mistgate.line("stopped", 1);
        assert!(mistgate.journal("stopped_early").is_empty());

        // Events answered with 200 after the signal are delivered by the next run, none twice.
        let mistgate = place.start();
        chat.wait(|posts| posts.len() >= 2).expect("the rest");
        mistgate.stop();
        let taken = chat.taken();
        assert_eq!(taken.len(), 2, "{taken:?}");
        assert!(taken.iter().any(|body| body.contains("ap-requested")), "{taken:?}");
    }
}

#[test]
fn a_stop_does_not_wait_for_those_who_never_finish() {
    let chat = Chat::open().expect("a chat");
    chat.answer(&[], Answer::Hold);
    let place = Place::new(&format!("[chat.slack]\ndefault_url = \"{}\"", chat.url("/T")));
    let mut mistgate = place.start();
    mistgate.accept(&event_body("AP_CONNECTED", "ap-1"));
    chat.wait(|posts| posts.len() == 1).expect("a post");
    let half_a_request = half_a_request(mistgate.webhook(), "ap-2");
    let mut half_a_question = connect(mistgate.admin()).expect("a connection");
    half_a_question.write_all(b"GET /status HTTP/1.1\r\n").expect("a write");
    assert_eq!(mistgate.ask("/-/healthy").status(), 200);

    let began = Instant::now();
    mistgate.signal(Signal::TERM);
    assert_eq!(mistgate.wait().code(), Some(0), "{}", mistgate.stderr());
    let took = began.elapsed();
    assert!(took < STOP_MAX, "{took:?}\n{}", mistgate.stderr());
    mistgate.line("stopped_early", 1);
    drop((half_a_request, half_a_question));

    chat.release();
    let mistgate = place.start();
    chat.wait(|posts| posts.len() == 2).expect("the interrupted post again");
    mistgate.stop();
}

/// A pipe that is full, so that whoever writes to it would wait.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    rustix::io::ioctl_fionbio(&writer, true).expect("a pipe");
    while (&writer).write(&[b'-'; 4_096]).is_ok() {}
    rustix::io::ioctl_fionbio(&writer, false).expect("a pipe");
    (reader, writer)
}

#[test]
fn as_many_files_are_opened_as_the_system_allows_and_too_few_are_said() {
    let place = Place::new("[chat.console]");
    let limits = |line: &str| {
        let run = "exec \"$0\" run --config mistgate.toml --log-format json";
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{line} && {run}")]).arg(binary());
        shell.current_dir(place.path()).env_clear();
        let mistgate = Mistgate::start(shell);
        mistgate.webhook();
        let limits =
            fs::read_to_string(format!("/proc/{}/limits", mistgate.pid().as_raw_nonzero()));
        let limits = limits.expect("a process");
        let files = limits.lines().find(|line| line.starts_with("Max open files"));
        let words: Vec<String> =
            files.expect("a limit").split_whitespace().map(str::to_owned).collect();
        let said = mistgate.journal("files_limited");
        mistgate.stop();
        (words.get(3..5).map(<[String]>::concat), said)
    };
    let (files, said) = limits("ulimit -Sn 200 && ulimit -Hn 300");
    assert_eq!(files.as_deref(), Some("300300"));
    let allowed = said.first().and_then(|line| line.get("allowed")).and_then(Value::as_str);
    assert_eq!(allowed, Some("300"), "{said:?}");
    let (files, said) = limits("ulimit -Sn 200 && ulimit -Hn 4000");
    assert_eq!((files.as_deref(), said.len()), (Some("40004000"), 0));
}

#[test]
fn a_log_that_is_not_read_stops_nothing() {
    let chat = Chat::open().expect("a chat");
    let config = format!("[chat.slack]\npace = \"off\"\ndefault_url = \"{}\"", chat.url("/s"));
    let place = Place::new(&config);
    // It cannot say which port it has.
    let free = TcpListener::bind(("127.0.0.1", 0)).and_then(|free| free.local_addr());
    let to = free.expect("a free port");
    let config = fs::read_to_string(place.path().join("mistgate.toml")).expect("a file");
    place.write("mistgate.toml", &config.replacen("127.0.0.1:0", &to.to_string(), 1));
    let (_unread, stderr) = full_pipe();
    let args = ["run", "--config", "mistgate.toml", "--log-level", "debug"];
    let mut command = command(place.path(), &args);
    let mut child = command.stderr(Stdio::from(stderr)).spawn().expect("a process");
    poll::within(LONG, || TcpStream::connect(to).is_ok(), || "a listener".to_owned());
    let mist = Mist::new(SECRET);
    poll::within(
        LONG,
        || mist.post(to, &event_body("AP_CONFIGURED", "ap-1")).is_ok_and(|a| a.status() == 200),
        || "an accepted event".to_owned(),
    );
    assert!(chat.wait(|posts| !posts.is_empty()).is_some(), "it is told");
    kill_process(Pid::from_child(&child), Signal::TERM).expect("a process");
    assert_eq!(child.wait().expect("its end").code(), Some(0));
}

#[test]
fn a_console_that_is_not_read_blocks_nothing_else() {
    let place = Place::new("[chat.console]");
    let (mut stalled, stdout) = full_pipe();
    let args = ["run", "--config", "mistgate.toml", "--log-format", "json"];
    let mut mistgate =
        Mistgate::start_with_stdout(command(place.path(), &args), Stdio::from(stdout));
    for n in 0..8 {
        mistgate.accept(&event_body("AP_CONNECTED", &format!("ap-{n}")));
        assert_eq!(mistgate.ask("/-/ready").status(), 200);
    }
    let waiting = mistgate.destination("console/default");
    assert_eq!(waiting.get("waiting").and_then(Value::as_u64), Some(8), "{waiting}");
    let began = Instant::now();
    mistgate.signal(Signal::TERM);
    assert_eq!(mistgate.wait().code(), Some(0), "{}", mistgate.stderr());
    assert!(began.elapsed() < STOP_MAX, "{}", mistgate.stderr());
    let mut printed = String::new();
    stalled.read_to_string(&mut printed).expect("what was printed");
    assert!(!printed.contains("ap-1"), "{printed}");
}
