//! `mistgate cert`: a root, intermediates and leaves, as files that the original proxy, its peers
//! and ours can use.
//!
//! Keys are P-256 in PKCS #8. The files of one certificate appear together or not at all, and only
//! their owner may read those with a key. A certificate never outlives its CA: it ends with the CA
//! at the latest. That is no error, as a root and its leaves are usually made for the same number
//! of days, a minute apart.

mod authority;

use std::{fmt, time::Duration, time::SystemTime, time::UNIX_EPOCH};

use mistgate_core::base::time::UnixTime;
use mistgate_runtime::base::clock;
use pem::{EncodeConfig, LineEnding, Pem};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SerialNumber,
};
use rustls::pki_types::CertificateDer;

use self::authority::Authority;
use crate::args::{Cert, CertIntermediate, CertKind, CertLeaf, CertRoot};
use crate::{files, files::File};

/// The advice where a file exists already.
const ADVICE: &str = "choose another --cert-basename, or replace its files with --force";
const DAY_SECS: i64 = 24 * 60 * 60;
/// How long before now a certificate becomes valid, for peers whose clocks are late.
const CLOCK_SKEW_SECS: i64 = 60 * 60;
/// At most 20 (RFC 5280 §4.1.2.2). 16 random ones never meet their like.
const SERIAL_OCTETS: usize = 16;

pub(crate) fn run(args: &Cert) -> Result<(), String> {
    let (what, files) = match &args.kind {
        CertKind::Root(args) => root(args)?,
        CertKind::Intermediate(args) => intermediate(args)?,
        CertKind::Leaf(args) => leaf(args)?,
    };
    crate::say(&what);
    let width = files.iter().map(|file| file.path.chars().count()).max().unwrap_or(0);
    for File { path, about, .. } in files {
        crate::say(&format!("  {path:width$}  {about}"));
    }
    Ok(())
}

/// A certificate that was made: its kind, its name and when it ends; and its files.
type Made = (String, Vec<File>);

/// Writes the files of a certificate, but never over those of the CA that signs it.
fn write(what: String, files: Vec<File>, force: bool, ca: &[&String]) -> Result<Made, String> {
    let is_taken = |file: &&File| ca.iter().any(|path| files::is_same(&file.path, path));
    if let Some(File { path, .. }) = files.iter().find(is_taken) {
        let advice = "choose another --cert-basename";
        return Err(format!("{path}: belongs to the CA that signs — {advice}"));
    }
    files::write(&files, force, ADVICE)?;
    Ok((what, files))
}

/// Makes a root and writes its files.
pub(crate) fn root(args: &CertRoot) -> Result<Made, String> {
    let period = Period::from(clock::wall(), args.expiration_in_days);
    let mut params = params(&args.subject_org_name, &[], &period)?;
    authorize(&mut params, BasicConstraints::Unconstrained);
    let key = KeyPair::generate().map_err(failed)?;
    let cert = params.self_signed(&key).map_err(failed)?;
    let files = Issued { cert, key, chain: &[] }.files(&args.cert_basename, false);
    write(format!("root O={}, {period}", args.subject_org_name), files, args.force, &[])
}

fn intermediate(args: &CertIntermediate) -> Result<Made, String> {
    let now = clock::wall();
    let authority = Authority::load(&args.ca_certfile, &args.ca_keyfile, now)?;
    let (asked, left) = (args.path_length, authority.path_length.unwrap_or(u32::MAX));
    if left == 0 {
        let advice = "use its root, or make it anew with a --path-length above 0";
        return Err(format!("{}: the CA may sign only leaves — {advice}", args.ca_certfile));
    }
    if u32::from(asked) >= left {
        return Err(format!("--path-length {asked}: the CA allows at most {}", left - 1));
    }
    let period = Period::from(now, args.expiration_in_days).within(&authority);
    let mut params = params(&args.subject_org_name, &[], &period)?;
    authorize(&mut params, BasicConstraints::Constrained(args.path_length));
    let files = Issued::by(&authority, &params)?.files(&args.cert_basename, false);
    let what = format!("intermediate O={}, {period}", args.subject_org_name);
    write(what, files, args.force, &[&args.ca_certfile, &args.ca_keyfile])
}

