//! What the tests know of incidents by themselves.

pub mod model;

mod message;

pub mod reference;

pub mod conversation;
pub mod scenes;
