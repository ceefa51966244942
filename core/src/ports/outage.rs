//! How many access points of a site were lost together. One that is lost alone was unplugged; if
//! many are lost at once, their site has an outage.
//!
//! The rules are those that the original describes and does not follow
//! (`appliance/docs/vendors/mist.md` §10). The losses of an outage are at most `window` apart. An
//! access point that was lost longer than `forget` before does not count among those of the site.
//! On a site of up to [`SMALL_SITE`] access points an outage looks like a single loss.

use alloc::{collections::BTreeMap, sync::Arc};
use core::time::Duration;

use crate::base::{mac::Mac, time::UnixTime};

/// The most access points of a site of which one alone would already be a large share.
pub const SMALL_SITE: usize = 2;
/// The most access points that are counted, over all sites.
pub const APS_MAX: usize = 65_536;

/// `ports.outage`: when losses count as an outage of the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The longest time between the losses of one outage (default 30s).
    pub window: Duration,
    /// An access point that was lost this long before counts as removed (default 85400s).
    pub forget: Duration,
    /// The share of a site's access points whose loss is an outage (default 50).
    pub min_percent: u8,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(30),
            forget: Duration::from_secs(85_400),
            min_percent: 50,
        }
    }
}

/// How many of a site's access points were lost together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Lost within the window, the one in question included.
    pub lost: usize,
    /// All access points of the site.
    pub of: usize,
    /// Whether that is an outage by the policy. A small site never has one.
    pub is_outage: bool,
}

impl Share {
    /// Whether the site has too few access points to tell.
    pub const fn is_small(self) -> bool {
        self.of <= SMALL_SITE
    }
}

/// The losses of all sites.
#[derive(Clone, Debug, Default)]
pub struct Losses {
    sites: BTreeMap<Arc<str>, Site>,
    aps: BTreeMap<Mac, Arc<str>>,
}

#[derive(Clone, Debug, Default)]
struct Site {
    /// Whether an inventory listed all its access points.
    is_counted: bool,
    aps: BTreeMap<Mac, Standing>,
}

#[derive(Clone, Copy, Debug)]
struct Standing {
    lost_at: Option<UnixTime>,
    /// The time of the news.
    noted_at: UnixTime,
}

impl Losses {
    /// The number of access points over all sites.
    pub fn aps(&self) -> usize {
        self.aps.len()
    }

    /// Whether this MAC is that of an access point.
    pub fn knows(&self, ap: Mac) -> bool {
        self.aps.contains_key(&ap)
    }

    /// How many access points a site has; `None` if no inventory has listed them.
    pub fn site_aps(&self, site: &str) -> Option<usize> {
        self.sites.get(site).filter(|site| site.is_counted).map(|site| site.aps.len())
    }

    /// Whether an access point is known to be lost.
    pub fn is_lost(&self, ap: Mac) -> bool {
        self.standing(ap).is_some_and(|standing| standing.lost_at.is_some())
    }

    /// The site of an access point, as far as it is known.
    pub fn site_of(&self, ap: Mac) -> Option<&str> {
        self.aps.get(&ap).map(|site| &**site)
    }

    /// Notes that an access point was lost, or is back, at a time by Mist's clock. News that are
    /// older than what is known, or of more than [`APS_MAX`] access points, are ignored.
    pub fn note(&mut self, ap: Mac, site: Option<&str>, is_lost: bool, at: UnixTime) {
        let known = self.standing(ap);
        if known.is_some_and(|standing| standing.noted_at > at) {
            return;
        }
        let Some(site) = site.or(self.aps.get(&ap).map(|site| &**site)).map(Arc::from) else {
            return;
        };
        if known.is_none() && self.aps.len() >= APS_MAX {
            return;
        }
        // If it is lost twice, the first time counts.
        let earlier = known.and_then(|standing| standing.lost_at);
        let lost_at = is_lost.then(|| earlier.unwrap_or(at));
        self.put(ap, site, Standing { lost_at, noted_at: at });
    }

    /// Takes an inventory: all access points with their sites and the times of their losses, as
    /// they were at `asked_at`.
    pub fn count<'a>(
        &mut self,
        asked_at: UnixTime,
        aps: impl IntoIterator<Item = (Mac, &'a str, Option<UnixTime>)>,
    ) {
        let before = core::mem::take(self);
        for (ap, site, lost_at) in aps.into_iter().take(APS_MAX) {
            // The answer does not have what happened after the question.
            let later = before.standing(ap).filter(|standing| standing.noted_at > asked_at);
            match (later, before.aps.get(&ap)) {
                (Some(standing), Some(site)) => self.put(ap, site.clone(), standing),
                _ => self.put(ap, site.into(), Standing { lost_at, noted_at: asked_at }),
            }
        }
        for site in self.sites.values_mut() {
            site.is_counted = true;
        }
    }

