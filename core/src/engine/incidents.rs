//! Where events and queues meet the incidents.

use alloc::{collections::BTreeSet, string::String, string::ToString, sync::Arc, vec::Vec};
use core::iter;

use super::{Engine, Slot, input::Config, input::DestinationId, output, output::Output};
use crate::base::{machine::Machine, time::Instant};
use crate::delivery::{batch::Chats, batch::Item, config::Destination, queue, queue::output::End};
use crate::incident::{input::Changed, input::Input, input::Name, teller::Fate};
use crate::notify::{Fact, Notification, SEND_TEST, Severity, change::Key};
use crate::route::route;
use crate::{delivery::queue::output::Health, event::Event, event::Topic, incident};

/// What a record of an incident is to be; none to forget it.
pub(super) type Record = (Key, Option<Vec<u8>>);

/// The incidents' part of a configuration.
pub(super) fn config(config: &Config) -> incident::input::Config {
    incident::input::Config {
        rules: config.incidents.clone(),
        chat: config.chat.clone(),
        dashboard_host: config.dashboard_host.clone(),
    }
}

impl Engine {
    /// Applies what events say of conditions. An event is then owed no more to the chats that are
    /// told of its incident. Returns what the store is to keep with the events.
    pub(super) fn fold(&mut self, now: Instant, topic: &str, items: &mut [Item]) -> Vec<Record> {
        let mut records = Vec::new();
        let mut untold = Vec::new();
        let has_grouped = self.slots.iter().any(|slot| slot.to.kind.is_grouped);
        for item in items {
            if item.changes.is_empty() && !has_grouped {
                continue;
            }
            let text: Arc<str> = item.text.as_str().into();
            let chats =
                if item.chats.is_empty() { self.chats_of(topic, item) } else { item.chats.clone() };
            let mut takers = BTreeSet::new();
            let chats = iter::repeat_n(chats, item.changes.len());
            for (change, chats) in item.changes.drain(..).zip(chats) {
                let key = change.key;
                let changed = Changed {
                    change,
                    severity: item.severity,
                    channel: item.channel.clone(),
                    chats,
                    topic: topic.to_string(),
                    text: Arc::clone(&text),
                };
                self.incidents.handle_input(now, Input::Changed(changed));
                while let Some(output) = self.incidents.poll_output() {
                    if let incident::output::Output::Takes(names) = output {
                        takers.extend(names);
                        item.incidents.extend(self.incidents.standing(key));
                    } else if let incident::output::Output::Keep { key, record } = output {
                        records.retain(|(kept, _)| *kept != key);
                        records.push((key, record));
                    } else {
                        self.relay_incidents(now, output);
                    }
                }
            }
            for (index, _) in self.chat.destinations_of(&item.channel) {
                let Some(slot) = self.slots.get(index) else { continue };
                let is_taken = takers.contains(slot.to.name.as_str());
                // A test is told also where nothing but incidents is.
                let is_refused = slot.to.kind.is_grouped && !item.text.contains(SEND_TEST);
                if (is_taken || is_refused) && item.chats.remove(&slot.to.chat) {
                    untold.extend((!is_taken).then(|| Name::from(slot.to.name.as_str())));
                }
            }
        }
        for to in untold {
            let event = incident::output::Event::Counted { to, fate: Fate::NoIncident, events: 1 };
            self.emit(output::Event::Incident(event));
        }
        records
    }

    /// What is critical goes to the fallbacks of its chats too that are stopped.
    pub(super) fn fall_back(&self, item: &mut Item) {
        if item.severity < Severity::Critical {
            return;
        }
        for (index, _) in self.chat.destinations_of(&item.channel) {
            if let Some(Slot { to, queue, .. }) = self.slots.get(index)
                && queue.is_stopped()
                && item.chats.contains(&to.chat)
            {
                item.chats.extend(to.fallback.clone());
            }
        }
    }

    /// The fallback of a destination that has stopped is told of what is critical and open.
    pub(super) fn hand_over(&mut self, now: Instant, to: &Destination) {
        let to = Name::from(to.name.as_str());
        self.incidents.handle_input(now, Input::Stopped(to));
        self.drain_incidents(now);
    }

    /// The chats that are told of the incidents of an event that only changes them.
    fn chats_of(&self, topic: &str, item: &Item) -> Chats {
        let event = Event::parse(Topic::stored(topic), &item.text);
        let decision = event.map(|event| route(&event, &self.chat.routes));
        decision.map(|decision| self.chat.chats_of(&decision)).unwrap_or_default()
    }

    pub(super) fn drain_incidents(&mut self, now: Instant) {
        while let Some(output) = self.incidents.poll_output() {
            self.relay_incidents(now, output);
        }
    }

    fn relay_incidents(&mut self, now: Instant, output: incident::output::Output) {
        match output {
            incident::output::Output::Due { to, severity } => {
                if let Some(slot) = self.slots.iter_mut().find(|slot| *slot.to.name == *to) {
                    slot.queue.handle_input(now, queue::input::Input::Incidents(severity));
                }
            }
            incident::output::Output::Event(event) => self.emit(output::Event::Incident(event)),
            incident::output::Output::Keep { key, record } => {
                self.outputs.push_back(Output::KeepIncident { key, record });
            }
            incident::output::Output::KeepShown { to, key, shown } => {
                self.outputs.push_back(Output::KeepShown { to, key, shown });
            }
            incident::output::Output::KeepSilence { number, silence } => {
                self.outputs.push_back(Output::KeepSilence { number, silence });
            }
            // Only `Compose` and `Changed` make these, which take them at once.
            incident::output::Output::Message { .. } | incident::output::Output::Takes(_) => {}
        }
    }

    /// The message of a destination, as things are now.
    pub(super) fn compose(&mut self, now: Instant, to: &str) -> Option<Notification> {
        let input = Input::Compose { to: Name::from(to), failing: self.failing() };
        self.incidents.handle_input(now, input);
        let mut composed = None;
        while let Some(output) = self.incidents.poll_output() {
            if let incident::output::Output::Message { notification, .. } = output {
                composed = notification;
            } else {
                self.relay_incidents(now, output);
            }
        }
        composed
    }

    /// What a daily report says of destinations that do not work, and of what was given up.
    fn failing(&self) -> Vec<Fact> {
        let is_failing = |health| !matches!(health, Health::Ready);
        let failing = self.slots.iter().filter(|slot| is_failing(slot.queue.health()));
        let failing: Vec<&str> = failing.map(|slot| slot.to.name.as_str()).collect();
        let names = (!failing.is_empty()).then(|| failing.join(", "));
        let given_up = (self.given_up > 0).then(|| self.given_up.to_string());
        let fact = |label: &str, value: Option<String>| {
            value.map(|value| Fact { label: label.to_string(), value })
        };
        let given_up = fact("Events given up since the start", given_up);
        fact("Destinations that fail", names).into_iter().chain(given_up).collect()
    }

    /// The message of a destination has ended.
    pub(super) fn ended(&mut self, now: Instant, to: &str, end: End) {
        let input = Input::Ended { to: Name::from(to), end };
        self.incidents.handle_input(now, input);
        self.drain_incidents(now);
    }

    /// There was nothing to tell after all.
    pub(super) fn withdraw(&mut self, now: Instant, destination: DestinationId, id: u64) {
        let mut slots = self.slots.iter_mut().chain(&mut self.retired);
        if let Some(slot) = slots.find(|slot| slot.id == destination) {
            slot.queue.handle_input(now, queue::input::Input::Withdrawn { id });
        }
    }
}
