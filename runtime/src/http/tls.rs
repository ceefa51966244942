//! Certificates, keys and roots, from PEM to a rustls configuration. Nothing else sets up TLS.
//!
//! Errors name the file and what is wrong with it, and never quote what the file holds.

use std::{borrow::Cow, io, sync::Arc};

use futures_rustls::TlsConnector;
use mistgate_core::base::time::UnixTime;
use mistgate_core::http::listener::Tls;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, TrustAnchor, pem};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    CertificateError, ClientConfig, ConfigBuilder, RootCertStore, ServerConfig, WantsVerifier,
};

use crate::base::snapshot::Snapshot;

pub(crate) mod ends;
mod followed;
pub mod mutual;
mod verifier;

pub mod peer;
pub mod pinned;

pub use self::followed::{FileSet, Followed};

/// The only protocol that we speak over TLS to clients and servers of HTTP (RFC 7301 §6).
const ALPN: &[u8] = b"http/1.1";

/// Why a certificate, key, root or revocation list cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// What the file holds is not what is expected of it.
    #[error("{file}: {what}")]
    Content { file: String, what: Cow<'static, str> },
    #[error("{file}: cannot be read: {reason}")]
    Read { file: String, reason: String },
    /// The certificate and the key cannot be used, or not with each other.
    #[error("{}", unusable(.cert, .key, .reason))]
    Unusable { cert: String, key: String, reason: rustls::Error },
}

impl Error {
    fn content(file: &str, what: impl Into<Cow<'static, str>>) -> Self {
        Self::Content { file: file.to_owned(), what: what.into() }
    }

    fn pem(file: &str) -> Self {
        Self::content(file, "broken PEM — expected whole BEGIN/END blocks")
    }
}

/// Which certificate and key cannot be used, and why.
fn unusable(cert: &str, key: &str, reason: &rustls::Error) -> String {
    if let rustls::Error::InconsistentKeys(_) = reason {
        return format!("{cert}: the certificate does not belong to the key in {key}");
    }
    let with_key = if cert == key { String::new() } else { format!(" with the key in {key}") };
    format!("{cert}{with_key}: cannot be used: {reason}")
}

/// An error of TLS for people: with dates where rustls counts seconds.
pub(crate) fn explain(error: &io::Error) -> String {
    use CertificateError::{ExpiredContext, NotValidYetContext};
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
    let (what, at) = match cause {
        Some(rustls::Error::InvalidCertificate(ExpiredContext { not_after, .. })) => {
            ("ended", not_after)
        }
        Some(rustls::Error::InvalidCertificate(NotValidYetContext { not_before, .. })) => {
            ("begins only", not_before)
        }
        Some(_) | None => return error.to_string(),
    };
    let at = i64::try_from(at.as_secs()).map_or(UnixTime::default(), UnixTime::from_secs);
    format!("the certificate {what} at {at}")
}

/// A listener's certificate and key, which follow their files.
pub type Identity = Followed<Tls>;

impl FileSet for Tls {
    type Made = ServerConfig;

    fn paths(&self) -> Vec<&String> {
        vec![&self.cert, &self.key]
    }

    fn make(&self, read: &Snapshot) -> Result<ServerConfig, Error> {
        Ok(http_server(certified_key(self, read)?))
    }
}

/// The TLS of an HTTP listener with this certificate.
pub(crate) fn http_server(key: CertifiedKey) -> ServerConfig {
    let resolver = Arc::new(SingleCertAndKey::from(key));
    let mut config = server().with_no_client_auth().with_cert_resolver(resolver);
    config.alpn_protocols = vec![ALPN.to_vec()];
    config
}

/// The authorities in the PEM text `extra_ca`, which errors call so; none without one.
pub fn authorities(extra_ca: Option<&str>) -> Result<Vec<TrustAnchor<'static>>, Error> {
    let mut roots = RootCertStore::empty();
    if let Some(pem) = extra_ca {
        add("extra_ca", pem.as_bytes(), &mut roots)?;
    }
    Ok(roots.roots)
}

/// A connector that trusts these authorities, the public roots that are built in, and those of the
/// system where it has any (`SSL_CERT_FILE` and `SSL_CERT_DIR` are honoured). Blocks on the disk.
pub fn connector(authorities: Vec<TrustAnchor<'static>>) -> TlsConnector {
    let mut roots = public_roots();
    roots.extend(authorities);
    let mut config = client().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![ALPN.to_vec()];
    TlsConnector::from(Arc::new(config))
}

/// A chain of certificates and the key of the first. Each file may hold blocks of other kinds too.
pub fn certified_key(files: &Tls, from: &Snapshot) -> Result<CertifiedKey, Error> {
    let chain = certificates(&files.cert, read(&files.cert, from)?)?;
    let key = private_key(&files.key, read(&files.key, from)?)?;
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

/// A configuration of the protocol versions that we speak, TLS 1.2 and 1.3.
fn client() -> ConfigBuilder<ClientConfig, WantsVerifier> {
    ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("ring speaks TLS 1.2 and 1.3")
}

/// As [`client`], for a server.
fn server() -> ConfigBuilder<ServerConfig, WantsVerifier> {
    ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("ring speaks TLS 1.2 and 1.3")
}

fn read<'a>(file: &str, from: &'a Snapshot) -> Result<&'a [u8], Error> {
    from.content(file).map_err(|reason| Error::Read { file: file.to_owned(), reason })
}

/// Adds the authorities in a PEM text, which errors call `file`.
fn add(file: &str, pem: &[u8], roots: &mut RootCertStore) -> Result<(), Error> {
    certificates(file, pem)?.into_iter().try_for_each(|cert| {
        roots.add(cert).map_err(|reason| {
            Error::content(file, format!("a certificate in it cannot be a root: {reason}"))
        })
    })
}

fn certificates(file: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    all(file, pem, "no certificate in it — expected BEGIN CERTIFICATE")
}

/// All blocks of one kind in a PEM text; without any, the error says `none`.
fn all<T: PemObject>(file: &str, pem: &[u8], none: &'static str) -> Result<Vec<T>, Error> {
    match T::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>() {
        Ok(blocks) if blocks.is_empty() => Err(Error::content(file, none)),
        Ok(blocks) => Ok(blocks),
        Err(_) => Err(Error::pem(file)),
    }
}

fn private_key(file: &str, pem: &[u8]) -> Result<PrivateKeyDer<'static>, Error> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| {
        if is_encrypted(pem) {
            let what = "the key has a passphrase — expected one without (openssl pkey removes it)";
            Error::content(file, what)
        } else if matches!(error, pem::Error::NoItemsFound) {
            Error::content(file, "no key in it — expected BEGIN PRIVATE KEY")
        } else {
            Error::pem(file)
        }
    })
}

/// RFC 5958 §3 (PKCS #8), and the header of RFC 1421 §4.6 in keys of the older kind.
fn is_encrypted(pem: &[u8]) -> bool {
    let pem = String::from_utf8_lossy(pem);
    pem.contains("BEGIN ENCRYPTED PRIVATE KEY") || pem.contains("Proc-Type: 4,ENCRYPTED")
}
