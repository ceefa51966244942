//! One push: ports of one switch, all together or none.
//!
//! ```text
//! Finding ─> Choosing ─> Segmenting ─> Applying ─> Deploying ─> done
//! devices    profiles   LAN segments
//! ```
//!
//! It logs in before the first of them, and once more if CSO takes the session for expired; the
//! request that was refused is then made again. All names are found before anything is written.
//!
//! Until the deployment is asked for, the switch is as it was, so whatever fails before that has
//! failed; CSO may keep what was applied, and the next deployment of that port, by whomever, would
//! carry it out. Where the answer to the deployment is lost, or is a fault of CSO's own, the end is
//! unknown. A deployment that CSO reports as made is believed.
//!
//! A push of no ports ends as soon as the switch is found. That is all that can be read of a change
//! whose end is unknown: CSO tells what was applied, not what reached the switch. Where it answers,
//! the change is made again, which does no harm and has an answer of its own.

use alloc::{string::String, vec::Vec};

use super::answer::{Named, no_list, unreadable};
use super::{answer, find, find::Names, request};
use crate::api::rejected;
use crate::base::exchange::{Asking, Exchange, ExchangeResult, Request, Response};
use crate::ports::{edit::Edit, edit::Pushed, switch_port::Switch};
use crate::{base::failure::Failure, base::secret::Secret, cso::Cso};

/// How often a push logs in at most.
const LOGINS_MAX: usize = 2;

/// Gives ports of `switch` the profiles of their modes, all or none.
pub fn push(cso: Cso, switch: Switch, edits: Vec<Edit>) -> Exchange<Pushed> {
    Exchange::new(|asking| async move {
        let api = Api { asking, cso: &cso, sessions: Vec::new() };
        pushed(api, &switch, &edits).await.unwrap_or_else(|end| end)
    })
}

/// The error is any end but success.
async fn pushed(mut api: Api<'_>, switch: &Switch, edits: &[Edit]) -> Result<Pushed, Pushed> {
    let (names, cso) = (Names::of(switch)?, api.cso);
    let lines = edits.iter().flat_map(|edit| &edit.lines);
    let diff = lines.map(String::as_str).collect::<Vec<_>>().join("\n");
    let done = Pushed::Done { diff, before: Vec::new() };
    let devices = api.list(request::devices, "the question for switches", "device").await?;
    let switch = find::switch(&devices, &cso.tenant, &names)?;
    if edits.is_empty() {
        return Ok(done);
    }
    let what = "the question for port profiles";
    let profiles = api.list(request::profiles, what, "port-profile").await?;
    for edit in edits {
        find::profile(&profiles, cso, edit.mode)?;
    }
    let mut segments = api.segments(&switch.uuid).await?;
    if let Some(parent) = switch.parent_uuid.as_ref().filter(|_| segments.is_empty()) {
        segments = api.segments(parent).await?;
    }
    let associations = find::associations(cso, &names, edits, &profiles, &segments)?;
    let apply = |session: &Secret| request::apply(session, &switch.uuid, &associations);
    let body = api.read(apply, "the change").await?;
    answer::no_objection(&body, "the change", &api.secrets())?;
    let deploy = |session: &Secret| request::deploy(session, &switch.uuid, &associations);
    let result = api.send(deploy).await?;
    deployed(result, &api.secrets())?;
    Ok(done)
}

/// CSO, and the sessions with it, of which the last is in use.
struct Api<'a> {
    asking: Asking,
    cso: &'a Cso,
    sessions: Vec<Secret>,
}

impl Api<'_> {
    /// Makes a request; once more in a new session, if CSO takes the session for expired.
    async fn send(
        &mut self,
        request: impl Fn(&Secret) -> Request,
    ) -> Result<ExchangeResult, Failure> {
        if self.sessions.is_empty() {
            self.log_in().await?;
        }
        loop {
            let Some(session) = self.sessions.last() else { return Ok(Err(Failure::Login)) };
            let result = self.asking.send(request(session)).await;
            let is_expired = matches!(&result, Ok(response) if response.status == 401);
            if !is_expired || self.sessions.len() >= LOGINS_MAX {
                return Ok(result);
            }
            self.log_in().await?;
        }
    }

    async fn log_in(&mut self) -> Result<(), Failure> {
        // What CSO says of a login is not repeated: the password is part of what it got.
        let response = self.asking.send(request::login(self.cso)).await?;
        let response = Response { body: Vec::new(), ..response };
        answer::accepted(&response, "the login", &[])?;
        let session = response.session;
        let session =
            session.ok_or_else(|| rejected("CSO takes the login and opens no session".into()))?;
        self.sessions.push(session);
        Ok(())
    }

    /// What no text of CSO may repeat.
    fn secrets(&self) -> Vec<&Secret> {
        self.sessions.iter().chain([&self.cso.password]).collect()
    }

    async fn read(
        &mut self,
        request: impl Fn(&Secret) -> Request,
        what: &str,
    ) -> Result<Vec<u8>, Failure> {
        let response = self.send(request).await??;
        answer::accepted(&response, what, &self.secrets())?;
        Ok(response.body)
    }

    async fn list(
        &mut self,
        request: impl Fn(&Secret) -> Request,
        what: &str,
        key: &str,
    ) -> Result<Vec<Named>, Failure> {
        answer::named(&self.read(request, what).await?, key).ok_or_else(|| no_list(what))
    }

    /// The LAN segments under the uuid of a switch or of its site.
    async fn segments(&mut self, under: &str) -> Result<Vec<answer::Segment>, Failure> {
        let what = "the question for LAN segments";
        let body = self.read(|session| request::segments(session, under), what).await?;
        answer::segments(&body).ok_or_else(|| no_list(what))
    }
}

/// Whether CSO reports a deployment as made; else it ends the push.
fn deployed(result: ExchangeResult, secrets: &[&Secret]) -> Result<(), Pushed> {
    const WHAT: &str = "the deployment";
    let response = result.map_err(|failure| {
        // Nothing went out to what cannot be reached.
        if failure == Failure::Unreachable { failure.into() } else { Pushed::Unknown(failure) }
    })?;
    let is_unclear = matches!(response.status, 408 | 500..=599);
    answer::accepted(&response, WHAT, secrets)
        .map_err(|failure| if is_unclear { Pushed::Unknown(failure) } else { failure.into() })?;
    if !answer::is_readable(&response.body) {
        return Err(Pushed::Unknown(unreadable(WHAT)));
    }
    Ok(answer::no_objection(&response.body, WHAT, secrets)?)
}

#[cfg(test)]
mod tests;
