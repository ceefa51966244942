//! Questions to the running mistgate, and what is in its answers.

use mistgate_runtime::admin::control;
use mistgate_runtime::admin::control::{Answered, Failure};
use serde_json::Value;

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
    let Answered { status, body } = control::request(state_dir, method, path, body.into())?;
    let body = String::from_utf8_lossy(&body).into_owned();
    if status == 200 { Ok(body) } else { Err(Failure::Failed(body.trim_end().to_owned())) }
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
    serde_json::from_str(body).map_err(|_| Failure::Failed("its answer is not clear".to_owned()))
}

/// A list; empty where it is not known.
pub(crate) fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// A text; `-` where it is not known.
pub(crate) fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or("-")
}

/// A number; zero where it is not known.
pub(crate) fn number(value: &Value, name: &str) -> u64 {
    value.get(name).and_then(Value::as_u64).unwrap_or_default()
}

/// A time as people write it, up to the minute.
pub(crate) fn time(value: &Value, name: &str) -> String {
    let time = text(value, name);
    time.get(..16).map_or_else(|| time.to_owned(), |time| time.replace('T', " "))
}
