//! `mistgate run`

use mistgate_core::config::checked::Config;
use mistgate_runtime::{
    journal::Journal,
    load::From,
    node::{self, Addresses},
};

use crate::{
    args::{Run, source},
    first_start,
};

pub(crate) fn run(args: &Run) -> Result<(), String> {
    let from = source(args.config.as_deref());
    if from == From::Embedded {
        first_start::make_missing()?;
    }
    let journal = Journal::new(args.log_format, args.log_level);
    let config = args.config.as_deref();
    node::run(&from, journal, |loaded, addresses| welcome(config, loaded, addresses))
        .map_err(|error| error.to_string())
}

/// Says what a newcomer wants to do next, where nobody configured anything.
fn welcome(file: Option<&str>, config: &Config, addresses: &Addresses) {
    let (None, Some(webhook)) = (file, addresses.webhook) else {
        return;
    };
    let admin = addresses.admin.map_or(String::new(), |admin| {
        format!("\n  curl http://{admin}/status        what it did so far")
    });
    crate::complain(&format!(
        "mistgate takes webhooks on http://{webhook}/webhooks and prints the chat messages here.\n\
         The webhook's secret and the accepted events are in {state}.\n\
         To try it, in another terminal and the same folder:\n  \
         mistgate send-test                     a signed webhook, as Mist sends them\n  \
         mistgate send-test --channel critical  one that is urgent{admin}",
        state = config.state_dir,
    ));
}
