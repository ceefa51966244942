//! What a small gateway has to spare. Only of the static binary: `tests/static` runs these tests.

use std::{
    fs,
    time::{Duration, Instant},
};

use mistgate_tests::chat::{Chat, LONG};

use crate::binary::Place;

/// Resident, everything on and nothing to do.
const IDLE_KB_MAX: u64 = 8_000;
/// From the start of the process to its first "ready".
const READY_MAX: Duration = Duration::from_millis(50);
/// Of so many starts the quickest counts: this machine may have other things to do.
const STARTS: usize = 10;

#[expect(clippy::print_stdout, reason = "libtest keeps it, and shows it where it is asked to")]
#[test]
#[ignore = "of the static binary"]
fn it_is_ready_at_once_and_small_when_idle() {
    let chat = Chat::open().expect("a chat");
    let chats = ["slack", "teams", "google"]
        .map(|name| format!("[chat.{name}]\ndefault_url = \"{}\"\n", chat.url("/")));
    let place = Place::new(&format!("{}[chat.console]\n", chats.concat()));
    let starts = (0..STARTS).map(|_| {
        let began = Instant::now();
        let mistgate = place.start_with(&[]);
        while mistgate.ask("/-/ready").status() != 200 {
            assert!(began.elapsed() < LONG, "never ready:\n{}", mistgate.stderr());
        }
        let took = began.elapsed();
        let status = format!("/proc/{}/status", mistgate.pid().as_raw_nonzero());
        let status = fs::read_to_string(status).expect("a process");
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let resident = resident.and_then(|kb| kb.trim().strip_suffix(" kB")?.parse().ok());
        mistgate.stop();
        (took, resident.expect("a size"))
    });
    let starts: Vec<(Duration, u64)> = starts.collect();
    let ready = starts.iter().map(|(took, _)| *took).min().expect("a start");
    let idle = starts.iter().map(|(_, resident)| *resident).max().expect("a start");
    let figures = format!("ready after {ready:?} of {READY_MAX:?}, {idle} of {IDLE_KB_MAX} kB");
    println!("{figures}");
    assert!(ready <= READY_MAX && idle <= IDLE_KB_MAX, "{figures}");
}
