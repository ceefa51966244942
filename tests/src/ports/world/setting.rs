//! The size, the names and the configuration of a world.

use core::time::Duration;

use mistgate_core::base::calendar::{Days, Period};
use mistgate_core::base::mac::Mac;
use mistgate_core::base::time::{Instant, UnixTime};
use mistgate_core::base::window::Window;
use mistgate_core::base::zone;
use mistgate_core::ports::decide::Check;
use mistgate_core::ports::edit::Edits;
use mistgate_core::ports::governor::{
    AbortAfter, Breaker, Limits, Lists, Policy, PortPattern, SwitchPattern,
};
use mistgate_core::ports::name::{PortName, SwitchName};
use mistgate_core::ports::plan::input::{Config, Drift, TwoPorts};
use mistgate_core::ports::switch_port::{Switch, SwitchPort};
use mistgate_core::ports::{outage, port, probe};

use crate::base::bytes::Bytes;

/// When the world starts.
pub(super) const START: Instant = Instant::from_secs(10_000);
/// A Monday, 00:00.
const WALL: i64 = 1_795_392_000;
/// The site in `ignored_sites`, where the last switch is.
pub(super) const IGNORED: &str = "ignored";

/// The number of devices, and the bounds on changes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    pub(super) switches: usize,
    /// For each switch, or for each member of a virtual chassis.
    pub(super) ports: usize,
    pub(super) aps: usize,
    sites: usize,
    pub(super) operations: usize,
    /// How many access points or switches one operation concerns.
    pub(super) at_once: usize,
    /// Changes per minute for a switch, a site and all, and the losses that open the breaker.
    limits: [u32; 4],
}

impl Size {
    /// The size for a number of bytes.
    pub(super) const fn of(luck: usize) -> Self {
        match luck {
            ..4_000 => Self {
                switches: 4,
                ports: 4,
                aps: 6,
                sites: 2,
                operations: 150,
                at_once: 1,
                limits: [4, 5, 6, 2],
            },
            4_000..20_000 => Self {
                switches: 12,
                ports: 12,
                aps: 100,
                sites: 3,
                operations: 100,
                at_once: 4,
                limits: [12, 24, 40, 10],
            },
            _ => Self {
                switches: 250,
                ports: 24,
                aps: 3_000,
                sites: 12,
                operations: 40,
                at_once: 30,
                limits: [48, 150, 400, 60],
            },
        }
    }

    /// The number of all ports, which have consecutive indices. Each switch has room for two
    /// members.
    pub(super) const fn spots(&self) -> usize {
        self.switches * self.ports * 2
    }

    pub(super) const fn switch_of(&self, spot: usize) -> usize {
        spot / (self.ports * 2)
    }

    /// The indices of a switch's ports.
    pub(super) const fn spots_of(&self, switch: usize) -> core::ops::Range<usize> {
        let members = if self.is_chassis(switch) { 2 } else { 1 };
        let first = switch * self.ports * 2;
        first..first + self.ports * members
    }

    /// Whether a switch is a virtual chassis.
    pub(super) const fn is_chassis(&self, switch: usize) -> bool {
        switch % 3 == 1
    }

    /// Whether a switch is known to its access points only, and not to the cloud.
    pub(super) const fn is_unknown(&self, switch: usize) -> bool {
        switch % 4 == 2
    }

    /// The site of a switch.
    pub(super) const fn site_of(&self, switch: usize) -> usize {
        if switch + 1 == self.switches { self.sites } else { switch % self.sites }
    }

    pub(super) const fn sites(&self) -> usize {
        self.sites + 1
    }

    pub(super) const fn is_ignored(&self, switch: usize) -> bool {
        self.site_of(switch) == self.sites
    }

    /// Whether `ports.never` names the port: the last one of each first member.
    pub(super) const fn is_forbidden(&self, spot: usize) -> bool {
        spot % (self.ports * 2) + 1 == self.ports
    }
}

/// The names of everything in the world.
#[derive(Debug)]
pub(super) struct Names {
    size: Size,
    aps: Vec<Mac>,
    switches: Vec<Switch>,
    /// In the order of the names.
    ports: Vec<PortName>,
}

/// The byte of a MAC that says what kind of device it is.
const APS: u8 = 0x35;
const SWITCHES: u8 = 0x36;
const MEMBERS: u8 = 0x37;
const PHONES: u8 = 0x38;

fn mac(kind: u8, number: usize) -> Mac {
    Mac::parse(&format!("5c5b{kind:02x}{number:06x}")).expect("a MAC")
}

fn number(mac: Mac, kind: u8) -> Option<usize> {
    let [_, _, own, a, b, c] = mac.octets();
    (own == kind).then(|| usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c))
}

impl Names {
    pub(super) fn new(size: Size) -> Self {
        let site = |number| if number + 1 == size.sites() { IGNORED } else { "site" };
        let switches = (0..size.switches).map(|number| Switch {
            mac: mac(SWITCHES, number),
            device_id: format!("device-{number}"),
            site: match size.site_of(number) {
                of if size.is_ignored(number) => site(of).to_owned(),
                of => format!("{}-{of}", site(of)),
            },
            name: SwitchName::parse(&format!("sw-{number}")),
            model: None,
        });
        let port = |fpc, port| PortName::parse(&format!("ge-{fpc}/0/{port}")).expect("a port");
        Self {
            size,
            aps: (0..size.aps).map(|number| mac(APS, number)).collect(),
            switches: switches.collect(),
            ports: (0..size.ports * 2).map(|n| port(n / size.ports, n % size.ports)).collect(),
        }
    }

