//! Questions to the person at the terminal.

use std::{io, io::IsTerminal as _, io::Write as _};

use mistgate_core::base::secret::Secret;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

/// The character of Ctrl-C.
const INTERRUPT: char = '\u{3}';

/// Whether somebody can be asked.
pub(crate) fn is_there() -> bool {
    io::stdin().is_terminal()
}

/// Asks for a line of text. Its end is an error.
pub(crate) fn ask(question: &str) -> Result<String, String> {
    let answer = line(question).map_err(|error| error.to_string())?;
    match answer.ends_with('\n') {
        true => Ok(answer.trim().to_owned()),
        false => Err("there is no answer".to_owned()),
    }
}

/// Asks on the terminal; whatever is no yes is a no.
pub(crate) fn confirm(question: &str) -> Result<bool, String> {
    let answer = line(&format!("{question} [y/N] ")).map_err(|error| error.to_string())?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// Asks for a secret, which the terminal does not show.
pub(crate) fn secret(question: &str) -> Result<Secret, String> {
    let stdin = io::stdin();
    let before = tcgetattr(&stdin).map_err(|error| error.to_string())?;
    let mut quiet = before.clone();
    // Ctrl-C too comes as a character, so that nothing ends us while the terminal is quiet.
    quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ISIG);
    tcsetattr(&stdin, OptionalActions::Flush, &quiet).map_err(|error| error.to_string())?;
    let answer = line(question).map(Secret::new);
    let restored = tcsetattr(&stdin, OptionalActions::Flush, &before);
    let _ = writeln!(io::stderr());
    restored.map_err(|error| error.to_string())?;
    let answer = answer.map_err(|error| error.to_string())?;
    match answer.expose().contains(INTERRUPT) {
        true => Err("interrupted".to_owned()),
        false => Ok(Secret::new(answer.expose().trim())),
    }
}

fn line(question: &str) -> io::Result<String> {
    let mut answer = String::new();
    write!(io::stderr(), "{question}")?;
    io::stdin().read_line(&mut answer)?;
    Ok(answer)
}
