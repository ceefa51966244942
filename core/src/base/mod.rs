//! What everybody stands on: time, luck, secrets, and the one face of all machines.

pub mod base64;
pub mod glob;
pub mod mac;
pub mod rand;
pub mod secret;
pub mod time;

pub mod backoff;
pub mod failure;
pub mod machine;
