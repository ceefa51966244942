//! The command line of `mistgate port`.

use mistgate_core::ports::{name::PortName, switch_port::Mode};

commands! {
    /// Change one switch port by hand, see what that would change, or check the audit.
    "port" Port: PortKind { Audit(Audit), Diff(Diff), Set(Set) }

    /// See whether the audit of switch ports is as it was written.
    ///
    /// Each line names the one before it by its digest, so that a line that was changed or taken
    /// out shows, but for those at the end.
    "audit" Audit {
        /// the configuration file; the service's own if nothing is said
        option(default = "crate::install::CONFIG.to_owned()") config: String,
        /// check each line
        switch verify: bool,
    }

    /// Show what would change on a switch port, and change nothing.
    ///
    /// The switch itself compares (method junos), or Mist's configuration of it is read (method
    /// mist).
    "diff" Diff {
        /// the configuration file
        option config: String,
        /// the switch's name or MAC
        option(arg_name = "name-or-mac") switch: String,
        /// the port, such as ge-0/0/7
        option(from_str_fn(port_name)) port: PortName,
        /// ap, for an access point, or default, for whoever plugs in
        option(from_str_fn(mode)) mode: Mode,
    }

    /// Show what would change on a switch port, ask, and change it.
    ///
    /// Mode observe is about what mistgate does by itself, and does not hinder this. The lists
    /// [ports.allow] and [ports.never], freezes and the kill switch hold. What was done is in the
    /// audit file, with who did it.
    "set" Set {
        /// the configuration file
        option config: String,
        /// the switch's name or MAC
        option(arg_name = "name-or-mac") switch: String,
        /// the port, such as ge-0/0/7
        option(from_str_fn(port_name)) port: PortName,
        /// ap, for an access point, or default, for whoever plugs in
        option(from_str_fn(mode)) mode: Mode,
        /// do not ask
        switch yes: bool,
    }
}

fn port_name(text: &str) -> Result<PortName, String> {
    PortName::parse(text).map_err(|error| error.to_string())
}

fn mode(text: &str) -> Result<Mode, String> {
    Mode::parse(text).ok_or_else(|| "expected ap or default".to_owned())
}
