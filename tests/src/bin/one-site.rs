//! `one-site [--enforce] [FOLDER]`: shows mistgate managing the switch port of an access point,
//! without a switch, a Mist organisation or a chat.
//!
//! This process becomes mistgate. A second process simulates Mist's API, Slack, and the switch
//! behind Debian's `sshd`, and ends when mistgate ends. `one-site plug|unplug|show [FOLDER]` sends
//! a command about the access point to that process.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{env, fs, io, thread};

use mistgate_core::base::mac::Mac;
use mistgate_tests::chat::limits::slack;
use mistgate_tests::chat::server::Chat;
use mistgate_tests::demo;
use mistgate_tests::demo::{binary, print, print_and_answer, short, write};
use mistgate_tests::ports::cloud::Cloud;
use mistgate_tests::ports::cloud::organisation::{ORG, Organisation, SITE};
use mistgate_tests::ports::sshd;
use mistgate_tests::ports::switch::Config;
use mistgate_tests::ports::switch::configuration::Configuration;
use mistgate_tests::ports::switch::serve::Shared;
use mistgate_tests::webhook::mist::{Mist, body};
use serde_json::json;

const TOKEN: &str = "only-for-this-machine";
const AP: &str = "5c5b35000001";
const SWITCH: &str = "5c5b350000ff";
/// mistgate connects to a switch by its name, and this name resolves to this machine.
const NAME: &str = "localhost";
const PORT: &str = "ge-0/0/7";
/// A commit on a small real switch takes 20 times as long.
const COMMIT_TIME: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    const FOLDER: &str = "target/one-site";
    let result = match args.as_slice() {
        [] => start(FOLDER, "observe"),
        ["--enforce"] => start(FOLDER, "enforce"),
        ["--enforce", folder] => start(folder, "enforce"),
        ["receive", folder, ports @ ..] => receive(folder, ports),
        [word @ ("plug" | "unplug" | "show")] => send_command(FOLDER, word),
        [word @ ("plug" | "unplug" | "show"), folder] => send_command(folder, word),
        [folder] if !folder.starts_with('-') => start(folder, "observe"),
        _ => {
            let usage = "Usage: one-site [--enforce] [FOLDER, else target/one-site]\n       \
                         one-site plug|unplug|show [FOLDER]\n";
            print(&mut io::stderr(), usage);
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print(&mut io::stderr(), &format!("one-site: {error}\n"));
            ExitCode::FAILURE
        }
    }
}

/// Writes a configuration, starts the simulation, and becomes mistgate.
fn start(folder: &str, mode: &str) -> Result<(), String> {
    let mistgate = binary()?;
    sshd::expect_sshd()?;
    helper()?;
    let explain = |error: io::Error| format!("{folder}: {error}");
    let (_sockets, addresses) = demo::reserve(5).map_err(explain)?;
    let [admin, webhook, chat, cloud, ssh] = addresses.as_slice() else {
        return Err("five sockets have as many addresses".to_owned());
    };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(explain)?;
    let own = |name: &str| Path::new(folder).join(name);
    for key in ["host", "user"] {
        if !own(key).exists() {
            sshd::keygen(&own(key), "ed25519", None)?;
        }
    }
    let host_key = fs::read_to_string(own("host.pub")).map_err(explain)?;
    let config = own("mistgate.toml");
    let secrets = [("webhook-secret", "only for this machine\n"), ("mist-token", TOKEN)];
    for (name, text) in secrets {
        write(&own(name), text).map_err(explain)?;
    }
    let known_hosts = format!("[{NAME}]:{} {host_key}", ssh.port());
    write(&own("known_hosts"), &known_hosts).map_err(explain)?;
    let text = configuration(mode, [admin, webhook, chat, cloud, ssh], &user()?);
    write(&config, &text).map_err(explain)?;
    demo::start_beside(folder, addresses.get(1..).unwrap_or_default())?;
    demo::become_mistgate(&mistgate, &config)
}

