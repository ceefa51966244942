//! `mistgate selftest`: what the running mistgate finds out about the way from Mist to the chats.

use std::process::ExitCode;

use mistgate_runtime::admin::mist::SELFTEST;

use crate::ask::{Failure, ask, member, number, read, text};

/// Prints each step with its time. The exit code is 1 if one failed.
pub(crate) fn run(config: Option<&str>) -> Result<ExitCode, Failure> {
    let steps = read(&ask(config, "POST", SELFTEST, "")?)?;
    let mut code = ExitCode::SUCCESS;
    for step in steps.as_array().into_iter().flatten() {
        let secs = number(step, "millis") as f64 / 1_000.0;
        let line = format!("{secs:5.1} s  {}", text(step, "what"));
        match member(step, "reason").as_str() {
            None => crate::say(&format!("{line}: yes")),
            Some(reason) => {
                crate::complain(&format!("{line}: {reason}"));
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}
