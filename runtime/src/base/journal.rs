//! The only place that prints: one line for each event.
//!
//! Levels: *error* — events may be lost, or the program must stop; *warning* — something needs a
//! person; *info* — what an operator wants to find a week later; *debug* — what a developer wants.
//! A line is `key=value` pairs in logfmt's quoting, or one JSON object. Values are bounded, and no
//! call site has a secret at hand: URLs and tokens are
//! [`Secret`](mistgate_core::base::secret::Secret)s.

use std::sync::atomic::{AtomicU64, Ordering};
use std::{fmt, fmt::Write as _, io, io::Write as _, mem, os::fd::AsFd, time::Duration};

use mistgate_core::base::{order, text, text::cut_bytes};
use mistgate_core::ports::{audit, audit::Note};
use mistgate_core::{engine::output::Event, event::ports::PortEvent, incident, notify::Severity};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::base::{clock, metrics::Counter, metrics::Histogram, metrics::Metrics, sync::Mutex};

/// The fields of a line beside time, level and event, in order.
pub type Fields<'a> = &'a [(&'a str, &'a dyn fmt::Display)];

/// Makes [`Fields`]: `fields![listener = name, address]` is short for
/// `fields![listener = name, address = address]`.
macro_rules! fields {
    (@value $key:ident) => { &$key };
    (@value $key:ident $value:expr) => { &$value };
    ($($key:ident $(= $value:expr)?),+ $(,)?) => {
        &[$((
            stringify!($key),
            $crate::base::journal::fields!(@value $key $($value)?) as &dyn ::std::fmt::Display,
        )),+]
    };
}
pub(crate) use fields;

/// The most bytes of one value; less where a line would be too long.
const VALUE_MAX: [usize; 3] = [500, 100, 20];
/// The most bytes of a line. A pipe or socket that takes any bytes takes so many at once
/// (`PIPE_BUF` of pipe(7)).
const LINE_MAX: usize = 4_096;

/// The most lines in a second that clients and their events may cause, and as many that those may
/// cause who are not let in.
const CLIENT_LINES_MAX: u32 = 20;

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What a developer wants.
    Debug,
    /// What an operator wants to find later.
    Info,
    /// Something needs a person.
    Warning,
    /// Events may be lost, or the program must stop.
    Error,
}

impl Level {
    /// The word in the line and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl std::str::FromStr for Level {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        [Self::Debug, Self::Info, Self::Warning, Self::Error]
            .into_iter()
            .find(|level| level.name() == name)
            .ok_or_else(|| format!("expected debug, info, warning or error, got {name}"))
    }
}

/// How a line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// `time=… level=… event=… key=value …`
    #[default]
    Text,
    /// One JSON object.
    Json,
}

impl std::str::FromStr for Format {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(format!("expected text or json, got {name}")),
        }
    }
}

/// Counts the lines of the current second that clients caused.
#[derive(Debug, Default)]
struct Quota {
    second: i64,
    lines: u32,
    left_out: u64,
}

/// The journal of the process, with the metrics that follow from it.
#[derive(Debug)]
pub struct Journal {
    format: Format,
    level: Level,
    clients: Mutex<Quota>,
    strangers: Mutex<Quota>,
    /// Lines since the last one that nobody took.
    unread: AtomicU64,
    /// The counters that the lines feed.
    pub metrics: Metrics,
}

impl Journal {
    /// A journal on standard error.
    pub fn new(format: Format, level: Level) -> Self {
        Self {
            format,
            level,
            clients: Mutex::default(),
            strangers: Mutex::default(),
            unread: AtomicU64::new(0),
            metrics: Metrics::default(),
        }
    }

    /// Prints a line, if its level is wanted. Where nobody reads standard error the line is left
    /// out: nothing waits for a log.
    pub fn note(&self, level: Level, event: &str, values: Fields<'_>) {
        if level < self.level {
            return;
        }
        let line = self.line(level, event, values);
        let mut stderr = io::stderr().lock();
        if !is_read(&stderr) {
            self.unread.fetch_add(1, Ordering::Relaxed);
            self.metrics.add(Counter::LinesLeftOut, &[("reason", "unread")], 1);
            return;
        }
        // An error of standard error cannot be reported anywhere.
        let _ = stderr.write_all(line.as_bytes());
        let lines = self.unread.swap(0, Ordering::Relaxed);
        if lines > 0 {
            drop(stderr);
            self.note(Level::Warning, "lines_left_out", fields![lines, reason = "unread"]);
        }
    }

