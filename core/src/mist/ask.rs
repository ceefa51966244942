//! What a decision about a port rests on: questions, each asked to its end.
//!
//! A question takes a few requests, one after the other. Where one of them fails, or its answer is
//! not what it should be, there is no answer: a half would be taken for the whole.

use alloc::{collections::BTreeSet, string::String};

use http_types::Method;

use super::outcome::outcome;
use crate::{
    api::{ExchangeResult, Request, Response, Step},
    base::{failure::Failure, mac::Mac, machine::Machine, time::Instant},
    ports::question::{Answer, Question},
};

mod connected;
mod inventory;
mod location;
mod port;

pub use connected::{Config as ConnectedConfig, Connected};

/// What an [`Ask`] is about.
#[derive(Clone, Debug)]
pub struct Config {
    /// The organisation's id.
    pub org: String,
    /// The question.
    pub question: Question,
}

/// What follows from an answer.
enum Next {
    /// Get this.
    Get(String),
    /// The answer to the question; nothing where there is none.
    Done(Option<Answer>),
}

/// A conversation that answers a question.
#[derive(Debug)]
pub struct Ask {
    inquiry: Inquiry,
    said: Option<Step<Answer>>,
}

#[derive(Debug)]
enum Inquiry {
    Port(port::Inquiry),
    Inventory(inventory::Inquiry),
    Location(location::Inquiry),
}

impl Machine for Ask {
    type Config = Config;
    type Input = ExchangeResult;
    type Output = Step<Answer>;

    fn new(config: Config, _seed: u64, _now: Instant) -> Self {
        let Config { org, question } = config;
        let (inquiry, next) = match question {
            Question::Port { switch_port, .. } => {
                let (inquiry, next) = port::Inquiry::begin(org, switch_port);
                (Inquiry::Port(inquiry), next)
            }
            Question::Inventory => {
                let (inquiry, next) = inventory::Inquiry::begin(org);
                (Inquiry::Inventory(inquiry), next)
            }
            Question::Location { ap, site } => {
                let (inquiry, next) = location::Inquiry::begin(org, ap, site);
                (Inquiry::Location(inquiry), next)
            }
        };
        Self { inquiry, said: Some(next.said()) }
    }

    fn handle_timeout(&mut self, _now: Instant) {}

    fn handle_input(&mut self, _now: Instant, result: ExchangeResult) {
        let result = outcome(result);
        let next = match &mut self.inquiry {
            Inquiry::Port(inquiry) => inquiry.answered(result),
            Inquiry::Inventory(inquiry) => inquiry.answered(result),
            Inquiry::Location(inquiry) => inquiry.answered(result),
        };
        self.said = Some(next.unwrap_or(Next::Done(None)).said());
    }

    fn poll_output(&mut self) -> Option<Step<Answer>> {
        self.said.take()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}

impl Next {
    fn said(self) -> Step<Answer> {
        match self {
            Self::Get(target) => Step::Request(get(target)),
            Self::Done(answer) => Step::Done(answer.unwrap_or(Answer::Unanswered)),
        }
    }
}

/// The answer to a request, or why it is none.
type Outcome = Result<Response, Failure>;

/// A request for something that is there.
pub(super) const fn get(target: String) -> Request {
    Request { method: Method::Get, target, session: None, body: None }
}

/// The switches of these ports.
fn switches<'p>(ports: impl IntoIterator<Item = &'p super::stats::Port>) -> BTreeSet<Mac> {
    ports.into_iter().map(|port| port.switch).collect()
}

#[cfg(test)]
mod tests;
