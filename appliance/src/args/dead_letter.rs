//! The command line of `mistgate dead-letter`.

use argh::FromArgs;

/// Show, send again or drop what a destination refused for good, or what grew too old.
///
/// The running mistgate is asked, as root or as the service's user. Exit codes: 0 done, 1 refused,
/// 3 it does not run.
#[derive(FromArgs)]
#[argh(subcommand, name = "dead-letter")]
pub(crate) struct DeadLetter {
    #[argh(subcommand)]
    pub(crate) kind: DeadLetterKind,
}

/// What to do with dead letters.
#[derive(FromArgs)]
#[argh(subcommand)]
pub(crate) enum DeadLetterKind {
    Drop(DropLetter),
    List(ListLetters),
    Send(SendLetter),
    Show(ShowLetter),
}

/// List the last 1000, newest first: number, time, destination, event and reason.
#[derive(FromArgs)]
#[argh(subcommand, name = "list")]
pub(crate) struct ListLetters {
    /// the configuration file of the running mistgate, of which only state_dir is read; without
    /// it, the service's, else the built-in configuration
    #[argh(option)]
    pub(crate) config: Option<String>,

    /// print them as JSON
    #[argh(switch)]
    pub(crate) json: bool,
}

/// Show one, with its event.
#[derive(FromArgs)]
#[argh(subcommand, name = "show")]
pub(crate) struct ShowLetter {
    /// the configuration file of the running mistgate, as for list
    #[argh(option)]
    pub(crate) config: Option<String>,

    /// the number of the dead letter
    #[argh(positional)]
    pub(crate) id: u64,
}

/// Queue one again for its destination.
#[derive(FromArgs)]
#[argh(subcommand, name = "send")]
pub(crate) struct SendLetter {
    /// the configuration file of the running mistgate, as for list
    #[argh(option)]
    pub(crate) config: Option<String>,

    /// the number of the dead letter
    #[argh(positional)]
    pub(crate) id: u64,
}

/// Drop one for ever.
#[derive(FromArgs)]
#[argh(subcommand, name = "drop")]
pub(crate) struct DropLetter {
    /// the configuration file of the running mistgate, as for list
    #[argh(option)]
    pub(crate) config: Option<String>,

    /// the number of the dead letter
    #[argh(positional)]
    pub(crate) id: u64,
}
