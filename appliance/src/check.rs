//! `mistgate check`

use mistgate_core::config::checked::ports::Ports;
use mistgate_runtime::host::load::{Loaded, load};

use crate::args::{Check, source};

pub(crate) fn run(args: &Check) -> Result<(), String> {
    let Loaded { config, warnings, .. } =
        load(&source(Some(&args.config))).map_err(|problems| problems.join("\n"))?;
    for warning in &warnings {
        crate::say(&format!("{warning} (warning)"));
    }
    let destinations = config.chat.destinations.len();
    let plural = if destinations == 1 { "" } else { "s" };
    let ports = match &config.ports {
        Some(Ports { is_observing: true, .. }) => ", switch ports observed",
        Some(Ports { is_observing: false, .. }) => ", switch ports changed",
        None => "",
    };
    let proxy = if config.proxy.is_some() { ", a websocket proxy" } else { "" };
    crate::say(&format!(
        "{}: no problems, {destinations} destination{plural}{ports}{proxy}",
        args.config
    ));
    Ok(())
}
