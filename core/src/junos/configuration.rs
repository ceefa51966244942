//! What is configured on the ports of a switch, and what a change would make of it, worked out from
//! set lines without asking the switch to try.
//!
//! A port has lines of its own, and inherits others from interface ranges and groups, which no
//! line about the port takes away. Junos knows of each statement whether a new value replaces an
//! old one; here that is known of `SINGLE` alone, and a value of any other is added to those that
//! are there.

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

use crate::ports::{edit::Edit, name::PortName, switch_port::Mode};

/// Statements with one value.
const SINGLE: &str = " description guest-vlan interface-mode link-mode maximum-power mtu \
                      native-vlan-id port-mode priority speed storm-control supplicant ";
/// Words of Junos that are nothing without the one behind them.
const KEYED: [&str; 3] = [" family", " interface", " unit"];
/// What holds lines that ports inherit.
const HOLDERS: [&str; 2] = ["set groups ", "set interfaces interface-range "];

/// The lines about some ports of a switch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configuration {
    own: Vec<String>,
    /// Each with what it is inherited from.
    inherited: Vec<(String, String)>,
}

/// What an edit would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// The difference, as Junos would show it; empty if there is none.
    pub diff: String,
    /// The lines that undo it.
    pub back: Vec<String>,
    /// What is inherited, and stays in mode `default` although its lines delete it.
    pub stays: Vec<String>,
}

impl Configuration {
    /// Of these ports, from the set lines with what is inherited, and from those without, which
    /// hold the groups and ranges themselves.
    pub fn new(in_force: &str, own: &str, ports: &[PortName]) -> Self {
        let all: Vec<String> = own.lines().flat_map(lines).collect();
        let is_of = |line: &&String| {
            let is_port = |word| PortName::parse(word).is_ok_and(|port| ports.contains(&port));
            holder(line).is_none() && line.split(' ').any(is_port)
        };
        let own: Vec<String> = all.iter().filter(is_of).cloned().collect();
        let inherited = in_force.lines().flat_map(lines);
        let inherited = inherited.filter(|line| is_of(&line) && !own.contains(line));
        let origin = |line: &String| {
            let tail = line.split(' ').skip_while(|word| PortName::parse(word).is_err()).skip(1);
            let tail: String = tail.map(|word| format!(" {word}")).collect();
            let holders = all.iter().filter(|known| !tail.is_empty() && known.ends_with(&tail));
            holders.clone().find_map(|known| holder(known)).unwrap_or_else(|| "elsewhere".into())
        };
        Self { inherited: inherited.map(|line| (line.clone(), origin(&line))).collect(), own }
    }

    /// What an edit would do.
    pub fn change(&self, edit: &Edit) -> Change {
        let edited: Vec<String> = edit.lines.iter().flat_map(|line| lines(line)).collect();
        let mut after = self.own.clone();
        for line in &edited {
            apply(&mut after, line);
        }
        let added = || after.iter().filter(|line| !self.own.contains(line));
        let removed = self.own.iter().filter(|line| !after.contains(line));
        let shown = |line: &String| line.strip_prefix("set ").unwrap_or(line).to_owned();
        let mut diff: Vec<String> = removed.map(|line| format!("-  {};", shown(line))).collect();
        diff.extend(added().map(|line| format!("+  {};", shown(line))));
        let inactive = edited.iter().filter(|line| is_inactive(&after, line));
        diff.extend(inactive.map(|line| format!("!  {}; is deactivated", shown(line))));
        let stays = self.stays(edit, &edited);
        diff.extend(stays.iter().map(|stays| format!("!  {stays}, and stays in mode default")));
        if !diff.is_empty() {
            diff.insert(0, "[edit]".into());
        }
        let mut back: Vec<String> = added().map(|line| self.undo(line, edit.port)).collect();
        back.dedup();
        // Whether a new value replaces its neighbour is not always known, and to set it again does
        // no harm.
        let is_beside = |line: &String| added().any(|added| parent(added) == parent(line));
        let was = self.own.iter().filter(|line| !after.contains(line) || is_beside(line));
        back.extend(was.cloned());
        Change { diff: diff.join("\n"), back, stays }
    }

    /// Deletes an added line, with as much around it as was not there before.
    fn undo(&self, line: &str, port: PortName) -> String {
        let (verb, path) = line.split_once(' ').unwrap_or_default();
        if verb == "deactivate" {
            return format!("activate {path}");
        }
        let mut parts = path.match_indices(' ').filter_map(|(at, _)| path.get(..at));
        let has_port = |part: &str| {
            let above = part.rsplit_once(' ').map_or("", |(above, _)| above);
            above.split(' ').any(|word| PortName::parse(word) == Ok(port))
        };
        let part = parts.find(|part| {
            let is_new = !self.own.iter().any(|own| begins(statement(own), part));
            is_new && has_port(part) && !KEYED.iter().any(|word| part.ends_with(word))
        });
        format!("delete {}", part.unwrap_or(path))
    }

