//! Questions to the running mistgate, and what is in its answers.

use std::process::ExitCode;

use mistgate_runtime::admin::control;
use serde_json::Value;

/// Why a command ends before its end, in words.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{0}")]
    Failed(String),
    /// None runs with this state folder.
    #[error("{0}: no mistgate runs with this state folder")]
    NotRunning(String),
    /// What another command line would give is missing.
    #[error("{0}")]
    Usage(String),
}

impl From<String> for Failure {
    fn from(reason: String) -> Self {
        Self::Failed(reason)
    }
}

impl Failure {
    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::NotRunning(_) => 3,
        })
    }
}

/// The HTTP status of an answer, and its body.
pub(crate) type Answered = (u16, String);

/// Asks the mistgate with this state folder.
pub(crate) fn request(
    state_dir: &str,
    method: &str,
    path: &str,
    body: impl Into<String>,
) -> Result<Answered, Failure> {
    let answered = control::request(state_dir, method, path, body.into())?;
    answered.ok_or_else(|| Failure::NotRunning(state_dir.to_owned()))
}

/// The body of an answer that is 200, of the mistgate with this configuration file.
pub(crate) fn ask(
    config: Option<&str>,
    method: &str,
    path: &str,
    body: impl Into<String>,
) -> Result<String, Failure> {
    ask_in(&crate::state_dir(config)?, method, path, body)
}

/// As [`ask`], of the mistgate with this state folder.
pub(crate) fn ask_in(
    state_dir: &str,
    method: &str,
    path: &str,
    body: impl Into<String>,
) -> Result<String, Failure> {
    match request(state_dir, method, path, body)? {
        (200, body) => Ok(body),
        (_, reason) => Err(reason.trim_end().to_owned().into()),
    }
}

/// Prints an answer, as it is or in words.
pub(crate) fn show(
    config: Option<&str>,
    path: &str,
    is_json: bool,
    words: impl Fn(&Value) -> String,
) -> Result<(), Failure> {
    let body = ask(config, "GET", path, "")?;
    crate::say(&if is_json { body.trim_end().to_owned() } else { words(&read(&body)?) });
    Ok(())
}

/// Has something done with what has this number, and prints what became of it.
pub(crate) fn act(config: Option<&str>, path: &str, id: u64, body: &str) -> Result<(), Failure> {
    let said = ask(config, "POST", path, body)?;
    crate::say(&format!("{id}: {}", said.trim_end()));
    Ok(())
}

/// The JSON of an answer.
pub(crate) fn read(body: &str) -> Result<Value, Failure> {
    serde_json::from_str(body).map_err(|_| "its answer is not clear".to_owned().into())
}

/// What is at a path of names, such as `ports.mode`; null where that is not known.
pub(crate) fn member<'v>(value: &'v Value, path: &str) -> &'v Value {
    let mut names = path.split('.');
    names.try_fold(value, |value, name| value.get(name)).unwrap_or(&Value::Null)
}

/// A list; empty where it is not known.
pub(crate) fn list<'v>(value: &'v Value, path: &str) -> &'v [Value] {
    member(value, path).as_array().map(Vec::as_slice).unwrap_or_default()
}

/// A text; `-` where it is not known.
pub(crate) fn text<'v>(value: &'v Value, path: &str) -> &'v str {
    member(value, path).as_str().unwrap_or("-")
}

/// A number; zero where it is not known.
pub(crate) fn number(value: &Value, path: &str) -> u64 {
    member(value, path).as_u64().unwrap_or_default()
}

/// A time as people write it, up to the minute.
pub(crate) fn time(value: &Value, path: &str) -> String {
    let time = text(value, path);
    time.get(..16).map_or_else(|| time.to_owned(), |time| time.replace('T', " "))
}
