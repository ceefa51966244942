//! `mistgate connect`

use std::net::{Ipv4Addr, SocketAddr};

use mistgate_core::{http::listener::Tls, micronets::peer::input::Config};
use mistgate_runtime::micronets::{peer, peer::Settings};
use mistgate_runtime::{base::journal::Journal, http::tls::peer::Credentials};

use crate::args::Connect;

/// Where the original's test client listens.
const HTTP_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 5001);

pub(crate) fn run(args: Connect) -> Result<(), String> {
    let journal = Journal::new(args.log_format, args.log_level);
    let http_listen =
        args.http_listen.unwrap_or_else(|| args.forward.is_none().then_some(HTTP_LISTEN));
    let own = match (args.client_cert, args.client_key) {
        (Some(cert), Some(key)) => Some(Tls { cert, key }),
        (Some(both), None) => Some(Tls { cert: both.clone(), key: both }),
        (None, _) => None,
    };
    let class = if args.forward.is_some() { "mistgate-gateway" } else { "mistgate-client" };
    let peer_id = match args.peer_id {
        Some(id) => id,
        None => random_id()?,
    };
    let config = Config {
        peer_class: args.peer_class.unwrap_or_else(|| class.to_owned()),
        peer_id,
        forwards: args.forward.is_some(),
        ends_with_input: http_listen.is_none()
            && args.event_listen.is_none()
            && args.forward.is_none(),
        request_timeout: args.request_timeout,
        ..Config::default()
    };
    let settings = Settings {
        meetup: args.url,
        credentials: Credentials { own, authorities: args.ca_cert, verify: args.verify },
        config,
        http_listen,
        event_listen: args.event_listen,
        forward: args.forward,
    };
    let ends_with_input = settings.config.ends_with_input;
    let wish = (!args.unsafe_no_sandbox).then_some(args.require_sandbox);
    match peer::run(settings, journal, wish)? {
        failed if failed == 0 || !ends_with_input => Ok(()),
        1 => Err("one message was not sent, or not answered".to_owned()),
        failed => Err(format!("{failed} messages were not sent, or not answered")),
    }
}

fn random_id() -> Result<String, String> {
    let mut id = [0; 4];
    getrandom::fill(&mut id).map_err(|error| format!("no random numbers: {error}"))?;
    Ok(format!("{:08x}", u32::from_be_bytes(id)))
}
