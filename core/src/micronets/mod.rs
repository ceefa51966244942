//! The Micronets websocket proxy, and a peer of such a proxy. Two peers join a meetup, the proxy
//! passes their hellos to each other, and from then on it relays their messages unchanged.
//!
//! The protocol is that of the README of `micronets-ws-proxy` (§2), as its real peers speak it;
//! `appliance/docs/vendors/micronets.md` §3 says where they differ. Framing is the websocket
//! library's work.

pub mod message;
pub mod peek;

pub mod http;

pub mod access;
pub mod proxy_v2;
pub mod upgrade;

pub mod pending;

pub mod close_reason;

pub mod keepalive;

pub mod meetup;

pub mod proxy;

pub mod peer;
