//! The files that a configuration names, and whether their contents can be right.

use alloc::{borrow::ToOwned, collections::BTreeMap, string::String, vec::Vec};

use zeroize::Zeroizing;

use super::problem::Fault;
use crate::base::secret::Secret;

/// The purpose of a file, which decides how its contents are judged. Certificates, keys and
/// revocation lists are PEM text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    Certificates,
    /// The host keys of switches, as OpenSSH writes them (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT").
    KnownHosts,
    PrivateKey,
    RevocationLists,
    /// One line of text.
    Secret,
}

impl FileKind {
    /// The most bytes of such a file. A reader needs at most one byte more.
    pub const fn bytes_max(self) -> usize {
        match self {
            Self::Certificates | Self::KnownHosts | Self::RevocationLists => 4 << 20,
            Self::PrivateKey | Self::Secret => 64 << 10,
        }
    }
}

/// A file that must be read before the configuration can be checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRequest {
    /// The key that names it.
    pub key: String,
    /// The line of the key.
    pub line: u32,
    /// A relative path is already joined to the folder of the configuration.
    pub path: String,
    pub kind: FileKind,
}

/// The contents of files by path, or what is wrong with them. They are wiped from memory when
/// dropped.
#[derive(Debug, Default)]
pub struct Files(BTreeMap<String, Result<Secret, String>>);

impl Files {
    /// No contents yet.
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Takes the bytes of a requested file, or the reason why it cannot be read, such as
    /// `permission denied`.
    pub fn insert(&mut self, request: &FileRequest, read: Result<Vec<u8>, String>) {
        let text = match read.map(Zeroizing::new) {
            Err(why) => Err(alloc::format!("the file cannot be read: {why}")),
            Ok(bytes) if bytes.len() > request.kind.bytes_max() => {
                Err("the file is too large".into())
            }
            Ok(bytes) => core::str::from_utf8(&bytes)
                .map_or(Err("the file is not UTF-8 text".into()), |text| Ok(Secret::new(text))),
        };
        self.0.insert(request.path.clone(), text);
    }

    /// The text of a file, judged by its kind. A secret comes without the end of its line.
    pub(super) fn text(&self, path: &str, kind: FileKind) -> Result<&str, Fault> {
        let fault = |what: &str| Fault::new(what, expected(kind));
        let text = self.0.get(path).ok_or_else(|| fault("the file was not read"))?;
        let text = text.as_ref().map_err(|what| fault(what))?.expose();
        let (is_there, what) = match kind {
            FileKind::Secret => {
                let secret = text.strip_suffix('\n').unwrap_or(text);
                return one_line(secret.strip_suffix('\r').unwrap_or(secret))
                    .map_err(|what| fault(&alloc::format!("the file {what}")));
            }
            FileKind::PrivateKey if is_encrypted(text) => {
                return Err(fault("the key has a passphrase"));
            }
            FileKind::Certificates => {
                (has_block(text, |label| label == "CERTIFICATE"), "certificate")
            }
            FileKind::KnownHosts => (text.lines().any(is_known_host), "host key"),
            FileKind::PrivateKey => (has_block(text, is_key), "private key"),
            FileKind::RevocationLists => {
                (has_block(text, |label| label == "X509 CRL"), "revocation list")
            }
        };
        if is_there { Ok(text) } else { Err(fault(&alloc::format!("the file holds no {what}"))) }
    }
}

/// Accepts what can be a secret: one line, not empty, without control characters or a byte order
/// mark, which nobody sees when comparing two secrets. The error completes "the file …".
pub(super) fn one_line(text: &str) -> Result<&str, &'static str> {
    if text.is_empty() {
        Err("is empty")
    } else if text.contains(['\r', '\n']) {
        Err("has more than one line")
    } else if text.contains(|c: char| c.is_control() || c == '\u{feff}') {
        Err("holds invisible characters")
    } else if text.chars().nth(1).is_none() {
        Err("is a single character, which anybody guesses")
    } else {
        Ok(text)
    }
}

fn expected(kind: FileKind) -> String {
    match kind {
        FileKind::Certificates => "a PEM file with a \"BEGIN CERTIFICATE\" block",
        FileKind::KnownHosts => "a file with lines such as \"sw-1.example.net ssh-ed25519 AAAA\"",
        FileKind::PrivateKey => {
            "a PEM file with a \"BEGIN PRIVATE KEY\" block, which no passphrase protects"
        }
        FileKind::RevocationLists => {
            "a PEM file with a \"BEGIN X509 CRL\" block, as openssl ca -gencrl writes them"
        }
        FileKind::Secret => {
            "a readable file with the secret on one line, no larger than 64KiB; \
             a relative name counts from the folder of this file"
        }
    }
    .to_owned()
}

