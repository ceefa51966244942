//! The one integration test binary: each module looks at the product from one side.

mod answers;
mod binary;
mod booted;
mod both_ends;
mod budget;
mod cert;
mod commands;
mod connect;
mod cso;
mod delivery;
mod examples;
mod http_hostile;
mod http_listen;
mod http_outbound;
mod import;
mod install;
mod junos;
mod kill;
mod laws;
mod limits;
mod micronets;
mod micronets_peers;
mod micronets_soak;
mod micronets_tls;
mod mist_api;
mod mist_profiles;
mod netconf;
mod one_site;
mod openssl;
mod peers;
mod pki;
mod port;
mod ports;
mod proxy;
mod regressions;
mod relay;
mod reload;
mod replay;
mod run;
mod sandbox;
mod secrets;
mod ssh;
mod sshd;
mod store;
mod supply;
mod switch;
mod switches;
mod systemd;
mod tell;
mod threads;
mod tidy;
mod units;
mod validators;
mod vectors;
mod world;

// The soak is also a mode of the load generator.
#[path = "../bench/soak.rs"]
mod soak;
#[path = "../bench/wire.rs"]
mod wire;
