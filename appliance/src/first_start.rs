//! What the built-in configuration names and a first start does not find: the webhook's secret, and
//! the certificates of the websocket proxy and of a peer to try it with.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use mistgate_runtime::load::make_state_dir;

use crate::{
    args::{CertLeaf, CertRoot},
    cert,
};

/// Where the built-in configuration expects the proxy's certificate and its root's, and a client's
/// are made beside them.
pub(crate) const CERTIFICATES: &str = "./mistgate-data/proxy";
/// Where it expects its state and its secret.
const STATE: &str = "./mistgate-data";
const SECRET: &str = "./mistgate-data/webhook-secret";

/// As long as the README of the original suggests: whoever only tries it should not meet the end.
const DAYS: u32 = 3_650;

/// Makes the state folder and in it the webhook's secret and the certificates. What is there stays.
pub(crate) fn make_missing() -> Result<(), String> {
    make_state_dir(STATE).map_err(explain)?;
    if !Path::new(SECRET).exists() {
        make_secret()?;
    }
    if !Path::new(CERTIFICATES).exists() {
        make_certificates()?;
    }
    Ok(())
}

/// Whether there was a first start in this folder. The error says what to do.
pub(crate) fn expect_made() -> Result<(), String> {
    if Path::new(SECRET).exists() && Path::new(CERTIFICATES).exists() {
        return Ok(());
    }
    Err(format!("{STATE}: not there, or not whole — start mistgate run in this folder first"))
}

/// 256 random bits, as text.
pub(crate) fn new_secret() -> Result<String, String> {
    let mut random = [0_u8; 32];
    getrandom::fill(&mut random).map_err(|error| format!("no random numbers: {error}"))?;
    Ok(random.iter().map(|octet| format!("{octet:02x}")).collect())
}

fn make_secret() -> Result<(), String> {
    let secret = new_secret()?;
    // Written aside and renamed, so that a crash leaves no half of a secret.
    let aside = format!("{SECRET}.new");
    let write = || {
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
        writeln!(file, "{secret}")?;
        file.sync_all()?;
        fs::rename(&aside, SECRET)
    };
    write().map_err(explain)
}

/// Makes a folder with a root, and what it signed for the proxy and for a client: all or nothing,
/// as the folder gets its name at last.
fn make_certificates() -> Result<(), String> {
    let aside = format!("{CERTIFICATES}.new");
    match fs::remove_dir_all(&aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(explain(error)),
        Ok(()) | Err(_) => {}
    }
    make_state_dir(&aside).map_err(explain)?;
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
    fs::rename(&aside, CERTIFICATES).map_err(explain)
}

fn explain(error: io::Error) -> String {
    format!("{STATE}: {error} — run it in a folder of yours")
}
