//! The configuration as the program uses it: complete, and impossible to hold wrong.

use alloc::{string::String, vec::Vec};
use core::{net::SocketAddr, time::Duration};

use http_types::Url;

use crate::{
    base::{network::Network, secret::Secret, window::Window},
    chat::shape::Kind,
    delivery::batch::Kinds,
    micronets::{access, meetup::input::Config as Meetup},
    route::Routes,
};

pub mod ports;

/// The whole configuration. A part that is absent is switched off.
#[derive(Clone, Debug)]
pub struct Config {
    /// The folder of the store and of generated secrets.
    pub state_dir: String,
    /// The Mist cloud.
    pub mist: Mist,
    /// The webhook listener.
    pub webhook: Option<Webhook>,
    /// Routing and destinations.
    pub chat: Chat,
    /// Switch ports.
    pub ports: Option<ports::Ports>,
    /// The websocket proxy.
    pub proxy: Option<Proxy>,
    /// The admin endpoint.
    pub admin: Option<Admin>,
}

impl Config {
    /// Every secret in it, so that a test can look for them in whatever is printed.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        let webhook = self.webhook.iter().flat_map(|webhook| &webhook.secrets);
        let destinations = &self.chat.destinations;
        let admin = self.admin.iter().filter_map(|admin| admin.token.as_ref());
        webhook
            .chain(&self.mist.token)
            .chain(destinations.iter().filter_map(|each| each.url.as_ref()))
            .chain(&self.chat.delivery.http_proxy)
            .chain(self.ports.iter().flat_map(ports::Ports::secrets))
            .chain(admin)
    }
}

/// `[mist]`
#[derive(Clone, Debug)]
pub struct Mist {
    /// The API's origin, such as `https://api.mist.com`.
    pub api_url: Url,
    /// The dashboard's host, derived from the API's: `manage.` for a leading `api.`.
    pub dashboard_host: String,
    /// The API token.
    pub token: Option<Secret>,
    /// The organisation's id.
    pub org_id: Option<String>,
}

/// `[webhook]`
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The paths that take webhooks; each starts with `/`.
    pub paths: Vec<String>,
    /// The secrets that may sign, at least one, several while rotating.
    pub secrets: Vec<Secret>,
    /// Whether `X-Mist-Signature` (HMAC-SHA1) is enough.
    pub accept_v1: bool,
    /// How long a seen event is remembered as a duplicate (default 1h).
    pub dedup_window: Duration,
    /// TLS, or plain HTTP for a reverse proxy.
    pub tls: Option<Tls>,
    /// The networks that may connect.
    pub allow_from: Vec<Network>,
    /// The bounds on clients.
    pub limits: Limits,
}

impl Webhook {
    /// The path where none is configured.
    pub const PATH: &str = "/webhooks";
}

/// A certificate chain and its key, by file, because both are read again when they change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The PEM file with the chain.
    pub cert: String,
    /// The PEM file with the key; may be the same file.
    pub key: String,
}

/// The bounds on what clients of a listener may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a body (default 1MiB).
    pub body_max: usize,
    /// Bytes of bodies held at once over all connections (default 64MiB).
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

/// `[chat]`
#[derive(Clone, Debug, Default)]
pub struct Chat {
    /// Which event goes to which channel.
    pub routes: Routes,
    /// The queues: one for each URL of each kind.
    pub destinations: Vec<Destination>,
    /// How deliveries behave.
    pub delivery: Delivery,
}

/// One URL of one chat product, with a queue of its own.
#[derive(Clone, Debug)]
pub struct Destination {
    /// `slack/info`, `teams/default`; stable while the configuration keeps the channel.
    pub name: String,
    /// The chat product.
    pub kind: Kind,
    /// Where to POST; none for the console. Chat URLs are credentials.
    pub url: Option<Secret>,
    /// The channels that it serves by name.
    pub channels: Vec<String>,
    /// Whether it also serves the channels of its kind that have no URL of their own.
    pub default: bool,
    /// How fast it may be written to; empty for no limit.
    pub pace: Vec<Window>,
}

