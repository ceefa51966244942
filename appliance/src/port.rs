//! `mistgate port`

use std::{env, fs, os::unix::fs::MetadataExt as _, path::Path, path::PathBuf, sync::Arc};

use mistgate_core::ports::{audit, port::Failed, report::Report, switch_port::Mode};
use mistgate_runtime::base::{clock::Clock, journal::Format, journal::Journal, journal::Level};
use mistgate_runtime::ports::manual::{Change, Outcome, Wanted};
use mistgate_runtime::{host::load::Loaded, ports::audit_file};

use crate::args::port::{Audit, Diff, Port, PortKind, Reject, Set};
use crate::{ask::Failure, changes, terminal};

/// The most characters of a user's name.
const USER_MAX: usize = 64;

pub(crate) fn run(args: Port) -> Result<(), Failure> {
    match args.kind {
        PortKind::Approve(args) => changes::approve(&args),
        PortKind::List(args) => changes::list(&args),
        PortKind::Reject(Reject { config, id }) => {
            changes::order(config.as_deref(), &[id], "reject")
        }
        PortKind::Undo(args) => changes::undo(&args),
        PortKind::Audit(Audit { config, verify: true }) => verify(&config),
        PortKind::Audit(_) => Err("nothing to do — --verify checks each line".to_owned().into()),
        PortKind::Diff(Diff { config, switch, port, mode }) => {
            smol::block_on(diff(&config, &Wanted { switch, port, mode }))
        }
        PortKind::Set(Set { config, switch, port, mode, yes }) => {
            smol::block_on(set(&config, &Wanted { switch, port, mode }, yes))
        }
    }
}

/// Sees whether each line of the audit follows from the one before it.
fn verify(config: &str) -> Result<(), Failure> {
    let state_dir = crate::state_dir(Some(config))?;
    let files = audit_file::files(Path::new(&state_dir));
    let read = |path: &PathBuf| {
        fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
    };
    let texts = files.iter().map(read).collect::<Result<Vec<String>, String>>()?;
    let places = files.iter().zip(&texts);
    let mut places =
        places.flat_map(|(path, text)| (1..=text.lines().count()).map(move |n| (path, n)));
    match audit::misplaced(texts.iter().flat_map(|text| text.lines())) {
        Some(index) => {
            let place = places.nth(index).map(|(path, n)| format!("{}: line {n}", path.display()));
            let place = place.unwrap_or_default();
            Err(format!("{place} does not follow from the one before it").into())
        }
        None => {
            crate::say(&format!("{} lines, each in its place", places.count()));
            Ok(())
        }
    }
}

async fn diff(config: &str, wanted: &Wanted) -> Result<(), Failure> {
    let change = find(config, wanted).await?;
    show(&change, wanted).await?;
    if let Some(refusal) = change.refusal() {
        crate::say(&format!("mistgate port set would be refused, because {refusal}"));
    }
    Ok(())
}

async fn set(config: &str, wanted: &Wanted, yes: bool) -> Result<(), Failure> {
    if !yes && !terminal::is_there() {
        let what = "there is no terminal to ask on — --yes makes the change unasked";
        return Err(what.to_owned().into());
    }
    let change = find(config, wanted).await?;
    let switch_port = switch_port(&change, wanted);
    if let Some(refusal) = change.refusal() {
        return Err(format!("{switch_port}: refused, because {refusal}").into());
    }
    if show(&change, wanted).await?.is_empty() {
        return Ok(());
    }
    if !yes && !terminal::confirm(&format!("Change {switch_port}?"))? {
        return Err(format!("{switch_port}: nothing is changed").into());
    }
    let Outcome { report, is_running, unwritten } = change.push(&user()).await?;
    let line = |reason| format!("\n{switch_port}: this could not be written down: {reason}");
    let unwritten: String = unwritten.iter().map(line).collect();
    let mode = wanted.mode.name();
    if let Report::Refused { refusal, .. } = &report {
        return Err(format!("{switch_port}: refused, because {refusal}{unwritten}").into());
    }
    if let Report::Failed { failed: Failed { failure, retry, .. }, .. } = &report {
        let what = match retry {
            Some(_) => format!(
                "it is not known whether this was changed, because {failure} — see mistgate port \
                 diff"
            ),
            None => format!("nothing is changed, because {failure}"),
        };
        return Err(format!("{switch_port}: {what}{unwritten}").into());
    }
    match (&report, report.kind()) {
        (Report::Settled { .. }, "PORT_UNCHANGED") => {
            crate::say(&format!("{switch_port}: has mode {mode} already"));
        }
        (Report::Settled { .. }, _) => {
            crate::say(&format!("{switch_port}: done, it has mode {mode}"));
        }
        (_, kind) => return Err(format!("{switch_port}: {kind}").into()),
    }
    if is_running {
        let until = match wanted.mode {
            Mode::Ap => "an AP that it sees there leaves it",
            Mode::Default => "an AP comes there",
        };
        crate::say(&format!(
            "The mistgate that runs is not told. It leaves the port like this until {until}."
        ));
    }
    if unwritten.is_empty() { Ok(()) } else { Err(unwritten.trim_start().to_owned().into()) }
}

async fn find(config: &str, wanted: &Wanted) -> Result<Change, String> {
    let Loaded { config, made, .. } = crate::load(Some(config))?;
    let (login, outbound) = made.outgoing(Clock::start());
    let journal = Arc::new(Journal::new(Format::Text, Level::Warning));
    Change::find(&config, wanted, login, outbound, journal).await
}

/// Prints what the change would do.
async fn show(change: &Change, wanted: &Wanted) -> Result<String, String> {
    let (switch_port, mode) = (switch_port(change, wanted), wanted.mode.name());
    let explain =
        |failure| format!("{switch_port}: what would change is not known, because {failure}");
    let difference = change.difference().await.map_err(explain)?;
    if let Some(method) = change.blind() {
        crate::say(&format!(
            "{switch_port}: for mode {mode} {method} would apply this. What the port has it does not \
             tell."
        ));
    } else if difference.is_empty() {
        crate::say(&format!("{switch_port}: nothing to change, it has mode {mode} already"));
        return Ok(difference);
    } else {
        crate::say(&format!("{switch_port}: for mode {mode} this would change:"));
    }
    crate::say(&difference);
    Ok(difference)
}

/// The name of the port for people, such as `access-1 ge-0/0/7`.
fn switch_port(change: &Change, wanted: &Wanted) -> String {
    format!("{} {}", change.switch(), wanted.port)
}

/// Who gives the command, as far as the system knows: `alice`, or `alice as root` after sudo(8).
fn user() -> String {
    let uid = fs::metadata("/proc/self").map_or(0, |own| own.uid());
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then_some(name)
    });
    let name = name.map_or_else(|| format!("user {uid}"), str::to_owned);
    let is_name = |name: &String| {
        let fits = |c: char| c.is_ascii_graphic();
        (1..=USER_MAX).contains(&name.len()) && name.chars().all(fits)
    };
    match env::var("SUDO_USER").ok().filter(is_name) {
        Some(sudoer) if uid == 0 => format!("{sudoer} as {name}"),
        Some(_) | None => name,
    }
}
