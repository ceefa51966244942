//! The Python programs that stand for the real peers of the websocket proxy (tests/peers). They use
//! `websockets` from PyPI, in a venv beside the build.

use std::fs;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use mistgate_tests::chat::server::LONG;

use crate::base::binary::{Process, text};

/// A running Python program.
pub(crate) struct Program(Process);

impl Program {
    pub(crate) fn start(name: &str, args: &[&str]) -> Self {
        Self(Process::start(command(name, args)))
    }

    /// Waits for the `nth` line (from 1) that begins with this word, and gives the rest of it.
    pub(crate) fn line_after(&self, word: &str, nth: usize) -> String {
        let find = |stdout: &str| {
            let lines = stdout.lines().filter_map(|line| line.strip_prefix(word));
            lines.skip(nth - 1).map(|rest| rest.trim().to_owned()).next()
        };
        let printed = self.0.printed(|stdout| find(stdout).is_some());
        find(&printed).unwrap_or_else(|| {
            panic!("it ended without {word} #{nth}:\n{printed}{}", self.0.stderr())
        })
    }

    /// The port that it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.line_after("listening", 1).parse().expect("a port")
    }

    pub(crate) fn complaints(&self) -> String {
        self.0.stderr()
    }
}

/// Runs a program, which must succeed. Gives what it printed.
pub(crate) fn run(name: &str, args: &[&str]) -> String {
    let mut command = command(name, args);
    let output = command.stdin(Stdio::null()).output().expect("a process");
    let (printed, errors) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{name} {args:?}:\n{printed}{errors}");
    printed
}

fn command(name: &str, args: &[&str]) -> Command {
    let mut command = Command::new(&*PYTHON);
    command.arg(folder().join(name)).args(args).env_clear();
    // Keep its compiled files out of the tree.
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers")
}

/// The Python of the venv, which is made if it is missing or has other packages.
static PYTHON: LazyLock<PathBuf> = LazyLock::new(|| {
    let tests = std::env::current_exe().expect("a path");
    let target = tests.ancestors().nth(3).expect("target/PROFILE/deps/it");
    let venv = target.join("peers");
    let python = venv.join("bin/python");
    let wanted = fs::read_to_string(folder().join("requirements.txt")).expect("requirements");
    // Two test runs may start at once.
    let lock = File::create(target.join("peers.lock")).expect("a lock file");
    lock.lock().expect("a lock");
    let installed = venv.join("installed.txt");
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted) {
        return python;
    }
    let needs = "these tests need Python's venv and PyPI: apt-get install python3-venv, and a way \
                 to https://pypi.org or PIP_INDEX_URL";
    let step = |command: &mut Command| {
        let output = command.stdin(Stdio::null()).output();
        let output = output.unwrap_or_else(|error| panic!("{command:?}: {error} — {needs}"));
        let printed = text(&output.stdout) + &text(&output.stderr);
        assert!(output.status.success(), "{command:?}: {printed} — {needs}");
    };
    step(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv));
    let timeout = LONG.as_secs().to_string();
    step(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
            .args(["--timeout", &timeout, "--requirement"])
            .arg(folder().join("requirements.txt")),
    );
    fs::write(installed, wanted).expect("a file");
    python
});
