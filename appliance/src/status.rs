//! `mistgate status`: how the running mistgate is, for a person at a terminal.

use std::io::{self, IsTerminal as _, Write as _};
use std::{process::ExitCode, thread, time::Duration};

use mistgate_runtime::admin::control;
use mistgate_runtime::admin::control::{Answered, Failure};
use serde_json::{Value, json};

use crate::args::Status;
use crate::ask::time;
use crate::incident;

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
    let state_dir = crate::state_dir(args.config.as_deref())?;
    if args.healthy {
        let Answered { status, body } = control::request(&state_dir, "GET", "/-/healthy", "")?;
        let code = if status == 200 { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        return Ok((String::from_utf8_lossy(&body).trim_end().to_owned(), code));
    }
    let Answered { status, body } = control::request(&state_dir, "GET", "/status", "")?;
    let unclear = || Failure::Failed(format!("it answered {status} to /status — try again"));
    let mut shown: Value = serde_json::from_slice(&body).map_err(|_| unclear())?;
    let ready = control::request(&state_dir, "GET", "/-/ready", "")?;
    let wrong = wrong(&shown, &ready);
    let code = if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    if !args.json {
        return Ok((page(&shown, &wrong), code));
    }
    if let Some(members) = shown.as_object_mut() {
        members.insert("wrong".to_owned(), json!(wrong));
    }
    Ok((format!("{shown:#}"), code))
}

/// What is wrong, one line each.
fn wrong(status: &Value, ready: &Answered) -> Vec<String> {
    let mut wrong = Vec::new();
    if ready.status != 200 {
        let reason = String::from_utf8_lossy(&ready.body);
        wrong.push(format!("it is not ready: {}", reason.trim_end()));
    }
    for file in list(status, "/store/set_aside") {
        wrong.push(format!("a damaged store was set aside: {}", text(file, "")));
    }
    for to in list(status, "/destinations").filter(|to| text(to, "/health") != "ready") {
        wrong.push(format!("{} takes no messages: {}", text(to, "/name"), text(to, "/reason")));
    }
    let parts = status.pointer("/mist/wrong").and_then(Value::as_object).into_iter().flatten();
    wrong.extend(parts.map(|(_, reason)| format!("the way from Mist: {}", text(reason, ""))));
    if is(status, "/ports/stopped") {
        wrong.push("no switch port is changed: the kill switch is on".to_owned());
    }
    if let Some(left) = number(status, "/ports/breaker_open_seconds") {
        let left = span(left);
        wrong.push(format!("no switch port is changed for {left}: too many APs went at once"));
    }
    let open = |severity| {
        let count = number(status, &format!("/incidents/by_severity/{severity}"));
        count.filter(|count| *count > 0).map(|count| format!("{count} {severity}"))
    };
    let severities = ["critical", "warning", "info", "debug"];
    let open: Vec<String> = severities.into_iter().filter_map(open).collect();
    if !open.is_empty() {
        wrong.push(format!("incidents are open: {}", open.join(", ")));
    }
    let doubtful = list(status, "/ports/ports").filter(|port| is_in_doubt(port)).count();
    if doubtful > 0 {
        wrong.push(format!("switch ports in doubt: {doubtful}"));
    }
    wrong
}

/// Whether it is not certain that a port has the mode that it should have.
fn is_in_doubt(port: &Value) -> bool {
    let is_open = matches!(text(port, "/stage").as_str(), "reading_back" | "retrying" | "stuck");
    is_open || !text(port, "/last_failure").is_empty()
}

fn page(status: &Value, wrong: &[String]) -> String {
    let verdict = match wrong {
        [] => "all is well".to_owned(),
        [only] => only.clone(),
        [first, rest @ ..] => format!("{first} — and {} more", rest.len()),
    };
    let version = text(status, "/version");
    let uptime = span(number(status, "/uptime_seconds").unwrap_or_default());
    let mut lines = vec![format!("mistgate {version}, up {uptime}: {verdict}")];
    if wrong.len() > 1 {
        lines.extend(wrong.iter().map(|wrong| format!("  {wrong}")));
    }
    let store = if is(status, "/store/writable") { "takes writes" } else { "refuses writes" };
    lines.push(format!("store         {store}"));
    if let Some(letters) = number(status, "/store/dead_letters").filter(|letters| *letters > 0) {
        lines.push(format!("dead letters  {letters}, see mistgate dead-letter list"));
    }
    lines.extend(incidents(status));
    lines.extend(list(status, "/destinations").map(destination));
    lines.extend(ports(status));
    lines.extend(meetups(status));
    lines.extend(list(status, "/certificates").map(|certificate| {
        format!("ends soon     {}, at {}", text(certificate, "/file"), text(certificate, "/ends"))
    }));
    lines.join("\n")
}

