//! Text that must never be printed.

use alloc::string::String;
use core::{fmt, hint::black_box};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::hex;

/// A token, key or URL that is itself a credential. Prints as `[secret]` in every build and is
/// wiped from memory when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes ownership of the text; the caller's own copies, if any, are the caller's to wipe.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The HMAC-SHA256 of these bytes with this secret: 64 lower-case hex digits.
    pub fn sign(&self, bytes: &[u8]) -> String {
        hex::encode(&self.hmac::<Hmac<Sha256>>(bytes).finalize().into_bytes())
    }

    /// The HMAC of these bytes with this secret, to be verified or read.
    pub fn hmac<M: Mac + KeyInit>(&self, bytes: &[u8]) -> M {
        let mut mac = <M as KeyInit>::new_from_slice(self.0.as_bytes())
            .expect("HMAC takes keys of any length (RFC 2104 §2)");
        mac.update(bytes);
        mac
    }

    /// Whether `sent` is this secret. Takes the same time for every wrong text of the right length.
    pub fn matches(&self, sent: &[u8]) -> bool {
        let own = self.0.as_bytes();
        let differ = |all: u8, (a, b): (&u8, &u8)| black_box(all | (a ^ b));
        own.len() == sent.len() && own.iter().zip(sent).fold(0, differ) == 0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// Whether a member or a word of this name may be followed by a credential.
pub fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [
        "community",
        "credential",
        "key",
        "passcode",
        "passphrase",
        "passwd",
        "password",
        "psk",
        "secret",
        "token",
    ]
    .into_iter()
    .any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_matches_itself_and_prints_as_nothing() {
        let secret = Secret::new("token");
        assert!(secret.matches(b"token"));
        assert!(!secret.matches(b"tokem") && !secret.matches(b"toke") && !secret.matches(b""));
        assert_eq!(alloc::format!("{secret:?}"), "[secret]");
    }
}
