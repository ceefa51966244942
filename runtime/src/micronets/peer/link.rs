//! One connection to the proxy: TCP, TLS, the upgrade, and then messages both ways.
//!
//! Messages are handed on in order and read no faster than they are taken. Messages to the proxy
//! are written at once, and reported when the system has taken them.

use std::{io, sync::Arc, time::Duration};

use async_tungstenite::tungstenite::{Error, Message, protocol::WebSocketConfig};
use async_tungstenite::tungstenite::{error::ProtocolError, protocol::CloseFrame};
use async_tungstenite::{
    WebSocketReceiver, WebSocketSender, WebSocketStream, client_async_with_config, tungstenite,
};
use mistgate_core::{base::text, micronets::peer::input::Input, micronets::peer::input::LinkId};
use smol::{Executor, Task, Timer, channel, future::FutureExt, stream::StreamExt};

use super::{Handle, Settings};
use crate::base::{net::Socket, task};
use crate::{http::outbound::reach, http::tls, micronets::websocket};

/// The most messages that are read and not taken yet.
const UNREAD_MAX: usize = 16;
/// The most characters of what a proxy says when it refuses.
const SAID_MAX: usize = 200;
/// How long the proxy has to send its close frame, and the system to send ours.
const LINGER: Duration = Duration::from_secs(2);
/// The read buffer.
const BUFFER: usize = 16 << 10;

/// A connection, or an attempt to make one. Dropping it ends it at once.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) id: LinkId,
    pub(super) outgoing: channel::Sender<Message>,
    pub(super) incoming: channel::Receiver<Input>,
    /// Detached, it writes what is left and ends by itself.
    pub(super) task: Task<()>,
}

impl Link {
    /// Begins an attempt.
    pub(super) fn start(
        id: LinkId,
        settings: Arc<Settings>,
        handle: Handle,
        executor: &Executor<'static>,
    ) -> Self {
        // Unbounded, because the machine bounds what is unsent.
        let (outgoing, to_send) = channel::unbounded();
        let (received, incoming) = channel::bounded(UNREAD_MAX);
        let task = task::spawn(executor, run(id, settings, handle, to_send, received));
        Self { id, outgoing, incoming, task }
    }
}

type Stream = WebSocketStream<futures_rustls::client::TlsStream<Socket>>;

async fn run(
    id: LinkId,
    settings: Arc<Settings>,
    handle: Handle,
    to_send: channel::Receiver<Message>,
    received: channel::Sender<Input>,
) {
    let stream = match connect(&settings).await {
        Ok(stream) => stream,
        Err(reason) => {
            // The receiver is gone if the attempt was given up.
            let _ = received.send(Input::Closed { link: id, reason }).await;
            return;
        }
    };
    let _ = received.send(Input::Opened(id)).await;
    let (sender, receiver) = stream.split();
    let writing = async {
        write(id, sender, to_send, &handle).await;
        Timer::after(LINGER).await;
    };
    let reading = async {
        read(id, receiver, &received).await;
    };
    reading.or(writing).await;
    let _ = received.send(Input::Closed { link: id, reason: "closed".to_owned() }).await;
}

async fn connect(settings: &Arc<Settings>) -> Result<Stream, String> {
    let meetup = &settings.meetup;
    let own = Arc::clone(settings);
    // The files may have been renewed since the last attempt.
    let connector = task::unblock(move || own.credentials.connector()).await;
    let connector = connector.map_err(|error| error.to_string())?;
    let stream = reach(meetup.host(), meetup.port).await.map_err(|cause| cause.to_string())?;
    let stream = connector.connect(meetup.name(), Socket::new(stream)).await;
    let stream = stream.map_err(|error| tls::peer::explain(&error))?;
    let max = Some(settings.config.message_max);
    let config = WebSocketConfig::default()
        .max_message_size(max)
        .max_frame_size(max)
        .read_buffer_size(BUFFER)
        .write_buffer_size(0);
    let upgraded = client_async_with_config(meetup.uri.clone(), stream, Some(config)).await;
    let (stream, _) = upgraded.map_err(|error| refusal(&error))?;
    Ok(stream)
}

/// Why the proxy did not upgrade the connection.
fn refusal(error: &Error) -> String {
    if let Error::Http(response) = error {
        let said = response.body().as_deref().map(String::from_utf8_lossy).unwrap_or_default();
        let said = text::one_line(&said, SAID_MAX);
        return format!("the proxy answered {} to the upgrade: {said}", response.status());
    }
    // With TLS 1.3 a client learns only here that its certificate is refused.
    if let Error::Io(error) = error {
        return tls::peer::explain(error);
    }
    if matches!(error, Error::Protocol(ProtocolError::HandshakeIncomplete)) {
        return tls::peer::explain(&io::ErrorKind::UnexpectedEof.into());
    }
    format!("the upgrade failed: {error}")
}

/// Writes until the close frame is written, or writing fails.
async fn write(
    link: LinkId,
    mut sender: WebSocketSender<futures_rustls::client::TlsStream<Socket>>,
    to_send: channel::Receiver<Message>,
    handle: &Handle,
) {
    while let Ok(message) = to_send.recv().await {
        // The machine counts the bytes of texts.
        let bytes = if message.is_text() { message.len() } else { 0 };
        let is_last = message.is_close();
        match sender.send(message).await {
            Ok(()) if is_last => return,
            Ok(()) if bytes > 0 => handle.send(Input::Written { link, bytes }),
            Ok(()) => {}
            // The reader reports the reason.
            Err(_) => return,
        }
    }
}

/// Reads until the end, and reports why it ended.
async fn read(
    link: LinkId,
    mut receiver: WebSocketReceiver<futures_rustls::client::TlsStream<Socket>>,
    received: &channel::Sender<Input>,
) {
    let mut is_closed = false;
    while let Some(message) = receiver.next().await {
        let input = match message {
            Ok(Message::Text(text)) => {
                Input::Received { link, payload: tungstenite::Bytes::from(text).into() }
            }
            Ok(Message::Binary(payload)) => Input::Received { link, payload: payload.into() },
            Ok(Message::Close(frame)) => {
                is_closed = true;
                Input::Closed { link, reason: reason(frame.as_ref()) }
            }
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {
                Input::ControlFrame(link)
            }
            Err(_) if is_closed => return,
            Err(error) => {
                let _ = received.send(end(link, &error)).await;
                // If the proxy broke the protocol, our close frame must still go out.
                Timer::after(LINGER).await;
                return;
            }
        };
        if received.send(input).await.is_err() && !is_closed {
            return;
        }
    }
}

/// The reason of the proxy's close frame.
fn reason(frame: Option<&CloseFrame>) -> String {
    let reason = |frame| format!("the proxy closed it: {frame}");
    frame.map_or_else(|| "the proxy closed it without a reason".to_owned(), reason)
}

/// The input that reports an error.
fn end(link: LinkId, error: &Error) -> Input {
    match websocket::fault(error) {
        Ok(fault) => Input::Broken { link, fault },
        Err(io::ErrorKind::UnexpectedEof) => {
            let reason = "the connection was lost without a close frame".to_owned();
            Input::Closed { link, reason }
        }
        Err(kind) => Input::Closed { link, reason: format!("the connection was lost: {kind}") },
    }
}
