//! The tasks that move bytes between the world and `mistgate-core`: sockets, TLS, the clock. They
//! decide nothing; what they see walks into the core, and what the core wants walks out here.

pub mod clock;
mod net;
pub mod tls;

pub mod listen;
pub mod outbound;
