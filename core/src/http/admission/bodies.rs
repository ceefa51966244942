//! Which bytes of bodies are granted, and whose body gives way.

use super::{Admission, Connection, Id, Limit, Standing};

/// Up to here a body may use the reserve: nearly every webhook of Mist is smaller.
const SMALL_MAX: usize = 64 << 10;
/// The part of the memory that only small bodies may use.
const RESERVE: usize = 8;

impl Admission {
    /// Grants `more` bytes of the body that a connection is sending, and lets slower bodies give
    /// way for them. The bytes count until [`answered`](Self::answered).
    pub fn grow(&mut self, id: Id, more: usize) -> Result<(), Limit> {
        while !self.has_memory(id, more) {
            let slower = self.slower_body(id).ok_or(Limit::Connections)?;
            self.evict(slower);
        }
        let Some(connection) = self.connections.get_mut(&id) else {
            return Err(Limit::Connections);
        };
        connection.body += more;
        let standing = connection.key.0;
        self.crowd_mut(standing).bytes += more;
        Ok(())
    }

    /// Whether `more` bytes fit into all limits of a connection. One body always fits into an empty
    /// memory.
    fn has_memory(&self, id: Id, more: usize) -> bool {
        let Some(connection) = self.connections.get(&id) else { return false };
        if !matches!(connection.key.0, Standing::Proven | Standing::Unproven) {
            return false;
        }
        let is_small = connection.body + more <= SMALL_MAX;
        let max = |share: usize| {
            let share = if is_small { share } else { share - share / RESERVE };
            share.max(self.policy.limits.body_max)
        };
        let of = |standing| self.crowd(standing).bytes;
        let total = of(Standing::Proven) + of(Standing::Unproven) + more;
        let unproven = of(Standing::Unproven) + more;
        let bodies_max = self.policy.limits.bodies_max;
        total <= max(bodies_max)
            && (connection.key.0 == Standing::Proven || unproven <= max(bodies_max / 2))
    }

    /// The slowest body that gives way to that of `id`: of an unproven client, or of a proven one
    /// if `id` is of such a client too, and slower than `id`.
    fn slower_body(&self, id: Id) -> Option<Id> {
        let rank = |of: &Connection| (of.key.0 == Standing::Proven, of.quickness());
        let own = rank(self.connections.get(&id)?);
        // Many bytes come in many pieces, so this looks nothing up.
        let others = self.connections.iter().filter(|(_, of)| of.body > 0 && !of.is_ours);
        let (slowest, other) = others.min_by_key(|(_, of)| rank(of))?;
        (rank(other) < own).then_some(*slowest)
    }

    /// Counts the body of a connection no longer.
    pub(super) fn release(&mut self, id: Id) {
        if let Some(connection) = self.connections.get_mut(&id) {
            let (standing, body) = (connection.key.0, core::mem::take(&mut connection.body));
            let crowd = self.crowd_mut(standing);
            crowd.bytes = crowd.bytes.saturating_sub(body);
        }
    }
}
