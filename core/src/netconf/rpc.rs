//! The messages of a session: our requests, and the replies of a switch.
//!
//! Requests look like those of PyEZ, which every Junos understands: the envelope has a prefix, and
//! Junos's own elements are in no namespace. Only one request is sent at a time, because servers
//! were seen to stall when a second one came before they had answered the first.

pub mod request;

pub mod error;
pub mod reply;

pub mod operational;

pub mod commit;
