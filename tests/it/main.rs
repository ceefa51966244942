//! The one integration test binary: each module looks at the product from one side.

mod answers;
mod binary;
mod cert;
mod commands;
mod delivery;
mod examples;
mod http_hostile;
mod http_listen;
mod http_outbound;
mod kill;
mod laws;
mod limits;
mod micronets;
mod netconf;
mod pki;
mod regressions;
mod reload;
mod replay;
mod run;
mod secrets;
mod store;
mod switch;
mod tidy;
mod validators;
mod vectors;
mod world;
