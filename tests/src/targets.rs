//! The bodies of the fuzz targets, as ordinary functions from bytes to a panic or none.
//!
//! Each of [`ALL`] has a target of its name under `fuzz/` and a folder of inputs under
//! `fuzz/corpus/`, which the tests replay without a fuzzer. What each must hold is said once, in
//! `fuzz/README.md`.

use mistgate_core::{
    chat::{
        kind::Kind,
        kinds::KINDS,
        shape::{Form, Payload},
    },
    delivery::{
        batch::{self, site_number},
        render::render,
    },
    notify::{Notification, describe::describe, digest::digest},
    route::{Routes, route},
    webhook::envelope,
};

use crate::{
    base::bytes::Bytes,
    chat::limits,
    laws::{self, codec},
    micronets,
    ports::{
        self, junos, known_hosts,
        netconf::{self, world::Plan},
    },
    webhook::bodies::body,
    world,
};

/// A target's name and body.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const ALL: [Target; 27] = [
    ("batch", batch),
    ("chat", chat),
    ("config", config),
    ("engine", engine),
    ("envelope", envelope),
    ("http_head", http_head),
    ("inbox", inbox),
    ("junos_visit", junos_visit),
    ("known_hosts", known_hosts),
    ("micronets_http", micronets_http),
    ("micronets_meetup", micronets_meetup),
    ("micronets_message", micronets_message),
    ("micronets_peer", micronets_peer),
    ("micronets_upgrade", micronets_upgrade),
    ("netconf_framing", netconf_framing),
    ("netconf_reply", netconf_reply),
    ("netconf_session", netconf_session),
    ("netconf_world", netconf_world),
    ("ports_governor", ports_governor),
    ("ports_names", ports_names),
    ("ports_port", ports_port),
    ("ports_world", ports_world),
    ("proxy_rules", proxy_rules),
    ("python_literals", python_literals),
    ("queue", queue),
    ("signature", signature),
    ("world", world),
];

/// The store's bytes.
pub fn batch(data: &[u8]) {
    codec::batch(data);
}

/// The configuration's text.
pub fn config(data: &[u8]) {
    codec::config(data);
}

/// Operations on the engine.
pub fn engine(data: &[u8]) {
    laws::machine::<laws::engine::Surroundings>(data);
}

/// A webhook's body, from its signature to the stored events.
pub fn envelope(data: &[u8]) {
    codec::envelope(data);
}

/// A stream of HTTP requests.
pub fn http_head(data: &[u8]) {
    laws::http::head(data);
}

/// Operations on an inbox.
pub fn inbox(data: &[u8]) {
    laws::machine::<laws::inbox::Surroundings>(data);
}

/// Visits to a switch that misbehaves.
pub fn junos_visit(data: &[u8]) {
    junos::run(data);
}

/// Whose host key is trusted.
pub fn known_hosts(data: &[u8]) {
    known_hosts::run(data);
}

/// HTTP on its way through messages of the websocket proxy.
pub fn micronets_http(data: &[u8]) {
    micronets::micronets_http(data);
}

/// Operations on a meetup.
pub fn micronets_meetup(data: &[u8]) {
    micronets::micronets_meetup(data);
}

/// Messages of the websocket proxy.
pub fn micronets_message(data: &[u8]) {
    micronets::micronets_message(data);
}

/// Operations on a peer of the websocket proxy.
pub fn micronets_peer(data: &[u8]) {
    laws::machine::<laws::peer::Surroundings>(data);
}

/// The head of an upgrade to a websocket.
pub fn micronets_upgrade(data: &[u8]) {
    micronets::micronets_upgrade(data);
}

/// A stream of NETCONF messages, in pieces.
pub fn netconf_framing(data: &[u8]) {
    netconf::framing(data);
}

/// What a switch answers.
pub fn netconf_reply(data: &[u8]) {
    netconf::reply(data);
}

/// Operations on a session with a switch.
pub fn netconf_session(data: &[u8]) {
    netconf::session::run(data);
}

