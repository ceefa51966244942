//! The command line of `mistgate mist`.

use http_types::Url;
use mistgate_core::webhook::config::Webhook;

commands! {
    /// Look after the webhook in Mist.
    "mist" Mist: MistKind { Check(CheckMist), Setup(Setup), Types(Types) }

    /// Say what differs between the webhook in Mist and the configuration. Nothing is changed.
    ///
    /// Exit codes: 0 all is right, 1 something differs or Mist cannot be asked, 2 wrong usage.
    "check" CheckMist {
        /// the configuration file
        option config: String,
        /// the file with the token to ask with, - for standard input; without it, mist.token_file
        option(arg_name = "file") token_file: Option<String>,
        /// where Mist reaches the listener; without it, webhook.url
        option(arg_name = "url", from_str_fn(url)) url: Option<Url>,
    }

    /// Make the webhook in Mist, or change it to what the configuration wants, after asking.
    ///
    /// What it has besides is kept, such as further topics and headers. The token has to have a
    /// role that may write; if the configuration's may only read, another one is asked for on the
    /// terminal, and kept nowhere. Exit codes: 0 all is right afterwards, 1 it is not, 2 wrong
    /// usage.
    "setup" Setup {
        /// the configuration file
        option config: String,
        /// the file with the token that may write, - for standard input; without it,
        /// mist.token_file
        option(arg_name = "file") token_file: Option<String>,
        /// where Mist reaches the listener; without it, webhook.url
        option(arg_name = "url", from_str_fn(url)) url: Option<Url>,
        /// do not ask
        switch yes: bool,
    }

    /// Have the running mistgate test the whole way from Mist to the chats.
    ///
    /// Mist is asked to ping the webhook, the ping has to come in within a minute, and each
    /// destination gets a message. A failure is an incident, until a later test passes. Exit codes:
    /// 0 all passed, 1 something failed, 3 mistgate does not run. To be run as root or as the
    /// service's user.
    "selftest" Selftest {
        /// the configuration file of the running mistgate, of which only state_dir is read; without
        /// it, the service's, else the built-in configuration
        option config: Option<String>,
    }

    /// List the types of device events and alarms that Mist knows and mistgate has no words for.
    ///
    /// Their events are told by their names. Exit codes: 0 the list is whole, 1 Mist cannot be
    /// asked, 2 wrong usage.
    "types" Types {
        /// the configuration file
        option config: String,
        /// the file with the token to ask with, - for standard input; without it, mist.token_file
        option(arg_name = "file") token_file: Option<String>,
    }
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
