//! Who gets a place, and whose connection gives way for it.

use super::{Admission, Connection, Id, Key, Limit, Standing};
use crate::{base::time::Instant, http::listener::Limits};

/// The places of those that are only told that they are refused.
pub(super) const OUTSIDE_MAX: usize = 16;

impl Admission {
    /// The most connections of all unproven clients together.
    pub(super) fn unproven_max(&self) -> usize {
        (self.policy.limits.connections_max / 2).max(1)
    }

    /// Finds a place for one more connection of a client.
    pub(super) fn make_room(&mut self, key: Key) -> Result<(), Limit> {
        const INSIDE: [Standing; 3] = [Standing::Unproven, Standing::Proven, Standing::Proxy];
        let (standing, _) = key;
        let Limits { connections_max, connections_per_address_max, .. } = self.policy.limits;
        let of = |standing| self.crowd(standing).connections;
        let is_client = matches!(standing, Standing::Unproven | Standing::Proven);
        let victim = if is_client && self.count(key) >= connections_per_address_max {
            Some(self.slowest_of(key).ok_or(Limit::PerAddress)?)
        } else if standing == Standing::Outside {
            if of(standing) < OUTSIDE_MAX {
                return Ok(());
            }
            self.slowest(standing, key)
        } else if standing == Standing::Unproven && of(standing) >= self.unproven_max() {
            self.slowest(standing, key)
        } else if INSIDE.into_iter().map(of).sum::<usize>() < connections_max {
            return Ok(());
        } else if standing == Standing::Unproven {
            self.slowest(standing, key)
        } else {
            // Unproven ones give way first.
            INSIDE.into_iter().find_map(|of| self.slowest(of, key))
        };
        self.evict(victim.ok_or(Limit::Connections)?);
        Ok(())
    }

    /// The connection that gives way to a new one of `newcomer`: the slowest one of the client that
    /// has the most. Never that of a client with fewer than the newcomer would have.
    pub(super) fn slowest(&self, standing: Standing, newcomer: Key) -> Option<Id> {
        let (most, _) = *self.crowd(standing).sizes.last()?;
        let own = if newcomer.0 == standing { self.count(newcomer) } else { 0 };
        if own > 0 && own + 1 >= most {
            return self.slowest_of(newcomer);
        }
        let largest = self.crowd(standing).sizes.iter().rev().take_while(|(size, _)| *size == most);
        let largest = || largest.clone().map(|(_, address)| (standing, *address));
        let slowest = largest().filter_map(|key| self.slowest_of(key));
        slowest.min_by_key(|id| self.quickness(*id)).or_else(|| {
            let queued = |key| self.clients.get(&key)?.queued.back().copied();
            largest().find_map(queued)
        })
    }

    /// The slowest connection of a client; none, if all of them wait for us.
    fn slowest_of(&self, key: Key) -> Option<Id> {
        let ids = self.clients.get(&key)?.connections.iter().copied();
        let waits = |id: &Id| self.connections.get(id).is_some_and(|of| !of.is_ours);
        ids.filter(waits).min_by_key(|id| self.quickness(*id))
    }

    fn quickness(&self, id: Id) -> Option<(bool, Instant)> {
        self.connections.get(&id).map(Connection::quickness)
    }
}
