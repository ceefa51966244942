//! How many bytes of messages the relay holds: in all, and for each identity.
//!
//! A connection begins a message only while its own identity and that of its reader hold less than
//! their share. Then it waits, and its sender with it; nobody is cut for it. The whole length of a
//! frame is taken when its head has come, so what is held exceeds a bound by no more than what was
//! read at that moment. What TLS holds, and what a meetup holds for a partner to come
//! (`held_max`), is not counted.

use std::{collections::BTreeMap, sync::Arc, sync::atomic::AtomicUsize, sync::atomic::Ordering};

use crate::base::sync::Mutex;

/// Bytes of all identities.
const ALL_MAX: usize = 96 << 20;
/// Bytes of one identity.
const EACH_MAX: usize = 32 << 20;
/// Bytes that an identity may hold whatever the others do, so that they cannot keep it waiting.
const EACH_MIN: usize = 1 << 20;

/// What all connections hold.
#[derive(Debug, Default)]
pub(super) struct Account {
    all: AtomicUsize,
    each: Mutex<BTreeMap<[u8; 32], Arc<AtomicUsize>>>,
}

/// What one connection holds. The default is of an account of its own.
#[derive(Debug, Default)]
pub(super) struct Share {
    account: Arc<Account>,
    of_identity: Arc<AtomicUsize>,
    own: usize,
}

impl Account {
    /// The share of a connection, of the identity with this key.
    pub(super) fn open(self: &Arc<Self>, key: [u8; 32]) -> Share {
        let mut each = self.each.lock();
        each.retain(|_, held| Arc::strong_count(held) > 1);
        let of_identity = Arc::clone(each.entry(key).or_default());
        Share { account: Arc::clone(self), of_identity, own: 0 }
    }
}

impl Share {
    /// Notes what the connection holds now.
    pub(super) fn set(&mut self, own: usize) {
        if own == self.own {
            return;
        }
        for held in [&self.account.all, &self.of_identity] {
            // Other connections add and subtract meanwhile, so it is no store.
            held.fetch_add(own.wrapping_sub(self.own), Ordering::Relaxed);
        }
        self.own = own;
    }

    /// Whether no message may begin.
    pub(super) fn is_spent(&self) -> bool {
        let each = self.of_identity.load(Ordering::Relaxed);
        each >= EACH_MAX || each >= EACH_MIN && self.account.all.load(Ordering::Relaxed) >= ALL_MAX
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_that_has_spent_its_share_waits_and_others_do_not() {
        let account = Arc::new(Account::default());
        let (mut one, mut two) = (account.open([1; 32]), account.open([1; 32]));
        let other = account.open([2; 32]);
        one.set(EACH_MAX - 1);
        assert!(!two.is_spent());
        two.set(1);
        assert!(one.is_spent() && two.is_spent() && !other.is_spent());
        drop(one);
        assert!(!two.is_spent());
        drop(two);
        assert_eq!(account.all.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn all_identities_have_a_bound_and_each_of_them_its_least() {
        let account = Arc::new(Account::default());
        let open = |key: u8, bytes| {
            let mut share = account.open([key; 32]);
            share.set(bytes);
            share
        };
        let many: Vec<Share> = (0..4).map(|key| open(key, ALL_MAX / 4)).collect();
        assert!(many.iter().all(Share::is_spent));
        let mut little = open(9, EACH_MIN - 1);
        assert!(!little.is_spent());
        little.set(EACH_MIN);
        assert!(little.is_spent());
        drop(many);
        assert!(!little.is_spent());
        drop(little);
        drop(account.open([3; 32]));
        assert_eq!(account.each.lock().len(), 1, "those without connections are forgotten");
    }
}
