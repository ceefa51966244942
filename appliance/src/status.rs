//! `mistgate status`: how the running mistgate is, for a person at a terminal.

use std::{io, io::IsTerminal as _, io::Write as _, process::ExitCode, thread, time::Duration};

use mistgate_core::page::status::{is_in_doubt, span, verdict, wrong};
use serde_json::{Value, json};

use crate::{args::Status, ask::Failure};
use crate::{ask::list, ask::member, ask::number, ask::request, ask::text, ask::time, incident};

/// How often it is asked again.
const WATCH: Duration = Duration::from_secs(2);
/// Moves the cursor home and clears what was there (ECMA-48: CUP, ED).
const CLEAR: &str = "\x1b[H\x1b[J";

/// The exit code is 1 if something is wrong.
pub(crate) fn run(args: &Status) -> Result<ExitCode, Failure> {
    let clear = if args.watch && io::stdout().is_terminal() { CLEAR } else { "" };
    loop {
        let looked = look(args);
        if !args.watch {
            let (said, code) = looked?;
            crate::say(&said);
            return Ok(code);
        }
        // It may be between two runs.
        let (said, code) =
            looked.unwrap_or_else(|failure| (failure.to_string(), ExitCode::FAILURE));
        if writeln!(io::stdout(), "{clear}{said}").is_err() {
            // Nobody reads any more.
            return Ok(code);
        }
        thread::sleep(WATCH);
    }
}

/// What to say, and the exit code.
fn look(args: &Status) -> Result<(String, ExitCode), Failure> {
    let code = |is_well| if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    let state_dir = crate::state_dir(args.config.as_deref())?;
    if args.healthy {
        let (status, said) = request(&state_dir, "GET", "/-/healthy", "")?;
        return Ok((said.trim_end().to_owned(), code(status == 200)));
    }
    let (status, body) = request(&state_dir, "GET", "/status", "")?;
    let unclear = |_| format!("it answered {status} to /status — try again");
    let mut shown: Value = serde_json::from_str(&body).map_err(unclear)?;
    let (status, unready) = request(&state_dir, "GET", "/-/ready", "")?;
    let wrong = wrong(&shown, (status != 200).then_some(&*unready));
    if !args.json {
        return Ok((page(&shown, &wrong), code(wrong.is_empty())));
    }
    if let Some(members) = shown.as_object_mut() {
        members.insert("wrong".to_owned(), json!(wrong));
    }
    Ok((format!("{shown:#}"), code(wrong.is_empty())))
}

/// The members of these names that are not zero, such as `3 held`.
fn counts<const N: usize>(of: &Value, names: [&str; N]) -> Vec<String> {
    let counts = names.map(|name| (number(of, name), name)).into_iter();
    let counts = counts.filter(|(count, _)| *count > 0);
    counts.map(|(count, name)| format!("{count} {name}")).collect()
}

fn page(status: &Value, wrong: &[String]) -> String {
    let verdict = verdict(wrong);
    let uptime = span(member(status, "uptime_seconds").as_f64().unwrap_or_default());
    let mut lines = vec![format!("mistgate {}, up {uptime}: {verdict}", text(status, "version"))];
    if wrong.len() > 1 {
        lines.extend(wrong.iter().map(|wrong| format!("  {wrong}")));
    }
    let store = member(status, "store");
    let writes = if member(store, "writable") == true { "takes writes" } else { "refuses writes" };
    lines.push(format!("store         {writes}"));
    match number(store, "dead_letters") {
        0 => {}
        letters => lines.push(format!("dead letters  {letters}, see mistgate dead-letter list")),
    }
    lines.extend(status.get("incidents").into_iter().flat_map(incidents));
    lines.extend(list(status, "destinations").iter().map(destination));
    lines.extend(status.get("ports").filter(|ports| ports.is_object()).into_iter().flat_map(ports));
    let proxy = member(status, "proxy");
    if proxy.is_object() {
        let (pairs, connections) = (number(proxy, "pairs"), number(proxy, "connections"));
        let meetups = list(proxy, "meetups").len();
        let meetups = format!("{meetups}, {pairs} of them paired, {connections} connections");
        lines.push(format!("meetups       {meetups}"));
    }
    for certificate in list(status, "certificates") {
        let (file, ends) = (text(certificate, "file"), text(certificate, "ends"));
        lines.push(format!("ends soon     {file}, at {ends}"));
    }
    lines.join("\n")
}

/// How many are open, and the first of each of the first sites.
fn incidents(incidents: &Value) -> Vec<String> {
    const SITES_MAX: usize = 10;
    const OF_SITE_MAX: usize = 3;
    let open = number(incidents, "open");
    let mut all = vec![format!("{open} open")];
    all.extend(counts(incidents, ["held", "muted", "flapping", "acknowledged"]));
    let silences = match number(incidents, "silences") {
        0 => String::new(),
        1 => "; 1 silence".to_owned(),
        silences => format!("; {silences} silences"),
    };
    let mut lines = vec![format!("incidents     {}{silences}", all.join(", "))];
    let mut shown = 0;
    for site in list(incidents, "sites").iter().take(SITES_MAX) {
        let name = member(site, "site").as_str().unwrap_or("no site");
        lines.push(format!("  {name}: {} open", number(site, "open")));
        for one in list(site, "incidents").iter().take(OF_SITE_MAX) {
            let (id, severity) = (number(one, "id"), text(one, "severity"));
            let (what, since) = (text(one, "summary"), time(one, "opened_at"));
            let more = incident::acknowledged(one) + &incident::muted(one);
            lines.push(format!("    {id:<6}  {severity:<8}  {what} since {since}{more}"));
            shown += 1;
        }
    }
    if open > shown && shown > 0 {
        lines.push(format!("  and {} more, see mistgate incident list", open - shown));
    }
    lines
}

