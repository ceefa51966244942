//! HTTP/1.1 as far as it is pure: who may connect, where a request ends, for whom it was forwarded,
//! and which proxy a URL goes through.

pub mod listener;

pub mod admission;
pub mod forwarded;
pub mod framing;
pub mod proxy;
