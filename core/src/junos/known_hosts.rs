//! Whose host key is trusted: the `known_hosts` file of OpenSSH (sshd(8), "SSH_KNOWN_HOSTS FILE
//! FORMAT").
//!
//! Names may be patterns or hashed, and keys may be revoked. Authorities of host certificates are
//! passed over: no switch has such a certificate. A key is the blob of RFC 4253 §6.6, and two keys
//! are the same if their blobs are.

use alloc::{format, string::String, vec::Vec};

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::base::{base64, glob};

/// The port that is not written into the file.
const SSH_PORT: u16 = 22;
/// The kind of all RSA keys, whichever digest they sign with.
pub const RSA: &str = "ssh-rsa";

/// The keys of all known hosts.
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
    key: Vec<u8>,
}

#[derive(Clone, Debug)]
enum Names {
    /// Separated by commas.
    Patterns(String),
    /// HMAC-SHA1 of one name, with the salt as its key.
    Hashed { salt: Vec<u8>, hash: Vec<u8> },
}

/// Why a host's key is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The host has another key, in this line of the file: it was set up anew, or somebody is in
    /// between. The fingerprints are those of the key that it showed and of the known one.
    #[error(
        "its host key {fingerprint} is not {known}, the one in {file}:{line} — replace that line \
         only if the switch was set up anew"
    )]
    Changed { file: String, line: usize, fingerprint: String, known: String },
    /// The key must not be used any more, as this line says.
    #[error("its host key is revoked by {file}:{line}")]
    Revoked { file: String, line: usize },
    /// The host is not in the file; `entry` is the line that would make it known.
    #[error(
        "its host key {fingerprint} is not in {file} — compare it with the switch's own, then add: \
         {entry}"
    )]
    Unknown { file: String, fingerprint: String, entry: String },
}

impl KnownHosts {
    /// Reads a file's text. Lines that hold no key of a kind that can be offered are passed over,
    /// as by OpenSSH.
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
    pub fn verify(&self, host: &str, port: u16, key: &[u8]) -> Result<(), Refusal> {
        let entries = self.entries_of(host, port);
        let file = self.file.clone();
        let is_same = |entry: &&&Entry| entry.key == key;
        let is_revoked = |entry: &&&Entry| entry.is_revoked;
        if let Some(entry) = entries.iter().filter(is_revoked).find(is_same) {
            return Err(Refusal::Revoked { file, line: entry.line });
        }
        let mut valid = entries.iter().filter(|entry| !entry.is_revoked);
        if valid.clone().any(|entry| entry.key == key) {
            return Ok(());
        }
        let fingerprint = fingerprint(key);
        Err(match valid.next() {
            Some(Entry { line, key, .. }) => {
                Refusal::Changed { file, line: *line, fingerprint, known: self::fingerprint(key) }
            }
            None => {
                let kind = kind(key).unwrap_or_default();
                let entry = format!("{} {kind} {}", name_of(host, port), base64::encode(key));
                Refusal::Unknown { file, fingerprint, entry }
            }
        })
    }

    /// The kinds of keys that this host is known by, as `ssh-ed25519`. A server that has several
    /// shall show one of these.
    pub fn kinds(&self, host: &str, port: u16) -> Vec<&str> {
        let entries = self.entries_of(host, port).into_iter();
        entries.filter(|entry| !entry.is_revoked).filter_map(|entry| kind(&entry.key)).collect()
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

/// A key as `ssh-keygen -l` shows it.
fn fingerprint(key: &[u8]) -> String {
    format!("SHA256:{}", base64::encode(&Sha256::digest(key)).trim_end_matches('='))
}

/// A host as the file names it.
fn name_of(host: &str, port: u16) -> String {
    let host = host.to_ascii_lowercase();
    if port == SSH_PORT { host } else { format!("[{host}]:{port}") }
}

/// What kind of key this blob is (RFC 4253 §6.6, RFC 5656 §3.1, RFC 8709 §4); `None` if it is of
/// none that can be offered, or not whole.
fn kind(key: &[u8]) -> Option<&str> {
    let (kind, rest) = string(key)?;
    let kind = core::str::from_utf8(kind).ok()?;
    let (first, rest) = string(rest)?;
    let curve = kind.strip_prefix("ecdsa-sha2-");
    let point_len = match curve {
        Some("nistp256") => 65,
        Some("nistp384") => 97,
        Some("nistp521") => 133,
        Some(_) => return None,
        None if kind == "ssh-ed25519" => {
            return (first.len() == 32 && rest.is_empty()).then_some(kind);
        }
        None if kind == RSA => 0,
        None => return None,
    };
    let (second, rest) = string(rest)?;
    let is_whole = match curve {
        Some(curve) => first == curve.as_bytes() && second.len() == point_len,
        None => !first.is_empty() && !second.is_empty(),
    };
    (is_whole && rest.is_empty()).then_some(kind)
}

/// The first string of RFC 4251 §5, and what is behind it.
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*len)).ok()?)
}

