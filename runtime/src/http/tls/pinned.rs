//! Trust in one known certificate, for talking to our own listener.
//!
//! `send-test` reaches the listener by an address of this machine, which no certificate names. It
//! knows the certificate itself, from the same file, so it compares instead of verifying a name.

use std::{fs, sync::Arc};

use futures_rustls::TlsConnector;
use rustls::{
    ClientConfig, Error,
    crypto::WebPkiSupportedAlgorithms,
    pki_types::{CertificateDer, UnixTime, pem::PemObject},
};

use super::{
    provider,
    verifier::{Rule, Verifier},
};

/// A connector that accepts the first certificate of the PEM file `cert` and no other. Blocks on
/// the disk; errors name the file.
pub fn connector(cert: &str) -> Result<TlsConnector, String> {
    let pem = fs::read(cert).map_err(|error| format!("{cert}: {error}"))?;
    let expected = CertificateDer::from_pem_slice(&pem)
        .map_err(|_| format!("{cert}: no certificate in PEM"))?
        .into_owned();
    let provider = provider();
    let verifier = Verifier::new(Pinned(expected), provider.signature_verification_algorithms);
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring speaks TLS 1.2 and 1.3")
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Trust in this certificate and no other.
#[derive(Debug)]
struct Pinned(CertificateDer<'static>);

impl Rule for Pinned {
    fn admit(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
        _algorithms: &WebPkiSupportedAlgorithms,
    ) -> Result<(), Error> {
        if *end_entity == self.0 {
            Ok(())
        } else {
            Err(Error::General("the listener uses another certificate than its file".into()))
        }
    }
}
