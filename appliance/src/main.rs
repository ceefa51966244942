//! mistgate: Mist webhooks to chat, switch ports for access points, and the Micronets websocket
//! proxy. Each command has a file of its own; this one maps results to exit codes: 0 done, 1
//! refused or failed, 2 wrong usage, 3 no mistgate runs.

mod args;
mod ask;
mod cert;
mod changes;
mod check;
mod connect;
mod dead_letter;
mod files;
mod first_start;
mod guide;
mod import;
mod incident;
mod init;
mod install;
mod mist;
mod port;
mod replay;
mod route;
mod run;
mod selftest;
mod send_test;
mod silence;
mod starter;
mod status;
mod store;
mod terminal;
mod version;

use std::{fs, io, io::Write as _, process::ExitCode, process::Termination};

use mistgate_runtime::host::load::Loaded;

use args::{Args, Command};
use ask::Failure;

/// musl's own maps and unmaps memory for each large message.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    let command = match Args::from_process() {
        Ok(Args { command }) => command,
        Err(early) => {
            return if early.status.is_ok() {
                say(&early.output);
                ExitCode::SUCCESS
            } else {
                complain(early.output.trim_end());
                ExitCode::from(2)
            };
        }
    };
    match command {
        Command::Cert(args) => end(cert::run(&args)),
        Command::Check(args) => end(check::run(&args)),
        Command::Connect(args) => end(connect::run(args)),
        Command::DeadLetter(args) => end(dead_letter::run(&args)),
        Command::Import(args) => end(import::run(&args)),
        Command::Incident(args) => end(incident::run(&args)),
        Command::Init(args) => end(init::run(&args)),
        Command::Install(args) => end(install::run(&args)),
        Command::Mist(args) => mist::run(args),
        Command::Port(args) => end(port::run(args)),
        Command::Replay(args) => end(replay::run(&args)),
        Command::Route(args) => end(route::run(&args)),
        Command::Run(args) => end(run::run(&args)),
        Command::Selftest(args) => end(selftest::run(args.config.as_deref())),
        Command::SendTest(args) => end(send_test::run(&args)),
        Command::Silence(args) => end(silence::run(&args)),
        Command::Status(args) => end(status::run(&args)),
        Command::Store(args) => end(store::run(&args)),
        Command::Version(args) => end(version::run(&args)),
    }
}

/// The exit code of a command, whose failure is printed.
fn end(result: Result<impl Termination, impl Into<Failure>>) -> ExitCode {
    let failed = |failure: Failure| {
        complain(&failure.to_string());
        failure.code()
    };
    result.map_or_else(|failure| failed(failure.into()), Termination::report)
}

/// The state folder of the mistgate with this configuration file; without one, of the service that
/// is installed, else of the built-in configuration.
fn state_dir(file: Option<&str>) -> Result<String, Failure> {
    let service = Some(install::CONFIG).filter(|file| fs::exists(file).unwrap_or(true));
    Ok(mistgate_runtime::host::load::state_dir(file.or(service))?)
}

/// Reads a configuration from a file, or else the built-in one. The error names each problem on a
/// line of its own.
fn load(file: Option<&str>) -> Result<Loaded, String> {
    mistgate_runtime::host::load::load(file).map_err(|problems| problems.join("\n"))
}

/// Prints to standard output. That its reader went away is no failure.
fn say(text: &str) {
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// Prints to standard error.
fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
