//! The settings of an HTTP listener: its certificate, and what it allows its clients.

use alloc::{string::String, vec::Vec};
use core::time::Duration;

use crate::base::network::Network;

/// A certificate chain and its key as files, because both are read again when they change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// A PEM file with the chain.
    pub cert: String,
    /// A PEM file with the key; may be the same file.
    pub key: String,
}

/// What a listener allows its clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Who may connect (default everybody). Others are only told that they may not.
    pub allow_from: Vec<Network>,
    /// Who speaks for clients: load balancers, and reverse proxies by `X-Forwarded-For` (default
    /// nobody).
    pub proxies: Vec<Network>,
    pub limits: Limits,
}

impl Default for Policy {
    fn default() -> Self {
        let allow_from = Network::EVERYWHERE.to_vec();
        Self { allow_from, proxies: Vec::new(), limits: Limits::default() }
    }
}

/// The limits of an HTTP listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a body (default 1MiB).
    pub body_max: usize,
    /// Bytes of bodies in memory over all connections (default 64MiB).
    pub bodies_max: usize,
    /// Bytes a second that a body must come with after its first five seconds (default 4KiB).
    pub body_rate_min: usize,
    /// Bytes of a request's head (default 16KiB).
    pub head_max: usize,
    /// Header fields of a request (default 64).
    pub headers_max: usize,
    /// Connections in all (default 512).
    pub connections_max: usize,
    /// Connections of one address, where an IPv6 address stands for its /64 (default 64).
    pub connections_per_address_max: usize,
    /// TLS handshakes that may begin in one second, which bounds their CPU time (default 200).
    pub handshakes_per_second_max: usize,
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
            body_rate_min: 4 << 10,
            head_max: 16 << 10,
            headers_max: 64,
            connections_max: 512,
            connections_per_address_max: 64,
            handshakes_per_second_max: 200,
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            handshake_timeout: Duration::from_secs(10),
        }
    }
}

impl Limits {
    /// How long after its head a body may still be incomplete, when `received` bytes of it are
    /// there: who sends too slowly does not get the whole time.
    pub fn body_time(&self, received: usize) -> Duration {
        const GRACE: Duration = Duration::from_secs(5);
        let millis = received.saturating_mul(1_000) / self.body_rate_min.max(1);
        let earned = Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX));
        self.body_timeout.min(GRACE.saturating_add(earned))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_earns_its_time() {
        let limits = Limits::default();
        for (received, secs) in [(0, 5), (4 << 10, 6), (40 << 10, 15), (1 << 20, 30)] {
            assert_eq!(limits.body_time(received), Duration::from_secs(secs), "{received}");
        }
        let hasty = Limits { body_timeout: Duration::from_secs(1), ..limits };
        assert_eq!(hasty.body_time(usize::MAX), Duration::from_secs(1));
    }
}
