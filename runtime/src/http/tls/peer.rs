//! The client's side of mutual TLS: a peer and its proxy.
//!
//! The proxies of the original's scripts have certificates without any name in them, so no name can
//! be verified, and its peers verify none. [`Verify::Chain`] is for those: everything but the name.
//! Whoever holds any certificate of the same authority can then pose as the proxy, unless that
//! certificate is for clients only.

use std::{io, sync::Arc};

use futures_rustls::TlsConnector;
use mistgate_core::http::listener::Tls;
use rustls::sign::SingleCertAndKey;
use rustls::{CertificateError, client::WebPkiServerVerifier, client::danger::ServerCertVerifier};

use super::{Error, certified_key, client, provider, public_roots, verifier::Verifier};
use super::{mutual::roots, verifier::Rule};
use crate::base::snapshot::Snapshot;

/// What is verified of the proxy's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verify {
    /// Its chain, its validity, that it is not for clients only.
    Chain,
    /// All that, and that it names the host in the URL.
    Name,
}

/// A peer's own certificate and the authorities that it trusts, by file: the files are read for
/// each connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Our certificate and its key; none for a proxy that asks for none.
    pub own: Option<Tls>,
    /// The PEM file with the authorities of the proxy; the public ones if there is none.
    pub authorities: Option<String>,
    pub verify: Verify,
}

impl Credentials {
    /// A connector for what the files hold at this moment. Blocks on the disk.
    pub fn connector(&self) -> Result<TlsConnector, Error> {
        let own = self.own.iter().flat_map(|tls| [&tls.cert, &tls.key]);
        let read = Snapshot::of(own.chain(&self.authorities));
        let roots = Arc::new(match &self.authorities {
            Some(file) => roots(file, &read)?,
            None => public_roots(),
        });
        let verifier: Arc<dyn ServerCertVerifier> = match self.verify {
            Verify::Chain => Verifier::new(Rule::Chain(roots)),
            Verify::Name => WebPkiServerVerifier::builder_with_provider(roots, provider())
                .build()
                .expect("there are roots, and no CRLs"),
        };
        let config = client().dangerous().with_custom_certificate_verifier(verifier);
        let config = match &self.own {
            Some(files) => {
                let key = SingleCertAndKey::from(certified_key(files, &read)?);
                config.with_client_cert_resolver(Arc::new(key))
            }
            None => config.with_no_client_auth(),
        };
        Ok(TlsConnector::from(Arc::new(config)))
    }
}

/// The errors of a connection that the server closed; which one depends on timing.
const HUNG_UP: [io::ErrorKind; 4] = [
    io::ErrorKind::BrokenPipe,
    io::ErrorKind::ConnectionAborted,
    io::ErrorKind::ConnectionReset,
    io::ErrorKind::UnexpectedEof,
];

/// Why a handshake, or the first use of the connection, failed, and what to do about it.
pub(crate) fn explain(error: &io::Error) -> String {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    match cause {
        Some(rustls::Error::InvalidCertificate(
            reason @ (CertificateError::NotValidForName
            | CertificateError::NotValidForNameContext { .. }),
        )) => {
            format!(
                "the proxy's {reason} — --verify chain accepts that, as the original's peers do"
            )
        }
        Some(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
            "the proxy's certificate is not of an authority that --ca-cert names".to_owned()
        }
        Some(rustls::Error::InvalidCertificate(_)) => {
            format!("the proxy's certificate is not accepted: {}", super::explain(error))
        }
        Some(rustls::Error::AlertReceived(alert)) => {
            format!("the proxy does not accept our certificate, or our TLS: {alert:?}")
        }
        Some(cause) => format!("the TLS handshake failed: {cause}"),
        None if HUNG_UP.contains(&error.kind()) => {
            "the proxy hung up; perhaps it does not accept our certificate".to_owned()
        }
        None => format!("the connection was lost: {error}"),
    }
}
