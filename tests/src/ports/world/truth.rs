//! The true state of the world: what is plugged in where, which switch has power, and how it is
//! configured. Only the world's laws see it directly.

use core::{mem, time::Duration};

use mistgate_core::base::mac::Mac;
use mistgate_core::base::time::{Instant, UnixTime};
use mistgate_core::ports::switch_port::{Mode, RESTART_MAX, Sighting};

use super::setting::{Names, Size};

/// How long a link is up before its neighbour is known.
const LLDP_AFTER: Duration = Duration::from_secs(30);
/// The greatest age of the cloud's statistics of a port.
const STATS_MAX: Duration = Duration::from_secs(60);

/// What can be plugged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Device {
    Ap(usize),
    Phone,
    /// A laptop that says that it is this access point.
    Liar(usize),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Socket {
    pub(super) there: Option<Device>,
    since: Instant,
    /// The device that was there before.
    was: Option<Device>,
    /// The last neighbour that the switch learned.
    learned: Option<Device>,
    pub(super) mode: Mode,
}

#[derive(Clone, Debug)]
pub(super) struct Chassis {
    pub(super) is_dark: bool,
    /// Since when it has power.
    lit_since: Instant,
    pub(super) is_slow: bool,
    pub(super) lock: Option<Holder>,
    /// The ports of an unconfirmed commit, and the modes that undoing it restores.
    pub(super) undo: Vec<(usize, Mode)>,
}

/// The holder of a configuration lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// A run of mistgate, by its number.
    Run(u64),
    Somebody,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Ap {
    pub(super) at: Option<usize>,
    /// Where it is plugged in, or was last.
    pub(super) last_port: Option<usize>,
    /// It has a link but does not work.
    pub(super) is_hung: bool,
    /// Counts its changes. A notice of the cloud with an older number is out of date.
    pub(super) epoch: u64,
    pub(super) is_connected: bool,
    pub(super) last_seen: Option<UnixTime>,
    /// Where switches may still report it, in order.
    spots: Vec<usize>,
}

#[derive(Debug)]
pub(super) struct Truth {
    size: Size,
    sockets: Vec<Socket>,
    chassis: Vec<Chassis>,
    aps: Vec<Ap>,
}

impl Truth {
    pub(super) fn new(size: Size, now: Instant) -> Self {
        let socket =
            Socket { there: None, since: now, was: None, learned: None, mode: Mode::Default };
        // The switches have been there for long.
        let lit_since = now.saturating_sub(RESTART_MAX);
        let (is_dark, is_slow, lock, undo) = (false, false, None, Vec::new());
        let chassis = Chassis { is_dark, lit_since, is_slow, lock, undo };
        Self {
            size,
            sockets: vec![socket; size.spots()],
            chassis: vec![chassis; size.switches],
            aps: vec![Ap::default(); size.aps],
        }
    }

    pub(super) fn ap(&self, number: usize) -> &Ap {
        self.aps.get(number).expect("an access point of ours")
    }

    pub(super) fn ap_mut(&mut self, number: usize) -> &mut Ap {
        self.aps.get_mut(number).expect("an access point of ours")
    }

    pub(super) fn all_chassis(&self) -> &[Chassis] {
        &self.chassis
    }

    pub(super) fn chassis(&self, number: usize) -> &Chassis {
        self.chassis.get(number).expect("a switch of ours")
    }

    pub(super) fn chassis_mut(&mut self, number: usize) -> &mut Chassis {
        self.chassis.get_mut(number).expect("a switch of ours")
    }

    pub(super) fn socket(&self, spot: usize) -> &Socket {
        self.sockets.get(spot).expect("a spot of ours")
    }

    fn socket_mut(&mut self, spot: usize) -> &mut Socket {
        self.sockets.get_mut(spot).expect("a spot of ours")
    }

    /// Configures a port, and gives its mode before.
    pub(super) fn configure(&mut self, spot: usize, mode: Mode) -> Mode {
        mem::replace(&mut self.socket_mut(spot).mode, mode)
    }

    /// Whether an access point can reach the cloud.
    pub(super) fn is_alive(&self, ap: usize) -> bool {
        let ap = self.ap(ap);
        !ap.is_hung && ap.at.is_some_and(|at| !self.chassis(self.size.switch_of(at)).is_dark)
    }

    /// Plugs an access point into a port, if that is free, or unplugs it. `true` if it did.
    pub(super) fn plug(&mut self, now: Instant, ap: usize, to: Option<usize>) -> bool {
        if to.is_some_and(|to| self.socket(to).there.is_some()) {
            return false;
        }
        if let Some(from) = mem::replace(&mut self.ap_mut(ap).at, to) {
            self.put(now, from, None);
        }
        if let Some(to) = to {
            self.put(now, to, Some(Device::Ap(ap)));
        }
        true
    }

