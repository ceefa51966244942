//! The Micronets websocket proxy: two peers meet at an address of ours, say hello to each other
//! through us, and from then on we pass on what they say, unread. And a peer of such a proxy.
//!
//! The protocol is that of the README of `micronets-ws-proxy` (§2), read as its real peers speak
//! it; `appliance/docs/vendors/micronets.md` §3 says where they differ. Framing is the websocket
//! library's work.

pub mod message;
pub mod peek;

pub mod http;

pub mod access;
pub mod upgrade;

pub mod pending;

mod keepalive;

pub mod close_reason;
pub mod meetup;

pub mod proxy;

pub mod peer;
