//! The state of a switch's interfaces, its LLDP neighbours, and its clock.
//!
//! A neighbour chooses its texts itself: they are not trusted, and never become part of a command.

use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::time::Duration;

use crate::{base::text::one_line, netconf::xml::Element};

/// The most characters of a text: an LLDP string has 255 bytes at most (IEEE 802.1AB §8.5).
const TEXT_MAX: usize = 255;

/// A device at the other end of a cable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// The switch's interface, such as `ge-0/0/7`; old releases add the unit: `ge-0/0/7.0`.
    pub interface: String,
    /// For an access point its MAC address, such as `5c:5b:35:00:00:01`.
    pub chassis_id: String,
}

/// The name and the state of a physical interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    pub name: String,
    /// Whether the switch says that it has a link.
    pub is_up: bool,
}

/// The neighbours in a reply. `None` if it does not list them, as when LLDP does not run, which is
/// not the same as having none.
pub fn neighbours(answer: &Element) -> Option<Vec<Neighbour>> {
    contains(answer, "lldp-neighbors-information")?;
    let all = answer.descendants().filter(|element| element.name == "lldp-neighbor-information");
    let neighbours = all.map(|neighbour| {
        let text = |name| one_line(neighbour.text_of(name).unwrap_or_default(), TEXT_MAX);
        // Switches with Enhanced Layer 2 Software send the first, older ones the second.
        let interface = ["lldp-local-port-id", "lldp-local-interface"].map(text);
        let interface = interface.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
        Neighbour { interface, chassis_id: text("lldp-remote-chassis-id") }
    });
    Some(neighbours.collect())
}

/// The physical interfaces in a reply; `None` if it does not list them.
pub fn interfaces(answer: &Element) -> Option<Vec<Interface>> {
    contains(answer, "interface-information")?;
    let all = answer.descendants().filter(|element| element.name == "physical-interface");
    let interfaces = all.map(|interface| Interface {
        name: interface.text_of("name").unwrap_or_default().to_owned(),
        is_up: interface.text_of("oper-status") == Some("up"),
    });
    Some(interfaces.collect())
}

/// The switch's clock, in seconds since 1970.
pub fn clock(answer: &Element) -> Option<u64> {
    moment(answer, "current-time")
}

/// How long the switch has been running; of a virtual chassis, its master.
pub fn uptime(answer: &Element) -> Option<Duration> {
    let seconds = clock(answer)?.checked_sub(moment(answer, "system-booted-time")?)?;
    Some(Duration::from_secs(seconds))
}

fn moment(answer: &Element, name: &str) -> Option<u64> {
    let moment = answer.descendants().find(|element| element.name == name)?;
    moment.child("date-time")?.seconds
}

fn contains(answer: &Element, name: &str) -> Option<()> {
    answer.descendants().any(|element| element.name == name).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Element {
        Element::parse(text.as_bytes()).expect("a document")
    }

    #[test]
    fn neighbours_are_read_from_both_generations() {
        let answer = parse(
            "<rpc-reply><lldp-neighbors-information junos:style=\"brief\" \
             xmlns:junos=\"x\"><lldp-neighbor-information>\
             <lldp-local-port-id>ge-0/0/7</lldp-local-port-id>\
             <lldp-local-parent-interface-name>-</lldp-local-parent-interface-name>\
             <lldp-remote-chassis-id-subtype>Mac address</lldp-remote-chassis-id-subtype>\
             <lldp-remote-chassis-id>5c:5b:35:00:00:01</lldp-remote-chassis-id>\
             <lldp-remote-port-id>5c:5b:35:00:00:01</lldp-remote-port-id>\
             <lldp-remote-port-description>ETH0</lldp-remote-port-description>\
             <lldp-remote-system-name>ap\n&lt;1&gt;</lldp-remote-system-name>\
             </lldp-neighbor-information><lldp-neighbor-information>\
             <lldp-local-interface>ge-0/0/8.0</lldp-local-interface>\
             </lldp-neighbor-information></lldp-neighbors-information></rpc-reply>",
        );
        let two = neighbours(&answer).expect("neighbours");
        let [first, second] = two.try_into().expect("two neighbours");
        assert_eq!(
            first,
            Neighbour {
                interface: "ge-0/0/7".to_owned(),
                chassis_id: "5c:5b:35:00:00:01".to_owned(),
            }
        );
        let chassis_id = String::new();
        assert_eq!(second, Neighbour { interface: "ge-0/0/8.0".to_owned(), chassis_id });
        assert_eq!(neighbours(&parse("<r><lldp-neighbors-information/></r>")), Some(Vec::new()));
        assert_eq!(neighbours(&parse("<r><output>LLDP is not running</output></r>")), None);
    }

    #[test]
    fn interfaces_are_physical_ones() {
        let answer = parse(
            "<rpc-reply><interface-information><physical-interface><name>\nge-0/0/7\n</name>\
             <admin-status>\nup\n</admin-status><oper-status>down</oper-status><logical-interface>\
             <name>ge-0/0/7.0</name><oper-status>up</oper-status></logical-interface>\
             </physical-interface><physical-interface><name>ge-0/0/8</name>\
             <oper-status>\nup\n</oper-status></physical-interface>\
             <physical-interface><name>bme0</name></physical-interface>\
             </interface-information></rpc-reply>",
        );
        let interface = |name: &str, is_up| Interface { name: name.to_owned(), is_up };
        let expected =
            [interface("ge-0/0/7", false), interface("ge-0/0/8", true), interface("bme0", false)];
        assert_eq!(interfaces(&answer).as_deref(), Some(&expected[..]));
        assert_eq!(interfaces(&parse("<r/>")), None);
    }
}
