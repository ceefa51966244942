//! The command line.

use std::{ffi::OsString, net::IpAddr, net::SocketAddr, time::Duration};

use argh::{EarlyExit, FromArgs};
use mistgate_core::config::{problem::meant, units};
use mistgate_runtime::micronets::peer::{Meetup, Server};
use mistgate_runtime::{base::journal::Format, base::journal::Level, http::tls::peer::Verify};
use rustls::pki_types::DnsName;

/// Declares commands, an argument a row: its kind and what `argh` is to know of it, its name, its
/// type. A command of commands has their names behind a colon.
macro_rules! commands {
    () => {};
    ($(#[$about:meta])* $name:literal $command:ident: $kind:ident { $($of:ident($one:ident)),+ }
     $($rest:tt)*) => {
        #[derive(argh::FromArgs)]
        $(#[$about])*
        #[argh(subcommand, name = $name)]
        pub(crate) struct $command {
            #[argh(subcommand)]
            pub(crate) kind: $kind,
        }

        /// What it can be told to do.
        #[derive(argh::FromArgs)]
        #[argh(subcommand)]
        pub(crate) enum $kind {
            $($of($one)),+
        }

        commands! { $($rest)* }
    };
    ($(#[$about:meta])* $name:literal $command:ident {
        $($(#[$doc:meta])* $kind:ident $(($($how:tt)*))? $field:ident: $type:ident $(<$of:ty>)?,)*
    } $($rest:tt)*) => {
        #[derive(argh::FromArgs)]
        $(#[$about])*
        #[argh(subcommand, name = $name)]
        pub(crate) struct $command {
            $($(#[$doc])* #[argh($kind $(, $($how)*)?)] pub(crate) $field: $type $(<$of>)?,)*
        }

        commands! { $($rest)* }
    };
}

pub(crate) mod dead_letter;
pub(crate) mod incident;
pub(crate) mod mist;
pub(crate) mod port;
mod replay;
mod store;

pub(crate) use self::port::Port;
pub(crate) use self::replay::Replay;
pub(crate) use self::store::{Backup, CheckStore, Restore, Salvage, Store, StoreKind};
use self::{dead_letter::DeadLetter, incident::Incident};
use self::{incident::Silence, incident::SilenceKind, mist::Mist, mist::Selftest};

/// Mist webhooks to Slack, Microsoft Teams and Google Chat, and the Micronets websocket proxy.
#[derive(FromArgs)]
pub(crate) struct Args {
    #[argh(subcommand)]
    pub(crate) command: Command,
}

/// What mistgate can be told to do.
#[derive(FromArgs)]
#[argh(subcommand)]
pub(crate) enum Command {
    Cert(Cert),
    Check(Check),
    Connect(Connect),
    DeadLetter(DeadLetter),
    Import(Import),
    Incident(Incident),
    Init(Init),
    Install(Install),
    Mist(Mist),
    Port(Port),
    Replay(Replay),
    Route(Route),
    Run(Run),
    Selftest(Selftest),
    SendTest(SendTest),
    Silence(Silence),
    Status(Status),
    Store(Store),
    Version(Version),
}

commands! {
    /// Take webhooks and tell the chats, and let the peers of the websocket proxy meet. Without
    /// --config: on this machine only, chats printed here.
    "run" Run {
        /// the configuration file
        option config: Option<String>,
        /// how log lines look: text (default) or json
        option(default = "Format::Text") log_format: Format,
        /// what is logged at least: debug, info (default), warning or error
        option(default = "Level::Info") log_level: Level,
        /// keep all rights: every file, port and system call that this user may have, and core
        /// dumps
        switch unsafe_no_sandbox: bool,
        /// do not start where the kernel lacks a part of the sandbox
        switch require_sandbox: bool,
    }

    /// Read a configuration and everything that it names, and list every problem.
    "check" Check {
        /// the configuration file
        option config: String,
    }

    /// Join a meetup of the websocket proxy, as a client of its partner's API or as its gateway.
    ///
    /// HTTP requests to --http-listen go to the partner, whose responses come back; the partner's
    /// requests go to --forward. JSON messages on standard input, one in a line, are sent, whole or
    /// only what is inside of "message"; missing ids are filled in. Events, and responses to such
    /// requests, are printed, one in a line. A lost connection is made again. The end of standard
    /// input ends the program only where it takes and forwards no HTTP.
    #[argh(example = "Ask a gateway, as the original's test client does, and then be one:\n\
               {command_name} --client-cert manager.pkeycert.pem --ca-cert root.cert.pem \\\n  \
               wss://proxy.example:5050/micronets/v1/ws-proxy/gw/7B2A\n\
               curl http://127.0.0.1:5001/micronets/v1/gateway/micronets\n\
               {command_name} --client-cert gateway.pkeycert.pem --ca-cert root.cert.pem \\\n  \
               --forward http://127.0.0.1:5000 \\\n  \
               wss://proxy.example:5050/micronets/v1/ws-proxy/gw/7B2A")]
    "connect" Connect {
        /// where HTTP requests for the partner are taken, or off. 127.0.0.1:5001 if nothing is
        /// said, and off with --forward
        option(arg_name = "address:port", from_str_fn(http_listen)) http_listen: Option<Option<SocketAddr>>,
        /// where local programs, such as a script of leases, put events: POST or PUT of JSON to
        /// /NAME becomes the message EVENT:NAME to the partner
        option(arg_name = "address:port") event_listen: Option<SocketAddr>,
        /// the HTTP server that answers the partner's requests: http://HOST:PORT
        option(arg_name = "url") forward: Option<Server>,
        /// PEM file with our certificate, and its key unless --client-key is given (.pkeycert.pem)
        option(arg_name = "file") client_cert: Option<String>,
        /// PEM file with the key of our certificate
        option(arg_name = "file") client_key: Option<String>,
        /// PEM file with the authority of the proxy's certificate; without it, the public ones
        option(arg_name = "file") ca_cert: Option<String>,
        /// what is verified of the proxy's certificate: name (default), the host name too; or
        /// chain, all but the name, for certificates of the original's scripts, which have none
        option(default = "Verify::Name", from_str_fn(verify)) verify: Verify,
        /// peerClass in our hello; mistgate-client if nothing is said, mistgate-gateway with
        /// --forward
        option(arg_name = "name", from_str_fn(peer_name)) peer_class: Option<String>,
        /// peerId in our hello; a new random one if nothing is said
        option(arg_name = "name", from_str_fn(peer_name)) peer_id: Option<String>,
        /// how long a request may wait for its response, such as 500ms, 30s (default) or 2m
        option(arg_name = "time", default = "REQUEST_TIMEOUT", from_str_fn(time)) request_timeout: Duration,
        /// how log lines look: text (default) or json
        option(default = "Format::Text") log_format: Format,
        /// what is logged at least: debug, info (default), warning or error
        option(default = "Level::Info") log_level: Level,
        /// keep all rights: every file, port and system call that this user may have, and core
        /// dumps
        switch unsafe_no_sandbox: bool,
        /// do not start where the kernel lacks a part of the sandbox
        switch require_sandbox: bool,
        /// wss://HOST:PORT/PREFIX/MEETUP
        positional url: Meetup,
    }

    /// Make a configuration out of those of MWTT, MESA and the Micronets websocket proxy.
    ///
    /// Their Python is read and never run. The new configuration is printed, or written with --out,
    /// together with the files for the secrets in it, which are never printed. What could not be
    /// carried over, what means something else here, and what has to be done is said on standard
    /// error, by line. Several old programs become one configuration.
    #[argh(example = "Move two programs at once, and see what is left to do:\n\
               {command_name} --mwtt mwtt/config.py --mesa mesa/config.py --out new\n\
               mistgate check --config new/mistgate.toml")]
    "import" Import {
        /// MWTT's config.py
        option(arg_name = "file") mwtt: Option<String>,
        /// MESA's config.py
        option(arg_name = "file") mesa: Option<String>,
        /// the folder of the websocket proxy, with bin/websocket-proxy.py and the certificates in
        /// lib, or one with certificates alone
        option(arg_name = "folder") micronets: Option<String>,
        /// the folder for mistgate.toml and the files with secrets, which is made if there is none.
        /// Files that exist are not replaced
        option(arg_name = "folder") out: Option<String>,
    }

    /// Write a configuration with comments, a webhook secret and certificates for a first try,
    /// without being root.
    ///
    /// Without options, on a terminal, it asks for the Mist cloud and its token, for the name of
    /// this machine and for the chats, and checks each answer.
    "init" Init {
        /// the folder for them; ./mistgate if nothing is said
        option(arg_name = "path") dir: Option<String>,
    }

    /// Make this program a service of this machine, which starts at once. As root.
    ///
    /// It gets a user of its own, a configuration in /etc/mistgate, and a service of systemd,
    /// OpenRC or procd that may do little else. A second run brings a new version of the program
    /// and the service, and touches neither configuration, secrets nor state. Without options, on a
    /// terminal, the first one asks what mistgate init asks, sets up the webhook in Mist, and makes
    /// a selftest.
    "install" Install {
        /// a configuration to copy, with the files that it names relative to itself, after it was
        /// checked; without it, one that works at once, with a new secret and certificates
        option config: Option<String>,
        /// the root folder of another machine, in which nothing is started: for images
        option(arg_name = "path") root: Option<String>,
        /// go back to the program before the last installation, until the next one
        switch rollback: bool,
        /// stop and remove the service and the program; configuration, secrets and state stay
        switch uninstall: bool,
        /// with --uninstall: remove configuration, secrets, state and user too
        switch purge: bool,
    }

    /// Show where each event of a webhook's body would go, and why. Nothing is sent.
    "route" Route {
        /// the configuration file; without it, the built-in configuration
        option config: Option<String>,
        /// print JSON lines with the payloads as they would be posted
        switch payloads: bool,
        /// the file with the body; without it, standard input
        positional body: Option<String>,
    }

    /// Send one signed webhook through the running mistgate to the real chats, and report each
    /// answer.
    "send-test" SendTest {
        /// the configuration file of the running mistgate; without it, the built-in configuration
        option config: Option<String>,
        /// the channel to test; info if nothing is said
        option(default = "String::from(\"info\")") channel: String,
        /// the name of the one destination to test; without it, all that the channel leads to
        option destination: Option<String>,
    }

    /// Say how the running mistgate is: what is wrong, the queues, the switch ports and the
    /// meetups.
    ///
    /// Exit codes: 0 all is well, 1 something is wrong, 3 it does not run. To be run as root or as
    /// the service's user.
    "status" Status {
        /// the configuration file of the running mistgate, of which only state_dir is read; without
        /// it, the service's, else the built-in configuration
        option config: Option<String>,
        /// only ask whether it works, as the health check of a container does: 0 if so, else 1 or 3
        switch healthy: bool,
        /// print /status as JSON, and what is wrong as "wrong"
        switch json: bool,
        /// say it again every two seconds, until Ctrl-C
        switch watch: bool,
    }

    /// Make certificates for the websocket proxy and its peers: a root, then leaves that it signs.
    "cert" Cert: CertKind { Root(CertRoot), Intermediate(CertIntermediate), Leaf(CertLeaf) }

    /// Make a root: the proxy and its peers, which know its certificate, trust what its key signs.
    "root" CertRoot {
        /// path and name of the new files, to which .cert.pem, .cert.der and .key.pem are added
        option(arg_name = "path") cert_basename: String,
        /// the name in the certificate: O=NAME
        option(arg_name = "name", from_str_fn(organization)) subject_org_name: String,
        /// days until the certificate ends: 1 to 36500, 500 if nothing is said
        option(arg_name = "days", default = "DAYS", from_str_fn(days)) expiration_in_days: u32,
        /// replace files that exist; --force-overwrite, as the original's scripts say, does too
        switch force: bool,
    }

    /// Make an intermediate: signed by a root, it signs leaves, while the root's key stays locked
    /// away.
    "intermediate" CertIntermediate {
        /// path and name of the new files, to which .cert.pem, .cert.der and .key.pem are added
        option(arg_name = "path") cert_basename: String,
        /// the name in the certificate: O=NAME
        option(arg_name = "name", from_str_fn(organization)) subject_org_name: String,
        /// days until the certificate ends, at the latest with its CA: 1 to 36500, 500 if nothing
        /// is said
        option(arg_name = "days", default = "DAYS", from_str_fn(days)) expiration_in_days: u32,
        /// the .cert.pem of the CA that signs
        option(arg_name = "file") ca_certfile: String,
        /// the .key.pem of the CA that signs
        option(arg_name = "file") ca_keyfile: String,
        /// how many more intermediates may follow below this one; 0 if nothing is said
        option(arg_name = "count", default = "0") path_length: u8,
        /// replace files that exist; --force-overwrite, as the original's scripts say, does too
        switch force: bool,
    }

    /// Make a leaf: the certificate and key of one proxy, gateway or manager.
    "leaf" CertLeaf {
        /// path and name of the new files, to which .cert.pem, .cert.der, .key.pem and
        /// .pkeycert.pem are added
        option(arg_name = "path") cert_basename: String,
        /// the name in the certificate: O=NAME
        option(arg_name = "name", from_str_fn(organization)) subject_org_name: String,
        /// days until the certificate ends, at the latest with its CA: 1 to 36500, 500 if nothing
        /// is said
        option(arg_name = "days", default = "DAYS", from_str_fn(days)) expiration_in_days: u32,
        /// the .cert.pem of the root or intermediate that signs
        option(arg_name = "file") ca_certfile: String,
        /// the .key.pem of the root or intermediate that signs
        option(arg_name = "file") ca_keyfile: String,
        /// a host name or IP address of the holder; may be repeated. Servers need those by which
        /// their clients call them
        option(arg_name = "name-or-ip", from_str_fn(alternative_name)) san: Vec<String>,
        /// only for a client: a gateway with such a certificate cannot pose as the proxy
        switch client: bool,
        /// only for a server: the proxy. With neither or both, the certificate is good for either
        /// side
        switch server: bool,
        /// replace files that exist; --force-overwrite, as the original's scripts say, does too
        switch force: bool,
    }

    /// Show the version, the target and the commit.
    "version" Version {
        /// also show how it was built, the store's format, and what the kernel here offers the
        /// sandbox
        switch verbose: bool,
    }
}

impl Args {
    /// The arguments of this process; otherwise what to print instead.
    pub(crate) fn from_process() -> Result<Self, EarlyExit> {
        let wrong = |output| EarlyExit { output, status: Err(()) };
        let text = |arg: OsString| {
            arg.into_string().map_err(|arg| wrong(format!("{}: not UTF-8", arg.to_string_lossy())))
        };
        let args = std::env::args_os().skip(1).map(text).collect::<Result<Vec<_>, _>>()?;
        let mut args: Vec<&str> = args.iter().map(String::as_str).collect();
        if args.first() == Some(&"cert") {
            // As the scripts of the original call it.
            args.iter_mut()
                .filter(|arg| **arg == "--force-overwrite")
                .for_each(|arg| *arg = "--force");
        }
        let args = Self::from_args(&["mistgate"], &args).map_err(|early| advised(early, &args))?;
        args.command.contradiction().map_or(Ok(args), |text| Err(wrong(text.to_owned())))
    }
}

/// Wrong usage, with the word that was probably meant, and where help is.
fn advised(early: EarlyExit, args: &[&str]) -> EarlyExit {
    if early.status.is_ok() {
        return early;
    }
    let mut words = vec!["mistgate"];
    words.extend(args.iter().take_while(|arg| !arg.starts_with('-')));
    let help = loop {
        let of = words.get(1..).unwrap_or_default();
        match Args::from_args(&["mistgate"], &[of, &["--help"]].concat()) {
            Err(EarlyExit { output, status: Ok(()) }) => break output,
            Ok(_) | Err(_) => drop(words.pop()),
        }
    };
    let known = help.lines().filter_map(|line| line.strip_prefix("  ")?.split([' ', ',']).next());
    let known: Vec<&str> = known.filter(|word| !word.is_empty()).collect();
    let wrong = early.output.trim_end();
    let meant = wrong.strip_prefix("Unrecognized argument: ").and_then(|word| meant(word, &known));
    let meant = meant.map_or_else(String::new, |word| format!(" — did you mean {word}?"));
    EarlyExit { output: format!("{wrong}{meant}\nsee {} --help", words.join(" ")), ..early }
}

impl Command {
    /// What is wrong with options that are right one by one.
    fn contradiction(&self) -> Option<&'static str> {
        if let Self::Connect(Connect { client_key: Some(_), client_cert: None, .. }) = self {
            return Some("--client-key is the key of --client-cert, which is missing");
        }
        if let Self::Import(Import { mwtt: None, mesa: None, micronets: None, .. }) = self {
            return Some("nothing to import: give --mwtt, --mesa or --micronets");
        }
        if let Self::Install(Install { purge: true, uninstall: false, .. }) = self {
            return Some("--purge is for --uninstall, which is missing");
        }
        if let Self::Install(Install { uninstall: true, config: Some(_), .. }) = self {
            return Some("--uninstall needs no --config");
        }
        if let Self::Install(Install { rollback: true, uninstall, config, .. }) = self
            && (*uninstall || config.is_some())
        {
            return Some("--rollback needs neither --uninstall nor --config");
        }
        if let Self::Silence(Silence { kind: SilenceKind::Add(add) }) = self {
            return add.contradiction();
        }
        None
    }
}

/// As the scripts of the original websocket proxy have it.
const DAYS: u32 = 500;
const DAYS_MAX: u32 = 36_500;
/// The time from a request to its response.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
const TIME_MAX: Duration = Duration::from_hours(24);
/// Keeps log lines short.
const PEER_NAME_MAX: usize = 100;
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

/// `None` for "off".
fn http_listen(text: &str) -> Result<Option<SocketAddr>, String> {
    if text == "off" {
        return Ok(None);
    }
    let expected = "expected an IP address and a port such as 127.0.0.1:5001, or off";
    text.parse().map(Some).map_err(|_| expected.to_owned())
}

fn verify(text: &str) -> Result<Verify, String> {
    match text {
        "chain" => Ok(Verify::Chain),
        "name" => Ok(Verify::Name),
        _ => Err("expected name or chain".to_owned()),
    }
}

fn peer_name(text: &str) -> Result<String, String> {
    if (1..=PEER_NAME_MAX).contains(&text.chars().count()) && !text.contains(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err(format!("expected 1 to {PEER_NAME_MAX} characters on one line"))
    }
}

fn time(text: &str) -> Result<Duration, String> {
    let expected = "expected a time from 1ms to 24h, such as 500ms, 30s or 2m";
    let time = units::duration(text).filter(|time| !time.is_zero() && *time <= TIME_MAX);
    time.ok_or_else(|| expected.to_owned())
}

/// A subject alternative name (RFC 5280 §4.2.1.6). Its first label may be a wildcard (RFC 6125
/// §6.4.3).
fn alternative_name(text: &str) -> Result<String, String> {
    let host = text.strip_prefix("*.").unwrap_or(text);
    let is_name = DnsName::try_from(host).is_ok() && !host.ends_with('.');
    if is_name || text.parse::<IpAddr>().is_ok() {
        Ok(text.to_owned())
    } else {
        Err("expected a host name in ASCII or an IP address, without scheme and port".to_owned())
    }
}
