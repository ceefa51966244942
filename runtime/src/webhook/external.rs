//! External programs, such as ClearPass, that ask for a port's mode.

use http_types::StatusCode;
use mistgate_core::{config::ports::External, ports::ap_event::Error, ports::ap_event::Request};

use super::{Intake, Settings};
use crate::base::journal::{Level, fields};
use crate::{base::metrics::Counter, http::listen::Head, http::listen::Reply, ports};

/// The header with the key.
const KEY: &str = "x-clientapikey";
const TEXT: &str = "text/plain; charset=utf-8";

impl Settings {
    /// `[ports.external]`, where the request is for that.
    pub(super) fn external_of(&self, head: &Head<'_>) -> Option<&External> {
        self.external.as_ref().filter(|external| external.path == head.path())
    }
}

impl Intake {
    pub(super) fn admit_external(&self, external: &External, head: &Head<'_>) -> Result<(), Reply> {
        if head.method() != "POST" {
            let refused = Reply::status(StatusCode::MethodNotAllowed.into());
            return Err(refused.header("allow", "POST"));
        }
        let reason = match head.header(KEY) {
            Some(key) if external.key.matches(key) => return Ok(()),
            Some(_) => "X-ClientApiKey holds another key",
            None => "X-ClientApiKey is missing",
        };
        self.journal.metrics.add(Counter::Rejected, &[("reason", "key")], 1);
        let values = fields![from = head.peer().ip(), reason];
        self.journal.stranger("external", Level::Warning, "external_rejected", values);
        Err(Reply::status(StatusCode::Unauthorized.into()))
    }

    /// Hands the request to the plan, which looks at the port before anything is changed.
    pub(super) async fn ask_for_mode(
        &self,
        switches: &ports::Handle,
        head: &Head<'_>,
        body: &[u8],
    ) -> Reply {
        let request = match Request::parse(body) {
            Ok(request) => request,
            Err(error) => {
                self.journal.metrics.add(Counter::Rejected, &[("reason", "request")], 1);
                let values = fields![from = head.peer().ip(), reason = error];
                self.journal.client(Level::Warning, "external_rejected", values);
                // The original takes whatever type there is, and leaves it alone.
                let is_other = error == Error::Type;
                let status = if is_other { StatusCode::Ok } else { StatusCode::BadRequest };
                return Reply::status(status.into()).content(TEXT, format!("{error}\n"));
            }
        };
        let Request { switch_port, mode } = request;
        self.journal.client(
            Level::Info,
            "port_requested",
            fields![from = head.peer().ip(), port = switch_port, mode = mode.name()],
        );
        switches.requested(request).await;
        Reply::status(StatusCode::Ok.into())
    }
}
