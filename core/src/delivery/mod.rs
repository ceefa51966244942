//! Getting a payload to a chat: how fast, how often, until when.

pub mod backoff;
pub mod outcome;
pub mod pace;
pub mod queue;
