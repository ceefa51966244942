//! What may be wrong with certificates and revocation lists that TLS itself can use.

use mistgate_core::base::time::UnixTime;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, pem::PemObject as _};
use x509_parser::{certificate::X509Certificate, time::ASN1Time};
use x509_parser::{parse_x509_certificate, parse_x509_crl};

/// What is doubtful, and what is expected.
pub(super) type Warning = (String, &'static str);

/// Looks at a server's own certificate as its clients will.
pub(super) fn server(certificate: &CertificateDer<'_>, now: UnixTime) -> Vec<Warning> {
    let Ok((_, certificate)) = parse_x509_certificate(certificate) else {
        // TLS has read it, so it is a kind that only this parser does not know.
        return Vec::new();
    };
    let mut warnings = Vec::new();
    if !has_name(&certificate) {
        // RFC 9525 §6.3: a name in the subject alone counts no more.
        let expected = "one with a subject alternative name, as mistgate cert leaf --san makes";
        let what = "the certificate names no host, so clients that look for one refuse it";
        warnings.push((what.to_owned(), expected));
    }
    if !is_for_servers(&certificate) {
        let what = "the certificate's extended key usage is not for servers, so clients refuse it";
        warnings
            .push((what.to_owned(), "one for serverAuth, as mistgate cert leaf --server makes"));
    }
    let (begin, end) = (certificate.validity().not_before, certificate.validity().not_after);
    if unix(end) < now {
        warnings.push((format!("the certificate ended at {}", unix(end)), "a new one"));
    } else if now < unix(begin) {
        let what = format!("the certificate begins only at {}", unix(begin));
        warnings.push((what, "one that holds by now, or the right time on this machine"));
    }
    warnings
}

/// Looks at the authorities whose clients are let in by an `O=` or `CN=`: each authority below them
/// may write these. The file does not say whether there are any, but whether there can be.
pub(super) fn names(authorities: &[u8]) -> Option<Warning> {
    let all: Vec<_> = CertificateDer::pem_slice_iter(authorities).flatten().collect();
    let may_delegate = |own: &CertificateDer<'_>| {
        let Ok((_, own)) = parse_x509_certificate(own) else { return false };
        // RFC 5280 §4.2.1.9: without a path length there may be any number of them.
        let basic = own.basic_constraints().ok().flatten();
        basic.is_none_or(|basic| basic.value.path_len_constraint != Some(0))
    };
    let what = if all.len() > 1 {
        "there are several authorities in it, each of which may write any O= and CN="
    } else if all.iter().any(may_delegate) {
        "the authority may have others below it, each of which may write any O= and CN="
    } else {
        return None;
    };
    let expected = "rules with DNS= or PIN=, or one authority with a path length of 0";
    Some((what.to_owned(), expected))
}

/// Looks at a revocation list.
pub(super) fn list(list: &CertificateRevocationListDer<'_>, now: UnixTime) -> Option<Warning> {
    let (_, list) = parse_x509_crl(list).ok()?;
    let next = unix(list.next_update()?);
    let what = format!("a newer list should be there since {next}; this one still counts");
    (next < now).then_some((what, "the authority's newest list"))
}

fn has_name(certificate: &X509Certificate<'_>) -> bool {
    let names = certificate.subject_alternative_name();
    names.is_ok_and(|names| names.is_some_and(|names| !names.value.general_names.is_empty()))
}

/// RFC 5280 §4.2.1.12: without the extension it is for anything.
fn is_for_servers(certificate: &X509Certificate<'_>) -> bool {
    let usage = certificate.extended_key_usage();
    usage.is_ok_and(|usage| usage.is_none_or(|usage| usage.value.any || usage.value.server_auth))
}

fn unix(time: ASN1Time) -> UnixTime {
    UnixTime::from_secs(time.timestamp())
}
