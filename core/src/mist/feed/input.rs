//! What the driver hands to the feed.

use alloc::collections::BTreeSet;

use crate::base::exchange::ExchangeResult;
use crate::base::time::UnixTime;
use crate::mist::webhook::wanted::Wanted;

/// Policy of a [`Feed`](super::Feed).
#[derive(Clone, Debug)]
pub struct Config {
    /// The webhook and the token as they should be.
    pub wanted: Wanted,
}

/// What happened outside.
#[derive(Clone, Debug)]
pub enum Input {
    /// The result of the last `Request`.
    Answered(ExchangeResult),
    /// The answer to `Compare`: which conditions are open of which mistgate itself has.
    Open(BTreeSet<&'static str>),
    /// The answer to `Look`: what time it is.
    Seen(UnixTime),
}