    /// Prints a line that a client can cause at will: at most twenty in a second, and then one line
    /// with the number left out.
    pub fn client(&self, level: Level, event: &str, values: Fields<'_>) {
        if self.has_room(&self.clients) {
            self.note(level, event, values);
        }
    }

    /// Counts that somebody was not let in at `place`, and prints it, in lines that other clients
    /// cannot use up.
    pub fn stranger(&self, place: &str, level: Level, event: &str, values: Fields<'_>) {
        self.metrics.add(Counter::AuthFailures, &[("place", place)], 1);
        if self.has_room(&self.strangers) {
            self.note(level, event, values);
        }
    }

    fn has_room(&self, quota: &Mutex<Quota>) -> bool {
        let second = clock::wall().as_secs();
        let mut quota = quota.lock();
        let mut lines = 0;
        if quota.second != second {
            let fresh = Quota { second, ..Quota::default() };
            lines = mem::replace(&mut *quota, fresh).left_out;
        }
        let has_room = quota.lines < CLIENT_LINES_MAX;
        if has_room {
            quota.lines += 1;
        } else {
            quota.left_out += 1;
            self.metrics.add(Counter::LinesLeftOut, &[("reason", "quota")], 1);
        }
        drop(quota);
        if lines > 0 {
            self.note(Level::Warning, "lines_left_out", fields![lines, reason = "quota"]);
        }
        has_room
    }

    /// Prints a payload for the chat `console` on standard output.
    pub fn console(&self, payload: &str) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{payload}")?;
        stdout.flush()
    }

    /// Prints and counts an event of the engine.
    pub fn emit(&self, event: &Event) {
        let count = |counter, labels: &[_], events| self.metrics.add(counter, labels, events);
        match event {
            Event::Accepted { batch, events } => {
                count(Counter::Accepted, &[], *events);
                self.note(Level::Debug, "accepted", fields![batch, events]);
            }
            Event::Delivered { to, events, form, latency } => {
                let labels = [("destination", to.name.as_str())];
                count(Counter::Delivered, &labels, *events);
                count(Counter::Messages, &labels, 1);
                if let Some(latency) = latency {
                    self.metrics.observe(Histogram::Delivery, &labels, *latency);
                }
                let ms = latency.map_or(String::new(), |latency| latency.as_millis().to_string());
                let values = fields![to = to.name, events, form = form.name(), after_ms = ms];
                self.note(Level::Info, "delivered", values);
            }
            Event::Dropped { to, events, loss } => {
                let to = to.as_ref().map_or("none", |to| to.name.as_str());
                let reason = loss.name();
                count(Counter::Dropped, &[("destination", to), ("reason", reason)], *events);
                self.note(Level::Error, "dropped", fields![to, events, reason]);
            }
            Event::Incident(event) => self.incident(event),
            Event::Parked { to, reason, probe_after } => {
                let (to, reason) = (to.name.as_str(), reason.name());
                count(Counter::Retried, &[("destination", to), ("reason", reason)], 1);
                let retry_s = probe_after.as_secs();
                self.note(Level::Warning, "parked", fields![to, reason, retry_s]);
            }
            Event::Refused { events } => {
                count(Counter::StoreFailures, &[], 1);
                self.note(Level::Error, "store_refused", fields![events]);
            }
            // The gauge of parked destinations tells.
            Event::Resumed { to } => self.note(Level::Info, "resumed", fields![to = to.name]),
            Event::Retrying { to, failures, after, reason } => {
                let (to, reason) = (to.name.as_str(), reason.name());
                count(Counter::Retried, &[("destination", to), ("reason", reason)], 1);
                let after_ms = after.as_millis();
                self.note(Level::Warning, "retrying", fields![to, reason, failures, after_ms]);
            }
            Event::Suppressed { events } => {
                count(Counter::Duplicates, &[], *events);
                self.note(Level::Debug, "duplicates", fields![events]);
            }
            Event::Told { to, form } => {
                count(Counter::Messages, &[("destination", to.name.as_str())], 1);
                self.note(Level::Info, "told", fields![to = to.name, form = form.name()]);
            }
        }
    }

    /// Most of these are told by the gauges of open incidents and of silences.
    fn incident(&self, event: &incident::output::Event) {
        use incident::output::Event::{Counted, Full, Opened, Over, SilenceOver};
        match event {
            Counted { to, fate, events } => {
                let labels = [("destination", &**to), ("fate", fate.name())];
                self.metrics.add(Counter::Fates, &labels, *events);
                self.note(Level::Debug, "counted", fields![to, as = fate.name(), events]);
            }
            Full => self.note(Level::Error, "incidents_full", &[]),
            Opened { id, condition } => {
                self.metrics.add(Counter::Incidents, &[("condition", condition)], 1);
                self.client(Level::Info, "incident_opened", fields![id, condition]);
            }
            Over { id, condition } => {
                self.client(Level::Info, "incident_over", fields![id, condition]);
            }
            SilenceOver(id) => self.note(Level::Info, "silence_over", fields![id]),
        }
    }

    /// Prints and counts a report about switch ports, by its event and what became of its changes.
    pub fn reported(&self, event: &PortEvent, result: Option<&'static str>) {
        if let Some(rule) = &event.rule {
            self.metrics.add(Counter::PortRefusals, &[("rule", rule)], 1);
        }
        if let Some(failure) = &event.failure {
            self.metrics.add(Counter::PortFailures, &[("failure", failure)], 1);
        }
        if let Some(result) = result {
            self.metrics.add(Counter::PortChanges, &[("result", result)], event.changes.len());
        }
        for change in event.changes.iter().filter(|_| result == Some("done")) {
            let took = Duration::from_secs_f64(change.took);
            self.metrics.observe(Histogram::PortChange, &[], took);
        }
        for Note { event, severity, values } in audit::notes(event) {
            let level = match severity {
                Severity::Critical => Level::Error,
                Severity::Debug => Level::Debug,
                Severity::Info => Level::Info,
                Severity::Warning => Level::Warning,
            };
            let values: Vec<(&str, &dyn fmt::Display)> =
                values.iter().map(|(key, value)| (*key, value as &dyn fmt::Display)).collect();
            self.note(level, &event, &values);
        }
    }

    fn line(&self, level: Level, event: &str, values: Fields<'_>) -> String {
        let time = clock::wall().rfc3339();
        let fixed = fields![time, level = level.name(), event];
        let all = [fixed, values].concat();
        let mut lines = VALUE_MAX.into_iter().map(|value_max| self.line_of(&all, value_max));
        lines.find(|line| line.len() <= LINE_MAX).unwrap_or_default()
    }

    fn line_of(&self, values: Fields<'_>, value_max: usize) -> String {
        let pairs =
            values.iter().map(|(key, value)| (*key, cut_bytes(value.to_string(), value_max)));
        let mut line = String::new();
        match self.format {
            Format::Text => {
                for (key, value) in pairs {
                    let space = if line.is_empty() { "" } else { " " };
                    // Writing to a String does not fail.
                    let _ = write!(line, "{space}{key}={}", logfmt(&value));
                }
            }
            Format::Json => {
                let object =
                    order::collect(pairs.map(|(key, value)| (key.to_owned(), value.into())));
                line = text::visible_json(serde_json::Value::Object(object).to_string());
            }
        }
        line.push('\n');
        line
    }
}

