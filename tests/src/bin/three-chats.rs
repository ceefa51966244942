//! `three-chats [FOLDER]`: a mistgate on this machine that posts to stand-ins for Slack, Teams and
//! Google Chat, for whoever wants to see it work without having a chat at hand.
//!
//! This process becomes the mistgate, so Ctrl-C and the exit code are mistgate's own. The stand-ins
//! are a process beside it that ends when it ends. They check each post by the vendor's limits,
//! answer as the vendor would, and print what its readers would see.

use std::{
    env,
    fs::{self, OpenOptions},
    io::{self, IsTerminal as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    os::unix::{
        fs::{DirBuilderExt as _, OpenOptionsExt as _},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    thread,
    time::{Duration, Instant},
};

use mistgate_core::notify::shape::{Flavour, TeamsFormat};
use mistgate_tests::{
    chat::{Answer, Chat, Judge, reserve},
    http::Message,
    stand_in::{self, Card},
};
use rustix::process::{Signal, set_parent_process_death_signal};

/// How long a mistgate may take to listen.
const PATIENCE: Duration = Duration::from_secs(20);
const POLL_EVERY: Duration = Duration::from_millis(20);
/// Columns of a message.
const WIDTH: usize = 84;

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match args.as_slice() {
        [] => start("target/three-chats"),
        ["receive", folder, ports @ ..] => receive(folder, ports),
        [folder] if !folder.starts_with('-') => start(folder),
        _ => {
            print(&mut io::stderr(), "Usage: three-chats [FOLDER, else target/three-chats]\n");
            return ExitCode::from(2);
        }
    };
    // Where all is well this process is another program by now.
    if let Err(error) = result {
        print(&mut io::stderr(), &format!("three-chats: {error}\n"));
    }
    ExitCode::FAILURE
}

/// Writes a configuration, starts the stand-ins, and becomes the mistgate.
fn start(folder: &str) -> Result<(), String> {
    let mistgate = binary()?;
    let explain = |error: io::Error| format!("{folder}: {error}");
    // Nobody else is given these ports until whoever is meant to listen on them does.
    let sockets: Vec<_> = (0..5).map(|_| reserve()).collect::<Result<_, _>>().map_err(explain)?;
    let address = |socket| SocketAddr::try_from(rustix::net::getsockname(socket)?);
    let addresses: Vec<SocketAddr> =
        sockets.iter().map(address).collect::<Result<_, _>>().map_err(|e| explain(e.into()))?;
    let [admin, webhook, chats @ ..] = addresses.as_slice() else {
        return Err("five sockets have as many addresses".to_owned());
    };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(explain)?;
    let config = Path::new(folder).join("mistgate.toml");
    let secret = Path::new(folder).join("webhook-secret");
    write(&secret, "only for this machine\n").map_err(explain)?;
    write(&config, &configuration(admin, webhook, chats)).map_err(explain)?;

    let ports = addresses.iter().skip(1).map(|address| address.port().to_string());
    let this = env::current_exe().map_err(explain)?;
    // Outside the group that the terminal's Ctrl-C is for, so that mistgate's last posts are heard.
    let receiver =
        Command::new(this).arg("receive").arg(folder).args(ports).process_group(0).spawn();
    receiver.map_err(|error| format!("the stand-ins do not start: {error}"))?;
    let error = Command::new(&mistgate)
        .args(["run", "--log-level", "warning", "--config"])
        .arg(&config)
        .env("no_proxy", Ipv4Addr::LOCALHOST.to_string())
        .exec();
    Err(format!("{}: {error}", mistgate.display()))
}

fn configuration(admin: &SocketAddr, webhook: &SocketAddr, chats: &[SocketAddr]) -> String {
    let mut text = format!(
        "# Written by three-chats on each start.\nstate_dir = \"state\"\n\n[webhook]\n\
         listen = \"{webhook}\"\nsecret_file = \"webhook-secret\"\n\n[admin]\n\
         listen = \"{admin}\"\n"
    );
    for (flavour, address) in stand_in::ALL.iter().zip(chats) {
        let name = flavour.name();
        let url = |channel: &str| format!("{channel} = \"http://{address}/{channel}\"");
        let urls = ["debug", "info", "warning", "critical"].map(url).join(", ");
        text.push_str(&format!("\n[chat.{name}]\nurls = {{ {urls} }}\n"));
    }
    text
}

/// `MISTGATE_BIN`, else the one that was built together with this program.
fn binary() -> Result<PathBuf, String> {
    if let Some(named) = env::var_os("MISTGATE_BIN") {
        return Ok(PathBuf::from(named));
    }
    let this = env::current_exe().map_err(|error| error.to_string())?;
    let built = this.with_file_name("mistgate");
    if !built.is_file() {
        return Err(format!("there is no {} — run cargo build --release", built.display()));
    }
    // As short as a person would type it.
    let here = env::current_dir().unwrap_or_default();
    Ok(built.strip_prefix(here).map(Path::to_path_buf).unwrap_or(built))
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

/// The process beside the mistgate.
fn receive(folder: &str, ports: &[&str]) -> Result<(), String> {
    set_parent_process_death_signal(Some(Signal::TERM)).map_err(|error| error.to_string())?;
    let address = |port: &&str| {
        let port = port.parse().map_err(|_| format!("{port}: not a port"))?;
        Ok::<_, String>(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    };
    let addresses: Vec<SocketAddr> = ports.iter().map(address).collect::<Result<_, _>>()?;
    let Some((webhook, chats)) = addresses.split_first() else {
        return Err("no ports".to_owned());
    };
    let judges: [Judge; 3] = [
        |post| hear(Flavour::Slack, post),
        |post| hear(Flavour::Teams(TeamsFormat::AdaptiveCard), post),
        |post| hear(Flavour::Google, post),
    ];
    for (address, judge) in chats.iter().zip(judges) {
        Chat::judging(*address, judge).map_err(|error| format!("{address}: {error}"))?;
    }
    let began = Instant::now();
    while TcpStream::connect(webhook).is_err() {
        if began.elapsed() > PATIENCE {
            return Err(format!("mistgate does not listen on {webhook}"));
        }
        thread::sleep(POLL_EVERY);
    }
    print(&mut io::stdout(), &welcome(folder, webhook)?);
    loop {
        thread::park();
    }
}

fn welcome(folder: &str, webhook: &SocketAddr) -> Result<String, String> {
    let mistgate = binary()?;
    let mistgate = mistgate.display();
    Ok(format!(
        "A mistgate takes webhooks on this machine and posts to stand-ins for Slack, Microsoft Teams\n\
         and Google Chat, which print here what their readers would see. To try it, in a second\n\
         terminal and the same folder:\n\n  \
         {mistgate} send-test --config {folder}/mistgate.toml --channel critical\n\n\
         Or write a webhook of your own and sign it as Mist does:\n\n  \
         event='\"type\":\"AP_DISCONNECTED\",\"device_name\":\"Lobby\",\"timestamp\":'$(date +%s)\n  \
         body='{{\"topic\":\"device-events\",\"events\":[{{'$event'}}]}}'\n  \
         secret=$(cat {folder}/webhook-secret)\n  \
         signature=$(printf %s \"$body\" | openssl dgst -sha256 -hmac \"$secret\" -r | cut -c 1-64)\n  \
         curl -si -H \"X-Mist-Signature-v2: $signature\" -d \"$body\" http://{webhook}/webhooks\n\n\
         Ctrl-C stops all of it. Configuration and accepted events are in {folder}.\n\n"
    ))
}

/// Answers a post, and prints it.
fn hear(flavour: Flavour, post: &Message) -> Answer {
    let (answer, faults) = stand_in::judge(flavour, post);
    let paint = Paint(io::stdout().is_terminal() && env::var_os("NO_COLOR").is_none());
    print(&mut io::stdout(), &drawn(flavour, post, &faults, paint));
    answer
}

/// One write, so that no two messages mix. Who does not listen misses it.
fn print(to: &mut impl io::Write, text: &str) {
    let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush());
}

/// A message between two lines: the upper one says where it arrived, the lower one what became of
/// it.
fn drawn(flavour: Flavour, post: &Message, faults: &[String], paint: Paint) -> String {
    let (product, colour) = match flavour {
        Flavour::Slack => ("Slack", "35"),
        Flavour::Teams(_) => ("Microsoft Teams", "34"),
        Flavour::Google => ("Google Chat", "32"),
        Flavour::Console => ("Console", "0"),
    };
    let path = post.target().split('?').next().unwrap_or_default();
    let channel = path.rsplit('/').next().unwrap_or_default();
    let card = Card::read(flavour, &post.body);
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

/// Lines of whole words.
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