/// Edits of a switch that misbehaves.
pub fn netconf_world(data: &[u8]) {
    netconf::world::run(&Plan::of(&mut Bytes::new(data)));
}

/// Changes and losses under the rules for ports.
pub fn ports_governor(data: &[u8]) {
    ports::governor(data);
}

/// What LLDP, files and requests call ports and switches, and what is written about them.
pub fn ports_names(data: &[u8]) {
    ports::names(data);
}

/// Operations on a switch port.
pub fn ports_port(data: &[u8]) {
    ports::port(data);
}

/// What happens to access points, switches and the cloud around the plan. That the same bytes give
/// the same journal is not worth a fuzzer's time.
pub fn ports_world(data: &[u8]) {
    ports::world(data, None);
}

/// The variables that name proxies and exceptions.
pub fn proxy_rules(data: &[u8]) {
    laws::http::proxies(data);
}

/// The configurations of the old programs.
pub fn python_literals(data: &[u8]) {
    laws::python::literals(data);
}

/// Operations on the queue of a destination.
pub fn queue(data: &[u8]) {
    laws::machine::<laws::queue::Surroundings>(data);
}

/// Signature headers, secrets and a body.
pub fn signature(data: &[u8]) {
    codec::signed(data);
}

/// Transitions of the world. That the same bytes give the same journal is not worth a fuzzer's
/// time.
pub fn world(data: &[u8]) {
    world::run(data);
}

const FORMS: [Form; 3] = [Form::Rich, Form::Compact, Form::Plain];
/// Events of a body that are described and merged, and of those that are also shaped one by one: a
/// fuzzer finds more in many small inputs than in one large one.
const DESCRIBED_MAX: usize = 20;
const SHAPED_MAX: usize = 4;
const DASHBOARD_HOST: &str = "manage.mist.com";

/// Whatever the events are, alone and merged, each vendor would take every form of them.
pub fn chat(data: &[u8]) {
    let body = body(data);
    let envelope = envelope::parse(&body).expect("a body");
    let routes = Routes::default();
    let notifications: Vec<Notification> = envelope
        .events
        .iter()
        .take(DESCRIBED_MAX)
        .map(|(_, event)| describe(event, route(event, &routes).severity, DASHBOARD_HOST))
        .collect();
    let merged = (notifications.len() > 1).then(|| digest(&notifications));
    let formats =
        || KINDS.into_iter().flat_map(|kind| kind.formats.iter().map(move |of| (kind, of)));
    for notification in merged.iter().chain(notifications.iter().take(SHAPED_MAX)) {
        assert!(!notification.title.trim().is_empty(), "no title: {notification:?}");
        for ((kind, format), best) in formats().flat_map(|of| FORMS.map(|best| (of, best))) {
            valid(kind, &(format.shape)(notification, best), best);
        }
    }
    // By way of the store the same events are the same message.
    let stored: Vec<_> = envelope
        .events
        .iter()
        .take(DESCRIBED_MAX)
        .map(|(text, event)| {
            let stored = batch::Stored {
                channel: "info",
                severity: route(event, &routes).severity,
                site: site_number(event.site_id().as_deref()),
                text,
            };
            (envelope.topic.clone(), stored)
        })
        .collect();
    for (kind, format) in formats() {
        let rendered = render(format, DASHBOARD_HOST, &stored, Form::Rich);
        assert_eq!(rendered.is_none(), stored.is_empty());
        if let Some(payload) = rendered {
            valid(kind, &payload, Form::Rich);
        }
    }
}

fn valid(kind: &Kind, payload: &Payload, best: Form) {
    let faults = limits::check(kind, &payload.body);
    assert!(faults.is_empty(), "{kind:?}, {best:?}: {faults:#?}\n{}", payload.body);
    assert!(kind.url.is_none() || payload.form >= best, "better than asked for");
    assert!(!payload.body.contains('\n'), "not one line");
}
