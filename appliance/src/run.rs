//! `mistgate run`

use mistgate_core::{config::checked::Config, micronets::proxy::Proxy};
use mistgate_runtime::{base::journal::Journal, host::node, host::node::Addresses};

use crate::{args::Run, first_start};

pub(crate) fn run(args: &Run) -> Result<(), String> {
    let config = args.config.as_deref();
    if config.is_none() {
        first_start::make_missing()?;
    }
    let journal = Journal::new(args.log_format, args.log_level);
    let wish = (!args.unsafe_no_sandbox).then_some(args.require_sandbox);
    node::run(config, journal, wish, |loaded, addresses| welcome(config, loaded, addresses))
        .map_err(|problems| problems.join("\n"))
}

/// Tells a newcomer, who has configured nothing yet, what to try next.
fn welcome(file: Option<&str>, config: &Config, addresses: &Addresses) {
    let [(_, webhook), (_, proxy), (_, admin)] = addresses.as_slice() else { return };
    let (None, Some(Proxy { path_prefix, .. })) = (file, &config.proxy) else { return };
    let certificates = first_start::CERTIFICATES;
    let connect = format!(
        "mistgate connect --client-cert {certificates}/client.pkeycert.pem \\\n    \
         --ca-cert {certificates}/root.cert.pem"
    );
    let meetup = format!("wss://{proxy}{path_prefix}");
    crate::complain(&format!(
        "mistgate takes webhooks on http://{webhook}/webhooks and prints the chat messages here.\n\
         Micronets gateways and managers meet at {meetup}NAME.\n\
         Secrets, certificates and the accepted events are in {state}, and in admin-token\n\
         there what POST requests to http://{admin} must send.\n\
         To try it, in another terminal and the same folder:\n  \
         mistgate send-test                     a signed webhook, as Mist sends them\n  \
         mistgate send-test --channel critical  one that is urgent\n  \
         curl http://{admin}/status        what it did so far\n\
         Two peers, each in a terminal of its own: a gateway in front of an HTTP server of yours,\n\
         and a manager that takes HTTP on port 5001:\n  \
         {connect} \\\n    --forward http://127.0.0.1:8000 {meetup}demo\n  \
         {connect} \\\n    {meetup}demo\n  \
         curl http://127.0.0.1:5001/              your server, through both peers and the proxy",
        state = config.state_dir,
    ));
}
