//! The methods offered in the key exchange (RFC 4253 §7.1): all that a switch with a current
//! OpenSSH accepts and, if configured, those of old switches, which rest on SHA-1 or CBC.

use std::borrow::Cow;

use mistgate_core::junos::known_hosts::RSA;
use russh::{Preferred, cipher, compression, kex, keys::EcdsaCurve, keys::HashAlg, mac};
use russh::{client::GexParams, keys::Algorithm};

/// The number of different offers: one with everything, then smaller ones.
pub(super) const OFFERS: usize = 4;

const X25519: [kex::Name; 2] = [kex::CURVE25519_PRE_RFC_8731, kex::CURVE25519];
const ECDH: [kex::Name; 3] =
    [kex::ECDH_SHA2_NISTP256, kex::ECDH_SHA2_NISTP384, kex::ECDH_SHA2_NISTP521];
const DH: [kex::Name; 4] =
    [kex::DH_GEX_SHA256, kex::DH_G14_SHA256, kex::DH_G16_SHA512, kex::DH_G18_SHA512];
const DH_LEGACY: [kex::Name; 3] = [kex::DH_G14_SHA1, kex::DH_GEX_SHA1, kex::DH_G1_SHA1];
/// Extensions, which are listed among the methods: ext-info (RFC 8308) and strict key exchange,
/// which keeps a man in the middle from dropping messages (CVE-2023-48795).
const EXTENSIONS: [kex::Name; 2] =
    [kex::EXTENSION_SUPPORT_AS_CLIENT, kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT];

const CIPHERS: [cipher::Name; 6] = [
    cipher::AES_128_GCM,
    cipher::AES_256_GCM,
    cipher::CHACHA20_POLY1305,
    cipher::AES_128_CTR,
    cipher::AES_192_CTR,
    cipher::AES_256_CTR,
];
const CIPHERS_LEGACY: [cipher::Name; 3] =
    [cipher::AES_128_CBC, cipher::AES_192_CBC, cipher::AES_256_CBC];
const MACS: [mac::Name; 4] =
    [mac::HMAC_SHA256_ETM, mac::HMAC_SHA512_ETM, mac::HMAC_SHA256, mac::HMAC_SHA512];
const MACS_LEGACY: [mac::Name; 2] = [mac::HMAC_SHA1_ETM, mac::HMAC_SHA1];

/// The offer of an attempt, counted from 0. Some old servers crash on a method that they offer
/// themselves, or on a long list. So after the whole list each family is offered alone, with the
/// ciphers that every server knows.
///
/// `known` are the kinds of the host's known keys; empty if the host is not known.
pub(super) fn offer(attempt: usize, legacy: bool, known: &[&str]) -> Preferred {
    let old = |list: &'static [kex::Name]| if legacy { list } else { &[] };
    let families: [&[&[kex::Name]]; OFFERS] = [
        &[&[kex::MLKEM768X25519_SHA256], &X25519, &ECDH, &DH, old(&DH_LEGACY)],
        &[&X25519],
        &[&ECDH],
        &[&DH, old(&DH_LEGACY)],
    ];
    let is_whole = attempt == 0;
    let kex = families.get(attempt).copied().unwrap_or_default().concat();
    let ciphers: Vec<_> = CIPHERS
        .into_iter()
        .filter(|name| is_whole || [cipher::AES_128_CTR, cipher::AES_256_CTR].contains(name))
        .chain(CIPHERS_LEGACY.into_iter().filter(|_| legacy))
        .collect();
    let macs = MACS.into_iter().chain(MACS_LEGACY.into_iter().filter(|_| legacy));
    Preferred {
        kex: Cow::Owned([kex, EXTENSIONS.to_vec()].concat()),
        key: Cow::Owned(host_keys(legacy, known)),
        host_key_certificates: Cow::Borrowed(&[]),
        cipher: Cow::Owned(ciphers),
        mac: Cow::Owned(macs.collect()),
        compression: Cow::Borrowed(&[compression::NONE]),
    }
}

/// The size of Diffie-Hellman groups to ask for: 8192 bits, the default, take two seconds.
pub(super) fn group_sizes() -> GexParams {
    GexParams::new(2_048, 3_072, 8_192).expect("ascending, and none below 2048")
}

fn host_keys(legacy: bool, known: &[&str]) -> Vec<Algorithm> {
    let ecdsa = |curve| Algorithm::Ecdsa { curve };
    let rsa = |hash| Algorithm::Rsa { hash };
    let all = [
        Algorithm::Ed25519,
        ecdsa(EcdsaCurve::NistP256),
        ecdsa(EcdsaCurve::NistP384),
        ecdsa(EcdsaCurve::NistP521),
        rsa(Some(HashAlg::Sha512)),
        rsa(Some(HashAlg::Sha256)),
        rsa(None),
    ];
    // An RSA key is the same under every digest.
    let is_known = |offered: &Algorithm| {
        known.contains(&if matches!(offered, Algorithm::Rsa { .. }) {
            RSA
        } else {
            offered.as_str()
        })
    };
    all.into_iter()
        .filter(|offered| legacy || *offered != rsa(None))
        .filter(|offered| known.is_empty() || is_known(offered))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sha1_and_cbc_are_offered_only_if_asked_for() {
        let names = |legacy| {
            let mut names = Vec::new();
            for attempt in 0..OFFERS {
                let offer = offer(attempt, legacy, &[]);
                names.extend(offer.kex.iter().map(|name| name.as_ref().to_owned()));
                names.extend(offer.cipher.iter().map(|name| name.as_ref().to_owned()));
                names.extend(offer.mac.iter().map(|name| name.as_ref().to_owned()));
                names.extend(offer.key.iter().map(|name| name.to_string()));
            }
            names
        };
        let is_old =
            |name: &String| name.contains("sha1") || name.contains("cbc") || name == "ssh-rsa";
        assert_eq!(names(false).into_iter().find(is_old), None);
        assert_eq!(names(true).into_iter().filter(is_old).count(), 6 + 12 + 8 + 4);
    }

    #[test]
    fn a_known_host_shows_a_key_that_is_known() {
        let keys = |legacy, known: &[&str]| offer(0, legacy, known).key.into_owned();
        assert_eq!(keys(false, &["ssh-ed25519"]), [Algorithm::Ed25519]);
        assert_eq!(keys(false, &[RSA]).len(), 2);
        assert_eq!(keys(true, &[RSA]).len(), 3);
        assert_eq!(keys(false, &[]).len(), 6);
    }

    #[test]
    fn every_offer_has_something_of_each_kind() {
        for attempt in 0..OFFERS {
            let offer = offer(attempt, false, &[]);
            assert!(offer.kex.len() > EXTENSIONS.len() && !offer.key.is_empty());
            assert!(!offer.cipher.is_empty() && !offer.mac.is_empty());
        }
    }
}
