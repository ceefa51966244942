//! Reads a configuration and everything that it names.

mod certificate;

use std::{env, fmt, io, sync::Arc};

use mistgate_core::base::{order, secret::Secret, time::UnixTime};
use mistgate_core::config::{checked::Config, files::FileKind, files::FileRequest, files::Files};
use mistgate_core::config::{problem::Problem, raw::Draft, raw::EMBEDDED, raw::Source};
use mistgate_core::http::{listener::Tls, proxy::Proxies};
use mistgate_core::micronets::{access::Rule, proxy::Proxy, proxy::ProxyFiles};
use mistgate_core::ports::edit::MethodConfig;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, pem::PemObject as _};
use rustls::{RootCertStore, pki_types::TrustAnchor, sign::CertifiedKey};

use self::certificate::Warning;
use crate::base::{clock, clock::Clock, sandbox::Sandbox, snapshot, snapshot::Snapshot};
use crate::http::tls::mutual::{Mutual, Trust};
use crate::http::{outbound, outbound::Outbound, tls, tls::Identity, tls::mutual};
use crate::ports::junos::{Login, ssh::Key, ssh::KeyError};

/// The most bytes of a configuration file.
const FILE_MAX: usize = 1 << 20;

/// What a file with authorities should hold.
const CA: &str = "certificates of authorities in PEM";

/// Why a file is not readable: the configuration did not name its folder at the start.
const CLOSED: &str = "the sandbox lets only those folders be read that the configuration named \
                      when mistgate started: restart it";

/// A configuration without problems.
#[derive(Debug)]
pub struct Loaded {
    pub config: Config,
    pub files: Vec<String>,
    /// What may not be what was wanted, one line each.
    pub warnings: Vec<String>,
    pub made: Made,
}

/// What was made of the files and addresses that a configuration names, so that nothing opens or
/// judges them again. What is not configured is absent or empty.
#[derive(Debug, Default)]
pub struct Made {
    /// The certificates of the webhook listener and of the admin endpoint.
    pub webhook: Option<Identity>,
    pub admin: Option<Identity>,
    /// The certificate of the websocket proxy, and whom it trusts.
    pub proxy: Option<Mutual>,
    /// The authorities that are trusted besides the public ones.
    pub authorities: Vec<TrustAnchor<'static>>,
    pub proxies: Proxies,
    /// How the method of the switch ports logs in.
    pub login: Login,
}

impl Made {
    /// How we log in to switches, and how we reach the network. Blocks on the disk.
    pub fn outgoing(self, clock: Clock) -> (Login, Outbound) {
        let Self { authorities, proxies, login, .. } = self;
        (login, Outbound { tls: tls::connector(authorities), proxies, clock })
    }
}

/// Reads a configuration, from a file or else the one in the program, and the files that it names.
/// The error is every problem, in a line of `FILE:LINE: key: what is wrong — what is expected`.
/// Certificates, keys and proxy addresses are parsed as they will be for use.
pub fn load(file: Option<&str>) -> Result<Loaded, Vec<String>> {
    load_in(&Sandbox::default(), file)
}

/// As [`load`], in a sandbox, which may be why a file cannot be read.
pub fn load_in(sandbox: &Sandbox, file: Option<&str>) -> Result<Loaded, Vec<String>> {
    let mut snapshot = Snapshot::default();
    let mut read = |path: &str, max| match snapshot.read(path, max) {
        Err(error) if is_denied(error) && sandbox.refuses(path) => Err(CLOSED.to_owned()),
        result => result.map(<[u8]>::to_vec).map_err(reason),
    };
    let text;
    let mut read_files = Vec::new();
    let source = match file {
        None => EMBEDDED,
        Some(name) => {
            // It may hold secrets.
            text = read(name, FILE_MAX)
                .and_then(|bytes| String::from_utf8(bytes).map_err(|_| "not UTF-8 text".to_owned()))
                .map(Secret::new)
                .map_err(|why| vec![format!("{name}:1: {why} — expected a configuration file")])?;
            read_files.push(name.to_owned());
            Source { name, text: text.expose() }
        }
    };
    let credentials = env::var("CREDENTIALS_DIRECTORY").ok();
    let draft = Draft::parse(source).credentials(credentials.as_deref());
    let requests = draft.files();
    let mut files = Files::new();
    for request in &requests {
        files.insert(request, read(&request.path, request.kind.bytes_max()));
    }
    let report = draft.check(&files);
    let lines = |problems: &[Problem]| -> Vec<String> {
        problems.iter().map(|problem| problem.in_file(source.name).to_string()).collect()
    };
    let Some(config) = report.config else { return Err(lines(&report.problems)) };
    let (made, Findings { mut problems, warnings: found, .. }) =
        make(&config, &requests, &snapshot);
    if !problems.is_empty() {
        order::sort_by_key(&mut problems, |problem| problem.line);
        return Err(lines(&problems));
    }
    let mut warnings = report.warnings;
    warnings.extend(found);
    warnings.extend(file.and_then(|file| exposed(file, report.holds_secrets)).map(
        |(what, expected)| Problem {
            line: 1,
            key: String::new(),
            what,
            expected: expected.to_owned(),
        },
    ));
    order::sort_by_key(&mut warnings, |warning| warning.line);
    let warnings = lines(&warnings);
    read_files.extend(requests.into_iter().map(|request| request.path));
    Ok(Loaded { config, files: read_files, warnings, made })
}

