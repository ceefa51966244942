//! What a panic costs: the job in which it happens, and no other.
//!
//! A panic is a bug of ours or of a library. The thread and the task go on behind a boundary, which
//! answers for the job that is lost. Somebody waits for the answer of each job that has one, so
//! those that panic without a boundary are the jobs of one client: the executor drops them, and
//! with them the connection.

use std::time::{Duration, Instant};
use std::{collections::VecDeque, panic, panic::AssertUnwindSafe, process, sync::Arc};

use smol::future::FutureExt;

use crate::base::journal::{Journal, Level, fields};
use crate::base::{metrics::Counter, sync::Mutex};

/// So many panics in [`WINDOW`] end the process: whoever starts it again starts it afresh.
const PANICS_MAX: usize = 3;
const WINDOW: Duration = Duration::from_secs(60);

/// Reports every panic of the process to the journal and the metrics from now on: where it
/// happened, and why if the words are in the program. Others may quote what must not be in a
/// journal.
pub(crate) fn report_to(journal: Arc<Journal>) {
    let recent = Mutex::new(VecDeque::new());
    panic::set_hook(Box::new(move |panic| {
        let at = panic.location().map_or_else(String::new, ToString::to_string);
        let reason = panic.payload().downcast_ref::<&str>().copied().unwrap_or_default();
        journal.metrics.add(Counter::Panics, &[], 1);
        journal.note(Level::Error, "panic", fields![at, reason]);
        if is_too_often(&mut recent.lock(), Instant::now()) {
            journal.note(Level::Error, "panicked_too_often", fields![at]);
            process::exit(1);
        }
    }));
}

/// Adds a panic of `now` to the recent ones; whether they are too many.
fn is_too_often(recent: &mut VecDeque<Instant>, now: Instant) -> bool {
    recent.push_back(now);
    recent.len() >= PANICS_MAX
        && recent.pop_front().is_some_and(|first| now.duration_since(first) < WINDOW)
}

/// The result of a job; none if it panics. What it borrows is left as it was then.
pub(crate) fn catch<T>(job: impl FnOnce() -> T) -> Option<T> {
    panic::catch_unwind(AssertUnwindSafe(job)).ok()
}

/// Runs a job without which nothing else is right: its panic ends the process. What it remembers is
/// on disk, and whoever starts the process again lets it begin from there.
pub(crate) fn end_with(
    job: impl Future<Output = ()> + Send + 'static,
) -> impl Future<Output = ()> + Send {
    // It is large, and would be copied from hand to hand on the stack.
    let job = job.boxed();
    async {
        if catch_async(job).await.is_none() {
            process::exit(1);
        }
    }
}

/// As [`catch`], for a job that waits.
pub(crate) async fn catch_async<T>(job: impl Future<Output = T>) -> Option<T> {
    AssertUnwindSafe(job).catch_unwind().await.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_third_within_a_minute_is_too_often() {
        let began = Instant::now();
        let mut recent = VecDeque::new();
        let mut at = |secs| is_too_often(&mut recent, began + Duration::from_secs(secs));
        assert!(!at(0) && !at(30) && !at(60) && !at(90));
        assert!(at(119));
    }

    #[test]
    fn a_job_that_panics_has_no_result() {
        assert_eq!(catch(|| 1), Some(1));
        assert_eq!(catch(|| -> u8 { panic!("of this test") }), None);
        let waiting = async {
            smol::future::yield_now().await;
            panic!("of this test")
        };
        assert_eq!(smol::block_on(catch_async::<u8>(waiting)), None);
    }
}
