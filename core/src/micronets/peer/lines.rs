//! Messages from standard input, one JSON object a line: a whole message, or only the members of
//! `message`.

use alloc::string::{String, ToString};

use http_types::StatusCode;

use super::{Peer, calls::Call};
use super::{calls::Requester, input::RequestId, output::Event, output::Output, stdin::Line};
use crate::micronets::message::{Content, Error, Id, Message, NOTHING};
use crate::{base::time::Instant, micronets::http};

impl Peer {
    /// Takes a line of standard input.
    pub(super) fn line_received(&mut self, line: &[u8]) {
        self.stdin.lines += 1;
        let line = line.trim_ascii();
        if line.is_empty() {
            self.outputs.push_back(Output::ReadOn);
            return;
        }
        match self.compose(line) {
            Ok(line) => self.stdin.held = Some(line),
            Err(reason) => self.reject(reason),
        }
    }

    /// Rejects a line that is too long.
    pub(super) fn line_too_long(&mut self) {
        self.stdin.lines += 1;
        let max = self.config.message_max;
        self.reject(alloc::format!("more than {max} bytes"));
    }

    /// Sends the line that waits, if a message can be sent.
    pub(super) fn settle_stdin(&mut self, now: Instant) {
        if self.unavailable().is_some() || self.calls.open.len() >= self.config.calls_max {
            return;
        }
        let Some(Line { text, request }) = self.stdin.held.take() else { return };
        if let Some((id, method, path)) = request {
            if self.calls.open.contains_key(id.as_str()) {
                let id = id.as_str();
                return self.reject(alloc::format!(
                    "message.messageId: expected a new one or none, got {id}, whose response is \
                     awaited"
                ));
            }
            let call = Call::new(Requester::Stdin, &method, &path, now, &self.config);
            self.calls.open.insert(id.as_str().into(), call);
        }
        self.send(text);
        self.outputs.push_back(Output::ReadOn);
    }

    /// Takes an event of a local program.
    pub(super) fn tell(&mut self, id: RequestId, line: &[u8]) {
        let (status, why) = match (self.unavailable(), self.compose(line)) {
            (Some(why), _) => (StatusCode::ServiceUnavailable, why.to_string()),
            (None, Err(why)) => (StatusCode::BadRequest, why),
            (None, Ok(Line { text, .. })) => {
                self.send(text);
                (StatusCode::Accepted, "it goes to the partner".to_string())
            }
        };
        self.outputs.push_back(Output::Respond { id, response: http::refusal(status, &why) });
    }

    /// The message of a line, with the members that real peers insist on.
    fn compose(&mut self, line: &[u8]) -> Result<Line, String> {
        let whole;
        let message = match Message::parse_draft(line) {
            // A line without a `message` member may hold what belongs there.
            Err(Error::Member { name: "message", got: NOTHING, .. }) => {
                whole = [b"{\"message\":", line, b"}"].concat();
                Message::parse_draft(&whole)
            }
            parsed => parsed,
        };
        let mut message = message.map_err(|error| error.to_string())?;
        let id = message.id.take().map_or_else(|| self.calls.id(), Id::into_owned);
        message.id = Some(id.clone());
        let request = if let Content::Request(request) = &message.content
            && message.requires_response
        {
            Some((id, request.method.to_string(), request.path.to_string()))
        } else {
            None
        };
        let text = message.encode();
        if text.len() > self.config.message_max {
            return Err(self.too_long("line", text.len()));
        }
        Ok(Line { text, request })
    }

    fn reject(&mut self, reason: String) {
        self.stdin.failed += 1;
        self.emit(Event::Rejected { line: self.stdin.lines, reason });
        self.outputs.push_back(Output::ReadOn);
    }
}
