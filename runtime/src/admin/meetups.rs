//! The websocket proxy in metrics and status.
//!
//! Metrics have no label for the meetup: its name is the peers' choice, so there may be any number.

use mistgate_core::micronets::meetup::status::Stage;
use serde_json::{Value, json};

use super::gauge;
use crate::{
    base::metrics::Gauge,
    micronets::relay::{MeetupStatus, Peer, Status, Totals},
};

/// How many there are of everything.
pub(super) fn gauges(Status { totals, .. }: &Status) -> [Gauge; 3] {
    let Totals { meetups, pairs, connections } = *totals;
    [
        gauge("proxy_connections", "Peers connected to the websocket proxy.", connections as f64),
        gauge("proxy_meetups", "Meetups with at least one peer.", meetups as f64),
        gauge("proxy_pairs", "Meetups whose two peers talk to each other.", pairs as f64),
    ]
}

/// Who is where, since when, and how much it said.
pub(super) fn json(Status { totals, meetups }: &Status) -> Value {
    let meetup = |MeetupStatus { meetup, peers }: &MeetupStatus| {
        let peers: Vec<_> = peers.iter().map(peer).collect();
        json!({ "meetup": meetup, "peers": peers })
    };
    json!({
        "connections": totals.connections,
        "pairs": totals.pairs,
        "meetups": meetups.iter().map(meetup).collect::<Vec<_>>(),
    })
}

fn peer(peer: &Peer) -> Value {
    let stage = match peer.stage {
        Stage::Greeting => "greeting",
        Stage::Paired => "paired",
        Stage::Probing => "probing",
        Stage::Waiting => "waiting",
    };
    json!({
        "peer": peer.id,
        "stage": stage,
        "peer_class": peer.peer_class,
        "peer_id": peer.peer_id,
        "certificate": { "o": peer.organisations, "cn": peer.common_names },
        "address": peer.address.to_string(),
        "since": peer.since.rfc3339(),
        "heard_seconds_ago": peer.heard_ago.as_secs_f64(),
        "received": { "messages": peer.received_messages, "bytes": peer.received_bytes },
        "sent": { "messages": peer.sent_messages, "bytes": peer.sent_bytes },
    })
}
