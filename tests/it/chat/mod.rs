//! Messages to the chats.

mod conversations;
pub(crate) mod delivery;
mod facts;
pub(crate) mod limits;
mod merged;
mod pagerduty;
pub(crate) mod panics;
pub(crate) mod reports;
mod routes;
pub(crate) mod validators;
mod webhook;
