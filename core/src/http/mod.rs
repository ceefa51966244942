//! HTTP/1.1 as far as it is pure: where a request ends, and which proxy a URL goes through.

pub mod framing;
pub mod listener;
pub mod proxy;
