//! The simulated switch as a program, which `sshd` starts for its `netconf` subsystem.
//!
//! ```text
//! switch [OPTIONS]                  one session, and a switch that lives as long as it
//! switch [OPTIONS] --listen SOCKET  a switch; prints one line when it listens
//! switch --connect SOCKET           one session with that switch
//! ```
//!
//! Options: `--style plain|old|rfc-compliant|chunked`, `--commit-time MILLISECONDS`.

use std::error::Error;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::time::Duration;
use std::{env, io, thread};

use mistgate_tests::ports::switch::{Config, answer::Style, serve::Shared};

fn main() -> Result<(), Box<dyn Error>> {
    let mut config = Config { undoes_when_killed: true, ..Config::default() };
    let (mut listen, mut connect) = (None, None);
    let mut arguments = env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{name} wants a value"))?;
        match name.as_str() {
            "--commit-time" => config.commit_time = Duration::from_millis(value.parse()?),
            "--connect" => connect = Some(value),
            "--listen" => listen = Some(value),
            "--style" => {
                config.style = match value.as_str() {
                    "chunked" => Style::Chunked,
                    "old" => Style::Old,
                    "plain" => Style::Plain,
                    "rfc-compliant" => Style::RfcCompliant,
                    _ => return Err(format!("no such style: {value}").into()),
                }
            }
            _ => return Err(format!("no such option: {name}").into()),
        }
    }
    if let Some(path) = connect {
        return Ok(bridge(&UnixStream::connect(path)?)?);
    }
    let interfaces = (0..48).map(|port| (format!("ge-0/0/{port}"), (false, None)));
    config.interfaces = interfaces.collect();
    let shared = Arc::new(Shared::new(config));
    let Some(path) = listen else {
        return Ok(shared.serve(io::stdin(), io::stdout())?);
    };
    let listener = UnixListener::bind(&path)?;
    writeln!(io::stdout(), "listening on {path}")?;
    for stream in listener.incoming() {
        let (shared, stream) = (Arc::clone(&shared), stream?);
        thread::spawn(move || shared.serve_socket(&stream));
    }
    Ok(())
}

/// Copies bytes both ways until the switch closes.
fn bridge(stream: &UnixStream) -> io::Result<()> {
    let mut up = stream.try_clone()?;
    thread::spawn(move || {
        let _ = io::copy(&mut io::stdin().lock(), &mut up);
        // Tells the switch that its client has gone.
        let _ = up.shutdown(Shutdown::Write);
    });
    let (mut down, mut stdout) = (stream, io::stdout().lock());
    let mut buffer = [0; 16 << 10];
    while let count @ 1.. = down.read(&mut buffer)? {
        stdout.write_all(buffer.split_at(count).0)?;
        // Standard output is buffered by lines, and a message need not end with one.
        stdout.flush()?;
    }
    Ok(())
}
