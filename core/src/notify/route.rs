//! Which channel an event goes to, and why.

use alloc::{borrow::Cow, collections::BTreeMap, string::String, vec::Vec};

use super::types;
use crate::event::{Event, Topic};

/// The operator's wishes about channels; what they do not name follows the built-in table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routes {
    /// Topic to type (or `*`) to target.
    pub overrides: BTreeMap<String, BTreeMap<String, Target>>,
    /// Mail addresses of administrators whose changes are expected.
    pub approved_admins: Vec<String>,
    /// Sites whose events are dropped.
    pub ignored_sites: Vec<String>,
}

/// Where the operator wants a type to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// To the channel of this name.
    Channel(String),
    /// Nowhere.
    Drop,
}

/// Placeholder.
#[derive(Clone, Debug)]
pub struct Decision<'r> {
    /// Placeholder.
    pub channel: Option<&'r str>,
    /// Placeholder.
    pub severity: super::Severity,
}

/// Placeholder.
pub fn route<'r>(_event: &Event<'_>, _routes: &'r Routes) -> Decision<'r> {
    Decision { channel: Some("info"), severity: super::Severity::Info }
}
