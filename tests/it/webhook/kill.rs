//! Power cuts: mistgate is killed at random moments under load, again and again on the same state.
//!
//! An event answered with 200 must reach each chat. It may reach a chat twice only if its post was
//! in flight at the kill: the settlement was not on disk yet. Settlements are written in the order
//! of the answers. So of the events that one run delivered to one chat, only an unbroken sequence
//! of the last may be repeated, and only what came shortly before the kill.
//!
//! `MISTGATE_SEED` repeats a run, as far as the machine's pace allows; `MISTGATE_KILLS=300` is the
//! run of `appliance/docs/performance.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mistgate_core::base::rand::Rand;
use mistgate_tests::chat::server::{Chat, LONG, Post};
use mistgate_tests::webhook::mist::{Mist, body, device_event};
use serde_json::Value;

use crate::base::binary::{Mistgate, Place, SECRET};

/// How often mistgate is killed where `MISTGATE_KILLS` does not say.
const KILLS: u64 = 50;
const SENDERS: usize = 4;
/// The longest pause of a sender between two bodies. All senders together: a few hundred events a
/// second.
const PAUSE: Duration = Duration::from_millis(40);
/// The longest time from `listening` to a kill.
const LIFE: Duration = Duration::from_secs(1);
/// Of runs, one in this number is killed while it starts, and within [`START`].
const EARLY: usize = 5;
const START: Duration = Duration::from_millis(100);
/// How long before a kill a post may have come that is repeated: the 50 ms for which the store
/// gathers settlements, and two commits on a busy machine.
pub(super) const IN_FLIGHT: Duration = Duration::from_millis(500);

/// What the senders share.
#[derive(Default)]
struct Load {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The listener of this run. `None` between two runs.
    to: Option<SocketAddr>,
    /// Bodies.
    answered: usize,
    stop: bool,
}

impl Load {
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().expect("no panic"));
        self.changed.notify_all();
    }

    fn wait(&self, until: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let state = self.state.lock().expect("no panic");
        let waited = self.changed.wait_timeout_while(state, LONG, |state| !until(state));
        let (state, timeout) = waited.expect("no panic");
        assert!(!timeout.timed_out(), "{} answers and no more", state.answered);
        state
    }
}

/// Neither a failure nor a recovery, so each is told by itself.
const KIND: &str = "AP_RESTARTED";

/// Posts bodies of one to four events until told to stop. Repeats each body until it is answered,
/// as Mist does. Returns the devices of the events that were answered with 200.
fn send(load: &Load, sender: usize, seed: u64) -> Vec<String> {
    let mist = Mist::new(SECRET);
    let mut rand = Rand::new(seed);
    let mut accepted = Vec::new();
    for n in 0.. {
        let devices: Vec<String> =
            (0..=rand.up_to(3)).map(|k| format!("ap-{sender}-{n}-{k}.")).collect();
        let events: Vec<Value> = devices.iter().map(|device| device_event(KIND, device)).collect();
        let body = body("device-events", &events);
        let answer = loop {
            let to = match *load.wait(|state| state.stop || state.to.is_some()) {
                State { stop: true, .. } => return accepted,
                State { to, .. } => to.expect("a listener"),
            };
            match mist.post(to, &body) {
                Ok(answer) => break answer,
                // Killed during the request. Until the next run starts, there is no listener.
                Err(_) => load.change(|state| state.to = state.to.filter(|now| *now != to)),
            }
        };
        assert_eq!(answer.status(), 200);
        load.change(|state| state.answered += 1);
        accepted.extend(devices);
        thread::sleep(within(&mut rand, PAUSE));
    }
    accepted
}

/// A random time of at most `longest`.
pub(super) fn within(rand: &mut Rand, longest: Duration) -> Duration {
    let micros = u64::try_from(longest.as_micros()).expect("a short time");
    Duration::from_micros(rand.up_to(micros))
}

/// A number from the environment.
pub(super) fn number(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// The devices that payloads name, in order.
fn devices<'p>(payloads: impl Iterator<Item = &'p str>) -> Vec<String> {
    let device = |payload: &str| {
        let rest = payload.get(payload.find("ap-")?..)?;
        rest.split_inclusive('.').next().map(str::to_owned)
    };
    payloads.filter_map(device).collect()
}

/// Compares what a chat got in each run with what was accepted. Gives the place in its run of each
/// that came again.
fn check(chat: &str, accepted: &BTreeSet<String>, runs: &[Vec<String>]) -> Vec<(usize, usize)> {
    let received: BTreeSet<&String> = runs.iter().flatten().collect();
    let lost: Vec<&String> = accepted.iter().filter(|device| !received.contains(device)).collect();
    assert!(lost.is_empty(), "{chat}: {} accepted events are lost: {lost:?}", lost.len());
    let mut last_run: BTreeMap<&String, usize> = BTreeMap::new();
    for (run, devices) in runs.iter().enumerate() {
        for device in devices {
            if let Some(earlier) = last_run.insert(device, run) {
                assert_ne!(earlier, run, "{chat}: {device} came twice in run {run}");
            }
        }
    }
    let mut repeated = Vec::new();
    for (run, devices) in runs.iter().enumerate() {
        let again: Vec<bool> = devices
            .iter()
            .map(|device| last_run.get(device).is_some_and(|&last| last > run))
            .collect();
        let first = again.iter().position(|again| *again).unwrap_or(again.len());
        let row = again.iter().skip(first).all(|again| *again);
        assert!(row, "{chat}: run {run} repeats more than its end: {devices:?} {again:?}");
        repeated.extend((first..again.len()).map(|nth| (run, nth)));
    }
    repeated
}

