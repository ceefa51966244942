//! One lock for each of many keys.

use std::{collections::BTreeMap, sync::Arc};

use smol::lock;

use crate::base::sync::Mutex;

/// The lock of one key, held until this is dropped.
pub(crate) type Turn = lock::MutexGuardArc<()>;

/// Locks by key. Only the keys that a task holds or waits for take memory.
pub(crate) struct KeyedLock<K>(Mutex<BTreeMap<K, Arc<lock::Mutex<()>>>>);

impl<K: Ord> KeyedLock<K> {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    /// Waits until no other task holds `key`.
    pub(crate) async fn take(&self, key: K) -> Turn {
        let door = {
            let mut doors = self.0.lock();
            doors.retain(|_, door| Arc::strong_count(door) > 1);
            Arc::clone(doors.entry(key).or_default())
        };
        door.lock_arc().await
    }
}

#[cfg(test)]
mod tests {
    use smol::future;

    use super::*;

    #[test]
    fn a_turn_holds_up_its_own_kind_only_and_is_forgotten() {
        let turns = KeyedLock::new();
        smol::block_on(async {
            let first = turns.take(1).await;
            let mut second = std::pin::pin!(turns.take(1));
            assert!(future::poll_once(&mut second).await.is_none());
            drop(turns.take(2).await);
            drop(first);
            drop(second.await);
            drop(turns.take(3).await);
        });
        let left: Vec<i32> = turns.0.lock().keys().copied().collect();
        assert_eq!(left, [3]);
    }
}
