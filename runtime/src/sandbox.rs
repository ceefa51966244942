//! What mistgate gives up before it serves, so that whoever takes it over has little: rights of
//! root, rights to gain rights, files and TCP ports that the configuration does not name, and
//! system calls that it does not make.
//!
//! The kernel never gives back what is given up here, which a reload has to respect: see
//! [`Sandbox::permits`]. Landlock holds for the calling thread and those that it starts (a kernel
//! of before Linux 7.0 knows no other way), so this happens before there are others. It is not a
//! replacement for what a service manager can do from outside, but goes where that does not: to
//! single ports and folders, and to gateways without systemd.
//!
//! Memory is not locked into RAM (mlock): that would need a raised limit for all that is ever
//! allocated. Secrets are wiped when they are dropped, and whoever fears the swap encrypts it.

mod account;
mod calls;
mod domain;
mod needs;

use std::fmt;

pub use self::needs::Needs;
use crate::journal::{Journal, Level};

/// Why mistgate cannot serve with so few rights. One line, saying what to do.
#[derive(Debug)]
pub struct Error(String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

/// What is left after [`enter`], or everything.
#[derive(Debug, Default)]
pub struct Sandbox {
    /// What the kernel lets us open; `None` for all.
    files: Option<Needs>,
    /// Whither it lets us connect, and what it lets us bind; `None` for all.
    ports: Option<Needs>,
}

/// Lets nobody else read what this process makes from here on.
pub fn keep_private() {
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
}

/// Gives up all that is not needed, as far as the kernel offers it, and says in one line of the
/// journal what holds and what does not. To be called while there is one thread.
pub fn enter(needs: Needs, journal: &Journal) -> Result<Sandbox, Error> {
    let mut told = Told::default();
    let account = account::leave(&needs, &mut told)?;
    let confined = domain::enter(&needs, &mut told);
    calls::restrict(&mut told);
    let (holds, lacks) = (told.holds.join(", "), told.lacks.join(", "));
    let mut values: Vec<(&str, &dyn fmt::Display)> = vec![("holds", &holds), ("user", &account)];
    if !lacks.is_empty() {
        values.push(("lacks", &lacks));
    }
    journal.note(Level::Info, "sandbox", &values);
    Ok(Sandbox {
        files: confined.files.then(|| needs.clone()),
        ports: confined.ports.then_some(needs),
    })
}

impl Sandbox {
    /// Everything is permitted, because somebody wanted it so.
    pub fn none(journal: &Journal) -> Self {
        let reason = "--unsafe-no-sandbox";
        journal.note(Level::Warning, "sandbox_off", &[("reason", &reason)]);
        Self::default()
    }

    /// Whether another configuration can do with what is left. The problems are one line each.
    pub fn permits(&self, needs: &Needs) -> Result<(), Vec<String>> {
        let folders = self.files.iter().flat_map(|left| left.missing_folders(needs));
        let ports = self.ports.iter().flat_map(|left| left.missing_ports(needs));
        let problems: Vec<String> = folders.chain(ports).collect();
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// Whether the kernel refuses to open this file because of us.
    pub fn refuses(&self, path: &str) -> bool {
        self.files.as_ref().is_some_and(|left| !left.may_read(path))
    }
}

/// What becomes a line of the journal.
#[derive(Debug, Default)]
struct Told {
    holds: Vec<String>,
    lacks: Vec<String>,
}

impl Told {
    /// Takes in what became of one measure.
    fn note<E: fmt::Display>(&mut self, measure: &str, result: Result<(), E>) {
        match result {
            Ok(()) => self.holds.push(measure.to_owned()),
            Err(reason) => self.lacks.push(format!("{measure} ({reason})")),
        }
    }
}

#[cfg(test)]
mod tests;