    pub(super) fn ap(&self, number: usize) -> Mac {
        *self.aps.get(number).expect("an access point of ours")
    }

    pub(super) fn ap_of(&self, mac: Mac) -> Option<usize> {
        number(mac, APS)
    }

    /// A device with LLDP that is not an access point.
    pub(super) fn phone(spot: usize) -> Mac {
        mac(PHONES, spot)
    }

    pub(super) fn switch(&self, number: usize) -> &Switch {
        self.switches.get(number).expect("a switch of ours")
    }

    pub(super) fn switch_of(&self, mac: Mac) -> Option<usize> {
        number(mac, SWITCHES)
    }

    /// The MAC of a virtual chassis' second member, which differs from the chassis'.
    pub(super) fn member(number: usize) -> Mac {
        mac(MEMBERS, number)
    }

    pub(super) fn rename(&mut self, number: usize, version: u64) {
        let switch = self.switches.get_mut(number).expect("a switch of ours");
        switch.name = SwitchName::parse(&format!("sw-{number}-{version}"));
    }

    pub(super) fn switch_port(&self, spot: usize) -> SwitchPort {
        let port = self.ports.get(spot % self.ports.len()).expect("a port of ours");
        SwitchPort { switch: self.switch(self.size.switch_of(spot)).mac, port: *port }
    }

    /// The index of a port. A member may be named instead of its virtual chassis.
    pub(super) fn spot(&self, switch_port: SwitchPort) -> Option<usize> {
        let switch =
            self.switch_of(switch_port.switch).or_else(|| number(switch_port.switch, MEMBERS))?;
        let nth = self.ports.binary_search(&switch_port.port).ok()?;
        let spot = switch * self.ports.len() + nth;
        let is_there = switch < self.size.switches && self.size.spots_of(switch).contains(&spot);
        is_there.then_some(spot)
    }
}

/// The time that Mist's clock shows.
pub(super) fn wall(now: Instant) -> UnixTime {
    let micros = i64::try_from((now - START).as_micros()).expect("a short run");
    UnixTime::from_micros(WALL * 1_000_000 + micros)
}

/// A random configuration of the ports.
/// With a synchronised clock.
pub(super) fn config(bytes: &mut Bytes<'_>, size: &Size, wall: UnixTime) -> Config {
    let forbidden = format!("ge-0/0/{}", size.ports - 1);
    let outage = Check::Outage(outage::Policy::default());
    Config {
        probe: probe::Config {
            settle: Duration::from_secs(60),
            check: bytes.pick(&[Check::Lldp, Check::Lldp, outage, Check::None]),
            wait: Duration::from_secs(30),
        },
        port: port::Config { attempts_max: bytes.pick(&[3, 1, 8]) },
        governor: Policy {
            allow: Lists {
                switches: vec![SwitchPattern::new(bytes.pick(&["*", "sw-*"]))],
                ports: vec![PortPattern::new("ge-*").expect("a pattern")],
            },
            never: Lists {
                switches: Vec::new(),
                ports: vec![PortPattern::new(&forbidden).expect("a port")],
            },
            limits: limits(bytes, size),
            breaker: (!bytes.chance(60)).then(|| breaker(size)),
            freezes: bytes.chance(60).then(|| freeze(bytes)).into_iter().collect(),
            approve_first: bytes.pick(&[Some(0), Some(0), Some(0), Some(4), None]),
            abort_after: bytes
                .pick(&[AbortAfter { switch: 1_000, all: 1_000 }, AbortAfter::default()]),
        },
        edits: Edits::unwritten(),
        is_observing: bytes.chance(40),
        drift: bytes.pick(&[None, Some(Drift::Tell), Some(Drift::Repair)]),
        one_sided_proof: bytes.chance(60),
        two_ports: bytes.pick(&[TwoPorts::Tell, TwoPorts::First]),
        ignored_sites: vec![IGNORED.to_owned()],
        reconcile_after: Duration::from_secs(3_600),
        wall,
        is_synchronised: true,
    }
}

fn limits(bytes: &mut Bytes<'_>, size: &Size) -> Limits {
    let [switch, site, all, _] = size.limits;
    let minute = |count| vec![Window::per_secs(count, 60)];
    let hour = |count| vec![Window::per_secs(count, 60), Window::per_secs(count * 10, 3_600)];
    match bytes.up_to(2) {
        0 => Limits { switch: hour(switch), site: hour(site), all: hour(all) },
        1 => Limits { switch: minute(switch), site: Vec::new(), all: minute(all) },
        _ => Limits { switch: Vec::new(), site: minute(site), all: Vec::new() },
    }
}

fn breaker(size: &Size) -> Breaker {
    let [.., aps] = size.limits;
    Breaker {
        aps: usize::try_from(aps).expect("a small number"),
        window: Duration::from_secs(60),
        hold: Duration::from_secs(400),
    }
}

/// A freeze of an hour or less each day.
fn freeze(bytes: &mut Bytes<'_>) -> Period {
    let from = u16::try_from(bytes.up_to(1_379)).expect("a minute");
    let minutes = u16::try_from(1 + bytes.up_to(59)).expect("a minute");
    Period {
        name: "quiet".to_owned(),
        days: Days::Week([true; 7]),
        from,
        to: from + minutes,
        zone: zone::named("UTC").expect("a zone"),
    }
}
