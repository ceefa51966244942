//! The folder of the Micronets websocket proxy: its program, whose settings are constants in it,
//! and its certificates.
//!
//! What it means: `bin/websocket-proxy.py` of cablelabs/micronets-ws-proxy.

use std::net::{IpAddr, Ipv4Addr};

use mistgate_core::{base::secret::Secret, config::problem::quoted, micronets::access::Identity};

use super::{Program, draft::Content, draft::Draft};
use super::{entry::Origin, old::Found, old::Table, python::Module, value::Form, value::Value};

/// A PEM file with certificates.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// Its path in the folder.
    pub path: String,
    /// The whole text.
    pub pem: Secret,
    /// Whether a private key is in it too.
    pub has_key: bool,
    /// What its first certificate says.
    pub identity: Identity,
}

/// The folder of the websocket proxy.
#[derive(Default)]
pub struct Folder {
    /// Its name as the user gave it.
    pub name: String,
    /// `websocket-proxy.py`, if it is there.
    pub program: Option<Program>,
    /// The files with certificates.
    pub certificates: Vec<Certificate>,
}

const PROGRAM: &str = "Micronets";

const SETTINGS: [&str; 6] = [
    "proxy_bind_address",
    "proxy_port",
    "proxy_service_prefix",
    "proxy_cert_path",
    "root_cert_path",
    "report_interval_s",
];

/// The names that `mistgate cert` gives, so that new files can take their place.
const CERT: &str = "proxy.pkeycert.pem";
const ROOT: &str = "root.cert.pem";

/// Carries the settings and the certificates over.
pub(super) fn import(folder: &Folder, module: &Module, draft: &mut Draft) {
    let file = folder.program.as_ref().map_or(&folder.name, |program| &program.name);
    let mut old = Table::of_module(module, PROGRAM, file);
    let about = Origin { key: "websocket-proxy.py".into(), ..old.about.clone() };
    let settings = SETTINGS.map(|key| old.take(key));
    if folder.program.is_some() && settings.iter().all(Option::is_none) {
        let what = "this version has its settings on its command line or in MICRONETS_WSPROXY_*";
        let advice = "proxy.listen and proxy.path_prefix, where they are not the usual ones";
        draft.note(&about, what, advice);
    }
    let [address, port, prefix, cert, root, interval] = settings;
    listen(address.as_ref(), port.as_ref(), &about, draft);
    if let Some(found) = prefix
        && let Some(prefix) = found.text(draft, "proxy.path_prefix")
    {
        draft.set("proxy", "path_prefix", prefix, &found.origin);
    }
    if let Some(Found { origin, .. }) = interval {
        let what = "not carried over, as the meetups can be seen at any time";
        draft.note(&origin, what, "[admin], and /status there");
    }
    certificates(folder, cert.as_ref(), root.as_ref(), &about, draft);
}

