//! How ports are changed on a Junos switch: what a change is, what must be seen before it stays,
//! and which host keys are trusted.

mod config;

pub mod configuration;

pub mod observation;

pub mod change;

pub mod rollback;

pub mod visit;

pub mod known_hosts;

pub use config::Junos;
