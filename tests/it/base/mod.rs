//! What the tests share: the binary as a process, certificates, threads.

pub(crate) mod binary;
pub(crate) mod openssl;
pub(crate) mod pki;
pub(crate) mod threads;
