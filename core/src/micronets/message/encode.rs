//! Writes messages with every member that the README asks for, in a fixed order.

use alloc::string::String;

use super::{
    Body, Content, EVENT, Event, HELLO, Hello, Id, Json, Message, Pair, REQUEST, RESPONSE, Request,
    Response,
};

impl<'a> Message<'a> {
    /// A message without unknown members. Only a request requires a response.
    pub fn new(id: Id<'a>, content: Content<'a>) -> Self {
        Self {
            id: Some(id),
            requires_response: matches!(content, Content::Request(_)),
            in_response_to: None,
            content,
            unknown: [].into(),
            siblings: [].into(),
        }
    }

    /// The response to the request with the id `to`.
    pub fn response(id: Id<'a>, to: Id<'a>, response: Response<'a>) -> Self {
        Self { in_response_to: Some(to), ..Self::new(id, Content::Response(response)) }
    }

    /// The JSON text of the message.
    pub fn encode(&self) -> String {
        let mut out = String::with_capacity(256);
        object(&mut out, |whole| {
            for (name, value) in &self.siblings {
                whole.raw(name, value.raw());
            }
            object(whole.member("message"), |message| self.write(message));
        });
        out
    }

    fn write(&self, message: &mut Members<'_>) {
        if let Some(id) = &self.id {
            message.id("messageId", id);
        }
        let kind = message.member("messageType");
        match &self.content {
            Content::Event(Event { name, .. }) => quote(&[EVENT, name].concat(), kind),
            Content::Hello(_) => quote(HELLO, kind),
            Content::Other(name) => quote(name, kind),
            Content::Request(_) => quote(REQUEST, kind),
            Content::Response(_) => quote(RESPONSE, kind),
        }
        message.raw("requiresResponse", if self.requires_response { "true" } else { "false" });
        if let Some(id) = &self.in_response_to {
            message.id("inResponseTo", id);
        }
        match &self.content {
            Content::Event(Event { body, .. }) => message.body(body),
            Content::Hello(Hello { peer_class, peer_id }) => {
                message.text("peerClass", peer_class.as_deref());
                message.text("peerId", peer_id.as_deref());
            }
            Content::Other(_) => {}
            Content::Request(Request { method, path, query, headers, body }) => {
                message.text("method", Some(method));
                message.text("path", Some(path));
                message.pairs("queryStrings", query, &["value"]);
                message.pairs("headers", headers, &["value"]);
                message.body(body);
            }
            Content::Response(Response { status, reason, headers, body }) => {
                message.raw("statusCode", &alloc::format!("{status}"));
                message.text("reasonPhrase", reason.as_deref());
                // The original's test client looks for `val` in responses, and dies without it.
                message.pairs("headers", headers, &["value", "val"]);
                message.body(body);
            }
        }
        for (name, value) in &self.unknown {
            message.raw(name, value.raw());
        }
    }
}

/// The members of an object that is being written.
struct Members<'o> {
    out: &'o mut String,
    any: bool,
}

impl Members<'_> {
    /// Begins a member; its value must be written next.
    fn member(&mut self, name: &str) -> &mut String {
        if self.any {
            self.out.push(',');
        }
        self.any = true;
        quote(name, self.out);
        self.out.push(':');
        self.out
    }

    fn raw(&mut self, name: &str, json: &str) {
        self.member(name).push_str(json);
    }

    fn text(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            quote(text, self.member(name));
        }
    }

    fn id(&mut self, name: &str, id: &Id<'_>) {
        let out = self.member(name);
        if id.is_text() { quote(id.as_str(), out) } else { out.push_str(id.as_str()) }
    }

    /// A list of names and values, each value under all of `names`. An empty list is left out.
    fn pairs(&mut self, name: &str, pairs: &[Pair<'_>], names: &[&str]) {
        if pairs.is_empty() {
            return;
        }
        let out = self.member(name);
        let mut separator = '[';
        for pair in pairs {
            out.push(separator);
            separator = ',';
            object(out, |members| {
                members.text("name", Some(&pair.name));
                for name in names {
                    members.text(name, Some(&pair.value));
                }
            });
        }
        out.push(']');
    }

    fn body(&mut self, body: &Body<'_>) {
        self.text("dataFormat", body.format.as_deref());
        if let Some(content) = body.content.as_ref().map(Json::raw) {
            self.raw("messageBody", content);
        }
    }
}

fn object(out: &mut String, write: impl FnOnce(&mut Members<'_>)) {
    out.push('{');
    write(&mut Members { out, any: false });
    out.push('}');
}

fn quote(text: &str, out: &mut String) {
    out.push_str(&serde_json::to_string(text).expect("a text is JSON"));
}
