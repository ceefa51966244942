//! The world around mistgate: validators, reference models and simulated peers for the tests.

pub mod chat;
pub mod http;
pub mod limits;
pub mod mist;
