//! Where an access point is.

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

use super::{Inquiry, get, switches};
use crate::base::exchange::{Response, Step};
use crate::base::{failure::Failure, mac::Mac};
use crate::mist::inventory::Lookup;
use crate::mist::page::{Search, Then};
use crate::mist::{stats, target};
use crate::ports::question::{Answer, Location};
use crate::ports::switch_port::Sighting;

/// First the ports that see it, and their switches. Then what it says itself, and the switch that
/// it names.
#[derive(Debug)]
pub(super) struct LocationInquiry {
    org: String,
    ap: Mac,
    state: State,
    lookup: Lookup,
    seen: Vec<stats::Port>,
    itself: Option<stats::Ap>,
}

#[derive(Debug)]
enum State {
    /// The ports that see it.
    Ports(Search, Option<String>),
    Switches(Option<String>),
    /// Itself, where its site is known.
    AtSite,
    /// Itself, wherever it is.
    Anywhere,
    /// The switch that it names.
    Named,
}

impl LocationInquiry {
    pub(super) fn new(org: &str, ap: Mac, site: Option<String>) -> Self {
        let search = Search::new(target::ports(org), target::neighbor(ap));
        let (state, lookup) = (State::Ports(search, site), Lookup::new(org));
        Self { org: org.to_owned(), ap, state, lookup, seen: Vec::new(), itself: None }
    }

    fn sightings(&self) -> impl Iterator<Item = Sighting> {
        self.seen.iter().filter_map(|port| port.sighting(&self.lookup.known))
    }

    /// Asks what the access point says itself.
    fn itself(&mut self, site: Option<String>) -> Step<Answer> {
        match site {
            Some(site) => self.at(&site),
            None => self.anywhere(),
        }
    }

    fn at(&mut self, site: &str) -> Step<Answer> {
        self.state = State::AtSite;
        get(target::ap(site, self.ap))
    }

    fn anywhere(&mut self) -> Step<Answer> {
        self.state = State::Anywhere;
        get(target::aps(&self.org, Some(self.ap), 1))
    }

    fn listen(&mut self, body: &[u8]) -> Option<Step<Answer>> {
        let aps = stats::aps(body)?;
        self.itself = aps.into_iter().find(|ap| ap.mac == self.ap);
        Some(self.name())
    }

    /// Looks for the switches that it names.
    fn name(&mut self) -> Step<Answer> {
        let neighbors = self.itself.iter().flat_map(|itself| &itself.neighbors);
        let Some(target) = self.lookup.want(neighbors.map(|neighbor| neighbor.chassis)) else {
            return self.done();
        };
        self.state = State::Named;
        get(target)
    }

    fn done(&self) -> Step<Answer> {
        let seen: Vec<Sighting> = self.sightings().collect();
        let is_seen = seen.iter().any(|sighting| sighting.proves(self.ap));
        // Whoever is seen in the place of a lost access point is somebody else.
        let is_itself = |itself: &&stats::Ap| !is_seen || itself.is_connected != Some(false);
        let itself = self.itself.as_ref().filter(is_itself);
        let hints = itself.map(|itself| itself.hints(&self.lookup.known)).unwrap_or_default();
        Step::Done(Answer::Location(Location { seen, hints }))
    }
}

impl Inquiry for LocationInquiry {
    fn first(&mut self) -> Step<Answer> {
        get(format!("{}?{}", target::ports(&self.org), target::neighbor(self.ap)))
    }

    fn answered(&mut self, result: Result<Response, Failure>) -> Option<Step<Answer>> {
        match &mut self.state {
            State::Ports(search, site) => {
                let body = result.ok()?.body;
                let (results, then) = search.answered(&body)?;
                let ports = results.into_iter().filter_map(stats::Port::read);
                self.seen.extend(ports.filter(|port| port.neighbor == Some(self.ap)));
                if then == Then::More {
                    return Some(get(search.target()));
                }
                let site = site.take();
                let wanted = self.lookup.want(switches(&self.seen));
                let Some(target) = wanted else {
                    return Some(self.itself(site));
                };
                self.state = State::Switches(site);
                Some(get(target))
            }
            State::Switches(site) => {
                let site = site.take();
                if let Some(target) = self.lookup.answered(&result.ok()?.body)? {
                    self.state = State::Switches(site);
                    return Some(get(target));
                }
                Some(self.itself(site))
            }
            State::AtSite => match result {
                Ok(response) => Some(self.listen(&response.body)?),
                // It may have moved to another site, or have none.
                Err(Failure::Unreachable) if self.itself.is_none() => Some(self.anywhere()),
                Err(_) => None,
            },
            State::Anywhere => {
                let aps = stats::aps(&result.ok()?.body)?;
                self.itself = aps.into_iter().find(|ap| ap.mac == self.ap);
                let site = self.itself.as_ref().filter(|itself| itself.neighbors.is_empty());
                Some(match site.and_then(|itself| itself.site.clone()) {
                    // The list of all leaves out what the statistics of one have.
                    Some(site) => self.at(&site),
                    None => self.name(),
                })
            }
            State::Named => match self.lookup.answered(&result.ok()?.body)? {
                Some(target) => Some(get(target)),
                None => Some(self.done()),
            },
        }
    }
}
