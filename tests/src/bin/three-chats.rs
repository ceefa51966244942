//! `three-chats [FOLDER]`: shows mistgate posting to stand-ins for Slack, Teams and Google Chat,
//! without a chat.
//!
//! This process becomes mistgate, so Ctrl-C and the exit code are mistgate's own. The stand-ins run
//! in a second process, which ends when mistgate ends. They check each post against the vendor's
//! limits, answer as the vendor would, and print what readers would see.

use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::process::ExitCode;
use std::{env, fs, io, thread};

use mistgate_tests::chat::limits::VENDORS;
use mistgate_tests::chat::server::Chat;
use mistgate_tests::demo;
use mistgate_tests::demo::{binary, print, print_and_answer, write};

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
    // On success this process runs mistgate by now.
    if let Err(error) = result {
        print(&mut io::stderr(), &format!("three-chats: {error}\n"));
    }
    ExitCode::FAILURE
}

/// Writes a configuration, starts the stand-ins, and becomes mistgate.
fn start(folder: &str) -> Result<(), String> {
    let mistgate = binary()?;
    let explain = |error: io::Error| format!("{folder}: {error}");
    let (_sockets, addresses) = demo::reserve(2 + VENDORS.len()).map_err(explain)?;
    let [admin, webhook, chats @ ..] = addresses.as_slice() else {
        return Err("five sockets have as many addresses".to_owned());
    };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(explain)?;
    let config = Path::new(folder).join("mistgate.toml");
    let secret = Path::new(folder).join("webhook-secret");
    write(&secret, "only for this machine\n").map_err(explain)?;
    write(&config, &configuration(admin, webhook, chats)).map_err(explain)?;

    demo::start_beside(folder, addresses.get(1..).unwrap_or_default())?;
    demo::become_mistgate(&mistgate, &config)
}

fn configuration(admin: &SocketAddr, webhook: &SocketAddr, chats: &[SocketAddr]) -> String {
    let mut text = format!(
        "# Written by three-chats on each start.\nstate_dir = \"state\"\n\n[webhook]\n\
         listen = \"{webhook}\"\nsecret_file = \"webhook-secret\"\n\n[admin]\n\
         listen = \"{admin}\"\n"
    );
    for (vendor, address) in VENDORS.iter().zip(chats) {
        let name = vendor.kind.name;
        let url = |channel: &str| format!("{channel} = \"http://{address}/{channel}\"");
        let urls = ["debug", "info", "warning", "critical"].map(url).join(", ");
        text.push_str(&format!("\n[chat.{name}]\nurls = {{ {urls} }}\n"));
    }
    text
}

/// Runs the process beside mistgate.
fn receive(folder: &str, ports: &[&str]) -> Result<(), String> {
    let addresses = demo::beside(ports)?;
    let Some((webhook, chats)) = addresses.split_first() else {
        return Err("no ports".to_owned());
    };
    for (address, vendor) in chats.iter().zip(VENDORS) {
        Chat::judging(*address, vendor, print_and_answer)
            .map_err(|error| format!("{address}: {error}"))?;
    }
    demo::await_listener(webhook)?;
    print(&mut io::stdout(), &welcome(folder, webhook)?);
    loop {
        thread::park();
    }
}

fn welcome(folder: &str, webhook: &SocketAddr) -> Result<String, String> {
    let mistgate = binary()?;
    let (mistgate, page) = (mistgate.display(), demo::page(folder)?);
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
         curl -si -H \"X-Mist-Signature-v2: $signature\" -d \"$body\" http://{webhook}/webhooks\n\n{page}\
         Ctrl-C stops all of it. Configuration and accepted events are in {folder}.\n\n"
    ))
}
