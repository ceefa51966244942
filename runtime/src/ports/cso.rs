//! Changes of ports through Contrail Service Orchestration, one at a time for each switch.

use std::{sync::Arc, time::Duration};

use mistgate_core::ports::{edit::Edit, edit::Pushed, switch_port::Switch};
use mistgate_core::{base::mac::Mac, cso, cso::push::push};

use crate::{api::Api, api::run_exchange, base::journal::Journal, base::keyed_lock::KeyedLock};
use crate::{http::outbound::Outbound, ports::method::Call, ports::method::Method};

/// For each request with its answer. A deployment may be answered when the switch has it.
pub const TIMEOUT: Duration = Duration::from_secs(120);

/// The way to the switches of one tenant.
pub struct Cso {
    config: cso::Cso,
    api: Api,
    switches: KeyedLock<Mac>,
}

impl Cso {
    /// Nothing is opened before the first change. `timeout` is for each request with its answer:
    /// [`TIMEOUT`], unless there is a reason.
    pub fn new(
        config: cso::Cso,
        timeout: Duration,
        outbound: Outbound,
        journal: Arc<Journal>,
    ) -> Self {
        let api = Api::new(config.url.clone(), None, timeout, outbound, journal);
        Self { config, api, switches: KeyedLock::new() }
    }
}

impl Method for Cso {
    fn name(&self) -> &'static str {
        "cso"
    }

    fn blind(&self) -> Option<&'static str> {
        Some("CSO")
    }

    /// Waits for whatever is done to that switch already. If the future is dropped, the end of the
    /// change is unknown.
    fn push<'a>(&'a self, switch: &'a Switch, edits: &'a [Edit]) -> Call<'a, Pushed> {
        Box::pin(async move {
            let _alone = self.switches.lock(switch.mac).await;
            let push = push(self.config.clone(), switch.clone(), edits.to_vec());
            run_exchange(push, |request| async move { self.api.send(&request).await }).await
        })
    }

    /// CSO says what was applied to a port and not what reached the switch, so this is never
    /// `true`. While CSO does not answer, or does not know the switch, there is nothing to say;
    /// else the change is to be made again, which does no harm where it was made already.
    fn read<'a>(&'a self, switch: &'a Switch, _edit: &'a Edit) -> Call<'a, Option<bool>> {
        Box::pin(async move {
            let is_known = matches!(self.push(switch, &[]).await, Pushed::Done { .. });
            is_known.then_some(false)
        })
    }
}
