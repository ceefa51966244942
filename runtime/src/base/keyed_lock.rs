//! One lock for each of many keys.

use std::{collections::BTreeMap, sync::Arc};

use smol::lock;

use crate::base::sync::Mutex;

/// The lock of one key, held until this is dropped.
pub(crate) type KeyGuard = lock::MutexGuardArc<()>;

/// Locks by key. Only the keys that a task holds or waits for take memory.
pub(crate) struct KeyedLock<K>(Mutex<BTreeMap<K, Arc<lock::Mutex<()>>>>);

impl<K: Ord> KeyedLock<K> {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    /// Waits until no other task holds `key`.
    pub(crate) async fn lock(&self, key: K) -> KeyGuard {
        let entry = {
            let mut entries = self.0.lock();
            entries.retain(|_, entry| Arc::strong_count(entry) > 1);
            Arc::clone(entries.entry(key).or_default())
        };
        entry.lock_arc().await
    }
}

#[cfg(test)]
mod tests {
    use smol::future;

    use super::*;

    #[test]
    fn a_lock_holds_up_its_own_key_only_and_is_forgotten() {
        let locks = KeyedLock::new();
        smol::block_on(async {
            let first = locks.lock(1).await;
            let mut second = std::pin::pin!(locks.lock(1));
            assert!(future::poll_once(&mut second).await.is_none());
            drop(locks.lock(2).await);
            drop(first);
            drop(second.await);
            drop(locks.lock(3).await);
        });
        let left: Vec<i32> = locks.0.lock().keys().copied().collect();
        assert_eq!(left, [3]);
    }
}
