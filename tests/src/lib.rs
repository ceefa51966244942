//! The world around mistgate: validators, reference models and simulated peers for the tests.

pub mod bytes;

pub mod bodies;
pub mod chats;
pub mod limits;
pub mod windows;

pub mod reference;

pub mod laws;
pub mod micronets;
pub mod netconf;
pub mod ports;
pub mod switch;
pub mod world;

pub mod targets;

pub mod http;
pub mod process;

pub mod chat;
pub mod cloud;
pub mod cso;
pub mod mist;
pub mod stand_in;

pub mod demo;
pub mod sshd;
