//! What is on each page.

use alloc::{format, string::ToString as _, vec::Vec};

use serde_json::Value;

use super::table::Part::{Badge, Flat, Lines, Of, Post, Small, Span, Text, Time};
use super::table::{Column, act, facts, form, pager, search, table, words};
use super::{ROWS, View};
use super::{html::Html, status::list, status::number, status::text};

/// How long a silence may be made for.
const SILENCES: [&str; 5] = ["1h", "8h", "1d", "7d", "until recovered"];

static INCIDENTS: [Column; 7] = [
    ("Severity", &[Badge("/severity")]),
    ("What", &[Text("/summary")]),
    ("Since", &[Time("/opened_at")]),
    ("Device", &[Flat("/device_type"), Small("", "/mac")]),
    ("State", &[Flat("/state"), Small("muted: ", "/muted_by")]),
    ("Known", &[Small("acknowledged by ", "/acknowledged/by")]),
    ("Act", &[Of(acts)]),
];

static PORTS: [Column; 7] = [
    ("Port", &[Text("/port"), Small("", "/switch")]),
    ("AP", &[Text("/ap")]),
    ("Mode", &[Text("/mode"), Small("to get ", "/wanted"), Small("only observed: ", "/observed")]),
    ("Stage", &[Badge("/stage"), Small("", "/last_failure")]),
    ("Held by", &[Text("/refused_by"), Small("left without mode ", "/left"), Lines("/foreseen")]),
    ("Since", &[Time("/changed_at")]),
    ("Act", &[Of(orders)]),
];

static OF_PORTS: [Column; 6] = [
    ("Mode", &[Text("/mode")]),
    ("Method", &[Text("/method")]),
    ("Ports", &[Text("/modes")]),
    ("Watched", &[Text("/watched")]),
    ("Kill switch is on", &[Text("/stopped")]),
    ("Breaker open for", &[Span("/breaker_open_seconds")]),
];

static SILENCED: [Column; 5] = [
    ("What", &[Text("/match")]),
    ("Until", &[Time("/until"), Small("until recovered: ", "/until_recovered")]),
    ("Mutes", &[Text("/muted")]),
    ("By", &[Text("/by"), Small("", "/comment")]),
    ("Act", &[Post("/silences/", "/end", "End")]),
];

static EVENTS: [Column; 6] = [
    ("Time", &[Time("/at")]),
    ("Site", &[Text("/site")]),
    ("Device", &[Text("/device"), Small("", "/type")]),
    ("What", &[Text("/what")]),
    ("Severity", &[Badge("/severity")]),
    ("Went to", &[Text("/to"), Small("", "/why")]),
];

static PEERS: [Column; 7] = [
    ("Peer", &[Text("/peer_id"), Small("", "/peer_class")]),
    ("Stage", &[Badge("/stage")]),
    ("Certificate", &[Text("/certificate/cn"), Small("", "/certificate/o")]),
    ("Let in by", &[Text("/rule")]),
    ("Since", &[Time("/since"), Small("from ", "/address")]),
    ("Last heard before", &[Span("/heard_seconds_ago")]),
    ("Bytes", &[Small("from it: ", "/received/bytes"), Small("to it: ", "/sent/bytes")]),
];

static LETTERS: [Column; 6] = [
    ("Time", &[Time("/at")]),
    ("To", &[Text("/destination")]),
    ("Event", &[Text("/type"), Small("", "/topic")]),
    ("Severity", &[Badge("/severity")]),
    ("Why", &[Text("/reason")]),
    (
        "Act",
        &[Post("/dead-letters/", "/send", "Retry"), Post("/dead-letters/", "/drop", "Discard")],
    ),
];

static SYSTEM: [Column; 11] = [
    ("Version", &[Text("/version")]),
    ("Up", &[Span("/uptime_seconds")]),
    ("Sandbox", &[Text("/sandbox")]),
    ("Store takes writes", &[Text("/store/writable")]),
    ("Set aside", &[Text("/store/set_aside")]),
    ("Dead letters", &[Text("/store/dead_letters")]),
    ("Clock is synchronised", &[Text("/clock/synchronised")]),
    ("Last webhook", &[Time("/events/heard_at")]),
    ("Accepted", &[Text("/events/accepted")]),
    ("Delivered", &[Text("/events/delivered")]),
    ("Given up", &[Text("/events/dropped")]),
];

static MIST: [Column; 5] = [
    ("Organisation", &[Text("/org")]),
    ("Checked", &[Time("/checked_at")]),
    ("Caught up to", &[Time("/caught_up_to")]),
    ("Not checked, because", &[Text("/unchecked")]),
    ("Wrong", &[Text("/wrong")]),
];

static CERTIFICATES: [Column; 2] = [("File", &[Text("/file")]), ("Ends", &[Time("/ends")])];

static DESTINATIONS: [Column; 6] = [
    ("Name", &[Text("/name")]),
    ("Kind", &[Text("/flavour")]),
    ("Health", &[Badge("/health"), Small("", "/reason")]),
    ("Waiting", &[Text("/waiting")]),
    ("Incidents untold", &[Text("/untold")]),
    ("Oldest", &[Span("/oldest_seconds")]),
];

