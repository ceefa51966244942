//! Webhooks: random bodies, Mist as the sender, and those who would keep it out.

pub mod bodies;
pub mod crowd;
pub mod mist;
