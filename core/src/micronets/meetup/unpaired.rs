//! The messages of a peer that has no partner: requests are answered in the partner's place,
//! responses are dropped, and the rest is held.

use alloc::string::String;

use http_types::StatusCode;

use super::input::{ConnectionId, Frame, Traffic};
use super::{HELLO_MAX, Meetup, State, output::Output, peer::Greeting, peer::Names};
use crate::micronets::{http, message::Hello, message::Id, peek::Peek, peek::peek, pending::Side};

impl Meetup {
    /// Takes a message of a peer that has no partner.
    pub(super) fn receive_unpaired(&mut self, side: Side, id: ConnectionId, frame: Frame) {
        match (peek(&frame.payload), &mut self.state) {
            (Some(Peek::Request(to)), _) => {
                self.answer(id, &[to], StatusCode::ServiceUnavailable);
            }
            (Some(Peek::Response(_)), state) => {
                // Its request is answered now, so it is orphaned no longer.
                if let State::Apart { pending, .. } = state {
                    let _ = pending.note(side, &frame.payload);
                }
                self.dropped(id, Traffic::of(&frame.payload));
            }
            (None, _) => self.hold(id, frame),
        }
    }

    /// Holds a message for the next partner.
    fn hold(&mut self, id: ConnectionId, frame: Frame) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if frame.payload.len() <= HELLO_MAX
            && let Ok(names) = Hello::parse(&frame.payload).map(Names::from)
        {
            // A new hello replaces the first one for the next partner.
            peer.greeting = Greeting::Received { hello: frame.payload, names };
            return;
        }
        let lost = peer.held.push(frame, self.config.held_max);
        self.dropped(id, lost);
    }

    /// Answers requests that no partner can answer.
    pub(super) fn answer(&mut self, id: ConnectionId, requests: &[Id<'_>], status: StatusCode) {
        for to in requests {
            self.last_id += 1;
            let frame = Frame::text(refusal(Id::number(self.last_id), to.clone(), status));
            self.outputs.push_back(Output::Send { id, frame });
        }
        if !requests.is_empty() {
            self.outputs.push_back(Output::Answered { id, requests: requests.len(), status });
        }
    }

    pub(super) fn dropped(&mut self, id: ConnectionId, lost: Traffic) {
        if lost.messages > 0 {
            self.outputs.push_back(Output::Dropped { id, lost });
        }
    }
}

/// The response to a request that no partner can answer.
fn refusal(id: Id<'_>, to: Id<'_>, status: StatusCode) -> String {
    let why = if status == StatusCode::BadGateway {
        "the partner left before it answered"
    } else {
        "no partner is connected to this meetup"
    };
    let response = http::refusal(status, why);
    let message = http::response_to_message(id, to, "GET", &response);
    message.expect("an error is a final status").encode()
}
