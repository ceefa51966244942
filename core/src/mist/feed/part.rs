//! The parts of the feed that may fail, each a condition of ours.

use crate::notify::types::condition::Condition;

/// A part of the way from Mist to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The token of Mist's API, and its rights.
    Token,
    /// The webhook, as Mist has it.
    Webhook,
    /// What Mist sends arrives.
    Delivery,
    /// Mist sends what happens to devices.
    Events,
    /// The last selftest passed.
    Selftest,
}

impl Part {
    /// Every part, in the order in which they are judged.
    pub const ALL: [Self; 5] =
        [Self::Token, Self::Webhook, Self::Delivery, Self::Events, Self::Selftest];

    /// The label in metrics and in the journal.
    pub const fn name(self) -> &'static str {
        self.facts().0
    }

    /// The condition while it does not work.
    pub const fn condition(self) -> &'static str {
        self.facts().1.name
    }

    /// The type of the event of ours that raises that condition, or clears it.
    pub(super) const fn kind(self, is_wrong: bool) -> &'static str {
        let (.., raises, clears) = self.facts();
        if is_wrong { raises } else { clears }
    }

    const fn facts(self) -> (&'static str, Condition, &'static str, &'static str) {
        use Condition as C;
        match self {
            Self::Token => {
                ("token", C::MIST_TOKEN_REFUSED, "MIST_TOKEN_REFUSED", "MIST_TOKEN_ACCEPTED")
            }
            Self::Webhook => {
                ("webhook", C::MIST_WEBHOOK_WRONG, "MIST_WEBHOOK_WRONG", "MIST_WEBHOOK_RIGHT")
            }
            Self::Delivery => {
                ("delivery", C::MIST_DELIVERY_FAILED, "MIST_DELIVERY_FAILED", "MIST_DELIVERY_WORKS")
            }
            Self::Events => {
                ("events", C::MIST_EVENTS_MISSING, "MIST_EVENTS_MISSING", "MIST_EVENTS_ARRIVE")
            }
            Self::Selftest => {
                ("selftest", C::SELFTEST_FAILED, "SELFTEST_FAILED", "SELFTEST_PASSED")
            }
        }
    }
}
