//! Closes a connection so that the peer gets the last frames.

use std::{future::poll_fn, time::Duration};

use smol::future::FutureExt;

use super::connection::Connection;
use crate::base::{clock::timeout, net};

/// How long a peer has to take what was written and to answer our close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// How a connection is closed.
#[derive(Debug)]
pub(super) enum Closing {
    /// With what is in its buffer: our answer to the peer's close frame.
    Answered,
    /// With a close frame of this code and reason, which the peer answers.
    Close(u16, String),
    /// With such a close frame, but nothing more is read: the peer broke the protocol.
    Fail(u16, String),
}

/// Closes a connection, within [`CLOSE_TIMEOUT`] and the linger of its socket.
pub(super) async fn close(mut connection: Box<Connection>, closing: Closing) {
    let token = connection.token.clone();
    let closed = async {
        let said = async {
            let is_read = matches!(closing, Closing::Close(..));
            if let Closing::Close(code, reason) | Closing::Fail(code, reason) = closing {
                connection.put_close(code, &reason);
            }
            poll_fn(|cx| connection.poll_flush(cx)).await?;
            while is_read && poll_fn(|cx| connection.poll_receive(cx)).await.is_ok() {}
            Ok(())
        };
        if said.or(timeout(CLOSE_TIMEOUT)).await.is_ok() {
            let (stream, _origin) = connection.into_stream();
            net::close(stream, &[], false).await;
        }
    };
    token.bound(closed).await;
}
