//! The websocket proxy and its peers.

pub(crate) mod both_ends;
pub(crate) mod connect;
pub(crate) mod originals;
pub(crate) mod peers;
pub(crate) mod proxy;
pub(crate) mod relay;
pub(crate) mod soak;
pub(crate) mod tls;
pub(crate) mod vectors;