/// Whether standard error takes a line now. Where the system cannot say, the attempt does.
fn is_read(stderr: &impl AsFd) -> bool {
    let mut polled = [PollFd::new(stderr, PollFlags::OUT)];
    !matches!(poll(&mut polled, Some(&Timespec::default())), Ok(0))
}

/// Quotes what a reader of `key=value` lines could misread; control characters are escaped.
fn logfmt(value: &str) -> String {
    let plain =
        |c: char| !text::is_hidden(c) && !c.is_whitespace() && !matches!(c, '"' | '=' | '\\');
    if !value.is_empty() && value.chars().all(plain) {
        value.to_owned()
    } else {
        format!("{value:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_whatever_is_in_it() {
        let values = fields![a = "b c\n\"d\"", n = 7, long = "é".repeat(1_000)];
        let text = Journal::new(Format::Text, Level::Info).line(Level::Info, "test", values);
        assert_eq!(text.matches('\n').count(), 1);
        assert!(text.contains(r#"level=info event=test a="b c\n\"d\"" n=7 long="#), "{text}");
        assert!(text.len() < 700);
        let json = Journal::new(Format::Json, Level::Info).line(Level::Info, "test", values);
        let json: serde_json::Value = serde_json::from_str(&json).expect("a JSON line");
        assert_eq!(json.get("a").and_then(serde_json::Value::as_str), Some("b c\n\"d\""));
        let controls = "\u{1}".repeat(500);
        let values: Vec<(&str, &dyn fmt::Display)> = vec![("x", &controls); 20];
        let json = Journal::new(Format::Json, Level::Info).line(Level::Info, "test", &values);
        assert!(json.len() < 4_096 && json.ends_with("}\n"), "{} bytes", json.len());
    }
}
