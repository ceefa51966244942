//! The command line of `mistgate mist`.

use argh::FromArgs;
use http_types::Url;
use mistgate_core::webhook::config::Webhook;

/// Look after the webhook in Mist.
#[derive(FromArgs)]
#[argh(subcommand, name = "mist")]
pub(crate) struct Mist {
    #[argh(subcommand)]
    pub(crate) kind: MistKind,
}

/// What to do with Mist's API.
#[derive(FromArgs)]
#[argh(subcommand)]
pub(crate) enum MistKind {
    Check(CheckMist),
    Setup(Setup),
    Types(Types),
}

/// Say what differs between the webhook in Mist and the configuration. Nothing is changed.
///
/// Exit codes: 0 all is right, 1 something differs or Mist cannot be asked, 2 wrong usage.
#[derive(FromArgs)]
#[argh(subcommand, name = "check")]
pub(crate) struct CheckMist {
    /// the configuration file
    #[argh(option)]
    pub(crate) config: String,

    /// the file with the token to ask with, - for standard input; without it, mist.token_file
    #[argh(option, arg_name = "file")]
    pub(crate) token_file: Option<String>,

    /// where Mist reaches the listener; without it, webhook.url
    #[argh(option, arg_name = "url", from_str_fn(url))]
    pub(crate) url: Option<Url>,
}

/// Make the webhook in Mist, or change it to what the configuration wants, after asking.
///
/// What it has besides is kept, such as further topics and headers. The token has to have a role
/// that may write; if the configuration's may only read, another one is asked for on the terminal,
/// and kept nowhere. Exit codes: 0 all is right afterwards, 1 it is not, 2 wrong usage.
#[derive(FromArgs)]
#[argh(subcommand, name = "setup")]
pub(crate) struct Setup {
    /// the configuration file
    #[argh(option)]
    pub(crate) config: String,

    /// the file with the token that may write, - for standard input; without it, mist.token_file
    #[argh(option, arg_name = "file")]
    pub(crate) token_file: Option<String>,

    /// where Mist reaches the listener; without it, webhook.url
    #[argh(option, arg_name = "url", from_str_fn(url))]
    pub(crate) url: Option<Url>,

    /// do not ask
    #[argh(switch)]
    pub(crate) yes: bool,
}

/// List the types of device events and alarms that Mist knows and mistgate has no words for.
///
/// Their events are told by their names. Exit codes: 0 the list is whole, 1 Mist cannot be asked, 2
/// wrong usage.
#[derive(FromArgs)]
#[argh(subcommand, name = "types")]
pub(crate) struct Types {
    /// the configuration file
    #[argh(option)]
    pub(crate) config: String,

    /// the file with the token to ask with, - for standard input; without it, mist.token_file
    #[argh(option, arg_name = "file")]
    pub(crate) token_file: Option<String>,
}

impl Mist {
    /// `mist setup` of this configuration, which asks.
    pub(crate) fn setup(config: &str) -> Self {
        let (config, token_file, url, yes) = (config.to_owned(), None, None, false);
        Self { kind: MistKind::Setup(Setup { config, token_file, url, yes }) }
    }
}

fn url(text: &str) -> Result<Url, String> {
    Webhook::parse_url(text).map_err(str::to_owned)
}
