//! What the kernel does to a thread that gave up its rights.