/// How many are open, and the first of each of the first sites.
fn incidents(status: &Value) -> Vec<String> {
    const SITES_MAX: usize = 10;
    const OF_SITE_MAX: usize = 3;
    let Some(incidents) = status.get("incidents") else { return Vec::new() };
    let count = |name: &str| number(incidents, &format!("/{name}")).unwrap_or_default();
    let open = count("open");
    let counts = ["held", "muted", "flapping", "acknowledged"].map(|name| (count(name), name));
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let counts: String = counts.map(|(count, name)| format!(", {count} {name}")).collect();
    let silences = match count("silences") {
        0 => String::new(),
        1 => "; 1 silence".to_owned(),
        silences => format!("; {silences} silences"),
    };
    let mut lines = vec![format!("incidents     {open} open{counts}{silences}")];
    let mut shown = 0;
    for site in list(incidents, "/sites").take(SITES_MAX) {
        let name = match text(site, "/site") {
            name if name.is_empty() => "no site".to_owned(),
            name => name,
        };
        lines.push(format!("  {name}: {} open", number(site, "/open").unwrap_or_default()));
        for one in list(site, "/incidents").take(OF_SITE_MAX) {
            let (id, severity) = (number(one, "/id").unwrap_or_default(), text(one, "/severity"));
            let (what, since) = (text(one, "/summary"), time(one, "opened_at"));
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
    let waiting = number(to, "/waiting").unwrap_or_default();
    let queue = match number(to, "/oldest_seconds") {
        Some(oldest) => format!("{waiting} waiting, the oldest for {}", span(oldest)),
        None => "nothing waits".to_owned(),
    };
    let (name, health) = (text(to, "/name"), text(to, "/health"));
    let health = match text(to, "/reason") {
        reason if reason.is_empty() => health,
        reason => format!("{health} ({reason})"),
    };
    format!("destination   {name}: {health}, {queue}")
}

fn ports(status: &Value) -> Vec<String> {
    let Some(ports) = status.get("ports").filter(|ports| !ports.is_null()) else {
        return Vec::new();
    };
    let modes = ports.get("modes").and_then(Value::as_object);
    let modes = modes.into_iter().flatten().map(|(mode, count)| format!(", {count} {mode}"));
    let modes: String = modes.collect();
    let mut lines = vec![format!(
        "ports         {} by {}{modes}",
        text(ports, "/mode"),
        text(ports, "/method")
    )];
    for port in list(ports, "/ports").filter(|port| is_in_doubt(port)) {
        let switch = match text(port, "/switch") {
            name if name.is_empty() => text(port, "/switch_mac"),
            name => name,
        };
        let wanted = match text(port, "/wanted") {
            mode if mode.is_empty() => String::new(),
            mode => format!(", to get {mode}"),
        };
        let why = match text(port, "/last_failure") {
            failure if failure.is_empty() => String::new(),
            failure => format!(": {failure}"),
        };
        let (port, stage) = (text(port, "/port"), text(port, "/stage"));
        lines.push(format!("  in doubt    {switch} {port}, {stage}{wanted}{why}"));
    }
    lines
}

fn meetups(status: &Value) -> Option<String> {
    let proxy = status.get("proxy").filter(|proxy| !proxy.is_null())?;
    let meetups = list(proxy, "/meetups").count();
    let count = |pointer| number(proxy, pointer).unwrap_or_default();
    let (pairs, connections) = (count("/pairs"), count("/connections"));
    Some(format!("meetups       {meetups}, {pairs} of them paired, {connections} connections"))
}

fn list<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

/// A text; empty for another value, or none.
fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn is(value: &Value, pointer: &str) -> bool {
    value.pointer(pointer).and_then(Value::as_bool).unwrap_or_default()
}

fn number(value: &Value, pointer: &str) -> Option<u64> {
    // Whole seconds are enough.
    value.pointer(pointer).and_then(Value::as_f64).map(|number| number as u64)
}

/// `35s`, `4m 40s`, `2h 5m`, `3d 4h`.
fn span(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, minutes) => format!("{minutes}m {}s", seconds % 60),
        (0, hours, minutes) => format!("{hours}h {minutes}m"),
        (days, hours, _) => format!("{days}d {hours}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_two_units() {
        let spans = [7, 280, 7_500, 273_600].map(span);
        assert_eq!(spans, ["7s", "4m 40s", "2h 5m", "3d 4h"]);
    }

    #[test]
    fn what_is_wrong_is_said_and_what_is_not_is_not() {
        let ready = Answered { status: 200, body: b"ready\n".to_vec() };
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
        assert_eq!(wrong(&well, &ready), [""; 0]);
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
        let unready = Answered { status: 503, body: b"no disk\n".to_vec() };
        let wrong = wrong(&ill, &unready);
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
