//! Webhook signatures: `X-Mist-Signature-v2` and, where allowed, `X-Mist-Signature`.
//!
//! Both are a plain hex HMAC over the raw body with the webhook's secret, SHA-256 and SHA-1
//! respectively (`appliance/docs/vendors/mist.md` §2). The signed text holds no time, so the inbox
//! must notice a repeated request.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;

use crate::base::{hex, secret::Secret};

/// The header with the HMAC-SHA256.
pub const HEADER_V2: &str = "x-mist-signature-v2";
/// The header with the HMAC-SHA1.
pub const HEADER_V1: &str = "x-mist-signature";

/// The signature headers of one request, as sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Signatures<'a> {
    /// The value of [`HEADER_V2`].
    pub v2: Option<&'a [u8]>,
    /// The value of [`HEADER_V1`].
    pub v1: Option<&'a [u8]>,
}

/// Why a request is not from our Mist organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The header is not hex of the digest's length.
    #[error("the signature is not a hex digest")]
    Malformed,
    /// No accepted signature header was sent.
    #[error("no signature was sent")]
    Missing,
    /// No secret makes this signature.
    #[error("the signature fits none of our secrets")]
    Mismatch,
}

impl Signatures<'_> {
    /// Fails if no signature was sent that could be verified. This is known before the body is
    /// read.
    pub fn present(self, accept_v1: bool) -> Result<(), Error> {
        match self.v2.or(self.v1.filter(|_| accept_v1)) {
            Some(_) => Ok(()),
            None => Err(Error::Missing),
        }
    }
}

/// Verifies that one of `secrets` made the signature of `body`. If a v2 signature was sent, only it
/// counts; v1 counts only with `accept_v1`. The comparison takes the same time for every wrong
/// digest.
pub fn verify(
    signatures: Signatures<'_>,
    body: &[u8],
    secrets: &[Secret],
    accept_v1: bool,
) -> Result<(), Error> {
    if let Some(sent) = signatures.v2 {
        let digest: [u8; 32] = hex::decode(sent).ok_or(Error::Malformed)?;
        return any(secrets, |secret| holds::<Hmac<Sha256>>(secret, body, &digest));
    }
    match signatures.v1.filter(|_| accept_v1) {
        Some(sent) => {
            let digest: [u8; 20] = hex::decode(sent).ok_or(Error::Malformed)?;
            any(secrets, |secret| holds::<Hmac<Sha1>>(secret, body, &digest))
        }
        None => Err(Error::Missing),
    }
}

fn any(secrets: &[Secret], holds: impl Fn(&Secret) -> bool) -> Result<(), Error> {
    // Every secret is tried, so that the time does not tell which one is in use.
    let held = secrets.iter().fold(false, |held, secret| holds(secret) | held);
    if held { Ok(()) } else { Err(Error::Mismatch) }
}

fn holds<M: Mac + KeyInit>(secret: &Secret, body: &[u8], digest: &[u8]) -> bool {
    secret.hmac::<M>(body).verify_slice(digest).is_ok()
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;

    const BODY: &[u8] = b"what do ya want for nothing?";
    // RFC 4231 §4.3 and RFC 2202 §3, test case 2: key "Jefe".
    const V2: &str = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    const V1: &str = "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79";

    fn check(v2: Option<&str>, v1: Option<&str>, accept_v1: bool) -> Result<(), Error> {
        let secrets = [Secret::new("old"), Secret::new("Jefe")];
        let signatures = Signatures { v2: v2.map(str::as_bytes), v1: v1.map(str::as_bytes) };
        verify(signatures, BODY, &secrets, accept_v1)
    }

    #[test]
    fn the_rfc_vectors_hold_in_either_case_with_any_of_the_secrets() {
        assert_eq!(check(Some(V2), None, false), Ok(()));
        assert_eq!(check(Some(&V2.to_ascii_uppercase()), None, false), Ok(()));
        assert_eq!(check(None, Some(V1), true), Ok(()));
        assert_eq!(Secret::new("Jefe").sign(BODY), V2);
    }

    #[test]
    fn v1_counts_only_where_allowed_and_never_over_v2() {
        assert_eq!(check(None, Some(V1), false), Err(Error::Missing));
        let wrong: String = V2.chars().rev().collect();
        assert_eq!(check(Some(&wrong), Some(V1), true), Err(Error::Mismatch));
        assert_eq!(check(None, None, true), Err(Error::Missing));
    }

    #[test]
    fn what_is_not_a_digest_is_said_so() {
        for sent in ["", "zz", &V2[1..], &alloc::format!("{V2}0"), "sha256=5bdc"] {
            assert_eq!(check(Some(sent), None, false), Err(Error::Malformed), "{sent}");
        }
    }

    #[test]
    fn no_secret_means_nobody_gets_in() {
        let signatures = Signatures { v2: Some(V2.as_bytes()), v1: None };
        assert_eq!(verify(signatures, BODY, &[], false), Err(Error::Mismatch));
    }
}
