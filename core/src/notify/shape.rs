//! The common face of the flavours: a [`Notification`] in, the body of a POST out.
//!
//! Each flavour walks the same ladder: rich, then compact, then plain text, and takes the first rung
//! that keeps the vendor's limits. So a payload is never invalid, whatever a device is called.

use alloc::string::String;

use super::{Notification, console, google, slack, teams};

/// A chat product, or the console in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flavour {
    /// Printed, not posted.
    Console,
    /// Google Chat: cardsV2.
    Google,
    /// Slack: Block Kit.
    Slack,
    /// Microsoft Teams: an Adaptive Card in the Workflows envelope.
    Teams(TeamsFormat),
}

impl Flavour {
    /// The name in configuration, metrics and `route --payloads`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Console => "console",
            Self::Google => "google",
            Self::Slack => "slack",
            Self::Teams(_) => "teams",
        }
    }
}

/// What a Teams URL takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum TeamsFormat {
    /// An Adaptive Card, for Workflows.
    #[default]
    AdaptiveCard,
    /// A MessageCard, for receivers that still speak the retired connectors' format.
    MessageCard,
}

/// The rungs of the ladder, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// Headline, facts, buttons.
    Rich,
    /// Headline, the first facts shortened, no more than one button.
    Compact,
    /// Text only.
    Plain,
}

/// What to POST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// A JSON document in UTF-8.
    pub body: String,
    /// The rung that was taken.
    pub form: Form,
    /// Parameters to append to the URL's query, without `?` or `&` at the start.
    pub query: Option<&'static str>,
}

/// The payload of `notification` for `flavour`, at best in the form `best`.
pub fn shape(flavour: Flavour, notification: &Notification, best: Form) -> Payload {
    match flavour {
        Flavour::Console => console::shape(notification),
        Flavour::Google => google::shape(notification, best),
        Flavour::Slack => slack::shape(notification, best),
        Flavour::Teams(format) => teams::shape(notification, format, best),
    }
}
