//! Webhooks: random bodies, and Mist as the sender.

pub mod bodies;
pub mod mist;
