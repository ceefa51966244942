//! `mistgate init`: the files that `mistgate install` puts into /etc/mistgate, in any folder and
//! without root.

use std::path::Path;

use mistgate_runtime::base::store;

use crate::{args::Init, files, guide, starter, terminal};

pub(crate) fn run(args: &Init) -> Result<(), String> {
    let dir = args.dir.as_deref().unwrap_or("./mistgate");
    let config = format!("{dir}/{}", starter::CONFIG);
    if Path::new(&config).exists() {
        return Err(format!("{config}: exists already — choose another --dir, or remove it first"));
    }
    store::make_folder(dir)
        .map_err(|error| format!("{dir}: {error} — run it where you may write"))?;
    starter::make_missing(dir)?;
    let (mut text, mut next) = (starter::config("state"), String::new());
    if args.dir.is_none() && terminal::is_there() {
        let guided = guide::ask(dir, text)?;
        text = guided.config;
        if guided.has_webhook {
            next = ["mist setup", "selftest"]
                .map(|command| format!("\n  mistgate {command} --config {config}"))
                .concat();
        }
    }
    // Last, so that every file that it names is there.
    files::replace(&config, text.as_bytes(), 0o600)?;
    crate::say(&format!(
        "{config}\n  the configuration, with comments\n\
         {dir}/{secret}\n  what you enter as the webhook's secret in Mist\n\
         {dir}/{certificates}\n  a root for gateways and managers, and what it signed for the \
         proxy and for a client\n\
         Next:\n  mistgate check --config {config}\n  mistgate run --config {config}{next}",
        secret = starter::SECRET,
        certificates = starter::CERTIFICATES,
    ));
    Ok(())
}
