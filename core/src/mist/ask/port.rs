//! What a switch says about one of its ports.

use alloc::{borrow::ToOwned, string::String, vec::Vec};

use super::{Inquiry, get};
use crate::base::exchange::{Response, Step};
use crate::base::failure::Failure;
use crate::mist::page::{Search, Then};
use crate::mist::{inventory::Lookup, stats, target};
use crate::ports::question::Answer;
use crate::ports::switch_port::{Sighting, Switch, SwitchPort};

/// Finds the switch, which may have been named by a member of its virtual chassis, then its port.
/// Where nobody is seen on that, also how long the switch has been running.
#[derive(Debug)]
pub(super) struct PortInquiry {
    org: String,
    switch_port: SwitchPort,
    lookup: Lookup,
    search: Option<Search>,
    seen: Vec<stats::Port>,
    /// What is the answer but for the time that the switch has been running.
    vacant: Option<Sighting>,
}

impl PortInquiry {
    pub(super) fn new(org: &str, switch_port: SwitchPort) -> Self {
        let lookup = Lookup::new(org);
        let (org, seen) = (org.to_owned(), Vec::new());
        Self { org, switch_port, lookup, search: None, seen, vacant: None }
    }

    fn switch(&self) -> Option<&Switch> {
        self.lookup.known.find(self.switch_port.switch).map(|(switch, _)| switch)
    }

    fn search(&mut self) -> Step<Answer> {
        let Some(switch) = self.switch() else {
            return Step::Done(Answer::Port(None));
        };
        let query = target::port(switch.mac, self.switch_port.port);
        let search = self.search.insert(Search::new(target::ports(&self.org), query));
        get(search.target())
    }

    /// A port that is listed without the state of its link is no answer.
    fn answer(&self) -> Option<Answer> {
        let mac = self.switch()?.mac;
        let is_it =
            |port: &&stats::Port| port.switch == mac && port.port == Some(self.switch_port.port);
        match self.seen.iter().find(is_it) {
            Some(port) => Some(Answer::Port(Some(port.sighting(&self.lookup.known)?))),
            None => Some(Answer::Port(None)),
        }
    }
}

impl Inquiry for PortInquiry {
    fn first(&mut self) -> Step<Answer> {
        self.lookup.want([self.switch_port.switch]).map_or(Step::Done(Answer::Unanswered), get)
    }

    fn answered(&mut self, result: Result<Response, Failure>) -> Option<Step<Answer>> {
        if let Some(vacant) = self.vacant.take() {
            let up_for = result.ok().and_then(|response| stats::uptime(&response.body));
            return Some(Step::Done(Answer::Port(Some(Sighting { up_for, ..vacant }))));
        }
        let body = result.ok()?.body;
        let Some(search) = &mut self.search else {
            return match self.lookup.answered(&body)? {
                Some(target) => Some(get(target)),
                None => Some(self.search()),
            };
        };
        let (results, then) = search.answered(&body)?;
        self.seen.extend(results.into_iter().filter_map(stats::Port::read));
        match then {
            Then::More => Some(get(search.target())),
            Then::Complete => {
                let answer = self.answer()?;
                let is_vacant =
                    |seen: &&Sighting| seen.is_live && !(seen.up && seen.neighbor.is_some());
                if let Answer::Port(Some(seen)) = &answer
                    && let Some(seen) = Some(seen).filter(is_vacant)
                {
                    let target = target::stats(&seen.switch.site, &seen.switch.device_id);
                    self.vacant = Some(seen.clone());
                    return Some(get(target));
                }
                Some(Step::Done(answer))
            }
        }
    }
}
