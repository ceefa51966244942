//! The parts of the feed that may fail, each a condition of ours.

use crate::notify::types::condition::Condition;

/// A part of the way from Mist to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The token of Mist's API, and its rights.
    Token,
    /// The webhook, as Mist has it.
    Webhook,
}

impl Part {
    /// Every part, in the order in which they are judged.
    pub const ALL: [Self; 2] = [Self::Token, Self::Webhook];

    /// The label in metrics and in the journal.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Webhook => "webhook",
        }
    }

    /// The condition while it does not work.
    pub const fn condition(self) -> &'static str {
        match self {
            Self::Token => Condition::MIST_TOKEN_REFUSED.name,
            Self::Webhook => Condition::MIST_WEBHOOK_WRONG.name,
        }
    }

    /// The type of the event of ours that raises that condition, or clears it.
    pub(super) const fn kind(self, is_wrong: bool) -> &'static str {
        match (self, is_wrong) {
            (Self::Token, true) => "MIST_TOKEN_REFUSED",
            (Self::Token, false) => "MIST_TOKEN_ACCEPTED",
            (Self::Webhook, true) => "MIST_WEBHOOK_WRONG",
            (Self::Webhook, false) => "MIST_WEBHOOK_RIGHT",
        }
    }
}
