//! The task that owns the engine, and the posts that it wants made.

pub mod driver;