/// What holds for every delivery.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// How old an event may become before it is given up (default 24h).
    pub max_age: Duration,
    /// For one POST, from the first byte to the answer (default 10s).
    pub timeout: Duration,
    /// Events waiting for one destination (default 50000).
    pub queue_max: usize,
    /// A backlog that the pace could not send in this time is merged by site (default 30s).
    pub digest_after: Duration,
    /// PEM text of certificate authorities to trust beside the public ones.
    pub extra_ca: Option<String>,
    /// The proxy of the configuration; the environment's counts where there is none.
    pub http_proxy: Option<Secret>,
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            max_age: Duration::from_secs(24 * 3_600),
            timeout: Duration::from_secs(10),
            queue_max: 50_000,
            digest_after: Duration::from_secs(30),
            extra_ca: None,
            http_proxy: None,
        }
    }
}

impl Chat {
    /// The destinations of a channel, at most one for each kind, in the order of the
    /// configuration.
    pub fn destinations_of(&self, channel: &str) -> Vec<usize> {
        let mut chosen: Vec<(usize, &Destination)> = Vec::new();
        for (index, destination) in self.destinations.iter().enumerate() {
            if !destination.serves(channel) {
                continue;
            }
            let same = |(_, rival): &&mut (usize, &Destination)| {
                rival.kind.name() == destination.kind.name()
            };
            match chosen.iter_mut().find(same) {
                Some(best) if destination.names(channel) && !best.1.names(channel) => {
                    *best = (index, destination);
                }
                Some(_) => {}
                None => chosen.push((index, destination)),
            }
        }
        let mut indexes: Vec<_> = chosen.into_iter().map(|(index, _)| index).collect();
        indexes.sort_unstable();
        indexes
    }

    /// The kinds of the destinations of a channel.
    pub fn kinds_of(&self, channel: &str) -> Kinds {
        self.destinations
            .iter()
            .filter(|destination| destination.serves(channel))
            .fold(Kinds::NONE, |kinds, destination| kinds.with(destination.kind))
    }
}

impl Destination {
    fn names(&self, channel: &str) -> bool {
        self.channels.iter().any(|name| name == channel)
    }

    fn serves(&self, channel: &str) -> bool {
        self.default || self.names(channel)
    }
}

/// `[proxy]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// Where to listen.
    pub listen: SocketAddr,
    /// What the path of an upgrade begins with; the whole rest of the request target is the
    /// meetup's id. It begins and ends with `/`.
    pub path_prefix: String,
    /// The proxy's own certificate and key.
    pub tls: Tls,
    /// The PEM file with the authorities whose certificates may connect; read again when it
    /// changes.
    pub client_ca: String,
    /// The PEM files with the lists of certificates that these authorities revoked (RFC 5280 §5);
    /// read again when they change.
    pub crl: Vec<String>,
    /// Who may join which meetup; without any, all may join all.
    pub allow: Vec<access::Rule>,
    /// What holds at each meetup.
    pub meetup: Meetup,
    /// The bounds on peers.
    pub limits: ProxyLimits,
}

/// The bounds on what peers of the websocket proxy may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProxyLimits {
    /// Bytes of a message (default 1MiB).
    pub message_max: usize,
    /// Bytes that wait for a slow reader before its partner is read no more (default 256KiB).
    pub unsent_max: usize,
    /// Connections in all (default 4096).
    pub connections_max: usize,
    /// Connections of one address, where an IPv6 address stands for its /64 (default 64).
    pub connections_per_address_max: usize,
    /// TLS handshakes that may begin in one second, which is what bounds their CPU (default 200).
    pub handshakes_per_second_max: usize,
    /// For the TLS handshake (default 10s).
    pub handshake_timeout: Duration,
    /// From the end of the TLS handshake to the end of the upgrade request (default 10s).
    pub upgrade_timeout: Duration,
}

impl Default for ProxyLimits {
    fn default() -> Self {
        Self {
            message_max: 1 << 20,
            unsent_max: 256 << 10,
            connections_max: 4_096,
            connections_per_address_max: 64,
            handshakes_per_second_max: 200,
            handshake_timeout: Duration::from_secs(10),
            upgrade_timeout: Duration::from_secs(10),
        }
    }
}

/// `[admin]`
#[derive(Clone, Debug)]
pub struct Admin {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The bearer token; required where `listen` is not loopback.
    pub token: Option<Secret>,
}
