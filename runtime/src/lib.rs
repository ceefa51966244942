//! The tasks that move bytes between the world and `mistgate-core`: sockets, TLS, the clock. They
//! decide nothing; what they see walks into the core, and what the core wants walks out here.

pub mod clock;
pub mod tls;

pub mod listen;
pub mod outbound;

use smol::io::{AsyncRead, AsyncWrite};

/// A connection, with or without TLS.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}
