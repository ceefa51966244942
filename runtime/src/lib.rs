//! The tasks that move bytes between the world and `mistgate-core`: sockets, TLS, the clock, the
//! disk. They decide nothing; what they see walks into the core, and what the core wants walks out
//! here.

pub mod clock;
pub mod metrics;
mod net;
mod places;
pub mod tls;
mod turns;
mod websocket;

pub mod journal;
pub mod listen;
pub mod outbound;
pub mod relay;
pub mod sandbox;
pub mod ssh;
pub mod store;
pub mod supervisor;

pub mod api;

pub mod cso;
pub mod junos;
pub mod mist;

pub mod admin;
pub mod driver;
pub mod load;
pub mod node;
pub mod peer;
pub mod switches;
pub mod webhook;
