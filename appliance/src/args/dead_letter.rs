//! The command line of `mistgate dead-letter`.

commands! {
    /// Show, send again or drop what a destination refused for good, or what grew too old.
    ///
    /// The running mistgate is asked, as root or as the service's user. Exit codes: 0 done, 1
    /// refused, 3 it does not run.
    "dead-letter" DeadLetter: DeadLetterKind {
        Drop(DropLetter), List(ListLetters), Send(SendLetter), Show(ShowLetter)
    }

    /// List the last 1000, newest first: number, time, destination, event and reason.
    "list" ListLetters {
        /// the configuration file of the running mistgate, of which only state_dir is read; without
        /// it, the service's, else the built-in configuration
        option config: Option<String>,
        /// print them as JSON
        switch json: bool,
    }

    /// Show one, with its event.
    "show" ShowLetter {
        /// the configuration file of the running mistgate, as for list
        option config: Option<String>,
        /// the number of the dead letter
        positional id: u64,
    }

    /// Queue one again for its destination.
    "send" SendLetter {
        /// the configuration file of the running mistgate, as for list
        option config: Option<String>,
        /// the number of the dead letter
        positional id: u64,
    }

    /// Drop one for ever.
    "drop" DropLetter {
        /// the configuration file of the running mistgate, as for list
        option config: Option<String>,
        /// the number of the dead letter
        positional id: u64,
    }
}
