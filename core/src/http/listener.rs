//! The settings of an HTTP listener: its certificate, and limits for its clients.

use alloc::string::String;
use core::time::Duration;

/// A certificate chain and its key as files, because both are read again when they change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// A PEM file with the chain.
    pub cert: String,
    /// A PEM file with the key; may be the same file.
    pub key: String,
}

/// The limits of an HTTP listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a body (default 1MiB).
    pub body_max: usize,
    /// Bytes of bodies in memory over all connections (default 64MiB).
    pub bodies_max: usize,
    /// Bytes of a request's head (default 16KiB).
    pub head_max: usize,
    /// Header fields of a request (default 64).
    pub headers_max: usize,
    /// Connections in all (default 512).
    pub connections_max: usize,
    /// Connections of one address, where an IPv6 address stands for its /64 (default 64).
    pub connections_per_address_max: usize,
    /// From the first moment a head may be sent to its end; also the idle time of a kept-alive
    /// connection (default 10s).
    pub head_timeout: Duration,
    /// From the end of the head to the end of the body (default 30s).
    pub body_timeout: Duration,
    /// For the TLS handshake (default 10s).
    pub handshake_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_max: 1 << 20,
            bodies_max: 64 << 20,
            head_max: 16 << 10,
            headers_max: 64,
            connections_max: 512,
            connections_per_address_max: 64,
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            handshake_timeout: Duration::from_secs(10),
        }
    }
}
