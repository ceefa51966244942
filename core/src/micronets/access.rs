//! Who may join which meetup: `[[proxy.allow]]`.
//!
//! The authority of `client_ca` says that a peer is one of ours; a rule says which meetups it may
//! join. The original has no such rules: any certificate joins any meetup. Only the certificate
//! counts, because anybody can write any name into a hello.

use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::net::IpAddr;

use crate::base::{base64, glob, hex};

/// The public keys (SHA-256 of SubjectPublicKeyInfo) whose private keys are in the public
/// repositories micronets-ws-proxy, micronets-manager and micronets-gw of cablelabs, in `lib/` and
/// `certs/` there.
const PUBLISHED: [&str; 9] = [
    // micronets-ws-root
    "fc0ebb16218dd7f968ddc76495d7df02bd9fdc9a2ad149387b28cecb76bf11cc",
    // micronets-ws-proxy
    "8980d9a9289bcbd5cc20d8296590c55bf5acfb90295710c5bac1c775eb845b47",
    // micronets-manager
    "537f55286f3a55c6b62a036856c9f0b117e029a345abec514a6516e5ade722ab",
    // micronets-gw-service
    "cbf9ae555fae783fa12b1241481f227cfaafe815b74f53429c666f21624351ae",
    // micronets-ws-test-client
    "4ba2130b6bc90cfefba933e7459cb5aef4975829a56b004e122000d7a6a6577a",
    // micronets-ws-dpp-client
    "1623c4b8bedc90e602c9286fbeb6886fbf810987590768bd5d2c6559f4ae5c62",
    // micronets-api-root
    "61ddf3bc56a6ea922d9372629146f01b72813cf1bc7abeaf719f2c185d72deb9",
    // micronets-api-mm
    "8198d118ac59a9787c30ca7de3ca6f630f841df7de32c365bd16d5ac7ed4e69e",
    // micronets-api-mso-gateway
    "c6c765273c5e01fa06ba848c4ee878063ebe9fb46c9456568b81c60632cb54c1",
];

/// What a verified certificate says about a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The O values of its subject.
    pub organisations: Vec<String>,
    /// The CN values of its subject.
    pub common_names: Vec<String>,
    /// Its subject alternative names.
    pub alt_names: Vec<AltName>,
    /// The SHA-256 of its public key (SubjectPublicKeyInfo in DER).
    pub key: [u8; 32],
}

impl Identity {
    /// Whether both hold the same key, also if one of the certificates is a renewed one.
    pub fn is_same_peer(&self, other: &Self) -> bool {
        self.key == other.key
    }

    /// Whether anybody has its private key, so that its certificate proves nothing.
    pub fn is_published(&self) -> bool {
        PUBLISHED.contains(&&*hex::encode(&self.key))
    }
}

/// One `[[proxy.allow]]`: the peers that may join some meetups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The ids of the meetups; `*` stands for any text, slashes included.
    pub meetup: String,
    /// A peer may join if one of these describes its certificate.
    pub subjects: Vec<Subject>,
}

impl Rule {
    /// Whether an `O=` or `CN=` lets peers in, which any authority may write into a certificate.
    pub fn is_by_name(&self) -> bool {
        let is_name = |of: &_| matches!(of, Subject::CommonName(_) | Subject::Organisation(_));
        self.subjects.iter().any(is_name)
    }
}

/// A subject alternative name (RFC 5280 §4.2.1.6). Its kind counts: an authority whose names are
/// constrained in one kind may give any name of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AltName {
    /// A DNS name, in any letter case.
    Dns(String),
    /// A mail address, in any letter case.
    Email(String),
    Ip(IpAddr),
    /// Exactly as written.
    Uri(String),
}

impl AltName {
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Dns(one), Self::Dns(other)) | (Self::Email(one), Self::Email(other)) => {
                one.eq_ignore_ascii_case(other)
            }
            (Self::Dns(_) | Self::Email(_) | Self::Ip(_) | Self::Uri(_), _) => self == other,
        }
    }
}

/// A property of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// `DNS=`, `EMAIL=`, `IP=` or `URI=`; `SAN=` is `IP=` for an address, else `DNS=`.
    AltName(AltName),
    /// Written as `CN=`.
    CommonName(String),
    /// `PIN=` or `SPKI=`, the SHA-256 of the public key: in hex, or in base64 behind `sha256//` as
    /// curl's `--pinnedpubkey` has it.
    Key([u8; 32]),
    /// Written as `O=`.
    Organisation(String),
}

const ADDRESS: &str = "behind \"IP=\" an IP address";
const EMPTY: &str = "a value behind the \"=\"";
const KEY: &str = "behind \"PIN=\" the SHA-256 of a public key: 64 hex digits, or \"sha256//\" and \
                   base64";

impl Subject {
    /// What a configuration may say.
    pub const EXPECTED: &str = "a property of a certificate: \"O=…\", \"CN=…\", \"DNS=…\", \
                                \"URI=…\", \"IP=…\", \"EMAIL=…\" or \"PIN=…\"";

