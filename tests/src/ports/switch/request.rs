//! How a switch carries out requests.

use core::time::Duration;

use mistgate_core::base::time::Instant;

use super::answer::Style;
use super::{ConnectionId, Newest, Pending, Switch, configuration::LoadError, xml::Node};

/// The process id of a login at the console, as the holder of a lock.
const STRANGER: u64 = 50_198;

impl Switch {
    /// Carries out a request, and gives the reply.
    pub(super) fn execute(&mut self, now: Instant, by: ConnectionId, rpc: &Node) -> String {
        let style = self.config.style;
        let Some(asked) = rpc.children.first() else {
            return style.error("syntax error, expecting <rpc>", None, None);
        };
        match asked.name.as_str() {
            "lock-configuration" => self.lock(by),
            "unlock-configuration" => self.unlock(by),
            "load-configuration" => self.load(by, asked),
            "get-configuration" if asked.attribute("compare") == Some("rollback") => {
                let diff = self.candidate.compare(&self.running);
                let diff = quick_xml::escape::partial_escape(&diff);
                format!(
                    "<configuration-information>\n<configuration-output>\n{diff}\
                     </configuration-output>\n</configuration-information>\n"
                )
            }
            "get-configuration" => self.shown(asked),
            "commit-configuration" => self.commit(now, by, asked),
            "discard-changes" => {
                self.candidate = self.running.clone();
                style.ok()
            }
            "close-session" => style.ok(),
            "get-lldp-neighbors-information" => self.neighbours(),
            "get-interface-information" => self.interfaces(),
            "get-commit-information" => self.history(),
            "get-system-uptime-information" => self.uptime(now),
            other => style.error("syntax error, expecting <command>", None, Some(other)),
        }
    }

    /// What is committed, as set lines; `Old` knows XML alone.
    fn shown(&self, asked: &Node) -> String {
        let is_set = asked.attribute("format") == Some("set");
        if !is_set
            || asked.attribute("database") != Some("committed")
            || self.config.style == Style::Old
        {
            return "<configuration>\n</configuration>\n".to_owned();
        }
        let mut shown = self.running.clone();
        if asked.attribute("inherit") == Some("inherit") {
            let ports: Vec<&String> = self.config.interfaces.keys().collect();
            shown = shown.inherited(&ports);
        }
        let filter = asked.child("configuration").map_or(&[][..], |filter| &filter.children);
        let parts = filter.iter().flat_map(|part| shown.lines(&part.name));
        let lines: String = parts.map(|line| format!("set {line}\n")).collect();
        let lines = quick_xml::escape::partial_escape(&lines);
        format!("<configuration-set>\n{lines}</configuration-set>\n")
    }

    fn lock(&mut self, by: ConnectionId) -> String {
        let style = self.config.style;
        if self.stranger_until.is_some() {
            return style.locked_by(STRANGER);
        }
        match self.lock {
            Some(holder) => style.locked_by(holder.get()),
            None if self.is_modified() => {
                style.error("configuration database modified", None, None)
            }
            None => {
                self.lock = Some(by);
                String::new()
            }
        }
    }

    fn unlock(&mut self, by: ConnectionId) -> String {
        if self.lock != Some(by) {
            return self.config.style.error("Configuration database is not open", None, None);
        }
        self.lock = None;
        self.candidate = self.running.clone();
        String::new()
    }

    fn is_barred(&self, by: ConnectionId) -> Option<String> {
        let holder = match (self.lock, self.stranger_until) {
            (Some(holder), _) if holder != by => holder.get(),
            (_, Some(_)) => STRANGER,
            (Some(_) | None, None) => return None,
        };
        Some(self.config.style.locked_by(holder))
    }

    fn load(&mut self, by: ConnectionId, asked: &Node) -> String {
        let style = self.config.style;
        if let Some(barred) = self.is_barred(by) {
            return barred;
        }
        let mut results = String::new();
        let mut errors = 0;
        if let Some(rollback) = asked.attribute("rollback") {
            match (rollback, &self.previous) {
                ("0", _) => self.candidate = self.running.clone(),
                ("1", Some(previous)) => self.candidate = previous.clone(),
                _ => {
                    errors += 1;
                    results = style.error("rollback: no such file", None, None);
                }
            }
        }
        let lines = asked.child("configuration-set").map_or("", |set| set.text.as_str());
        for line in lines.lines() {
            match self.candidate.load(line) {
                Ok(()) => {}
                Err(LoadError::NotFound) => results.push_str(&style.warning("statement not found")),
                Err(LoadError::Syntax(word)) => {
                    errors += 1;
                    results.push_str(&style.error("syntax error", None, Some(&word)));
                }
            }
        }
        if errors == 0 {
            results.push_str(&style.ok());
        } else {
            results.push_str(&format!("<load-error-count>{errors}</load-error-count>\n"));
        }
        format!("<load-configuration-results>\n{results}</load-configuration-results>\n")
    }

