//! The kinds of destinations, a folder for each, and what they share.
//!
//! [`kind::Kind`] is the common face: everything that differs between Slack, Teams, Google Chat and
//! the console. [`KINDS`] lists them, and whoever works with all of them walks over it. To add a
//! kind, write its folder and add its two lines here.

pub mod outcome;
pub mod shape;

pub mod kind;

mod excerpt;
mod json;

pub mod console;
pub mod google;
pub mod pagerduty;
pub mod slack;
pub mod teams;
pub mod webhook;

#[cfg(test)]
mod tests;

/// The kinds with a short form, a section `[chat.NAME]`.
pub static SHORT: [&kind::Kind; 4] = [&slack::KIND, &teams::KIND, &google::KIND, &console::KIND];

/// Every kind that a configuration may name.
pub static KINDS: [&kind::Kind; 6] =
    [&slack::KIND, &teams::KIND, &google::KIND, &console::KIND, &webhook::KIND, &pagerduty::KIND];