    /// What mode `ap` sets and mode `default` deletes in vain.
    fn stays(&self, edit: &Edit, edited: &[String]) -> Vec<String> {
        let other: Vec<String> = edit.back.iter().flat_map(|line| lines(line)).collect();
        let (ap, default) = match edit.mode {
            Mode::Ap => (edited, other.as_slice()),
            Mode::Default => (other.as_slice(), edited),
        };
        let deletes = || default.iter().filter_map(|line| line.strip_prefix("delete "));
        let is_deleted = |line: &str| deletes().any(|path| begins(statement(line), path));
        let all = self.inherited.iter().filter(|(line, _)| ap.contains(line) && is_deleted(line));
        all.map(|(line, origin)| format!("{}; is inherited from {origin}", statement(line)))
            .collect()
    }
}

/// Does what Junos does when it loads a line.
fn apply(all: &mut Vec<String>, line: &str) {
    match line.split_once(' ').unwrap_or_default() {
        ("delete", path) => all.retain(|known| !begins(statement(known), path)),
        ("activate", path) => all.retain(|known| known.strip_prefix("deactivate ") != Some(path)),
        _ if all.iter().any(|known| begins(known, line)) => {}
        _ => {
            let name = parent(line).rsplit(' ').next().unwrap_or_default();
            if SINGLE.contains(&format!(" {name} ")) {
                all.retain(|known| parent(known) != parent(line));
            }
            all.push(line.into());
        }
    }
}

/// Whether a line sets what a deactivated statement holds, so that it is not in force.
fn is_inactive(all: &[String], line: &str) -> bool {
    let mut inactive = all.iter().filter_map(|known| known.strip_prefix("deactivate "));
    line.starts_with("set ") && inactive.any(|path| begins(statement(line), path))
}

/// The group or range, such as `interface-range aps`, that holds a line.
fn holder(line: &str) -> Option<String> {
    let name = HOLDERS.iter().find_map(|holder| line.strip_prefix(holder))?.split(' ').next()?;
    let kind = if line.starts_with("set groups") { "group" } else { "interface-range" };
    Some(format!("{kind} {name}"))
}

