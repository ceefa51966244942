//! The real binary as a process: start it, read its output, signal it, wait for its end.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::ops::Deref;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::{fs, thread};

use mistgate_tests::base::http::Message;
use mistgate_tests::chat::server::LONG;
use mistgate_tests::webhook::mist::{Mist, request, send};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use super::{files, poll};

/// The webhook's secret in most tests.
pub(crate) const SECRET: &str = "the secret of the tests";

/// The binary under test: `MISTGATE_BIN`, else what cargo built last beside the tests.
pub(crate) fn binary() -> PathBuf {
    if let Some(named) = std::env::var_os("MISTGATE_BIN") {
        // A relative path is resolved here, because tests run in other folders.
        let named = fs::canonicalize(&named);
        return named.expect("MISTGATE_BIN names no file");
    }
    let tests = std::env::current_exe().expect("a path");
    let built = tests.ancestors().nth(2).expect("target/PROFILE/deps/it").join("mistgate");
    assert!(
        built.is_file(),
        "{}: there is no such file — run cargo build -p mistgate first, or name a binary in \
         MISTGATE_BIN",
        built.display()
    );
    built
}

/// The binary in a folder, with an empty environment.
pub(crate) fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(args).current_dir(folder).env_clear();
    command
}

/// Runs a command to its end.
pub(crate) fn output(folder: &Path, args: &[&str]) -> Output {
    command(folder, args).stdin(Stdio::null()).output().expect("a process")
}

/// Process output as text.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// A folder with a configuration. It outlives the processes that run on it.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    /// Creates a folder. Its `mistgate.toml` has a state folder, a webhook listener and an admin
    /// endpoint, followed by `config`.
    pub(crate) fn new(config: &str) -> Self {
        let place = Self { folder: tempfile::tempdir().expect("a folder") };
        // Others may not read what is in it.
        let mode = fs::Permissions::from_mode(0o700);
        fs::set_permissions(place.path(), mode).expect("a mode");
        place.configure(config);
        place
    }

    /// Replaces the configuration.
    pub(crate) fn configure(&self, config: &str) {
        self.write(
            "mistgate.toml",
            &format!(
                "state_dir = \"state\"\n[webhook]\nlisten = \"127.0.0.1:0\"\nsecret = \
                 \"{SECRET}\"\n{config}\n[admin]\nlisten = \"127.0.0.1:0\"\n"
            ),
        );
    }

    /// Replaces a file by renaming a new one, as editors do.
    pub(crate) fn write(&self, name: &str, text: &str) {
        files::replace(&self.path().join(name), text);
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn start(&self) -> Mistgate {
        self.start_with(&["--log-level", "debug"])
    }

    pub(crate) fn start_with(&self, args: &[&str]) -> Mistgate {
        let fixed = ["run", "--config", "mistgate.toml", "--log-format", "json"];
        Mistgate::start(command(self.path(), &[&fixed, args].concat()))
    }
}

#[derive(Default)]
struct Streams {
    /// The text of each stream so far, and whether the stream has ended.
    stdout: (String, bool),
    stderr: (String, bool),
}

/// The output of a process, filled by a thread for each stream.
#[derive(Clone, Default)]
struct Captured(Arc<(Mutex<Streams>, Condvar)>);

impl Captured {
    fn lock(&self) -> MutexGuard<'_, Streams> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(
        &self,
        stream: impl Read + Send + 'static,
        place: fn(&mut Streams) -> &mut (String, bool),
    ) {
        let output = self.clone();
        thread::spawn(move || {
            let mut stream = BufReader::new(stream);
            let mut text = Vec::new();
            while let Ok(bytes @ [_, ..]) = stream.fill_buf() {
                let count = bytes.len();
                text.extend_from_slice(bytes);
                stream.consume(count);
                // A question ends without a line; a letter may not be there whole.
                let whole = match str::from_utf8(&text) {
                    Err(error) if error.error_len().is_none() => error.valid_up_to(),
                    Ok(_) | Err(_) => text.len(),
                };
                let rest = text.split_off(whole);
                place(&mut output.lock()).0.push_str(&String::from_utf8_lossy(&text));
                output.0.1.notify_all();
                text = rest;
            }
            place(&mut output.lock()).1 = true;
            output.0.1.notify_all();
        });
    }

    /// Waits until `found` finds something. `None` after a long time.
    fn wait<T>(&self, found: impl Fn(&Streams) -> Option<T>) -> Option<T> {
        let mut result = None;
        let until = |streams: &mut Streams| {
            result = found(streams);
            result.is_none()
        };
        drop(self.0.1.wait_timeout_while(self.lock(), LONG, until));
        result
    }
}

