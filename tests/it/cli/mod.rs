//! The commands beside `run`.

pub(crate) mod cert;
pub(crate) mod commands;
pub(crate) mod examples;
pub(crate) mod import;
