//! What everybody stands on: the clock, the journal, metrics, the store.

pub mod clock;
pub mod metrics;
pub(crate) mod net;
pub(crate) mod places;
pub(crate) mod turns;

pub mod journal;

pub mod store;