    /// How many were lost together with an access point. `None` if it is not lost, or if no
    /// inventory has listed the access points of its site.
    pub fn share(&self, policy: &Policy, ap: Mac) -> Option<Share> {
        let lost_at = self.standing(ap)?.lost_at?;
        let site = self.sites.get(self.aps.get(&ap)?).filter(|site| site.is_counted)?;
        let mut share = Share { lost: 0, of: 0, is_outage: false };
        for other_at in site.aps.values().map(|standing| standing.lost_at) {
            let Some(other_at) = other_at else {
                share.of += 1;
                continue;
            };
            let apart = lost_at.as_micros().abs_diff(other_at.as_micros());
            let apart = Duration::from_micros(apart);
            share.lost += usize::from(apart <= policy.window);
            share.of += usize::from(lost_at < other_at || apart < policy.forget);
        }
        let is_large = share.lost * 100 >= share.of * usize::from(policy.min_percent);
        share.is_outage = is_large && !share.is_small();
        Some(share)
    }

    fn standing(&self, ap: Mac) -> Option<Standing> {
        self.sites.get(self.aps.get(&ap)?)?.aps.get(&ap).copied()
    }

    fn put(&mut self, ap: Mac, site: Arc<str>, standing: Standing) {
        if let Some(before) = self.aps.insert(ap, site.clone()).filter(|before| *before != site)
            && let Some(left) = self.sites.get_mut(&before)
        {
            left.aps.remove(&ap);
        }
        self.sites.entry(site).or_default().aps.insert(ap, standing);
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    fn ap(number: u8) -> Mac {
        Mac::parse(&alloc::format!("5c5b350000{number:02x}")).expect("a MAC")
    }

    fn at(secs: i64) -> UnixTime {
        UnixTime::from_secs(1_000_000 + secs)
    }

    /// A site of `of` access points, of which those named were lost when they say.
    fn losses(of: u8, lost: &[(u8, i64)]) -> Losses {
        let mut losses = Losses::default();
        let lost_at = |number| lost.iter().find(|(lost, _)| *lost == number).map(|(_, t)| at(*t));
        let aps: Vec<_> = (1..=of).map(|number| (ap(number), "site", lost_at(number))).collect();
        losses.count(at(0), aps);
        losses
    }

    #[test]
    fn the_share_is_of_those_who_went_together() {
        let policy = Policy::default();
        for (of, lost, share, outage, case) in [
            (10, &[(1, 5)][..], (1, 10), false, "one alone"),
            (10, &[(1, 5), (2, 35), (3, 36)], (2, 10), false, "30s later is together, 31s is not"),
            (4, &[(1, 5), (2, 6)], (2, 4), true, "half of the site"),
            (4, &[(1, 5), (2, -90_000)], (1, 3), false, "one was removed the day before"),
            (4, &[(1, 5), (2, -85_000)], (1, 4), false, "one is gone for less than a day"),
            (4, &[(1, 5), (2, 90_000)], (1, 4), false, "one is lost the day after"),
            (2, &[(1, 5), (2, 5)], (2, 2), false, "too few to tell"),
            (3, &[(1, 5), (2, 5), (3, 5)], (3, 3), true, "all of a site of three"),
        ] {
            let share = Share { lost: share.0, of: share.1, is_outage: outage };
            let got = losses(of, lost).share(&policy, ap(1)).expect("a lost access point");
            assert_eq!(got, share, "{case}");
        }
    }

    #[test]
    fn without_a_roster_or_a_loss_there_is_no_share() {
        let mut losses = Losses::default();
        losses.note(ap(1), Some("site"), true, at(5));
        assert_eq!(losses.share(&Policy::default(), ap(1)), None);
        losses.count(at(0), [(ap(2), "site", None)]);
        assert_eq!(losses.aps(), 1, "an access point that Mist does not have is not counted");
        losses.note(ap(2), None, true, at(5));
        assert!(losses.share(&Policy::default(), ap(2)).is_some());
        losses.note(ap(2), None, false, at(6));
        assert_eq!(losses.share(&Policy::default(), ap(2)), None);
    }

    #[test]
    fn older_news_change_nothing_and_a_move_is_followed() {
        let mut losses = losses(3, &[]);
        losses.note(ap(1), Some("site"), true, at(10));
        losses.note(ap(1), Some("site"), false, at(9));
        losses.note(ap(1), Some("site"), true, at(12));
        let lost_at = losses.standing(ap(1)).and_then(|standing| standing.lost_at);
        assert_eq!(lost_at, Some(at(10)));
        losses.count(at(11), [(ap(1), "site", None), (ap(2), "site", None)]);
        assert!(losses.share(&Policy::default(), ap(1)).is_some(), "lost since the question");
        losses.note(ap(2), Some("other"), false, at(20));
        let of = losses.share(&Policy::default(), ap(1)).map(|share| share.of);
        assert_eq!(of, Some(1));
    }
}
