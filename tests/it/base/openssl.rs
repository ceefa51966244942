//! Certificates made by openssl as the original's scripts make them: P-256, v3, a subject of O
//! alone, no alternative name, no extended key usage, and a key file that begins with the curve's
//! parameters.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::base::binary::text;

/// Runs openssl in a folder.
pub(crate) fn openssl(folder: &Path, args: &[&str]) -> Output {
    let mut openssl = Command::new("openssl");
    openssl.args(args).current_dir(folder).stdin(Stdio::null());
    openssl.output().unwrap_or_else(|error| {
        panic!("openssl: {error} — these tests need it: apt-get install openssl")
    })
}

/// What a leaf has beyond every leaf of the original.
#[derive(Clone, Copy, Default)]
pub(crate) struct More<'a> {
    /// More lines in the section of extensions.
    pub(crate) extensions: &'a str,
    /// `-startdate` and `-enddate`.
    pub(crate) dates: Option<(&'a str, &'a str)>,
}

/// A root, `root.*`, and the certificates that it signed, in a temporary folder.
pub(crate) struct Authority(TempDir);

impl Authority {
    pub(crate) fn new() -> Self {
        Self::of("Micronets Websocket Root Cert")
    }

    /// Creates a root of this organisation.
    pub(crate) fn of(organisation: &str) -> Self {
        let authority = Self(tempfile::tempdir().expect("a folder"));
        authority.key("root");
        authority.run(&[
            "req",
            "-x509",
            "-new",
            "-key",
            "root.key.pem",
            "-out",
            "root.cert.pem",
            "-sha256",
            "-days",
            "3650",
            "-subj",
            &format!("/O={organisation}"),
            "-addext",
            "keyUsage=critical,digitalSignature,keyCertSign,cRLSign",
        ]);
        for (name, content) in [("index", ""), ("serial", "1000\n"), ("crlnumber", "01\n")] {
            fs::write(authority.path(name), content).expect("a file");
        }
        authority
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The path as text, for a configuration.
    pub(crate) fn file(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }

    /// Makes `name.cert.pem`, `name.key.pem`, and both in `name.pkeycert.pem`.
    pub(crate) fn leaf(&self, name: &str, organisation: &str) {
        self.leaf_with(name, organisation, More::default());
    }

    pub(crate) fn leaf_with(&self, name: &str, organisation: &str, more: More<'_>) {
        let file = |suffix: &str| format!("{name}{suffix}");
        let subject = format!("/O={organisation}");
        self.key(name);
        let (key, request, cert) = (file(".key.pem"), file(".csr"), file(".cert.pem"));
        self.run(&["req", "-new", "-key", &key, "-subj", &subject, "-out", &request]);
        self.configure(more.extensions);
        let mut args = vec!["ca", "-batch", "-config", "ca.conf", "-notext"];
        args.extend(["-in", &request, "-out", &cert]);
        if let Some((start, end)) = more.dates {
            args.extend(["-startdate", start, "-enddate", end]);
        }
        self.run(&args);
        let both = [cert, key].map(|name| fs::read(self.path(&name)).expect("a file")).concat();
        fs::write(self.path(&file(".pkeycert.pem")), both).expect("a file");
    }

    /// Replaces `crl.pem` by a list that revokes these leaves and all earlier ones.
    pub(crate) fn revoke(&self, names: &[&str]) {
        self.configure("");
        for name in names {
            let cert = format!("{name}.cert.pem");
            self.run(&["ca", "-config", "ca.conf", "-revoke", &cert]);
        }
        self.run(&["ca", "-config", "ca.conf", "-gencrl", "-out", "crl.new"]);
        // A rename, so that nobody reads half a file.
        fs::rename(self.path("crl.new"), self.path("crl.pem")).expect("a rename");
    }

    fn key(&self, name: &str) {
        let out = format!("{name}.key.pem");
        self.run(&["ecparam", "-name", "prime256v1", "-genkey", "-out", &out]);
    }

    fn configure(&self, extensions: &str) {
        let config = format!(
            "[ca]\ndefault_ca=root\n[root]\ndatabase=index\nserial=serial\ncrlnumber=crlnumber\n\
             new_certs_dir=.\ncertificate=root.cert.pem\nprivate_key=root.key.pem\n\
             default_md=sha256\ndefault_days=500\ndefault_crl_days=30\nunique_subject=no\n\
             policy=any\nx509_extensions=leaf\n[any]\norganizationName=optional\n[leaf]\n\
             basicConstraints=critical,CA:false\nauthorityKeyIdentifier=keyid\n\
             keyUsage=critical,digitalSignature,keyEncipherment,keyAgreement\n{extensions}\n"
        );
        fs::write(self.path("ca.conf"), config).expect("a file");
    }

    fn run(&self, args: &[&str]) {
        let output = openssl(self.folder(), args);
        assert!(output.status.success(), "openssl {args:?}: {}", text(&output.stderr));
    }
}
