//! What a visit waits for: its connection, the switch's bytes, the cloud's answer, a timer, and the
//! end of the program.

use std::{future::poll_fn, pin::Pin, task::Context, task::Poll};

use mistgate_core::{base::failure::Failure, base::time::Instant, junos::visit::input::Input};
use smol::future::{Boxed, Future, FutureExt};
use smol::{channel, future, io::AsyncRead, io::AsyncWrite, lock::SemaphoreGuardArc};

use crate::{base::clock::Alarm, base::clock::Clock, base::stop::Stop, ports::junos::ssh::Stream};

/// What is read at once.
const READ_MAX: usize = 16 << 10;

/// A session's bytes, and its slot among all sessions.
pub(super) type Opened = (Stream, SemaphoreGuardArc);

type Opening<'a> = Pin<Box<dyn Future<Output = Result<Opened, Failure>> + Send + 'a>>;

/// Everything that a visit needs of the world.
pub(super) struct Connection<'a> {
    clock: Clock,
    alarm: Alarm,
    stop: Stop,
    is_stopping: bool,
    /// What Mist says meanwhile.
    said: channel::Receiver<Input>,
    opening: Option<Opening<'a>>,
    stream: Option<Stream>,
    /// Kept to the end of the visit.
    slot: Option<SemaphoreGuardArc>,
    /// What is still to be written.
    out: Vec<u8>,
    cloud: Option<(u64, Boxed<Option<bool>>)>,
}

impl<'a> Connection<'a> {
    pub(super) fn new(clock: Clock, stop: Stop, said: channel::Receiver<Input>) -> Self {
        Self {
            clock,
            alarm: Alarm::default(),
            stop,
            is_stopping: false,
            said,
            opening: None,
            stream: None,
            slot: None,
            out: Vec::new(),
            cloud: None,
        }
    }

    pub(super) fn open(
        &mut self,
        opening: impl Future<Output = Result<Opened, Failure>> + Send + 'a,
    ) {
        self.opening = Some(Box::pin(opening));
    }

    pub(super) fn send(&mut self, bytes: &[u8]) {
        self.out.extend(bytes);
    }

    /// Waits for the answer to this question; one that nobody can be asked has none.
    pub(super) fn ask(&mut self, id: u64, asked: Option<Boxed<Option<bool>>>) {
        self.cloud = Some((id, asked.unwrap_or_else(|| future::ready(None).boxed())));
    }

    /// The next input; `None` when it is `due_at`.
    pub(super) async fn next(&mut self, due_at: Option<Instant>) -> Option<Input> {
        let stop = self.stop.clone();
        let is_stopping = self.is_stopping;
        let stopped = async {
            if is_stopping {
                return future::pending().await;
            }
            stop.wait().await;
            Some(Input::Stop)
        };
        self.alarm.set_at(self.clock, due_at);
        let said = self.said.clone();
        let said = async {
            match said.recv().await {
                Ok(input) => Some(input),
                Err(_) => future::pending().await,
            }
        };
        let input = stopped.or(said).or(poll_fn(|cx| self.poll_next(cx))).await;
        self.is_stopping |= matches!(input, Some(Input::Stop));
        input
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Input>> {
        if let Some(opening) = &mut self.opening
            && let Poll::Ready(opened) = opening.poll(cx)
        {
            self.opening = None;
            return Poll::Ready(Some(match opened {
                Ok((stream, slot)) => {
                    (self.stream, self.slot) = (Some(stream), Some(slot));
                    Input::Opened
                }
                Err(failure) => Input::NotOpened(failure),
            }));
        }
        if let Some((id, cloud)) = &mut self.cloud
            && let Poll::Ready(is_connected) = cloud.poll(cx)
        {
            let id = *id;
            self.cloud = None;
            return Poll::Ready(Some(Input::CloudAnswered { id, is_connected }));
        }
        match self.poll_stream(cx) {
            Poll::Ready(Some(bytes)) => Poll::Ready(Some(Input::Bytes(bytes))),
            Poll::Ready(None) => {
                self.stream = None;
                Poll::Ready(Some(Input::Closed))
            }
            Poll::Pending => self.alarm.poll(cx).map(|()| None),
        }
    }

    /// Reads what has come, and writes what can be written; `None` if the connection is gone.
    fn poll_stream(&mut self, cx: &mut Context<'_>) -> Poll<Option<Vec<u8>>> {
        let Some(stream) = &mut self.stream else { return Poll::Pending };
        let mut channel = Pin::new(&mut stream.channel);
        let mut buffer = [0; READ_MAX];
        match channel.as_mut().poll_read(cx, &mut buffer) {
            Poll::Ready(Ok(count @ 1..)) => {
                return Poll::Ready(buffer.get(..count).map(<[u8]>::to_vec));
            }
            Poll::Ready(Ok(_) | Err(_)) => return Poll::Ready(None),
            Poll::Pending => {}
        }
        while !self.out.is_empty() {
            match channel.as_mut().poll_write(cx, &self.out) {
                Poll::Ready(Ok(count @ 1..)) => drop(self.out.drain(..count)),
                Poll::Ready(Ok(_) | Err(_)) => return Poll::Ready(None),
                Poll::Pending => break,
            }
        }
        Poll::Pending
    }
}
