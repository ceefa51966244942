//! How events end: delivered, told of by incidents, or given up.

use std::collections::BTreeMap;

use mistgate_core::base::time::Instant;
use mistgate_core::chat::outcome::Outcome;
use mistgate_core::chat::shape::Form;
use mistgate_core::delivery::batch::{Chats, EventKey};
use mistgate_core::delivery::config::Destination;
use mistgate_core::delivery::queue::output::Loss;
use mistgate_core::engine::output::Event;

use super::{PendingEvent, QueueKey, Reference, Settled};
use crate::chat::configurations::destination_key;

impl Reference {
    pub(super) fn emit(&mut self, now: Instant, event: &Event) {
        match event {
            Event::Accepted { .. } | Event::Refused { .. } | Event::Resumed { .. } => {}
            Event::Delivered { to, events, form, .. } => {
                let (message, outcome) = self.answered.take().expect("an answer");
                assert_eq!((outcome, message.form), (Outcome::Delivered, *form));
                self.refusals.remove(&destination_key(to));
                let keys = self.finish(Some(to), *events, Settled::Delivered);
                assert_eq!(keys, message.keys);
            }
            Event::Dropped { to, events, loss } => self.dropped(now, to.as_deref(), *events, *loss),
            // A destination that refuses everything is parked too, after the last was given up.
            Event::Parked { to, .. } if self.answered.is_none() => {
                let refusals = self.refusals.get(&destination_key(to));
                assert!(refusals.is_some_and(|refusals| *refusals >= 5));
            }
            Event::Parked { .. } | Event::Retrying { .. } => {
                let (_, outcome) = self.answered.take().expect("an answer");
                assert!(matches!(outcome, Outcome::Dead(_) | Outcome::Retry { .. }), "{outcome:?}");
            }
            Event::Incident(_) => {}
            Event::Told { to, form } => {
                let (message, outcome) = self.answered.take().expect("an answer");
                assert_eq!((outcome, message.form), (Outcome::Delivered, *form));
                assert!(message.keys.is_empty() && message.destination_key == destination_key(to));
                self.refusals.remove(&destination_key(to));
            }
            Event::Suppressed { events } => {
                // A report of the engine's own may be a duplicate too.
                assert!(self.request.is_empty() || *events <= self.request.len());
            }
        }
    }

    fn dropped(&mut self, now: Instant, to: Option<&Destination>, events: usize, loss: Loss) {
        let settling: Vec<_> = self.settling.iter().map(|(key, _)| *key).collect();
        let pending = |key: &EventKey| self.pending.get(&(*key, to?.chat.clone()));
        match loss {
            Loss::Expired => {
                let old = |key| pending(key).is_some_and(|pending| pending.expires_at <= now);
                assert!(settling.iter().all(old), "given up too early");
            }
            Loss::Full => {
                let here = to.map(destination_key);
                let waits = |(queue, keys): (&QueueKey, &BTreeMap<_, _>)| {
                    (Some(&queue.0) == here.as_ref()).then_some(keys.len())
                };
                let waiting: usize = self.queues.iter().filter_map(waits).sum();
                assert!(waiting > self.config.chat.delivery.queue_max, "{waiting} were too many");
            }
            Loss::Lost => panic!("this store is never set aside"),
            Loss::Refused(reason) => {
                let (message, outcome) = self.answered.take().expect("an answer");
                assert_eq!((outcome, message.form), (Outcome::Degrade(reason), Form::Plain));
                assert_eq!(settling, message.keys);
                *self.refusals.entry(message.destination_key).or_default() += 1;
            }
            Loss::Unrouted => assert!(to.is_none()),
        }
        self.finish(to, events, Settled::Dropped);
    }

    /// Removes the events that the engine has just settled, and gives their keys.
    fn finish(
        &mut self,
        to: Option<&Destination>,
        events: usize,
        settled: impl Fn(PendingEvent) -> Settled,
    ) -> Vec<EventKey> {
        let settling = core::mem::take(&mut self.settling);
        assert_eq!(settling.len(), events, "settled {settling:?}");
        for (key, chats) in &settling {
            let only = |to: &Destination| *chats == Chats::from([to.chat.clone()]);
            assert!(to.is_none_or(only), "for whom?");
            for chat in chats {
                let event = (*key, chat.clone());
                let pending = self.pending.remove(&event).expect("settled what is not pending");
                assert_eq!(
                    pending.queue.as_ref().map(|queue| &queue.0),
                    to.map(destination_key).as_ref()
                );
                if let Some(queue) = pending.queue
                    && let Some(keys) = self.queues.get_mut(&queue)
                {
                    keys.remove(&pending.position);
                }
                self.settled.push(settled(event));
            }
        }
        settling.into_iter().map(|(key, _)| key).collect()
    }
}