fn configuration(mode: &str, addresses: [&SocketAddr; 5], user: &str) -> String {
    let [admin, webhook, chat, cloud, ssh] = addresses;
    let ssh = ssh.port();
    let unit = "interfaces <port> unit 0 family ethernet-switching";
    format!(
        "# Written by one-site on each start.\nstate_dir = \"state\"\n\n[mist]\n\
         api_url = \"http://{cloud}\"\norg_id = \"{ORG}\"\ntoken_file = \"mist-token\"\n\n\
         [webhook]\nlisten = \"{webhook}\"\nsecret_file = \"webhook-secret\"\n\n[admin]\n\
         listen = \"{admin}\"\n\n[chat.slack]\ndefault_url = \"http://{chat}/info\"\n\n\
         [ports]\nmode = \"{mode}\"\nmethod = \"junos\"\n\
         # At a real site a person approves the first ten changes.\napprove_first = 0\n\
         # A real site takes a minute and half of one.\n\
         settle = \"1s\"\ndisconnect_wait = \"1s\"\n\n[ports.junos]\nport = {ssh}\n\
         username = \"{user}\"\nprivate_key = \"user\"\nknown_hosts = \"known_hosts\"\n\
         ap = [\n    \"set interfaces <port> native-vlan-id 42\",\n    \
         \"set {unit} interface-mode trunk\",\n    \
         \"delete {unit} vlan members\",\n    \"set {unit} vlan members all\",\n]\n\
         default = [\n    \"delete interfaces <port> native-vlan-id\",\n    \
         \"set {unit} interface-mode access\",\n    \
         \"delete {unit} vlan members\",\n    \"set {unit} vlan members guests\",\n]\n"
    )
}

/// The name of the user who runs this process, whom `sshd` lets in.
fn user() -> Result<String, String> {
    let id = Command::new("id").arg("-un").output().map_err(|error| format!("id: {error}"))?;
    let name = String::from_utf8_lossy(&id.stdout).trim().to_owned();
    if name.is_empty() { Err("id: this user has no name".to_owned()) } else { Ok(name) }
}

/// The simulation around mistgate.
struct World {
    cloud: Cloud,
    switch: Arc<Shared>,
    webhook: SocketAddr,
    mist: Mist,
}

/// Runs the process beside mistgate.
fn receive(folder: &str, ports: &[&str]) -> Result<(), String> {
    let addresses = demo::beside(ports)?;
    let [webhook, chat, cloud, ssh] = addresses.as_slice() else {
        return Err("no ports".to_owned());
    };
    let explain = |error: io::Error| format!("{folder}: {error}");
    let folder_path = fs::canonicalize(folder).map_err(explain)?;
    Chat::judging(*chat, &slack::VENDOR, print_and_answer).map_err(explain)?;
    let mut organisation = Organisation::new(ORG, TOKEN);
    organisation.add_switch(mac(SWITCH)?, SITE, NAME, 48);
    organisation.add_ap(mac(AP)?, SITE);
    let world = Arc::new(World {
        cloud: Cloud::open_at(*cloud, organisation).map_err(explain)?,
        switch: switch(&folder_path, *ssh)?,
        webhook: *webhook,
        mist: Mist::new("only for this machine"),
    });
    let words = listen(&folder_path.join("world"))?;
    demo::await_listener(webhook)?;
    print(&mut io::stdout(), &welcome(folder)?);
    for stream in words.incoming().map_while(Result::ok) {
        let world = Arc::clone(&world);
        thread::spawn(move || world.serve_command(&stream));
    }
    Ok(())
}

