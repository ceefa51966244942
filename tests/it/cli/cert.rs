//! `mistgate cert` from outside: openssl and rustls, which its peers use, must accept its files.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{
    ClientConfig, ClientConnection, Error, RootCertStore, ServerConfig, ServerConnection,
};
use tempfile::TempDir;

use crate::base::binary::{binary, text};
use crate::base::files;
use crate::base::openssl::openssl;

const DAY_SECS: u64 = 24 * 60 * 60;

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    /// A folder with `root.*`, made by mistgate.
    fn with_root() -> Self {
        let place = Self::new();
        place.made("root --cert-basename root --subject-org-name Root --expiration-in-days 3650");
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn mode(&self, name: &str) -> u32 {
        files::mode(&self.path(name))
    }

    /// The names of the files, in order.
    fn list(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).expect("a folder");
        let mut names: Vec<_> = entries
            .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
            .collect();
        names.sort();
        names
    }

    /// Runs `mistgate cert` with these arguments, split at blanks, under the umask 000.
    fn cert(&self, args: &str) -> Output {
        let mut shell = Command::new("sh");
        shell.args(["-c", "umask 0; exec \"$0\" cert \"$@\""]).arg(binary());
        shell.args(args.split_whitespace()).current_dir(self.0.path()).stdin(Stdio::null());
        shell.output().expect("a shell")
    }

    /// As [`Place::cert`], which must succeed. Gives what it printed.
    fn made(&self, args: &str) -> String {
        let output = self.cert(args);
        assert_eq!(output.status.code(), Some(0), "{args}: {}", text(&output.stderr));
        assert_eq!(text(&output.stderr), "");
        text(&output.stdout)
    }

    /// As [`Place::cert`], which must refuse with one line and leave all files unchanged.
    fn refused(&self, args: &str) -> String {
        self.failed(args, 1)
    }

    fn failed(&self, args: &str, code: i32) -> String {
        let state = || -> Vec<_> {
            self.list().into_iter().map(|name| (fs::read(self.path(&name)).ok(), name)).collect()
        };
        let before = state();
        let output = self.cert(args);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args}: {error}");
        assert_eq!(text(&output.stdout), "");
        assert!(state() == before, "{args}: changed the folder to {:?}", self.list());
        let error = error.strip_suffix('\n').expect("a line").to_owned();
        assert!(code != 1 || !error.contains('\n'), "{error}");
        error
    }

    /// Makes a leaf of this CA, with the options in `more`.
    fn leaf(&self, name: &str, ca: &str, more: &str) -> String {
        self.made(&leaf(name, ca, more))
    }

    /// Runs openssl with these arguments, split at blanks. Gives what it printed.
    fn openssl(&self, args: &str) -> String {
        let output = self.openssl_output(args);
        assert!(output.status.success(), "openssl {args}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    fn openssl_output(&self, args: &str) -> Output {
        openssl(self.0.path(), &args.split_whitespace().collect::<Vec<_>>())
    }

    /// A certificate as openssl prints it, in trimmed lines.
    fn text_of(&self, name: &str) -> String {
        let printed = self.openssl(&format!("x509 -noout -text -in {name}"));
        printed.lines().map(|line| line.trim().to_owned() + "\n").collect()
    }

    /// Makes a CA with openssl. The command `key` makes its key, ca.key.pem.
    fn openssl_ca(&self, key: &str, more: &str) {
        self.openssl(key);
        self.openssl(&format!(
            "req -x509 -new -key ca.key.pem -out ca.cert.pem -sha256 -subj /O=Theirs {more}"
        ));
    }
}

#[test]
fn the_originals_name_of_force_does_the_same() {
    let place = Place::with_root();
    let again = "root --cert-basename root --subject-org-name Other";
    assert!(place.refused(again).contains("exists already"));
    let before = place.read("root.cert.pem");
    place.made(&format!("{again} --force-overwrite"));
    assert_ne!(place.read("root.cert.pem"), before);
}

fn leaf(name: &str, ca: &str, more: &str) -> String {
    format!(
        "leaf --cert-basename {name} --subject-org-name {name} --ca-certfile {ca}.cert.pem \
         --ca-keyfile {ca}.key.pem{more}"
    )
}

fn intermediate(name: &str, ca: &str, more: &str) -> String {
    leaf(name, ca, more).replacen("leaf", "intermediate", 1)
}

