//! The command line.

use std::net::IpAddr;

use argh::{EarlyExit, FromArgs};
use mistgate_runtime::{
    journal::{Format, Level},
    load::From,
};
use rustls::pki_types::DnsName;

/// Mist webhooks to Slack, Microsoft Teams and Google Chat.
#[derive(FromArgs)]
pub(crate) struct Args {
    #[argh(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(FromArgs)]
#[argh(subcommand)]
pub(crate) enum Command {
    Cert(Cert),
    Check(Check),
    Route(Route),
    Run(Run),
    SendTest(SendTest),
    Version(Version),
}

/// Take webhooks and tell the chats, and let the peers of the websocket proxy meet. Without
/// --config: on this machine only, chats printed here.
#[derive(FromArgs)]
#[argh(subcommand, name = "run")]
pub(crate) struct Run {
    /// the configuration file
    #[argh(option)]
    pub(crate) config: Option<String>,

    /// how log lines look: text (default) or json
    #[argh(option, default = "Format::Text")]
    pub(crate) log_format: Format,

    /// what is logged at least: debug, info (default), warning or error
    #[argh(option, default = "Level::Info")]
    pub(crate) log_level: Level,
}

/// Read a configuration and everything that it names, and list every problem.
#[derive(FromArgs)]
#[argh(subcommand, name = "check")]
pub(crate) struct Check {
    /// the configuration file
    #[argh(option)]
    pub(crate) config: String,
}

/// Show where each event of a webhook's body would go, and why. Nothing is sent.
#[derive(FromArgs)]
#[argh(subcommand, name = "route")]
pub(crate) struct Route {
    /// the configuration file; without it, the built-in configuration
    #[argh(option)]
    pub(crate) config: Option<String>,

    /// print JSON lines with the payloads as they would be posted
    #[argh(switch)]
    pub(crate) payloads: bool,

    /// the file with the body; without it, standard input
    #[argh(positional)]
    pub(crate) body: Option<String>,
}

/// Send one signed webhook through the running mistgate to the real chats, and report each answer.
#[derive(FromArgs)]
#[argh(subcommand, name = "send-test")]
pub(crate) struct SendTest {
    /// the configuration file of the running mistgate; without it, the built-in configuration
    #[argh(option)]
    pub(crate) config: Option<String>,

    /// the channel to test; info if nothing is said
    #[argh(option, default = "String::from(\"info\")")]
    pub(crate) channel: String,
}

/// Make certificates for the websocket proxy and its peers: a root, then leaves that it signs.
#[derive(FromArgs)]
#[argh(subcommand, name = "cert")]
pub(crate) struct Cert {
    #[argh(subcommand)]
    pub(crate) kind: CertKind,
}

/// What a certificate is for.
#[derive(FromArgs)]
#[argh(subcommand)]
pub(crate) enum CertKind {
    Root(CertRoot),
    Intermediate(CertIntermediate),
    Leaf(CertLeaf),
}

/// Make a root: the proxy and its peers, which know its certificate, trust what its key signs.
#[derive(FromArgs)]
#[argh(subcommand, name = "root")]
pub(crate) struct CertRoot {
    /// path and name of the new files, to which .cert.pem, .cert.der and .key.pem are added
    #[argh(option, arg_name = "path")]
    pub(crate) cert_basename: String,

    /// the name in the certificate: O=NAME
    #[argh(option, arg_name = "name", from_str_fn(organization))]
    pub(crate) subject_org_name: String,

    /// days until the certificate ends: 1 to 36500, 500 if nothing is said
    #[argh(option, arg_name = "days", default = "DAYS", from_str_fn(days))]
    pub(crate) expiration_in_days: u32,

    /// replace files that exist
    #[argh(switch)]
    pub(crate) force: bool,
}

/// Make an intermediate: signed by a root, it signs leaves, while the root's key stays locked away.
#[derive(FromArgs)]
#[argh(subcommand, name = "intermediate")]
pub(crate) struct CertIntermediate {
    /// path and name of the new files, to which .cert.pem, .cert.der and .key.pem are added
    #[argh(option, arg_name = "path")]
    pub(crate) cert_basename: String,

    /// the name in the certificate: O=NAME
    #[argh(option, arg_name = "name", from_str_fn(organization))]
    pub(crate) subject_org_name: String,

    /// days until the certificate ends, at the latest with its CA: 1 to 36500, 500 if nothing is
    /// said
    #[argh(option, arg_name = "days", default = "DAYS", from_str_fn(days))]
    pub(crate) expiration_in_days: u32,

