//! `mistgate route`

use std::{fmt, fs, io, io::Read as _};

use mistgate_core::{chat::shape::Form, config::checked::Config};
use mistgate_core::{delivery::config::Destination, event::Event, matcher::Field};
use mistgate_core::{notify::topics::describe, route::Decision, route::route, webhook::envelope};
use mistgate_runtime::host::load::Loaded;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::{args::Route, first_start};

pub(crate) fn run(args: &Route) -> Result<(), String> {
    if args.config.is_none() {
        first_start::make_missing()?;
    }
    let Loaded { config, .. } = crate::load(args.config.as_deref())?;
    let (name, body) = read(args.body.as_deref())?;
    let envelope = envelope::parse(&body).map_err(|error| format!("{name}: {error}"))?;
    for event in &envelope.events {
        let decision = route(event, &config.chat.routes);
        if args.payloads {
            payloads(&config, event, &decision)?;
        } else {
            let kind = event.kind().unwrap_or("-".into());
            let (topic, routed) = (event.topic().name(), Routed::of(&config, event, &decision));
            crate::say(&format!("{topic} {kind} -> {routed}"));
        }
    }
    if envelope.broken > 0 {
        let broken = envelope.broken;
        crate::complain(&format!("{name}: {broken} of its events are not JSON objects"));
    }
    Ok(())
}

fn read(body: Option<&str>) -> Result<(&str, Vec<u8>), String> {
    let name = body.unwrap_or("standard input");
    let mut bytes = Vec::new();
    let read = match body {
        Some(name) => fs::read(name).map(|read| bytes = read),
        None => io::stdin().lock().read_to_end(&mut bytes).map(drop),
    };
    read.map_err(|error| format!("{name}: {error}"))?;
    Ok((name, bytes))
}

/// Where an event goes with a configuration. Prints as `channel: destinations (why)`.
#[derive(Serialize)]
pub(crate) struct Routed<'c> {
    channel: Option<&'c str>,
    /// The names of those that get a message.
    pub(crate) destinations: Vec<&'c str>,
    reason: String,
}

impl<'c> Routed<'c> {
    pub(crate) fn new(config: &'c Config, event: &Event<'_>) -> Self {
        Self::of(config, event, &route(event, &config.chat.routes))
    }

    fn of(config: &'c Config, event: &Event<'_>, decision: &Decision<'c>) -> Self {
        let names = config.chat.chosen(decision).map(|to| to.name.as_str());
        let rules = &config.chat.routes.rules;
        let rule = |place: &usize| Some(format!("chat.route[{place}]: {}", rules.get(*place)?));
        let taken = decision.rules.iter().filter_map(rule);
        let mut why: Vec<String> = taken.chain([decision.why.to_string()]).collect();
        let mut rules = rules.iter();
        if event.text("site_name").is_none() && rules.any(|rule| rule.matcher.names(Field::Site)) {
            why.push("the event does not name its site, so no rule for a name matches".to_owned());
        }
        let reason = why.join("; ");
        Self { channel: decision.channel, destinations: names.collect(), reason }
    }

    /// Whether an event goes the same way, for whatever reason.
    pub(crate) fn is_same(&self, other: &Routed<'_>) -> bool {
        (self.channel, &self.destinations) == (other.channel, &other.destinations)
    }
}

impl fmt::Display for Routed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { channel, destinations, reason } = self;
        match (channel, destinations.as_slice()) {
            (None, _) => write!(f, "dropped ({reason})"),
            (Some(channel), []) => write!(f, "{channel}: no destination ({reason})"),
            (Some(channel), names) => write!(f, "{channel}: {} ({reason})", names.join(", ")),
        }
    }
}

/// One line of `--payloads`.
#[derive(Serialize)]
struct Line<'a> {
    topic: &'a str,
    r#type: Option<&'a str>,
    channel: Option<&'a str>,
    /// Its name; that of a short form is its kind's.
    destination: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

fn payloads(config: &Config, event: &Event<'_>, decision: &Decision<'_>) -> Result<(), String> {
    let kind = event.kind();
    let (topic, r#type) = (event.topic().name(), kind.as_deref());
    let channel = decision.channel;
    let print = |line: &Line<'_>| {
        crate::say(&serde_json::to_string(line).map_err(|error| error.to_string())?);
        Ok::<_, String>(())
    };
    let chosen: Vec<&Destination> = config.chat.chosen(decision).collect();
    if chosen.is_empty() {
        let why = &decision.why;
        let reason = channel.map_or_else(
            || why.to_string(),
            |name| format!("no destination serves the channel {name} ({why})"),
        );
        let (destination, kind, payload, reason) = (None, None, None, Some(reason));
        return print(&Line { topic, r#type, channel, destination, kind, payload, reason });
    }
    let notification = describe(event, decision.severity, &config.mist.dashboard_host);
    for to in chosen {
        // Without what is secret in it.
        let shaped = Destination { options: to.options.shown(), ..to.clone() }
            .shape(&notification, Form::Rich);
        let payload = RawValue::from_string(shaped.body).map_err(|error| error.to_string())?;
        let (destination, kind) = (Some(&*to.chat), Some(to.kind.name));
        let told = "it is told of incidents and not of each event";
        let reason = to.kind.is_grouped.then(|| told.to_owned());
        let payload = Some(&*payload).filter(|_| reason.is_none());
        print(&Line { topic, r#type, channel, destination, kind, payload, reason })?;
    }
    Ok(())
}
