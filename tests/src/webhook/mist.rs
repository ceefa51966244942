//! Mist as a sender: signs bodies with the webhook's secret, and posts them.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use mistgate_core::base::{hex, secret::Secret};
use mistgate_core::webhook::signature::{HEADER_V1, HEADER_V2};
use serde_json::json;
use sha1::Sha1;

use crate::base::http::{self, Message};

/// Longer than the slowest timeout of the listener.
const PATIENCE: Duration = Duration::from_secs(60);

/// A webhook of an organisation.
#[derive(Clone, Debug)]
pub struct Mist {
    secret: Secret,
    path: String,
}

impl Mist {
    /// A webhook with this secret, posted to `/webhooks`.
    pub fn new(secret: &str) -> Self {
        Self { secret: Secret::new(secret), path: "/webhooks".to_owned() }
    }

    /// Posts a body as Mist does, over a new connection.
    pub fn post(&self, to: SocketAddr, body: &str) -> io::Result<Message> {
        send(to, &self.request(body))
    }

    /// The request as bytes.
    pub fn request(&self, body: &str) -> String {
        let signature = self.secret.sign(body.as_bytes());
        request("POST", &self.path, &[(HEADER_V2, &signature)], body)
    }

    /// The request as bytes, with the old signature only.
    pub fn request_v1(&self, body: &str) -> String {
        // RFC 2104 §2 allows keys of any length.
        let Ok(mut mac) = <Hmac<Sha1> as KeyInit>::new_from_slice(self.secret.expose().as_bytes())
        else {
            unreachable!("a key of any length");
        };
        mac.update(body.as_bytes());
        let digest = mac.finalize().into_bytes();
        let signature = hex::encode(&digest);
        request("POST", &self.path, &[(HEADER_V1, &signature)], body)
    }
}

/// A request as bytes.
pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n");
    let length = body.len().to_string();
    for (name, value) in headers.iter().chain(&[("Content-Length", length.as_str())]) {
        head.extend([name, ": ", value, "\r\n"]);
    }
    head + "\r\n" + body
}

/// Sends a request over a new connection, and reads the answer.
pub fn send(to: SocketAddr, request: &str) -> io::Result<Message> {
    let mut stream = connect(to)?;
    http::exchange(&mut stream, request.as_bytes())
}

/// A connection whose reads and writes time out.
pub fn connect(to: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&to, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A webhook's body.
pub fn body(topic: &str, events: &[serde_json::Value]) -> String {
    json!({ "topic": topic, "events": events }).to_string()
}

/// A device event. Every chat shows the device's name, which identifies the event.
pub fn device_event(kind: &str, device: &str) -> serde_json::Value {
    json!({
        "type": kind,
        "timestamp": 1_752_000_000,
        "device_name": device,
        "mac": "00005e005301",
        "site_name": "Loopback",
        "text": "As if it had happened.",
    })
}

/// A body with one device event.
pub fn event_body(kind: &str, device: &str) -> String {
    body("device-events", &[device_event(kind, device)])
}