    /// Replaces the device that is plugged in.
    pub(super) fn put(&mut self, now: Instant, spot: usize, device: Option<Device>) {
        let socket = self.socket_mut(spot);
        if socket.there.is_some() && socket.since + LLDP_AFTER <= now {
            socket.learned = socket.there;
        }
        socket.was = mem::replace(&mut socket.there, device);
        socket.since = now;
        if let Some(Device::Ap(ap)) = device {
            self.ap_mut(ap).last_port = Some(spot);
        }
        if let Some(Device::Ap(ap) | Device::Liar(ap)) = device {
            let ap = self.ap_mut(ap);
            if let Err(at) = ap.spots.binary_search(&spot) {
                ap.spots.insert(at, spot);
            }
        }
    }

    /// The access points on a switch.
    pub(super) fn on(&self, switch: usize) -> Vec<usize> {
        let there = self.size.spots_of(switch).filter_map(|spot| self.socket(spot).there);
        let aps = there.filter_map(|device| match device {
            Device::Ap(ap) => Some(ap),
            Device::Phone | Device::Liar(_) => None,
        });
        aps.collect()
    }

    /// Turns a switch's power off or on. `true` if that is a change.
    pub(super) fn darken(&mut self, now: Instant, switch: usize, is_dark: bool) -> bool {
        let is_news = mem::replace(&mut self.chassis_mut(switch).is_dark, is_dark) != is_dark;
        if is_news && !is_dark {
            self.chassis_mut(switch).lit_since = now;
            for spot in self.size.spots_of(switch) {
                self.socket_mut(spot).since = now;
            }
        }
        is_news
    }

    /// Swaps the numbers of a virtual chassis' two members, and so the names of all its ports.
    pub(super) fn renumber(&mut self, now: Instant, switch: usize) {
        let spots = self.size.spots_of(switch);
        for first in spots.start..spots.start + self.size.ports {
            let second = first + self.size.ports;
            let (here, there) = (self.socket(first).there, self.socket(second).there);
            self.put(now, first, there);
            self.put(now, second, here);
            for spot in [first, second] {
                if let Some(Device::Ap(ap)) = self.socket(spot).there {
                    self.ap_mut(ap).at = Some(spot);
                }
            }
        }
    }

    /// What a switch reports of a port. It is true except for what the switch has not learned yet,
    /// or, with `is_late`, true of a moment ago.
    pub(super) fn sighting(
        &self,
        names: &Names,
        now: Instant,
        spot: usize,
        is_late: bool,
    ) -> Sighting {
        let number = self.size.switch_of(spot);
        let (is_live, up, neighbor) = self.glimpse(now, spot, is_late);
        let neighbor = neighbor.map(|device| neighbor_mac(names, spot, device));
        let port = Some(names.switch_port(spot).port);
        let up_for = is_live.then(|| now - self.chassis(number).lit_since);
        let switch = names.switch(number).clone();
        Sighting { switch, port, is_live, up, neighbor, up_for, is_ap: None }
    }

    /// Whether the switch is on, whether the port has a link, and its neighbour.
    fn glimpse(&self, now: Instant, spot: usize, is_late: bool) -> (bool, bool, Option<Device>) {
        let socket = self.socket(spot);
        let is_live = !self.chassis(self.size.switch_of(spot)).is_dark;
        if is_late && socket.since + STATS_MAX > now {
            return (is_live, socket.was.is_some(), socket.was);
        }
        let known = socket.there.filter(|_| socket.since + LLDP_AFTER <= now);
        let stale = socket.learned.filter(|_| socket.there.is_none() || !is_live);
        (is_live, socket.there.is_some(), known.or(stale))
    }

    /// The ports on which switches see an access point.
    pub(super) fn seen(
        &self,
        names: &Names,
        now: Instant,
        ap: usize,
        is_late: bool,
    ) -> Vec<Sighting> {
        let is_seen = |spot: &usize| {
            let (.., neighbor) = self.glimpse(now, *spot, is_late);
            matches!(neighbor, Some(Device::Ap(who) | Device::Liar(who)) if who == ap)
        };
        let spots = self.ap(ap).spots.iter().copied().filter(is_seen);
        spots.map(|spot| self.sighting(names, now, spot, is_late)).collect()
    }
}

fn neighbor_mac(names: &Names, spot: usize, device: Device) -> Mac {
    match device {
        Device::Ap(ap) | Device::Liar(ap) => names.ap(ap),
        Device::Phone => Names::phone(spot),
    }
}
