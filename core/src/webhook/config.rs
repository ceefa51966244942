//! Who may send webhooks, and where: the section `[webhook]` of the configuration.

use alloc::{string::String, vec::Vec};
use core::{net::SocketAddr, time::Duration};

use http_types::Url;

use crate::{base::secret::Secret, http::listener::Policy, http::listener::Tls};

/// `[webhook]`: the listener for webhooks.
#[derive(Clone, Debug)]
pub struct Webhook {
    pub listen: SocketAddr,
    /// Where Mist reaches this listener, for the commands that look after the webhook in Mist.
    pub url: Option<Url>,
    /// Whether Mist is to verify the certificate there (default true).
    pub verify_cert: bool,
    /// The paths that take webhooks; each starts with `/`.
    pub paths: Vec<String>,
    /// The secrets that may sign: at least one, several while rotating.
    pub secrets: Vec<Secret>,
    /// Whether `X-Mist-Signature` (HMAC-SHA1) is enough.
    pub accept_v1: bool,
    /// How long an event is remembered to notice duplicates (default 1h).
    pub dedup_window: Duration,
    /// Older events open no incident that a newer one closed, and have no message of their own
    /// (default 24h).
    pub max_event_age: Duration,
    /// `None`: plain HTTP, for a reverse proxy.
    pub tls: Option<Tls>,
    pub policy: Policy,
}

impl Webhook {
    /// The default path.
    pub const PATH: &str = "/webhooks";

    /// Reads a URL at which Mist reaches us. The error says what is wrong, and repeats nothing of
    /// the text.
    pub fn parse_url(text: &str) -> Result<Url, &'static str> {
        // The parser would silently drop them.
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err("this holds spaces or line ends");
        }
        let url = Url::parse(text).map_err(|_| "this is not a URL")?;
        if !["http", "https"].contains(&url.scheme()) || !url.has_host() {
            Err("this is not an https URL")
        } else if !url.username().is_empty() || url.password().is_some() {
            Err("this URL holds a user name or a password")
        } else if url.fragment().is_some() {
            Err("this URL has a fragment")
        } else {
            Ok(url)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mist_reaches_us_at_an_http_url() {
        for text in ["https://gw.example/webhooks", "http://10.0.0.1:51361/x?y"] {
            assert!(Webhook::parse_url(text).is_ok(), "{text}");
        }
        for (text, what) in [
            ("gw.example/webhooks", "this is not a URL"),
            ("ftp://gw.example/", "this is not an https URL"),
            ("mailto:x@gw.example", "this is not an https URL"),
            ("https://u:p@gw.example/", "this URL holds a user name or a password"),
            ("https://gw.example/#x", "this URL has a fragment"),
            ("https://gw.example/ x", "this holds spaces or line ends"),
        ] {
            assert_eq!(Webhook::parse_url(text), Err(what));
        }
    }
}
