//! The one integration test binary: everything that needs more than one crate, or a socket.

mod http_hostile;
mod http_listen;
mod http_outbound;
mod pki;
