//! The end of a connection, so that the other side hears what was said last.

use std::{future::poll_fn, time::Duration};

use smol::future::FutureExt;

use super::connection::Connection;
use crate::base::{clock::timeout, net};

/// How long a peer is given to take what was written to it and to answer our close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// What is left to say.
#[derive(Debug)]
pub(super) enum Closing {
    /// Nothing beside what waits, which is our answer to its close frame.
    Answered,
    /// This close frame, to which it will answer.
    Close(u16, String),
    /// This close frame. It sent what cannot be read, so nothing more is read from it.
    Fail(u16, String),
}

/// Says what is left to say and closes the connection.
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
            let (stream, _token, _place) = connection.into_stream();
            net::close(stream, &[], false).await;
        }
    };
    token.bound(closed).await;
}
