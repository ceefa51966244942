//! The inventory: where all access points of the organisation are.

use alloc::{borrow::ToOwned, collections::BTreeMap, string::String, vec::Vec};

use super::{Inquiry, get};
use crate::base::exchange::{Response, Step};
use crate::base::{failure::Failure, mac::Mac};
use crate::mist::inventory::Switches;
use crate::mist::page::{Pages, Search, Then};
use crate::mist::{page, stats, target};
use crate::ports::outage::APS_MAX;
use crate::ports::question::{Answer, Entry, Location};

/// Reads the access points, then the switches, then all switch ports with a link, of which it keeps
/// those that see an access point.
#[derive(Debug)]
pub(super) struct InventoryInquiry {
    org: String,
    state: State,
    aps: BTreeMap<Mac, (stats::Ap, Vec<stats::Port>)>,
    switches: Switches,
}

#[derive(Debug)]
enum State {
    Aps(Pages),
    Switches(Pages),
    Ports(Search),
}

impl InventoryInquiry {
    pub(super) fn new(org: &str) -> Self {
        let state = State::Aps(Pages::default());
        let (aps, switches) = (BTreeMap::new(), Switches::default());
        Self { org: org.to_owned(), state, aps, switches }
    }

    fn entries(&self) -> Vec<Entry> {
        let entry = |(ap, ports): &(stats::Ap, Vec<stats::Port>)| {
            let sighting = |port: &stats::Port| port.sighting(&self.switches);
            let seen: Vec<_> = ports.iter().filter_map(sighting).collect();
            Entry {
                ap: ap.mac,
                site: ap.site.clone().unwrap_or_default(),
                is_connected: ap.is_connected == Some(true),
                last_seen: ap.last_seen,
                location: Location { seen, hints: ap.hints(&self.switches) },
            }
        };
        self.aps.values().map(entry).collect()
    }
}

impl Inquiry for InventoryInquiry {
    fn first(&mut self) -> Step<Answer> {
        get(target::aps(&self.org, None, 1))
    }

    fn answered(&mut self, result: Result<Response, Failure>) -> Option<Step<Answer>> {
        let response = result.ok()?;
        match &mut self.state {
            State::Aps(pages) => {
                let count = page::elements(&response.body)?.len();
                let before = self.aps.len();
                let aps = stats::aps(&response.body)?;
                self.aps.extend(aps.into_iter().map(|ap| (ap.mac, (ap, Vec::new()))));
                if self.aps.len() > APS_MAX {
                    return None;
                }
                let new = self.aps.len() - before;
                Some(match pages.seen(count, new, response.total)? {
                    Then::More => get(target::aps(&self.org, None, pages.number())),
                    Then::Complete => {
                        self.state = State::Switches(Pages::default());
                        get(target::switches(&self.org, [], 1))
                    }
                })
            }
            State::Switches(pages) => {
                let (count, new) = self.switches.read(&response.body)?;
                Some(match pages.seen(count, new, response.total)? {
                    Then::More => get(target::switches(&self.org, [], pages.number())),
                    Then::Complete => {
                        let search = Search::new(target::ports(&self.org), target::up());
                        let next = get(search.target());
                        self.state = State::Ports(search);
                        next
                    }
                })
            }
            State::Ports(search) => {
                let (results, then) = search.answered(&response.body)?;
                for port in results.into_iter().filter_map(stats::Port::read) {
                    let ap = port.neighbor.and_then(|neighbor| self.aps.get_mut(&neighbor));
                    if let Some((_, ports)) = ap {
                        ports.push(port);
                    }
                }
                Some(match then {
                    Then::More => get(search.target()),
                    Then::Complete => Step::Done(Answer::Inventory(self.entries())),
                })
            }
        }
    }
}
