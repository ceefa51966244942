//! SIGHUP: a new configuration is applied as a whole or not at all, and no event is lost.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use mistgate_tests::base::http;
use mistgate_tests::chat::server::{Answer, Chat};
use mistgate_tests::webhook::mist::{Mist, connect, event_body};
use rustix::process::Signal;
use rustls::StreamOwned;
use serde_json::Value;

use crate::base::binary::{Mistgate, Place, SECRET};
use crate::base::pki::{Authority, client};

fn slack(chat: &Chat) -> String {
    format!("[chat.slack]\npace = \"off\"\ndefault_url = \"{}\"", chat.url("/T"))
}

/// As [`slack`], with a second channel that gets no events. Its port is in the start's
/// configuration, so the sandbox allows a later one to use it.
fn slack_and(spare: &Chat, chat: &Chat) -> String {
    format!("{}\nurls = {{ spare = \"{}\" }}", slack(chat), spare.url("/spare"))
}

/// The reasons in the journal for the last refusal of a configuration.
fn refused(mistgate: &Mistgate, problems: usize) -> Vec<String> {
    let before = mistgate.journal("reload_failed").len();
    mistgate.signal(Signal::HUP);
    mistgate.line("reload_failed", before + problems);
    let lines = mistgate.journal("reload_failed");
    let reasons = lines.iter().skip(before).filter_map(|line| line.get("reason")?.as_str());
    reasons.map(str::to_owned).collect()
}

#[test]
fn a_new_url_takes_over_with_all_that_waits() {
    let (old, new) = (Chat::closed().expect("a chat"), Chat::open().expect("a chat"));
    let place = Place::new(&slack_and(&new, &old));
    let mistgate = place.start();
    for n in 0..10 {
        mistgate.accept(&event_body("AP_CONNECTED", &format!("ap-{n}.")));
    }
    mistgate.line("retrying", 1);
    place.configure(&slack(&new));
    mistgate.reload();
    new.wait(|posts| posts.len() == 10).expect("what waited");
    mistgate.accept(&event_body("AP_CONNECTED", "ap-later"));
    let posts = new.wait(|posts| posts.len() == 11).expect("what came later");
    let device = |body: &str| (0..10).find(|n| body.contains(&format!("ap-{n}.")));
    let devices: Vec<Option<usize>> = posts.iter().map(|post| device(&post.request.body)).collect();
    // Only the oldest event can have been in flight at the reload. Then it comes as soon as the old
    // URL has failed, at whatever place; the others waited and keep their order.
    let (oldest, others): (Vec<_>, Vec<_>) = devices.into_iter().partition(|n| *n == Some(0));
    assert_eq!(oldest.len(), 1, "lost or sent twice: {posts:?}");
    let expected: Vec<_> = (1..10).map(Some).chain([None]).collect();
    assert_eq!(others, expected, "out of order: {posts:?}");
    assert!(posts.last().is_some_and(|post| post.request.body.contains("ap-later")), "{posts:?}");
    mistgate.stop();
}

#[test]
fn a_post_in_flight_is_awaited_and_the_rest_goes_to_the_new_url() {
    let (old, new) = (Chat::open().expect("a chat"), Chat::open().expect("a chat"));
    old.answer(&[], Answer::Hold);
    let place = Place::new(&slack_and(&new, &old));
    let mistgate = place.start();
    mistgate.accept(&event_body("AP_CONNECTED", "ap-1"));
    mistgate.accept(&event_body("AP_CONNECTED", "ap-2"));
    old.wait(|posts| posts.len() == 1).expect("the first post");
    place.configure(&slack(&new));
    mistgate.reload();
    let posts = new.wait(|posts| posts.len() == 1).expect("the second event");
    assert!(posts.iter().all(|post| post.request.body.contains("ap-2")), "{posts:?}");
    old.release();
    mistgate.line("delivered", 2);
    mistgate.stop();
    assert_eq!((old.posts().len(), new.posts().len()), (1, 1));

    let mistgate = place.start();
    mistgate.accept(&event_body("AP_CONNECTED", "ap-3"));
    new.wait(|posts| posts.len() == 2).expect("the third event");
    mistgate.stop();
    assert_eq!((old.posts().len(), new.posts().len()), (1, 2), "something was sent twice");
}

