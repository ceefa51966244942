//! The commands other than `run`.

pub(crate) mod cert;
pub(crate) mod commands;
pub(crate) mod examples;
pub(crate) mod guide;
pub(crate) mod import;
mod mist;
mod replay;
pub(crate) mod store;
