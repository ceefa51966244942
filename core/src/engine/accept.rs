//! How events are accepted: by the inbox, by the incidents and by the store.

use alloc::vec::Vec;

use super::{Engine, Writing, output, output::Output, output::Put};
use crate::base::{machine::Machine, time::Instant, time::UnixTime};
use crate::delivery::{batch, batch::EventKey, batch::Item, queue::input::Entry};
use crate::webhook::{inbox, inbox::RequestId, intake::Intake};

impl Engine {
    /// Hands events to the inbox, and stores those that it finds new. `letter` is the dead letter
    /// that they are.
    pub(super) fn accept(
        &mut self,
        now: Instant,
        id: Option<RequestId>,
        letter: Option<u64>,
        intake: Intake,
        at: UnixTime,
    ) {
        let Intake { topic, items, .. } = intake;
        let fingerprints = items.iter().map(|item| (item.fingerprint, item.kin)).collect();
        self.inbox.handle_input(now, inbox::Input::Request { id, fingerprints });
        let mut items: Vec<_> = items.into_iter().map(Some).collect();
        while let Some(output) = self.inbox.poll_output() {
            match output {
                inbox::Output::Respond { id, status } => self.respond(id, status),
                inbox::Output::Store { batch, new, forget_before } => {
                    let mut items: Vec<_> = new
                        .into_iter()
                        .filter_map(|place| items.get_mut(place).and_then(Option::take))
                        .collect();
                    let is_told = |item: &&Item| item.is_routed() || !item.changes.is_empty();
                    let events = items.iter().filter(is_told).count();
                    let prints = items.iter().map(|item| item.fingerprint);
                    let kin = items.iter().filter_map(|item| Some(item.kin?.own));
                    let fingerprints = prints.chain(kin).collect();
                    items.iter_mut().for_each(|item| self.fall_back(item));
                    let records = self.fold(now, &topic, &mut items);
                    items.retain(|item| item.is_routed() || self.chat.delivery.keeps_all);
                    let incidents = records.iter().map(|(key, _)| *key).collect();
                    let put = Put {
                        batch,
                        chats: items.iter().map(|item| item.chats.clone()).collect(),
                        fingerprints,
                        incidents: records,
                        letter,
                        forget_before,
                    };
                    let bytes = batch::encode(at, &topic, &items);
                    self.outputs.push_back(Output::Store { put, bytes });
                    let writing = Writing { accepted_at: now, events, items, incidents };
                    self.writing.insert(batch, writing);
                }
                inbox::Output::Suppressed(events) => {
                    self.emit(output::Event::Suppressed { events });
                }
            }
        }
    }

    pub(super) fn written(&mut self, now: Instant, batch: u64, refused: bool) {
        let input =
            if refused { inbox::Input::Refused(batch) } else { inbox::Input::Stored(batch) };
        self.inbox.handle_input(now, input);
        self.drain_inbox();
        let Some(Writing { accepted_at, events, items, incidents }) = self.writing.remove(&batch)
        else {
            return;
        };
        if refused {
            // What they changed is so all the same, and is put on disk once that takes writes.
            for key in incidents {
                let record = self.incidents.record(key);
                self.outputs.push_back(Output::KeepIncident { key, record });
            }
            return self.emit(output::Event::Refused { events });
        }
        if events > 0 {
            self.emit(output::Event::Accepted { batch, events });
        }
        let expires_at = accepted_at + self.chat.delivery.max_age;
        for (index, item) in (0..).zip(items) {
            let entry = Entry {
                key: EventKey { batch, index },
                severity: item.severity,
                accepted_at: Some(accepted_at),
                expires_at,
            };
            self.enqueue(now, entry, &item.channel, item.chats);
        }
    }
}
