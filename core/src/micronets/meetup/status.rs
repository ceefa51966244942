//! The state of a meetup for monitoring.

use alloc::{string::String, vec::Vec};

use serde::Serialize;

use super::{Meetup, State, input::ConnectionId, input::Traffic};

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Its hello has not come.
    Greeting,
    /// It has a partner.
    Paired,
    /// It has answered nothing for `request_timeout`.
    Suspect,
    /// It claims the side of a peer that may be dead.
    Probing,
    /// It has no partner.
    Waiting,
}

/// The state of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerStatus {
    pub id: ConnectionId,
    pub stage: Stage,
    /// `peerClass` of its hello, cut to 64 characters.
    pub peer_class: Option<String>,
    /// `peerId` of its hello, cut to 64 characters.
    pub peer_id: Option<String>,
    /// Its hello included.
    pub received: Traffic,
}

impl Meetup {
    /// The state of every connection, in the order of their ids.
    pub fn peers(&self) -> Vec<PeerStatus> {
        self.peers
            .iter()
            .map(|(&id, peer)| {
                let names = peer.names().cloned().unwrap_or_default();
                PeerStatus {
                    id,
                    stage: if peer.is_suspect { Stage::Suspect } else { self.stage(id) },
                    peer_class: names.class,
                    peer_id: names.id,
                    received: peer.received,
                }
            })
            .collect()
    }

    fn stage(&self, id: ConnectionId) -> Stage {
        match (self.sides.side_of(id), &self.state) {
            (Some(_), State::Relaying { .. }) => Stage::Paired,
            (Some(_), State::Apart { .. } | State::Parting { .. }) => Stage::Waiting,
            (None, _) if self.claim.is_some_and(|claim| claim.id == id) => Stage::Probing,
            (None, _) => Stage::Greeting,
        }
    }
}
