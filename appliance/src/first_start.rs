//! The files of the built-in configuration, which a first start makes.

use std::path::Path;

use mistgate_runtime::base::store;

use crate::starter;

/// Where the built-in configuration expects the certificates of the proxy and of its root. A
/// client's are made beside them.
pub(crate) const CERTIFICATES: &str = "./mistgate-data/proxy";
/// Where it expects its state and its secret.
const STATE: &str = "./mistgate-data";
const SECRET: &str = "./mistgate-data/webhook-secret";

/// Makes the state folder and in it the webhook's secret and the certificates. What is there stays.
pub(crate) fn make_missing() -> Result<(), String> {
    store::make_folder(STATE)
        .map_err(|error| format!("{STATE}: {error} — run it in a folder of yours"))?;
    starter::make_missing(STATE)
}

/// Whether there was a first start in this folder. The error says what to do.
pub(crate) fn expect_made() -> Result<(), String> {
    if Path::new(SECRET).exists() && Path::new(CERTIFICATES).exists() {
        return Ok(());
    }
    Err(format!("{STATE}: not there, or not whole — start mistgate run in this folder first"))
}