fn destination(to: &Value) -> String {
    let waiting = number(to, "waiting");
    let queue = match member(to, "oldest_seconds").as_f64() {
        Some(oldest) => format!("{waiting} waiting, the oldest for {}", span(oldest)),
        None => "nothing waits".to_owned(),
    };
    let (name, health) = (text(to, "name"), text(to, "health"));
    let reason = member(to, "reason").as_str().map(|reason| format!(" ({reason})"));
    let reason = reason.unwrap_or_default();
    format!("destination   {name}: {health}{reason}, {queue}")
}

fn ports(ports: &Value) -> Vec<String> {
    let modes = member(ports, "modes").as_object().into_iter().flatten();
    let modes: String = modes.map(|(mode, count)| format!(", {count} {mode}")).collect();
    let (mode, method) = (text(ports, "mode"), text(ports, "method"));
    let mut lines = vec![format!("ports         {mode} by {method}{modes}")];
    for port in list(ports, "ports").iter().filter(|port| is_in_doubt(port)) {
        let part = |before, name| match member(port, name).as_str() {
            Some(part) => format!("{before}{part}"),
            None => String::new(),
        };
        let switch = member(port, "switch").as_str().unwrap_or(text(port, "switch_mac"));
        let (wanted, why) = (part(", to get ", "wanted"), part(": ", "last_failure"));
        let (port, stage) = (text(port, "port"), text(port, "stage"));
        lines.push(format!("  in doubt    {switch} {port}, {stage}{wanted}{why}"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said_and_what_is_not_is_not() {
        let well = json!({
            "version": "1", "uptime_seconds": 7.5, "store": { "writable": true, "set_aside": [] },
            "destinations": [{ "name": "slack/default", "health": "ready", "waiting": 0 }],
            "ports": { "mode": "enforce", "method": "junos", "modes": { "ap": 2 }, "ports": [
                { "switch": "sw-1", "port": "ge-0/0/7", "stage": "resting" }
            ]},
            "proxy": { "pairs": 1, "connections": 3, "meetups": [{}, {}] },
            "certificates": [{ "file": "proxy.pem", "ends": "2026-12-01T08:00:00.000Z" }],
            "incidents": { "open": 0, "by_severity": { "critical": 0 }, "silences": 0 },
        });
        assert_eq!(wrong(&well, None), [""; 0]);
        let expected = "mistgate 1, up 7s: all is well\n\
                        store         takes writes\n\
                        incidents     0 open\n\
                        destination   slack/default: ready, nothing waits\n\
                        ports         enforce by junos, 2 ap\n\
                        meetups       2, 1 of them paired, 3 connections\n\
                        ends soon     proxy.pem, at 2026-12-01T08:00:00.000Z";
        assert_eq!(page(&well, &[]), expected);

        let ill = json!({
            "version": "1", "uptime_seconds": 90,
            "store": { "writable": false, "set_aside": ["s"], "dead_letters": 2 },
            "destinations": [{
                "name": "slack/default", "health": "parked", "reason": "gone", "waiting": 3,
                "oldest_seconds": 61.2
            }],
            "incidents": {
                "open": 5, "by_severity": { "critical": 1, "info": 1, "warning": 2 }, "held": 0,
                "muted": 1, "flapping": 0, "acknowledged": 0, "silences": 1,
                "sites": [
                    { "site": "Branch-7", "open": 4, "incidents": [{
                        "id": 12, "severity": "critical", "summary": "SW-1 down",
                        "opened_at": "2026-11-29T14:18:02.500Z"
                    }] },
                    { "site": null, "open": 1, "incidents": [{
                        "id": 2, "severity": "warning", "summary": "AP-9 down",
                        "opened_at": "2026-11-28T09:00:00.000Z", "muted_by": "silence 3"
                    }] }
                ]
            },
            "ports": {
                "mode": "enforce", "method": "junos", "stopped": true, "breaker_open_seconds": 5.0,
                "ports": [{
                    "switch_mac": "5c5b350000ff", "port": "ge-0/0/7", "stage": "stuck",
                    "wanted": "ap", "last_failure": "login"
                }]
            },
        });
        let wrong = wrong(&ill, Some("no disk\n"));
        let expected = [
            "it is not ready: no disk",
            "a damaged store was set aside: s",
            "slack/default takes no messages: gone",
            "no switch port is changed: the kill switch is on",
            "no switch port is changed for 5s: too many APs went at once",
            "incidents are open: 1 critical, 2 warning, 1 info",
            "switch ports in doubt: 1",
        ];
        assert_eq!(wrong, expected);
        let page = page(&ill, &wrong);
        for line in [
            "mistgate 1, up 1m 30s: it is not ready: no disk — and 6 more",
            "  slack/default takes no messages: gone",
            "dead letters  2, see mistgate dead-letter list",
            "destination   slack/default: parked (gone), 3 waiting, the oldest for 1m 1s",
            "incidents     5 open, 1 muted; 1 silence",
            "  Branch-7: 4 open",
            "    12      critical  SW-1 down since 2026-11-29 14:18",
            "  no site: 1 open",
            "    2       warning   AP-9 down since 2026-11-28 09:00, muted: silence 3",
            "  and 3 more, see mistgate incident list",
            "  in doubt    5c5b350000ff ge-0/0/7, stuck, to get ap: login",
        ] {
            assert!(page.lines().any(|shown| shown == line), "{line} in\n{page}");
        }
    }
}