/// A mutual TLS handshake between two .pkeycert.pem files that know only the root.
fn shake_hands(place: &Place, server: &str, client: &str, host: &str) -> Result<(), Error> {
    let pem = |name: &str| place.read(&format!("{name}.pkeycert.pem"));
    let chain = |name: &str| -> Vec<_> {
        CertificateDer::pem_slice_iter(&pem(name)).collect::<Result<_, _>>().expect("PEM")
    };
    let key = |name: &str| PrivateKeyDer::from_pem_slice(&pem(name)).expect("a key");
    let root = CertificateDer::from_pem_file(place.path("root.cert.pem")).expect("a root");
    let mut roots = RootCertStore::empty();
    roots.add(root).expect("a root");
    let (roots, provider) = (Arc::new(roots), Arc::new(ring::default_provider()));
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider));
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier.build().expect("a verifier"))
        .with_single_cert(chain(server), key(server))?;
    let mut server = ServerConnection::new(Arc::new(config))?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain(client), key(client))?;
    let host = ServerName::try_from(host.to_owned()).expect("a name");
    let mut client = ClientConnection::new(Arc::new(config), host)?;
    while client.is_handshaking() || server.is_handshaking() {
        let mut wire = Vec::new();
        client.write_tls(&mut wire).expect("memory");
        server.read_tls(&mut wire.as_slice()).expect("memory");
        server.process_new_packets()?;
        wire.clear();
        server.write_tls(&mut wire).expect("memory");
        client.read_tls(&mut wire.as_slice()).expect("memory");
        client.process_new_packets()?;
    }
    // The client finishes its handshake before the server has verified the client.
    client.writer().write_all(b"hello").expect("memory");
    let mut wire = Vec::new();
    client.write_tls(&mut wire).expect("memory");
    server.read_tls(&mut wire.as_slice()).expect("memory");
    server.process_new_packets()?;
    let mut received = [0; 5];
    server.reader().read_exact(&mut received).expect("the text");
    assert_eq!(&received, b"hello");
    Ok(())
}

#[test]
fn a_root_is_what_the_original_made() {
    let place = Place::new();
    let printed =
        place.made("root --cert-basename root --subject-org-name Root --expiration-in-days 3650");
    assert!(printed.starts_with("root O=Root, until 20"), "{printed}");
    assert_eq!(place.list(), ["root.cert.der", "root.cert.pem", "root.key.pem"]);
    let modes = ["root.cert.der", "root.cert.pem", "root.key.pem"].map(|name| place.mode(name));
    assert_eq!(modes, [0o644, 0o644, 0o600]);
    let found = place.text_of("root.cert.pem");
    for expected in [
        "Version: 3 (0x2)",
        "Signature Algorithm: ecdsa-with-SHA256",
        "Issuer: O = Root",
        "Subject: O = Root",
        "NIST CURVE: P-256",
        "X509v3 Basic Constraints: critical\nCA:TRUE\n",
        "X509v3 Key Usage: critical\nDigital Signature, Certificate Sign, CRL Sign\n",
        "X509v3 Subject Key Identifier",
        "X509v3 Authority Key Identifier",
    ] {
        assert!(found.contains(expected), "{expected} is not in {found}");
    }
    assert!(!found.contains("Extended Key Usage"), "{found}");
    place.openssl("verify -x509_strict -CAfile root.cert.pem root.cert.pem");
    place.openssl("x509 -inform der -in root.cert.der -noout");
}

#[test]
fn a_leaf_is_what_the_original_made_and_more() {
    let place = Place::with_root();
    place.leaf("leaf", "root", " --san gw-1.example --san 192.0.2.7 --san 2001:db8::7");
    let secret = ["leaf.key.pem", "leaf.pkeycert.pem"].map(|name| place.mode(name));
    let public = ["leaf.cert.pem", "leaf.cert.der"].map(|name| place.mode(name));
    assert_eq!((secret, public), ([0o600; 2], [0o644; 2]));
    let both = [place.read("leaf.cert.pem"), place.read("leaf.key.pem")].concat();
    assert_eq!(place.read("leaf.pkeycert.pem"), both);
    let found = place.text_of("leaf.cert.pem");
    for expected in [
        "Version: 3 (0x2)",
        "Issuer: O = Root",
        "Subject: O = leaf",
        "X509v3 Basic Constraints: critical\nCA:FALSE\n",
        "X509v3 Key Usage: critical\nDigital Signature, Key Encipherment, Key Agreement\n",
        "TLS Web Server Authentication, TLS Web Client Authentication\n",
        "DNS:gw-1.example, IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:7\n",
    ] {
        assert!(found.contains(expected), "{expected} is not in {found}");
    }
    place.openssl("verify -x509_strict -CAfile root.cert.pem leaf.cert.pem");
    let serial = |name: &str| place.openssl(&format!("x509 -noout -serial -in {name}.cert.pem"));
    assert_ne!(serial("root"), serial("leaf"));
    assert_eq!(serial("leaf").trim().len(), "serial=".len() + 2 * 16);
}

