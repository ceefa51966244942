//! The world around mistgate: validators, reference models and simulated peers for the tests.

pub mod base;

pub mod webhook;

pub mod chat;

pub mod laws;

pub mod micronets;

pub mod ports;

pub mod world;

pub mod targets;

pub mod demo;