    fn commit(&mut self, now: Instant, by: ConnectionId, asked: &Node) -> String {
        let style = self.config.style;
        if let Some(barred) = self.is_barred(by) {
            return barred;
        }
        if let Some((path, message)) = self.candidate.check() {
            let failed = style.error("configuration check-out failed", None, None);
            let first = style.error(&message, Some(&path), Some("native-vlan-id"));
            return format!("<commit-results>\n{first}{failed}</commit-results>\n");
        }
        let earlier = self.pending.take();
        let warning = self.warning.map(|of| style.warning(of)).unwrap_or_default();
        if asked.child("check").is_some() {
            return warning + &style.committed("commit-check-success");
        }
        let before = core::mem::replace(&mut self.running, self.candidate.clone());
        if asked.child("confirmed").is_some() {
            let minutes = asked.child("confirm-timeout").and_then(|t| t.text.parse().ok());
            let undo_at = now + Duration::from_secs(60 * minutes.unwrap_or(10));
            let to = earlier.map_or_else(|| before.clone(), |earlier| earlier.to);
            self.pending = Some(Pending { undo_at, to, by: Some(by) });
        }
        let confirm = self.pending.as_ref().map(|pending| (pending.undo_at - now).as_secs() / 60);
        let log = asked.child("log").map_or_else(String::new, |log| log.text.clone());
        self.newest = Newest { user: "mist", at: now, log, confirm };
        self.previous = Some(before);
        warning + &style.committed("commit-success")
    }

    fn history(&self) -> String {
        let Newest { user, at, log, confirm } = &self.newest;
        let client = if *user == "ann" { "cli" } else { "netconf" };
        let comment = confirm.map(|minutes| {
            let pending = if self.pending.is_some() && self.config.style != Style::Old {
                "<commit-confirmed>rollback pending</commit-confirmed>\n"
            } else {
                ""
            };
            format!("<comment>commit confirmed, rollback in {minutes}mins</comment>\n{pending}")
        });
        format!(
            "<commit-information>\n<commit-history>\n<sequence-number>0</sequence-number>\n\
             <user>{user}</user>\n<client>{client}</client>\n{}{}<log>{}</log>\n\
             </commit-history>\n<commit-history>\n<sequence-number>1</sequence-number>\n\
             <user>root</user>\n</commit-history>\n</commit-information>\n",
            time(seconds(*at)),
            comment.unwrap_or_default(),
            quick_xml::escape::partial_escape(log)
        )
    }

    fn uptime(&self, now: Instant) -> String {
        format!(
            "<system-uptime-information>\n<current-time>\n{}</current-time>\n\
             <system-booted-time>\n{}</system-booted-time>\n</system-uptime-information>\n",
            time(seconds(now)),
            time(self.booted_at.map_or(START - 86_400, seconds))
        )
    }

    fn neighbours(&self) -> String {
        let neighbour = |interface: &str, mac: &str, name: &str| {
            let name = quick_xml::escape::partial_escape(name);
            format!(
                "<lldp-neighbor-information>\n\
                 <lldp-local-port-id>{interface}</lldp-local-port-id>\n\
                 <lldp-local-parent-interface-name>-</lldp-local-parent-interface-name>\n\
                 <lldp-remote-chassis-id-subtype>Mac address</lldp-remote-chassis-id-subtype>\n\
                 <lldp-remote-chassis-id>{mac}</lldp-remote-chassis-id>\n\
                 <lldp-remote-port-description>ETH0</lldp-remote-port-description>\n\
                 <lldp-remote-system-name>{name}</lldp-remote-system-name>\n\
                 </lldp-neighbor-information>\n"
            )
        };
        let all: String = self
            .config
            .interfaces
            .iter()
            .filter_map(|(interface, (is_up, neighbour))| {
                neighbour.as_ref().filter(|_| *is_up).map(|of| (interface, of))
            })
            .map(|(interface, (mac, name))| neighbour(interface, mac, name))
            .collect();
        format!(
            "<lldp-neighbors-information junos:style=\"brief\">\n{all}\
             </lldp-neighbors-information>\n"
        )
    }

    fn interfaces(&self) -> String {
        let state = |is_up: bool| if is_up { "up" } else { "down" };
        let all: String = self
            .config
            .interfaces
            .iter()
            .map(|(name, (is_up, _))| {
                format!(
                    "<physical-interface>\n<name>\n{name}\n</name>\n<admin-status>\nup\n\
                     </admin-status>\n<oper-status>\n{}\n</oper-status>\n<logical-interface>\n\
                     <name>\n{name}.0\n</name>\n<admin-status>\nup\n</admin-status>\n\
                     <oper-status>\n{}\n</oper-status>\n</logical-interface>\n\
                     </physical-interface>\n",
                    state(*is_up),
                    state(*is_up)
                )
            })
            .collect();
        format!("<interface-information junos:style=\"terse\">\n{all}</interface-information>\n")
    }
}

/// What the clocks of switches show at the start of virtual time.
const START: u64 = 1_795_000_000;

fn seconds(at: Instant) -> u64 {
    START + at.as_micros() / 1_000_000
}

fn time(seconds: u64) -> String {
    format!("<date-time junos:seconds=\"{seconds}\">\n2026-11-22 07:00:00 UTC\n</date-time>\n")
}