#[test]
fn peers_that_know_the_root_shake_hands() {
    let place = Place::with_root();
    place.leaf("proxy", "root", " --san proxy.example --san *.proxy.example --server");
    place.leaf("gateway", "root", " --client");
    for host in ["proxy.example", "north.proxy.example"] {
        shake_hands(&place, "proxy", "gateway", host).expect("a handshake");
    }
    // A certificate for one role is not valid for the other.
    shake_hands(&place, "gateway", "gateway", "proxy.example").expect_err("a client as server");
    shake_hands(&place, "proxy", "proxy", "proxy.example").expect_err("a server as client");
    shake_hands(&place, "proxy", "gateway", "other.example").expect_err("another name");
    place.leaf("either", "root", " --san either.example");
    shake_hands(&place, "either", "either", "either.example").expect("a handshake");
    // Nor is one of another root.
    let strange = Place::with_root();
    strange.leaf("gateway", "root", "");
    fs::copy(strange.path("gateway.pkeycert.pem"), place.path("strange.pkeycert.pem"))
        .expect("a copy");
    shake_hands(&place, "proxy", "strange", "proxy.example").expect_err("a stranger");
}

#[test]
fn peers_below_intermediates_shake_hands_because_files_hold_the_chain() {
    let place = Place::with_root();
    place.made(&intermediate("upper", "root", " --path-length 1"));
    place.made(&intermediate("lower", "upper", ""));
    place.leaf("proxy", "lower", " --san proxy.example");
    place.leaf("gateway", "upper", "");
    let certificates = |name: &str| {
        text(&place.read(name)).lines().filter(|line| line.contains("BEGIN CERTIFICATE")).count()
    };
    let counts = ["upper", "lower", "proxy", "gateway"];
    assert_eq!(counts.map(|name| certificates(&format!("{name}.cert.pem"))), [1, 2, 3, 2]);
    assert_eq!(certificates("proxy.pkeycert.pem"), 3);
    shake_hands(&place, "proxy", "gateway", "proxy.example").expect("a handshake");
    shake_hands(&place, "proxy", "proxy", "proxy.example").expect("a handshake");
    let verify = "verify -x509_strict -CAfile root.cert.pem -untrusted";
    place.openssl(&format!("{verify} proxy.cert.pem proxy.cert.pem"));
    assert!(
        !place.openssl_output(&format!("{verify} upper.cert.pem proxy.cert.pem")).status.success()
    );
    assert!(place.text_of("upper.cert.pem").contains("CA:TRUE, pathlen:1\n"));
    assert!(place.text_of("lower.cert.pem").contains("CA:TRUE, pathlen:0\n"));
    let error = place.refused(&intermediate("deeper", "lower", ""));
    assert!(error.starts_with("lower.cert.pem: the CA may sign only leaves — "), "{error}");
    let error = place.refused(&intermediate("deeper", "upper", " --path-length 1"));
    assert_eq!(error, "--path-length 1: the CA allows at most 0");
    // The root in the CA's file is not copied into the chain: the peers have it.
    let bundle = [place.read("upper.cert.pem"), place.read("root.cert.pem")].concat();
    fs::write(place.path("upper.cert.pem"), bundle).expect("a file");
    place.leaf("bundled", "upper", "");
    assert_eq!(certificates("bundled.cert.pem"), 2);
}

#[test]
fn a_ca_of_openssl_signs_whatever_its_key() {
    for (key, first_line) in [
        // As the original's scripts do: a SEC1 key after a block of parameters.
        ("ecparam -name prime256v1 -genkey -out ca.key.pem", "-----BEGIN EC PARAMETERS-----"),
        (
            "ecparam -name secp384r1 -genkey -noout -out ca.key.pem",
            "-----BEGIN EC PRIVATE KEY-----",
        ),
        (
            "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ca.key.pem",
            "-----BEGIN PRIVATE KEY-----",
        ),
        ("genpkey -algorithm ed25519 -out ca.key.pem", "-----BEGIN PRIVATE KEY-----"),
        ("genrsa -traditional -out ca.key.pem 2048", "-----BEGIN RSA PRIVATE KEY-----"),
    ] {
        let place = Place::new();
        // The strict check requires a key usage in a CA, which the original's roots have.
        place.openssl_ca(key, "-addext keyUsage=critical,digitalSignature,keyCertSign,cRLSign");
        assert_eq!(text(&place.read("ca.key.pem")).lines().next(), Some(first_line));
        place.leaf("leaf", "ca", "");
        place.openssl("verify -x509_strict -CAfile ca.cert.pem leaf.cert.pem");
        assert!(place.text_of("leaf.cert.pem").contains("NIST CURVE: P-256"), "{key}");
        // `shake_hands` reads the root under this name.
        fs::copy(place.path("ca.cert.pem"), place.path("root.cert.pem")).expect("a copy");
        place.leaf("proxy", "ca", " --san proxy.example");
        shake_hands(&place, "proxy", "leaf", "proxy.example").expect("a handshake");
    }
}

