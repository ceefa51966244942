//! When certificates end, and when revocation lists are to be renewed.

use mistgate_core::base::time::UnixTime;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, pem::PemObject as _};
use x509_parser::{parse_x509_certificate, parse_x509_crl};

use crate::base::{snapshot, snapshot::BYTES_MAX};

/// The first of these times in a PEM file. Blocks on the disk.
pub(crate) fn first(path: &str) -> Option<UnixTime> {
    let pem = snapshot::read(path, BYTES_MAX).ok()?;
    let list = |der: CertificateRevocationListDer<'_>| {
        let (_, list) = parse_x509_crl(&der).ok()?;
        Some(UnixTime::from_secs(list.next_update()?.timestamp()))
    };
    let lists = CertificateRevocationListDer::pem_slice_iter(&pem).flatten().filter_map(list);
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&pem).flatten().collect();
    lists.chain(of_chain(&chain)).min()
}

/// When the first certificate of a chain ends.
pub(crate) fn of_chain(chain: &[CertificateDer<'_>]) -> Option<UnixTime> {
    let end = |der: &CertificateDer<'_>| {
        let (_, certificate) = parse_x509_certificate(der).ok()?;
        Some(UnixTime::from_secs(certificate.validity().not_after.timestamp()))
    };
    chain.iter().filter_map(end).min()
}
