//! What the built-in configuration names and a first start does not find.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use mistgate_runtime::load::make_state_dir;

/// Where the built-in configuration expects its state and its secret.
const STATE: &str = "./mistgate-data";
const SECRET: &str = "./mistgate-data/webhook-secret";

/// Makes the state folder and the webhook's secret. What is there stays.
pub(crate) fn make_missing() -> Result<(), String> {
    make_state_dir(STATE).map_err(explain)?;
    if !Path::new(SECRET).exists() {
        make_secret()?;
    }
    Ok(())
}

fn make_secret() -> Result<(), String> {
    let mut random = [0_u8; 32];
    getrandom::fill(&mut random).map_err(|error| format!("no random numbers: {error}"))?;
    let secret: String = random.iter().map(|octet| format!("{octet:02x}")).collect();
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

fn explain(error: io::Error) -> String {
    format!("{STATE}: {error} — run it in a folder of yours")
}
