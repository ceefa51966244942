//! The settings of the websocket proxy, `[proxy]`.

use alloc::{string::String, vec::Vec};
use core::net::SocketAddr;

use super::{access, meetup::input::Config as Meetup};
use crate::http::listener::{Limits, Tls};

/// The listener of the proxy, who may join a meetup, and the policy of all meetups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    pub listen: SocketAddr,
    /// Whether each connection begins with a header of a load balancer; see
    /// [`proxy_v2`](super::proxy_v2).
    pub proxy_protocol: bool,
    /// What the path of an upgrade begins with; the rest of the request target is the id of the
    /// meetup. It begins and ends with `/`.
    pub path_prefix: String,
    pub files: ProxyFiles,
    /// Who may join which meetup; without rules, everybody may join every meetup.
    pub allow: Vec<access::Rule>,
    pub meetup: Meetup,
    pub limits: ProxyLimits,
}

/// The PEM files that say who the proxy is and who may connect; read again when they change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyFiles {
    /// The proxy's own certificate and key.
    pub tls: Tls,
    /// The authorities whose certificates may connect.
    pub client_ca: String,
    /// The revocation lists of these authorities (RFC 5280 §5).
    pub crl: Vec<String>,
}

/// The limits of the proxy's peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProxyLimits {
    /// Bytes of a message (default 1MiB).
    pub message_max: usize,
    /// Bytes that wait for a slow reader before its partner is read no more (default 256KiB).
    pub unsent_max: usize,
    /// Those of connections (default 4096 in all, 2048 of one address: a manager has one for each
    /// meetup), of handshakes and, as `head_timeout`, from the end of the TLS handshake to the end
    /// of the upgrade request. There are no bodies.
    pub listener: Limits,
}

impl Default for ProxyLimits {
    fn default() -> Self {
        Self {
            message_max: 1 << 20,
            unsent_max: 256 << 10,
            listener: Limits {
                connections_max: 4_096,
                connections_per_address_max: 2_048,
                ..Limits::default()
            },
        }
    }
}
