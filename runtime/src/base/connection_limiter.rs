//! How many connections a listener lets in at once, in all and for each address.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use crate::base::{net::subscriber, sync::Mutex};

/// What there is too much of, of all clients together.
const CONNECTIONS: &str = "connections in all";
/// What there is too much of, of one address, where an IPv6 address stands for its /64.
pub const CONNECTIONS_PER_ADDRESS: &str = "connections of one address";

/// Counts the open connections of a listener.
#[derive(Debug)]
pub(crate) struct ConnectionLimiter {
    taken: Mutex<Taken>,
}

#[derive(Debug)]
struct Taken {
    max: usize,
    per_address_max: usize,
    all: usize,
    by_address: BTreeMap<IpAddr, usize>,
}

impl ConnectionLimiter {
    /// A limiter without connections.
    pub(crate) const fn new(max: usize, per_address_max: usize) -> Self {
        let by_address = BTreeMap::new();
        Self { taken: Mutex::new(Taken { max, per_address_max, all: 0, by_address }) }
    }

    /// Sets other limits. Slots that are taken stay.
    pub(crate) fn limit(&self, max: usize, per_address_max: usize) {
        let mut taken = self.taken.lock();
        (taken.max, taken.per_address_max) = (max, per_address_max);
    }

    /// Takes a slot for a client at `address`, or says which limit is reached.
    pub(crate) fn take(self: &Arc<Self>, address: IpAddr) -> Result<ConnectionSlot, &'static str> {
        let address = subscriber(address);
        let mut taken = self.taken.lock();
        if taken.all >= taken.max {
            return Err(CONNECTIONS);
        }
        let of_address = taken.by_address.get(&address).copied().unwrap_or_default();
        if of_address >= taken.per_address_max {
            return Err(CONNECTIONS_PER_ADDRESS);
        }
        taken.by_address.insert(address, of_address + 1);
        taken.all += 1;
        Ok(ConnectionSlot { limiter: Arc::clone(self), address })
    }
}

/// The right to one open connection, given back when dropped.
#[derive(Debug)]
pub(crate) struct ConnectionSlot {
    limiter: Arc<ConnectionLimiter>,
    address: IpAddr,
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        let mut taken = self.limiter.taken.lock();
        taken.all = taken.all.saturating_sub(1);
        if let Some(of_address) = taken.by_address.get_mut(&self.address) {
            *of_address = of_address.saturating_sub(1);
            if *of_address == 0 {
                taken.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn an_ipv6_subscriber_is_a_64() {
        let limiter = Arc::new(ConnectionLimiter::new(3, 2));
        let first = limiter.take(address("2001:db8::1")).expect("a free slot");
        let _second = limiter.take(address("2001:db8::2")).expect("a free slot");
        assert_eq!(limiter.take(address("2001:db8::3")).err(), Some(CONNECTIONS_PER_ADDRESS));
        let _third = limiter.take(address("192.0.2.1")).expect("a free slot");
        assert_eq!(limiter.take(address("192.0.2.2")).err(), Some(CONNECTIONS));
        drop(first);
        assert!(limiter.take(address("2001:db8::3")).is_ok());
    }
}
