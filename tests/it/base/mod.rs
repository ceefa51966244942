//! What the tests share: the binary as a process, certificates, files, polling, threads.

pub(crate) mod binary;
pub(crate) mod files;
pub(crate) mod openssl;
pub(crate) mod pki;
pub(crate) mod poll;
pub(crate) mod threads;

mod zones;
