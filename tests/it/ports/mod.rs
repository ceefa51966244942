//! Switch ports: the methods, the rules, and the real binary.

use mistgate_core::base::mac::Mac;

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

fn mac(text: &str) -> Mac {
    Mac::parse(text).expect("a MAC")
}