/// The state folder in a configuration, from a file or else the one in the program, of which
/// nothing else is judged. Blocks on the disk.
pub fn state_dir(file: Option<&str>) -> Result<String, String> {
    let text;
    let source = match file {
        None => EMBEDDED,
        Some(name) => {
            let bytes = read(name, FILE_MAX).map_err(|why| format!("{name}: {why}"))?;
            text = Secret::new(String::from_utf8_lossy(&bytes).into_owned());
            Source { name, text: text.expose() }
        }
    };
    let credentials = env::var("CREDENTIALS_DIRECTORY").ok();
    let draft = Draft::parse(source).credentials(credentials.as_deref());
    draft.state_dir().ok_or_else(|| format!("{}: no state_dir can be read in it", source.name))
}

/// What is wrong or suspicious about the files and addresses that the configuration names.
struct Findings<'a> {
    requests: &'a [FileRequest],
    snapshot: &'a Snapshot,
    now: UnixTime,
    problems: Vec<Problem>,
    /// What works but may not be wanted.
    warnings: Vec<Problem>,
}

/// Makes what is needed of the files. Where there are problems, something is missing.
fn make<'a>(
    config: &Config,
    requests: &'a [FileRequest],
    snapshot: &'a Snapshot,
) -> (Made, Findings<'a>) {
    let (problems, warnings, now) = (Vec::new(), Vec::new(), clock::wall());
    let mut findings = Findings { requests, snapshot, now, problems, warnings };
    for FileRequest { key, path, kind, .. } in requests {
        let is_secret = matches!(kind, FileKind::PrivateKey | FileKind::Secret);
        exposed(path, is_secret).into_iter().for_each(|warning| findings.warning(key, warning));
    }
    let mut made = Made::default();
    let webhook = config.webhook.as_ref().and_then(|webhook| webhook.tls.as_ref());
    let admin = config.admin.as_ref().and_then(|admin| admin.tls.as_ref());
    let mut identity = |key: &str, files: &Tls| {
        let server = tls::http_server(findings.server(key, files)?);
        Some(Identity::new(files.clone(), snapshot, server))
    };
    made.webhook = webhook.and_then(|files| identity("webhook.tls", files));
    made.admin = admin.and_then(|files| identity("admin.tls", files));
    if let Some(Proxy { files, allow, .. }) = &config.proxy {
        let key = findings.server("proxy.cert", &files.tls);
        if allow.iter().any(Rule::is_by_name) {
            let pem = snapshot.content(&files.client_ca).unwrap_or_default();
            let found = certificate::names(pem);
            found.into_iter().for_each(|warning| findings.warning("proxy.client_ca", warning));
        }
        let trust = key.zip(findings.authorities(files));
        let trust = trust.map(|(key, (roots, lists))| Trust::new(key, &roots, lists));
        made.proxy = trust.map(|trust| Mutual::new(files.clone(), snapshot, trust));
    }
    if let Some(method) = config.ports.as_ref().and_then(|ports| ports.method.as_ref()) {
        made.login = findings.login(method.config());
    }
    let authorities = tls::authorities(config.chat.delivery.extra_ca.as_deref());
    made.authorities = findings.good("chat.extra_ca", authorities, CA).unwrap_or_default();
    let proxies = outbound::proxies(config);
    made.proxies = findings.good("chat.http_proxy", proxies, "an http URL").unwrap_or_default();
    (made, findings)
}

/// What others may do with a file that they should not. Blocks on the disk.
fn exposed(path: &str, is_secret: bool) -> Option<Warning> {
    let bits = [("write", 0o002), ("read", if is_secret { 0o004 } else { 0 })];
    let (may, _) = bits.into_iter().find(|(_, bits)| snapshot::lets_others(path, *bits))?;
    let what = format!("every user of this machine may {may} this file");
    Some((what, "a mode such as 0640, or 0600"))
}

