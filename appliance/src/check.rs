//! `mistgate check`

use mistgate_runtime::load::{Loaded, load};

use crate::args::{Check, source};

pub(crate) fn run(args: &Check) -> Result<(), String> {
    let Loaded { config, warnings } =
        load(&source(Some(&args.config))).map_err(|problems| problems.join("\n"))?;
    for warning in &warnings {
        crate::say(&format!("{warning} (warning)"));
    }
    let destinations = config.chat.destinations.len();
    let plural = if destinations == 1 { "" } else { "s" };
    let proxy = if config.proxy.is_some() { ", a websocket proxy" } else { "" };
    crate::say(&format!("{}: no problems, {destinations} destination{plural}{proxy}", args.config));
    Ok(())
}
