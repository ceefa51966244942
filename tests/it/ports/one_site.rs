//! The manual's way to try switch ports, followed step by step: from the access point's webhook to
//! its trunk and the report in the chat, and back. The switch is simulated, behind a real `sshd`.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::base::binary::{Process, binary, output, text};

/// A running `one-site` in a temporary folder, and the commands that it printed.
struct Site {
    folder: TempDir,
    one_site: Process,
    welcome: String,
}

#[test]
fn without_its_helper_nothing_is_started() {
    let folder = tempfile::tempdir().expect("a folder");
    let alone = folder.path().join("one-site");
    fs::copy(env!("CARGO_BIN_EXE_one-site"), &alone).expect("a copy");
    let mut command = Command::new(alone);
    command.current_dir(folder.path()).env("MISTGATE_BIN", binary());
    let mut one_site = Process::start(command);
    // Both streams end, so nothing that it started goes on.
    assert_eq!(one_site.wait().code(), Some(1));
    assert!(one_site.stderr().contains("there is no"), "{}", one_site.stderr());
    assert!(!folder.path().join("target/one-site").exists());
}

impl Site {
    fn start(args: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new(env!("CARGO_BIN_EXE_one-site"));
        command.args(args).current_dir(folder.path()).env("MISTGATE_BIN", binary());
        let one_site = Process::start(command);
        let welcome = one_site.printed(|text| text.contains("Ctrl-C stops all of it."));
        Self { folder, one_site, welcome }
    }

    /// Runs the printed command that contains `part`, followed by `more`, in a shell.
    fn shell(&self, part: &str, more: &str) -> (Option<i32>, String, String) {
        let lines = self.welcome.lines().filter(|line| line.starts_with("  "));
        let line = lines.into_iter().find(|line| line.contains(part)).unwrap_or_else(|| {
            panic!("{part}: {}{}", self.welcome, self.one_site.stderr());
        });
        let line = line.split('#').next().unwrap_or_default();
        let mut shell = Command::new("sh");
        shell.args(["-euc", &format!("{line} {more}")]);
        let done = shell.current_dir(self.folder.path()).stdin(Stdio::null()).output();
        let done = done.expect("a shell");
        (done.status.code(), text(&done.stdout), text(&done.stderr))
    }

    /// As [`Site::shell`], which must succeed.
    fn follow(&self, part: &str, more: &str) -> String {
        let (code, printed, errors) = self.shell(part, more);
        assert_eq!(code, Some(0), "{part}: {printed}{errors}{}", self.one_site.stderr());
        printed
    }

    fn show(&self) -> String {
        self.follow(" show ", "")
    }

    /// Waits for this many reports with this title in the chat.
    fn await_reports(&self, title: &str, times: usize) -> String {
        // A card is complete once its last line is there.
        let count = |printed: &str| {
            let (whole, _) = printed.rsplit_once("╰ ").unwrap_or_default();
            whole.lines().filter(|line| line.ends_with(title)).count()
        };
        let printed = self.one_site.printed(|text| count(text) >= times);
        assert_eq!(count(&printed), times, "{printed}{}", self.one_site.stderr());
        printed
    }

    fn audit(&self) -> Vec<Value> {
        let file = self.folder.path().join("target/one-site/state/ports-audit.jsonl");
        let text = fs::read_to_string(file).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// Stops it. The output ends when both processes have ended.
    fn stop(mut self) {
        self.one_site.signal(Signal::INT);
        assert_eq!(self.one_site.wait().code(), Some(0), "{}", self.one_site.stderr());
    }
}

const ACCESS: &str = "interface-mode access";
const TRUNK: &str = "interface-mode trunk";

fn member<'v>(line: &'v Value, pointer: &str) -> &'v str {
    line.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

#[test]
fn observing_tells_the_change_and_makes_none() {
    let site = Site::start(&[]);
    let before = site.show();
    assert!(before.contains(ACCESS), "{before}");
    let plugged = site.follow(" plug ", "");
    assert!(plugged.contains("AP_CONNECTED") && plugged.contains("200"), "{plugged}");
    let printed = site.await_reports("Switch port would be changed", 1);
    assert!(printed.contains("+  interfaces ge-0/0/7 native-vlan-id 42;"), "{printed}");
    assert!(printed.contains("Lobby"), "{printed}");
    assert_eq!(site.show(), before);
    let diff = site.follow(" port diff ", "");
    assert!(diff.contains("+  interfaces ge-0/0/7 native-vlan-id 42;"), "{diff}");
    assert_eq!(site.show(), before);
    site.stop();
}

#[test]
fn an_ap_gets_its_trunk_and_gives_it_back() {
    let site = Site::start(&["--enforce"]);
    let before = site.show();
    site.follow(" plug ", "");
    let printed = site.await_reports("Switch port changed", 1);
    assert!(printed.contains("+  interfaces ge-0/0/7 native-vlan-id 42;"), "{printed}");
    assert!(printed.contains("Lobby") && !printed.contains("refused, as Slack would"), "{printed}");
    let trunk = site.show();
    assert!(trunk.contains(TRUNK) && trunk.contains("vlan members all"), "{trunk}");
    let diff = site.follow(" port diff ", "");
    assert_eq!(diff, "localhost ge-0/0/7: nothing to change, it has mode ap already\n");
    site.follow(" unplug ", "");
    site.await_reports("Switch port changed", 2);
    assert_eq!(site.show(), before);

    by_hand(&site, &before, &trunk);
    let errors = site.one_site.stderr();
    // It may have noticed the kill switch before that was removed.
    let errors: Vec<_> =
        errors.lines().filter(|line| !line.ends_with("event=ports_stopped")).collect();
    assert!(errors.is_empty(), "{errors:?}");
    site.stop();
}