/// A running process whose two output streams are read. Killed when dropped.
pub(crate) struct Process {
    child: Child,
    output: Captured,
    folder: PathBuf,
}

impl Process {
    pub(crate) fn start(command: Command) -> Self {
        Self::start_with_stdout(command, Stdio::piped())
    }

    /// As [`Process::start`], with a pipe to its standard input.
    pub(crate) fn start_typing(command: Command) -> (Self, ChildStdin) {
        let mut process = Self::start_with(command, Stdio::piped(), Stdio::piped());
        let stdin = process.child.stdin.take().expect("a pipe");
        (process, stdin)
    }

    /// As [`Process::start`], with this standard input.
    pub(crate) fn start_at(command: Command, stdin: Stdio) -> Self {
        Self::start_with(command, stdin, Stdio::piped())
    }

    fn start_with_stdout(command: Command, stdout: Stdio) -> Self {
        Self::start_with(command, Stdio::null(), stdout)
    }

    fn start_with(mut command: Command, stdin: Stdio, stdout: Stdio) -> Self {
        let program = command.get_program().display().to_string();
        let folder = command.get_current_dir().map(Path::to_path_buf).unwrap_or_default();
        let mut child = command
            .stdin(stdin)
            .stdout(stdout)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}"));
        let output = Captured::default();
        match child.stdout.take() {
            Some(stdout) => output.read(stdout, |streams| &mut streams.stdout),
            None => output.lock().stdout.1 = true,
        }
        output.read(child.stderr.take().expect("a pipe"), |streams| &mut streams.stderr);
        Self { child, output, folder }
    }

    /// Its standard output so far.
    pub(crate) fn stdout(&self) -> String {
        self.output.lock().stdout.0.clone()
    }

    /// Its standard error so far.
    pub(crate) fn stderr(&self) -> String {
        self.output.lock().stderr.0.clone()
    }

    /// Waits until its standard error contains `text`.
    pub(crate) fn printed_error(&self, text: &str) {
        self.printed_error_times(text, 1);
    }

    /// Waits until its standard error contains `text` so many times.
    pub(crate) fn printed_error_times(&self, text: &str, count: usize) {
        let found = |streams: &Streams| {
            let (journal, ended) = &streams.stderr;
            let is_there = journal.matches(text).count() >= count;
            (is_there || *ended).then_some(is_there)
        };
        assert_eq!(self.output.wait(found), Some(true), "no {text}:\n{}", self.stderr());
    }

    /// Waits until its standard output is `enough`, or the process has ended.
    pub(crate) fn printed(&self, enough: impl Fn(&str) -> bool) -> String {
        let found = |streams: &Streams| {
            (enough(&streams.stdout.0) || streams.stdout.1).then(|| streams.stdout.0.clone())
        };
        let printed = self.output.wait(found);
        printed.unwrap_or_else(|| panic!("not enough: {}\n{}", self.stdout(), self.stderr()))
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("a living process");
    }

    /// Waits for the end of the process and of both streams.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let ended =
            self.output.wait(|streams| (streams.stdout.1 && streams.stderr.1).then_some(()));
        assert!(ended.is_some(), "it does not end:\n{}", self.stderr());
        self.child.wait().expect("an exit status")
    }

    /// Kills it, as a power cut would.
    pub(crate) fn kill(mut self) -> (String, String) {
        self.child.kill().expect("a living process");
        let status = self.wait();
        assert_eq!(status.code(), None, "{}", self.stderr());
        (self.stdout(), self.stderr())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A running mistgate whose journal is read.
pub(crate) struct Mistgate(Process);

impl Deref for Mistgate {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.0
    }
}

impl Mistgate {
    /// Starts `command`, whose standard error must be a journal of JSON lines.
    pub(crate) fn start(command: Command) -> Self {
        Self(Process::start(command))
    }

    /// As [`Mistgate::start`], with standard output, where the console writes payloads, elsewhere.
    pub(crate) fn start_with_stdout(command: Command, stdout: Stdio) -> Self {
        Self(Process::start_with_stdout(command, stdout))
    }

    /// As [`Mistgate::start`], with a pipe to its standard input.
    pub(crate) fn start_typing(command: Command) -> (Self, ChildStdin) {
        let (process, stdin) = Process::start_typing(command);
        (Self(process), stdin)
    }

    /// The journal's lines of one event so far.
    pub(crate) fn journal(&self, event: &str) -> Vec<Value> {
        lines(&self.stderr(), event).collect()
    }

