//! The one integration test binary: each module looks at the product from one side.

mod examples;
mod http_hostile;
mod http_listen;
mod http_outbound;
mod laws;
mod limits;
mod pki;
mod regressions;
mod replay;
mod tidy;
mod validators;
mod vectors;
mod world;
