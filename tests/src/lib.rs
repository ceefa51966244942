//! Simulated surroundings of mistgate for the tests: validators, reference models and peers.

pub mod base;

pub mod webhook;

pub mod chat;

pub mod laws;

pub mod incidents;

pub mod micronets;

pub mod ports;

pub mod world;

pub mod targets;

pub mod demo;
