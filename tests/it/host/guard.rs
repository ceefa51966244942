//! The work of a webhook and of a relayed message, so that no commit makes one dearer unseen.
//! `tests/run` runs this alone, with what `appliance/build-static` has built.
//!
//! No time is measured. Valgrind counts the instructions and the system calls of
//! `tests/bench/guard.rs`, which counts its allocations itself. Code that depends on the processor
//! is the same wherever there is AVX2, because valgrind shows the program a processor of its own,
//! without instructions for SHA-256 or AVX-512. And it hides the vDSO, so each look at the clock is
//! a system call.

use std::fmt;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// Of two runs, the difference is the work of the rest.
const FEW: u32 = 10;
const MANY: u32 = 60;
/// The share by which a figure may change unseen, and the change that is none.
const SHARE_MAX: f64 = 0.05;
const CHANGE_MIN: f64 = 0.1;
const CASES: [&str; 4] = ["webhook-1k", "webhook-64k", "message-256", "message-64k"];
const COMMAND: &str = "GUARD=1 appliance/build-static && \
                       UPDATE=1 cargo test -p mistgate-tests --test it -- --ignored guard::";

/// What a run has cost, or one webhook or message of it.
#[derive(Clone, Copy)]
struct Cost([f64; 3]);

const NAMES: [&str; 3] = ["instructions", "system calls", "allocations"];

#[expect(clippy::print_stdout, reason = "libtest keeps it, and shows it where it is asked to")]
#[test]
#[ignore = "counts what a static build has made"]
fn a_webhook_and_a_message_cost_what_they_did() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/guard.txt");
    let old = fs::read_to_string(&path).unwrap_or_default();
    let mut new = format!(
        "# One webhook, or one relayed message. CONTRIBUTING says how this file is changed.\n\
         #               {:>12} {:>12} {:>12}\n",
        NAMES[0], NAMES[1], NAMES[2]
    );
    let mut changes = String::new();
    for case in CASES {
        let mut cost = cost(case);
        println!("{case:<16}{cost}");
        let before = old.lines().find_map(|line| Cost::parse(line.strip_prefix(case)?));
        let before = before.unwrap_or(Cost([0.0; 3]));
        for ((name, before), now) in NAMES.into_iter().zip(before.0).zip(&mut cost.0) {
            let change = *now - before;
            if change.abs() > (before * SHARE_MAX).max(CHANGE_MIN) {
                let share = 100.0 * change / before;
                let _ = writeln!(changes, "{case}: {before} {name}, now {now} ({share:+.1} %)");
            } else {
                // So that no figure creeps, whoever writes the file anew for another one.
                *now = before;
            }
        }
        let _ = writeln!(new, "{case:<16}{cost}");
    }
    if env::var_os("UPDATE").is_some_and(|value| value == "1") {
        fs::write(&path, new).expect("the file of the figures can be written");
    } else {
        assert!(
            changes.is_empty(),
            "{changes}Where that is meant, or cannot be helped, commit the new figures too:\n{COMMAND}"
        );
    }
}

/// What one webhook or message costs.
fn cost(case: &str) -> Cost {
    let (Cost(few), Cost(many)) = (run(case, FEW), run(case, MANY));
    let mut each = [0.0; 3];
    for ((each, many), few) in each.iter_mut().zip(many).zip(few) {
        *each = (many - few) / f64::from(MANY - FEW);
    }
    // As the file has them.
    Cost::parse(&Cost(each).to_string()).expect("figures")
}

fn run(case: &str, count: u32) -> Cost {
    let out = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--trace-syscalls=yes"])
        .args([guard().as_os_str(), case.as_ref(), count.to_string().as_ref()])
        .output()
        .expect("valgrind, which tests/run installs");
    let log = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{log}");
    let collected = log.lines().find_map(|line| Some(line.split_once("Collected : ")?.1));
    let instructions = collected.and_then(|count| count.parse().ok());
    let calls = log.lines().filter(|line| line.starts_with("SYSCALL["));
    // The end of one that blocks has a line of its own.
    let calls = calls.filter(|line| !line.contains(") ... [async]")).count();
    let allocations = String::from_utf8_lossy(&out.stdout).trim().parse();
    Cost([
        instructions.expect("valgrind's count"),
        calls as f64,
        allocations.expect("a count of allocations"),
    ])
}

fn guard() -> PathBuf {
    let tests = env::current_exe().expect("a path");
    let target = tests.ancestors().nth(3).expect("target/PROFILE/deps/it");
    let guard = target.join("x86_64-unknown-linux-musl/static/examples/guard");
    assert!(guard.is_file(), "{}: GUARD=1 appliance/build-static makes it", guard.display());
    guard
}

impl Cost {
    fn parse(line: &str) -> Option<Self> {
        let mut values = line.split_whitespace().map_while(|value| value.parse().ok());
        Some(Self([values.next()?, values.next()?, values.next()?]))
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([instructions, calls, allocations]) = self;
        write!(f, "{instructions:>12.0} {calls:>12.1} {allocations:>12.1}")
    }
}
