//! The end of a connection, so that the other side hears what was said last.

use std::{
    future::poll_fn,
    io::{self, ErrorKind},
    time::Duration,
};

use smol::{
    Timer,
    future::FutureExt,
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
};

use super::connection::Connection;

/// How long a peer is given to take what was written to it and to answer our close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long, and for how many bytes, a connection is read after our last frame. To close it on
/// unread bytes would reset it, and the other side would lose that frame (RFC 9293 §3.6).
const LINGER: Duration = Duration::from_secs(2);
const LINGER_MAX: usize = 8 << 20;

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
            linger(stream).await;
        }
    };
    token.bound(closed).await;
}

/// Closes our side, and reads what still comes until the other side is closed too.
pub(super) async fn linger<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) {
    let heard = async {
        stream.close().await?;
        let (mut dropped, mut buffer) = (0, [0; 4 << 10]);
        while dropped < LINGER_MAX {
            match stream.read(&mut buffer).await? {
                0 => break,
                count => dropped += count,
            }
        }
        Ok(())
    };
    // Whether it heard us is beyond our knowledge.
    let _ = heard.or(timeout(LINGER)).await;
}

/// The error of what takes too long.
pub(super) async fn timeout<T>(after: Duration) -> io::Result<T> {
    Timer::after(after).await;
    Err(ErrorKind::TimedOut.into())
}
