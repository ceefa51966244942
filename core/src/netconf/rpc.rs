//! What is said in a session: our requests, and what a switch answers.
//!
//! Requests look as those of PyEZ, which every Junos understands: the envelope has a prefix, and
//! Junos's own elements are in no namespace. There is one request at a time: servers are seen to
//! stall when a second one comes before they have answered the first.

pub mod request;

pub mod error;
pub mod reply;

pub mod operational;
