//! Trust in one known certificate, for talking to our own listener.
//!
//! `send-test` reaches the listener by an address of this machine, which no certificate names. It
//! knows the certificate itself, from the same file, so it compares instead of verifying a name.

use std::{fs, sync::Arc};

use futures_rustls::TlsConnector;
use rustls::pki_types::{CertificateDer, pem::PemObject};

use super::{client, verifier::Rule, verifier::Verifier};

/// A connector that accepts the first certificate of the PEM file `cert` and no other. Blocks on
/// the disk; errors name the file.
pub fn connector(cert: &str) -> Result<TlsConnector, String> {
    let pem = fs::read(cert).map_err(|error| format!("{cert}: {error}"))?;
    let expected = CertificateDer::from_pem_slice(&pem)
        .map_err(|_| format!("{cert}: no certificate in PEM"))?
        .into_owned();
    let config = client()
        .dangerous()
        .with_custom_certificate_verifier(Verifier::new(Rule::Pinned(expected)))
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
