//! The tasks that move bytes between the world and `mistgate-core`: sockets, TLS, the clock, the
//! disk. They decide nothing; what they see walks into the core, and what the core wants walks out
//! here. The modules are listed from the ground floor to the roof.

pub mod base;

pub mod http;

pub mod api;

pub mod mist;

pub mod chat;

pub mod ports;

pub mod webhook;

pub mod feed;

pub mod micronets;

pub mod admin;

pub mod host;
