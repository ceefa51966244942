//! Which mode a port should have, from what its switch says: one function, with its tests as the
//! table to read.
//!
//! A port gets mode `ap` only if its switch sees an access point at the far end of a link that is
//! up, and the access point itself names the port. If an answer is not enough, the decision is to
//! ask again; the [`Probe`](super::probe::Probe) knows how often.

use core::{fmt, time::Duration};

use self::Decision::{AskAgain, Follow, Keep, Release, Take};
use super::switch_port::{Mode, Sighting, SwitchPort};
use super::{outage::Policy, outage::Share, question::Answer, question::Location};
use crate::base::mac::Mac;

/// `ports.disconnect_check`: what must be known before the port of a lost access point counts as
/// free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// The port is down or empty, or another device is on it.
    Lldp,
    /// Nothing: the event is enough.
    None,
    /// The site did not lose a large share of its access points at once.
    Outage(Policy),
}

/// What is to be decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// Where is this access point, which came or restarted?
    Arrival { ap: Mac, current_port: Option<SwitchPort> },
    /// Is this access point, which was lost, still on its port?
    Departure { ap: Mac, current_port: Option<SwitchPort> },
    /// Which mode should this port have? `asked` is what a program outside asks for.
    Visit { switch_port: SwitchPort, asked: Option<Mode> },
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The answer is not enough. As the end of a probe: it could not be found out.
    AskAgain(Reason),
    /// The access point itself names this port: ask the switch about it.
    Follow(SwitchPort),
    /// The port stays as it is.
    Keep(Reason),
    /// The port is free: mode `default`.
    Release { switch_port: SwitchPort, reason: Reason },
    /// The access point is there: mode `ap`.
    Take { ap: Mac, switch_port: SwitchPort, reason: Reason },
}

/// Why something is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Too few of its site's access points were lost with it for an outage.
    Alone(Share),
    /// The switch sees it on this port.
    Arrived,
    /// The command `mistgate port set`.
    Manual,
    /// The switch sees it on this port, and had it on another one before.
    Moved(SwitchPort),
    /// The switch sees it on another port.
    MovedAway(SwitchPort),
    /// The switch sees no access point there.
    NoAp,
    NoCurrentPort,
    /// A switch sees it on an interface that is no port for access points.
    NoPortName,
    /// No switch sees it.
    NotSeen,
    /// Another device is on the port.
    OtherNeighbor(Mac),
    /// The port has no link.
    PortDown,
    /// The port has a link and no LLDP neighbour.
    PortEmpty,
    /// The switch sees it where it was before.
    SamePort,
    /// Its site lost a large share of its access points at once.
    SiteOutage(Share),
    /// Its site has too few access points to tell an outage.
    SmallSite(Share),
    /// It does not answer, but the switch still sees it.
    StillThere,
    /// The switch is not connected to Mist.
    SwitchLost,
    /// The switch sees no access point, and has just restarted: so much longer this says nothing.
    SwitchRestarted(Duration),
    /// More than one port sees it.
    TwoPorts,
    /// The switch sees it on a port that it does not name itself.
    OneSided,
    /// The question was not answered.
    Unanswered,
    /// Somebody takes back the change before.
    Undo,
    /// The configuration asks for no check.
    Unchecked,
    /// It is not known how many access points its site has.
    Uncounted,
    /// The port has a neighbour that may be an access point or not.
    UnknownNeighbor(Mac),
    /// The switch has no such port.
    UnknownPort,
}

