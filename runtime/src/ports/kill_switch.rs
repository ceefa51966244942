//! The kill switch: a file that stops all changes while it exists, looked at every second.
//!
//! The admin endpoint turns it on and off by making and removing the file, so that it outlives a
//! restart. If the file cannot be made, changes stop all the same until the next restart. If it
//! cannot be looked at, they stop too.

use std::{fs, io, sync::Arc, time::Duration};
use std::{fs::OpenOptions, future::Future, io::Write as _, os::unix::fs::OpenOptionsExt as _};

use smol::{Timer, channel, future::FutureExt};

use mistgate_core::ports::plan::input::Input;

use super::{Order, driver::Event};
use crate::base::{clock, journal::Journal, journal::Level, journal::fields, task};

/// How often the file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A file with so many bytes of reasons gets no more of them.
const REASONS_MAX: u64 = 16_384;

/// Whether the file is there, and a future that looks again and again and sends each change to the
/// driver. `paths` brings other names for the file.
pub(super) async fn watch(
    mut switch: KillSwitch,
    paths: channel::Receiver<String>,
    orders: channel::Receiver<Order>,
    events: channel::Sender<Event>,
) -> (bool, impl Future<Output = ()>) {
    // What was ordered before there was a plan holds for it from the beginning.
    while let Ok(order) = orders.try_recv() {
        switch.carry_out(order).await;
    }
    let mut is_on = switch.look().await;
    let watching = async move {
        loop {
            let order = async { orders.recv().await.ok() };
            let pause = async {
                Timer::after(LOOK_EVERY).await;
                None
            };
            let order = order.or(pause).await;
            while let Ok(path) = paths.try_recv() {
                switch.path = path;
            }
            let (by, answer, result) = match order {
                Some(Order { is_on, reason, by, answer }) => {
                    (by, Some(answer), switch.turn(is_on, &reason).await)
                }
                None => (None, None, Ok(())),
            };
            let was_on = std::mem::replace(&mut is_on, switch.look().await);
            if is_on != was_on {
                let _ = events.try_send(Event { input: Input::Stop(is_on), by });
            }
            if let Some(answer) = answer {
                let _ = answer.try_send(result);
            }
        }
    };
    (is_on, watching)
}

/// The file, and what is known of it.
pub(super) struct KillSwitch {
    path: String,
    /// Whether it is on without a file, because none could be made.
    is_held: bool,
    /// Why the file cannot be looked at, as it was reported to the journal.
    complaint: Option<String>,
    journal: Arc<Journal>,
}

impl KillSwitch {
    /// The one of this file, which was not looked at yet.
    pub(super) const fn new(path: String, journal: Arc<Journal>) -> Self {
        Self { path, is_held: false, complaint: None, journal }
    }

    /// Carries out an order, and answers it.
    pub(super) async fn carry_out(&mut self, order: Order) {
        let Order { is_on, reason, answer, .. } = order;
        let _ = answer.try_send(self.turn(is_on, &reason).await);
    }

    async fn look(&mut self) -> bool {
        let path = self.path.clone();
        let exists = task::unblock(move || fs::exists(path)).await;
        let complaint = exists.as_ref().err().map(io::Error::to_string);
        if let Some(reason) = &complaint
            && self.complaint != complaint
        {
            self.journal.note(
                Level::Error,
                "kill_switch_unreadable",
                fields![file = self.path, reason],
            );
        }
        self.complaint = complaint;
        self.is_held || exists.unwrap_or(true)
    }

    async fn turn(&mut self, is_on: bool, reason: &str) -> Result<(), String> {
        let (path, reason) = (self.path.clone(), reason.to_owned());
        let turned =
            task::unblock(move || if is_on { make(&path, &reason) } else { remove(&path) }).await;
        self.is_held = is_on && turned.is_err();
        turned.map_err(|error| {
            let path = &self.path;
            if is_on {
                format!("stopped until the next restart only: {path} cannot be made: {error}")
            } else {
                format!("still stopped: {path} cannot be removed: {error}")
            }
        })
    }
}

/// Makes the file with the reason in it, or adds the reason. It is on disk when this returns.
fn make(path: &str, reason: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    if file.metadata()?.len() < REASONS_MAX {
        // A full disk has room for a file, but none for what is in it.
        let _ = writeln!(file, "{} {reason}", clock::wall().rfc3339());
    }
    file.sync_all()
}

fn remove(path: &str) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
