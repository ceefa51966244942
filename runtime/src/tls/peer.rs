//! The client's side of mutual TLS: a peer and its proxy.
//!
//! The proxies of the original's scripts have certificates without any name in them, so no name can
//! be verified, and its peers verify none. [`Verify::Chain`] is for those: everything but the name.
//! Whoever holds any certificate of the same authority can then pose as the proxy, unless that
//! certificate is for clients only.

use std::{fmt, io, sync::Arc};

use futures_rustls::TlsConnector;
use mistgate_core::config::checked::Tls;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor,
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
    sign::SingleCertAndKey,
};

use super::{Error, certified_key, mutual::roots, provider, public_roots};

/// What is verified of the proxy's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verify {
    /// Its chain, its validity, that it is not for clients only.
    Chain,
    /// All that, and that it names the host in the URL.
    Name,
}

/// Whom a peer trusts, and who it is. By file, because files are read for each connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Our certificate and its key; none for a proxy that asks for none.
    pub own: Option<Tls>,
    /// The PEM file with the authorities of the proxy; the public ones if there is none.
    pub authorities: Option<String>,
    /// What is verified.
    pub verify: Verify,
}

impl Credentials {
    /// A connector for what the files hold at this moment. Blocks on the disk.
    pub fn connector(&self) -> Result<TlsConnector, Error> {
        let roots = Arc::new(match &self.authorities {
            Some(file) => roots(file)?,
            None => public_roots(),
        });
        let provider = provider();
        let verifier: Arc<dyn ServerCertVerifier> = match self.verify {
            Verify::Chain => Arc::new(Chain { roots, provider: Arc::clone(&provider) }),
            Verify::Name => {
                WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider))
                    .build()
                    .expect("there are roots, and no CRLs")
            }
        };
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring speaks TLS 1.2 and 1.3")
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let config = match &self.own {
            Some(files) => {
                let key = SingleCertAndKey::from(certified_key(files)?);
                config.with_client_cert_resolver(Arc::new(key))
            }
            None => config.with_no_client_auth(),
        };
        Ok(TlsConnector::from(Arc::new(config)))
    }
}

/// What a client sees of a server that is gone, depending on who was faster.
const HUNG_UP: [io::ErrorKind; 4] = [
    io::ErrorKind::BrokenPipe,
    io::ErrorKind::ConnectionAborted,
    io::ErrorKind::ConnectionReset,
    io::ErrorKind::UnexpectedEof,
];

/// Why a handshake failed, or what follows it at once, with what to do about it.
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
        Some(rustls::Error::InvalidCertificate(reason)) => {
            format!("the proxy's certificate is not accepted: {reason}")
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

/// Verifies everything but the name.
struct Chain {
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chain({} roots)", self.roots.len())
    }
}

impl ServerCertVerifier for Chain {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        // It also asks for the extended key usage serverAuth, where there is any such extension.
        verify_server_cert_signed_by_trust_anchor(
            &ParsedCertificate::try_from(end_entity)?,
            &self.roots,
            intermediates,
            now,
            self.provider.signature_verification_algorithms.all,
        )?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
