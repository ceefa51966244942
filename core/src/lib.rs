//! The rules of mistgate: bytes, facts and time walk in; bytes, commands and deadlines walk out.
//!
//! Nothing here opens a socket, reads a clock or draws a random number. What neither remembers nor
//! waits is a function; what does is a [`base::machine::Machine`]. The modules are listed from the
//! ground floor to the roof, and a file imports only from modules above it in this list.
//!
//! `no_std` lets the compiler guard this border: our files cannot name `std`. It promises no more.
//! Dependencies may link `std`, so the crate is not meant for targets without an operating system.

#![no_std]

extern crate alloc;

pub mod base;

pub mod http;

pub mod event;

pub mod notify;

pub mod matcher;

pub mod silence;

pub mod topology;

pub mod route;

pub mod chat;

pub mod delivery;

pub mod incident;

pub mod micronets;

pub mod netconf;

pub mod ports;

pub mod api;

pub mod junos;

pub mod mist;

pub mod cso;

pub mod webhook;

pub mod config;

pub mod page;

pub mod engine;