impl Reason {
    /// The label in metrics and the audit.
    pub const fn name(self) -> &'static str {
        self.row().0
    }

    /// Whether a person wants it so.
    pub const fn is_by_person(self) -> bool {
        matches!(self, Self::Manual | Self::Undo)
    }

    /// Whether it is that nobody is seen on a port, which may soon be different.
    pub const fn is_absence(self) -> bool {
        matches!(self, Self::PortDown | Self::PortEmpty)
    }

    /// Whether a switch said so, which grows old.
    pub const fn is_seen(self) -> bool {
        self.row().1
    }

    /// The label, whether a switch said so, and the words where they are always the same.
    const fn row(&self) -> (&'static str, bool, &'static str) {
        match self {
            Self::Alone(_) => ("alone", false, ""),
            Self::Arrived => ("arrived", true, "the switch sees the AP on this port"),
            Self::Manual => ("by_hand", false, "somebody did it by hand"),
            Self::Moved(_) => ("moved", true, ""),
            Self::MovedAway(_) => ("moved_away", true, ""),
            Self::NoAp => ("no_ap", true, "the switch sees no AP there"),
            Self::NoCurrentPort => ("no_home", false, "no port is known to be the AP's"),
            Self::NoPortName => ("no_port_name", false, "the AP is on what is no port for APs"),
            Self::NotSeen => ("not_seen", false, "no switch sees the AP"),
            Self::OneSided => ("one_sided", true, "the AP names another port, or none"),
            Self::OtherNeighbor(_) => ("other_neighbor", true, ""),
            Self::PortDown => ("port_down", true, "the port has no link"),
            Self::PortEmpty => ("port_empty", true, "nobody on the port says who it is"),
            Self::SamePort => ("same_port", true, "the AP is where it was"),
            Self::SiteOutage(_) => ("site_outage", false, ""),
            Self::SmallSite(_) => ("small_site", false, ""),
            Self::StillThere => ("still_there", true, "the switch still sees the AP"),
            Self::SwitchLost => ("switch_lost", false, "the switch is not connected"),
            Self::SwitchRestarted(_) => {
                ("switch_restarted", false, "the switch has just restarted")
            }
            Self::TwoPorts => ("two_ports", true, "more than one port sees the AP"),
            Self::Unanswered => ("unanswered", false, "the question was not answered"),
            Self::Undo => ("undo", false, "somebody undid the change before"),
            Self::Unchecked => ("unchecked", false, "disconnect_check is none"),
            Self::Uncounted => ("uncounted", false, "it is not known how many APs its site has"),
            Self::UnknownNeighbor(_) => ("unknown_neighbor", true, ""),
            Self::UnknownPort => ("unknown_port", true, "the switch has no such port"),
        }
    }
}

/// The reason as a person would say it, behind "because".
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Alone(Share { lost, of, .. }) = self {
            write!(f, "only {lost} of its site's {of} APs went together")
        } else if let Self::Moved(from) = self {
            write!(f, "the AP moved here from {from}")
        } else if let Self::MovedAway(to) = self {
            write!(f, "the AP moved to {to}")
        } else if let Self::OtherNeighbor(mac) = self {
            write!(f, "{mac} is on the port")
        } else if let Self::SiteOutage(Share { lost, of, .. }) = self {
            write!(f, "{lost} of its site's {of} APs went together")
        } else if let Self::SmallSite(Share { of, .. }) = self {
            write!(f, "a site of {of} is too small to tell an outage")
        } else if let Self::UnknownNeighbor(mac) = self {
            write!(f, "it is not known whether {mac} on the port is an AP")
        } else {
            f.write_str(self.row().2)
        }
    }
}

/// What follows for this case from this answer; `None` if nothing was asked, because the check is
/// `none`.
pub fn decide(case: Case, answer: Option<&Answer>) -> Decision {
    match (case, answer) {
        (Case::Departure { current_port: None, .. }, _) => Keep(Reason::NoCurrentPort),
        (Case::Departure { current_port: Some(switch_port), .. }, None) => {
            Release { switch_port, reason: Reason::Unchecked }
        }
        (Case::Arrival { ap, current_port }, Some(Answer::Location(location))) => {
            arrival(ap, current_port, location)
        }
        (Case::Arrival { ap, current_port }, Some(Answer::Port(seen))) => {
            followed(ap, current_port, seen.as_ref())
        }
        (Case::Departure { ap, current_port: Some(port) }, Some(Answer::Port(seen))) => {
            departure(ap, port, seen.as_ref())
        }
        (Case::Departure { current_port: Some(port), .. }, Some(Answer::Share(share))) => {
            together(port, *share)
        }
        (Case::Visit { switch_port, asked }, Some(Answer::Port(seen))) => {
            visit(switch_port, asked, seen.as_ref())
        }
        // The answer to another question is as good as none.
        _ => AskAgain(Reason::Unanswered),
    }
}

fn arrival(ap: Mac, current_port: Option<SwitchPort>, location: &Location) -> Decision {
    let proofs = || location.seen.iter().filter(|sighting| sighting.proves(ap));
    let is_named = |at: &SwitchPort| location.hints.iter().any(|hint| hint.switch_port() == *at);
    let mut switch_ports = proofs().filter_map(Sighting::switch_port).filter(is_named);
    match switch_ports.next() {
        Some(switch_port) if switch_ports.any(|other| other != switch_port) => {
            AskAgain(Reason::TwoPorts)
        }
        Some(switch_port) => at(ap, current_port, switch_port),
        None if proofs().any(|sighting| sighting.port.is_some()) => AskAgain(Reason::OneSided),
        None if proofs().next().is_some() => AskAgain(Reason::NoPortName),
        None => match location.hints.first() {
            Some(hint) => Follow(hint.switch_port()),
            None => AskAgain(Reason::NotSeen),
        },
    }
}

