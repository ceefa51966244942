//! The command line of `mistgate port`.

use mistgate_core::ports::{name::PortName, switch_port::Mode};

commands! {
    /// List the changes of switch ports and decide about them, change one port by hand, or check
    /// the audit.
    ///
    /// list, approve, reject and undo ask the running mistgate, as root or as the service's user.
    /// Exit codes: 0 done, 1 refused, 3 it does not run.
    "port" Port: PortKind {
        Approve(Approve), Audit(Audit), Diff(Diff), List(ListPorts), Reject(Reject), Set(Set),
        Undo(Undo)
    }

    /// Approve a change that waits for a person (ports.approve_first), or let mistgate change a
    /// port again on which somebody undid or rejected a change. The port is looked at anew first.
    "approve" Approve {
        /// the configuration file of the running mistgate, as for list
        option config: Option<String>,
        /// all that wait
        switch all: bool,
        /// the number of the change
        positional id: Option<u64>,
    }

    /// List the ports that mistgate changed, is changing or waits to change: number, time, port,
    /// mode and state.
    "list" ListPorts {
        /// the configuration file of the running mistgate, of which only state_dir is read; without
        /// it, the service's, else the built-in configuration
        option config: Option<String>,
        /// print them as JSON
        switch json: bool,
        /// say what mode enforce would do: which ports are right, which would be changed and how,
        /// and which rule leaves others alone
        switch plan: bool,
    }

    /// Reject a change that waits for a person. The port stays as it is until there is news of it.
    "reject" Reject {
        /// the configuration file of the running mistgate, as for list
        option config: Option<String>,
        /// the number of the change
        positional id: u64,
    }

    /// Take back a change, if the port still has what the change left. It is left alone then until
    /// there is news of it.
    "undo" Undo {
        /// the configuration file of the running mistgate, as for list
        option config: Option<String>,
        /// the last so many changes instead of one
        option(arg_name = "count") last: Option<usize>,
        /// the number of the change
        positional id: Option<u64>,
    }

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
