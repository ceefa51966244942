//! Getting a payload to a chat: how fast, how often, until when, and what is kept meanwhile.

pub mod batch;
pub mod config;
pub mod dead_letter;
pub mod queue;
pub mod render;
