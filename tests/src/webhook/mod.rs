//! Webhooks: bodies of all kinds, and Mist as their sender.

pub mod bodies;
pub mod mist;