#[test]
fn a_certificate_lasts_as_long_as_asked_but_not_longer_than_its_ca() {
    let place = Place::new();
    place.made("root --cert-basename root --subject-org-name Root --expiration-in-days 10");
    let lasts = |name: &str, secs: u64| {
        let check = format!("x509 -noout -in {name}.cert.pem -checkend {secs}");
        place.openssl_output(&check).status.success()
    };
    assert!(lasts("root", 10 * DAY_SECS - 600) && !lasts("root", 10 * DAY_SECS + 600));
    let printed = place.leaf("short", "root", " --expiration-in-days 9");
    assert!(!printed.contains("when its CA ends"), "{printed}");
    assert!(lasts("short", 9 * DAY_SECS - 600) && !lasts("short", 9 * DAY_SECS + 600));
    let printed = place.leaf("long", "root", " --expiration-in-days 36500");
    assert!(printed.lines().next().is_some_and(|line| line.ends_with(", when its CA ends")));
    let end = |name: &str| place.openssl(&format!("x509 -noout -enddate -in {name}.cert.pem"));
    assert_eq!(end("long"), end("root"));
    place.made("root --cert-basename old --subject-org-name Old --expiration-in-days 36500");
    assert!(lasts("old", 36_500 * DAY_SECS - 600));
}

#[test]
fn cas_that_peers_would_refuse_are_refused() {
    let place = Place::with_root();
    place.leaf("leaf", "root", "");
    let error = place.refused(&leaf("new", "leaf", ""));
    assert!(error.starts_with("leaf.cert.pem: its first certificate is not a CA's — "), "{error}");
    place.made("root --cert-basename other --subject-org-name Other");
    let mixed = leaf("new", "root", "").replace("root.key.pem", "other.key.pem");
    let error = place.refused(&mixed);
    let expected = "root.cert.pem: the certificate does not belong to the key in other.key.pem — ";
    assert!(error.starts_with(expected), "{error}");
    let error = place.refused(&leaf("Root", "root", ""));
    assert!(error.starts_with("--subject-org-name: the CA's own name — "), "{error}");

    let p256 = "ecparam -name prime256v1 -genkey -out ca.key.pem";
    let ended = "ca.cert.pem: the CA ended at ";
    let usage = "ca.cert.pem: its key usage forbids to sign certificates — ";
    let names = "ca.cert.pem: the CA's name has several values of one kind, ";
    for (key, more, expected) in [
        (p256, "-not_after", ended),
        (p256, "-addext keyUsage=digitalSignature", usage),
        (p256, "-subj /OU=one/OU=two", names),
        (p256, "-multivalue-rdn -subj /O=one+OU=two", names),
        ("ecparam -name secp521r1 -genkey -out ca.key.pem", "", "ca.key.pem: cannot sign here — "),
    ] {
        if more == "-not_after" {
            // `openssl req` has no option for a past date in Debian 12; `expired` shows another
            // way.
            place.openssl(key);
            expired(&place);
        } else {
            place.openssl_ca(key, more);
        }
        let error = place.refused(&leaf("new", "ca", ""));
        assert!(error.starts_with(expected), "{more}: {error}");
    }

    place.openssl_ca(p256, "");
    place.openssl("req -new -key ca.key.pem -subj /O=Theirs -out ca.csr");
    place.openssl("x509 -req -in ca.csr -signkey ca.key.pem -out ca.cert.pem");
    assert!(place.text_of("ca.cert.pem").contains("Version: 1 "));
    let error = place.refused(&leaf("new", "ca", ""));
    assert!(error.starts_with("ca.cert.pem: peers would not know "), "{error}");
    place.openssl("ec -in ca.key.pem -aes128 -passout pass:word -out locked.key.pem");
    fs::copy(place.path("ca.cert.pem"), place.path("locked.cert.pem")).expect("a copy");
    let error = place.refused(&leaf("new", "locked", ""));
    assert!(error.starts_with("locked.key.pem: the key has a passphrase — "), "{error}");
    let error = place.refused(&leaf("new", "absent", ""));
    assert!(error.starts_with("absent.cert.pem: cannot be read: "), "{error}");
}

