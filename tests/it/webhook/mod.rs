//! Incoming webhooks: answers, real bodies, hostile requests, power cuts.

pub(crate) mod answers;
pub(crate) mod crowd;
pub(crate) mod feed;
pub(crate) mod http_hostile;
pub(crate) mod kill;
mod organisations;
pub(crate) mod storm;
pub(crate) mod vectors;