/// Opens a socket in the place of one that an earlier run left.
fn listen(path: &Path) -> Result<UnixListener, String> {
    let _ = fs::remove_file(path);
    UnixListener::bind(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// A switch whose NETCONF subsystem is behind `sshd`.
fn switch(folder: &Path, ssh: SocketAddr) -> Result<Arc<Shared>, String> {
    let explain = |error: io::Error| format!("{}: {error}", folder.display());
    let running = Configuration::of(&[
        &format!("set interfaces {PORT} unit 0 family ethernet-switching interface-mode access"),
        &format!("set interfaces {PORT} unit 0 family ethernet-switching vlan members guests"),
    ]);
    let interfaces = (0..48).map(|port| (format!("ge-0/0/{port}"), (false, None))).collect();
    let shared = Arc::new(Shared::new(Config {
        running,
        commit_time: COMMIT_TIME,
        undoes_when_killed: true,
        interfaces,
        ..Config::default()
    }));
    let (sessions, serving) = (listen(&folder.join("switch"))?, Arc::clone(&shared));
    thread::spawn(move || {
        for stream in sessions.incoming().map_while(Result::ok) {
            let serving = Arc::clone(&serving);
            thread::spawn(move || serving.serve(stream.try_clone()?, stream));
        }
    });
    let program = helper()?;
    let (folder, program) = (folder.display(), program.display());
    let config = format!(
        "HostKey \"{folder}/host\"\nAuthorizedKeysFile \"{folder}/user.pub\"\nStrictModes no\n\
         PidFile none\nPrintMotd no\nUsePAM no\nPasswordAuthentication no\n\
         Subsystem netconf \"{program}\" --connect \"{folder}/switch\"\n"
    );
    let file = Path::new(&folder.to_string()).join("sshd_config");
    write(&file, &config).map_err(explain)?;
    sshd::serve(TcpListener::bind(ssh).map_err(explain)?, file);
    Ok(shared)
}

/// The program that stands for the switch's own.
fn helper() -> Result<PathBuf, String> {
    let own = env::current_exe().map_err(|error| error.to_string())?;
    let program = own.with_file_name("switch");
    match program.is_file() {
        true => Ok(program),
        false => Err(format!("there is no {} — run cargo build --release", program.display())),
    }
}

impl World {
    /// Reads one command, carries it out, and answers it.
    fn serve_command(&self, stream: &UnixStream) -> io::Result<()> {
        let mut word = String::new();
        BufReader::new(stream).read_line(&mut word)?;
        let answer = match word.trim() {
            "plug" => self.plug(),
            "unplug" => self.unplug(),
            _ => Ok(self.show()),
        };
        let answer = answer.unwrap_or_else(|error| format!("{error}\n"));
        (&*stream).write_all(answer.as_bytes())
    }

    fn plug(&self) -> Result<String, String> {
        let neighbour = Some((AP.to_owned(), "Lobby".to_owned()));
        self.switch.with(|switch| switch.plug(PORT, true, neighbour));
        let (ap, switch) = (mac(AP)?, mac(SWITCH)?);
        self.cloud.with(|organisation| organisation.plug(ap, switch, PORT));
        self.webhook("AP_CONNECTED")
    }

    fn unplug(&self) -> Result<String, String> {
        self.switch.with(|switch| switch.plug(PORT, false, None));
        let ap = mac(AP)?;
        self.cloud.with(|organisation| organisation.unplug(ap));
        self.webhook("AP_DISCONNECTED")
    }

    /// Posts the signed webhook that Mist would send.
    fn webhook(&self, kind: &str) -> Result<String, String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let event = json!({
            "type": kind, "timestamp": now.as_secs(), "mac": AP, "device_name": "Lobby",
            "device_type": "ap", "site_id": SITE, "site_name": "One site", "org_id": ORG,
        });
        let answer = self.mist.post(self.webhook, &body("device-events", &[event]));
        let status = answer.map_err(|error| format!("{}: {error}", self.webhook))?.status();
        Ok(format!("Mist sends a webhook with {kind} of the AP Lobby: {status}\n"))
    }

    /// The port's configuration on the switch.
    fn show(&self) -> String {
        let prefix = format!("interfaces {PORT}");
        let running = self.switch.with(|switch| switch.running().lines(&prefix));
        running.iter().map(|line| format!("set {line}\n")).collect()
    }
}

fn mac(text: &str) -> Result<Mac, String> {
    Mac::parse(text).ok_or_else(|| format!("{text}: not a MAC"))
}

/// Sends a command to the simulation, and prints its answer.
fn send_command(folder: &str, word: &str) -> Result<(), String> {
    let explain = |error: io::Error| format!("{folder}: {error} — start one-site first");
    let mut stream = UnixStream::connect(Path::new(folder).join("world")).map_err(explain)?;
    writeln!(stream, "{word}").map_err(explain)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(explain)?;
    print(&mut io::stdout(), &answer);
    Ok(())
}

fn welcome(folder: &str) -> Result<String, String> {
    let mistgate = binary()?;
    let this = short(env::current_exe().map_err(|error| error.to_string())?);
    let (mistgate, this) = (mistgate.display(), this.display());
    let (config, page) = (format!("{folder}/mistgate.toml"), demo::page(folder)?);
    Ok(format!(
        "A mistgate on this machine cares for port {PORT} of a switch called {NAME}: a simulated one,\n\
         behind a real sshd. What mistgate tells Slack is printed here. To try it, in a second\n\
         terminal and the same folder:\n\n  \
         {this} plug {folder}      # an AP is plugged in, and Mist sends its webhook\n  \
         {this} show {folder}      # what the switch has for the port\n  \
         {this} unplug {folder}    # the AP is taken away\n\n\
         The same by hand:\n\n  \
         {mistgate} port diff --config {config} --switch {NAME} --port {PORT} --mode ap\n  \
         {mistgate} port set --config {config} --switch {NAME} --port {PORT} --mode ap\n\n{page}\
         Ctrl-C stops all of it. Configuration, audit and what it remembers are in {folder}.\n\n"
    ))
}
