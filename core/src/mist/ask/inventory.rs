//! Where all access points are.

use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    vec::Vec,
};

use super::{Next, Outcome};
use crate::{
    base::mac::Mac,
    mist::{
        inventory::Switches,
        page::{self, Pages, Search, Then},
        stats, target,
    },
    ports::{
        outage::APS_MAX,
        question::{Answer, Entry, Location},
    },
};

/// First the access points, then the switches, then the ports of switches that have a link: of
/// these, those on which an access point is seen.
#[derive(Debug)]
pub(super) struct Inquiry {
    org: String,
    step: Step,
    aps: BTreeMap<Mac, (stats::Ap, Vec<stats::Port>)>,
    switches: Switches,
}

#[derive(Debug)]
enum Step {
    Aps(Pages),
    Switches(Pages),
    Ports(Search),
}

impl Inquiry {
    pub(super) fn begin(org: String) -> (Self, Next) {
        let next = Next::Get(target::aps(&org, None, 1));
        let step = Step::Aps(Pages::default());
        (Self { org, step, aps: BTreeMap::new(), switches: Switches::default() }, next)
    }

    /// `None` where there will be no answer.
    pub(super) fn answered(&mut self, result: Outcome) -> Option<Next> {
        let response = result.ok()?;
        match &mut self.step {
            Step::Aps(pages) => {
                let count = page::elements(&response.body)?.len();
                let before = self.aps.len();
                let aps = stats::aps(&response.body)?;
                self.aps.extend(aps.into_iter().map(|ap| (ap.mac, (ap, Vec::new()))));
                if self.aps.len() > APS_MAX {
                    return None;
                }
                let new = self.aps.len() - before;
                Some(match pages.seen(count, new, response.total)? {
                    Then::More => Next::Get(target::aps(&self.org, None, pages.number())),
                    Then::Complete => {
                        self.step = Step::Switches(Pages::default());
                        Next::Get(target::switches(&self.org, [], 1))
                    }
                })
            }
            Step::Switches(pages) => {
                let (count, new) = self.switches.read(&response.body)?;
                Some(match pages.seen(count, new, response.total)? {
                    Then::More => Next::Get(target::switches(&self.org, [], pages.number())),
                    Then::Complete => {
                        let search = Search::new(target::ports(&self.org), target::up());
                        let next = Next::Get(search.target());
                        self.step = Step::Ports(search);
                        next
                    }
                })
            }
            Step::Ports(search) => {
                let (results, then) = search.answered(&response.body)?;
                for port in results.into_iter().filter_map(stats::Port::read) {
                    let ap = port.neighbor.and_then(|neighbor| self.aps.get_mut(&neighbor));
                    if let Some((_, ports)) = ap {
                        ports.push(port);
                    }
                }
                Some(match then {
                    Then::More => Next::Get(search.target()),
                    Then::Complete => Next::Done(Some(Answer::Inventory(self.entries()))),
                })
            }
        }
    }

    fn entries(&self) -> Vec<Entry> {
        let entry = |(ap, ports): &(stats::Ap, Vec<stats::Port>)| {
            let sighting = |port: &stats::Port| port.sighting(&self.switches);
            let seen: Vec<_> = ports.iter().filter_map(sighting).collect();
            let is_proved = seen.iter().any(|sighting| sighting.proves(ap.mac));
            Entry {
                ap: ap.mac,
                site: ap.site.as_deref().unwrap_or_default().to_string(),
                is_connected: ap.is_connected == Some(true),
                last_seen: ap.last_seen,
                location: Location {
                    seen,
                    hint: (!is_proved).then(|| ap.hint(&self.switches)).flatten(),
                },
            }
        };
        self.aps.values().map(entry).collect()
    }
}
