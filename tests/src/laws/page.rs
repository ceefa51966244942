//! The law of the page: whatever a status holds, each page is balanced and escaped.
//!
//! The page is written so that it is XML too, and is read by a parser of that.

use mistgate_core::page::status::wrong;
use mistgate_core::page::{PAGES, View, login, outcome, page as render};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::{Value, json};

/// What a page is made of.
const ELEMENTS: &str = " html head meta title link script body a header nav div span form button \
                        main strong h1 h2 h3 p ul li small table thead tr th tbody td dl dt dd pre \
                        time input label select option footer ";
const ATTRIBUTES: &str = " lang charset name content rel href src defer class id role tabindex \
                          aria-label aria-current method action for type value required \
                          autocomplete scope data-label data-version datetime ";

/// A status as the bytes say it, and one that has all members with names of those bytes.
pub fn page(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let read = serde_json::from_str(&text).unwrap_or_default();
    let mut named = whole();
    let mut names = text.split('\n').cycle();
    rename(&mut named, &mut || names.next().unwrap_or_default().to_owned());
    for status in [&read, &named] {
        let wrong = wrong(status, Some(&text));
        for page in &PAGES {
            for (role, form) in [("", ""), ("look", ""), ("act", text.as_ref())] {
                let view = View {
                    address: &text,
                    query: &text,
                    skip: text.len(),
                    status,
                    wrong: &wrong,
                    role,
                    form,
                    version: &text,
                };
                check(&render(page, &view));
            }
        }
    }
    check(&login(&text));
    check(&outcome(&text, &text, &text));
    let steps = json!([{ "what": text, "reason": text }, { "what": text }]).to_string();
    check(&outcome("", &steps, &text));
}

fn check(html: &str) {
    let mut reader = Reader::from_str(html);
    let mut open = Vec::new();
    loop {
        match reader.read_event().unwrap_or_else(|error| panic!("{error}: {html}")) {
            Event::Start(start) => {
                judge(&start, html);
                open.push(start.name().as_ref().to_owned());
            }
            Event::Empty(start) => judge(&start, html),
            // The reader compares the names.
            Event::End(_) => drop(open.pop()),
            Event::Text(_) | Event::GeneralRef(_) | Event::DocType(_) => {}
            Event::Eof => break,
            other @ (Event::CData(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_)) => {
                panic!("{other:?}: {html}")
            }
        }
    }
    assert_eq!(open, [""; 0], "{html}");
}

/// Checks that an element is one of ours, and leads nowhere else.
fn judge(start: &BytesStart<'_>, html: &str) {
    let is_in = |list: &str, name: &str| list.contains(&format!(" {name} "));
    assert!(is_in(ELEMENTS, start.name().as_ref()), "{start:?}: {html}");
    for attribute in start.attributes() {
        let attribute = attribute.unwrap_or_else(|error| panic!("{error}: {html}"));
        let name = attribute.key.as_ref();
        assert!(is_in(ATTRIBUTES, name), "{attribute:?}: {html}");
        let value = &attribute.value;
        assert!(!value.contains(['<', '>', '"']), "{attribute:?}: {html}");
        // The way back is judged before it is shown.
        if (name == "src" || name == "action") && !value.starts_with('/') {
            panic!("{attribute:?}: {html}");
        }
    }
}

/// Gives every text of a value a name.
fn rename(value: &mut Value, name: &mut dyn FnMut() -> String) {
    match value {
        Value::String(text) => *text = name(),
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, name)),
        Value::Object(members) => members.values_mut().for_each(|member| rename(member, name)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A status with whatever a page may show.
fn whole() -> Value {
    let port = json!({
        "port": "", "switch": "", "ap": "", "mode": "", "wanted": "", "observed": true,
        "stage": "", "last_failure": "", "refused_by": "", "left": "", "foreseen": "",
        "changed_at": "", "orders": ["", "approve"], "change": 7,
    });
    let incident = json!({
        "id": 7, "severity": "", "summary": "", "condition": "", "opened_at": "", "times": 2,
        "device_type": "", "mac": "", "state": "", "acknowledged": { "by": "" }, "muted_by": "",
    });
    let peer = json!({
        "peer_id": "", "peer_class": "", "stage": "", "since": "", "address": "",
        "certificate": { "cn": [""], "o": [""] }, "heard_seconds_ago": 1.5, "rule": "",
        "received": { "messages": 1, "bytes": 2 }, "sent": { "messages": 1, "bytes": 2 },
    });
    let to = json!({
        "name": "", "flavour": "", "health": "", "reason": "", "waiting": 1, "untold": 1,
        "oldest_seconds": 1,
    });
    json!({
        "version": "", "uptime_seconds": 1, "sandbox": "", "events": { "heard_at": "" }, "store": { "writable": true, "set_aside": [""] },
        "incidents": { "sites": [{ "site": "", "open": 1, "incidents": [incident] }] },
        "silences": [{ "id": 1, "match": { "site": [""] }, "until": "", "by": "", "comment": "" }],
        "destinations": [to], "certificates": [{ "file": "", "ends": "" }],
        "ports": { "mode": "", "method": "", "modes": { "ap": 1 }, "ports": [port, port] },
        "proxy": { "connections": 1, "pairs": 1, "meetups": [{ "meetup": "", "peers": [peer] }] },
        "mist": { "org": "", "checked_at": "", "unchecked": "", "wrong": { "webhook": "" } },
        "recent": [{
            "at": "", "topic": "", "type": "", "site": "", "device": "", "what": "",
            "severity": "", "to": [""], "why": "",
        }],
        "letters": [{
            "id": 1, "at": "", "destination": "", "type": "", "topic": "", "severity": "",
            "reason": "",
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_fifty_thousand_ports_is_small() {
        let mut status = whole();
        let ports = status.pointer_mut("/ports/ports").and_then(Value::as_array_mut);
        let ports = ports.expect("a list");
        let first = ports.first().cloned().expect("a port");
        ports.resize(50_000, first);
        let ports = PAGES.iter().find(|page| page.path == "/page/ports").expect("a page");
        let view = View {
            address: "/page/ports?",
            query: "sw 7",
            skip: 400,
            status: &status,
            wrong: &[],
            role: "act",
            form: "form",
            version: "1-1",
        };
        let html = render(ports, &view);
        assert!(html.len() < 1_000_000, "{} bytes", html.len());
        assert_eq!(html.matches("<tr>").count(), 201);
        for link in ["?q=sw+7&amp;skip=200", "?q=sw+7&amp;skip=600"] {
            assert!(html.contains(link), "{link}");
        }
    }
}
