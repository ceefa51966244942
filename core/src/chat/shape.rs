//! What the kinds have in common: their names, the ladder of forms, and what comes out.

use alloc::string::String;

/// A chat product, or the console in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Printed, not posted.
    Console,
    /// Google Chat: cardsV2.
    Google,
    /// Slack: Block Kit.
    Slack,
    /// Microsoft Teams: an Adaptive Card in the Workflows envelope.
    Teams(TeamsFormat),
}

impl Kind {
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

impl Form {
    /// The name in logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rich => "rich",
            Self::Compact => "compact",
            Self::Plain => "plain",
        }
    }
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