/// Whether a line has a host, a type and a key.
fn is_known_host(line: &str) -> bool {
    let mut words = line.split_ascii_whitespace().filter(|word| !word.starts_with('@'));
    let is_host = words.next().is_some_and(|host| !host.starts_with('#'));
    is_host && words.next().is_some_and(|kind| kind.contains('-')) && words.next().is_some()
}

fn is_key(label: &str) -> bool {
    label == "PRIVATE KEY" || label.ends_with(" PRIVATE KEY")
}

/// PKCS #8 says so in its label, the older formats in a header (RFC 7468 §11, RFC 1421 §4.6.1.1).
fn is_encrypted(text: &str) -> bool {
    has_block(text, |label| label == "ENCRYPTED PRIVATE KEY")
        || text.contains("Proc-Type: 4,ENCRYPTED")
}

/// Whether a whole PEM block (RFC 7468) has a label of this kind. What is inside is not decoded.
fn has_block(text: &str, wanted: impl Fn(&str) -> bool) -> bool {
    text.lines()
        .filter_map(|line| line.trim_end().strip_prefix("-----BEGIN ")?.strip_suffix("-----"))
        .any(|label| {
            let end = alloc::format!("-----END {label}-----");
            wanted(label) && text.lines().any(|line| line.trim_end() == end)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: FileKind, read: Result<&[u8], &str>) -> Result<String, String> {
        let request = FileRequest { key: String::new(), line: 1, path: "f".into(), kind };
        let mut files = Files::new();
        files.insert(&request, read.map(<[u8]>::to_vec).map_err(String::from));
        files.text("f", kind).map(String::from).map_err(|fault| fault.what)
    }

    #[test]
    fn a_secret_is_one_line() {
        for (content, secret) in [
            (&b"abc"[..], Ok("abc")),
            (b"abc\n", Ok("abc")),
            (b"abc\r\n", Ok("abc")),
            (b" abc ", Ok(" abc ")),
            (b"", Err("the file is empty")),
            (b"a\n", Err("the file is a single character, which anybody guesses")),
            (b"\n", Err("the file is empty")),
            (b"abc\n\n", Err("the file has more than one line")),
            (b"abc\ndef\n", Err("the file has more than one line")),
            (b"a\0c", Err("the file holds invisible characters")),
            (b"\xef\xbb\xbfabc", Err("the file holds invisible characters")),
            (b"\xff", Err("the file is not UTF-8 text")),
            (&[b'a'; 65_537], Err("the file is too large")),
        ] {
            let got = check(FileKind::Secret, Ok(content));
            assert_eq!(got, secret.map(Into::into).map_err(Into::into));
        }
        assert!(check(FileKind::Secret, Ok(&[b'a'; 65_536])).is_ok());
        assert_eq!(
            check(FileKind::Secret, Err("permission denied")),
            Err("the file cannot be read: permission denied".into())
        );
    }

    #[test]
    fn known_hosts_hold_a_host_key() {
        for (text, what) in [
            ("# ours\nsw-1,192.0.2.1 ssh-ed25519 AAAA\n", None),
            ("@cert-authority *.example ssh-rsa AAAA", None),
            ("|1|salt=|hash= ecdsa-sha2-nistp256 AAAA ours", None),
            ("", Some("the file holds no host key")),
            ("# sw-1 ssh-ed25519 AAAA", Some("the file holds no host key")),
            ("ssh-ed25519 AAAA", Some("the file holds no host key")),
        ] {
            let got = check(FileKind::KnownHosts, Ok(text.as_bytes()));
            assert_eq!(got.err().as_deref(), what, "{text}");
        }
    }

    #[test]
    fn pem_files_hold_what_they_should() {
        let block = |label: &str| {
            alloc::format!("# ours\n-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n")
        };
        let both = block("CERTIFICATE") + &block("EC PRIVATE KEY");
        for (kind, text, what) in [
            (FileKind::Certificates, both.clone(), None),
            (FileKind::PrivateKey, both, None),
            (FileKind::PrivateKey, block("PRIVATE KEY"), None),
            (FileKind::Certificates, block("PRIVATE KEY"), Some("the file holds no certificate")),
            (FileKind::PrivateKey, block("CERTIFICATE"), Some("the file holds no private key")),
            (
                FileKind::PrivateKey,
                block("ENCRYPTED PRIVATE KEY"),
                Some("the key has a passphrase"),
            ),
            (FileKind::RevocationLists, block("X509 CRL"), None),
            (
                FileKind::RevocationLists,
                block("CERTIFICATE"),
                Some("the file holds no revocation list"),
            ),
            (
                FileKind::Certificates,
                "-----BEGIN CERTIFICATE-----\nAAAA\n".into(),
                Some("the file holds no certificate"),
            ),
        ] {
            let got = check(kind, Ok(text.as_bytes()));
            assert_eq!(got.err().as_deref(), what, "{text}");
        }
    }
}
