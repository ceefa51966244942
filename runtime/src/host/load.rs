//! Reads a configuration and everything that it names.

mod certificate;

use std::io::Read;
use std::sync::Arc;
use std::{env, fmt, fs, io};

use mistgate_core::base::secret::Secret;
use mistgate_core::base::time::UnixTime;
use mistgate_core::config::checked::Config;
use mistgate_core::config::files::{FileKind, FileRequest, Files};
use mistgate_core::config::problem::Problem;
use mistgate_core::config::raw::{Draft, EMBEDDED, Source};
use mistgate_core::http::listener::Tls;
use mistgate_core::junos::known_hosts::KnownHosts;
use mistgate_core::micronets::proxy::Proxy;
use mistgate_core::ports::edit::MethodConfig;
use rustls::{RootCertStore, sign::CertifiedKey};

use self::certificate::Warning;
use crate::base::clock;
use crate::base::sandbox::Sandbox;
use crate::http::tls::mutual;
use crate::http::{outbound, tls};
use crate::ports::junos::ssh::{Key, KeyError};

/// The most bytes of a configuration file.
const FILE_MAX: usize = 1 << 20;

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
}

/// Reads a configuration, from a file or else the one in the program, and the files that it names.
/// The error is every problem, in a line of `FILE:LINE: key: what is wrong — what is expected`.
/// Certificates, keys and proxy addresses are parsed as they will be for use.
pub fn load(file: Option<&str>) -> Result<Loaded, Vec<String>> {
    load_in(&Sandbox::default(), file)
}

/// As [`load`], in a sandbox, which may be why a file cannot be read.
pub fn load_in(sandbox: &Sandbox, file: Option<&str>) -> Result<Loaded, Vec<String>> {
    let read = |path: &str, max| match read_file(path, max) {
        Err(error) if is_denied(&error) && sandbox.refuses(path) => Err(CLOSED.to_owned()),
        result => result.map_err(|error| reason(&error)),
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
        files.insert(request, read(&request.path, request.kind.bytes_max().saturating_add(1)));
    }
    let report = draft.check(&files);
    let lines = |problems: &[Problem]| -> Vec<String> {
        problems.iter().map(|problem| problem.in_file(source.name).to_string()).collect()
    };
    let Some(config) = report.config else {
        return Err(lines(&report.problems));
    };
    let Findings { mut problems, warnings: found, .. } = judge(&config, &requests);
    if !problems.is_empty() {
        problems.sort_by_key(|problem| problem.line);
        return Err(lines(&problems));
    }
    let mut warnings = report.warnings;
    warnings.extend(found);
    warnings.sort_by_key(|warning| warning.line);
    let warnings = lines(&warnings);
    read_files.extend(requests.into_iter().map(|request| request.path));
    Ok(Loaded { config, files: read_files, warnings })
}

/// What is wrong or suspicious about the files and addresses that the configuration names.
struct Findings<'a> {
    requests: &'a [FileRequest],
    problems: Vec<Problem>,
    /// What works but may not be wanted.
    warnings: Vec<Problem>,
}

fn judge<'a>(config: &Config, requests: &'a [FileRequest]) -> Findings<'a> {
    let mut findings = Findings { requests, problems: Vec::new(), warnings: Vec::new() };
    let now = clock::wall();
    if let Some(tls) = config.webhook.as_ref().and_then(|webhook| webhook.tls.as_ref()) {
        findings.server("webhook.tls", tls, now);
    }
    if let Some(proxy) = &config.proxy {
        findings.server("proxy.cert", &proxy.files.tls, now);
        findings.authorities(proxy, now);
    }
    if let Some(method) = config.ports.as_ref().and_then(|ports| ports.method.as_ref()) {
        findings.method(method.config());
    }
    if let Some(pem) = &config.chat.delivery.extra_ca
        && let Err(error) = tls::add("extra_ca", pem.as_bytes(), &mut RootCertStore::empty())
    {
        findings.problem("chat.extra_ca", &error, "certificates of authorities in PEM");
    }
    if let Err(error) = outbound::proxies(config) {
        findings.problem("chat.http_proxy", &error, "an http URL");
    }
    findings
}

impl Findings<'_> {
    /// Checks the certificate and key of a listener.
    fn server(&mut self, key: &str, files: &Tls, now: UnixTime) {
        match tls::certified_key(files) {
            Err(error) => self.problem(key, &error, "a certificate chain and its key in PEM"),
            Ok(CertifiedKey { cert, .. }) => {
                for warning in
                    cert.first().map_or_else(Vec::new, |own| certificate::server(own, now))
                {
                    self.warning(key, warning);
                }
            }
        }
    }

    /// Checks the authorities of the proxy's peers and their revocation lists.
    fn authorities(&mut self, proxy: &Proxy, now: UnixTime) {
        let roots = match mutual::roots(&proxy.files.client_ca) {
            Ok(roots) => Arc::new(roots),
            Err(error) => {
                let expected = "certificates of authorities in PEM";
                return self.problem("proxy.client_ca", &error, expected);
            }
        };
        let of_lists = |request: &&FileRequest| request.kind == FileKind::RevocationLists;
        for FileRequest { key, path, .. } in self.requests.iter().filter(of_lists) {
            match mutual::revocations(path, &roots) {
                Err(error) => self.problem(key, &error, "revocation lists in PEM"),
                Ok(lists) => {
                    let warnings = lists.iter().filter_map(|list| certificate::list(list, now));
                    warnings.for_each(|warning| self.warning(key, warning));
                }
            }
        }
    }

    /// Checks our key and the host keys of the switches.
    fn method(&mut self, method: &dyn MethodConfig) {
        if let Some(Err(error)) = method.private_key().map(|key| Key::parse(key.expose())) {
            let expected = match error {
                KeyError::Encrypted => "one without (ssh-keygen -p removes it)",
                KeyError::Unreadable => {
                    "BEGIN OPENSSH PRIVATE KEY, as ssh-keygen writes it, or PEM"
                }
            };
            self.problem("ports.junos.private_key", &error, expected);
        }
        let Some(known_hosts) = method.known_hosts() else {
            return;
        };
        // A file that is missing or no text was reported before.
        let text = read(known_hosts, FileKind::KnownHosts.bytes_max())
            .ok()
            .and_then(|text| String::from_utf8(text).ok());
        let known = text.map(|text| KnownHosts::parse(known_hosts, &text));
        if known.is_none_or(|known| known.is_empty()) {
            let what = "no line of the file holds a host key that can be used";
            let expected = "lines as ssh-keyscan -p 830 HOST prints them";
            self.problem("ports.junos.known_hosts", &what, expected);
        }
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
    read_file(path, max).map_err(|error| reason(&error))
}

fn read_file(path: &str, max: usize) -> io::Result<Vec<u8>> {
    let max = u64::try_from(max).unwrap_or(u64::MAX);
    let file = fs::File::open(path)?;
    // Room for the whole file: a vector that grows leaves copies of a secret behind.
    let length = file.metadata()?.len().min(max).saturating_add(1);
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    file.take(max).read_to_end(&mut bytes)?;
    Ok(bytes)
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
