//! How the end of the program and the ends of connections wait for each other.

use std::convert::Infallible;

use smol::{channel, future::FutureExt};

use crate::http::listen::{self, Stop, ended};

/// What every connection holds: a sign that it is there, and a way to be told to go.
#[derive(Clone, Debug)]
pub(super) struct Life {
    _sign: channel::Sender<Infallible>,
    abort: Stop,
}

impl Life {
    /// Runs a task until it ends or is aborted.
    pub(super) async fn bound(&self, task: impl Future<Output = ()>) {
        task.or(ended(&self.abort)).await;
    }
}

/// The side that waits.
#[derive(Debug)]
pub(super) struct Lives {
    life: Life,
    gone: Stop,
    hold: channel::Sender<Infallible>,
}

impl Lives {
    /// Nobody is there.
    pub(super) fn new() -> Self {
        let (sign, gone) = listen::stop();
        let (hold, abort) = listen::stop();
        Self { life: Life { _sign: sign, abort }, gone, hold }
    }

    /// For one more connection.
    pub(super) fn begin(&self) -> Life {
        self.life.clone()
    }

    /// Waits until all are gone, or until `late`; then those that are left are aborted.
    pub(super) async fn end(self, late: impl Future<Output = ()>) {
        let Self { life, gone, hold } = self;
        drop(life);
        ended(&gone).or(late).await;
        drop(hold);
        ended(&gone).await;
    }
}
