//! Power cuts: mistgate is killed at random moments under load, again and again on the same state.
//!
//! An event answered with 200 must reach each chat. It may reach a chat twice only if the kill came
//! between the chat's answer and the settlement on disk. Settlements are written in the order of
//! the answers. So of the events that one run delivered to one chat, only an unbroken sequence of
//! the last may be repeated.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mistgate_core::base::rand::Rand;
use mistgate_tests::chat::server::{Chat, LONG, Post};
use mistgate_tests::webhook::mist::{Mist, body, device_event};
use serde_json::Value;

use crate::base::binary::{Mistgate, Place, SECRET};

const KILLS: usize = 55;
const SENDERS: usize = 3;

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

/// Posts bodies of one to four events until told to stop. Repeats each body until it is answered,
/// as Mist does. Returns the devices of the events that were answered with 200.
fn send(load: &Load, sender: usize, seed: u64) -> Vec<String> {
    let mist = Mist::new(SECRET);
    let mut rand = Rand::new(seed);
    let mut accepted = Vec::new();
    for n in 0.. {
        let devices: Vec<String> =
            (0..=rand.up_to(3)).map(|k| format!("ap-{sender}-{n}-{k}.")).collect();
        let events: Vec<Value> =
            devices.iter().map(|device| device_event("AP_CONNECTED", device)).collect();
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
    }
    accepted
}

/// The devices that payloads name, in order.
fn devices<'p>(payloads: impl Iterator<Item = &'p str>) -> Vec<String> {
    let device = |payload: &str| {
        let rest = payload.get(payload.find("ap-")?..)?;
        rest.split_inclusive('.').next().map(str::to_owned)
    };
    payloads.filter_map(device).collect()
}

/// Compares what a chat got in each run with what was accepted. Gives the number of duplicates.
fn check(chat: &str, accepted: &BTreeSet<String>, runs: &[Vec<String>]) -> usize {
    let received: BTreeSet<&String> = runs.iter().flatten().collect();
    let lost: Vec<&String> = accepted.iter().filter(|device| !received.contains(device)).collect();
    assert!(lost.is_empty(), "{chat}: {} accepted events are lost: {lost:?}", lost.len());
    let mut duplicates = 0;
    let mut last_run: BTreeMap<&String, usize> = BTreeMap::new();
    for (run, devices) in runs.iter().enumerate() {
        for device in devices {
            if let Some(earlier) = last_run.insert(device, run) {
                assert_ne!(earlier, run, "{chat}: {device} came twice in run {run}");
                duplicates += 1;
            }
        }
    }
    for (run, devices) in runs.iter().enumerate() {
        let again: Vec<bool> = devices
            .iter()
            .map(|device| last_run.get(device).is_some_and(|&last| last > run))
            .collect();
        let first = again.iter().position(|again| *again).unwrap_or(again.len());
        let row = again.iter().skip(first).all(|again| *again);
        assert!(row, "{chat}: run {run} repeats more than its end: {devices:?} {again:?}");
    }
    duplicates
}

/// Runs mistgate from its start to the kill. Gives what it printed and logged.
fn run_and_kill(place: &Place, load: &Load, rand: &mut Rand, run: usize) -> (String, String) {
    let mistgate = place.start_with(&[]);
    if run % 10 == 9 {
        // The kill comes during the start.
        thread::sleep(Duration::from_micros(rand.up_to(30_000)));
        return mistgate.kill();
    }
    let to = mistgate.webhook();
    load.change(|state| state.to = Some(to));
    let more = usize::try_from(rand.up_to(20)).expect("a small number");
    let before = load.wait(|_| true).answered;
    drop(load.wait(|state| state.answered >= before + more));
    thread::sleep(Duration::from_micros(rand.up_to(5_000)));
    let outputs = mistgate.kill();
    load.change(|state| state.to = None);
    outputs
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
    let seed = match std::env::var("MISTGATE_SEED") {
        Ok(seed) => seed.parse().expect("MISTGATE_SEED is a number"),
        Err(_) => u64::from(fresh),
    };
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

    let mut printed = Vec::new();
    let mut remember = |stdout: &str, stderr: &str| {
        assert!(!stderr.contains("\"level\":\"error\""), "{stderr}");
        // A line that the kill cut off does not count as printed.
        let whole = stdout.rsplit_once('\n').map_or("", |(whole, _)| whole);
        printed.push(devices(whole.lines()));
    };
    for run in 0..KILLS {
        place.configure(&config(run));
        let (stdout, stderr) = run_and_kill(&place, &load, &mut rand, run);
        remember(&stdout, &stderr);
    }
    load.change(|state| state.stop = true);
    let accepted: BTreeSet<String> =
        senders.into_iter().flat_map(|sender| sender.join().expect("a sender")).collect();
    place.configure(&config(KILLS));
    let mistgate = place.start_with(&[]);
    mistgate.until("empty queues", is_drained);
    let stdout = mistgate.stdout();
    remember(&stdout, &mistgate.stop());

    let posts = chat.posts();
    let posted: Vec<Vec<String>> = (0..=KILLS)
        .map(|run| {
            let of_run = |post: &&Post| post.request.target() == format!("/{run}");
            devices(posts.iter().filter(of_run).map(|post| post.request.body.as_str()))
        })
        .collect();
    let twice = [("console", &printed), ("slack", &posted)]
        .map(|(chat, runs)| check(chat, &accepted, runs));
    println!("{KILLS} kills, {} accepted, {twice:?} twice", accepted.len());
    assert!(accepted.len() > KILLS, "too little load: {}", accepted.len());

    // Nothing is left that another start would send.
    let size = store_size(&place.path().join("state"));
    let mistgate = place.start_with(&[]);
    assert!(is_drained(&mistgate) && mistgate.stdout().is_empty());
    mistgate.stop();
    assert_eq!(chat.posts().len(), posts.len());
    assert!(store_size(&place.path().join("state")) <= size);
}
