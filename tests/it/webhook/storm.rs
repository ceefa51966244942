//! Power cuts while things go wrong: mistgate is killed again and again while access points and
//! switches go down.
//!
//! Each failure that was answered with 200 is told as new. It is told twice only by a message that
//! was in flight at a kill: that it had arrived was not on disk yet. So the failures that all
//! messages call new are those that were accepted, and at most those of the last messages of each
//! run once more.

use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mistgate_core::base::rand::Rand;
use mistgate_tests::chat::server::{Chat, Post};
use mistgate_tests::webhook::mist::{Mist, body, device_event};
use serde_json::Value;

use super::kill::{IN_FLIGHT, number, within};
use crate::base::binary::{Place, SECRET};

const KILLS: u64 = 50;
/// Failures in a run, and the longest pause before each and before the kill.
const FAILURES: usize = 3;
const PAUSE: Duration = Duration::from_millis(500);
/// For how long nothing is told that was told before.
const QUIET: Duration = Duration::from_secs(2);

/// What one is of, and how it ends. The first is told at once and by itself, the second with all
/// that is new.
const KINDS: [(&str, &str); 2] =
    [("AP_DISCONNECTED", "AP_CONNECTED"), ("SW_DISCONNECTED", "SW_CONNECTED")];

/// How this device fails and recovers.
fn kinds(device: usize) -> (&'static str, &'static str) {
    *KINDS.iter().cycle().nth(device).expect("it has some")
}

/// The event of one device, which nothing was said of before.
fn event(kind: &str, device: usize) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let mut event = device_event(kind, &format!("device-{device}"));
    event.as_object_mut().expect("an object").extend([
        ("mac".to_owned(), format!("5c5b35{device:06x}").into()),
        ("timestamp".to_owned(), now.into()),
    ]);
    event
}

/// How many failures a message calls new.
fn new(post: &Post) -> usize {
    let message: Value = serde_json::from_str(&post.request.body).expect("JSON");
    let text = message.get("text").and_then(Value::as_str).expect("a text");
    let words: Vec<&str> = text.split(' ').collect();
    let counted = words.windows(2).find_map(|pair| match pair {
        [count, word] if word.trim_end_matches([',', '.']) == "new" => count.parse().ok(),
        _ => None,
    });
    // A message about one has no numbers.
    counted.unwrap_or(usize::from(!text.contains("Since the last message: ")))
}

#[test]
#[expect(clippy::print_stdout, reason = "libtest keeps it, and shows it where the test fails")]
fn a_failure_is_told_once_although_mistgate_is_killed() {
    let fresh = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").subsec_nanos();
    let seed = number("MISTGATE_SEED").unwrap_or(u64::from(fresh));
    println!("MISTGATE_SEED={seed}");
    let mut rand = Rand::new(seed);
    let chat = Chat::open().expect("a chat");
    let url = chat.url("/slack");
    let place = Place::new(&format!(
        "[chat.slack]\npace = \"off\"\ndefault_url = \"{url}\"\n[incidents]\nhold = \"0s\"\n\
         [chat.channels.device-events]\nAP_DISCONNECTED = \"critical\"\nSW_DISCONNECTED = \"info\""
    ));
    let mist = Mist::new(SECRET);
    let (mut failures, mut in_flight) = (0, 0);
    for _ in 0..number("MISTGATE_KILLS").unwrap_or(KILLS) {
        let before = chat.posts().len();
        let mistgate = place.start_with(&[]);
        let to = mistgate.webhook();
        for _ in 0..FAILURES {
            thread::sleep(within(&mut rand, PAUSE));
            let (kind, _) = kinds(failures);
            let answer = mist.post(to, &body("device-events", &[event(kind, failures)]));
            assert_eq!(answer.expect("an answer").status(), 200);
            failures += 1;
        }
        thread::sleep(within(&mut rand, PAUSE));
        let killed_at = Instant::now();
        let (_, journal) = mistgate.kill();
        assert!(!journal.contains("\"level\":\"error\""), "{journal}");
        let posts = chat.posts();
        let is_late = |post: &&Post| killed_at.saturating_duration_since(post.at) <= IN_FLIGHT;
        in_flight += posts.iter().skip(before).filter(is_late).map(new).sum::<usize>();
    }
    let mistgate = place.start_with(&[]);
    mistgate.until("all told", |mistgate| {
        mistgate.destination("slack/default").get("untold").and_then(Value::as_u64) == Some(0)
    });
    let posts = chat.posts();
    let again = posts.iter().map(new).sum::<usize>() - failures;
    println!("{failures} failures, {again} told again, {in_flight} in flight, {}", posts.len());
    assert!(again <= in_flight, "{again} were told again, and {in_flight} were in flight");
    mistgate.stop();

    // What was told is known, and so is that it is over.
    let mistgate = place.start_with(&[]);
    thread::sleep(QUIET);
    assert_eq!(chat.posts().len(), posts.len(), "a start told something again");
    let over: Vec<Value> = (0..failures).map(|device| event(kinds(device).1, device)).collect();
    mistgate.accept(&body("device-events", &over));
    let title = "All over: ";
    let is_over = |post: &Post| post.request.body.contains(title);
    let posts = chat.wait(|posts| posts.last().is_some_and(is_over));
    assert!(posts.is_some(), "{title}: {:#?}", chat.posts().last());
    mistgate.stop();
}
