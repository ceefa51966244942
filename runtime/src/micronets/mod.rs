//! The Micronets websocket proxy, and a peer of it.

mod websocket;

pub mod relay;

pub mod peer;
