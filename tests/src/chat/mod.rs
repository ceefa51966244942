//! The chats: what they accept, how they answer, and a model of what the engine must send.

pub mod configurations;
pub mod limits;
pub mod windows;

pub mod reference;

pub mod server;
pub mod stand_in;
