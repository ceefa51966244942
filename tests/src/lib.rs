//! The world around mistgate: validators, reference models and simulated peers for the tests.

pub mod limits;
