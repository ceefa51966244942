//! From a request to accepted events: the signature, then the envelope, then the inbox.

pub mod config;

pub mod signature;

pub mod envelope;

pub mod inbox;

pub mod intake;
