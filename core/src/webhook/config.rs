//! Who may send webhooks, and where: the section `[webhook]` of the configuration.

use alloc::{string::String, vec::Vec};
use core::{net::SocketAddr, time::Duration};

use crate::base::{network::Network, secret::Secret};
use crate::http::listener::{Limits, Tls};

/// `[webhook]`: the listener for webhooks.
#[derive(Clone, Debug)]
pub struct Webhook {
    pub listen: SocketAddr,
    /// The paths that take webhooks; each starts with `/`.
    pub paths: Vec<String>,
    /// The secrets that may sign: at least one, several while rotating.
    pub secrets: Vec<Secret>,
    /// Whether `X-Mist-Signature` (HMAC-SHA1) is enough.
    pub accept_v1: bool,
    /// How long an event is remembered to notice duplicates (default 1h).
    pub dedup_window: Duration,
    /// Older events open no incident that a newer one closed, and have no message of their own
    /// (default 24h).
    pub max_event_age: Duration,
    /// `None`: plain HTTP, for a reverse proxy.
    pub tls: Option<Tls>,
    /// The networks that may connect.
    pub allow_from: Vec<Network>,
    /// The reverse proxies whose `X-Forwarded-For` says who connects.
    pub trusted_proxies: Vec<Network>,
    pub limits: Limits,
}

impl Webhook {
    /// The default path.
    pub const PATH: &str = "/webhooks";
}