pub(super) fn now(html: &mut Html, view: &View<'_>) {
    let status = view.status;
    if view.wrong.len() > 1 {
        html.element("ul", &[("class", "wrongs")], |html| {
            view.wrong.iter().for_each(|wrong| html.leaf("li", &[], wrong));
        });
    }
    html.leaf("h2", &[], "Open incidents");
    if list(status, "/incidents/sites").next().is_none() {
        html.leaf("p", &[("class", "none")], "No incident is open.");
    }
    for site in list(status, "/incidents/sites") {
        html.element("h3", &[], |html| {
            html.text(if text(site, "/site").is_empty() { "No site" } else { text(site, "/site") });
            let open = number(site, "/open").unwrap_or_default();
            html.leaf("small", &[], &format!("{open} open"));
        });
        let rows: Vec<&Value> = list(site, "/incidents").collect();
        table(html, view, "", &INCIDENTS, &rows, "");
    }
    let waits = |port: &&Value| list(port, "/orders").any(|order| order == "approve");
    let waiting: Vec<&Value> = list(status, "/ports/ports").filter(waits).collect();
    table(html, view, "Waits for approval", &PORTS, &waiting, "");
    let is_dead = |to: &&Value| text(to, "/health") != "ready";
    let dead: Vec<&Value> = list(status, "/destinations").filter(is_dead).collect();
    table(html, view, "Takes no messages", &DESTINATIONS, &dead, "");
    let silences: Vec<&Value> = list(status, "/silences").collect();
    table(html, view, "Silences", &SILENCED, &silences, "");
}

pub(super) fn events(html: &mut Html, view: &View<'_>) {
    search(html, view, "Site, device, type or text");
    let rows: Vec<&Value> = list(view.status, "/recent").collect();
    table(html, view, "", &EVENTS, &rows, "No event in memory matches.");
    pager(html, view, rows.len());
}

pub(super) fn ports(html: &mut Html, view: &View<'_>) {
    let Some(ports) = view.status.get("ports").filter(|ports| !ports.is_null()) else {
        return html.leaf("p", &[("class", "none")], "There is no [ports] in the configuration.");
    };
    facts(html, view, &OF_PORTS, ports);
    html.element("div", &[("class", "acts")], |html| {
        match ports.pointer("/stopped") == Some(&Value::Bool(true)) {
            true => act(html, view, "/ports/go", "Let changes go on", ""),
            false => act(html, view, "/ports/stop", "Stop all changes", ""),
        }
        if number(ports, "/breaker_open_seconds").is_some() {
            act(html, view, "/ports/close-breaker", "Close the breaker", "");
        }
    });
    search(html, view, "Switch, port or AP");
    let rows: Vec<&Value> = list(ports, "/ports").collect();
    table(html, view, "", &PORTS, &rows, "There is none.");
    pager(html, view, rows.len());
}

pub(super) fn destinations(html: &mut Html, view: &View<'_>) {
    let rows: Vec<&Value> = list(view.status, "/destinations").collect();
    table(html, view, "", &DESTINATIONS, &rows, "There is none.");
    let rows: Vec<&Value> = list(view.status, "/letters").skip(view.skip).collect();
    table(html, view, "Dead letters", &LETTERS, &rows, "There is none.");
    pager(html, view, rows.len());
}

pub(super) fn meetups(html: &mut Html, view: &View<'_>) {
    let Some(proxy) = view.status.get("proxy").filter(|proxy| !proxy.is_null()) else {
        return html.leaf("p", &[("class", "none")], "There is no [proxy] in the configuration.");
    };
    for meetup in list(proxy, "/meetups").skip(view.skip).take(ROWS) {
        let peers: Vec<&Value> = list(meetup, "/peers").collect();
        table(html, view, text(meetup, "/meetup"), &PEERS, &peers, "Nobody.");
    }
    pager(html, view, list(proxy, "/meetups").count().saturating_sub(view.skip));
}

pub(super) fn system(html: &mut Html, view: &View<'_>) {
    facts(html, view, &SYSTEM, view.status);
    let mist = view.status.get("mist").filter(|mist| !mist.is_null());
    let rows: Vec<&Value> = mist.into_iter().chain(list(view.status, "/mist_orgs")).collect();
    let none = "Mist is not asked: mist.token_file or mist.org_id is missing.";
    table(html, view, "The way from Mist", &MIST, &rows, none);
    if !rows.is_empty() {
        // Without a way back: the answer has the steps.
        act(html, &View { address: "", ..*view }, "/selftest", "Selftest: ask Mist to ping", "");
    }
    let rows: Vec<&Value> = list(view.status, "/certificates").collect();
    table(html, view, "Certificates", &CERTIFICATES, &rows, "None is configured.");
}

/// Acknowledging an incident, and silencing what it is about.
fn acts(html: &mut Html, view: &View<'_>, row: &Value) {
    let (about, id) = (text(row, "/summary"), number(row, "/id").unwrap_or_default());
    if text(row, "/acknowledged/by").is_empty() {
        act(html, view, &format!("/incidents/{id}/ack"), "Acknowledge", about);
    }
    let fields = [("match.device", "/mac"), ("match.device", "/device"), ("match.site", "/site")];
    let mut fields = fields.map(|(field, pointer)| (field, text(row, pointer))).into_iter();
    let field = fields.find(|(_, value)| !value.is_empty());
    if let Some(field) = field.filter(|_| text(row, "/muted_by").is_empty()) {
        form(html, view, "/silences", &[field], |html| {
            html.element("select", &[("name", "for"), ("aria-label", "For how long")], |html| {
                SILENCES.iter().for_each(|length| html.leaf("option", &[], length));
            });
            html.leaf("button", &[("aria-label", &format!("Silence {about}"))], "Silence");
        });
    }
}

/// What may be ordered about the change of a port.
fn orders(html: &mut Html, view: &View<'_>, row: &Value) {
    let number = number(row, "/change").unwrap_or_default();
    let about = format!("{} {}", text(row, "/switch"), text(row, "/port"));
    for order in list(row, "/orders").map(words) {
        let (first, rest) = order.split_at(order.chars().next().map_or(0, char::len_utf8));
        let label = first.to_uppercase().to_string() + rest;
        act(html, view, &format!("/changes/{number}/{order}"), &label, &about);
    }
}
