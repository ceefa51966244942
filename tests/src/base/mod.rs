//! What the other modules stand on: bytes as luck, as much HTTP as peers need, processes.

pub mod bytes;
pub mod http;
pub mod process;
