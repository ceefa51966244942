//! HTTP on both sides, and TLS beneath it.

pub mod tls;

pub mod listen;

pub mod outbound;
