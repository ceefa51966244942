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

use self::domain::Confined;
pub use self::needs::Needs;
use crate::base::journal::{Journal, Level, fields};

/// What is left after [`enter`], or everything.
#[derive(Debug, Default)]
pub struct Sandbox {
    needs: Needs,
    /// Of what the kernel lets us have only what is needed.
    confined: Confined,
}

/// Lets nobody else read what this process makes from here on.
pub fn keep_private() {
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
}

/// Gives up all that is not needed, as far as the kernel offers it, and says in one line of the
/// journal what holds and what does not. To be called while there is one thread.
///
/// The error says in one line why mistgate cannot serve with so few rights, and what to do.
pub fn enter(needs: Needs, journal: &Journal) -> Result<Sandbox, String> {
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
    Ok(Sandbox { needs, confined })
}

impl Sandbox {
    /// Everything is permitted, because somebody wanted it so.
    pub fn none(journal: &Journal) -> Self {
        let reason = "--unsafe-no-sandbox";
        journal.note(Level::Warning, "sandbox_off", fields![reason]);
        Self::default()
    }

    /// Whether another configuration can do with what is left. The problems are one line each.
    pub fn permits(&self, needs: &Needs) -> Result<(), Vec<String>> {
        let mut problems = Vec::new();
        if self.confined.files {
            problems.extend(self.needs.missing_folders(needs));
        }
        if self.confined.ports {
            problems.extend(self.needs.missing_ports(needs));
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// Whether the kernel refuses to open this file because of us.
    pub fn refuses(&self, path: &str) -> bool {
        self.confined.files && !self.needs.may_read(path)
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