impl Entry {
    fn parse(line: usize, text: &str) -> Option<Self> {
        let mut fields = text.split_ascii_whitespace();
        let mut names = fields.next().filter(|first| !first.starts_with('#'))?;
        let is_revoked = names == "@revoked";
        if is_revoked {
            names = fields.next()?;
        } else if names.starts_with('@') {
            return None;
        }
        // What kind of key it is stands in the key once more.
        let key = base64::decode(fields.nth(1)?).filter(|key| kind(key).is_some())?;
        let names = match names.strip_prefix("|1|") {
            Some(hashed) => {
                let (salt, hash) = hashed.split_once('|')?;
                Names::Hashed { salt: base64::decode(salt)?, hash: base64::decode(hash)? }
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
                let is_matched = |pattern: &str| glob::fits(pattern, name, Some(b'?'));
                let mut excluded = patterns.split(',').filter_map(|p| p.strip_prefix('!'));
                !excluded.any(is_matched) && patterns.split(',').any(is_matched)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;
    use alloc::vec;

    use super::*;

    const ONE: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    const OTHER: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIA6rWI3G1sz07DnfFlrouTcysQlj2P+jpNSOEWD9OJ3X";

    fn key(text: &str) -> Vec<u8> {
        base64::decode(text).expect("a key")
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
        let words = changed.expect_err("another key").to_string();
        let [one, other] = [ONE, OTHER].map(|text| fingerprint(&key(text)));
        let expected = format!("its host key {one} is not {other}, the one in f:2 — replace");
        assert!(words.starts_with(&expected), "{words}");
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
    fn a_key_is_whole_and_of_a_kind_that_can_be_offered() {
        let blob = |strings: &[&[u8]]| -> Vec<u8> {
            let sized = strings
                .iter()
                .map(|s| [&u32::try_from(s.len()).expect("short").to_be_bytes(), *s].concat());
            sized.collect::<Vec<_>>().concat()
        };
        let point = [4; 65];
        for (strings, expected) in [
            (&[&b"ssh-rsa"[..], b"\x01\0\x01", b"\0\xc0"][..], Some("ssh-rsa")),
            (&[b"ecdsa-sha2-nistp256", b"nistp256", &point], Some("ecdsa-sha2-nistp256")),
            (&[b"ecdsa-sha2-nistp256", b"nistp384", &point], None),
            (&[b"ecdsa-sha2-nistp384", b"nistp384", &point], None),
            (&[b"ssh-rsa", b"\x01\0\x01"], None),
            (&[b"ssh-ed25519", &[1; 31]], None),
            (&[b"ssh-dss", b"p", b"q", b"g", b"y"], None),
        ] {
            assert_eq!(kind(&blob(strings)), expected, "{strings:?}");
        }
        let one = key(ONE);
        assert_eq!(kind(&one), Some("ssh-ed25519"));
        assert_eq!(one.split_last().and_then(|(_, short)| kind(short)), None);
        assert_eq!(kind(&[one, vec![0]].concat()), None);
        let known = KnownHosts::parse("f", &format!("sw1 ssh-ed25519 {ONE}"));
        assert_eq!(known.kinds("sw1", 830), ["ssh-ed25519"]);
    }

    #[test]
    fn patterns_stand_for_whole_names() {
        let all = |pattern: &str, name: &str| glob::fits(pattern, name, Some(b'?'));
        assert!(all("*", "") && all("a*", "abc") && all("*c", "abc") && all("a*b*c", "aXbYbZc"));
        assert!(all("?b?", "abc") && !all("?", "") && !all("a", "ab") && !all("a*b", "abc"));
    }
}
