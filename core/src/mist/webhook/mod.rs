//! The webhook in Mist that sends to us (`appliance/docs/vendors/mist.md` §2 and §11): how it
//! should be, how Mist has it, what differs, and how it is mended.
//!
//! [`survey`] reads what Mist has, [`compare`] says what differs, and [`mend`] makes or changes the
//! webhook. Webhooks hold secrets, and URLs may hold passwords, so neither is ever printed.

mod hook;

pub mod token;

pub mod wanted;

pub mod survey;

pub mod compare;

pub mod mend;

#[cfg(test)]
mod tests;

pub use self::hook::{Hook, Rule, Shown};
