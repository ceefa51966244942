//! A chat behind a network: messages are accepted, refused, delayed or lost.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use mistgate_core::base::machine::Machine;
use mistgate_core::base::rand::Rand;
use mistgate_core::base::time::Instant;
use mistgate_core::chat::kind::Kind;
use mistgate_core::chat::outcome::Reason;
use mistgate_core::chat::shape::Form;
use mistgate_core::engine::input::Answer;

use crate::chat::{limits, server::Answer as VendorAnswer};

/// Identifies a post among those of all servers.
pub type PostId = u64;

/// What a server is told.
#[derive(Clone, Copy, Debug)]
pub enum Input {
    /// From now on it behaves like this.
    Mood(Mood),
    /// A message was sent.
    Post {
        id: PostId,
        form: Form,
        /// When its sender gives up.
        timeout: Duration,
    },
}

/// How a chat and the network before it behave, for three posts out of four.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// It accepts every message within a second.
    Well,
    /// It takes seconds, sometimes longer than the sender waits.
    Slow,
    /// The network loses messages.
    LosesPosts,
    /// The network loses answers.
    LosesAnswers,
    /// It answers 429, with this time in `Retry-After`.
    Limits(Duration),
    /// It answers 503 and does not show the message.
    Fails,
    /// It answers 504 and shows the message.
    FailsLate,
    /// It accepts only plain text.
    RefusesRich,
    /// It answers 400 to every message.
    RefusesAll,
    /// It answers 404, as if its URL did not exist.
    Dead,
}

impl Mood {
    /// All of them. `Limits` asks for a minute.
    pub const ALL: [Self; 10] = [
        Self::Well,
        Self::Slow,
        Self::LosesPosts,
        Self::LosesAnswers,
        Self::Limits(Duration::from_secs(60)),
        Self::Fails,
        Self::FailsLate,
        Self::RefusesRich,
        Self::RefusesAll,
        Self::Dead,
    ];
}

/// What a server and the network report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// The sender has an answer, or gave up waiting.
    Answered(PostId, Result<Answer, Reason>),
    /// People see the message.
    Shown(PostId),
}

/// One chat, and the answers that are under way.
#[derive(Debug)]
pub struct Server {
    kind: &'static Kind,
    rand: Rand,
    mood: Mood,
    last: u64,
    scheduled: BTreeMap<(Instant, u64), Output>,
    outputs: VecDeque<Output>,
}

impl Server {
    fn post(&mut self, now: Instant, id: PostId, form: Form, timeout: Duration) {
        let mood = if self.rand.up_to(3) > 0 { self.mood } else { Mood::Well };
        let slow = if mood == Mood::Slow { 12_000_000 } else { 300_000 };
        let shown_at = now + Duration::from_micros(500 + self.rand.up_to(slow));
        let answer_at = shown_at + Duration::from_micros(500 + self.rand.up_to(slow));
        let give_up_at = now + timeout;
        let refusal = |status| answer(status, None, b"no");
        let (shows, answer) = match mood {
            Mood::Well | Mood::Slow => (true, Some(self.success())),
            Mood::LosesPosts => (false, None),
            Mood::LosesAnswers => (true, None),
            Mood::Limits(after) => (false, Some(answer(429, Some(after), b"later"))),
            Mood::Fails => (false, Some(refusal(503))),
            Mood::FailsLate => (true, Some(refusal(504))),
            Mood::RefusesRich if form == Form::Plain => (true, Some(self.success())),
            Mood::RefusesRich | Mood::RefusesAll => (false, Some(refusal(400))),
            Mood::Dead => (false, Some(refusal(404))),
        };
        if shows {
            self.schedule(shown_at, Output::Shown(id));
        }
        match answer.filter(|_| answer_at < give_up_at) {
            Some(answer) => self.schedule(answer_at, Output::Answered(id, Ok(answer))),
            None => self.schedule(give_up_at, Output::Answered(id, Err(Reason::Timeout))),
        }
    }

    fn success(&self) -> Answer {
        match limits::vendor(self.kind).map(|vendor| vendor.taken) {
            Some(VendorAnswer::Say { status, body, .. }) => answer(status, None, body.as_bytes()),
            Some(VendorAnswer::Close | VendorAnswer::Hold) | None => answer(200, None, b"ok"),
        }
    }

    fn schedule(&mut self, at: Instant, output: Output) {
        self.last += 1;
        self.scheduled.insert((at, self.last), output);
    }
}

fn answer(status: u16, retry_after: Option<Duration>, body: &[u8]) -> Answer {
    Answer { status, retry_after, body: body.to_vec() }
}

impl Machine for Server {
    type Config = &'static Kind;
    type Input = Input;
    type Output = Output;

    fn new(kind: &'static Kind, seed: u64, _now: Instant) -> Self {
        Self {
            kind,
            rand: Rand::new(seed),
            mood: Mood::Well,
            last: 0,
            scheduled: BTreeMap::new(),
            outputs: VecDeque::new(),
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        while let Some(entry) = self.scheduled.first_entry()
            && entry.key().0 <= now
        {
            self.outputs.push_back(entry.remove());
        }
    }

    fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::Mood(mood) => self.mood = mood,
            Input::Post { id, form, timeout } => self.post(now, id, form, timeout),
        }
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.scheduled.first_key_value().map(|((at, _), _)| *at)
    }
}
