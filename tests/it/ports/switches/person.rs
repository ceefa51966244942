//! What a person decides: to approve, to reject, to undo, and what stops everything.

use mistgate_tests::ports::cloud::Fault;
use serde_json::Value;

use super::{ENFORCE, PORT, Site, text};
use crate::base::binary::{Mistgate, output, text as words};

/// Runs `mistgate port` with these words, which must succeed. Gives what it printed.
fn port(site: &Site, args: &[&str]) -> String {
    let args = [&["port"], args, &["--config", "mistgate.toml"]].concat();
    let done = output(site.place.path(), &args);
    assert_eq!(done.status.code(), Some(0), "{args:?}: {}", words(&done.stderr));
    words(&done.stdout)
}

/// What it prints where it must fail.
fn refused(site: &Site, args: &[&str]) -> String {
    let args = [&["port"], args, &["--config", "mistgate.toml"]].concat();
    let done = output(site.place.path(), &args);
    assert_eq!(done.status.code(), Some(1), "{args:?}: {}", words(&done.stdout));
    words(&done.stderr)
}

/// The number of the only change.
fn number(mistgate: &Mistgate) -> String {
    let status = mistgate.status();
    let number = status.pointer("/ports/ports/0/change").and_then(Value::as_u64);
    number.expect("a change").to_string()
}

/// A mistgate that enforces, with an access point that has just come.
fn plugged(ports: &str) -> (Site, Mistgate) {
    let site = Site::new(ports);
    let mistgate = site.place.start();
    site.plug();
    site.send_event(&mistgate, "AP_CONNECTED");
    (site, mistgate)
}

#[test]
fn the_first_change_waits_until_it_is_approved() {
    // The default of a new store.
    let (site, mistgate) = plugged(&ENFORCE.replace("approve_first = 0\n", ""));
    let line = mistgate.line("port_refused", 1);
    assert_eq!(text(&line, "/rule"), "ports.approve_first");
    let id = number(&mistgate);
    site.await_post(&["a person must approve it", &format!("mistgate port approve {id}"), PORT]);
    let listed = port(&site, &["list"]);
    let waits = format!("access-1 {PORT}: mode ap, waits for port approve or port reject");
    assert!(listed.contains(&id) && listed.contains(&waits), "{listed}");
    let planned = port(&site, &["list", "--plan"]);
    assert_eq!(planned.lines().next_back(), Some(format!("  {waits}").as_str()), "{planned}");
    assert_eq!(site.cloud.requests_of("PUT"), []);

    // What nobody knows is refused.
    let why = refused(&site, &["undo", &id]);
    assert!(why.contains(&format!("no change {id} can be undone")), "{why}");
    assert!(refused(&site, &["reject", "7"]).contains("no change 7 waits for that"));
    assert!(refused(&site, &["approve"]).contains("give the number of a change, or --all"));

    assert_eq!(
        port(&site, &["approve", "--all"]),
        format!("{id}: approved: the port is looked at anew\n")
    );
    let line = mistgate.line("port_changed", 1);
    assert_eq!((text(&line, "/port"), text(&line, "/change")), (PORT, id.as_str()));
    assert_eq!(site.usage().as_deref(), Some("ap"));
    site.await_post(&["Switch port changed", &id]);
    assert_eq!(port(&site, &["approve", "--all"]), "there is nothing to approve\n");
    mistgate.stop();
    let ordered = site.audit("PORT_ORDERED");
    let one = ordered.first().expect("a line");
    assert_eq!((text(one, "/because"), text(one, "/by")), ("approved", "uid 0"));
    let changed = site.audit("PORT_CHANGED");
    let made = changed.first().and_then(|line| line.pointer("/changes/0/number"));
    assert_eq!(made.and_then(Value::as_u64).map(|made| made.to_string()), Some(id));
}

#[test]
fn a_change_is_undone_also_while_everything_is_stopped_and_not_made_again() {
    let (site, mistgate) = plugged(ENFORCE);
    mistgate.line("port_changed", 1);
    let before = site.cloud.requests_of("PUT").len();
    assert_eq!(mistgate.order("/ports/stop", &[], "").status(), 200);
    let id = number(&mistgate);
    let said = format!("{id}: to be undone, if the port has what it left\n");
    assert_eq!(port(&site, &["undo", "--last", "5"]), said);
    let line = mistgate.line("port_changed", 2);
    assert_eq!((text(&line, "/mode"), text(&line, "/reason")), ("default", "undo"));
    assert_ne!(site.usage().as_deref(), Some("ap"));
    assert_eq!(mistgate.order("/ports/go", &[], "").status(), 200);

    // It is left alone, also after a restart, until a person says otherwise.
    mistgate.stop();
    let mistgate = site.place.start();
    let puts = site.cloud.requests_of("PUT").len();
    assert!(puts > before, "{puts}");
    site.send_event(&mistgate, "AP_CONNECTED");
    mistgate
        .until("a look at the port", |mistgate| mistgate.metric("mistgate_ports_looked_at") == 0.0);
    let listed = port(&site, &["list"]);
    let left = format!("access-1 {PORT}: mode default, left alone, without mode ap, by a person");
    assert!(listed.contains(&left), "{listed}");
    assert_eq!(site.cloud.requests_of("PUT").len(), puts);
    port(&site, &["approve", &number(&mistgate)]);
    mistgate.line("port_changed", 1);
    assert_eq!(site.usage().as_deref(), Some("ap"));
    mistgate.stop();
}

#[test]
fn what_fails_in_a_row_stops_everything() {
    let (site, mistgate) = {
        let site = Site::new(&format!("abort_after = {{ switch = 1 }}\n{ENFORCE}"));
        let refused = Fault::Status(400, "{\"detail\":\"no such profile\"}".to_owned());
        site.cloud.misbehave("PUT", "", refused, 9);
        let mistgate = site.place.start();
        site.plug();
        site.send_event(&mistgate, "AP_CONNECTED");
        (site, mistgate)
    };
    let line = mistgate.line("ports_stopped", 1);
    let why = "too many changes failed in a row on access-1: 1 (ports.abort_after)";
    assert_eq!(text(&line, "/because"), why);
    site.await_post(&["Switch port changes stopped", why]);
    // It outlives a restart, as when a person stops it.
    let stopped = site.place.path().join("state/stop-ports");
    mistgate.until("the file", |_| stopped.exists());
    mistgate.stop();
    let mistgate = site.place.start();
    assert_eq!(mistgate.metric("mistgate_ports_stopped"), 1.0);
    mistgate.stop();
}
