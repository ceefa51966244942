//! The ledger: how often each event was accepted, seen by people, and given up.
//!
//! An event may be seen more often than it was accepted only where nobody could have known better:
//! a message was taken and its answer lost, or a crash forgot what had been confirmed.

use std::collections::{BTreeMap, BTreeSet};

use mistgate_core::{
    delivery::batch::{ChatId, EventKey},
    event::fingerprint::Fingerprint,
};

use super::{disk::Batch, server::PostId};
use crate::chat::reference::{Debt, Fate};

/// An event for one chat.
type Entry = (Fingerprint, ChatId);

#[derive(Clone, Debug, Default)]
struct Account {
    accepted: usize,
    taken: usize,
    dropped: usize,
    excused: usize,
}

#[derive(Clone, Debug)]
struct Post {
    debts: Vec<Debt>,
    entries: Vec<Entry>,
    took: bool,
    /// Whether its sender knows that it arrived; none until the answer.
    confirmed: Option<bool>,
}

/// The ledger.
#[derive(Debug, Default)]
pub struct Ledger {
    accounts: BTreeMap<Entry, Account>,
    names: BTreeMap<EventKey, Fingerprint>,
    posts: BTreeMap<PostId, Post>,
    /// What a chat confirmed, which the disk may not yet know.
    confirmed: BTreeSet<Debt>,
}

impl Ledger {
    /// A batch is on disk.
    pub fn accepted(&mut self, batch: &Batch) {
        for (index, (print, chats)) in (0..).zip(batch.fingerprints.iter().zip(&batch.left)) {
            let key = EventKey { batch: batch.number, index };
            self.names.insert(key, *print);
            for chat in chats {
                self.confirmed.remove(&(key, chat.clone()));
                self.accounts.entry((*print, chat.clone())).or_default().accepted += 1;
            }
        }
    }

    /// A message left.
    pub fn sent(&mut self, id: PostId, chat: &ChatId, keys: &[EventKey]) {
        let name = |key: &EventKey| {
            let print = self.names.get(key).expect("only what is on disk is sent");
            (*print, chat.clone())
        };
        let entries = keys.iter().map(name).collect();
        let debts = keys.iter().map(|key| (*key, chat.clone())).collect();
        self.posts.insert(id, Post { debts, entries, took: false, confirmed: None });
    }

    /// People see a message.
    pub fn took(&mut self, id: PostId) {
        let post = self.posts.get_mut(&id).expect("nothing is seen that was not sent");
        post.took = true;
        let excuse = usize::from(post.confirmed == Some(false));
        for entry in &post.entries {
            let account =
                self.accounts.get_mut(entry).expect("nothing is sent that was not accepted");
            account.taken += 1;
            account.excused += excuse;
            assert!(
                account.taken <= account.accepted + account.excused,
                "people see {entry:?} again: {account:?}"
            );
        }
    }

    /// The sender of a message has its answer, has given up, or has crashed.
    pub fn answered(&mut self, id: PostId, confirmed: bool) {
        let post = self.posts.get_mut(&id).expect("nothing is answered that was not sent");
        assert!(post.took || !confirmed, "confirmed and never seen");
        if post.took && !confirmed {
            for entry in &post.entries {
                self.accounts.entry(entry.clone()).or_default().excused += 1;
            }
        }
        post.confirmed = Some(confirmed);
        if confirmed {
            self.confirmed.extend(post.debts.iter().cloned());
        }
    }

    /// The engine is done with an event.
    pub fn done(&mut self, fate: Fate) {
        let (Fate::Delivered(debt) | Fate::Dropped(debt)) = &fate;
        let print = *self.names.get(&debt.0).expect("only what is on disk is settled");
        let account = self.accounts.entry((print, debt.1.clone())).or_default();
        match fate {
            Fate::Delivered(_) => assert!(account.taken > 0, "delivered and never seen"),
            Fate::Dropped(_) => account.dropped += 1,
        }
    }

    /// A crash: what the disk still holds comes back, also what was confirmed.
    pub fn crashed<'a>(&mut self, on_disk: impl Iterator<Item = &'a Batch>) {
        for batch in on_disk {
            for (index, (print, left)) in (0..).zip(batch.fingerprints.iter().zip(&batch.left)) {
                let key = EventKey { batch: batch.number, index };
                for chat in left {
                    if self.confirmed.remove(&(key, chat.clone())) {
                        self.accounts.entry((*print, chat.clone())).or_default().excused += 1;
                    }
                }
            }
        }
    }

    /// Everything is over: whoever was promised an event has seen it, or it was said to be dropped.
    pub fn close(&self) {
        for (entry, account) in &self.accounts {
            let Account { accepted, taken, dropped, .. } = account;
            assert!(taken + dropped >= *accepted, "{entry:?} is lost: {account:?}");
        }
    }

    /// How many messages people saw, and how many events were given up.
    pub fn totals(&self) -> (usize, usize) {
        let seen = self.posts.values().filter(|post| post.took).count();
        (seen, self.accounts.values().map(|account| account.dropped).sum())
    }
}
