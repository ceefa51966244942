//! How the end of the program and the ends of connections wait for each other.

use std::convert::Infallible;

use smol::{channel, future::FutureExt};

use crate::http::listen::{self, Stop, ended};

/// What every connection holds: a sign that it is there, and a way to be told to go.
#[derive(Clone, Debug)]
pub(super) struct TaskToken {
    _sign: channel::Sender<Infallible>,
    abort: Stop,
}

impl TaskToken {
    /// Runs a task until it ends or is aborted.
    pub(super) async fn bound(&self, task: impl Future<Output = ()>) {
        task.or(ended(&self.abort)).await;
    }
}

/// The side that waits.
#[derive(Debug)]
pub(super) struct TaskTracker {
    token: TaskToken,
    gone: Stop,
    hold: channel::Sender<Infallible>,
}

impl TaskTracker {
    /// Nobody is there.
    pub(super) fn new() -> Self {
        let (sign, gone) = listen::stop();
        let (hold, abort) = listen::stop();
        Self { token: TaskToken { _sign: sign, abort }, gone, hold }
    }

    /// For one more connection.
    pub(super) fn begin(&self) -> TaskToken {
        self.token.clone()
    }

    /// Waits until all are gone, or until `late`; then those that are left are aborted.
    pub(super) async fn end(self, late: impl Future<Output = ()>) {
        let Self { token, gone, hold } = self;
        drop(token);
        ended(&gone).or(late).await;
        drop(hold);
        ended(&gone).await;
    }
}
