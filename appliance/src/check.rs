//! `mistgate check`

use mistgate_core::delivery::config::Chat;
use mistgate_runtime::host::load::{Loaded, load};
use rustix::{fs::Access, fs::access, io::Errno};

use crate::{args::Check, ask::ask_in};

/// The page of the manual that has every key, with a heading for each of [`SECTIONS`].
const PAGE: &str =
    concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/HEAD/appliance/docs/configuration.md");
const SECTIONS: [&str; 9] =
    ["state_dir", "store", "mist", "webhook", "chat", "incidents", "ports", "proxy", "admin"];

pub(crate) fn run(args: &Check) -> Result<(), String> {
    let Loaded { config, warnings, .. } = load(Some(&args.config)).map_err(|mut problems| {
        problems.push(manual(&args.config, &problems));
        problems.join("\n")
    })?;
    let dir = &config.state_dir;
    match access(dir, Access::WRITE_OK | Access::EXEC_OK) {
        // A start makes it.
        Ok(()) | Err(Errno::NOENT) => {}
        Err(error) => {
            let advice = "run this as root or as the service's user, or set another one";
            return Err(format!("{}:1: state_dir: {dir}: {error} — {advice}", args.config));
        }
    }
    for warning in &warnings {
        crate::say(&format!("{warning} (warning)"));
    }
    let destinations = config.chat.destinations.len();
    let plural = if destinations == 1 { "" } else { "s" };
    let is_told = config.chat.destinations.iter().any(|to| !to.kind.is_stream);
    let incidents = match config.incidents.hold {
        _ if !is_told => String::new(),
        hold if hold.is_zero() => ", failures told at once".to_owned(),
        hold => format!(", failures told after {} s", hold.as_secs_f64()),
    };
    let ports = match &config.ports {
        Some(ports) if ports.plan.is_observing => ", switch ports observed",
        Some(_) => ", switch ports changed",
        None => "",
    };
    let proxy = if config.proxy.is_some() { ", a websocket proxy" } else { "" };
    crate::say(&format!(
        "{}: no problems, {destinations} destination{plural}{incidents}{ports}{proxy}",
        args.config
    ));
    explain(&config.chat);
    if ask_in(dir, "GET", "/-/healthy", "").is_ok() {
        crate::say(&format!("a mistgate runs with {dir}: reload it, a second one does not start"));
    }
    if !warnings.is_empty() {
        crate::say(&manual(&args.config, &warnings));
    }
    Ok(())
}

/// Says in sentences to whom events go.
fn explain(chat: &Chat) {
    let rules = &chat.routes.rules;
    for (place, rule) in rules.iter().enumerate() {
        crate::say(&format!("chat.route[{place}]: {rule}"));
    }
    if rules.is_empty() || rules.iter().any(|rule| rule.matcher.is_empty()) {
        return;
    }
    let mut short: Vec<&str> =
        chat.destinations.iter().filter(|to| !to.is_named).map(|to| &*to.chat).collect();
    short.dedup();
    let to = if short.is_empty() { "nobody".to_owned() } else { short.join(", ") };
    crate::say(&format!("What no rule takes goes to {to}"));
}

/// The line that names the manual's sections for the keys in these lines, `FILE:LINE: KEY: …`.
fn manual(file: &str, lines: &[String]) -> String {
    let key = |line: &String| {
        let (_, rest) = line.strip_prefix(file)?.strip_prefix(':')?.split_once(": ")?;
        rest.split([':', '.', '[']).next().map(str::to_owned)
    };
    let keys: Vec<String> = lines.iter().filter_map(key).collect();
    let sections = SECTIONS.iter().filter(|section| keys.iter().any(|key| key == *section));
    let sections: Vec<String> = sections.map(|section| format!("#{section}")).collect();
    format!("see {PAGE}{}, or CONFIGURATION in \"man mistgate\"", sections.join(", "))
}
