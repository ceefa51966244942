//! The files with which mistgate starts at once: a configuration, the webhook's secret, and the
//! certificates of the websocket proxy and of a client to try it with.

use std::{fs, io, path::Path};

use mistgate_runtime::{admin::guard, base::store};

use crate::{args::CertLeaf, args::CertRoot, cert, files};

pub(crate) const CONFIG: &str = "mistgate.toml";
pub(crate) const SECRET: &str = "webhook-secret";
pub(crate) const CERTIFICATES: &str = "proxy";

const EXAMPLE: &str = include_str!("../examples/mistgate.toml");
/// The state folder in the example.
pub(crate) const STATE_DIR: &str = "/var/lib/mistgate";
/// As the README of the original suggests: a trial should not end with its certificates.
pub(crate) const DAYS: u32 = 3_650;

/// The configuration. All files that it names are in its folder, except for the state.
pub(crate) fn config(state_dir: &str) -> String {
    EXAMPLE.replacen(STATE_DIR, state_dir, 1)
}

/// Makes the secret and the certificates in `folder`. What is there stays.
pub(crate) fn make_missing(folder: &str) -> Result<(), String> {
    let (secret, certificates) = (format!("{folder}/{SECRET}"), format!("{folder}/{CERTIFICATES}"));
    if !Path::new(&secret).exists() {
        make_secret(&secret)?;
    }
    if !Path::new(&certificates).exists() {
        make_certificates(&certificates)?;
    }
    Ok(())
}

/// A new secret for the webhook.
pub(crate) fn new_secret() -> Result<String, String> {
    guard::new_token().map_err(|error| format!("no random numbers: {error}"))
}

fn make_secret(path: &str) -> Result<(), String> {
    files::replace(path, format!("{}\n", new_secret()?).as_bytes(), 0o600)
}

/// Makes a folder with a root, and certificates that it signed for the proxy and for a client. The
/// folder gets its name last, so that it is complete or not there.
fn make_certificates(folder: &str) -> Result<(), String> {
    let aside = format!("{folder}.new");
    match fs::remove_dir_all(&aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(explain(&aside, &error));
        }
        Ok(()) | Err(_) => {}
    }
    store::make_folder(&aside).map_err(|error| explain(&aside, &error))?;
    let root = CertRoot {
        cert_basename: format!("{aside}/root"),
        subject_org_name: "mistgate root".to_owned(),
        expiration_in_days: DAYS,
        force: false,
    };
    cert::root(&root)?;
    let leaf = |name: &str, san: &[&str]| CertLeaf {
        cert_basename: format!("{aside}/{name}"),
        subject_org_name: format!("mistgate {name}"),
        expiration_in_days: DAYS,
        ca_certfile: format!("{aside}/root.cert.pem"),
        ca_keyfile: format!("{aside}/root.key.pem"),
        san: san.iter().map(|&name| name.to_owned()).collect(),
        client: san.is_empty(),
        server: !san.is_empty(),
        force: false,
    };
    cert::leaf(&leaf("proxy", &["localhost", "127.0.0.1", "::1"]))?;
    cert::leaf(&leaf("client", &[]))?;
    fs::rename(&aside, folder).map_err(|error| explain(folder, &error))
}

fn explain(path: &str, error: &io::Error) -> String {
    format!("{path}: {error} — run it where you may write")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_names_its_state_once() {
        assert_eq!(EXAMPLE.matches(STATE_DIR).count(), 1);
        assert!(config("state").contains("\nstate_dir = \"state\"\n"));
    }
}
