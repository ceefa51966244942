//! The websocket proxy in metrics and status.
//!
//! Metrics have no label for the meetup, because peers choose its id and there may be any number.

use mistgate_core::micronets::access;
use serde_json::{Value, json};

use super::gauge;
use crate::base::metrics::Gauge;
use crate::micronets::relay::{MeetupStatus, Peer, Status, Totals};

/// The totals as gauges.
pub(super) fn gauges(Status { totals, .. }: &Status) -> [Gauge; 3] {
    let Totals { meetups, pairs, connections } = *totals;
    [
        gauge("proxy_connections", "Peers connected to the websocket proxy.", connections as f64),
        gauge("proxy_meetups", "Meetups with at least one peer.", meetups as f64),
        gauge("proxy_pairs", "Meetups whose two peers talk to each other.", pairs as f64),
    ]
}

/// Every meetup and its peers.
pub(super) fn json(Status { totals, meetups, rules }: &Status) -> Value {
    let meetup = |MeetupStatus { meetup, peers }: &MeetupStatus| {
        let rule = |peer: &Peer| Some(&access::allowing(rules, meetup, &peer.identity)?.meetup);
        let peers: Vec<_> = peers.iter().map(|one| peer(one, rule(one))).collect();
        json!({ "meetup": meetup, "peers": peers })
    };
    json!({
        "connections": totals.connections,
        "pairs": totals.pairs,
        "meetups": meetups.iter().map(meetup).collect::<Vec<_>>(),
    })
}

fn peer(peer: &Peer, rule: Option<&String>) -> Value {
    let Peer { status, identity, address, since, received_ago, sent } = peer;
    json!({
        "peer": status.id,
        "stage": status.stage,
        "peer_class": status.peer_class,
        "peer_id": status.peer_id,
        "certificate": { "o": identity.organisations, "cn": identity.common_names },
        "rule": rule,
        "address": address.to_string(),
        "since": since.rfc3339(),
        "heard_seconds_ago": received_ago.as_secs_f64(),
        "received": { "messages": status.received.messages, "bytes": status.received.bytes },
        "sent": { "messages": sent.messages, "bytes": sent.bytes },
    })
}