/// Makes a leaf and writes its files.
pub(crate) fn leaf(args: &CertLeaf) -> Result<Made, String> {
    let now = clock::wall();
    let authority = Authority::load(&args.ca_certfile, &args.ca_keyfile, now)?;
    let period = Period::from(now, args.expiration_in_days).within(&authority);
    let mut params = params(&args.subject_org_name, &args.san, &period)?;
    params.is_ca = IsCa::ExplicitNoCa;
    // As in the original's certificates, so that nobody misses a usage. RFC 8813 §3 wants no
    // keyEncipherment beside an EC key, but no peer minds it.
    params.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyEncipherment,
        KeyUsagePurpose::KeyAgreement,
    ];
    let (client, server) =
        (ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth);
    let (usages, purpose) = match (args.client, args.server) {
        (true, false) => (vec![client], "clients"),
        (false, true) => (vec![server], "servers"),
        (true, true) | (false, false) => (vec![server, client], "servers and clients"),
    };
    params.extended_key_usages = usages;
    let files = Issued::by(&authority, &params)?.files(&args.cert_basename, true);
    let what = format!("leaf O={} for {purpose}, {period}", args.subject_org_name);
    write(what, files, args.force, &[&args.ca_certfile, &args.ca_keyfile])
}

/// When a certificate begins and ends.
struct Period {
    begin: UnixTime,
    end: UnixTime,
    ends_with_ca: bool,
}

impl Period {
    fn from(now: UnixTime, days: u32) -> Self {
        let now = now.as_secs();
        Self {
            begin: UnixTime::from_secs(now.saturating_sub(CLOCK_SKEW_SECS)),
            end: UnixTime::from_secs(now.saturating_add(i64::from(days) * DAY_SECS)),
            ends_with_ca: false,
        }
    }

    fn within(self, authority: &Authority) -> Self {
        Self {
            begin: self.begin.max(authority.not_before),
            end: self.end.min(authority.not_after),
            ends_with_ca: self.end > authority.not_after,
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "until {}", self.end)?;
        if self.ends_with_ca { f.write_str(", when its CA ends") } else { Ok(()) }
    }
}

/// What all certificates have in common.
fn params(name: &str, san: &[String], period: &Period) -> Result<CertificateParams, String> {
    let mut params = CertificateParams::new(san).map_err(failed)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, name);
    params.not_before = system(period.begin).into();
    params.not_after = system(period.end).into();
    params.serial_number = Some(serial()?);
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

/// Lets the holder sign certificates.
fn authorize(params: &mut CertificateParams, constraints: BasicConstraints) {
    params.is_ca = IsCa::Ca(constraints);
    params.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::CrlSign,
    ];
}

fn system(at: UnixTime) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(u64::try_from(at.as_secs()).unwrap_or(0))
}

/// Random, positive and of a fixed length (RFC 5280 §4.1.2.2).
fn serial() -> Result<SerialNumber, String> {
    let mut octets = [0_u8; SERIAL_OCTETS];
    getrandom::fill(&mut octets).map_err(|error| format!("no random numbers: {error}"))?;
    let [first, ..] = &mut octets;
    *first = *first & 0x7f | 0x40;
    Ok(SerialNumber::from_slice(&octets))
}

/// A new certificate, its key, and the intermediates between it and the root.
struct Issued<'a> {
    cert: Certificate,
    key: KeyPair,
    chain: &'a [CertificateDer<'static>],
}

impl<'a> Issued<'a> {
    fn by(authority: &'a Authority, params: &CertificateParams) -> Result<Self, String> {
        let name = params.distinguished_name.get(&DnType::OrganizationName);
        if name.is_some() && name == authority.organization.as_ref() {
            let advice = "choose another, or peers take it for the CA";
            return Err(format!("--subject-org-name: the CA's own name — {advice}"));
        }
        let key = KeyPair::generate().map_err(failed)?;
        let cert = params.signed_by(&key, &authority.issuer).map_err(failed)?;
        Ok(Self { cert, key, chain: &authority.chain })
    }

    /// Its files. A leaf has one more, with chain and key, as TLS servers and clients load it.
    fn files(&self, basename: &str, is_leaf: bool) -> Vec<File> {
        let about = if self.chain.is_empty() {
            "the certificate"
        } else {
            "the certificate and those between it and the root"
        };
        let (chain, key) = (self.chain_pem(), self.key.serialize_pem());
        let pair = is_leaf.then(|| (chain.clone() + &key).into_bytes());
        let file = |ending, content, holds_key, about| File {
            path: format!("{basename}.{ending}"),
            content,
            holds_key,
            about,
        };
        let mut files = vec![
            file("cert.pem", chain.into_bytes(), false, about),
            file("cert.der", self.cert.der().to_vec(), false, "the certificate alone, as DER"),
            file("key.pem", key.into_bytes(), true, "its key: keep it secret"),
        ];
        let about = "certificate and key in one file: keep it secret";
        files.extend(pair.map(|pair| file("pkeycert.pem", pair, true, about)));
        files
    }

    fn chain_pem(&self) -> String {
        let format = EncodeConfig::new().set_line_ending(LineEnding::LF);
        [self.cert.der()]
            .into_iter()
            .chain(self.chain)
            .map(|cert| pem::encode_config(&Pem::new("CERTIFICATE", cert.to_vec()), format))
            .collect()
    }
}

fn failed(error: rcgen::Error) -> String {
    format!("the certificate cannot be made: {error}")
}
