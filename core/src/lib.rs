//! The rules of mistgate: bytes, facts and time walk in; bytes, commands and deadlines walk out.
//!
//! Nothing here opens a socket, reads a clock or draws a random number. What neither remembers nor
//! waits is a function; what does is a [`machine::Machine`]. The modules are listed from the ground
//! floor to the roof, and a file imports only from modules above it in this list.

#![no_std]

extern crate alloc;

pub mod base64;
pub mod glob;
pub mod rand;
pub mod secret;
pub mod time;

pub mod machine;

pub mod event;

pub mod ingest;

pub mod notify;

pub mod delivery;

pub mod micronets;

pub mod ports;

pub mod netconf;

pub mod api;

pub mod config;

pub mod import;

pub mod mist;

pub mod cso;

pub mod intake;

pub mod engine;