fn listen(
    address: Option<&Found<'_>>,
    port: Option<&Found<'_>>,
    about: &Origin,
    draft: &mut Draft,
) {
    const ADVICE: &str = "proxy.listen, such as \"0.0.0.0:5050\"";
    let origin = port.or(address).map_or(about, |found| &found.origin);
    let text = address.and_then(|found| found.text(draft, ADVICE)).unwrap_or_default();
    let host = match text {
        "" => Ok(Ipv4Addr::UNSPECIFIED.into()),
        "localhost" => Ok(Ipv4Addr::LOCALHOST.into()),
        text => text.parse::<IpAddr>(),
    };
    if let (Err(_), Some(found)) = (&host, address) {
        let what = format!("not carried over, as {} is no address", quoted(text));
        draft.note(&found.origin, what, ADVICE);
    }
    let host = host.unwrap_or(Ipv4Addr::UNSPECIFIED.into());
    let port = port.and_then(|found| found.integer(draft, ADVICE)).unwrap_or(5_050);
    // A port out of range is for the check to refuse.
    let listen = if host.is_ipv6() { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    draft.set("proxy", "listen", listen, origin);
}

fn certificates(
    folder: &Folder,
    cert: Option<&Found<'_>>,
    root: Option<&Found<'_>>,
    about: &Origin,
    draft: &mut Draft,
) {
    report_published(folder, draft);
    let root_name = named(root, "lib/micronets-ws-root.cert.pem");
    let cert_name = named(cert, "lib/micronets-ws-proxy.pkeycert.pem");
    let root_origin = root.map_or(about, |found| &found.origin);
    let cert_origin = cert.map_or(about, |found| &found.origin);
    let root = folder.find(root_name, root_origin, draft);
    let cert = folder.find(cert_name, cert_origin, draft);
    // A certificate is worth no more than the root that signed it.
    let is_lost = root.is_some_and(is_published);
    let root = root.filter(|_| !is_lost);
    let cert = cert.filter(|cert| !is_lost && !is_published(cert));
    let known = |certificate: &Certificate| Some(Content::Known(certificate.pem.clone()));
    draft.file("proxy", "cert", (CERT.into(), cert.and_then(known)), cert_origin);
    draft.file("proxy", "client_ca", (ROOT.into(), root.and_then(known)), root_origin);
    if cert.is_none() || root.is_none() {
        let advice = "mistgate cert root --cert-basename root …, and mistgate cert leaf \
                      --cert-basename proxy --server …, in the folder of mistgate.toml";
        draft.note(cert_origin, format!("there is nothing to be {CERT} and {ROOT}"), advice);
    } else if cert.is_some_and(|cert| !cert.has_key) {
        let what = format!("no private key is in {}", quoted(cert_name));
        draft.note(cert_origin, what, format!("its key, appended to {CERT}"));
    }
    if let Some(root) = root {
        let what = "as with the original, any certificate of this root may join any meetup";
        draft.note(
            &folder.origin(&root.path),
            what,
            "[[proxy.allow]] with a meetup and its subjects",
        );
    }
}

/// Reports the certificates whose private keys are published, each key once.
fn report_published(folder: &Folder, draft: &mut Draft) {
    let mut known: Vec<&Certificate> = Vec::new();
    for found in folder.certificates.iter().filter(|found| is_published(found)) {
        if !known.iter().any(|known| known.identity.key == found.identity.key) {
            known.push(found);
        }
    }
    if known.is_empty() {
        return;
    }
    let paths: Vec<_> = known.iter().map(|found| found.path.escape_debug().to_string()).collect();
    let what = format!(
        "the private keys of {} are in a public repository, so these certificates prove nothing",
        paths.join(", ")
    );
    let about = Origin { program: PROGRAM, file: folder.name.clone(), line: 1, key: String::new() };
    draft.note(&about, what, "a new root and new certificates for all peers; never these again");
}

impl Folder {
    /// The certificate at a path that the program names. Only the file's name is compared, because
    /// the path may begin at another folder.
    fn find(&self, path: &str, origin: &Origin, draft: &mut Draft) -> Option<&Certificate> {
        let last = |path: &str| path.rsplit('/').next().map(str::to_owned);
        let found = self.certificates.iter().find(|found| last(&found.path) == last(path));
        if found.is_none() {
            let what = format!("there is no certificate at {}", quoted(path));
            draft.note(origin, what, "the PEM file, where it is elsewhere");
        }
        found
    }

    fn origin(&self, path: &str) -> Origin {
        let file = format!("{}/{path}", self.name.trim_end_matches('/'));
        Origin { program: PROGRAM, file, line: 1, key: String::new() }
    }
}

/// The last text of `bin_path.parent.joinpath ('lib/…')`, `Path ('…')` or `'…'`.
fn named<'a>(found: Option<&Found<'a>>, usual: &'a str) -> &'a str {
    let text = found.and_then(|found| {
        if let Form::Call(arguments) = &found.value.form {
            arguments.last().and_then(Value::text)
        } else {
            found.value.text()
        }
    });
    text.unwrap_or(usual)
}

fn is_published(certificate: &Certificate) -> bool {
    certificate.identity.is_published()
}
