//! Questions to Mist about access points, switches and ports, each asked to its end.
//!
//! A question takes a few requests, one after the other. If one of them fails, or its response is
//! not what it should be, there is no answer: a part would be taken for the whole.

use alloc::{borrow::ToOwned, collections::BTreeMap, string::String, vec::Vec};

use super::{inventory::Lookup, inventory::Switches, outcome::outcome, page::Search};
use super::{page::Then, page::elements, page::read_pages, stats, stats::Ap, stats::Port, target};
use crate::base::{exchange::Asking, exchange::Exchange, failure::Failure, mac::Mac};
use crate::ports::{outage::APS_MAX, question::Answer, question::Entry, question::Location};
use crate::ports::{question::Question, switch_port::Sighting, switch_port::SwitchPort};

/// Asks a question about the organisation of this id.
pub fn ask(org: &str, question: Question) -> Exchange<Answer> {
    let org = org.to_owned();
    Exchange::new(|asking| async move {
        let answer = match question {
            Question::Port { switch_port, .. } => port(&asking, &org, switch_port).await,
            Question::Inventory => inventory(&asking, &org).await,
            Question::Location { ap, site } => location(&asking, &org, ap, site).await,
        };
        answer.unwrap_or(Answer::Unanswered)
    })
}

/// Whether an access point of the organisation `org` is connected to Mist; `None` if Mist does not
/// say so or does not have it. `site` is the id of its site, if that is known.
pub fn connected(org: &str, ap: Mac, site: Option<&str>) -> Exchange<Option<bool>> {
    let target = site.map_or_else(|| target::aps(org, Some(ap), 1), |site| target::ap(site, ap));
    Exchange::new(|asking| async move { itself(&asking, target, ap).await??.is_connected })
}

/// What a switch says about one of its ports. The switch may have been named by a member of its
/// virtual chassis. Where nobody is seen on the port, also how long the switch has been running.
async fn port(asking: &Asking, org: &str, switch_port: SwitchPort) -> Option<Answer> {
    let SwitchPort { switch, port } = switch_port;
    let mut lookup = Lookup::default();
    lookup.read(asking, org, [switch]).await?;
    let Some((switch, _)) = lookup.known.find(switch) else { return Some(Answer::Port(None)) };
    let is_it = |seen: &Port| seen.switch == switch.mac && seen.port == Some(port);
    let seen = ports(asking, org, target::port(switch.mac, port), is_it).await?;
    let Some(port) = seen.first() else { return Some(Answer::Port(None)) };
    // A port that is listed without the state of its link is no answer.
    let mut sighting = port.sighting(&lookup.known)?;
    if sighting.is_live && !(sighting.up && sighting.neighbor.is_some()) {
        let target = target::stats(&sighting.switch.site, &sighting.switch.device_id);
        let response = outcome(asking.get(target).await).ok();
        sighting.up_for = response.and_then(|response| stats::uptime(&response.body));
    }
    Some(Answer::Port(Some(sighting)))
}

/// Where all access points of the organisation are: reads the access points, then the switches,
/// then all switch ports with a link, of which it keeps those that see an access point.
async fn inventory(asking: &Asking, org: &str) -> Option<Answer> {
    let mut aps: BTreeMap<Mac, (Ap, Vec<Port>)> = BTreeMap::new();
    let target = |page| target::aps(org, None, page);
    let judge = |result| outcome(result).map_err(drop);
    let read = |body: &[u8]| {
        let (count, before) = (elements(body)?.len(), aps.len());
        aps.extend(stats::aps(body)?.into_iter().map(|ap| (ap.mac, (ap, Vec::new()))));
        (aps.len() <= APS_MAX).then(|| (count, aps.len() - before))
    };
    read_pages(asking, target, judge, (), read).await.ok()?;
    let mut switches = Switches::default();
    let target = |page| target::switches(org, [], page);
    read_pages(asking, target, judge, (), |body| switches.read(body)).await.ok()?;
    let sees_ap = |port: &Port| port.neighbor.is_some_and(|neighbor| aps.contains_key(&neighbor));
    for port in ports(asking, org, target::up(), sees_ap).await? {
        if let Some((_, ports)) = port.neighbor.and_then(|neighbor| aps.get_mut(&neighbor)) {
            ports.push(port);
        }
    }
    let entry = |(ap, ports): &(Ap, Vec<Port>)| Entry {
        ap: ap.mac,
        site: ap.site.clone().unwrap_or_default(),
        is_connected: ap.is_connected == Some(true),
        last_seen: ap.last_seen,
        location: Location {
            seen: ports.iter().filter_map(|port| port.sighting(&switches)).collect(),
            hints: ap.hints(&switches),
        },
    };
    Some(Answer::Inventory(aps.values().map(entry).collect()))
}

