//! The one integration test binary: each module looks at the product from one side.

mod answers;
mod binary;
mod commands;
mod delivery;
mod examples;
mod http_hostile;
mod http_listen;
mod http_outbound;
mod kill;
mod limits;
mod pki;
mod reload;
mod run;
mod secrets;
mod store;
mod tidy;
mod validators;
mod vectors;
