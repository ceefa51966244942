//! A session machine and its connection, driven by whoever asks something of it.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use mistgate_core::{
    base::{machine::Machine, time::Instant},
    netconf::{
        rpc::{
            error::{Holder, RpcError},
            operational::{Interface, Neighbour},
        },
        session::{
            Session,
            input::{Config, Edit, Input, Query, TaskId},
            output::{Answer, CloseReason, Failure, Outcome, Output},
        },
    },
};
use smol::{
    Timer,
    future::{Future, FutureExt},
    io::{AsyncRead, AsyncWrite},
};

use crate::{
    base::{
        clock::{Alarm, Clock},
        stop::Stop,
    },
    ports::junos::ssh::{self, Stream, Target},
};

/// How long a session may last when all shall stop: a commit that undoes a change fits in.
pub(super) const STOP_MAX: Duration = Duration::from_secs(60);
/// What is read at once.
const READ_MAX: usize = 16 << 10;

/// What happened in a session.
#[derive(Debug)]
pub(super) enum Event {
    /// A question is answered.
    Answered { id: TaskId, result: Result<Answer, Failure> },
    /// The edit is in place until it is confirmed.
    Committed { id: TaskId, verify_by: Instant },
    /// The edit is at its end.
    Edited,
    /// The session is.
    Over,
    /// The edit waits for a lock.
    Waiting { holder: Holder },
}

/// What became of an edit.
#[derive(Debug)]
pub(super) struct Edited {
    pub(super) result: Result<Outcome, Failure>,
    pub(super) diff: String,
    pub(super) warnings: Vec<RpcError>,
}

impl Edited {
    /// Why the edit is not in place, or not for good, where somebody wanted it to be.
    pub(super) fn reason(&self) -> Option<String> {
        match &self.result {
            Err(failure) => Some(failure.to_string()),
            Ok(
                outcome @ (Outcome::Pending { .. }
                | Outcome::RolledBack { .. }
                | Outcome::Unconfirmed { .. }
                | Outcome::Unknown { .. }),
            ) => Some(outcome.to_string()),
            Ok(Outcome::Absent | Outcome::Compared | Outcome::Confirmed | Outcome::Unchanged) => {
                None
            }
        }
    }
}

/// What moved.
enum Moved {
    Bytes(Vec<u8>),
    Closed,
    Due,
    Stopping,
}

/// A session and its connection.
pub(super) struct Dialogue {
    session: Session,
    /// Dropped at the session's end.
    stream: Option<Stream>,
    /// What is still to be written.
    out: Vec<u8>,
    clock: Clock,
    alarm: Alarm,
    stop: Stop,
    /// When the connection is dropped, once all shall stop.
    stop_by: Option<Instant>,
    last_id: TaskId,
    is_editing: bool,
    edited: Option<Edited>,
}

impl Dialogue {
    /// Connects, and says hello.
    pub(super) async fn open(
        target: &Target,
        config: Config,
        clock: Clock,
        stop: &Stop,
    ) -> Result<Self, ssh::Error> {
        let stream = ssh::open(target).await?;
        // Luck spreads the attempts of several programs at a lock, and they are spread without it.
        let seed = getrandom::u64().unwrap_or_default();
        Ok(Self {
            session: Session::new(config, seed, clock.now()),
            stream: Some(stream),
            out: Vec::new(),
            clock,
            alarm: Alarm::default(),
            stop: stop.clone(),
            stop_by: None,
            last_id: 0,
            is_editing: false,
            edited: None,
        })
    }

    /// A number for an edit or a question.
    pub(super) const fn next_id(&mut self) -> TaskId {
        self.last_id += 1;
        self.last_id
    }

    /// Whether an edit has begun and not ended.
    pub(super) const fn is_editing(&self) -> bool {
        self.is_editing
    }

    /// Whether all shall stop.
    pub(super) const fn is_stopping(&self) -> bool {
        self.stop_by.is_some()
    }

    /// Begins an edit, whose end is an event.
    pub(super) fn begin(&mut self, edit: Edit) {
        self.is_editing = true;
        self.handle(Input::Edit(edit));
    }

    /// Says whether what is in place does what it should.
    pub(super) fn verified(&mut self, id: TaskId, verdict: Result<(), String>) {
        self.handle(match verdict {
            Ok(()) => Input::Verified(id),
            Err(reason) => Input::NotVerified { id, reason },
        });
    }

    /// What became of the last edit.
    pub(super) fn edited(&mut self) -> Edited {
        // A session answers each edit, also where it is over already.
        let ended = Failure::Ended { step: None, reason: CloseReason::Closed };
        let lost = || Edited { result: Err(ended), diff: String::new(), warnings: Vec::new() };
        self.edited.take().unwrap_or_else(lost)
    }

