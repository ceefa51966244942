//! The command line.

use argh::{EarlyExit, FromArgs};
use mistgate_runtime::{
    journal::{Format, Level},
    load::From,
};

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
    Check(Check),
    Route(Route),
    Run(Run),
    SendTest(SendTest),
    Version(Version),
}

/// Take webhooks and tell the chats. Without --config: on this machine only, chats printed here.
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
