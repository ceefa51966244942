//! What people read in each chat while something happens: the real engine, chats that take every
//! message after a moment, at the vendor's pace, and the messages as a person sees them.

use core::time::Duration;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use mistgate_core::base::machine::Machine;
use mistgate_core::base::secret::Secret;
use mistgate_core::base::time::{Instant, UnixTime};
use mistgate_core::chat::kind::{Kind, Options};
use mistgate_core::delivery::batch;
use mistgate_core::delivery::batch::EventKey;
use mistgate_core::delivery::config::{Chat, Delivery, Destination};
use mistgate_core::delivery::render::render;
use mistgate_core::engine::Engine;
use mistgate_core::engine::input::{Answer, Config, DestinationId, Input};
use mistgate_core::engine::output::{Message, Output, Put};
use mistgate_core::event::{Event, Topic};
use mistgate_core::incident;
use mistgate_core::incident::config::Rules;
use mistgate_core::notify::Severity;
use mistgate_core::route::{Routes, Target};
use mistgate_core::webhook::intake::{Intake, item};
use serde_json::{Value, json};

use crate::chat::limits::{VENDORS, Vendor, check, vendor};
use crate::chat::server::Answer as VendorAnswer;
use crate::chat::stand_in::Card;

/// When each conversation begins: 2025-11-28 14:18:00 UTC.
const BEGINNING: i64 = 1_764_339_480;
/// How long a chat takes to answer.
const LATENCY: Duration = Duration::from_millis(300);

/// One message that a person sees.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Since the beginning.
    pub at: Duration,
    /// The name of the destination.
    pub to: String,
    pub kind: &'static Kind,
    pub is_critical: bool,
    pub card: Card,
}

/// A conversation: chats, and the engine that writes to them.
pub struct Conversation {
    engine: Engine,
    chat: Chat,
    now: Instant,
    last_id: u64,
    batches: BTreeMap<u64, Vec<u8>>,
    answers: Vec<(Instant, DestinationId, u64, &'static Kind)>,
    inputs: Vec<Input>,
    pub seen: Vec<Seen>,
}

/// The three chats, and a person who is asked to help.
fn chats() -> Chat {
    let to = |chat: &str, kind: &'static Kind, channels: &[&str]| Destination {
        chat: chat.into(),
        name: format!("{chat}/{}", channels.first().unwrap_or(&"default")),
        is_named: false,
        kind,
        format: kind.default_format(),
        url: Some(Secret::new(format!("https://{chat}.example/"))),
        channels: channels.iter().map(|channel| (*channel).to_owned()).collect(),
        default: channels.is_empty(),
        pace: kind.pace.to_vec(),
        options: Options::default(),
        fallback: None,
    };
    let mut destinations: Vec<_> =
        VENDORS.iter().map(|vendor| to(vendor.kind.name, vendor.kind, &[])).collect();
    destinations.push(to("oncall", &mistgate_core::chat::slack::KIND, &["critical"]));
    let noc = [("*".to_owned(), Target::Channel("noc".to_owned()))].into();
    let overrides = [("mxedge-events".to_owned(), noc)].into();
    Chat {
        routes: Routes { overrides, ..Routes::default() }.into(),
        destinations,
        delivery: Delivery::default(),
    }
}

impl Conversation {
    /// Chats that know nothing, and an engine with these rules.
    pub fn new(rules: Rules) -> Self {
        let chat = chats();
        let config = Config {
            chat: chat.clone(),
            dedup_window: Duration::from_secs(3_600),
            incidents: rules,
            dashboard_host: "manage.mist.com".to_owned(),
            next_batch: 1,
        };
        let now = Instant::from_secs(1_000);
        let mut conversation = Self {
            engine: Engine::new(config, 1, now),
            chat,
            now,
            last_id: 0,
            batches: BTreeMap::new(),
            answers: Vec::new(),
            inputs: Vec::new(),
            seen: Vec::new(),
        };
        let clock =
            incident::input::Input::Clock { wall: conversation.wall(), is_synchronised: true };
        conversation.incident(clock);
        conversation
    }

    fn since(&self) -> Duration {
        self.now - Instant::from_secs(1_000)
    }

    /// What time it is.
    pub fn wall(&self) -> UnixTime {
        UnixTime::from_secs(BEGINNING).plus(self.since())
    }

    /// Lets time pass, to so long after the beginning.
    pub fn until(&mut self, since: Duration) {
        let end = Instant::from_secs(1_000) + since;
        loop {
            let answer_at = self.answers.iter().map(|(at, ..)| *at).min();
            let due = self.engine.poll_timeout().into_iter().chain(answer_at).min();
            let Some(due) = due.filter(|due| *due <= end) else { break };
            self.now = self.now.max(due);
            self.engine.handle_timeout(self.now);
            self.drain();
            let answered: Vec<_> = self.answers.extract_if(.., |(at, ..)| *at <= due).collect();
            for (_, destination, id, kind) in answered {
                let answer = taken(kind);
                let at = self.wall();
                self.input(Input::Answered { destination, id, answer: Ok(answer), at });
            }
        }
        self.now = end;
    }

    /// As `until`, in seconds.
    pub fn until_secs(&mut self, secs: u64) {
        self.until(Duration::from_secs(secs));
    }

    /// Hands in what a person or the topology says.
    pub fn incident(&mut self, input: incident::input::Input) {
        self.input(Input::Incident(input));
    }