/// The answer of the switch that the access point named itself.
fn followed(ap: Mac, current_port: Option<SwitchPort>, seen: Option<&Sighting>) -> Decision {
    let proof = seen.filter(|sighting| sighting.proves(ap));
    match (seen, proof.and_then(Sighting::switch_port)) {
        (_, Some(switch_port)) => at(ap, current_port, switch_port),
        (Some(sighting), None) if !sighting.is_live => AskAgain(Reason::SwitchLost),
        (Some(_) | None, None) => AskAgain(Reason::NotSeen),
    }
}

fn at(ap: Mac, current_port: Option<SwitchPort>, switch_port: SwitchPort) -> Decision {
    match current_port {
        Some(current_port) if current_port == switch_port => Keep(Reason::SamePort),
        Some(current_port) => Take { ap, switch_port, reason: Reason::Moved(current_port) },
        None => Take { ap, switch_port, reason: Reason::Arrived },
    }
}

fn departure(ap: Mac, switch_port: SwitchPort, seen: Option<&Sighting>) -> Decision {
    match seen.filter(|sighting| sighting.switch_port() == Some(switch_port)) {
        // A port that is not listed may come back.
        None => AskAgain(Reason::UnknownPort),
        Some(Sighting { is_live: false, .. }) => AskAgain(Reason::SwitchLost),
        Some(sighting @ (Sighting { up: false, .. } | Sighting { neighbor: None, .. })) => {
            vacant(switch_port, sighting)
        }
        Some(Sighting { neighbor: Some(other), .. }) if *other == ap => {
            AskAgain(Reason::StillThere)
        }
        Some(Sighting { neighbor: Some(other), .. }) => {
            Release { switch_port, reason: Reason::OtherNeighbor(*other) }
        }
    }
}

/// A port on which nobody is seen.
fn vacant(switch_port: SwitchPort, sighting: &Sighting) -> Decision {
    if let Some(left) = sighting.restarts_for() {
        return AskAgain(Reason::SwitchRestarted(left));
    }
    let reason = if sighting.up { Reason::PortEmpty } else { Reason::PortDown };
    Release { switch_port, reason }
}

fn together(switch_port: SwitchPort, share: Option<Share>) -> Decision {
    match share {
        Some(share) if share.is_small() => {
            Release { switch_port, reason: Reason::SmallSite(share) }
        }
        Some(share) if share.is_outage => Keep(Reason::SiteOutage(share)),
        Some(share) => Release { switch_port, reason: Reason::Alone(share) },
        None => AskAgain(Reason::Uncounted),
    }
}

fn visit(switch_port: SwitchPort, asked: Option<Mode>, seen: Option<&Sighting>) -> Decision {
    // A request may name a virtual chassis by the MAC of a member.
    let seen = seen.filter(|sighting| sighting.port == Some(switch_port.port));
    let Some((sighting, switch_port)) = seen.zip(seen.and_then(Sighting::switch_port)) else {
        return AskAgain(Reason::UnknownPort);
    };
    if !sighting.is_live {
        return AskAgain(Reason::SwitchLost);
    }
    match (sighting.neighbor.filter(|_| sighting.up), sighting.is_ap, asked) {
        // The neighbour may be an access point.
        (Some(neighbor), None, _) => AskAgain(Reason::UnknownNeighbor(neighbor)),
        (Some(ap), Some(true), Some(Mode::Ap) | None) => {
            Take { ap, switch_port, reason: Reason::Arrived }
        }
        (Some(_), Some(true), Some(Mode::Default)) => AskAgain(Reason::StillThere),
        (Some(_), Some(false), Some(Mode::Ap)) | (None, _, Some(Mode::Ap)) => {
            AskAgain(Reason::NoAp)
        }
        (Some(other), Some(false), Some(Mode::Default) | None) => {
            Release { switch_port, reason: Reason::OtherNeighbor(other) }
        }
        (None, _, Some(Mode::Default) | None) => vacant(switch_port, sighting),
    }
}

#[cfg(test)]
mod tests;