#[test]
fn a_new_address_is_listened_on_and_the_old_one_is_not() {
    let place = Place::new("[chat.console]");
    let mistgate = place.start();
    let (old, admin) = (mistgate.webhook(), mistgate.admin());
    place.write(
        "mistgate.toml",
        &format!(
            "state_dir = \"state\"\n[webhook]\nlisten = \"127.0.0.2:0\"\nsecret = \"{SECRET}\"\n\
             paths = [\"/other\"]\n[chat.console]\n[admin]\nlisten = \"127.0.0.1:0\"\n"
        ),
    );
    mistgate.reload();
    let new: SocketAddr = mistgate.webhook();
    assert_ne!(new.ip(), old.ip());
    assert_eq!(mistgate.admin(), admin);
    let request = Mist::new(SECRET).request(&event_body("AP_CONNECTED", "ap-1"));
    let mut stream = connect(new).expect("a connection");
    let request = request.replace("/webhooks", "/other");
    let answer = http::exchange(&mut stream, request.as_bytes()).expect("an answer");
    assert_eq!(answer.status(), 200);
    // The old listener closes soon after.
    mistgate.until("a closed port", |_| connect(old).is_err());
    mistgate.stop();
}

#[test]
fn a_bad_file_changes_nothing_and_each_problem_is_said() {
    let chat = Chat::open().expect("a chat");
    let place = Place::new(&slack(&chat));
    // The sandbox would allow no port that the start did not have.
    let mistgate = place.start_with(&["--unsafe-no-sandbox"]);
    let webhook = mistgate.webhook();

    place.configure(&format!("max_body = 7\n{}\nnonsense = true", slack(&chat)));
    let problems = refused(&mistgate, 2);
    assert!(problems.iter().any(|line| line.contains("webhook.max_body: ")), "{problems:?}");
    assert!(problems.iter().any(|line| line.contains("chat.slack.nonsense: ")), "{problems:?}");
    assert!(problems.iter().all(|line| line.starts_with("mistgate.toml:")), "{problems:?}");

    place.configure("this is not TOML");
    let problems = refused(&mistgate, 1);
    assert!(problems.iter().any(|line| line.contains("not TOML")), "{problems:?}");

    std::fs::remove_file(place.path().join("mistgate.toml")).expect("a file");
    let problems = refused(&mistgate, 1);
    assert!(problems.iter().any(|line| line.contains("there is no such file")), "{problems:?}");

    let file = |state: &str, listen: &str| {
        format!(
            "state_dir = \"{state}\"\n[webhook]\nlisten = \"{listen}\"\nsecret = \"new\"\n{}\n",
            slack(&chat)
        )
    };
    place.write("mistgate.toml", &file("elsewhere", "127.0.0.1:0"));
    let problems = refused(&mistgate, 1);
    assert!(problems.iter().any(|line| line.starts_with("state_dir: changed")), "{problems:?}");
    assert!(!place.path().join("elsewhere").exists());

    // An address that is in use.
    let taken = chat.address().to_string();
    place.write("mistgate.toml", &file("state", &taken));
    let problems = refused(&mistgate, 1);
    assert!(problems.iter().any(|line| line.contains(&taken)), "{problems:?}");

    assert_eq!(mistgate.webhook(), webhook);
    mistgate.accept(&event_body("AP_CONNECTED", "ap-1"));
    chat.wait(|posts| posts.len() == 1).expect("a post, as before");
    assert_eq!(mistgate.metric("mistgate_config_reloads_total{result=\"failed\"}"), 5.0);
    mistgate.stop();
}

/// Posts events until told to stop, and gives the devices of those that were answered with 200.
fn send_until(stop: &AtomicBool, to: SocketAddr, sender: usize) -> Vec<String> {
    let mist = Mist::new(SECRET);
    let mut devices = Vec::new();
    for n in 0.. {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let device = format!("ap-{sender}-{n}.");
        let body = event_body("AP_CONNECTED", &device);
        assert_eq!(mist.post(to, &body).expect("an answer").status(), 200);
        devices.push(device);
    }
    devices
}

