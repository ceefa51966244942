//! What the websocket library's errors mean, for the proxy and for its peers.

use std::io;

use async_tungstenite::tungstenite::{Error, error::CapacityError, error::ProtocolError};
use mistgate_core::micronets::close_reason::Fault;

/// What the other side did wrong; `Err` if the connection was lost without a close frame.
pub(crate) fn fault(error: &Error) -> Result<Fault, io::ErrorKind> {
    if let Error::Capacity(CapacityError::MessageTooLong { max_size, .. }) = error {
        return Ok(Fault::Oversize { max: *max_size });
    }
    if let Error::Io(error) = error {
        return Err(error.kind());
    }
    if let Error::AlreadyClosed
    | Error::ConnectionClosed
    | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) = error
    {
        return Err(io::ErrorKind::UnexpectedEof);
    }
    Ok(if matches!(error, Error::Utf8(_)) { Fault::NotUtf8 } else { Fault::Protocol })
}
