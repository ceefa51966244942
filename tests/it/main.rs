//! The one integration test binary: each module looks at the product from one side.

mod cert;
mod examples;
mod http_hostile;
mod http_listen;
mod http_outbound;
mod limits;
mod pki;
mod tidy;
mod validators;
mod vectors;
