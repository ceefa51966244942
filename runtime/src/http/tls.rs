//! Certificates, keys and roots, from PEM to a rustls configuration. The only handshakes.
//!
//! Errors name the file and what is wrong with it, and never quote what the file holds.

use std::{fmt, fs, sync::Arc};

use futures_rustls::TlsConnector;
use mistgate_core::http::listener::Tls;
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
    sign::{CertifiedKey, SingleCertAndKey},
};

mod followed;
pub mod mutual;
mod verifier;

pub mod peer;
pub mod pinned;

pub use self::followed::{FileSet, Followed};

/// The only protocol that we speak over TLS to clients and servers of HTTP (RFC 7301 §6).
const ALPN: &[u8] = b"http/1.1";

/// Why a certificate, key or root cannot be used.
#[derive(Clone, Debug, PartialEq)]
pub enum Error {
    /// The key is protected by a passphrase.
    Encrypted { file: String },
    /// The file holds lists of revoked certificates that cannot be used.
    Crl { file: String, reason: String },
    /// The file holds no certificate.
    NoCertificate { file: String },
    /// The file holds no list of revoked certificates.
    NoCrl { file: String },
    /// The file holds no private key.
    NoKey { file: String },
    /// The file is not PEM.
    Pem { file: String },
    /// The file cannot be read.
    Read { file: String, reason: String },
    /// A certificate that cannot be a root.
    Root { file: String, reason: rustls::Error },
    /// The certificate and the key cannot be used, or not with each other.
    Unusable { cert: String, key: String, reason: rustls::Error },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encrypted { file } => write!(
                f,
                "{file}: the key has a passphrase — expected one without (openssl pkey removes it)"
            ),
            Self::Crl { file, reason } => {
                write!(f, "{file}: a list of revoked certificates cannot be used: {reason}")
            }
            Self::NoCertificate { file } => {
                write!(f, "{file}: no certificate in it — expected BEGIN CERTIFICATE")
            }
            Self::NoCrl { file } => {
                write!(f, "{file}: no list of revoked certificates in it — expected BEGIN X509 CRL")
            }
            Self::NoKey { file } => {
                write!(f, "{file}: no key in it — expected BEGIN PRIVATE KEY")
            }
            Self::Pem { file } => {
                write!(f, "{file}: broken PEM — expected whole BEGIN/END blocks")
            }
            Self::Read { file, reason } => write!(f, "{file}: cannot be read: {reason}"),
            Self::Root { file, reason } => {
                write!(f, "{file}: a certificate in it cannot be a root: {reason}")
            }
            Self::Unusable { cert, key, reason: rustls::Error::InconsistentKeys(_) } => {
                write!(f, "{cert}: the certificate does not belong to the key in {key}")
            }
            Self::Unusable { cert, key, reason } if cert == key => {
                write!(f, "{cert}: cannot be used: {reason}")
            }
            Self::Unusable { cert, key, reason } => {
                write!(f, "{cert} with the key in {key}: cannot be used: {reason}")
            }
        }
    }
}

impl std::error::Error for Error {}

/// A listener's certificate and key, which follow their files.
pub type Identity = Followed<Tls>;

impl FileSet for Tls {
    type Made = ServerConfig;

    fn paths(&self) -> Vec<&String> {
        vec![&self.cert, &self.key]
    }

    fn read(&self) -> Result<ServerConfig, Error> {
        let resolver = SingleCertAndKey::from(certified_key(self)?);
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("ring speaks TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(resolver));
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok(config)
    }
}

/// A connector that trusts the public roots that are built in, those of the system where it has
/// any (`SSL_CERT_FILE` and `SSL_CERT_DIR` are honoured), and the PEM text `extra_ca`, which errors
/// call `extra_ca`. Blocks on the disk.
pub fn connector(extra_ca: Option<&str>) -> Result<TlsConnector, Error> {
    let mut roots = public_roots();
    if let Some(pem) = extra_ca {
        let file = "extra_ca";
        for cert in certificates(file, pem.as_bytes())? {
            roots.add(cert).map_err(|reason| Error::Root { file: file.to_owned(), reason })?;
        }
    }
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("ring speaks TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

/// A chain of certificates and the key of the first. Each file may hold blocks of other kinds too.
/// Blocks on the disk.
pub fn certified_key(files: &Tls) -> Result<CertifiedKey, Error> {
    let chain = certificates(&files.cert, &read(&files.cert)?)?;
    let key = private_key(&files.key, &read(&files.key)?)?;
    CertifiedKey::from_der(chain, key, &provider()).map_err(|reason| Error::Unusable {
        cert: files.cert.clone(),
        key: files.key.clone(),
        reason,
    })
}

/// The roots that are built in and those of the system.
fn public_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn read(file: &str) -> Result<Vec<u8>, Error> {
    fs::read(file).map_err(|error| Error::Read { file: file.to_owned(), reason: error.to_string() })
}

fn certificates(file: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let file = file.to_owned();
    match CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>() {
        Ok(certs) if certs.is_empty() => Err(Error::NoCertificate { file }),
        Ok(certs) => Ok(certs),
        Err(_) => Err(Error::Pem { file }),
    }
}

fn private_key(file: &str, pem: &[u8]) -> Result<PrivateKeyDer<'static>, Error> {
    let file = file.to_owned();
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| {
        if is_encrypted(pem) {
            Error::Encrypted { file }
        } else if matches!(error, pem::Error::NoItemsFound) {
            Error::NoKey { file }
        } else {
            Error::Pem { file }
        }
    })
}

/// RFC 5958 §3 (PKCS #8), and the header of RFC 1421 §4.6 in keys of the older kind.
fn is_encrypted(pem: &[u8]) -> bool {
    let pem = String::from_utf8_lossy(pem);
    pem.contains("BEGIN ENCRYPTED PRIVATE KEY") || pem.contains("Proc-Type: 4,ENCRYPTED")
}
