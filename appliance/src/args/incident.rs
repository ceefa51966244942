//! The command line of `mistgate incident` and `mistgate silence`.

use mistgate_core::{base::time::UnixTime, config::units, matcher::Matcher, silence::SILENCE_MAX};

commands! {
    /// Show what is wrong in the network, or say that somebody takes care of it.
    ///
    /// The running mistgate is asked, as root or as the service's user. Exit codes: 0 done, 1
    /// refused, 3 it does not run.
    "incident" Incident: IncidentKind {
        Acknowledge(Acknowledge), List(ListIncidents), Show(ShowIncident)
    }

    /// Acknowledge one: it is neither repeated nor escalated any more.
    "ack" Acknowledge {
        /// the configuration file of the running mistgate, as for list
        option config: Option<String>,
        /// what others are to know of it
        option(arg_name = "text", default = "String::new()") comment: String,
        /// the number of the incident
        positional id: u64,
    }

    /// List the open ones, the worst first, then those that changed last; what is muted comes last.
    "list" ListIncidents {
        /// the configuration file of the running mistgate, of which only state_dir is read; without
        /// it, the service's, else the built-in configuration
        option config: Option<String>,
        /// print them as JSON
        switch json: bool,
    }

    /// Show one, also one that has been over for up to seven days, and who was told of it.
    "show" ShowIncident {
        /// the configuration file of the running mistgate, as for list
        option config: Option<String>,
        /// the number of the incident
        positional id: u64,
    }

    /// Tell nobody of some incidents for a while, critical ones too.
    ///
    /// The running mistgate is asked, as root or as the service's user. Exit codes: 0 done, 1
    /// refused, 3 it does not run.
    #[argh(example = "Two stores are rebuilt tonight:\n\
               {command_name} add --match site=Store-12 --match site=Store-14 --for 8h \\\n  \
               --comment \"new floor\"")]
    "silence" Silence: SilenceKind { Add(AddSilence), End(EndSilence), List(ListSilences) }

    /// Say what a silence would cover now, and make it.
    "add" AddSilence {
        /// the configuration file of the running mistgate, as for list
        option config: Option<String>,
        /// what it covers: org, site, device (name or MAC), device_type, topic, type, severity
        /// (at least) or admin, and a value, in which * is any text. Of one key any value, of
        /// several keys all
        option(long = "match", arg_name = "key=value", from_str_fn(term)) terms: Vec<(String, String)>,
        /// how long, such as 30m, 8h or 7d; at most 90d
        option(long = "for", arg_name = "time", from_str_fn(length)) length: Option<String>,
        /// until when, such as "2026-12-24 08:00", in UTC if it has no offset
        option(arg_name = "time", from_str_fn(moment)) until: Option<String>,
        /// until all that is open now and covered has recovered
        switch until_recovered: bool,
        /// why, for whoever lists the silences
        option(arg_name = "text", default = "String::new()") comment: String,
    }

    /// List them, with how many incidents each mutes now.
    "list" ListSilences {
        /// the configuration file of the running mistgate, of which only state_dir is read; without
        /// it, the service's, else the built-in configuration
        option config: Option<String>,
        /// print them as JSON
        switch json: bool,
    }

    /// End one: what it covers and is still open is told.
    "end" EndSilence {
        /// the configuration file of the running mistgate, as for list
        option config: Option<String>,
        /// the number of the silence
        positional id: u64,
    }
}

impl AddSilence {
    /// What is wrong with options that are right one by one.
    pub(super) fn contradiction(&self) -> Option<&'static str> {
        let ends = [self.length.is_some(), self.until.is_some(), self.until_recovered];
        if self.terms.is_empty() {
            Some("what to silence is missing: give --match")
        } else if ends.into_iter().filter(|is_given| *is_given).count() != 1 {
            Some("give one of --for, --until and --until-recovered")
        } else {
            None
        }
    }
}

fn term(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').unwrap_or((text, ""));
    let added = Matcher::default().add(key, value);
    added.map(|()| (key.to_owned(), value.to_owned())).map_err(|error| error.to_string())
}

fn length(text: &str) -> Result<String, String> {
    let length = units::duration(text).filter(|length| !length.is_zero());
    let length = length.filter(|length| *length <= SILENCE_MAX);
    length
        .map(|_| text.to_owned())
        .ok_or_else(|| "expected a time up to 90d, such as 8h".to_owned())
}

fn moment(text: &str) -> Result<String, String> {
    let expected = "expected a date and a time, such as \"2026-12-24 08:00\"";
    UnixTime::parse(text).map(|_| text.to_owned()).ok_or_else(|| expected.to_owned())
}
