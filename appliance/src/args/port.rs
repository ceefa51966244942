//! The command line of `mistgate port`.

use argh::FromArgs;
use mistgate_core::ports::{name::PortName, switch_port::Mode};

/// Change one switch port by hand, or see what that would change.
#[derive(FromArgs)]
#[argh(subcommand, name = "port")]
pub(crate) struct Port {
    #[argh(subcommand)]
    pub(crate) kind: PortKind,
}

/// What to do with the port.
#[derive(FromArgs)]
#[argh(subcommand)]
pub(crate) enum PortKind {
    Diff(Diff),
    Set(Set),
}

/// Show what would change on a switch port, and change nothing.
///
/// The switch itself compares (method junos), or Mist's configuration of it is read (method mist).
#[derive(FromArgs)]
#[argh(subcommand, name = "diff")]
pub(crate) struct Diff {
    /// the configuration file
    #[argh(option)]
    pub(crate) config: String,

    /// the switch's name or MAC
    #[argh(option, arg_name = "name-or-mac")]
    pub(crate) switch: String,

    /// the port, such as ge-0/0/7
    #[argh(option, from_str_fn(port_name))]
    pub(crate) port: PortName,

    /// ap, for an access point, or default, for whoever plugs in
    #[argh(option, from_str_fn(mode))]
    pub(crate) mode: Mode,
}

/// Show what would change on a switch port, ask, and change it.
///
/// Mode observe is about what mistgate does by itself, and does not hinder this. The lists
/// [ports.allow] and [ports.never], freezes and the kill switch hold. What was done is in the audit
/// file, with who did it.
#[derive(FromArgs)]
#[argh(subcommand, name = "set")]
pub(crate) struct Set {
    /// the configuration file
    #[argh(option)]
    pub(crate) config: String,

    /// the switch's name or MAC
    #[argh(option, arg_name = "name-or-mac")]
    pub(crate) switch: String,

    /// the port, such as ge-0/0/7
    #[argh(option, from_str_fn(port_name))]
    pub(crate) port: PortName,

    /// ap, for an access point, or default, for whoever plugs in
    #[argh(option, from_str_fn(mode))]
    pub(crate) mode: Mode,

    /// do not ask
    #[argh(switch)]
    pub(crate) yes: bool,
}

fn port_name(text: &str) -> Result<PortName, String> {
    PortName::parse(text).map_err(|error| error.to_string())
}

fn mode(text: &str) -> Result<Mode, String> {
    Mode::parse(text).ok_or_else(|| "expected ap or default".to_owned())
}
