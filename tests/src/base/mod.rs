//! What the other modules share: random bytes, HTTP for simulated peers, processes.

pub mod bytes;
pub mod disk;
pub mod http;
pub mod process;
