//! The service manager's watchdog, fed only while the work really moves.
//!
//! Before each sign of life the store's thread, the executor and the driver must each have answered
//! a question, and the timer between two of them must have fired. The one who asks is polled beside
//! the signals, so that a main thread which stands still is noticed too. Whoever stays away is
//! named in the journal, and nothing is sent until it answers: the manager ends us, and starts us
//! anew.

use std::{future::Future, sync::Arc, time::Duration};

use smol::{Executor, Timer, channel, future, future::FutureExt};

use super::Supervisor;
use crate::{
    base::{
        journal::{Journal, Level, fields},
        store::{Store, Write},
    },
    chat::driver,
};

/// Whoever feeds it. Its handle on the store keeps the writing thread alive.
pub(crate) struct Watchdog {
    pub(crate) supervisor: Arc<Supervisor>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) executor: Arc<Executor<'static>>,
    pub(crate) driver: driver::Handle,
    pub(crate) store: Store,
}

impl Watchdog {
    /// Feeds it for ever; does nothing for ever where there is none.
    pub(crate) async fn feed<T>(self) -> T {
        let Some(deadline) = self.supervisor.watchdog() else {
            return future::pending().await;
        };
        // Early, so that there is time for answers: that of a disk may take long.
        let (pause, patience) = (deadline / 4, deadline / 2);
        loop {
            self.awaited("store", patience, self.store_answers()).await;
            self.awaited("executor", patience, self.executor.spawn(async {})).await;
            self.awaited("driver", patience, self.driver_answers()).await;
            self.supervisor.alive();
            Timer::after(pause).await;
        }
    }

    async fn store_answers(&self) {
        let (answer, answered) = channel::bounded(1);
        // Without a thread there is never an answer.
        if !self.store.write(Write::Probe(answer)) || answered.recv().await.is_err() {
            future::pending().await
        }
    }

    async fn driver_answers(&self) {
        if self.driver.status().await.is_none() {
            future::pending().await
        }
    }

    /// Waits, and complains once where that takes `patience`.
    async fn awaited(&self, what: &str, patience: Duration, answer: impl Future<Output = ()>) {
        let mut was_late = false;
        let complain = async {
            Timer::after(patience).await;
            was_late = true;
            self.supervisor.status(&format!("stuck: no answer from the {what}"));
            self.journal.note(Level::Error, "stuck", fields![what]);
            future::pending().await
        };
        answer.or(complain).await;
        if was_late {
            self.supervisor.status(&format!("moves again: the {what} was stuck"));
            self.journal.note(Level::Warning, "moves_again", fields![what]);
        }
    }
}
