//! The configuration: TOML text in, [`Config`](checked::Config) or all of its problems out.

pub mod checked;
pub mod raw;
