//! Work beside whoever asks for it: a task of the executor, or a call that may block.
//!
//! All of it is boxed: what the executor makes of each type of future would be 4 kB of the program.

use std::sync::{Arc, Mutex, PoisonError};

use smol::{Executor, Task, future::FutureExt};

/// Runs a future as a task, which is cancelled when its handle is dropped.
pub(crate) fn spawn<T: Send + 'static>(
    executor: &Executor<'static>,
    work: impl Future<Output = T> + Send + 'static,
) -> Task<T> {
    executor.spawn(work.boxed())
}

/// Runs what may block on a thread for such work. A panic in it goes on in whoever waits.
pub(crate) async fn unblock<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let result = Arc::new(Mutex::new(None));
    let own = Arc::clone(&result);
    let work: Box<dyn FnOnce() + Send> = Box::new(move || {
        let done = work();
        *own.lock().unwrap_or_else(PoisonError::into_inner) = Some(done);
    });
    smol::unblock(work).await;
    let done = result.lock().unwrap_or_else(PoisonError::into_inner).take();
    done.expect("work that ended without a panic has a result")
}
