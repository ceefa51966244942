//! The process on its machine: what it reads at the start, gives up, tells its supervisor, and
//! runs.

pub mod supervisor;

pub mod load;

pub mod node;