impl Findings<'_> {
    /// The certificate and key of a listener.
    fn server(&mut self, key: &str, files: &Tls) -> Option<CertifiedKey> {
        let certified = tls::certified_key(files, self.snapshot);
        let certified = self.good(key, certified, "a certificate chain and its key in PEM")?;
        let own = certified.cert.first();
        for warning in own.map_or_else(Vec::new, |own| certificate::server(own, self.now)) {
            self.warning(key, warning);
        }
        self.published(key, &files.cert);
        Some(certified)
    }

    /// The authorities of the proxy's peers and their revocation lists.
    fn authorities(
        &mut self,
        files: &ProxyFiles,
    ) -> Option<(Arc<RootCertStore>, Vec<CertificateRevocationListDer<'static>>)> {
        let roots = mutual::roots(&files.client_ca, self.snapshot);
        let roots = Arc::new(self.good("proxy.client_ca", roots, CA)?);
        self.published("proxy.client_ca", &files.client_ca);
        let of_lists = |request: &&FileRequest| request.kind == FileKind::RevocationLists;
        let mut all = Vec::new();
        for FileRequest { key, path, .. } in self.requests.iter().filter(of_lists) {
            let lists = mutual::revocations(path, &roots, self.snapshot);
            let lists = self.good(key, lists, "revocation lists in PEM").unwrap_or_default();
            let now = self.now;
            let warnings = lists.iter().filter_map(|list| certificate::list(list, now));
            warnings.for_each(|warning| self.warning(key, warning));
            all.extend(lists);
        }
        Some((roots, all))
    }

    /// Warns of certificates in a file that are those of the original's repositories.
    fn published(&mut self, key: &str, path: &str) {
        let pem = self.snapshot.content(path).unwrap_or_default();
        let mut all = CertificateDer::pem_slice_iter(pem).flatten();
        if all.any(|own| mutual::identity(&own).is_some_and(|own| own.is_published())) {
            let what = "the private key of a certificate in it is in a public repository";
            self.warning(key, (what.to_owned(), "one of your own, as mistgate cert makes"));
        }
    }

    /// The host keys of the switches; our own are looked at.
    fn login(&mut self, method: &dyn MethodConfig) -> Login {
        for key in method.private_keys() {
            let error = match Key::parse(key.expose()) {
                Ok(key) if key.is_rsa() => {
                    let what =
                        "how long a signature takes may tell of an RSA key (RUSTSEC-2023-0071)";
                    let expected = "an Ed25519 or ECDSA key, unless the switches know only RSA";
                    self.warning("ports.junos.private_key", (what.to_owned(), expected));
                    continue;
                }
                Ok(_) => continue,
                Err(error) => error,
            };
            let expected = match error {
                KeyError::Encrypted => "one without (ssh-keygen -p removes it)",
                KeyError::Unreadable => {
                    "BEGIN OPENSSH PRIVATE KEY, as ssh-keygen writes it, or PEM"
                }
            };
            self.problem("ports.junos.private_key", &error, expected);
        }
        let Some(known_hosts) = method.known_hosts() else { return Login::default() };
        // A file that is missing or no text was reported before.
        let login = Login::new(known_hosts, self.snapshot).unwrap_or_default();
        if login.trusts_nobody() {
            let what = "no line of the file holds a host key that can be used";
            let expected = "lines as ssh-keyscan -p 830 HOST prints them";
            self.problem("ports.junos.known_hosts", &what, expected);
        }
        login
    }

    /// What is made of a file or an address; noted as a problem where it cannot be.
    fn good<T>(
        &mut self,
        key: &str,
        made: Result<T, impl fmt::Display>,
        expected: &str,
    ) -> Option<T> {
        made.map_err(|error| self.problem(key, &error, expected)).ok()
    }

    fn problem(&mut self, key: &str, error: &dyn fmt::Display, expected: &str) {
        let found = self.found(key, error.to_string(), expected);
        self.problems.push(found);
    }

    fn warning(&mut self, key: &str, (what, expected): Warning) {
        let found = self.found(key, what, expected);
        self.warnings.push(found);
    }

    /// The problem, at the line of the first key that begins with `key` and names a file.
    fn found(&self, key: &str, what: String, expected: &str) -> Problem {
        let named = self.requests.iter().find(|request| request.key.starts_with(key));
        let line = named.map_or(1, |request| request.line);
        Problem { line, key: key.to_owned(), what, expected: expected.to_owned() }
    }
}

/// Reads up to `max` bytes of a file. The error is a reason in words. Blocks on the disk.
pub fn read(path: &str, max: usize) -> Result<Vec<u8>, String> {
    snapshot::read(path, max).map_err(|error| reason(&error))
}

fn is_denied(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
}

fn reason(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::NotFound {
        "there is no such file".to_owned()
    } else if is_denied(error) {
        "this user may not read the file".to_owned()
    } else {
        error.to_string()
    }
}
