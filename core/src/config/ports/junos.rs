//! `[ports.junos]`

use alloc::{borrow::ToOwned, string::String, string::ToString, vec::Vec};
use core::time::Duration;

use super::{HOUR, SECOND, name};
use crate::ports::{name::SwitchName, switch_port::SwitchMatcher, template, template::Template};
use crate::{base::secret::Secret, config::files::FileKind, config::problem::Fault};
use crate::{config::reader::Item, config::section::Section, config::units, junos::Junos};

/// The `default` that gives a port back what it had.
const PREVIOUS: &str = "previous";

pub(super) fn junos(section: &Section<'_>) -> Option<Junos> {
    let domain = section.judged("domain", "a domain such as \"mydomain.corp\"", |text| {
        SwitchName::parse(text)
            .map(|name| name.to_string())
            .ok_or_else(|| Fault::of(text, "is not a domain", "a domain such as \"mydomain.corp\""))
    });
    let password = section.secret("password", "password_file");
    let private_key = section.item("private_key");
    if section.lacks(&["password", "password_file", "private_key"]) {
        section.missing("password_file", "a password, a private_key, or both");
    }
    let private_key = private_key.and_then(|item| item.file(FileKind::PrivateKey));
    let expected = "the file with the switches' host keys, as OpenSSH writes it";
    let known_hosts =
        section.required("known_hosts", expected).and_then(|item| item.file(FileKind::KnownHosts));
    let legacy_algorithms = section.flag("legacy_algorithms");
    if legacy_algorithms {
        let what = "algorithms with SHA-1 will do, for every switch";
        let expected = "false, unless some switches know no others";
        section.warning("legacy_algorithms", what, expected);
    }
    let minute = Duration::from_secs(60);
    let confirm = section.duration("confirm", 5 * minute, minute..=HOUR);
    if !confirm.as_secs().is_multiple_of(60) || confirm.subsec_millis() != 0 {
        let expected = "whole minutes, such as \"5m\"";
        section.conflict("confirm", "Junos counts this in minutes", expected);
    }
    let commit_timeout =
        section.duration("commit_timeout", 2 * minute, Duration::from_secs(10)..=HOUR);
    let lock_wait = section.duration("lock_wait", minute, SECOND..=HOUR);
    let port = section.count("port", 830, 1..=u16::MAX);
    let sessions_max = section.count("sessions_max", 256, 1..=1_024);
    let username = name(section, "username", "the login on the switches");
    let (ap, default) = (template(section, "ap"), default(section));
    Some(Junos {
        domain,
        port,
        username: username?,
        password: password.map(|(_, password)| password),
        private_key: private_key.map(|(_, text)| Secret::new(text)),
        known_hosts: known_hosts?.0,
        legacy_algorithms,
        sessions_max,
        commit_timeout,
        lock_wait,
        confirm,
        verify: minute,
        templates: Vec::new(),
        ap: ap?,
        default: default?,
    })
}

/// `[[ports.template]]`, which has what `base` has where it does not say something else.
pub(super) fn template_of(section: &Section<'_>, base: &Junos) -> Option<(SwitchMatcher, Junos)> {
    let patterns = |key, expected| {
        let pattern = |item: &Item<'_>| item.judged(expected, units::name);
        section.list(key, expected, pattern).unwrap_or_default()
    };
    let matcher = SwitchMatcher {
        switch: patterns("switch", "a list of names, patterns such as \"old-*\", or MACs"),
        model: patterns("model", "a list of models or patterns such as \"EX2200-*\""),
        site: patterns("site", "a list of the ids of sites"),
    };
    let mut junos = base.clone();
    section.items(&["ap", "default", "username"]);
    if !section.lacks(&["username"]) {
        junos.username = name(section, "username", "the login on the switches")?;
    }
    let password = section.secret("password", "password_file").map(|(_, password)| password);
    let private_key = section.item("private_key").and_then(|item| item.file(FileKind::PrivateKey));
    if password.is_some() || private_key.is_some() {
        junos.password = password;
        junos.private_key = private_key.map(|(_, text)| Secret::new(text));
    }
    junos.port = section.count("port", base.port, 1..=u16::MAX);
    junos.legacy_algorithms = section.flag_or("legacy_algorithms", base.legacy_algorithms);
    if !section.lacks(&["ap"]) {
        junos.ap = template(section, "ap")?;
    }
    if !section.lacks(&["default"]) {
        junos.default = default(section)?;
    }
    Some((matcher, junos))
}

/// Lines, or nothing for what a port had.
fn default(section: &Section<'_>) -> Option<Option<Template>> {
    let is_previous =
        section.item("default").is_some_and(|item| item.value.as_str() == Some(PREVIOUS));
    if is_previous { Some(None) } else { template(section, "default").map(Some) }
}

/// Lines of Junos commands, each judged where it stands.
fn template(section: &Section<'_>, key: &'static str) -> Option<Template> {
    const LINE: &str = "a line such as \"set interfaces <port> native-vlan-id 42\"";
    const LINES: &str = "a list of lines such as \"set interfaces <port> native-vlan-id 42\"";
    let item = section.required(key, LINES)?;
    let line = |item: &Item<'_>| {
        item.judged(LINE, |text| {
            let wrong = |error: template::Error| Fault::new(error.to_string(), LINE);
            Template::check(text).map(|()| text.to_owned()).map_err(wrong)
        })
    };
    let elements = item.elements(LINES);
    let lines: Vec<String> = elements.iter().filter_map(line).collect();
    if lines.is_empty() || lines.len() < elements.len() {
        return None;
    }
    Template::new(lines.iter().map(String::as_str))
        .map_err(|error| {
            item.problem(error.to_string(), alloc::format!("up to {} lines", template::LINES_MAX))
        })
        .ok()
}
