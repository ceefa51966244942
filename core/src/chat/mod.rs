//! What each chat product wants to be sent: one module for each, and what they share.

pub mod shape;

mod excerpt;

pub mod console;
pub mod google;
pub mod slack;
pub mod teams;

pub mod payload;