    /// Asks the switch.
    pub(super) async fn ask(&mut self, query: Query) -> Result<Answer, Failure> {
        let asked = self.next_id();
        self.handle(Input::Ask { id: asked, query });
        loop {
            match self.next().await {
                Event::Answered { id, result } if id == asked => return result,
                Event::Over => {
                    return Err(Failure::Ended { step: None, reason: CloseReason::Closed });
                }
                Event::Answered { .. }
                | Event::Committed { .. }
                | Event::Edited
                | Event::Waiting { .. } => {}
            }
        }
    }

    /// The state of all interfaces, if the switch tells it.
    pub(super) async fn interfaces(&mut self) -> Option<Vec<Interface>> {
        match self.ask(Query::Interfaces).await {
            Ok(Answer::Interfaces(interfaces)) => Some(interfaces),
            Ok(Answer::Neighbours(_)) | Err(_) => None,
        }
    }

    /// The neighbours of all interfaces, if the switch tells them.
    pub(super) async fn neighbours(&mut self) -> Option<Vec<Neighbour>> {
        match self.ask(Query::Neighbours).await {
            Ok(Answer::Neighbours(neighbours)) => Some(neighbours),
            Ok(Answer::Interfaces(_)) | Err(_) => None,
        }
    }

    /// Lets time pass, as long as the edit has not ended.
    pub(super) async fn rest(&mut self, time: Duration) {
        self.meanwhile(Timer::after(time)).await;
    }

    /// Waits for something else; `None` if the edit ended before it.
    pub(super) async fn meanwhile<T>(&mut self, other: impl Future<Output = T>) -> Option<T> {
        let ended = async {
            while self.is_editing && !matches!(self.next().await, Event::Over) {}
            None
        };
        async { Some(other.await) }.or(ended).await
    }

    /// Ends the session in good order, or after a few seconds anyway.
    pub(super) async fn close(mut self) {
        self.handle(Input::Stop);
        while !matches!(self.next().await, Event::Over) {}
    }

    /// Drives the session to its next event. Nothing is lost where this is dropped.
    pub(super) async fn next(&mut self) -> Event {
        loop {
            if let Some(event) = self.drain() {
                return event;
            }
            let stop = self.stop.clone();
            let is_stopping = self.is_stopping();
            let moved = poll_fn(|cx| self.poll_moved(cx));
            let stopped = async {
                if is_stopping {
                    return smol::future::pending().await;
                }
                stop.wait().await;
                Moved::Stopping
            };
            let moved = moved.or(stopped).await;
            self.session.handle_timeout(self.clock.now());
            match moved {
                Moved::Bytes(bytes) => self.handle(Input::Bytes(bytes)),
                Moved::Closed => self.handle(Input::Closed),
                Moved::Due if self.stop_by.is_some_and(|by| by <= self.clock.now()) => {
                    self.handle(Input::Closed);
                }
                Moved::Due => {}
                Moved::Stopping => {
                    self.stop_by = Some(self.clock.now() + STOP_MAX);
                    self.handle(Input::Stop);
                }
            }
        }
    }

    fn handle(&mut self, input: Input) {
        self.session.handle_input(self.clock.now(), input);
    }

    fn drain(&mut self) -> Option<Event> {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Answered { id, result } => return Some(Event::Answered { id, result }),
                Output::Bytes(bytes) => self.out.extend(bytes),
                Output::Close(_) => self.stream = None,
                Output::Committed { id, verify_by } => {
                    return Some(Event::Committed { id, verify_by });
                }
                Output::Edited { result, diff, warnings, .. } => {
                    self.is_editing = false;
                    self.edited = Some(Edited { result, diff, warnings });
                    return Some(Event::Edited);
                }
                Output::Opened { .. } => {}
                Output::Waiting { holder, .. } => return Some(Event::Waiting { holder }),
            }
        }
        self.stream.is_none().then_some(Event::Over)
    }

    fn poll_moved(&mut self, cx: &mut Context<'_>) -> Poll<Moved> {
        let Some(stream) = &mut self.stream else {
            return Poll::Ready(Moved::Closed);
        };
        let mut stream = Pin::new(stream);
        let mut buffer = [0; READ_MAX];
        match stream.as_mut().poll_read(cx, &mut buffer) {
            Poll::Ready(Ok(count @ 1..)) => {
                let bytes = buffer.get(..count).unwrap_or_default().to_vec();
                return Poll::Ready(Moved::Bytes(bytes));
            }
            Poll::Ready(Ok(_) | Err(_)) => return Poll::Ready(Moved::Closed),
            Poll::Pending => {}
        }
        while !self.out.is_empty() {
            match stream.as_mut().poll_write(cx, &self.out) {
                Poll::Ready(Ok(count @ 1..)) => drop(self.out.drain(..count)),
                Poll::Ready(Ok(_) | Err(_)) => return Poll::Ready(Moved::Closed),
                Poll::Pending => break,
            }
        }
        let due_at = [self.session.poll_timeout(), self.stop_by].into_iter().flatten().min();
        self.alarm.set_at(self.clock, due_at);
        ready!(self.alarm.poll(cx));
        Poll::Ready(Moved::Due)
    }
}
