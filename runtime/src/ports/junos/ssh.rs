//! SSH to a switch, up to the start of its NETCONF subsystem (RFC 6242 §3).
//!
//! The host key must be known. The password, if there is one, is tried once, because switches lock
//! out those who try too often. If a server ends the connection during the key exchange, other
//! methods are offered on a new one.

use std::{fmt, sync::Arc, time::Duration};

use async_compat::{Compat, CompatExt};
use mistgate_core::base::secret::Secret;
use mistgate_core::junos::known_hosts::{KnownHosts, Refusal};
use russh::client::{Config, Handle, Handler};
use russh::{AlgorithmKind, ChannelMsg, ChannelStream, client, keys, keys::PrivateKey};
use smol::{Timer, future::FutureExt};

use crate::{base::sync::Mutex, http::outbound, http::outbound::reach};

mod algorithms;
mod login;

/// How long a connection may be silent before the server is asked for a sign of life. After three
/// questions without an answer it is given up.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// A switch, and how to log in to it.
#[derive(Clone, Debug)]
pub struct Target {
    /// A name or an address.
    pub host: String,
    /// 830, unless it is configured otherwise (RFC 6242 §6).
    pub port: u16,
    pub username: String,
    pub password: Option<Secret>,
    /// Tried before the password.
    pub key: Option<Key>,
    pub known_hosts: Arc<KnownHosts>,
    /// Whether methods that rest on SHA-1 or CBC are offered too.
    pub legacy_algorithms: bool,
    /// For everything from the look-up of the name to the start of the subsystem.
    pub timeout: Duration,
}

/// A private key. Prints as nothing.
#[derive(Clone)]
pub struct Key(Arc<PrivateKey>);

/// Why a text cannot be used as a private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("the key has a passphrase")]
    Encrypted,
    #[error("this is no private key of a kind that we know")]
    Unreadable,
}

impl Key {
    /// Reads a key as OpenSSH, PKCS #8 or PEM write it, without a passphrase.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        match keys::decode_secret_key(text, None) {
            Ok(key) if key.is_encrypted() => Err(KeyError::Encrypted),
            Ok(key) => Ok(Self(Arc::new(key))),
            Err(keys::Error::KeyIsEncrypted) => Err(KeyError::Encrypted),
            Err(_) => Err(KeyError::Unreadable),
        }
    }

    /// Whether it is of the kind whose signatures take a time that depends on the key.
    pub fn is_rsa(&self) -> bool {
        self.0.algorithm().is_rsa()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[key]")
    }
}

/// The steps to a NETCONF session, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Step {
    /// The look-up of the name, and TCP.
    #[error("connecting")]
    Connect,
    /// The key exchange, which includes the check of the host key.
    #[error("the key exchange")]
    KeyExchange,
    #[error("the login")]
    Login,
    #[error("the start of NETCONF")]
    Subsystem,
}

/// Why a session could not be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Both sides have no method of this kind in common; `theirs` are those of the switch.
    #[error("no common {kind}: the switch offers only {}", offers(.theirs))]
    Algorithms { kind: &'static str, theirs: Vec<String> },
    /// The host key is not trusted.
    #[error("{0}")]
    HostKey(Refusal),
    /// The login failed: the methods that were tried, and those that the switch offered.
    #[error("{}", refusal(.username, .tried, .offered))]
    Login { username: String, tried: Vec<&'static str>, offered: Vec<String> },
    #[error("the switch closed the connection during {0}")]
    Lost(Step),
    /// The switch broke the protocol in this step.
    #[error("{step} failed: {reason}")]
    Protocol { step: Step, reason: String },
    /// There is no TCP connection.
    #[error("{0}")]
    Reach(outbound::Cause),
    #[error("the switch refuses NETCONF — expected on it: set system services netconf ssh")]
    Subsystem,
    #[error("{step} took longer than {after:?}")]
    TimedOut { step: Step, after: Duration },
}

impl Error {
    /// Translates an error of the SSH library.
    fn new(step: Step, error: russh::Error) -> Self {
        if let russh::Error::NoCommonAlgo { kind, theirs, .. } = error {
            return Self::Algorithms { kind: kind_of(&kind), theirs };
        }
        let is_end = matches!(
            error,
            russh::Error::HUP
                | russh::Error::Disconnect
                | russh::Error::RecvError
                | russh::Error::SendError
                | russh::Error::IO(_)
        );
        if is_end {
            return Self::Lost(step);
        }
        // The library's other errors do not quote what was sent.
        Self::Protocol { step, reason: error.to_string() }
    }
}

/// What a switch offers, and what may help if that is old.
fn offers(theirs: &[String]) -> String {
    let theirs = theirs.join(", ");
    let is_old = ["sha1", "cbc", "ssh-rsa"].iter().any(|old| theirs.contains(old));
    let hint = if is_old { " — legacy_algorithms = true accepts more" } else { "" };
    format!("{theirs}{hint}")
}

fn refusal(username: &str, tried: &[&str], offered: &[String]) -> String {
    if tried.is_empty() {
        let offered = offered.join(", ");
        return format!("no way to log in as {username}: the switch takes only {offered}");
    }
    format!("the switch refuses the {} of {username}", tried.join(" and the "))
}

/// The channel of a NETCONF session. Dropping it closes the SSH connection.
pub struct Stream {
    pub channel: Compat<ChannelStream<client::Msg>>,
    /// The SSH connection lives as long as this.
    _handle: Handle<Verifier>,
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").finish_non_exhaustive()
    }
}