/// The manual commands, while mistgate runs.
fn by_hand(site: &Site, before: &str, trunk: &str) {
    let (code, printed, errors) = site.shell(" port set ", "");
    assert_eq!((code, printed.as_str()), (Some(1), ""), "{errors}");
    assert!(errors.contains("no terminal to ask on — --yes"), "{errors}");
    let done = site.follow(" port set ", "--yes");
    assert!(done.contains("localhost ge-0/0/7: done, it has mode ap\n"), "{done}");
    assert!(done.contains("The mistgate that runs is not told."), "{done}");
    assert_eq!(site.show(), trunk);
    let again = site.follow(" port set ", "--yes");
    assert_eq!(again, "localhost ge-0/0/7: nothing to change, it has mode ap already\n");
    let lines = site.audit();
    let last = lines.last().expect("a line");
    assert_eq!(member(last, "/type"), "PORT_CHANGED");
    assert_eq!(member(last, "/changes/0/reason"), "by_hand");
    assert_eq!(member(last, "/changes/0/port"), "ge-0/0/7");
    assert!(!member(last, "/by").is_empty() && !member(last, "/diff").is_empty(), "{last}");
    let of_mistgate = lines.iter().filter(|line| member(line, "/by").is_empty());
    assert_eq!(of_mistgate.filter(|line| member(line, "/type") == "PORT_CHANGED").count(), 2);

    // The kill switch stops manual changes too.
    let stop = site.folder.path().join("target/one-site/state/stop-ports");
    fs::write(&stop, "").expect("a file");
    let (code, _, errors) = site.shell(" port set ", "--yes");
    assert_eq!(code, Some(1), "{errors}");
    assert!(errors.contains("all changes are stopped (ports.kill_switch)"), "{errors}");
    fs::remove_file(&stop).expect("a file");
    without_mist(site);
    let default = site.default("diff", "");
    assert!(default.contains("-  interfaces ge-0/0/7 native-vlan-id 42;"), "{default}");
    site.default("set", "--yes");
    assert_eq!(site.show(), before);
}

/// Without an answer from Mist a switch's name is enough, unless a list asks for its MAC.
fn without_mist(site: &Site) {
    let folder = site.folder.path().join("target/one-site");
    let config = fs::read_to_string(folder.join("mistgate.toml")).expect("a file");
    let url = config.lines().find(|line| line.starts_with("api_url")).expect("a line");
    // The discard service's port (RFC 863), where nobody listens.
    let config = config.replace(url, "api_url = \"http://127.0.0.1:9\"");
    fs::write(folder.join("away.toml"), &config).expect("a file");
    let never = "[ports]\nnever = { switches = [\"5c5b350000ff\"] }";
    fs::write(folder.join("never.toml"), config.replace("[ports]", never)).expect("a file");
    let run = |config: &str, switch: &str| {
        let args = ["port", "diff", "--config", config, "--switch", switch];
        let done = output(&folder, &[&args, &["--port", "ge-0/0/7", "--mode", "ap"][..]].concat());
        (done.status.code(), text(&done.stdout), text(&done.stderr))
    };
    let nothing = "localhost ge-0/0/7: nothing to change, it has mode ap already\n";
    let (code, printed, errors) = run("away.toml", "localhost");
    assert_eq!((code, printed.lines().next()), (Some(0), nothing.lines().next()), "{errors}");
    for (config, switch, because) in [
        ("away.toml", "5c5b350000ff", "Mist could not be asked: there is no way"),
        ("never.toml", "localhost", "ports.never.switches names MACs, and only Mist could tell"),
    ] {
        let (code, printed, errors) = run(config, switch);
        assert_eq!((code, printed.as_str()), (Some(1), ""), "{errors}");
        assert!(errors.contains(because), "{errors}");
    }
}

impl Site {
    /// The printed command, with the mode replaced by `default`.
    fn default(&self, command: &str, more: &str) -> String {
        let part = format!(" port {command} ");
        let line = self.welcome.lines().find(|line| line.contains(&part)).expect("a command");
        let line = line.replace("--mode ap", "--mode default");
        let mut shell = Command::new("sh");
        shell.args(["-euc", &format!("{line} {more}")]).current_dir(self.folder.path());
        let done = shell.stdin(Stdio::null()).output().expect("a shell");
        assert!(done.status.success(), "{}", text(&done.stderr));
        text(&done.stdout)
    }
}

#[test]
fn the_manual_has_the_commands() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../appliance/docs/rollout.md");
    let page = fs::read_to_string(page).expect("the page");
    for command in ["one-site --enforce", "one-site plug", "one-site show", "one-site unplug"] {
        assert!(page.contains(&format!("target/release/{command}")), "{command}");
    }
}
