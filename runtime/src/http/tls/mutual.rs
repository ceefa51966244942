//! TLS in which the client shows a certificate too, for the websocket proxy.
//!
//! A handshake is checked against a [`Trust`], which never changes: when a file changes there is a
//! new one. A connection remembers the trust that let it in, and is checked again when there is a
//! new one. No session is ever resumed, because that would skip the check.

use std::{net::IpAddr, sync::Arc};

use futures_rustls::TlsAcceptor;
use mistgate_core::micronets::{access::AltName, access::Identity, proxy::ProxyFiles};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier, danger::ClientCertVerifier};
use rustls::{RootCertStore, ServerConfig, sign::CertifiedKey, sign::SingleCertAndKey};
use sha2::{Digest, Sha256};
use x509_parser::{extensions::GeneralName, parse_x509_certificate, x509::AttributeTypeAndValue};

use super::{Error, FileSet, Followed, add, all, certified_key, provider, read, server};
use crate::base::snapshot::Snapshot;

/// A verifier of clients, made of one version of the files.
#[derive(Debug)]
pub struct Trust {
    config: Arc<ServerConfig>,
    verifier: Arc<dyn ClientCertVerifier>,
}

impl Trust {
    /// Of our certificate, and what [`roots`] and [`revocations`] found.
    ///
    /// A certificate whose issuer has no list counts as not revoked, and a list is used beyond its
    /// `nextUpdate`: an operator who forgets to renew it does not lock out all clients.
    pub(crate) fn new(
        key: CertifiedKey,
        roots: &Arc<RootCertStore>,
        lists: Vec<CertificateRevocationListDer<'static>>,
    ) -> Self {
        let resolver = Arc::new(SingleCertAndKey::from(key));
        let verifier = verifier(roots, lists).expect("there are roots, and each list was tried");
        let mut config =
            server().with_client_cert_verifier(Arc::clone(&verifier)).with_cert_resolver(resolver);
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Self { config: Arc::new(config), verifier }
    }

    /// For one handshake.
    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }

    /// Whether a client with this chain, its own certificate first, would be let in at this moment.
    pub fn admits(&self, chain: &[CertificateDer<'_>]) -> bool {
        chain.split_first().is_some_and(|(own, others)| {
            self.verifier.verify_client_cert(own, others, UnixTime::now()).is_ok()
        })
    }
}

/// The [`Trust`] that follows its files.
pub type Mutual = Followed<ProxyFiles>;

impl FileSet for ProxyFiles {
    type Made = Trust;

    fn paths(&self) -> Vec<&String> {
        [&self.tls.cert, &self.tls.key, &self.client_ca].into_iter().chain(&self.crl).collect()
    }

    fn make(&self, read: &Snapshot) -> Result<Trust, Error> {
        let key = certified_key(&self.tls, read)?;
        let roots = Arc::new(roots(&self.client_ca, read)?);
        let mut lists = Vec::new();
        for file in &self.crl {
            lists.extend(revocations(file, &roots, read)?);
        }
        Ok(Trust::new(key, &roots, lists))
    }
}

/// What a certificate says of its owner; `None` if it cannot be read.
pub fn identity(certificate: &CertificateDer<'_>) -> Option<Identity> {
    let (_, parsed) = parse_x509_certificate(certificate).ok()?;
    let text = |attribute: &AttributeTypeAndValue<'_>| attribute.as_str().ok().map(str::to_owned);
    let subject = parsed.subject();
    let alt_names = parsed.subject_alternative_name().ok()?;
    let alt_names = alt_names.iter().flat_map(|extension| &extension.value.general_names);
    Some(Identity {
        organisations: subject.iter_organization().filter_map(text).collect(),
        common_names: subject.iter_common_name().filter_map(text).collect(),
        alt_names: alt_names.filter_map(alt_name).collect(),
        key: Sha256::digest(parsed.public_key().raw).into(),
    })
}

fn alt_name(name: &GeneralName<'_>) -> Option<AltName> {
    match name {
        GeneralName::DNSName(name) => Some(AltName::Dns((*name).to_owned())),
        GeneralName::RFC822Name(name) => Some(AltName::Email((*name).to_owned())),
        GeneralName::URI(name) => Some(AltName::Uri((*name).to_owned())),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from)).ok().map(AltName::Ip)
        }
        GeneralName::OtherName(..)
        | GeneralName::X400Address(_)
        | GeneralName::DirectoryName(_)
        | GeneralName::EDIPartyName(_)
        | GeneralName::RegisteredID(_)
        | GeneralName::Invalid(..) => None,
    }
}

/// The authorities in a file.
pub(crate) fn roots(file: &str, from: &Snapshot) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    add(file, read(file, from)?, &mut roots)?;
    Ok(roots)
}

/// The revocation lists in a file, each of which can be used.
pub(crate) fn revocations(
    file: &str,
    roots: &Arc<RootCertStore>,
    from: &Snapshot,
) -> Result<Vec<CertificateRevocationListDer<'static>>, Error> {
    let none = "no list of revoked certificates in it — expected BEGIN X509 CRL";
    let lists: Vec<_> = all(file, read(file, from)?, none)?;
    match verifier(roots, lists.clone()) {
        Ok(_) => Ok(lists),
        Err(reason) => {
            let what = format!("a list of revoked certificates cannot be used: {reason}");
            Err(Error::content(file, what))
        }
    }
}

fn verifier(
    roots: &Arc<RootCertStore>,
    lists: Vec<CertificateRevocationListDer<'static>>,
) -> Result<Arc<dyn ClientCertVerifier>, String> {
    WebPkiClientVerifier::builder_with_provider(Arc::clone(roots), provider())
        .with_crls(lists)
        .allow_unknown_revocation_status()
        .build()
        .map_err(|error| error.to_string())
}