/// Where an access point is: first the ports that see it, and their switches; then what it says
/// itself, and the switch that it names.
async fn location(asking: &Asking, org: &str, ap: Mac, site: Option<String>) -> Option<Answer> {
    let sees_it = |port: &Port| port.neighbor == Some(ap);
    let ports = ports(asking, org, target::neighbor(ap), sees_it).await?;
    let mut lookup = Lookup::default();
    lookup.read(asking, org, ports.iter().map(|port| port.switch)).await?;
    let itself = anywhere(asking, org, ap, site).await?;
    let neighbors = itself.iter().flat_map(|itself| &itself.neighbors);
    lookup.read(asking, org, neighbors.map(|neighbor| neighbor.chassis)).await?;
    let seen: Vec<Sighting> =
        ports.iter().filter_map(|port| port.sighting(&lookup.known)).collect();
    let is_seen = seen.iter().any(|sighting| sighting.proves(ap));
    // Whoever is seen in the place of a lost access point is somebody else.
    let itself = itself.filter(|itself| !is_seen || itself.is_connected != Some(false));
    let hints = itself.map(|itself| itself.hints(&lookup.known)).unwrap_or_default();
    Some(Answer::Location(Location { seen, hints }))
}

/// What an access point says itself: at its site if that is known, else wherever it is. `None`
/// without an answer.
async fn anywhere(asking: &Asking, org: &str, ap: Mac, site: Option<String>) -> Option<Option<Ap>> {
    if let Some(site) = site {
        match outcome(asking.get(target::ap(&site, ap)).await) {
            Ok(response) => return listed(&response.body, ap),
            // It may have moved to another site, or have none.
            Err(Failure::Unreachable) => {}
            Err(_) => return None,
        }
    }
    let own = itself(asking, target::aps(org, Some(ap), 1), ap).await?;
    match own.as_ref().filter(|own| own.neighbors.is_empty()).and_then(|own| own.site.as_ref()) {
        // The list of all leaves out what the statistics of one have.
        Some(site) => itself(asking, target::ap(site, ap), ap).await,
        None => Some(own),
    }
}

/// The ports that a search finds, as far as they are to be kept.
async fn ports(
    asking: &Asking,
    org: &str,
    query: String,
    is_kept: impl Fn(&Port) -> bool,
) -> Option<Vec<Port>> {
    let (mut search, mut ports) = (Search::new(target::ports(org), query), Vec::new());
    loop {
        let response = outcome(asking.get(search.target()).await).ok()?;
        let (page, then) = search.answered(&response.body)?;
        ports.extend(page.into_iter().filter_map(Port::read).filter(&is_kept));
        if then == Then::Complete {
            return Some(ports);
        }
    }
}

async fn itself(asking: &Asking, target: String, ap: Mac) -> Option<Option<Ap>> {
    listed(&outcome(asking.get(target).await).ok()?.body, ap)
}

fn listed(body: &[u8], ap: Mac) -> Option<Option<Ap>> {
    Some(stats::aps(body)?.into_iter().find(|own| own.mac == ap))
}

#[cfg(test)]
mod tests;
