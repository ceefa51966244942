//! The common part of the demo programs. They write a configuration, start stand-ins for the
//! vendors in a second process, and become mistgate.

use std::fs::OpenOptions;
use std::io::{IsTerminal as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use std::{env, fs, io, thread};

use rustix::process::{Signal, set_parent_process_death_signal};

use crate::base::http::Message;
use crate::chat::limits::Vendor;
use crate::chat::server::Answer;
use crate::chat::stand_in::Card;
use crate::chat::{server, stand_in};

/// How long mistgate may take to listen.
const PATIENCE: Duration = Duration::from_secs(20);
const POLL_EVERY: Duration = Duration::from_millis(20);
/// The width of a message, in columns.
const WIDTH: usize = 84;

/// Free addresses. Each is reserved by an open socket until another program listens on it.
pub fn reserve(count: usize) -> io::Result<(Vec<OwnedFd>, Vec<SocketAddr>)> {
    let sockets: Vec<_> = (0..count).map(|_| server::reserve()).collect::<Result<_, _>>()?;
    let address = |socket| SocketAddr::try_from(rustix::net::getsockname(socket)?);
    let addresses: Result<_, rustix::io::Errno> = sockets.iter().map(address).collect();
    Ok((sockets, addresses?))
}

/// Starts this program a second time, as `receive FOLDER PORT…`, to simulate the vendors.
pub fn start_beside(folder: &str, addresses: &[SocketAddr]) -> Result<(), String> {
    let explain = |error: io::Error| format!("the stand-ins do not start: {error}");
    let this = env::current_exe().map_err(explain)?;
    let ports = addresses.iter().map(|address| address.port().to_string());
    // In a process group of its own, so that Ctrl-C stops mistgate only, and its last posts arrive.
    let world = Command::new(this).arg("receive").arg(folder).args(ports).process_group(0).spawn();
    world.map(drop).map_err(explain)
}

/// Parses the ports in that second process, and makes it end with mistgate.
pub fn beside(ports: &[&str]) -> Result<Vec<SocketAddr>, String> {
    set_parent_process_death_signal(Some(Signal::TERM)).map_err(|error| error.to_string())?;
    let address = |port: &&str| {
        let port = port.parse().map_err(|_| format!("{port}: not a port"))?;
        Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    };
    ports.iter().map(address).collect()
}

/// Replaces this process by mistgate with this configuration. Returns only an error.
pub fn become_mistgate(mistgate: &Path, config: &Path) -> Result<(), String> {
    let error = Command::new(mistgate)
        .args(["run", "--log-level", "warning", "--config"])
        .arg(config)
        .env("no_proxy", Ipv4Addr::LOCALHOST.to_string())
        .exec();
    Err(format!("{}: {error}", mistgate.display()))
}

/// Waits until mistgate listens.
pub fn await_listener(webhook: &SocketAddr) -> Result<(), String> {
    let began = Instant::now();
    while TcpStream::connect(webhook).is_err() {
        if began.elapsed() > PATIENCE {
            return Err(format!("mistgate does not listen on {webhook}"));
        }
        thread::sleep(POLL_EVERY);
    }
    Ok(())
}

/// Where the page of the mistgate with its configuration in this folder is, and who may act there.
pub fn page(folder: &str) -> Result<String, String> {
    let config = fs::read_to_string(Path::new(folder).join("mistgate.toml"));
    let config = config.map_err(|error| format!("{folder}: {error}"))?;
    let (_, admin) = config.split_once("[admin]\nlisten = \"").ok_or("no [admin]")?;
    let address = admin.split('"').next().unwrap_or_default();
    Ok(format!(
        "Its page in a browser: http://{address}/\n(to act there, log in with the token in \
         {folder}/state/admin-token)\n\n"
    ))
}

/// The path relative to the current folder, if it is inside.
pub fn short(path: PathBuf) -> PathBuf {
    let here = env::current_dir().unwrap_or_default();
    path.strip_prefix(here).map(Path::to_path_buf).unwrap_or(path)
}

/// `MISTGATE_BIN`, else the binary that was built with this program.
pub fn binary() -> Result<PathBuf, String> {
    if let Some(named) = env::var_os("MISTGATE_BIN") {
        return Ok(PathBuf::from(named));
    }
    let this = env::current_exe().map_err(|error| error.to_string())?;
    let built = this.with_file_name("mistgate");
    if !built.is_file() {
        return Err(format!("there is no {} — run cargo build --release", built.display()));
    }
    Ok(short(built))
}

/// Writes a file that only its owner may read.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

/// Prints a post, and gives the answer to it.
pub fn print_and_answer(vendor: &'static Vendor, post: &Message) -> Answer {
    let (answer, faults) = stand_in::judge(vendor, post);
    let paint = Paint(io::stdout().is_terminal() && env::var_os("NO_COLOR").is_none());
    print(&mut io::stdout(), &drawn(vendor, post, &faults, paint));
    answer
}

/// Prints with one write, so that messages do not mix. A closed output is no error.
pub fn print(to: &mut impl io::Write, text: &str) {
    let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush());
}

/// Draws a message between two lines: the channel that it went to, and the answer.
fn drawn(vendor: &Vendor, post: &Message, faults: &[String], paint: Paint) -> String {
    let Vendor { product, colour, .. } = vendor;
    let path = post.target().split('?').next().unwrap_or_default();
    let channel = path.rsplit('/').next().unwrap_or_default();
    let card = Card::read(vendor, &post.body);
    let mut lines = Vec::new();
    if !card.title.is_empty() {
        lines.push(paint.with("1", &card.title));
    }
    lines.extend(card.paragraphs.iter().flat_map(|text| wrapped(text, WIDTH)));
    let widest = card.facts.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
    for (label, value) in &card.facts {
        for (nth, line) in wrapped(value, WIDTH.saturating_sub(widest + 2)).iter().enumerate() {
            let label = if nth == 0 { label.as_str() } else { "" };
            lines.push(format!("{}  {line}", paint.with("2", &format!("{label:widest$}"))));
        }
    }
    if let Some((label, listed)) = &card.listing {
        lines.push(paint.with("2", label));
        lines.extend(listed.iter().map(|line| format!("  {}", cut(line, WIDTH - 2))));
    }
    for (label, url) in &card.buttons {
        let room = WIDTH.saturating_sub(label.chars().count() + 3);
        lines.push(format!("[{label}] {}", paint.with("2", &cut(url, room))));
    }
    if !card.notes.is_empty() {
        lines.push(paint.with("2", &card.notes.join(" · ")));
    }
    let verdict = if faults.is_empty() {
        let bytes = post.body.len();
        format!("taken: {bytes} bytes, within every published limit of {product}")
    } else {
        format!("refused, as {product} would: {}", faults.join("; "))
    };
    let edge = |corner, text: &str| paint.with(colour, &format!("{corner} {text}"));
    let bar = paint.with(colour, "│");
    let body: String = lines.iter().map(|line| format!("{bar} {line}\n")).collect();
    let top = edge("╭", &format!("{product} · {channel}"));
    format!("{top}\n{body}{}\n\n", edge("╰", &verdict))
}

/// Whether escape sequences of a terminal (ECMA-48 §8.3.117) may be used.
#[derive(Clone, Copy)]
struct Paint(bool);

impl Paint {
    fn with(self, rendition: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{rendition}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Breaks a text into lines between words.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines
}

fn cut(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    text.chars().take(max.saturating_sub(1)).chain(['…']).collect()
}
