//! Switch ports: the methods, the rules, and the real binary.

pub(crate) mod cso;
pub(crate) mod junos;
pub(crate) mod laws;
pub(crate) mod mist_api;
pub(crate) mod mist_profiles;
pub(crate) mod netconf;
pub(crate) mod one_site;
pub(crate) mod port;
pub(crate) mod ssh;
pub(crate) mod sshd;
pub(crate) mod switch;
pub(crate) mod switches;
