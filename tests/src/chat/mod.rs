//! The chats: what they accept, how they answer, and what the engine owes them.

pub mod configurations;
pub mod limits;
pub mod windows;

pub mod reference;

pub mod server;
pub mod stand_in;
