//! The guards that hold a change back, and what releases it.

use serde_json::json;

use super::{ENFORCE, KEY, PORT, Site, ask, text, wanted};
use crate::base::binary::Mistgate;
use crate::host::store::{limit, start};

/// A site whose breaker has opened, because two access points were lost within a minute. The site's
/// access point appeared meanwhile, and its port waits.
fn held(hold: &str) -> (Site, Mistgate) {
    let breaker = format!("breaker = {{ aps = 2, window = \"1m\", hold = \"{hold}\" }}\n{ENFORCE}");
    let site = Site::new(&breaker);
    let mistgate = site.place.start();
    for gone in ["5c5b35000002", "5c5b35000003"] {
        mistgate.accept(&site.event("AP_DISCONNECTED", gone));
    }
    mistgate.line("ports_breaker_open", 1);
    site.await_post(&["Switch port changes held"]);
    assert_eq!(mistgate.metric("mistgate_ports_breaker_open"), 1.0);
    site.plug();
    site.send_event(&mistgate, "AP_CONNECTED");
    let line = mistgate.line("port_refused", 1);
    assert_eq!((text(&line, "/port"), text(&line, "/rule")), (PORT, "ports.breaker"));
    assert_eq!(site.cloud.requests_of("PUT"), []);
    (site, mistgate)
}

fn let_go(site: &Site, mistgate: Mistgate) {
    mistgate.line("ports_breaker_closed", 1);
    let line = mistgate.line("port_changed", 1);
    assert_eq!((text(&line, "/port"), text(&line, "/mode")), (PORT, "ap"));
    assert_eq!(site.usage().as_deref(), Some("ap"));
    assert_eq!(mistgate.metric("mistgate_ports_breaker_open"), 0.0);
    site.await_post(&["Switch port changes no longer held"]);
    mistgate.stop();
    let kinds = ["PORTS_BREAKER_OPEN", "PORT_REFUSED", "PORTS_BREAKER_CLOSED", "PORT_CHANGED"];
    assert_eq!(kinds.map(|kind| site.audit(kind).len()), [1; 4]);
}

#[test]
fn the_breaker_is_closed_by_an_order() {
    let (site, mistgate) = held("1h");
    let open = mistgate.status().pointer("/ports/breaker_open_seconds").cloned();
    let open = open.and_then(|secs| secs.as_f64()).expect("seconds");
    assert!((3_000.0..=3_600.0).contains(&open), "{open}");
    let path = "/ports/close-breaker";
    assert_eq!(mistgate.order(path, &[("Origin", "http://x")], "").status(), 403);
    assert_eq!(mistgate.ask(path).status(), 405);
    let answer = mistgate.order(path, &[], "");
    assert_eq!((answer.status(), answer.body.as_str()), (200, "closed\n"));
    let status = mistgate.status();
    assert_eq!(status.pointer("/ports/breaker_open_seconds"), Some(&json!(null)), "{status}");
    let_go(&site, mistgate);
}

#[test]
fn the_breaker_closes_after_its_time() {
    let (site, mistgate) = held("15s");
    let_go(&site, mistgate);
}

/// Without a record on disk, nobody would own a change that a crash cuts short.
#[test]
fn a_change_that_the_disk_does_not_keep_is_not_begun() {
    let site = Site::new(&format!("{ENFORCE}[ports.external]\nkey = \"{KEY}\"\n"));
    let mistgate = start(&site.place);
    mistgate.webhook();
    limit(&mistgate, Some(0));
    site.plug();
    // A webhook would be refused.
    let key = [("X-ClientApiKey", KEY)];
    assert_eq!(ask(&mistgate, "POST", &key, &wanted("AP_CONNECTED")).status(), 200);
    let line = mistgate.line("port_retrying", 1);
    assert_eq!((text(&line, "/port"), text(&line, "/failure")), (PORT, "store"));
    assert_eq!(text(&line, "/because"), "the disk refused to keep that it is under way");
    assert_eq!(site.cloud.requests_of("PUT"), []);
    assert_eq!(mistgate.metric("mistgate_port_failures_total{failure=\"store\"}"), 1.0);

    limit(&mistgate, None);
    let line = mistgate.line("port_changed", 1);
    assert_eq!((text(&line, "/port"), text(&line, "/mode")), (PORT, "ap"));
    assert_eq!(site.usage().as_deref(), Some("ap"));
    // The next run knows it too.
    mistgate.kill();
    let mistgate = site.place.start();
    site.unplug();
    site.send_event(&mistgate, "AP_DISCONNECTED");
    let line = mistgate.line("port_changed", 1);
    assert_eq!((text(&line, "/port"), text(&line, "/mode")), (PORT, "default"));
    mistgate.stop();
}
