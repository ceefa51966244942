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
use core::mem;

use super::answer::{Named, no_list, unreadable};
use super::{answer, find, find::Names, request, request::Association};
use crate::api::rejected;
use crate::base::exchange::{Exchange, ExchangeResult, Response, Step};
use crate::base::{failure::Failure, secret::Secret};
use crate::cso::Cso;
use crate::ports::edit::{Edit, Pushed};
use crate::ports::switch_port::Switch;

/// How often a push logs in at most.
const LOGINS_MAX: u32 = 2;

/// What is asked for, with what is known by then. `under` is the uuid of the switch or of its site.
#[derive(Clone, Debug)]
enum State {
    Finding,
    Choosing { switch: Named },
    Segmenting { switch: Named, under: String, profiles: Vec<Named> },
    Applying(Change),
    Deploying(Change),
}

/// A change that is ready to be made.
#[derive(Clone, Debug)]
struct Change {
    /// The uuid of the switch.
    switch: String,
    associations: Vec<Association>,
}

/// An exchange that gives ports of a switch their profiles.
#[derive(Debug)]
pub struct Push {
    cso: Cso,
    switch: Switch,
    edits: Vec<Edit>,
    names: Names,
    /// `None` while it logs in.
    session: Option<Secret>,
    logins: u32,
    state: State,
}

impl Push {
    /// Gives ports of `switch` the profiles of their modes, all or none.
    pub fn new(cso: Cso, switch: Switch, edits: Vec<Edit>) -> Self {
        let (names, state) = (Names::default(), State::Finding);
        Self { cso, switch, edits, names, session: None, logins: 0, state }
    }

    fn login(&mut self) -> Step<Pushed> {
        self.logins += 1;
        self.session = None;
        Step::Request(request::login(&self.cso))
    }

    fn ask(&self, session: &Secret) -> Step<Pushed> {
        Step::Request(match &self.state {
            State::Finding => request::devices(session),
            State::Choosing { .. } => request::profiles(session),
            State::Segmenting { under, .. } => request::segments(session, under),
            State::Applying(Change { switch, associations }) => {
                request::apply(session, switch, associations)
            }
            State::Deploying(Change { switch, associations }) => {
                request::deploy(session, switch, associations)
            }
        })
    }

    fn logged_in(&mut self, result: ExchangeResult) -> Step<Pushed> {
        // What CSO says of a login is not repeated: the password is part of what it got.
        let opened = result.and_then(|response| {
            let response = Response { body: Vec::new(), ..response };
            answer::accepted(&response, "the login", &[])?;
            let session = response.session;
            session.ok_or_else(|| rejected("CSO takes the login and opens no session".into()))
        });
        match opened {
            Ok(session) => {
                let step = self.ask(&session);
                self.session = Some(session);
                step
            }
            Err(failure) => Step::Done(failure.into()),
        }
    }

    /// What is asked after an answer, or the end.
    fn next(&mut self, result: ExchangeResult, session: &Secret) -> Result<State, Pushed> {
        let secrets = [&self.cso.password, session];
        let answered = |result: ExchangeResult, what| {
            let response = result?;
            answer::accepted(&response, what, &secrets)?;
            Ok::<_, Failure>(response.body)
        };
        let listed = |result, what, key| {
            answer::named(&answered(result, what)?, key).ok_or_else(|| no_list(what))
        };
        match mem::replace(&mut self.state, State::Finding) {
            State::Finding => {
                let devices = listed(result, "the question for switches", "device")?;
                let switch = find::switch(&devices, &self.cso.tenant, &self.names)?.clone();
                if self.edits.is_empty() {
                    return Err(self.done());
                }
                Ok(State::Choosing { switch })
            }
            State::Choosing { switch } => {
                let profiles = listed(result, "the question for port profiles", "port-profile")?;
                for edit in &self.edits {
                    find::profile(&profiles, &self.cso, edit.mode)?;
                }
                let under = switch.uuid.clone();
                Ok(State::Segmenting { switch, under, profiles })
            }
            State::Segmenting { switch, under, profiles } => {
                let what = "the question for LAN segments";
                let segments = answer::segments(&answered(result, what)?);
                let segments = segments.ok_or_else(|| no_list(what))?;
                if let Some(parent) = &switch.parent_uuid
                    && segments.is_empty()
                    && under == switch.uuid
                {
                    let under = parent.clone();
                    return Ok(State::Segmenting { switch, under, profiles });
                }
                let Self { cso, names, edits, .. } = self;
                let associations = find::associations(cso, names, edits, &profiles, &segments)?;
                Ok(State::Applying(Change { switch: switch.uuid, associations }))
            }
            State::Applying(change) => {
                let body = answered(result, "the change")?;
                answer::no_objection(&body, "the change", &secrets)?;
                Ok(State::Deploying(change))
            }
            State::Deploying(_) => {
                deployed(result, &secrets)?;
                Err(self.done())
            }
        }
    }

    fn done(&self) -> Pushed {
        let lines = self.edits.iter().flat_map(|edit| &edit.lines);
        let lines: Vec<&str> = lines.map(String::as_str).collect();
        Pushed::Done { diff: lines.join("\n"), before: Vec::new() }
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

impl Exchange for Push {
    type Output = Pushed;

    fn start(&mut self) -> Step<Pushed> {
        match Names::of(&self.switch) {
            Ok(names) => {
                self.names = names;
                self.login()
            }
            Err(failure) => Step::Done(failure.into()),
        }
    }

    fn answer(&mut self, result: ExchangeResult) -> Step<Pushed> {
        let Some(session) = self.session.clone() else {
            return self.logged_in(result);
        };
        let is_expired = matches!(&result, Ok(response) if response.status == 401);
        if is_expired && self.logins < LOGINS_MAX {
            return self.login();
        }
        match self.next(result, &session) {
            Ok(state) => {
                self.state = state;
                self.ask(&session)
            }
            Err(pushed) => Step::Done(pushed),
        }
    }
}

#[cfg(test)]
mod tests;
