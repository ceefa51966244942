//! Counts for each event and chat: how often it was accepted, shown to people, dropped, and kept as
//! a dead letter, which is an event of its own when it is sent again. No
//! event is accepted again within the window of duplicates, or given up before its age, whatever
//! the wall clock shows: the ages here are those of the world.
//!
//! An event may be shown more often than it was accepted only where mistgate cannot know better:
//! the answer to a delivered message was lost, or a crash forgot that the chat had confirmed it.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use mistgate_core::base::time::Instant;
use mistgate_core::delivery::batch::{ChatId, EventKey};
use mistgate_core::event::fingerprint::Fingerprint;

use super::{DEDUP_WINDOW, disk::Batch, server::PostId};
use crate::chat::reference::{PendingEvent, Settled};

/// An event for one chat, the same after it was sent again.
type Entry = (Fingerprint, ChatId);

#[derive(Clone, Debug, Default)]
struct Counts {
    accepted: usize,
    shown: usize,
    dropped: usize,
    /// How often it became a dead letter.
    buried: usize,
    /// How often it may be shown beyond `accepted`.
    repeats_allowed: usize,
}

#[derive(Clone, Debug)]
struct Post {
    pending: Vec<PendingEvent>,
    entries: Vec<Entry>,
    shown: bool,
    /// Whether the sender knows that it arrived. `None` until it has an answer.
    confirmed: Option<bool>,
}

/// What was accepted, sent, shown and dropped; panics where these do not add up.
#[derive(Debug, Default)]
pub struct Delivered {
    counts: BTreeMap<Entry, Counts>,
    prints: BTreeMap<EventKey, Fingerprint>,
    accepted_at: BTreeMap<Fingerprint, Instant>,
    posts: BTreeMap<PostId, Post>,
    /// Confirmed by a chat. The disk may not know it yet.
    confirmed: BTreeSet<PendingEvent>,
}

impl Delivered {
    /// Notes that a batch is on disk.
    pub fn accepted(&mut self, batch: &Batch) {
        for print in &batch.fingerprints {
            let before = self.accepted_at.insert(*print, batch.accepted_at);
            let is_new = before.is_none_or(|before| before + DEDUP_WINDOW <= batch.accepted_at);
            assert!(is_new, "{print:?} was forgotten and accepted again");
        }
        for (index, (print, chats)) in (0..).zip(batch.fingerprints.iter().zip(&batch.left)) {
            let key = EventKey { batch: batch.number, index };
            self.prints.insert(key, *print);
            for chat in chats {
                self.confirmed.remove(&(key, chat.clone()));
                self.counts.entry((*print, chat.clone())).or_default().accepted += 1;
            }
        }
    }

    /// Notes that an event is on disk as a dead letter.
    pub fn buried(&mut self, key: EventKey, chat: ChatId) {
        let print = *self.prints.get(&key).expect("only what was accepted");
        let counts = self.counts.entry((print, chat)).or_default();
        counts.buried += 1;
        assert!(counts.buried <= counts.dropped, "a dead letter of what was not given up");
        assert!(counts.buried <= counts.accepted, "two dead letters of one event: {counts:?}");
    }

    /// Notes that the engine sent a message.
    pub fn sent(&mut self, id: PostId, chat: &ChatId, keys: &[EventKey]) {
        let entry = |key: &EventKey| {
            let print = self.prints.get(key).expect("only what is on disk is sent");
            (*print, chat.clone())
        };
        let entries = keys.iter().map(entry).collect();
        let pending = keys.iter().map(|key| (*key, chat.clone())).collect();
        self.posts.insert(id, Post { pending, entries, shown: false, confirmed: None });
    }

    /// Notes that people see a message.
    pub fn shown(&mut self, id: PostId) {
        let post = self.posts.get_mut(&id).expect("only a sent message is shown");
        post.shown = true;
        let repeats = usize::from(post.confirmed == Some(false));
        for entry in &post.entries {
            let counts = self.counts.get_mut(entry).expect("only an accepted event is sent");
            counts.shown += 1;
            counts.repeats_allowed += repeats;
            assert!(
                counts.shown <= counts.accepted + counts.repeats_allowed,
                "people see {entry:?} again: {counts:?}"
            );
        }
    }

    /// Notes that the sender of a message has its answer, has given up, or has crashed.
    pub fn answered(&mut self, id: PostId, confirmed: bool) {
        let post = self.posts.get_mut(&id).expect("only a sent message is answered");
        assert!(post.shown || !confirmed, "confirmed and never shown");
        if post.shown && !confirmed {
            for entry in &post.entries {
                self.counts.entry(entry.clone()).or_default().repeats_allowed += 1;
            }
        }
        post.confirmed = Some(confirmed);
        if confirmed {
            self.confirmed.extend(post.pending.iter().cloned());
        }
    }

    /// Notes that the engine gave up an event because of its age, of which this is the least.
    pub fn expired(&self, now: Instant, (key, _): &PendingEvent, max_age: Duration) {
        let accepted_at = self.prints.get(key).and_then(|print| self.accepted_at.get(print));
        let age = now - *accepted_at.expect("only what was accepted is given up");
        assert!(age >= max_age, "{key:?} was given up after {age:?}");
    }

    /// Notes that the engine is done with an event.
    pub fn settled(&mut self, settled: Settled) {
        let (Settled::Delivered(pending) | Settled::Dropped(pending)) = &settled;
        let print = *self.prints.get(&pending.0).expect("only what is on disk is settled");
        let counts = self.counts.entry((print, pending.1.clone())).or_default();
        match settled {
            Settled::Delivered(_) => assert!(counts.shown > 0, "delivered and never shown"),
            Settled::Dropped(_) => counts.dropped += 1,
        }
    }

    /// Notes a crash: events still on disk are sent again, even those that a chat confirmed.
    pub fn crashed<'a>(&mut self, on_disk: impl Iterator<Item = &'a Batch>) {
        for batch in on_disk {
            for (index, (print, left)) in (0..).zip(batch.fingerprints.iter().zip(&batch.left)) {
                let key = EventKey { batch: batch.number, index };
                for chat in left {
                    if self.confirmed.remove(&(key, chat.clone())) {
                        let counts = self.counts.entry((*print, chat.clone())).or_default();
                        counts.repeats_allowed += 1;
                    }
                }
            }
        }
    }

    /// Checks, at the end of a run, that each accepted event was shown or kept as a dead letter.
    pub fn check_all_settled(&self) {
        for (entry, counts) in &self.counts {
            let Counts { accepted, shown, buried, .. } = counts;
            assert!(shown + buried >= *accepted, "{entry:?} is lost: {counts:?}");
        }
    }

    /// How many messages people saw, and how many events were dropped.
    pub fn totals(&self) -> (usize, usize) {
        let shown = self.posts.values().filter(|post| post.shown).count();
        (shown, self.counts.values().map(|counts| counts.dropped).sum())
    }
}