    /// Reads a property as [`Self::EXPECTED`] says. The error is what would have been right, in
    /// words for the configuration's author.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (name, value) = text.split_once('=').ok_or(Self::EXPECTED)?;
        let value = value.trim();
        let subject = match name.trim().to_ascii_uppercase().as_str() {
            "O" => Self::Organisation(value.to_owned()),
            "CN" => Self::CommonName(value.to_owned()),
            "DNS" => Self::AltName(AltName::Dns(value.to_owned())),
            "EMAIL" => Self::AltName(AltName::Email(value.to_owned())),
            "IP" => Self::AltName(AltName::Ip(value.parse().map_err(|_| ADDRESS)?)),
            "SAN" => Self::AltName(match value.parse() {
                Ok(address) => AltName::Ip(address),
                Err(_) => AltName::Dns(value.to_owned()),
            }),
            "URI" => Self::AltName(AltName::Uri(value.to_owned())),
            "PIN" | "SPKI" => Self::Key(key(value).ok_or(KEY)?),
            _ => return Err(Self::EXPECTED),
        };
        if value.is_empty() { Err(EMPTY) } else { Ok(subject) }
    }

    fn is_of(&self, identity: &Identity) -> bool {
        match self {
            Self::AltName(name) => identity.alt_names.iter().any(|own| own.is(name)),
            Self::CommonName(name) => identity.common_names.contains(name),
            Self::Key(key) => identity.key == *key,
            Self::Organisation(name) => identity.organisations.contains(name),
        }
    }
}

/// Whether the rules let a peer join a meetup. Without any rule every peer may; otherwise only one
/// that a rule for this meetup describes.
pub fn allow(rules: &[Rule], meetup: &str, identity: &Identity) -> bool {
    rules.is_empty() || allowing(rules, meetup, identity).is_some()
}

/// The first rule that lets a peer join a meetup.
pub fn allowing<'r>(rules: &'r [Rule], meetup: &str, identity: &Identity) -> Option<&'r Rule> {
    let describes = |rule: &Rule| rule.subjects.iter().any(|subject| subject.is_of(identity));
    rules.iter().find(|rule| glob::matches(&rule.meetup, meetup) && describes(rule))
}

fn key(text: &str) -> Option<[u8; 32]> {
    match text.strip_prefix("sha256//") {
        Some(text) => base64::decode(text)?.try_into().ok(),
        None => hex::decode(text.replace(':', "").as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use alloc::{format, vec};

    use super::*;

    fn identity() -> Identity {
        Identity {
            organisations: vec!["Micronets DHCP Manager Cert".into()],
            common_names: vec!["gw-1".into()],
            alt_names: vec![
                AltName::Dns("gw-1.example".into()),
                AltName::Ip("2001:db8::1".parse().expect("an address")),
                AltName::Uri("spiffe://x/gw-2.example".into()),
                AltName::Uri("gw-3.example".into()),
                AltName::Email("ops@gw-4.example".into()),
            ],
            key: [0xab; 32],
        }
    }

    fn rule(meetup: &str, subjects: &[&str]) -> Rule {
        let subjects =
            subjects.iter().map(|text| Subject::parse(text).expect("a subject")).collect();
        Rule { meetup: meetup.into(), subjects }
    }

    #[test]
    fn one_property_of_one_rule_is_enough() {
        let hex = "ab".repeat(32);
        let colons = vec!["AB"; 32].join(":");
        let pin = base64::encode(&[0xab; 32]);
        for subject in [
            "O=Micronets DHCP Manager Cert",
            "cn = gw-1",
            "SAN=GW-1.example",
            "DNS=GW-1.example",
            "SAN=2001:DB8:0::1",
            "IP=2001:db8::1",
            "URI=spiffe://x/gw-2.example",
            "email=OPS@gw-4.example",
            &format!("PIN={hex}"),
            &format!("SPKI={colons}"),
            &format!("SPKI=sha256//{pin}"),
        ] {
            let rules = [rule("other", &["O=Nobody"]), rule("gw/*", &["O=Nobody", subject])];
            assert!(allow(&rules, "gw/1", &identity()), "{subject}");
            assert!(!allow(&rules, "other", &identity()), "{subject}");
        }
        for subject in [
            "O=Micronets DHCP",
            "CN=GW-1",
            "CN=gw-1.example",
            "SAN=gw-1",
            // A name of another kind is another name.
            "SAN=gw-3.example",
            "DNS=gw-3.example",
            "SAN=ops@gw-4.example",
            "URI=SPIFFE://x/gw-2.example",
            "URI=gw-1.example",
        ] {
            assert!(!allow(&[rule("*", &[subject])], "gw/1", &identity()), "{subject}");
        }
    }

    #[test]
    fn no_rules_is_the_original_and_an_empty_rule_is_nobody() {
        assert!(allow(&[], "anything", &identity()));
        assert!(!allow(&[rule("*", &[])], "anything", &identity()));
    }

    #[test]
    fn what_is_no_subject_is_said() {
        for (text, error) in [
            ("Micronets", Subject::EXPECTED),
            ("OU=x", Subject::EXPECTED),
            ("O=", EMPTY),
            ("IP=gw-1", ADDRESS),
            ("SPKI=", KEY),
            ("SPKI=abc", KEY),
            ("SPKI=zz", KEY),
            ("SPKI=sha256//AA==", KEY),
        ] {
            assert_eq!(Subject::parse(text), Err(error), "{text}");
        }
    }
}