/// Whether a line is this statement or one below it.
fn begins(line: &str, statement: &str) -> bool {
    let rest = line.strip_prefix(statement);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

/// A line without its verb.
fn statement(line: &str) -> &str {
    line.split_once(' ').map_or("", |(_, statement)| statement)
}

/// A line without its value.
fn parent(line: &str) -> &str {
    line.split_once(" \"").or(line.rsplit_once(' ')).map_or("", |(parent, _)| parent)
}

/// The lines in a line, which is more than one where it has a list in brackets, without quotes that
/// Junos would not write.
fn lines(line: &str) -> Vec<String> {
    if let Some((head, list)) = line.split_once(" [ ") {
        let items = list.split(' ').take_while(|item| *item != "]");
        return items.map(|item| format!("{head} {item}")).collect();
    }
    let value = line.strip_suffix('"').and_then(|line| line.split_once(" \""));
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:".contains(c);
    match value.filter(|(_, value)| !value.is_empty() && value.chars().all(is_plain)) {
        Some((head, value)) => Vec::from([format!("{head} {value}")]),
        None => Vec::from([line.to_owned()]),
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    const RANGE: &str = "set interfaces interface-range aps member ge-0/0/7\n\
                         set interfaces interface-range aps native-vlan-id 42\n";

    fn port() -> PortName {
        PortName::parse("ge-0/0/7").expect("a port")
    }

    /// The edit between these lines and those of the other mode.
    fn edit(mode: Mode, lines: &[&str], back: &[&str]) -> Edit {
        let owned = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
        Edit {
            port: port(),
            mode,
            ap: None,
            lines: owned(lines),
            before: None,
            is_in_doubt: false,
            back: owned(back),
        }
    }

    fn of(own: &str, in_force: &str) -> Configuration {
        Configuration::new(in_force, own, &[port()])
    }

    #[track_caller]
    fn check(own: &str, edited: &[&str], diff: &str, back: &[&str]) {
        let change = of(own, own).change(&edit(Mode::Ap, edited, &[]));
        assert_eq!(change.diff.strip_prefix("[edit]\n").unwrap_or_default(), diff.trim_end());
        assert_eq!(change.back, back);
        // The lines that undo it leave what was there.
        let mut after = of(own, own);
        for line in edited.iter().chain(back).flat_map(|line| lines(line)) {
            apply(&mut after.own, &line);
        }
        after.own.sort();
        let mut before = of(own, own).own;
        before.sort();
        assert_eq!(after.own, before);
    }

    #[test]
    fn a_change_is_worked_out_line_by_line_and_so_is_its_undoing() {
        let trunk = "set interfaces ge-0/0/7 unit 0 family ethernet-switching interface-mode trunk";
        let native = "set interfaces ge-0/0/7 native-vlan-id 42";
        let both = [trunk, native];
        let shown = "+  interfaces ge-0/0/7 unit 0 family ethernet-switching interface-mode trunk;\n\
                     +  interfaces ge-0/0/7 native-vlan-id 42;\n";
        let unit = "delete interfaces ge-0/0/7 unit 0";
        check("", &both, shown, &[unit, "delete interfaces ge-0/0/7 native-vlan-id"]);
        check(&both.join("\n"), &both, "", &[]);
        // Other ports, and the ports of other templates, are nobody's business.
        check(
            "set interfaces ge-0/0/70 mtu 9000\nset poe interface all",
            &[native],
            "+  interfaces \
               ge-0/0/7 native-vlan-id 42;\n",
            &["delete interfaces ge-0/0/7 native-vlan-id"],
        );
        // A value replaces another, which comes back.
        check(
            "set interfaces ge-0/0/7 native-vlan-id 7",
            &[native],
            "-  interfaces ge-0/0/7 native-vlan-id 7;\n+  interfaces ge-0/0/7 native-vlan-id 42;\n",
            &[
                "delete interfaces ge-0/0/7 native-vlan-id 42",
                "set interfaces ge-0/0/7 native-vlan-id 7",
            ],
        );
        // What is deleted comes back too, quoted where it must be.
        check(
            "set interfaces ge-0/0/7 description \"a \\\"b\\\"\"\n\
             set protocols dot1x authenticator interface ge-0/0/7.0 supplicant multiple",
            &[
                "delete protocols dot1x authenticator interface ge-0/0/7.0",
                "set interfaces ge-0/0/7 description \"AP\"",
            ],
            "-  interfaces ge-0/0/7 description \"a \\\"b\\\"\";\n\
             -  protocols dot1x authenticator interface ge-0/0/7.0 supplicant multiple;\n\
             +  interfaces ge-0/0/7 description AP;\n",
            &[
                "delete interfaces ge-0/0/7 description AP",
                "set interfaces ge-0/0/7 description \"a \\\"b\\\"\"",
                "set protocols dot1x authenticator interface ge-0/0/7.0 supplicant multiple",
            ],
        );
        // A list has many values, with or without brackets.
        let list = "set interfaces ge-0/0/7 unit 0 family ethernet-switching vlan members";
        let short = "interfaces ge-0/0/7 unit 0 family ethernet-switching vlan members";
        check(
            &format!("{list} a"),
            &[&format!("{list} [ a b ]")],
            &format!("+  {short} b;\n"),
            &[&format!("delete {short} b"), &format!("{list} a")],
        );
        let off = "deactivate interfaces ge-0/0/7";
        check(
            "set interfaces ge-0/0/7 mtu 9000",
            &[off],
            "+  deactivate interfaces ge-0/0/7;\n",
            &["activate interfaces ge-0/0/7"],
        );
    }

    #[test]
    fn what_is_deactivated_is_not_in_force() {
        let native = "set interfaces ge-0/0/7 native-vlan-id 42";
        let own = format!("{native}\ndeactivate interfaces ge-0/0/7");
        let said = "[edit]\n!  interfaces ge-0/0/7 native-vlan-id 42; is deactivated";
        let change = |lines: &[&str]| of(&own, &own).change(&edit(Mode::Ap, lines, &[])).diff;
        assert_eq!(change(&[native]), said);
        let active = change(&["activate interfaces ge-0/0/7", native]);
        assert_eq!(active, "[edit]\n-  deactivate interfaces ge-0/0/7;");
    }

    #[test]
    fn what_no_line_can_take_away_is_said() {
        let native = "set interfaces ge-0/0/7 native-vlan-id 42";
        let delete = "delete interfaces ge-0/0/7 native-vlan-id";
        let groups = "set groups top interfaces <*> native-vlan-id 42\nset apply-groups top\n";
        for (held, origin) in
            [(RANGE, "interface-range aps"), (groups, "group top"), ("", "elsewhere")]
        {
            let stays =
                format!("interfaces ge-0/0/7 native-vlan-id 42; is inherited from {origin}");
            let free = of(held, native).change(&edit(Mode::Default, &[delete], &[native]));
            let shown = format!("[edit]\n!  {stays}, and stays in mode default");
            assert_eq!((free.diff, free.stays), (shown, vec![stays.clone()]));
            let ap = of(held, native).change(&edit(Mode::Ap, &[native], &[delete]));
            assert_eq!((ap.back, ap.stays), (vec![delete.to_owned()], vec![stays]));
        }
        // A default that is inherited is what the port is to have.
        let access = "set interfaces ge-0/0/7 native-vlan-id 1";
        let free = of("", access).change(&edit(Mode::Default, &[delete], &[native]));
        assert_eq!((free.diff, free.stays), (String::new(), vec![]));
    }
}
