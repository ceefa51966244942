//! The laws of switch ports: names, records, rules, one port, and a small world of switches, access
//! points and a cloud around the plan.
//!
//! Each law takes bytes, and panics if it is broken.

use mistgate_core::base::mac::Mac;
use mistgate_core::base::time::UnixTime;
use mistgate_core::ports::ap_event::Request;
use mistgate_core::ports::name::{PortName, SwitchName};
use mistgate_core::ports::record::Record;
use mistgate_core::ports::switch_port::{Mode, Switch, SwitchPort};
use mistgate_core::ports::template::Template;

use crate::{base::bytes::Bytes, laws};

pub mod cloud;
pub mod cso;
pub mod junos;
pub mod known_hosts;
pub mod netconf;
pub mod sshd;
pub mod switch;

mod governor;
mod port;
mod world;

pub use self::world::Tally;

/// Text from LLDP, a file or a request gets near a command only if it is a name. A name that is
/// read is written the same, and a line stays one line about one port.
pub fn names(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for part in text.split(['\n', ' ']).chain([&*text]) {
        if let Ok(port) = PortName::parse(part) {
            let written = port.to_string();
            assert!(part == written || part == format!("{written}.0"), "{part:?} is {written}");
            let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-/:".contains(&b);
            assert!(written.bytes().all(plain), "{written:?}");
            assert_eq!(PortName::from_lldp(Some(part), None), Some(port));
            assert_eq!(PortName::from_lldp(Some("531"), Some(part)), Some(port));
        }
        if let Some(name) = SwitchName::parse(part) {
            assert_eq!(name.as_str(), part);
            let host = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
            assert!(part.bytes().all(host) && !part.starts_with(['-', '.']), "{part:?}");
        }
        template(part);
    }
    template(&text);
    if let Ok(request) = Request::parse(data) {
        assert_eq!(
            PortName::parse(&request.switch_port.port.to_string()),
            Ok(request.switch_port.port)
        );
    }
    if let Ok(record) = Record::decode(data) {
        assert_eq!(Record::decode(&record.encode()), Ok(record));
    }
    written(&mut Bytes::new(data));
}

fn template(line: &str) {
    let port = PortName::parse("ge-0/0/7").expect("a port");
    let Ok(template) = Template::new([line]) else {
        return;
    };
    let rendered = template.render(port);
    let [rendered] = rendered.as_slice() else {
        panic!("{} lines of one", rendered.len());
    };
    assert!(!rendered.contains(char::is_control) && !rendered.contains(['<', '>']), "{rendered:?}");
    let names = |word: &str| word == "ge-0/0/7" || word == "ge-0/0/7.0";
    assert!(rendered.split(' ').any(names), "{rendered:?} is not about the port");
}

/// Any record is read back as it was written, or not at all.
fn written(bytes: &mut Bytes<'_>) {
    let mac = Mac::parse(&format!("{:012x}", bytes.number() >> 16)).expect("a MAC");
    let name = format!("{}-{}/0/{}", bytes.pick(&["ge", "mge"]), bytes.up_to(9), bytes.up_to(99));
    let record = Record {
        switch: Switch {
            mac,
            device_id: bytes.text(20),
            site: bytes.text(20),
            name: SwitchName::parse(&bytes.text(10)),
            model: None,
        },
        port: PortName::parse(&name).expect("a port"),
        ap: bytes.chance(128).then_some(mac),
        mode: bytes.pick(&[None, Some(Mode::Ap), Some(Mode::Default)]),
        is_touched: bytes.chance(128),
        is_observed: bytes.chance(128),
        before: bytes.chance(128).then(|| bytes.text(40)),
        changed_at: bytes.chance(128).then(|| UnixTime::from_secs(bytes.up_to(1 << 40) as i64)),
        change: bytes.chance(128).then(|| bytes.number()),
        left: bytes.chance(128).then(|| (bytes.number(), Mode::Ap)),
    };
    let encoded = record.encode();
    assert_eq!(record.switch_port(), SwitchPort { switch: mac, port: record.port });
    assert_eq!(Record::decode(&encoded), Ok(record));
    let end = bytes.count(encoded.len().saturating_sub(1));
    assert!(Record::decode(encoded.get(..end).expect("a prefix")).is_err(), "a torn record");
}

/// Runs operations on one port.
pub fn port(data: &[u8]) {
    laws::machine::<port::Surroundings>(data);
}

/// Runs changes and losses under rules.
pub fn governor(data: &[u8]) {
    governor::check(data);
}

/// Runs a world around the plan, with access points, switches, and a cloud that errs, fails and
/// crashes. The more bytes, the larger the world. Each event is counted, and is a line of the
/// journal.
pub fn world(data: &[u8], journal: Option<&mut String>) -> Tally {
    world::run(data, journal)
}