/// Makes ca.cert.pem again for its key, with an end in the past.
fn expired(place: &Place) {
    let config = "[ca]\ndefault_ca=old\n[old]\ndatabase=index\nnew_certs_dir=.\nserial=serial\n\
                  default_md=sha256\npolicy=any\nx509_extensions=ext\n[any]\norganizationName=\
                  optional\n[ext]\nbasicConstraints=critical,CA:true\n";
    fs::write(place.path("ca.conf"), config).expect("a file");
    fs::write(place.path("index"), "").expect("a file");
    fs::write(place.path("serial"), "01\n").expect("a file");
    place.openssl("req -new -key ca.key.pem -subj /O=Theirs -out ca.csr");
    place.openssl(
        "ca -batch -selfsign -config ca.conf -keyfile ca.key.pem -in ca.csr -out ca.cert.pem \
         -startdate 20200101000000Z -enddate 20210101000000Z -notext",
    );
}

#[test]
fn files_that_exist_stay_unless_forced() {
    let place = Place::with_root();
    let root = place.read("root.key.pem");
    let again = "root --cert-basename root --subject-org-name Root";
    let error = place.refused(again);
    assert!(error.starts_with("root.cert.pem: exists already — "), "{error}");
    // The last of the leaf's files exists already: the others are removed again.
    fs::write(place.path("leaf.pkeycert.pem"), "mine").expect("a file");
    let error = place.refused(&leaf("leaf", "root", ""));
    assert!(error.starts_with("leaf.pkeycert.pem: exists already — "), "{error}");

    fs::set_permissions(place.path("leaf.pkeycert.pem"), fs::Permissions::from_mode(0o644))
        .expect("a mode");
    let before = fs::metadata(place.path("leaf.pkeycert.pem")).expect("a file").ino();
    place.leaf("leaf", "root", " --force");
    assert_eq!(place.mode("leaf.pkeycert.pem"), 0o600);
    assert_ne!(fs::metadata(place.path("leaf.pkeycert.pem")).expect("a file").ino(), before);
    assert!(place.list().iter().all(|name| !name.ends_with(".new")), "{:?}", place.list());
    place.openssl("verify -CAfile root.cert.pem leaf.pkeycert.pem");

    // Even `--force` does not replace the CA that signs.
    let error = place.refused(&leaf("root", "root", " --force"));
    assert!(error.starts_with("root.cert.pem: belongs to the CA that signs — "), "{error}");
    // Where a file cannot be replaced (here by a folder), no temporary file is left.
    fs::remove_file(place.path("leaf.cert.pem")).expect("a file");
    fs::create_dir(place.path("leaf.cert.pem")).expect("a folder");
    let output = place.cert(&leaf("leaf", "root", " --force"));
    assert_eq!(output.status.code(), Some(1));
    assert!(place.list().iter().all(|name| !name.ends_with(".new")), "{:?}", place.list());
    place.made(&format!("{again} --force"));
    assert_ne!(place.read("root.key.pem"), root);
    let error = place.refused("root --cert-basename no/root --subject-org-name Root");
    assert_eq!(error, "no/root.cert.pem: its folder does not exist — make it first");
}

#[test]
fn wrong_usage_is_told_apart() {
    let place = Place::with_root();
    for (args, expected) in [
        ("root --cert-basename x".to_owned(), "--subject-org-name"),
        ("root --cert-basename x --subject-org-name x --expiration-in-days 0".to_owned(), "36500"),
        (leaf("x", "root", " --expiration-in-days 36501"), "36500"),
        (leaf("x", "root", " --expiration-in-days many"), "36500"),
        (leaf("x", "root", " --san https://x"), "host name"),
        (leaf("x", "root", " --san 1.2.3"), "host name"),
        (leaf("x", "root", " --san x.example."), "host name"),
        (leaf("x", "root", "").replace("-name x", &format!("-name {}", "x".repeat(65))), "64"),
        ("twig".to_owned(), "twig"),
    ] {
        let error = place.failed(&args, 2);
        assert!(error.contains(expected), "{args}: {error}");
    }
    for kind in ["", "root ", "intermediate ", "leaf "] {
        let printed = place.made(&format!("{kind}--help"));
        assert!(printed.starts_with("Usage: mistgate cert "), "{printed}");
    }
}
