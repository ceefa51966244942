//! The ground floor: time, random numbers, secrets, text, and the interface of all machines.

pub mod base64;
pub mod glob;
pub mod hex;
pub mod mac;
pub mod network;
pub mod order;
pub mod rand;
pub mod secret;
pub mod text;
pub mod time;
pub mod zone;

pub mod calendar;

pub mod backoff;
pub mod failure;
pub mod machine;
pub mod window;

pub mod exchange;
