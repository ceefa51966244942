//! What the process gives up before it serves, so that an attacker who takes it over gains little:
//! the rights of root, the ways to gain rights, files and TCP ports that the configuration does not
//! name, and system calls that it does not make.
//!
//! The kernel never gives these rights back, so a reload that needs more is refused: see
//! [`Sandbox::permits`]. Landlock confines the calling thread and those that it starts (before
//! Linux 7.0 there is no other way), so the sandbox is entered before there are other threads. It
//! does not replace the settings of a service manager. It reaches what they do not: single ports
//! and folders, and gateways without systemd.
//!
//! Memory is not locked into RAM (mlock): that would need a raised limit for everything that is
//! ever allocated. Secrets are wiped when they are dropped; an operator who fears the swap encrypts
//! it.

mod account;
mod calls;
mod domain;
mod needs;

use std::fmt;

use self::domain::Confined;
pub use self::needs::Needs;
use crate::base::journal::{Journal, Level, fields};

/// The rights that are left after [`enter`], or all of them.
#[derive(Debug, Default)]
pub struct Sandbox {
    needs: Needs,
    confined: Confined,
    /// Which measures hold, and which the kernel lacks.
    pub holds: String,
}

/// Makes files that this process creates from here on private to its user.
pub fn keep_private() {
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
}

/// Gives up all that is not needed, as far as the kernel offers it, and says in one line of the
/// journal what holds and what does not. `wish` says whether all of it must hold; without one,
/// nothing is given up. To be called while there is one thread.
///
/// The error says in one line why mistgate cannot serve with so few rights, and what to do.
pub fn enter(wish: Option<bool>, needs: Needs, journal: &Journal) -> Result<Sandbox, String> {
    let Some(is_required) = wish else {
        let reason = "--unsafe-no-sandbox";
        journal.note(Level::Warning, "sandbox_off", fields![reason]);
        return Ok(Sandbox::default());
    };
    let (account, confined, holds, lacks) = give_up(&needs)?;
    let mut values: Vec<(&str, &dyn fmt::Display)> = vec![("holds", &holds), ("user", &account)];
    if !lacks.is_empty() {
        values.push(("lacks", &lacks));
        journal.note(Level::Warning, "sandbox_incomplete", fields![lacks]);
    }
    journal.note(Level::Info, "sandbox", &values);
    if is_required && !lacks.is_empty() {
        return Err(format!(
            "--require-sandbox: the sandbox lacks {lacks} — see sandbox in the manual"
        ));
    }
    let holds = if lacks.is_empty() { holds } else { format!("{holds}; it lacks {lacks}") };
    Ok(Sandbox { needs, confined, holds })
}

/// What a sandbox on this machine would hold, and what the kernel lacks for it. This process gives
/// up its rights to find out: it can print and end.
pub fn try_out() -> Result<(String, String), String> {
    give_up(&Needs::default()).map(|(_, _, holds, lacks)| (holds, lacks))
}

/// Gives up all that is not needed. What holds, and what does not.
fn give_up(needs: &Needs) -> Result<(String, Confined, String, String), String> {
    let mut measures = Measures::default();
    let account = account::leave(needs, &mut measures)?;
    let confined = domain::enter(needs, &mut measures);
    calls::restrict(&mut measures);
    Ok((account, confined, measures.holds.join(", "), measures.lacks.join(", ")))
}

impl Sandbox {
    /// Whether another configuration needs no more than what is left. One line for each problem.
    pub fn permits(&self, needs: &Needs) -> Result<(), Vec<String>> {
        let problems = self.needs.missing(needs, &self.confined);
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// Whether it is the sandbox that keeps this file from being opened.
    pub fn refuses(&self, path: &str) -> bool {
        self.confined.files && !self.needs.may_read(path)
    }
}

/// Which measures hold and which the kernel lacks, for the journal.
#[derive(Debug, Default)]
struct Measures {
    holds: Vec<String>,
    lacks: Vec<String>,
}

impl Measures {
    /// Notes the result of one measure.
    fn note<E: fmt::Display>(&mut self, measure: &str, result: Result<(), E>) {
        match result {
            Ok(()) => self.holds.push(measure.to_owned()),
            Err(reason) => self.lacks.push(format!("{measure} ({reason})")),
        }
    }
}

#[cfg(test)]
mod tests;
