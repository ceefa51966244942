//! What everybody stands on: the clock, the journal, metrics, the store.

pub mod clock;
pub(crate) mod connection_limiter;
pub(crate) mod keyed_lock;
pub mod metrics;
pub(crate) mod net;
pub mod stop;
pub mod sync;

pub mod journal;

pub mod store;
