//! The service manager's watchdog, fed only while the work really moves.
//!
//! Before each keepalive message the store's thread, the executor, the chat driver and the task of
//! the switch ports must each have answered, and a timer must have fired. The main thread polls
//! this task beside the signals, so a main thread that hangs is noticed too. The journal names the
//! part that does not answer, and no message is sent until it does: then the manager ends the
//! process and starts it again.

use std::{future::Future, sync::Arc, time::Duration};

use smol::{Executor, Timer, channel, future, future::FutureExt};

use super::Supervisor;
use crate::base::journal::{Journal, Level, fields};
use crate::{base::store::Store, base::store::Write, base::task, chat::driver, ports};

/// Feeds the watchdog. Its handle on the store keeps the writing thread alive.
pub(crate) struct Watchdog {
    pub(crate) supervisor: Arc<Supervisor>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) executor: Arc<Executor<'static>>,
    pub(crate) driver: driver::Handle,
    pub(crate) store: Store,
    pub(crate) switches: ports::Handle,
}

impl Watchdog {
    /// Feeds the watchdog for ever; waits for ever where there is none.
    pub(crate) async fn feed<T>(self) -> T {
        let Some(deadline) = self.supervisor.watchdog else { return future::pending().await };
        // Four times as often as demanded: the answer of a disk may take long.
        let (pause, patience) = (deadline / 4, deadline / 2);
        loop {
            self.awaited("store", patience, self.store_answers()).await;
            self.awaited("executor", patience, task::spawn(&self.executor, async {})).await;
            self.awaited("driver", patience, self.driver_answers()).await;
            let ports = async { drop(self.switches.status(0, String::new()).await) };
            self.awaited("ports", patience, ports).await;
            self.supervisor.alive();
            Timer::after(pause).await;
        }
    }

    async fn store_answers(&self) {
        let (answer, answered) = channel::bounded(1);
        // If the thread is gone there is never an answer.
        if !self.store.write(Write::Probe(answer)) || answered.recv().await.is_err() {
            future::pending().await
        }
    }

    async fn driver_answers(&self) {
        if self.driver.status().await.is_none() {
            future::pending().await
        }
    }

    /// Waits for an answer, and notes in the journal once if that takes `patience`.
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

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;
    use std::{env, fs, process};

    use mistgate_core::base::time::Instant;
    use smol::Async;

    use super::*;
    use crate::base::journal::Format;

    /// The first message of a watchdog while the driver answers, or does not.
    fn first_message(name: &str, answers: bool) -> String {
        let (socket, manager) = UnixDatagram::pair().expect("two sockets");
        let path = env::temp_dir().join(format!("mistgate-{name}-{}.redb", process::id()));
        let (store, ..) = Store::open(&path, |_| {}).expect("a store");
        fs::remove_file(&path).expect("a file");
        let watchdog = Duration::from_millis(40);
        let supervisor = Supervisor { socket: Some(socket), watchdog: Some(watchdog) };
        // Nobody takes the messages to the task of the switch ports.
        let (driver, messages) = driver::Handle::new();
        let (switches, _ends) = ports::Handle::new();
        let executor = Arc::new(Executor::new());
        let watchdog = Watchdog {
            supervisor: Arc::new(supervisor),
            journal: Arc::new(Journal::new(Format::Text, Level::Error)),
            executor: Arc::clone(&executor),
            driver,
            store: store.clone(),
            switches,
        };
        let answering = async {
            while let (true, Ok(message)) = (answers, messages.recv().await) {
                if let driver::Message::Status(answer) = message {
                    let (destinations, now) = (Vec::new(), Instant::default());
                    let store = store.clone();
                    let status = driver::Status { destinations, now, writable: true, store };
                    let _ = answer.try_send(status);
                }
            }
            future::pending().await
        };
        let heard = async {
            let manager = Async::new(manager).expect("a socket");
            let mut message = [0; 100];
            let length = manager.recv(&mut message).await.expect("a message");
            String::from_utf8_lossy(message.get(..length).unwrap_or_default()).into_owned()
        };
        smol::block_on(executor.run(watchdog.feed().or(answering).or(heard)))
    }

    #[test]
    fn there_is_no_sign_of_life_while_a_task_hangs() {
        assert_eq!(first_message("driver", false), "STATUS=stuck: no answer from the driver");
        assert_eq!(first_message("ports", true), "STATUS=stuck: no answer from the ports");
    }
}
