//! Writes messages with every member that the README asks for, in a fixed order.

use alloc::{borrow::Cow, string::String, vec::Vec};

use super::{
    Body, Content, EVENT, Event, HELLO, Hello, Id, Message, Pair, REQUEST, RESPONSE, Request,
    Response,
};

/// The members of an object: names, and values as JSON texts.
type Members<'m> = Vec<(&'m str, Cow<'m, str>)>;

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
        let mut whole: Members<'_> = Vec::new();
        whole.extend(self.siblings.iter().map(|(name, value)| (&**name, value.raw().into())));
        whole.push(("message", object(&self.members()).into()));
        object(&whole)
    }

    fn members(&self) -> Members<'_> {
        let mut members: Members<'_> = Vec::new();
        members.extend(self.id.as_ref().map(|id| ("messageId", id.json())));
        let kind = match &self.content {
            Content::Event(Event { name, .. }) => quoted(&[EVENT, name].concat()),
            Content::Hello(_) => quoted(HELLO),
            Content::Other(name) => quoted(name),
            Content::Request(_) => quoted(REQUEST),
            Content::Response(_) => quoted(RESPONSE),
        };
        members.push(("messageType", kind));
        let requires = if self.requires_response { "true" } else { "false" };
        members.push(("requiresResponse", requires.into()));
        members.extend(self.in_response_to.as_ref().map(|id| ("inResponseTo", id.json())));
        match &self.content {
            Content::Event(Event { body, .. }) => members.extend(body.members()),
            Content::Hello(Hello { peer_class, peer_id }) => {
                members.extend(peer_class.as_deref().map(|class| ("peerClass", quoted(class))));
                members.extend(peer_id.as_deref().map(|id| ("peerId", quoted(id))));
            }
            Content::Other(_) => {}
            Content::Request(Request { method, path, query, headers, body }) => {
                members.extend([("method", quoted(method)), ("path", quoted(path))]);
                members.extend(pairs("queryStrings", query, &["value"]));
                members.extend(pairs("headers", headers, &["value"]));
                members.extend(body.members());
            }
            Content::Response(Response { status, reason, headers, body }) => {
                members.push(("statusCode", alloc::format!("{status}").into()));
                members.extend(reason.as_deref().map(|reason| ("reasonPhrase", quoted(reason))));
                // The original's test client looks for `val` in responses, and dies without it.
                members.extend(pairs("headers", headers, &["value", "val"]));
                members.extend(body.members());
            }
        }
        members.extend(self.unknown.iter().map(|(name, value)| (&**name, value.raw().into())));
        members
    }
}

impl Id<'_> {
    fn json(&self) -> Cow<'_, str> {
        if self.is_text() { quoted(self.as_str()) } else { self.as_str().into() }
    }
}

impl Body<'_> {
    fn members(&self) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
        let format = self.format.as_deref().map(|format| ("dataFormat", quoted(format)));
        let content = self.content.as_ref().map(|content| ("messageBody", content.raw().into()));
        format.into_iter().chain(content)
    }
}

/// A list of names and values, each value under all of `names`; `None` for an empty list.
fn pairs(
    member: &'static str,
    pairs: &[Pair<'_>],
    names: &[&str],
) -> Option<(&'static str, Cow<'static, str>)> {
    let pair = |Pair { name, value }: &Pair<'_>| {
        let values = names.iter().map(|name| (*name, quoted(value)));
        object(&[("name", quoted(name))].into_iter().chain(values).collect::<Vec<_>>())
    };
    let list: Vec<String> = pairs.iter().map(pair).collect();
    (!list.is_empty()).then(|| (member, alloc::format!("[{}]", list.join(",")).into()))
}

fn object(members: &[(&str, Cow<'_, str>)]) -> String {
    let mut out = String::from("{");
    for (place, (name, value)) in members.iter().enumerate() {
        let separator = if place > 0 { "," } else { "" };
        out.extend([separator, &quoted(name), ":", value]);
    }
    out + "}"
}

fn quoted(text: &str) -> Cow<'static, str> {
    serde_json::to_string(text).expect("a text is JSON").into()
}
