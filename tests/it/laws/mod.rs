//! The laws on random bytes, the simulated world, and the fuzz corpora.

pub(crate) mod noise;
mod outages;
pub(crate) mod regressions;
pub(crate) mod replay;
mod storms;
pub(crate) mod world;
