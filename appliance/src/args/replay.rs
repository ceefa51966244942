//! The command line of `mistgate replay`.

use std::time::Duration;

use mistgate_core::config::units;

const DAY: Duration = Duration::from_hours(24);
const SINCE_MAX: Duration = Duration::from_hours(366 * 24);

commands! {
    /// Show where the accepted events of the last time would go with a configuration, and why, or
    /// what it would change. Nothing is sent.
    ///
    /// The events are those that the store still has, as store.history says: of the running
    /// mistgate, asked as root or as the service's user, else of the store in the state folder.
    /// Exit codes: 0 done, 1 failed, 3 there is neither.
    #[argh(example = "See what an edited configuration would do differently, before it is in force:\n\
               {command_name} --config new.toml --diff /etc/mistgate/mistgate.toml --since 7d")]
    "replay" Replay {
        /// the configuration to try
        option config: String,
        /// the configuration to compare it with; only events that go elsewhere are shown
        option(arg_name = "file") diff: Option<String>,
        /// how far back, such as 2h, 1d (default) or 7d
        option(arg_name = "time", default = "DAY", from_str_fn(since)) since: Duration,
        /// the state folder with the events; without it, that of --config
        option(arg_name = "folder") state_dir: Option<String>,
        /// print JSON lines, one for each event
        switch json: bool,
    }
}

fn since(text: &str) -> Result<Duration, String> {
    let since = units::duration(text).filter(|since| *since <= SINCE_MAX);
    since.ok_or_else(|| "expected a time up to 366d, such as 2h or 7d".to_owned())
}
