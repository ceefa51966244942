//! The bodies of the fuzz targets, as functions that take bytes and panic on a failure.
//!
//! Each of [`ALL`] has a target of its name under `fuzz/` and a folder of inputs under
//! `fuzz/corpus/`, which the tests replay without a fuzzer. `fuzz/README.md` says what each must
//! hold.

use mistgate_core::chat::KINDS;
use mistgate_core::chat::kind::Kind;
use mistgate_core::chat::shape::{Form, Payload};
use mistgate_core::delivery::render::render;
use mistgate_core::delivery::{batch, config::Destination};
use mistgate_core::notify::Notification;
use mistgate_core::notify::merged::merged;
use mistgate_core::notify::topics::describe;
use mistgate_core::route::{Routes, route};
use mistgate_core::webhook::envelope;

use crate::base::bytes::Bytes;
use crate::chat::limits;
use crate::laws::codec;
use crate::ports::netconf::world::Plan;
use crate::ports::{junos, known_hosts, netconf};
use crate::webhook::bodies::body;
use crate::{laws, micronets, ports, world};

/// The name of a target, and its body.
pub type Target = (&'static str, fn(&[u8]));

/// All targets, by name.
pub const ALL: [Target; 32] = [
    ("batch", batch),
    ("chat", chat),
    ("config", config),
    ("engine", engine),
    ("envelope", envelope),
    ("feed", feed),
    ("http_head", http_head),
    ("inbox", inbox),
    ("incidents", incidents),
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
    ("page", page),
    ("ports_governor", ports_governor),
    ("ports_names", ports_names),
    ("ports_port", ports_port),
    ("ports_world", ports_world),
    ("proxy_rules", proxy_rules),
    ("proxy_v2", proxy_v2),
    ("python_literals", python_literals),
    ("queue", queue),
    ("signature", signature),
    ("storms", storms),
    ("world", world),
];

/// A batch as the store keeps it.
pub fn batch(data: &[u8]) {
    codec::batch(data);
}

/// The text of a configuration.
pub fn config(data: &[u8]) {
    codec::config(data);
}

/// A sequence of inputs to the engine.
pub fn engine(data: &[u8]) {
    laws::machine::<laws::engine::Surroundings>(data);
}

/// A webhook's body, from its signature to the stored events.
pub fn envelope(data: &[u8]) {
    codec::envelope(data);
}

/// A sequence of inputs to the feed from Mist.
pub fn feed(data: &[u8]) {
    laws::machine::<laws::feed::Surroundings>(data);
}

/// A stream of HTTP requests.
pub fn http_head(data: &[u8]) {
    laws::http::head(data);
}

/// A sequence of inputs to the inbox.
pub fn inbox(data: &[u8]) {
    laws::machine::<laws::inbox::Surroundings>(data);
}

/// A sequence of inputs to the incidents.
pub fn incidents(data: &[u8]) {
    laws::machine::<laws::incidents::Surroundings>(data);
}

/// Visits to a switch that misbehaves.
pub fn junos_visit(data: &[u8]) {
    junos::run(data);
}

/// The text of a `known_hosts` file.
pub fn known_hosts(data: &[u8]) {
    known_hosts::run(data);
}

/// HTTP on its way through messages of the websocket proxy.
pub fn micronets_http(data: &[u8]) {
    micronets::micronets_http(data);
}

/// A sequence of inputs to a meetup.
pub fn micronets_meetup(data: &[u8]) {
    micronets::micronets_meetup(data);
}

/// Messages of the websocket proxy.
pub fn micronets_message(data: &[u8]) {
    micronets::micronets_message(data);
}

/// A sequence of inputs to a peer of the websocket proxy.
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

/// A reply of a switch.
pub fn netconf_reply(data: &[u8]) {
    netconf::reply(data);
}

/// A sequence of inputs to a session with a switch.
pub fn netconf_session(data: &[u8]) {
    netconf::session::run(data);
}

/// Edits of a switch that misbehaves.
pub fn netconf_world(data: &[u8]) {
    netconf::world::run(&Plan::of(&mut Bytes::new(data)));
}

/// A status of any names, as the page shows it.
pub fn page(data: &[u8]) {
    laws::page::page(data);
}

/// Changes and losses under the rules for ports.
pub fn ports_governor(data: &[u8]) {
    ports::governor(data);
}

/// Names of ports and switches from LLDP, files and requests, and the records that hold them.
pub fn ports_names(data: &[u8]) {
    ports::names(data);
}

/// A sequence of inputs to a switch port.
pub fn ports_port(data: &[u8]) {
    ports::port(data);
}

/// Access points, switches and the cloud around the plan. It runs once only: that the same bytes
/// give the same journal is left to the tests.
pub fn ports_world(data: &[u8]) {
    ports::world(data, None);
}

/// The variables that name proxies and exceptions.
pub fn proxy_rules(data: &[u8]) {
    laws::http::proxies(data);
}

/// The header that a load balancer sends first.
pub fn proxy_v2(data: &[u8]) {
    micronets::proxy_v2(data);
}

/// The configurations of the old programs.
pub fn python_literals(data: &[u8]) {
    laws::python::literals(data);
}

/// A sequence of inputs to the queue of a destination.
pub fn queue(data: &[u8]) {
    laws::machine::<laws::queue::Surroundings>(data);
}

/// Signature headers, secrets and a body.
pub fn signature(data: &[u8]) {
    codec::signed(data);
}

/// Storms in the world.
pub fn storms(data: &[u8]) {
    world::storms(data);
}

/// Transitions of the world. It runs once only: that the same bytes give the same journal is left
/// to the tests.
pub fn world(data: &[u8]) {
    world::run(data);
}

const FORMS: [Form; 3] = [Form::Rich, Form::Compact, Form::Plain];
/// How many events of a body are described and merged, and how many are also shaped one by one. A
/// fuzzer finds more with many small inputs than with one large one.
const DESCRIBED_MAX: usize = 20;
const SHAPED_MAX: usize = 4;
const DASHBOARD_HOST: &str = "manage.mist.com";

/// Whatever the events are, alone and merged, each vendor accepts them in every form.
pub fn chat(data: &[u8]) {
    let body = body(data);
    let envelope = envelope::parse(&body).expect("a body");
    let routes = Routes::default();
    let notifications: Vec<Notification> = envelope
        .events
        .iter()
        .take(DESCRIBED_MAX)
        .map(|event| describe(event, route(event, &routes).severity, DASHBOARD_HOST))
        .collect();
    let together = (notifications.len() > 1).then(|| merged(&notifications));
    let formats =
        || KINDS.into_iter().flat_map(|kind| kind.formats.iter().map(move |of| (kind, of)));
    for notification in together.iter().chain(notifications.iter().take(SHAPED_MAX)) {
        assert!(!notification.title.trim().is_empty(), "no title: {notification:?}");
        for ((kind, format), best) in formats().flat_map(|of| FORMS.map(|best| (of, best))) {
            valid(kind, &(format.shape)(notification, best, &limits::options(kind)), best);
        }
    }
    // Events that were stored give the same message.
    let stored: Vec<_> = envelope
        .events
        .iter()
        .take(DESCRIBED_MAX)
        .map(|event| {
            let stored = batch::Stored {
                received_at: mistgate_core::base::time::UnixTime::default(),
                channel: "info",
                severity: route(event, &routes).severity,
                incidents: "",
                text: event.raw(),
            };
            (envelope.topic.clone(), stored)
        })
        .collect();
    for (kind, format) in formats() {
        let options = limits::options(kind);
        let to = Destination { format, options, ..Destination::new(kind, "chat", String::new()) };
        let rendered = render(&to, DASHBOARD_HOST, &stored, Form::Rich);
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