/// Runs mistgate from its start to the kill. Gives when the kill came, and what it printed and
/// logged.
fn run_and_kill(
    place: &Place,
    load: &Load,
    rand: &mut Rand,
    run: usize,
) -> (Instant, (String, String)) {
    let mistgate = place.start_with(&[]);
    if run % EARLY == EARLY - 1 {
        thread::sleep(within(rand, START));
        return (Instant::now(), mistgate.kill());
    }
    let to = mistgate.webhook();
    load.change(|state| state.to = Some(to));
    thread::sleep(within(rand, LIFE));
    let killed = (Instant::now(), mistgate.kill());
    load.change(|state| state.to = None);
    killed
}

fn is_drained(mistgate: &Mistgate) -> bool {
    let status: Value = serde_json::from_str(&mistgate.ask("/status").body).expect("JSON");
    let destinations = status.get("destinations").and_then(Value::as_array).expect("a list");
    destinations.iter().all(|to| to.get("waiting").and_then(Value::as_u64) == Some(0))
}

fn store_size(state: &Path) -> u64 {
    state.join("mistgate.redb").metadata().expect("a store").len()
}

#[test]
#[expect(clippy::print_stdout, reason = "libtest keeps it, and shows it where the test fails")]
fn what_was_answered_200_survives_being_killed_at_any_moment() {
    let fresh = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").subsec_nanos();
    let seed = number("MISTGATE_SEED").unwrap_or(u64::from(fresh));
    let kills = number("MISTGATE_KILLS").unwrap_or(KILLS);
    let kills = usize::try_from(kills).expect("a small number");
    println!("MISTGATE_SEED={seed}");
    let mut rand = Rand::new(seed);
    let chat = Chat::open().expect("a chat");
    // Each run posts to a URL of its own, so its posts can be told from those of other runs.
    let config = |run: usize| {
        let url = chat.url(&format!("/{run}"));
        format!("[chat.console]\n[chat.slack]\npace = \"off\"\ndefault_url = \"{url}\"")
    };
    let place = Place::new(&config(0));
    let load = Arc::new(Load::default());
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let (load, seed) = (Arc::clone(&load), rand.next_u64());
            thread::spawn(move || send(&load, sender, seed))
        })
        .collect();

    let (mut printed, mut killed) = (Vec::new(), Vec::new());
    let mut remember = |stdout: &str, stderr: &str| {
        assert!(!stderr.contains("\"level\":\"error\""), "{stderr}");
        // A line that the kill cut off does not count as printed.
        let whole = stdout.rsplit_once('\n').map_or("", |(whole, _)| whole);
        printed.push(devices(whole.lines()));
    };
    let began = Instant::now();
    for run in 0..kills {
        place.configure(&config(run));
        let (at, (stdout, stderr)) = run_and_kill(&place, &load, &mut rand, run);
        remember(&stdout, &stderr);
        killed.push(at);
    }
    let took = began.elapsed();
    load.change(|state| state.stop = true);
    let accepted: BTreeSet<String> =
        senders.into_iter().flat_map(|sender| sender.join().expect("a sender")).collect();
    place.configure(&config(kills));
    let mistgate = place.start_with(&[]);
    mistgate.until("empty queues", is_drained);
    let stdout = mistgate.stdout();
    remember(&stdout, &mistgate.stop());

    let posts = chat.posts();
    let of_run = |run: usize| {
        let path = format!("/{run}");
        posts.iter().filter(|post| post.request.target() == path).collect::<Vec<&Post>>()
    };
    let posts_of: Vec<Vec<&Post>> = (0..=kills).map(of_run).collect();
    let bodies = |of: &Vec<&Post>| devices(of.iter().map(|post| post.request.body.as_str()));
    let posted: Vec<Vec<String>> = posts_of.iter().map(bodies).collect();
    let [_, twice] = [("console", &printed), ("slack", &posted)]
        .map(|(chat, runs)| check(chat, &accepted, runs));
    let before_kill = |&(run, nth): &(usize, usize)| {
        let (at, post) = (killed.get(run)?, posts_of.get(run)?.get(nth)?);
        Some(at.saturating_duration_since(post.at))
    };
    let ages: Vec<Duration> = twice.iter().filter_map(before_kill).collect();
    assert_eq!(ages.len(), twice.len(), "only what a kill ended is repeated");
    let oldest = ages.into_iter().max().unwrap_or_default();
    println!(
        "{kills} kills in {took:?}, {} accepted, none lost, {} twice, the oldest {oldest:?} before \
         its kill",
        accepted.len(),
        twice.len(),
    );
    assert!(oldest <= IN_FLIGHT, "it was not in flight");
    assert!(accepted.len() > kills * 10, "too little load: {}", accepted.len());

    // Nothing is left that another start would send.
    let size = store_size(&place.path().join("state"));
    let mistgate = place.start_with(&[]);
    assert!(is_drained(&mistgate) && mistgate.stdout().is_empty());
    mistgate.stop();
    assert_eq!(chat.posts().len(), posts.len());
    assert!(store_size(&place.path().join("state")) <= size);
}
