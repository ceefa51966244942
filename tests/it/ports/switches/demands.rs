//! What network engineers demand before a program may touch ports: the table in `rollout.md` names
//! for each demand the command that shows it, and here each is run where it has something to show.

use std::cell::RefCell;
use std::path::Path;
use std::process::{Command, Stdio};
use std::{fs, time::Duration};

use mistgate_tests::ports::switch::fault::Fault;

use super::PORT;
use super::junos::Switched;
use crate::base::binary::{Mistgate, binary, text as print};
use crate::base::poll;
use crate::base::threads::on_all_threads;

const HEADING: &str = "\n## What network engineers ask for\n";

/// A row of the table.
struct Row {
    demand: usize,
    command: String,
    /// What the command says, among other things.
    says: String,
}

fn table() -> Vec<Row> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../appliance/docs/rollout.md");
    let page = fs::read_to_string(page).expect("the page");
    let (_, section) = page.split_once(HEADING).expect("the section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let row = |line: &str| {
        let cells: Vec<&str> = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect();
        let [demand, _, command, says] = cells.try_into().ok()?;
        // The switch of these tests has a port of another name.
        let bare = |cell: &str| cell.trim_matches('`').replace("ge-0/0/7", PORT);
        Some(Row { demand: demand.parse().ok()?, command: bare(command), says: bare(says) })
    };
    section.lines().filter_map(row).collect()
}

/// A site where a demand has something to show, and mistgate where it must run for that.
fn scene(demand: usize) -> (Switched, Option<Mistgate>) {
    let held = (0, Fault::Stranger(Duration::from_secs(600)));
    let faults = if demand == 9 { &[held][..] } else { &[] };
    let switched = Switched::new(faults, "enforce");
    let site = &switched.site;
    let (before, junos, after) = match demand {
        2 => ("never = { ports = [\"xe-*\"] }\n", "", ""),
        4 => ("verify = \"3s\"\n", "", ""),
        6 => ("breaker = { aps = 2, window = \"1m\", hold = \"1h\" }\n", "", ""),
        7 => ("", "", "[[ports.freeze]]\nname = \"holidays\"\nfrom = \"00:00\"\nto = \"00:00\"\n"),
        9 => ("", "lock_wait = \"1s\"\n", ""),
        _ => ("", "", ""),
    };
    let mode = if demand == 1 { "observe" } else { "enforce" };
    let mut ports = switched.ports(mode, junos);
    if demand == 8 {
        ports = ports.replace("approve_first = 0", "approve_first = 10");
    }
    site.configure(&format!("{before}{ports}{after}"));
    if matches!(demand, 1 | 2 | 7 | 9 | 12) {
        fs::create_dir(site.place.path().join("state")).expect("a folder");
        return (switched, None);
    }
    let mut mistgate = site.place.start();
    if demand == 6 {
        for gone in ["5c5b35000002", "5c5b35000003"] {
            mistgate.accept(&site.event("AP_DISCONNECTED", gone));
        }
        mistgate.line("ports_breaker_open", 1);
    }
    site.plug();
    site.send_event(&mistgate, "AP_CONNECTED");
    match demand {
        4 => {
            mistgate.until("a commit", |_| switched.shared.with(|switch| switch.is_pending()));
            switched.shared.with(|switch| switch.plug(PORT, false, None));
            mistgate.line("port_stuck", 1);
        }
        6 | 8 => drop(mistgate.line("port_refused", 1)),
        3 | 5 | 10 => drop(mistgate.line("port_changed", 1)),
        11 => {
            mistgate.line("port_changed", 1);
            switched.until_free(&mistgate);
            mistgate.stop();
            mistgate = site.place.start();
            // It has the store before the command looks into that.
            mistgate.webhook();
        }
        _ => panic!("demand {demand} has no scene"),
    }
    (switched, Some(mistgate))
}

/// Runs a command of the manual in the place of a site.
fn run(switched: &Switched, command: &str) -> String {
    let command = command
        .replace("--config F", "--config mistgate.toml")
        .replace("/var/lib/mistgate/", "state/")
        .replace("access-1", "127.0.0.1");
    let script = format!("mistgate() {{ '{}' \"$@\"; }}\n{command}", binary().display());
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).current_dir(switched.site.place.path());
    let done = shell.stdin(Stdio::null()).output().expect("a shell");
    print(&done.stdout) + &print(&done.stderr)
}

#[test]
fn each_demand_of_engineers_has_a_command_that_shows_it() {
    let rows = table();
    let demands: Vec<usize> = rows.iter().map(|row| row.demand).collect();
    assert_eq!(demands, (1..=12).collect::<Vec<_>>());
    on_all_threads(
        &rows,
        |row| format!("{}: {}", row.demand, row.command),
        |Row { demand, command, says }| {
            let (switched, mistgate) = scene(*demand);
            let said = RefCell::new(String::new());
            // A line of the audit may come a moment after the one of the log.
            let shows = || {
                *said.borrow_mut() = run(&switched, command);
                said.borrow().contains(says)
            };
            poll::within(Duration::from_secs(20), shows, || {
                format!("{demand}: {command}: {says} is not in {}", said.borrow())
            });
            if *demand == 9 {
                assert!(said.borrow().contains("(pid 50198) on since"), "{}", said.borrow());
            }
            let has = [3, 8, 10, 11].contains(demand);
            poll::within(
                Duration::from_secs(20),
                || switched.has() == has,
                || format!("demand {demand}: the port has its trunk: {}", !has),
            );
            if let Some(mistgate) = mistgate {
                mistgate.stop();
            }
        },
    );
}