/// Connects, checks the host key, logs in, and starts NETCONF.
pub async fn open(target: &Target) -> Result<Stream, Error> {
    let reached = Mutex::new(Step::Connect);
    let late = async {
        Timer::after(target.timeout).await;
        Err(Error::TimedOut { step: *reached.lock(), after: target.timeout })
    };
    let reach = |step: Step| *reached.lock() = step;
    // The library needs tokio's timers and tasks.
    Compat::new(open_unbounded(target, &reach)).or(late).await
}

async fn open_unbounded(target: &Target, reached: &impl Fn(Step)) -> Result<Stream, Error> {
    let mut first = None;
    for attempt in 0..algorithms::OFFERS {
        reached(Step::Connect);
        let stream = reach(&target.host, target.port).await.map_err(Error::Reach)?;
        reached(Step::KeyExchange);
        match exchange_keys(target, attempt, stream.compat()).await {
            Ok(mut handle) => {
                reached(Step::Login);
                login::log_in(&mut handle, target).await?;
                reached(Step::Subsystem);
                return start_netconf(handle).await;
            }
            // If a smaller offer has nothing in common, the next one may.
            Err(Error::Algorithms { .. }) if attempt > 0 => {}
            Err(error @ (Error::Lost(_) | Error::Protocol { .. })) => {
                first.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
    Err(first.unwrap_or(Error::Lost(Step::KeyExchange)))
}

async fn exchange_keys(
    target: &Target,
    attempt: usize,
    stream: Compat<smol::Async<std::net::TcpStream>>,
) -> Result<Handle<Verifier>, Error> {
    let known = target.known_hosts.kinds(&target.host, target.port);
    let config = Config {
        preferred: algorithms::offer(attempt, target.legacy_algorithms, &known),
        gex: algorithms::group_sizes(),
        keepalive_interval: Some(KEEPALIVE),
        ..Config::default()
    };
    let verifier = Verifier {
        host: target.host.clone(),
        port: target.port,
        known_hosts: Arc::clone(&target.known_hosts),
    };
    let connected = client::connect_stream(Arc::new(config), stream, verifier).await;
    connected.map_err(|stop| match stop {
        Stop::Refused(refusal) => Error::HostKey(refusal),
        Stop::Ssh(error) => Error::new(Step::KeyExchange, error),
    })
}

/// Starts the subsystem or, if there is none, the command of Junos that does the same.
async fn start_netconf(handle: Handle<Verifier>) -> Result<Stream, Error> {
    let failed = |error| Error::new(Step::Subsystem, error);
    for is_subsystem in [true, false] {
        let mut channel = handle.channel_open_session().await.map_err(failed)?;
        let asked = if is_subsystem {
            channel.request_subsystem(true, "netconf").await
        } else {
            channel.exec(true, "xml-mode netconf need-trailer").await
        };
        asked.map_err(failed)?;
        loop {
            match channel.wait().await {
                Some(ChannelMsg::Success) => {
                    let channel = channel.into_stream().compat();
                    return Ok(Stream { channel, _handle: handle });
                }
                Some(ChannelMsg::Failure | ChannelMsg::Close | ChannelMsg::Eof) => break,
                Some(_) => {}
                None => return Err(Error::Lost(Step::Subsystem)),
            }
        }
    }
    Err(Error::Subsystem)
}

/// Checks the host key during the key exchange.
struct Verifier {
    host: String,
    port: u16,
    known_hosts: Arc<KnownHosts>,
}

/// Why the key exchange is given up.
#[derive(Debug)]
enum Stop {
    Refused(Refusal),
    Ssh(russh::Error),
}

impl From<russh::Error> for Stop {
    fn from(error: russh::Error) -> Self {
        Self::Ssh(error)
    }
}

impl Handler for Verifier {
    type Error = Stop;

    async fn check_server_key(
        &mut self,
        shown: &keys::PublicKeyOrCertificate,
    ) -> Result<bool, Stop> {
        let key = match shown {
            keys::PublicKeyOrCertificate::PublicKey { key, .. } => key,
            // Certificates are not offered.
            keys::PublicKeyOrCertificate::Certificate(_) => return Ok(false),
        };
        let key = key.to_bytes().map_err(|error| Stop::Ssh(error.into()))?;
        let verified = self.known_hosts.verify(&self.host, self.port, &key);
        verified.map(|()| true).map_err(Stop::Refused)
    }
}

const fn kind_of(kind: &AlgorithmKind) -> &'static str {
    match kind {
        AlgorithmKind::Kex => "key exchange method",
        AlgorithmKind::Key => "kind of host key",
        AlgorithmKind::Cipher => "cipher",
        AlgorithmKind::Mac => "MAC",
        AlgorithmKind::Compression => "compression",
    }
}
