//! Whom we trust: the `known_hosts` file of OpenSSH (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT").
//!
//! Names may be patterns or hashed, and keys may be revoked. Authorities of host certificates are
//! passed over: no switch has such a certificate.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use mistgate_core::base::base64;
use russh::keys::{Algorithm, HashAlg, PublicKey, parse_public_key_base64};
use sha1::Sha1;

/// The port that is not written into the file.
const SSH_PORT: u16 = 22;

/// The keys of all hosts that we know.
#[derive(Clone, Debug, Default)]
pub struct KnownHosts {
    file: String,
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    line: usize,
    names: Names,
    is_revoked: bool,
    key: PublicKey,
}

#[derive(Clone, Debug)]
enum Names {
    /// Separated by commas.
    Patterns(String),
    /// HMAC-SHA1 of one name, with the salt as its key.
    Hashed { salt: Vec<u8>, hash: Vec<u8> },
}

/// Why a host's key is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The host has another key in the file: it was set up anew, or somebody is in between.
    Changed {
        /// The file.
        file: String,
        /// Where its other key stands.
        line: usize,
        /// The key that it has.
        fingerprint: String,
    },
    /// The key must not be used any more.
    Revoked {
        /// The file.
        file: String,
        /// Where it says so.
        line: usize,
    },
    /// The host is not in the file.
    Unknown {
        /// The file.
        file: String,
        /// The key that it has.
        fingerprint: String,
        /// The line that would make it known.
        entry: String,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed { file, line, fingerprint } => write!(
                f,
                "its host key {fingerprint} is not the one in {file}:{line} — replace that line \
                 only if the switch was set up anew"
            ),
            Self::Revoked { file, line } => write!(f, "its host key is revoked by {file}:{line}"),
            Self::Unknown { file, fingerprint, entry } => write!(
                f,
                "its host key {fingerprint} is not in {file} — compare it with the switch's own, \
                 then add: {entry}"
            ),
        }
    }
}

impl KnownHosts {
    /// Reads a file's text. Lines that hold no key of a kind that we know are passed over, as by
    /// OpenSSH.
    pub fn parse(file: impl Into<String>, text: &str) -> Self {
        let lines = (1..).zip(text.lines());
        let entries = lines.filter_map(|(line, text)| Entry::parse(line, text)).collect();
        Self { file: file.into(), entries }
    }

    /// Whether no host is known.
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether this is the key of this host.
    pub fn verify(&self, host: &str, port: u16, key: &PublicKey) -> Result<(), Refusal> {
        let entries = self.entries_of(host, port);
        let fingerprint = || key.fingerprint(HashAlg::Sha256).to_string();
        if let Some(entry) = entries.iter().find(|entry| entry.is_revoked && is_same(entry, key)) {
            return Err(Refusal::Revoked { file: self.file.clone(), line: entry.line });
        }
        if entries.iter().any(|entry| !entry.is_revoked && is_same(entry, key)) {
            return Ok(());
        }
        let mut valid = entries.iter().filter(|entry| !entry.is_revoked);
        let Some(entry) = valid.next() else {
            let key_text = key.to_openssh().unwrap_or_default();
            // The comment behind it is the server's, and says nothing.
            let key_text: Vec<_> = key_text.split(' ').take(2).collect();
            return Err(Refusal::Unknown {
                file: self.file.clone(),
                fingerprint: fingerprint(),
                entry: format!("{} {}", name_of(host, port), key_text.join(" ")),
            });
        };
        let line = entry.line;
        Err(Refusal::Changed { file: self.file.clone(), line, fingerprint: fingerprint() })
    }

    /// The kinds of keys that this host is known by. A server that has several shall show one of
    /// these.
    pub fn algorithms(&self, host: &str, port: u16) -> Vec<Algorithm> {
        let entries = self.entries_of(host, port).into_iter();
        entries.filter(|entry| !entry.is_revoked).map(|entry| entry.key.algorithm()).collect()
    }

    /// The entries of a host. As in OpenSSH, one that is not known on its port may be known on the
    /// usual one: Junos has the same keys on all.
    fn entries_of(&self, host: &str, port: u16) -> Vec<&Entry> {
        let of = |name: &str| -> Vec<_> {
            self.entries.iter().filter(|entry| entry.names.contain(name)).collect()
        };
        let known = of(&name_of(host, port));
        if known.iter().any(|entry| !entry.is_revoked) || port == SSH_PORT {
            return known;
        }
        [known, of(&name_of(host, SSH_PORT))].concat()
    }
}

fn is_same(entry: &Entry, key: &PublicKey) -> bool {
    entry.key.key_data() == key.key_data()
}

/// A host as the file names it.
fn name_of(host: &str, port: u16) -> String {
    let host = host.to_ascii_lowercase();
    if port == SSH_PORT { host } else { format!("[{host}]:{port}") }
}

