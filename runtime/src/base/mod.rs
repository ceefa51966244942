//! What everybody stands on: the clock, the journal, metrics, the store.

pub mod clock;
pub(crate) mod connection_limiter;
pub mod metrics;
pub(crate) mod net;
pub mod stop;
pub mod sync;
pub(crate) mod turns;

pub mod journal;

pub mod store;
