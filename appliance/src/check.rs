//! `mistgate check`

use std::fmt::Write as _;

use mistgate_core::config::ports::Ports;
use mistgate_runtime::host::load::{Loaded, load};

use crate::args::Check;

/// The page of the manual that has every key, with a heading for each of [`SECTIONS`].
const PAGE: &str =
    concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/HEAD/appliance/docs/configuration.md");
const SECTIONS: [&str; 7] = ["state_dir", "mist", "webhook", "chat", "ports", "proxy", "admin"];

pub(crate) fn run(args: &Check) -> Result<(), String> {
    let Loaded { config, warnings, .. } = load(Some(&args.config)).map_err(|mut problems| {
        problems.push(manual(&args.config, &problems));
        problems.join("\n")
    })?;
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
    if !warnings.is_empty() {
        crate::say(&manual(&args.config, &warnings));
    }
    Ok(())
}

/// Where the manual describes the sections of the keys that these lines, `FILE:LINE: KEY: …`, are
/// about.
fn manual(file: &str, lines: &[String]) -> String {
    let key = |line: &String| {
        let (_, rest) = line.strip_prefix(file)?.strip_prefix(':')?.split_once(": ")?;
        rest.split([':', '.', '[']).next().map(str::to_owned)
    };
    let keys: Vec<String> = lines.iter().filter_map(key).collect();
    let mut sections = SECTIONS.iter().filter(|section| keys.iter().any(|key| key == *section));
    let mut said = format!("see {PAGE}");
    if let Some(first) = sections.next() {
        // Writing to a String does not fail.
        let _ = write!(said, "#{first}");
    }
    for section in sections {
        let _ = write!(said, ", #{section}");
    }
    said + ", or CONFIGURATION in \"man mistgate\""
}