    /// An event happens now.
    pub fn event(&mut self, topic: &str, kind: &str, members: Value) {
        let timestamp = self.wall().as_micros() as f64 / 1e6;
        let mut event = json!({ "type": kind, "org_id": "o", "timestamp": timestamp });
        let all = event.as_object_mut().expect("an object");
        all.extend(members.as_object().expect("an object").clone());
        let text = event.to_string();
        let event = Event::parse(Topic::parse(topic.into()), &text).expect("an object");
        self.last_id += 1;
        let intake = Intake {
            topic: topic.to_owned(),
            items: item(&self.chat, &event).into_iter().collect(),
            unrouted: 0,
            broken: 0,
            ap_events: Vec::new(),
            org: None,
        };
        let at = self.wall();
        self.input(Input::Request { id: self.last_id, intake, at });
    }

    /// The number of the incident of a subject.
    pub fn id_of(&self, subject: &str) -> u64 {
        let mut views = self.engine.incidents().views();
        views.find(|view| view.incident.subject == subject).expect("it is known").incident.id
    }

    fn input(&mut self, input: Input) {
        self.engine.handle_timeout(self.now);
        self.drain();
        self.engine.handle_input(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        loop {
            while let Some(output) = self.engine.poll_output() {
                self.execute(output);
            }
            let Some(input) = self.inputs.pop() else { break };
            self.engine.handle_input(self.now, input);
        }
    }

    fn execute(&mut self, output: Output) {
        match output {
            Output::Send { destination, to, id, message, form } => {
                let (payload, is_critical) = match message {
                    Message::Incidents(told) => {
                        let is_single = told.facts.iter().any(|fact| fact.label == "MAC");
                        let is_critical = told.severity == Severity::Critical && is_single;
                        (to.shape(&told, form), is_critical)
                    }
                    Message::Events(keys) => (self.events(&to, &keys, form), false),
                };
                assert_eq!(check(to.kind, &payload.body), Vec::<String>::new());
                let card = Card::read(vendor(to.kind).expect("a vendor"), &payload.body);
                let at = self.since();
                let (to, kind) = (to.name.clone(), to.kind);
                self.seen.push(Seen { at, to, kind, is_critical, card });
                self.answers.push((self.now + LATENCY, destination, id, kind));
            }
            Output::Store { put: Put { batch, .. }, bytes } => {
                self.batches.insert(batch, bytes);
                self.inputs.push(Input::Stored(batch));
            }
            Output::Event(_)
            | Output::KeepIncident { .. }
            | Output::KeepShown { .. }
            | Output::KeepSilence { .. }
            | Output::Recall { .. }
            | Output::Respond { .. }
            | Output::Settle { .. } => {}
        }
    }

    fn events(
        &self,
        to: &Destination,
        keys: &[EventKey],
        form: mistgate_core::chat::shape::Form,
    ) -> mistgate_core::chat::shape::Payload {
        let read = |key: &EventKey| {
            let bytes = self.batches.get(&key.batch).expect("it is stored");
            let batch = batch::decode(bytes).expect("our own bytes");
            let index = usize::try_from(key.index).expect("an index");
            (batch.topic(), *batch.events.get(index).expect("an index in the batch"))
        };
        let events: Vec<_> = keys.iter().map(read).collect();
        render(to, "manage.mist.com", &events, form).expect("events")
    }

    /// All of it, as people read it: for each destination from top to bottom.
    pub fn as_read(&self, about: &str) -> String {
        let mut text = format!("{about}\n");
        let mut names: Vec<&str> = self.seen.iter().map(|seen| seen.to.as_str()).collect();
        let place = |name: &&str| {
            let places = VENDORS.iter().position(|vendor| name.starts_with(vendor.kind.name));
            places.unwrap_or(usize::MAX)
        };
        names.sort_by_key(place);
        names.dedup();
        for name in names {
            let seen: Vec<_> = self.seen.iter().filter(|seen| seen.to == name).collect();
            let product = seen.first().and_then(|seen| vendor(seen.kind));
            let product = product.map_or("", |vendor: &Vendor| vendor.product);
            let _ = writeln!(text, "\n=== {product}, {name}: {} messages", seen.len());
            for Seen { at, card, .. } in seen {
                let at = UnixTime::from_secs(BEGINNING).plus(*at);
                let clock = at.rfc3339();
                let clock = clock.get(11..19).unwrap_or_default();
                let _ = writeln!(text, "\n{clock}  {}", card.title);
                let facts = card.facts.iter().map(|(label, value)| format!("{label}: {value}"));
                let buttons = card.buttons.iter().map(|(label, _)| format!("[{label}]"));
                let buttons: Vec<String> = buttons.collect();
                let buttons = (!buttons.is_empty()).then(|| buttons.join(" "));
                let paragraphs = card.paragraphs.iter().cloned();
                let lines = paragraphs.chain(facts).chain(buttons).chain(card.notes.clone());
                lines.for_each(|line| text.push_str(&format!("          {line}\n")));
            }
        }
        text
    }
}

fn taken(kind: &'static Kind) -> Answer {
    let (status, body) = match vendor(kind).map(|vendor| vendor.taken) {
        Some(VendorAnswer::Say { status, body, .. }) => (status, body),
        Some(VendorAnswer::Close | VendorAnswer::Hold) | None => (200, "ok"),
    };
    Answer { status, retry_after: None, body: body.as_bytes().to_vec() }
}
