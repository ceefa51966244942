//! The client pump over real sockets.
