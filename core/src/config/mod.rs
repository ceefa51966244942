//! The configuration: TOML text in, [`Config`](checked::Config) or all of its problems out.
//!
//! The core reads no file. [`Draft`](raw::Draft) lists the files that a configuration names, the
//! caller reads them, and [`Draft::check`](raw::Draft::check) judges text and contents together.

pub mod problem;

pub mod units;
mod urls;

pub mod files;

mod reader;
mod section;

mod calendar;
mod terms;

mod routes;

pub mod admin;
mod chat;
mod incidents;
mod mist;
pub mod ports;
mod proxy;
pub mod store;
mod webhook;

pub mod checked;
pub mod raw;
