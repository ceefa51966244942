//! Questions to Mist about access points, switches and ports, each asked to its end.
//!
//! A question takes a few requests, one after the other. If one of them fails, or its response is
//! not what it should be, there is no answer: a part would be taken for the whole.

use alloc::{boxed::Box, collections::BTreeSet, string::String};

use http_types::Method;

use super::outcome::outcome;
use crate::base::exchange::{Exchange, ExchangeResult, Request, Response, Step};
use crate::base::{failure::Failure, mac::Mac};
use crate::ports::question::{Answer, Question};

mod connected;
mod inventory;
mod location;
mod port;

pub use connected::Connected;

/// The steps of one question.
trait Inquiry {
    fn first(&mut self) -> Step<Answer>;

    /// Takes a response, or why there is none. `None` if there will be no answer.
    fn answered(&mut self, result: Result<Response, Failure>) -> Option<Step<Answer>>;
}

/// An exchange that answers a question.
pub struct Ask(Box<dyn Inquiry + Send>);

impl Ask {
    /// Asks a question about the organisation of this id.
    pub fn new(org: &str, question: Question) -> Self {
        Self(match question {
            Question::Port { switch_port, .. } => {
                Box::new(port::PortInquiry::new(org, switch_port))
            }
            Question::Inventory => Box::new(inventory::InventoryInquiry::new(org)),
            Question::Location { ap, site } => {
                Box::new(location::LocationInquiry::new(org, ap, site))
            }
        })
    }
}

impl Exchange for Ask {
    type Output = Answer;

    fn start(&mut self) -> Step<Answer> {
        self.0.first()
    }

    fn answer(&mut self, result: ExchangeResult) -> Step<Answer> {
        self.0.answered(outcome(result)).unwrap_or(Step::Done(Answer::Unanswered))
    }
}

/// Gets a target.
pub(super) const fn get<T>(target: String) -> Step<T> {
    Step::Request(Request { method: Method::Get, target, session: None, body: None })
}

/// The switches of these ports.
fn switches<'p>(ports: impl IntoIterator<Item = &'p super::stats::Port>) -> BTreeSet<Mac> {
    ports.into_iter().map(|port| port.switch).collect()
}

#[cfg(test)]
mod tests;
