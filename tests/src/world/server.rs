//! A chat behind a network: takes messages, or loses, refuses and delays them.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use mistgate_core::{
    base::{machine::Machine, rand::Rand, time::Instant},
    chat::{kind::Kind, outcome::Reason, shape::Form},
    engine::input::Answer,
};

use crate::chat::{limits, server::Answer as Says};

/// Names a post across all servers.
pub type PostId = u64;

/// What happens to a server.
#[derive(Clone, Copy, Debug)]
pub enum Input {
    /// From now on it does so.
    Mood(Mood),
    /// A message was sent.
    Post {
        /// Its name.
        id: PostId,
        /// The form.
        form: Form,
        /// When its sender gives up.
        timeout: Duration,
    },
}

/// How a chat and the way to it do. Three posts of four feel it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// It takes everything in a moment.
    Well,
    /// It takes seconds, more than its senders wait at times.
    Slow,
    /// The way there loses messages.
    LosesPosts,
    /// The way back loses answers.
    LosesAnswers,
    /// It asks for fewer messages.
    Limits(Duration),
    /// It fails before it takes a message.
    Fails,
    /// It fails after it took a message.
    FailsLate,
    /// It refuses anything but plain text.
    RefusesRich,
    /// It refuses everything.
    RefusesAll,
    /// Its URL is dead.
    Dead,
}

impl Mood {
    /// All of them; the named time is a minute.
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

/// What a server and the way back do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// The sender has an answer, or gives up.
    Answered(PostId, Result<Answer, Reason>),
    /// People see the message.
    Took(PostId),
}

/// The chat.
#[derive(Debug)]
pub struct Server {
    kind: &'static Kind,
    rand: Rand,
    mood: Mood,
    last: u64,
    coming: BTreeMap<(Instant, u64), Output>,
    outputs: VecDeque<Output>,
}

impl Server {
    fn post(&mut self, now: Instant, id: PostId, form: Form, timeout: Duration) {
        let mood = if self.rand.up_to(3) > 0 { self.mood } else { Mood::Well };
        let slow = if mood == Mood::Slow { 12_000_000 } else { 300_000 };
        let took_at = now + Duration::from_micros(500 + self.rand.up_to(slow));
        let answer_at = took_at + Duration::from_micros(500 + self.rand.up_to(slow));
        let give_up_at = now + timeout;
        let says = |status| answer(status, None, b"no");
        let (takes, answer) = match mood {
            Mood::Well | Mood::Slow => (true, Some(self.yes())),
            Mood::LosesPosts => (false, None),
            Mood::LosesAnswers => (true, None),
            Mood::Limits(after) => (false, Some(answer(429, Some(after), b"later"))),
            Mood::Fails => (false, Some(says(503))),
            Mood::FailsLate => (true, Some(says(504))),
            Mood::RefusesRich if form == Form::Plain => (true, Some(self.yes())),
            Mood::RefusesRich | Mood::RefusesAll => (false, Some(says(400))),
            Mood::Dead => (false, Some(says(404))),
        };
        if takes {
            self.come(took_at, Output::Took(id));
        }
        match answer.filter(|_| answer_at < give_up_at) {
            Some(answer) => self.come(answer_at, Output::Answered(id, Ok(answer))),
            None => self.come(give_up_at, Output::Answered(id, Err(Reason::Timeout))),
        }
    }

    fn yes(&self) -> Answer {
        match limits::vendor(self.kind).map(|vendor| vendor.taken) {
            Some(Says::Say { status, body, .. }) => answer(status, None, body.as_bytes()),
            Some(Says::Close | Says::Hold) | None => answer(200, None, b"ok"),
        }
    }

    fn come(&mut self, at: Instant, output: Output) {
        self.last += 1;
        self.coming.insert((at, self.last), output);
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
            coming: BTreeMap::new(),
            outputs: VecDeque::new(),
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        while let Some(entry) = self.coming.first_entry()
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
        self.coming.first_key_value().map(|((at, _), _)| *at)
    }
}