#[test]
fn reloads_under_load_lose_nothing() {
    const RELOADS: usize = 12;
    let chats = [(); 2].map(|()| Chat::open().expect("a chat"));
    let google = |chat: &Chat| {
        format!("[chat.google]\npace = \"off\"\ndefault_url = \"{}\"", chat.url("/g"))
    };
    // Each file differs from the next one: in a URL, in a listener's policy, in a whole product.
    let [first, last] = chats.each_ref();
    let configs = [
        format!("max_body = \"1MiB\"\n{}", slack_and(last, first)),
        format!("max_body = \"2MiB\"\n{}", slack(last)),
        format!("max_body = \"2MiB\"\n{}\n{}", slack(last), google(first)),
    ];
    let place = Place::new(configs.first().expect("a configuration"));
    let mistgate = place.start();
    let to = mistgate.webhook();
    let stop = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = (0..3)
        .map(|sender| {
            let stop = Arc::clone(&stop);
            thread::spawn(move || send_until(&stop, to, sender))
        })
        .collect();
    for config in configs.iter().cycle().skip(1).take(RELOADS) {
        let posts_before: usize = chats.iter().map(|chat| chat.posts().len()).sum();
        mistgate.until("traffic", |_| {
            chats.iter().map(|chat| chat.posts().len()).sum::<usize>() > posts_before + 10
        });
        place.configure(config);
        mistgate.reload();
    }
    stop.store(true, Ordering::SeqCst);
    let accepted: Vec<String> =
        senders.into_iter().flat_map(|sender| sender.join().expect("a sender")).collect();
    mistgate.until("empty queues", |mistgate| {
        let status: Value = serde_json::from_str(&mistgate.ask("/status").body).expect("JSON");
        let destinations = status.get("destinations").and_then(Value::as_array).expect("a list");
        destinations.iter().all(|to| to.get("waiting").and_then(Value::as_u64) == Some(0))
    });
    assert_eq!(mistgate.metric("mistgate_config_reloads_total{result=\"ok\"}"), RELOADS as f64);
    mistgate.stop();
    // Only Slack was configured all the time.
    let bodies: Vec<String> = chats.iter().flat_map(Chat::taken).collect();
    let slack: Vec<&String> = bodies.iter().filter(|body| body.contains("\"blocks\"")).collect();
    let device = |body: &str| {
        let from = body.find("ap-").expect("a device");
        body.get(from..).and_then(|rest| rest.split_inclusive('.').next()).map(str::to_owned)
    };
    let distinct: BTreeSet<String> = slack.iter().filter_map(|body| device(body)).collect();
    let missing: Vec<&String> =
        accepted.iter().filter(|device| !distinct.contains(*device)).collect();
    assert!(missing.is_empty(), "accepted {}, lost {missing:?}", accepted.len());
    assert_eq!((slack.len(), distinct.len()), (accepted.len(), accepted.len()));
}

#[test]
fn https_with_a_certificate_that_follows_its_file() {
    let (first, second) = (Authority::new(), Authority::new());
    let place = Place::new("tls = { cert = \"cert.pem\", key = \"key.pem\" }\n[chat.console]");
    let renew = |authority: &Authority| {
        let leaf = authority.issue(&["127.0.0.1"]);
        place.write("key.pem", &leaf.key);
        place.write("cert.pem", &leaf.cert);
    };
    renew(&first);
    let mistgate = place.start();
    let to = mistgate.webhook();
    let post = |authority: &Authority, device: &str| -> std::io::Result<u16> {
        let session = client(&authority.cert(), "127.0.0.1");
        let mut stream = StreamOwned::new(session, connect(to)?);
        let request = Mist::new(SECRET).request(&event_body("AP_CONNECTED", device));
        Ok(http::exchange(&mut stream, request.as_bytes())?.status())
    };
    assert_eq!(post(&first, "ap-1").expect("an answer"), 200);
    assert!(post(&second, "ap-2").is_err());
    // Plain HTTP gets no answer that could be taken for a 200.
    let mut plain = connect(to).expect("a connection");
    let request = Mist::new(SECRET).request(&event_body("AP_CONNECTED", "ap-3"));
    let mut answer = Vec::new();
    // A reset may follow the alert.
    let _ = plain.write_all(request.as_bytes()).and_then(|()| plain.read_to_end(&mut answer));
    assert!(!answer.starts_with(b"HTTP/"), "{answer:?}");

    renew(&second);
    mistgate.line("certificate_reloaded", 1);
    assert_eq!(post(&second, "ap-4").expect("an answer"), 200);
    assert!(post(&first, "ap-5").is_err());

    // A broken file does not replace a working certificate.
    place.write("cert.pem", "-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n");
    mistgate.line("certificate_kept", 1);
    assert_eq!(post(&second, "ap-6").expect("an answer"), 200);
    mistgate.printed(|stdout| stdout.contains("ap-6"));
    mistgate.stop();
}