    /// Waits for the `nth` line (from 1) of this event in the journal.
    pub(crate) fn line(&self, event: &str, nth: usize) -> Value {
        let found = |streams: &Streams| match lines(&streams.stderr.0, event).nth(nth - 1) {
            Some(line) => Some(Some(line)),
            None => streams.stderr.1.then_some(None),
        };
        let line = self.0.output.wait(found).flatten();
        line.unwrap_or_else(|| panic!("no {event} #{nth} in the journal:\n{}", self.stderr()))
    }

    /// The address at which the listener of this name was last opened.
    pub(crate) fn address(&self, listener: &str) -> SocketAddr {
        let found = |streams: &Streams| {
            let of_name = lines(&streams.stderr.0, "listening")
                .filter(|line| line.get("listener").and_then(Value::as_str) == Some(listener));
            match of_name.last().and_then(|line| line.get("address")?.as_str()?.parse().ok()) {
                Some(address) => Some(Some(address)),
                None => streams.stderr.1.then_some(None),
            }
        };
        let address = self.0.output.wait(found).flatten();
        address.unwrap_or_else(|| panic!("no {listener} listens:\n{}", self.stderr()))
    }

    pub(crate) fn webhook(&self) -> SocketAddr {
        self.address("webhook")
    }

    pub(crate) fn proxy(&self) -> SocketAddr {
        self.address("proxy")
    }

    pub(crate) fn admin(&self) -> SocketAddr {
        self.address("admin")
    }

    /// Posts a signed body, and gives the answer.
    pub(crate) fn post(&self, body: &str) -> Message {
        let answer = Mist::new(SECRET).post(self.webhook(), body);
        answer.unwrap_or_else(|error| panic!("{error}\n{}", self.stderr()))
    }

    /// Posts a signed body, which must be accepted.
    pub(crate) fn accept(&self, body: &str) {
        let answer = self.post(body);
        assert_eq!(answer.status(), 200, "{}", self.stderr());
        assert_eq!(answer.body, "");
    }

    /// Sends a GET to the admin endpoint.
    pub(crate) fn ask(&self, path: &str) -> Message {
        let answer = send(self.admin(), &request("GET", path, &[], ""));
        answer.unwrap_or_else(|error| panic!("{error}\n{}", self.stderr()))
    }

    /// Sends a POST to the admin endpoint, with the token of the state folder.
    pub(crate) fn order(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Message {
        let to = self.admin();
        let token = fs::read_to_string(self.folder.join("state/admin-token")).expect("a token");
        let token = format!("Bearer {}", token.trim_end());
        let headers = [headers, &[("Authorization", token.as_str())]].concat();
        let answer = send(to, &request("POST", path, &headers, body));
        answer.unwrap_or_else(|error| panic!("{error}\n{}", self.stderr()))
    }

    /// The value of a metric, by its full name with labels; 0 if it is absent.
    pub(crate) fn metric(&self, series: &str) -> f64 {
        let metrics = self.ask("/metrics").body;
        let value = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.map_or(0.0, |value| value.parse().expect("a number"))
    }

    /// The JSON of `/status`.
    pub(crate) fn status(&self) -> Value {
        serde_json::from_str(&self.ask("/status").body).expect("JSON")
    }

    /// The destination of this name in `/status`.
    pub(crate) fn destination(&self, name: &str) -> Value {
        let status = self.status();
        let all = status.get("destinations").and_then(Value::as_array).expect("destinations");
        let found = all.iter().find(|to| to.get("name").and_then(Value::as_str) == Some(name));
        found.unwrap_or_else(|| panic!("no {name} in {status}")).clone()
    }

    /// Polls until `holds`, for what the journal has no line for.
    pub(crate) fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        poll::within(LONG, || holds(self), || format!("{what}\n{}", self.stderr()));
    }

    /// Makes it reload its configuration, which must succeed.
    pub(crate) fn reload(&self) {
        let count = self.journal("reloaded").len();
        self.signal(Signal::HUP);
        self.line("reloaded", count + 1);
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.0.wait()
    }

    /// Stops it with SIGTERM; it must exit with success.
    pub(crate) fn stop(mut self) -> String {
        // A signal before mistgate is ready would kill it.
        self.webhook();
        self.signal(Signal::TERM);
        let status = self.wait();
        assert_eq!(status.code(), Some(0), "{}", self.stderr());
        self.stderr()
    }

    /// Kills it, as a power cut would.
    pub(crate) fn kill(self) -> (String, String) {
        self.0.kill()
    }
}

fn lines<'t>(journal: &'t str, event: &str) -> impl Iterator<Item = Value> + 't {
    let member = format!("\"event\":\"{event}\"");
    let of_event = journal.lines().filter(move |line| line.contains(&member));
    of_event.filter_map(|line| serde_json::from_str(line).ok())
}
