//! Juniper Mist's REST API, as far as switch ports and the webhook need it
//! (`appliance/docs/vendors/mist.md` §7 to §9 and §11).
//!
//! Every conversation here is one of [`crate::api`]'s. [`ask`] finds out what Mist says about
//! access points, switches and ports, and [`find`] which switch
//! somebody means. [`push`] gives ports their profiles, and [`read`] looks
//! whether they have them; what both make of a switch's configuration is in [`profile`].
//! [`webhook`] is about the webhook that sends to us, [`catalogue`] about the types of events, and
//! [`feed`] keeps an eye on both while we run.
//!
//! Mist leaves out and sends as null nearly everything that is optional, so a member that is not
//! there is never taken for a value. What was asked for by a filter is compared again, because
//! filters differ between the versions of the API.

mod config;

pub mod budget;

pub mod object;
pub mod target;

pub mod outcome;
pub mod page;

pub mod inventory;
pub mod stats;

pub mod ask;
pub mod find;

pub mod key;
pub mod map;
pub mod profile;

pub mod read;

pub mod push;

pub mod refusal;

pub mod webhook;

pub mod catalogue;

pub mod feed;

pub use self::config::{Mist, Profiles};
