//! A CA, read from its two files: its key, what it may sign, and until when.

use std::sync::Arc;

use mistgate_core::{base::time::UnixTime, http::listener::Tls};
use mistgate_runtime::{base::snapshot::Snapshot, http::tls};
use rcgen::{DnValue, Issuer, PublicKeyData, SignatureAlgorithm};
use rustls::{SignatureScheme, pki_types::CertificateDer, sign};
use x509_parser::{certificate::X509Certificate, parse_x509_certificate, x509::X509Name};

const EXPECTED: &str = "expected one made by mistgate cert root or intermediate";

/// A CA that signs new certificates.
pub(super) struct Authority {
    pub(super) issuer: Issuer<'static, Key>,
    /// The certificates that a peer needs besides the root: this CA's and those between the two.
    /// Empty for a root.
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) not_before: UnixTime,
    pub(super) not_after: UnixTime,
    /// How many intermediates may follow below it; `None` for any number.
    pub(super) path_length: Option<u32>,
    /// Its name, if that is one organization and nothing else.
    pub(super) organization: Option<DnValue>,
}

impl Authority {
    /// Reads a CA, whose certificate must be good for signing `now`.
    pub(super) fn load(cert: &str, key: &str, now: UnixTime) -> Result<Self, String> {
        let files = Tls { cert: cert.to_owned(), key: key.to_owned() };
        let read = Snapshot::of([&files.cert, &files.key]);
        let loaded = tls::certified_key(&files, &read).map_err(|error| advise(&error))?;
        let first = loaded.cert.first().ok_or("a chain without certificates")?;
        let parsed = parse(cert, first)?;
        let path_length = check(cert, &parsed, now)?;
        let key = Key::new(loaded.key, &parsed);
        let key = key.ok_or_else(|| format!("{cert}: its key can make no signature known here"))?;
        let issuer = Issuer::from_ca_cert_der(first, key)
            .map_err(|error| format!("{cert}: not usable as a CA: {error}"))?;
        Ok(Self {
            issuer,
            not_before: UnixTime::from_secs(parsed.validity().not_before.timestamp()),
            not_after: UnixTime::from_secs(parsed.validity().not_after.timestamp()),
            path_length,
            organization: only_organization(parsed.subject()).map(DnValue::from),
            chain: chain(cert, &loaded.cert)?,
        })
    }
}

/// A key of any kind that rustls can use, SEC1 and PKCS #1 included, which rcgen cannot load.
pub(super) struct Key {
    signer: Box<dyn sign::Signer>,
    algorithm: &'static SignatureAlgorithm,
    public: Vec<u8>,
}

impl Key {
    fn new(key: Arc<dyn sign::SigningKey>, cert: &X509Certificate<'_>) -> Option<Self> {
        let (signer, algorithm) = ALGORITHMS.iter().find_map(|(scheme, algorithm)| {
            key.choose_scheme(&[*scheme]).map(|signer| (signer, *algorithm))
        })?;
        let public = cert.public_key().subject_public_key.data.to_vec();
        Some(Self { signer, algorithm, public })
    }
}

/// The signature algorithms of keys, by their names in TLS and in certificates.
static ALGORITHMS: [(SignatureScheme, &SignatureAlgorithm); 4] = [
    (SignatureScheme::ECDSA_NISTP256_SHA256, &rcgen::PKCS_ECDSA_P256_SHA256),
    (SignatureScheme::ECDSA_NISTP384_SHA384, &rcgen::PKCS_ECDSA_P384_SHA384),
    (SignatureScheme::ED25519, &rcgen::PKCS_ED25519),
    (SignatureScheme::RSA_PKCS1_SHA256, &rcgen::PKCS_RSA_SHA256),
];

impl PublicKeyData for Key {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.algorithm
    }
}

impl rcgen::SigningKey for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.signer.sign(message).map_err(|_| rcgen::Error::RemoteKeyError)
    }
}

fn advise(error: &tls::Error) -> String {
    use rustls::Error::{InconsistentKeys, InvalidCertificate};
    match error {
        tls::Error::Unusable { cert, reason: InvalidCertificate(_), .. } => {
            format!("{cert}: peers would not know its first certificate for a CA's — {EXPECTED}")
        }
        tls::Error::Unusable { reason: InconsistentKeys(_), .. } => {
            format!("{error} — expected the two files of one CA")
        }
        tls::Error::Unusable { key, .. } => {
            format!("{key}: cannot sign here — expected a key of P-256, P-384, Ed25519 or RSA")
        }
        tls::Error::Read { .. } => format!("{error} — expected the file of a CA"),
        tls::Error::Content { .. } => error.to_string(),
    }
}

fn parse<'c>(file: &str, cert: &'c CertificateDer<'_>) -> Result<X509Certificate<'c>, String> {
    match parse_x509_certificate(cert) {
        Ok((_, parsed)) => Ok(parsed),
        Err(error) => Err(format!("{file}: a certificate in it is broken: {error}")),
    }
}

/// Fails unless peers accept certificates that this one signs (RFC 5280 §6.1.4). Returns its path
/// length.
fn check(file: &str, cert: &X509Certificate<'_>, now: UnixTime) -> Result<Option<u32>, String> {
    let broken = |error| format!("{file}: a certificate in it is broken: {error}");
    let constraints = cert.basic_constraints().map_err(broken)?.map(|found| found.value);
    let usage = cert.key_usage().map_err(broken)?.map(|found| found.value);
    let Some(constraints) = constraints.filter(|constraints| constraints.ca) else {
        return Err(format!("{file}: its first certificate is not a CA's — {EXPECTED}"));
    };
    if usage.is_some_and(|usage| !usage.key_cert_sign()) {
        return Err(format!("{file}: its key usage forbids to sign certificates — {EXPECTED}"));
    }
    let begin = UnixTime::from_secs(cert.validity().not_before.timestamp());
    let end = UnixTime::from_secs(cert.validity().not_after.timestamp());
    if end < now {
        return Err(format!("{file}: the CA ended at {end} — make a new one, and new leaves"));
    }
    if now < begin {
        return Err(format!("{file}: the CA begins only at {begin} — is the clock right?"));
    }
    if !is_repeatable(cert.subject()) {
        return Err(format!(
            "{file}: the CA's name has several values of one kind, which cannot be written here — \
             expected a name like O=NAME"
        ));
    }
    Ok(constraints.path_len_constraint)
}

/// Whether rcgen can write this name again: it keeps one value of each kind.
fn is_repeatable(name: &X509Name<'_>) -> bool {
    let mut kinds = Vec::new();
    name.iter_rdn().all(|rdn| {
        let mut attributes = rdn.iter();
        let (Some(only), None) = (attributes.next(), attributes.next()) else { return false };
        let is_new = !kinds.contains(only.attr_type());
        kinds.push(only.attr_type().clone());
        is_new
    })
}

fn only_organization<'n>(name: &'n X509Name<'_>) -> Option<&'n str> {
    let organization = name.iter_organization().next()?;
    (name.iter_attributes().count() == 1).then_some(organization)?.as_str().ok()
}

/// The certificates of a chain below its root, which the peers have.
fn chain(
    file: &str,
    certificates: &[CertificateDer<'static>],
) -> Result<Vec<CertificateDer<'static>>, String> {
    let mut chain = Vec::new();
    for certificate in certificates {
        let parsed = parse(file, certificate)?;
        if parsed.issuer().as_raw() == parsed.subject().as_raw() {
            break;
        }
        chain.push(certificate.clone());
    }
    Ok(chain)
}
