//! What an event says, in no chat's language: one file for each family of events.
//!
//! Text from outside is plain here, on one line and bounded; each chat escapes it. The sentences
//! stand in the tables of [`types`](super::types), and [`topics`](super::topics) says which file
//! describes which topic.

pub(super) mod subject;

pub(super) mod draft;

mod client;
pub(super) mod marvis;

pub(super) mod alarm;
pub(super) mod audit;
pub(super) mod device;
mod port;

pub(super) mod other;
