//! Reading a configuration with everything that it names.

use std::{
    fs::{self, DirBuilder},
    io::{self, Read},
    os::unix::fs::DirBuilderExt,
};

use mistgate_core::config::{
    checked::Config,
    files::Files,
    problem::Problem,
    raw::{Draft, EMBEDDED, Source},
};

use crate::{
    outbound::proxy::{self, Proxies},
    tls,
};

/// The most bytes of a configuration file.
const FILE_MAX: u64 = 1 << 20;

/// Where the configuration is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum From {
    /// In the program itself.
    Embedded,
    /// In a file.
    File(String),
}

/// A configuration that can be used, as far as reading tells.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// What should be looked at, one line each.
    pub warnings: Vec<String>,
}

/// Reads, and reports every problem in a line of `FILE:LINE: key: what is wrong — what is
/// expected`. Certificates, keys and proxy addresses are really loaded.
pub fn load(from: &From) -> Result<Loaded, Vec<String>> {
    let text;
    let source = match from {
        From::Embedded => EMBEDDED,
        From::File(name) => {
            text = read(name, FILE_MAX)
                .and_then(|bytes| String::from_utf8(bytes).map_err(|_| "not UTF-8 text".to_owned()))
                .map_err(|why| vec![format!("{name}:1: {why} — expected a configuration file")])?;
            Source { name, text: &text }
        }
    };
    let draft = Draft::parse(source);
    let requests = draft.files();
    let mut files = Files::new();
    for request in &requests {
        let max = u64::try_from(request.kind.bytes_max()).unwrap_or(u64::MAX);
        files.insert(request, read(&request.path, max.saturating_add(1)));
    }
    let report = draft.check(&files);
    let lines = |problems: &[Problem]| -> Vec<String> {
        problems.iter().map(|problem| problem.in_file(source.name).to_string()).collect()
    };
    let Some(config) = report.config else {
        return Err(lines(&report.problems));
    };
    let line = |key: &str| {
        let named = requests.iter().find(|request| request.key.starts_with(key));
        named.map_or(1, |request| request.line)
    };
    let mut problems = Vec::new();
    if let Some(tls) = config.webhook.as_ref().and_then(|webhook| webhook.tls.clone())
        && let Err(error) = tls::Identity::load(tls)
    {
        let expected = "a certificate chain and its key in PEM";
        let line = line("webhook.tls");
        problems.push(format!("{}:{line}: webhook.tls: {error} — {expected}", source.name));
    }
    if let Err(error) = tls::connector(config.chat.delivery.extra_ca.as_deref()) {
        let expected = "certificates of authorities in PEM";
        let line = line("chat.extra_ca");
        problems.push(format!("{}:{line}: chat.extra_ca: {error} — {expected}", source.name));
    }
    if let Err(error) = proxies(&config) {
        problems.push(format!("{}:1: chat.http_proxy: {error} — an http URL", source.name));
    }
    if problems.is_empty() {
        Ok(Loaded { config, warnings: lines(&report.warnings) })
    } else {
        Err(problems)
    }
}

/// The way out: the configured proxy, else the environment's.
pub fn proxies(config: &Config) -> Result<Proxies, proxy::Error> {
    Proxies::new(config.chat.delivery.http_proxy.as_ref(), |name| std::env::var(name).ok())
}

/// Makes the state folder, readable for its owner alone.
pub fn make_state_dir(path: &str) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o700).create(path)
}

/// A file, up to `max` bytes of it; why not in the system's words.
fn read(path: &str, max: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(|error| reason(&error))?;
    file.take(max).read_to_end(&mut bytes).map_err(|error| reason(&error))?;
    Ok(bytes)
}

fn reason(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::NotFound {
        "there is no such file".to_owned()
    } else if error.kind() == io::ErrorKind::PermissionDenied {
        "this user may not read the file".to_owned()
    } else {
        error.to_string()
    }
}
