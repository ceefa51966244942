//! Which devices are behind which: by LLDP, or behind the only gateway of their site.

use alloc::{collections::BTreeMap, collections::BTreeSet, sync::Arc, vec::Vec};

use crate::base::mac::Mac;

/// The most links between devices, and the most sites.
const LINKS_MAX: usize = 100_000;

/// What is known of the network.
#[derive(Debug, Default)]
pub struct Topology {
    /// From a device to the one that it is behind.
    links: BTreeMap<Mac, Mac>,
    /// The same from the other end.
    children: BTreeMap<Mac, BTreeSet<Mac>>,
    /// The only gateway of a site, by the site's id.
    gateways: BTreeMap<Arc<str>, Mac>,
}

impl Topology {
    /// Notes what a device is behind; `None` for nothing that is known.
    pub fn link(&mut self, child: Mac, parent: Option<Mac>) {
        if let Some(earlier) = self.links.remove(&child)
            && let Some(children) = self.children.get_mut(&earlier)
        {
            children.remove(&child);
            if children.is_empty() {
                self.children.remove(&earlier);
            }
        }
        if let Some(parent) = parent.filter(|_| self.links.len() < LINKS_MAX) {
            self.links.insert(child, parent);
            self.children.entry(parent).or_default().insert(child);
        }
    }

    /// Notes the only gateway of each of these sites, if it has one. Returns the sites where that
    /// is another than before.
    pub fn set_gateways(&mut self, gateways: Vec<(Arc<str>, Option<Mac>)>) -> BTreeSet<Arc<str>> {
        let mut changed = BTreeSet::new();
        for (site, only) in gateways {
            let known = match only.filter(|_| self.gateways.len() < LINKS_MAX) {
                Some(only) => self.gateways.insert(Arc::clone(&site), only),
                None => self.gateways.remove(&site),
            };
            if known != only {
                changed.insert(site);
            }
        }
        changed
    }

    /// What a device of a site is behind.
    pub fn parents(&self, child: Mac, site: Option<&Arc<str>>) -> impl Iterator<Item = &Mac> {
        let gateway = site.and_then(|site| self.gateways.get(site));
        self.links.get(&child).into_iter().chain(gateway.filter(move |own| **own != child))
    }

    /// The devices that are behind one by LLDP.
    pub fn children(&self, parent: Mac) -> impl Iterator<Item = &Mac> {
        self.children.get(&parent).into_iter().flatten()
    }

    /// Whether a device is the only gateway of a site.
    pub fn is_only_gateway(&self, device: Mac, site: &Arc<str>) -> bool {
        self.gateways.get(site) == Some(&device)
    }
}
