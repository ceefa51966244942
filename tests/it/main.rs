//! The one integration test binary. Each module tests one part of the product.

mod base;

mod webhook;

mod chat;

mod ports;

mod micronets;

mod host;

mod cli;

mod laws;

mod house;

// The soak is also a mode of the load generator.
#[path = "../bench/soak.rs"]
mod soak;
#[path = "../bench/wire.rs"]
mod wire;
