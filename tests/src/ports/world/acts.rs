//! What happens in a world: people move access points, cut the power, ask and decide.

use mistgate_core::ports::ap_event::{Cause, Request};
use mistgate_core::ports::plan::input::Input;
use mistgate_core::ports::report::Order;
use mistgate_core::ports::switch_port::Mode;

use super::setting::Names;
use super::truth::Device;
use super::{Event, World};

impl World<'_> {
    pub(super) fn plug(&mut self, ap: usize, to: Option<usize>) {
        if self.truth.plug(self.now, ap, to) {
            self.note(("plug", ap, to));
            self.changed(ap);
        }
    }

    /// Plugs an access point into a port. Whatever was there may get the port that it left.
    pub(super) fn exchange(&mut self, ap: usize, spot: usize) {
        let from = self.truth.ap(ap).at;
        if let Some(Device::Ap(other)) =
            self.truth.socket(spot).there.filter(|_| from != Some(spot))
        {
            self.plug(other, None);
            self.plug(ap, Some(spot));
            if self.bytes.chance(128) {
                self.plug(other, from);
            }
        }
    }

    /// Unplugs an access point, and plugs it in again.
    pub(super) fn flap(&mut self, ap: usize) {
        if let Some(to) = self.truth.ap(ap).at {
            self.plug(ap, None);
            let after = self.soon(60);
            self.at(after, Event::Plug { ap, to });
        }
    }

    /// Restarts an access point after an announcement.
    pub(super) fn upgrade(&mut self, ap: usize) {
        self.webhook(ap, Cause::Restarting);
        if let Some(to) = self.truth.ap(ap).at {
            self.plug(ap, None);
            let after = self.soon(600);
            self.at(after, Event::Plug { ap, to });
        }
    }

    pub(super) fn hang(&mut self, ap: usize, is_hung: bool) {
        if core::mem::replace(&mut self.truth.ap_mut(ap).is_hung, is_hung) != is_hung {
            self.note(("hang", ap, is_hung));
            self.changed(ap);
        }
    }

    /// Plugs a telephone or a liar into a free port, or unplugs it.
    pub(super) fn phone(&mut self, spot: usize, ap: usize) {
        let device = match self.truth.socket(spot).there {
            None if self.bytes.chance(128) => Some(Device::Liar(ap)),
            None => Some(Device::Phone),
            Some(Device::Phone | Device::Liar(_)) => None,
            Some(Device::Ap(_)) => return,
        };
        self.note(("phone", spot, device));
        self.truth.put(self.now, spot, device);
    }

    pub(super) fn darken(&mut self, switch: usize, is_dark: bool) {
        if self.truth.darken(self.now, switch, is_dark) {
            self.note(("dark", switch, is_dark));
            for ap in self.truth.on(switch) {
                self.changed(ap);
            }
        }
    }

    pub(super) fn darken_site(&mut self, site: usize) {
        for switch in 0..self.size.switches {
            if self.size.site_of(switch) == site {
                self.darken(switch, true);
            }
        }
    }

    /// Renames a switch. A virtual chassis renames its ports too.
    pub(super) fn rename(&mut self, switch: usize) {
        self.note(("rename", switch));
        self.names.rename(switch, self.last_event);
        if self.size.is_chassis(switch) {
            self.truth.renumber(self.now, switch);
            for ap in self.truth.on(switch) {
                self.changed(ap);
            }
        }
    }

    /// An external program requests a mode, valid or not. It may name a member instead of the
    /// chassis.
    pub(super) fn request(&mut self, spot: usize) {
        let switch = self.size.switch_of(spot);
        if self.size.is_ignored(switch) {
            return;
        }
        let mut switch_port = self.names.switch_port(spot);
        if self.size.is_chassis(switch) && self.bytes.chance(128) {
            switch_port.switch = Names::member(switch);
        } else if self.bytes.chance(20) {
            switch_port.switch = Names::phone(spot);
        }
        let mode = self.bytes.pick(&[Mode::Ap, Mode::Default]);
        self.input(Input::Requested(Request { switch_port, mode }));
    }

    /// A person decides about changes: those that wait, and some of those that were made.
    pub(super) fn decide(&mut self) {
        for port in self.plan.status(self.now, 64).ports {
            let orders = [Order::Approve, Order::Reject, Order::Undo];
            let order = orders.into_iter().find(|order| port.orders.contains(&order.name()));
            let is_rejected = order == Some(Order::Approve) && self.bytes.chance(60);
            let order = if is_rejected { Some(Order::Reject) } else { order };
            let one = port.change.zip(order);
            if let Some((number, order)) = one
                && (order != Order::Undo || self.bytes.chance(40))
            {
                self.input(Input::Ordered { order, number });
            }
        }
    }
}
