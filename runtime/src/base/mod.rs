//! What everybody stands on: the clock, the journal, metrics, the store, the sandbox.

pub mod snapshot;
pub mod stop;
pub mod sync;
pub(crate) mod task;

pub mod clock;
pub(crate) mod keyed_lock;
pub(crate) mod net;

pub(crate) mod connection_limiter;
pub mod metrics;

pub mod journal;
pub(crate) mod panic;
pub mod sandbox;
pub mod store;
