//! What the websocket library's errors mean, for the proxy and for its peers.

use std::io;

use async_tungstenite::tungstenite::Error;
use async_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use mistgate_core::micronets::close_reason::Fault;

/// What the other side did wrong; `Err` if the connection was lost without a close frame.
pub(crate) fn fault(error: &Error) -> Result<Fault, io::ErrorKind> {
    match error {
        Error::Capacity(CapacityError::MessageTooLong { max_size, .. }) => {
            Ok(Fault::Oversize { max: *max_size })
        }
        Error::Utf8(_) => Ok(Fault::NotUtf8),
        Error::Io(error) => Err(error.kind()),
        Error::AlreadyClosed
        | Error::ConnectionClosed
        | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            Err(io::ErrorKind::UnexpectedEof)
        }
        Error::AttackAttempt
        | Error::Capacity(CapacityError::TooManyHeaders)
        | Error::Http(_)
        | Error::HttpFormat(_)
        | Error::Protocol(_)
        | Error::Tls(_)
        | Error::Url(_)
        | Error::WriteBufferFull(_) => Ok(Fault::Protocol),
    }
}
