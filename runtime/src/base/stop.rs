//! How tasks are told to end, and how their end is awaited.

use std::{convert::Infallible, time::Duration};

use smol::{Timer, channel, future::FutureExt};

/// Tells tasks to end when it is dropped.
#[derive(Clone, Debug)]
pub struct Stopper(channel::Sender<Infallible>);

/// Hears its [`Stopper`].
#[derive(Clone, Debug)]
pub struct Stop(channel::Receiver<Infallible>);

/// A signal to end, and its receivers.
pub fn stop() -> (Stopper, Stop) {
    let (sender, receiver) = channel::bounded(1);
    (Stopper(sender), Stop(receiver))
}

impl Stopper {
    /// Tells the tasks to end although the stopper, or a clone of it, is still held.
    pub fn stop(&self) {
        self.0.close();
    }
}

impl Stop {
    /// Waits until the tasks are told to end.
    pub async fn wait(&self) {
        // Nothing is ever sent, because an `Infallible` cannot be made.
        let _ = self.0.recv().await;
    }

    /// Whether the tasks are told to end.
    pub fn is_stopped(&self) -> bool {
        self.0.is_closed()
    }

    /// Runs a task until it ends or is told to.
    pub async fn bound(&self, task: impl Future<Output = ()>) {
        task.or(self.wait()).await;
    }
}

/// Waits for tasks, and ends those that take too long.
#[derive(Debug)]
pub(crate) struct TaskTracker {
    token: TaskToken,
    gone: Stop,
    abort: Stopper,
}

/// What each tracked task holds until its end.
#[derive(Clone, Debug)]
pub(crate) struct TaskToken {
    _running: Stopper,
    abort: Stop,
}

impl TaskTracker {
    /// Tracks nothing yet.
    pub(crate) fn new() -> Self {
        let (running, gone) = stop();
        let (abort, aborted) = stop();
        Self { token: TaskToken { _running: running, abort: aborted }, gone, abort }
    }

    /// A token for one more task.
    pub(crate) fn begin(&self) -> TaskToken {
        self.token.clone()
    }

    /// Waits until all tokens are dropped, for so long; then aborts the tasks that are left.
    pub(crate) async fn end(self, grace: Duration) {
        let Self { token, gone, abort } = self;
        drop(token);
        gone.bound(async { _ = Timer::after(grace).await }).await;
        drop(abort);
        gone.wait().await;
    }
}

impl TaskToken {
    /// Runs a task until it ends or is aborted.
    pub(crate) async fn bound(&self, task: impl Future<Output = ()>) {
        self.abort.bound(task).await;
    }
}
