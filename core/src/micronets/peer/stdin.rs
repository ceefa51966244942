//! Messages from standard input: one JSON object in a line, as a whole or only what is inside of
//! `message`.

use alloc::string::{String, ToString};

use super::{
    Peer,
    lines::{Line, Wanted},
    output::{Event, Output},
    requests::{Call, Requester, Waiting},
};
use crate::{
    base::time::Instant,
    micronets::message::{Content, Error, Got, Id, Message},
};

impl Peer {
    /// Takes a line.
    pub(super) fn typed(&mut self, line: &[u8]) {
        self.typing.lines += 1;
        let line = line.trim_ascii();
        if line.is_empty() {
            self.outputs.push_back(Output::ReadOn);
            return;
        }
        match self.compose(line) {
            Ok(line) => self.typing.held = Some(line),
            Err(reason) => self.reject(reason),
        }
    }

    /// Takes note of a line that is too long.
    pub(super) fn typed_too_long(&mut self) {
        self.typing.lines += 1;
        let max = self.config.message_max;
        self.reject(alloc::format!("more than {max} bytes"));
    }

    /// Sends the line that waits, if it can be sent.
    pub(super) fn settle_typing(&mut self, now: Instant) {
        if self.unavailable().is_some() || self.calls.len() >= self.config.calls_max {
            return;
        }
        let Some(Line { text, request }) = self.typing.held.take() else {
            return;
        };
        if let Some(Wanted { id, method, path }) = request {
            if self.calls.contains(&id) {
                let id = id.as_str();
                return self.reject(alloc::format!(
                    "message.messageId: expected a new one or none, got {id}, whose response is \
                     awaited"
                ));
            }
            let waiting = Waiting::new(&method, &path, now, &self.config);
            self.calls.insert(&id, Call { requester: Requester::Stdin, waiting });
        }
        self.send(text);
        self.outputs.push_back(Output::ReadOn);
    }

    /// The message that a line is, with the members that real peers insist on.
    fn compose(&mut self, line: &[u8]) -> Result<Line, String> {
        let whole;
        let message = match Message::parse_draft(line) {
            // What has no `message` in it may be what belongs there.
            Err(Error::Member { name: "message", got: Got::Nothing, .. }) => {
                whole = [b"{\"message\":", line, b"}"].concat();
                Message::parse_draft(&whole)
            }
            parsed => parsed,
        };
        let mut message = message.map_err(|error| error.to_string())?;
        let id = message.id.take().map_or_else(|| self.calls.id(), Id::into_owned);
        message.id = Some(id.clone());
        let request = match &message.content {
            Content::Request(request) if message.requires_response => {
                let (method, path) = (request.method.to_string(), request.path.to_string());
                Some(Wanted { id, method, path })
            }
            Content::Event(_)
            | Content::Hello(_)
            | Content::Other(_)
            | Content::Request(_)
            | Content::Response(_) => None,
        };
        let text = message.encode();
        if text.len() > self.config.message_max {
            return Err(self.too_long("line", text.len()));
        }
        Ok(Line { text, request })
    }

    fn reject(&mut self, reason: String) {
        self.typing.fail();
        self.emit(Event::Rejected { line: self.typing.lines, reason });
        self.outputs.push_back(Output::ReadOn);
    }
}
