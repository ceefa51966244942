//! How an event changes incidents.

use alloc::{sync::Arc, vec::Vec};

use super::{Incidents, message, output::Output, record::Incident, record::LastEvent};
use super::{entry::Effect, entry::Entry, input::Changed, input::Name, output::Event};
use crate::notify::{change::Key, types::condition::DEVICE_DOWN};

/// The most bytes of events that are kept for cards.
const TEXTS_MAX: usize = 16 << 20;

impl Incidents {
    pub(super) fn changed(&mut self, changed: &Changed) {
        let Changed { change, severity, topic, text, .. } = changed;
        let (key, wall, rules) = (change.key, self.wall(), &self.config.rules);
        let at = change.at.unwrap_or(wall);
        // By a clock that nobody set, what happens now may be years old.
        let is_old = self.is_synchronised && at.plus(rules.max_event_age) < wall;
        let Changed { channel, chats, .. } = changed;
        let to = message::destinations(&self.config.chat, &self.tellers, channel, chats);
        // What only streams take is an incident too: they say of each event which it belongs to.
        let is_taken = !chats.is_empty();
        let is_full = self.entries.len() >= self.max;
        let was_untold = self.entries.get(&key).is_some_and(|entry| entry.to.is_empty());
        let effect = match self.entries.get_mut(&key) {
            Some(_) if change.is_raised && !is_taken => return,
            Some(entry) => entry.apply(self.now, changed, at, &to, rules, self.last_id + 1),
            None if !change.is_raised || !is_taken => return,
            None if is_full => {
                if !core::mem::replace(&mut self.is_full, true) {
                    self.outputs.push_back(Output::Event(Event::Full));
                }
                return;
            }
            None => {
                let mut incident = Incident::new(self.last_id + 1, change, *severity, at);
                incident.note_source(topic, change.kind);
                self.entries.insert(key, Entry::begun(incident, to.clone(), self.now));
                Effect::Came
            }
        };
        let Some(entry) = self.entries.get_mut(&key) else { return };
        let (is_kept, is_news) = match effect {
            Effect::Unrelated => return,
            Effect::Counted { is_kept } => (is_kept, false),
            Effect::Came | Effect::Went | Effect::Worse => (true, true),
        };
        if is_news {
            let earlier = entry.incident.event.take();
            self.texts -= earlier.map_or(0, |event| event.text.len());
            let has_room = !is_old && self.texts + text.len() <= TEXTS_MAX;
            entry.incident.event = LastEvent::new(topic, text).filter(|_| has_room);
            self.texts += entry.incident.event.as_ref().map_or(0, |event| event.text.len());
        }
        match effect {
            Effect::Came | Effect::Went => self.came_or_went(key),
            Effect::Worse => self.mute(key),
            Effect::Counted { .. } | Effect::Unrelated => {}
        }
        if was_untold {
            // What is behind it can be left out now that somebody hears of it.
            self.mute_behind(key);
        }
        let takers = self.tellers.iter().filter(|(name, teller)| {
            teller.told.contains_key(&key)
                || self.entries.get(&key).is_some_and(|entry| entry.to.contains(name))
        });
        let takers: Vec<Name> = takers.map(|(name, _)| Arc::clone(name)).collect();
        for name in takers.iter().filter(|name| to.contains(name)) {
            if let Some(teller) = self.tellers.get_mut(name) {
                teller.count(key);
            }
        }
        self.outputs.push_back(Output::Takes(takers));
        if is_kept {
            self.keep(key);
        }
        self.turn(key);
    }

    /// Ends an incident of which nothing was heard for too long.
    pub(super) fn give_up(&mut self, key: Key) {
        let (now, wall, rules) = (self.now, self.wall(), &self.config.rules);
        let Some(entry) = self.entries.get_mut(&key) else { return };
        if entry.give_up(now, wall, rules) {
            // Its event says that it is open.
            self.texts -= entry.incident.event.take().map_or(0, |event| event.text.len());
            self.came_or_went(key);
            self.keep(key);
        }
    }

    /// Notes that an incident is open, or over.
    fn came_or_went(&mut self, key: Key) {
        let Some(entry) = self.entries.get(&key) else { return };
        let Incident { id, is_open, mac, .. } = entry.incident;
        let condition = entry.incident.condition();
        self.last_id = self.last_id.max(id);
        if let Some(mac) = mac.filter(|_| condition == DEVICE_DOWN) {
            if is_open {
                self.down.insert(mac, key);
            } else {
                self.down.remove(&mac);
            }
        }
        self.mute_behind(key);
        self.outputs.push_back(Output::Event(if is_open {
            Event::Opened { id, condition }
        } else {
            Event::Over { id, condition }
        }));
        self.mute(key);
    }
}