    /// the .cert.pem of the CA that signs
    #[argh(option, arg_name = "file")]
    pub(crate) ca_certfile: String,

    /// the .key.pem of the CA that signs
    #[argh(option, arg_name = "file")]
    pub(crate) ca_keyfile: String,

    /// how many more intermediates may follow below this one; 0 if nothing is said
    #[argh(option, arg_name = "count", default = "0")]
    pub(crate) path_length: u8,

    /// replace files that exist
    #[argh(switch)]
    pub(crate) force: bool,
}

/// Make a leaf: the certificate and key of one proxy, gateway or manager.
#[derive(FromArgs)]
#[argh(subcommand, name = "leaf")]
pub(crate) struct CertLeaf {
    /// path and name of the new files, to which .cert.pem, .cert.der, .key.pem and .pkeycert.pem
    /// are added
    #[argh(option, arg_name = "path")]
    pub(crate) cert_basename: String,

    /// the name in the certificate: O=NAME
    #[argh(option, arg_name = "name", from_str_fn(organization))]
    pub(crate) subject_org_name: String,

    /// days until the certificate ends, at the latest with its CA: 1 to 36500, 500 if nothing is
    /// said
    #[argh(option, arg_name = "days", default = "DAYS", from_str_fn(days))]
    pub(crate) expiration_in_days: u32,

    /// the .cert.pem of the root or intermediate that signs
    #[argh(option, arg_name = "file")]
    pub(crate) ca_certfile: String,

    /// the .key.pem of the root or intermediate that signs
    #[argh(option, arg_name = "file")]
    pub(crate) ca_keyfile: String,

    /// a host name or IP address of the holder; may be repeated. Servers need those by which their
    /// clients call them
    #[argh(option, arg_name = "name-or-ip", from_str_fn(alternative_name))]
    pub(crate) san: Vec<String>,

    /// only for a client: a gateway with such a certificate cannot pose as the proxy
    #[argh(switch)]
    pub(crate) client: bool,

    /// only for a server: the proxy. With neither or both, the certificate is good for either side
    #[argh(switch)]
    pub(crate) server: bool,

    /// replace files that exist
    #[argh(switch)]
    pub(crate) force: bool,
}

/// Show the version, the target and the commit.
#[derive(FromArgs)]
#[argh(subcommand, name = "version")]
pub(crate) struct Version {}

impl Args {
    /// The arguments of this process; otherwise what to print instead.
    pub(crate) fn from_process() -> Result<Self, EarlyExit> {
        let mut args = Vec::new();
        for arg in std::env::args_os().skip(1) {
            match arg.into_string() {
                Ok(arg) => args.push(arg),
                Err(arg) => {
                    let output = format!("{}: not UTF-8", arg.to_string_lossy());
                    return Err(EarlyExit { output, status: Err(()) });
                }
            }
        }
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        Self::from_args(&["mistgate"], &args)
    }
}

/// Where the configuration is.
pub(crate) fn source(config: Option<&str>) -> From {
    config.map_or(From::Embedded, |name| From::File(name.to_owned()))
}

/// Of the seed's scripts.
const DAYS: u32 = 500;
const DAYS_MAX: u32 = 36_500;
/// RFC 5280 appendix A.1, ub-organization-name.
const ORGANIZATION_MAX: usize = 64;

fn days(text: &str) -> Result<u32, String> {
    let days = text.parse().ok().filter(|days| (1..=DAYS_MAX).contains(days));
    days.ok_or(format!("expected a whole number from 1 to {DAYS_MAX}"))
}

fn organization(text: &str) -> Result<String, String> {
    let fits = (1..=ORGANIZATION_MAX).contains(&text.chars().count());
    if fits && text.trim() == text && !text.contains(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err(format!("expected 1 to {ORGANIZATION_MAX} characters, with no blank at the ends"))
    }
}

/// A name as certificates carry it: RFC 5280 §4.2.1.6, and a wildcard for the first label (RFC
/// 6125 §6.4.3).
fn alternative_name(text: &str) -> Result<String, String> {
    let host = text.strip_prefix("*.").unwrap_or(text);
    let is_name = DnsName::try_from(host).is_ok() && !host.ends_with('.');
    if is_name || text.parse::<IpAddr>().is_ok() {
        Ok(text.to_owned())
    } else {
        Err("expected a host name in ASCII or an IP address, without scheme and port".to_owned())
    }
}
