//! The switch of this world, and what a visit is to configure there.

use mistgate_core::base::mac::Mac;
use mistgate_core::ports::edit::Edit;
use mistgate_core::ports::name::PortName;
use mistgate_core::ports::switch_port;
use mistgate_core::ports::switch_port::Mode;

use crate::ports::switch::Switch;

pub(super) const PORTS: [&str; 2] = ["ge-0/0/7", "ge-0/0/8"];
pub(super) const APS: [&str; 2] = ["5c:5b:35:00:00:01", "5c:5b:35:00:00:02"];

pub(super) fn switch() -> switch_port::Switch {
    switch_port::Switch {
        mac: Mac::parse("00:00:5e:00:53:01").expect("a MAC"),
        device_id: String::new(),
        site: "site".to_owned(),
        name: None,
        model: None,
    }
}

pub(super) fn edit(nth: usize, mode: Mode) -> Edit {
    let port = at(PORTS, nth);
    let trunk = "unit 0 family ethernet-switching interface-mode";
    let lines = match mode {
        Mode::Ap => vec![
            format!("set interfaces {port} {trunk} trunk"),
            format!("set interfaces {port} native-vlan-id 42"),
        ],
        Mode::Default => vec![
            format!("delete interfaces {port} {trunk}"),
            format!("delete interfaces {port} native-vlan-id"),
        ],
    };
    let ap = (mode == Mode::Ap).then(|| ap(nth));
    let back = if mode == Mode::Ap { edit(nth, Mode::Default).lines } else { Vec::new() };
    let port = PortName::parse(port).expect("a port");
    Edit { port, mode, ap, lines, before: None, is_in_doubt: false, back }
}

/// Whether loading the lines would change something on the switch just if there is a difference.
pub(super) fn changes_as_told(switch: &Switch, edits: &[Edit], diffs: &[String]) -> bool {
    let mut loaded = switch.running().clone();
    for line in edits.iter().flat_map(|edit| &edit.lines) {
        // To delete what is not there is no error.
        let _ = loaded.load(line);
    }
    (loaded == *switch.running()) == diffs.concat().is_empty()
}

pub(super) fn ap(nth: usize) -> Mac {
    Mac::parse(at(APS, nth)).expect("a MAC")
}

/// The item with this index.
pub(super) fn at<T: Copy>(both: [T; 2], nth: usize) -> T {
    *both.get(nth).expect("one of two")
}

pub(super) fn of<T>(both: &mut [T; 2], nth: usize) -> &mut T {
    both.get_mut(nth).expect("one of two")
}