impl Entry {
    fn parse(line: usize, text: &str) -> Option<Self> {
        let mut fields = text.split_ascii_whitespace();
        let mut names = fields.next().filter(|first| !first.starts_with('#'))?;
        let mut is_revoked = false;
        if names.starts_with('@') {
            is_revoked = names == "@revoked";
            if !is_revoked {
                return None;
            }
            names = fields.next()?;
        }
        // What kind of key it is stands in the key once more.
        let key = fields.nth(1)?;
        let key = parse_public_key_base64(key).ok()?;
        let names = match names.strip_prefix("|1|") {
            Some(hashed) => {
                let (salt, hash) = hashed.split_once('|')?;
                let decoded = |text: &str| base64::decode(text);
                Names::Hashed { salt: decoded(salt)?, hash: decoded(hash)? }
            }
            None => Names::Patterns(names.to_ascii_lowercase()),
        };
        Some(Self { line, names, is_revoked, key })
    }
}

impl Names {
    fn contain(&self, name: &str) -> bool {
        match self {
            Self::Hashed { salt, hash } => Hmac::<Sha1>::new_from_slice(salt)
                .is_ok_and(|hmac| hmac.chain_update(name).verify_slice(hash).is_ok()),
            Self::Patterns(patterns) => {
                let is_matched = |pattern: &str| matches(pattern.as_bytes(), name.as_bytes());
                let mut excluded = patterns.split(',').filter_map(|p| p.strip_prefix('!'));
                !excluded.any(is_matched) && patterns.split(',').any(is_matched)
            }
        }
    }
}

/// Whether a pattern with `*` and `?` stands for the whole name.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    // Where the last star was, and how much of the name it had taken.
    let (mut p, mut n, mut star) = (0, 0, None::<(usize, usize)>);
    while let Some(byte) = name.get(n) {
        match (pattern.get(p), star) {
            (Some(b'*'), _) => {
                star = Some((p, n));
                p += 1;
            }
            (Some(wanted), _) if *wanted == b'?' || wanted == byte => (p, n) = (p + 1, n + 1),
            (_, Some((at, taken))) => {
                (p, n) = (at + 1, taken + 1);
                star = Some((at, taken + 1));
            }
            (_, None) => return false,
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    const OTHER: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIA6rWI3G1sz07DnfFlrouTcysQlj2P+jpNSOEWD9OJ3X";

    fn key(text: &str) -> PublicKey {
        parse_public_key_base64(text).expect("a key")
    }

    fn verdict(file: &str, host: &str, port: u16) -> Result<(), Refusal> {
        KnownHosts::parse("f", &file.replace("ONE", ONE).replace("OTHER", OTHER)).verify(
            host,
            port,
            &key(ONE),
        )
    }

    #[test]
    fn a_known_key_is_taken() {
        for file in [
            "sw1 ssh-ed25519 ONE\n",
            "# comment\n\nSW1,sw2\tssh-ed25519\tONE comment\n",
            "[sw1]:830 ssh-ed25519 ONE",
            "sw1 ssh-ed25519 OTHER\nsw1 ssh-ed25519 ONE",
            "[sw1]:830 ssh-ed25519 ONE\nsw1 ssh-ed25519 OTHER",
            "sw? ssh-ed25519 ONE",
            "*.lab,s*1,!sw2 ssh-ed25519 ONE",
        ] {
            assert_eq!(verdict(file, "Sw1", 830), Ok(()), "{file}");
        }
    }

    #[test]
    fn an_unknown_host_is_refused_with_the_line_that_would_make_it_known() {
        for file in ["", "sw2 ssh-ed25519 ONE", "!*sw1*,* ssh-ed25519 ONE", "sw1 ssh-ed25519 x"] {
            let Err(Refusal::Unknown { entry, fingerprint, .. }) = verdict(file, "sw1", 830) else {
                panic!("taken: {file}");
            };
            assert_eq!(entry, format!("[sw1]:830 ssh-ed25519 {ONE}"));
            assert!(fingerprint.starts_with("SHA256:"));
        }
        let cert = "@cert-authority * ssh-ed25519 ONE";
        assert!(matches!(verdict(cert, "sw1", 830), Err(Refusal::Unknown { .. })));
        let other_port = "[sw1]:22830 ssh-ed25519 ONE";
        assert!(matches!(verdict(other_port, "sw1", 830), Err(Refusal::Unknown { .. })));
    }

    #[test]
    fn another_key_is_refused_and_so_is_a_revoked_one() {
        let changed = verdict("\nsw1 ssh-ed25519 OTHER", "sw1", 830);
        assert!(matches!(changed, Err(Refusal::Changed { line: 2, .. })), "{changed:?}");
        let revoked = verdict("sw1 ssh-ed25519 ONE\n@revoked * ssh-ed25519 ONE", "sw1", 22);
        assert_eq!(revoked, Err(Refusal::Revoked { file: "f".into(), line: 2 }));
    }

    #[test]
    fn hashed_names_are_found() {
        // `ssh-keygen -H` made it of "sw1".
        let file = "|1|VzRgyXxRz28w7cusjt45EexZFaE=|5S72reFBZnSJdZXsIXn+SqA0Qmc= ssh-ed25519 ONE";
        assert_eq!(verdict(file, "sw1", 22), Ok(()));
        assert!(verdict(file, "sw2", 22).is_err());
    }

    #[test]
    fn patterns_stand_for_whole_names() {
        let all = |pattern: &str, name: &str| matches(pattern.as_bytes(), name.as_bytes());
        assert!(all("*", "") && all("a*", "abc") && all("*c", "abc") && all("a*b*c", "aXbYbZc"));
        assert!(all("?b?", "abc") && !all("?", "") && !all("a", "ab") && !all("a*b", "abc"));
    }
}
