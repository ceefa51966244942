//! The tasks around mistgate-core.

pub mod store;
