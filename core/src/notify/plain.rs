//! Plain text for people: names, lists, counts, and words found in log messages.

use alloc::string::{String, ToString};
use alloc::{borrow::Cow, collections::BTreeSet, format, vec::Vec};

use super::types::sentence::capitalized;
use crate::base::{mac::Mac, text};

/// The most characters of a value.
pub(super) const VALUE_MAX: usize = 1_000;
/// The most characters of a name inside of a sentence.
const NAME_MAX: usize = 100;
/// The most names that a sentence lists.
pub(crate) const NAMES_MAX: usize = 3;

/// Words that are not written in lower case.
const SPELLINGS: [&str; 85] = [
    "AAA", "ACL", "AP", "APs", "ARP", "BFD", "BGP", "BLE", "BPDU", "BSSID", "CLI", "CPU", "CRC",
    "DDoS", "DHCP", "DNS", "EAP", "EAPOL", "ESL", "EVPN", "FIB", "FPC", "GHz", "HA", "HTTP",
    "iBeacon", "ICMP", "ICV", "ID", "IDP", "IMEI", "IoT", "IP", "IPv4", "IPv6", "ISP", "Juniper",
    "KRACK", "LACP", "LAG", "LLDP", "LTE", "MAC", "Marvis", "Mist", "MTU", "NAC", "NAT", "NTP",
    "OS", "OSPF", "PEAP", "PEM", "PoE", "PSK", "PSU", "QoS", "RADIUS", "RadSec", "RRM", "RSSI",
    "SDK", "SFP", "SIM", "SLE", "SMS", "SNMP", "SSH", "SSID", "STP", "TCP", "TKIP", "TLS", "TTLS",
    "UDP", "URL", "UUID", "VC", "VLAN", "VPN", "VRRP", "VXLAN", "WAN", "WiFi", "WLAN",
];

/// A value on one line.
pub(super) fn clean(text: &str) -> String {
    text::one_line(text, VALUE_MAX)
}

/// A name for a sentence.
pub(super) fn name(text: &str) -> String {
    text::one_line(text, NAME_MAX)
}

/// `SW_FOO_DHCP` and `foo-dhcp` as `sw foo DHCP`: a name from a program, in words. Empty if it has
/// nothing that can be seen.
pub(super) fn words(name: &str) -> String {
    let name = clean(name);
    let words = name.split(['_', '-', ' ', '.']).filter(|word| !word.is_empty());
    words.map(spelled).collect::<Vec<_>>().join(" ")
}

/// [`words()`] with the first letter in upper case.
pub(super) fn label(name: &str) -> String {
    capitalized(&words(name))
}

/// A value that a program wrote, such as `power_cycle`, in words; other text as it is.
pub(super) fn humane(text: &str) -> String {
    let text = clean(text);
    let coded = !text.contains(' ')
        && text.contains(['_', '-'])
        && text.bytes().all(|b| b.is_ascii_alphabetic() || matches!(b, b'_' | b'-'));
    if coded { words(&text) } else { text }
}

/// Whether a sentence holds all words of a reason, in any order and letter case.
pub(super) fn says(sentence: &str, reason: &str) -> bool {
    let words = |text: &str| -> Vec<String> {
        text.split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect()
    };
    let said = words(sentence);
    words(reason).iter().all(|word| said.contains(word))
}

/// The text without the tags with which Junos begins its log messages, such as
/// `L2CPD_RECEIVE_BPDU_BLOCK_ENABLED: BPDU_PROTECT:`.
pub(super) fn untagged(text: &str) -> &str {
    let mut rest = text.trim_start_matches([':', ' ']);
    while let Some((tag, after)) = rest.split_once(':') {
        let shouted =
            tag.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
                && (tag.contains('_') || tag == "ERROR");
        if !shouted {
            break;
        }
        rest = after.trim_start_matches([':', ' ']);
    }
    if rest.is_empty() { text } else { rest }
}

/// `a`, `a and b`, `a, b and c`, `a, b, c and 4 more`.
pub(crate) fn list<T: AsRef<str>>(items: &[T], max: usize) -> String {
    let shown: Vec<&str> = items.iter().take(max.max(1)).map(AsRef::as_ref).collect();
    let more = items.len() - shown.len();
    match (shown.as_slice(), more) {
        (all, 1..) => format!("{} and {more} more", all.join(", ")),
        ([first @ .., last], 0) if !first.is_empty() => {
            format!("{} and {last}", first.join(", "))
        }
        (all, 0) => all.join(""),
    }
}

/// `AP a`, `APs a and b`. `None` without items.
pub(super) fn named_list(one: &str, many: &str, items: &[String], max: usize) -> Option<String> {
    let noun = if items.len() == 1 { one } else { many };
    (!items.is_empty()).then(|| format!("{noun} {}", list(items, max)))
}

/// Each of the texts in the form that `show` gives it.
pub(super) fn each(texts: &[Cow<'_, str>], show: impl Fn(&str) -> String) -> Vec<String> {
    texts.iter().map(|text| show(text)).collect()
}

/// The text, unless it is empty.
pub(crate) fn non_empty(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

/// The text between quotes, as in `"name"`.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", name(text))
}

/// `1 port`, `2 ports`.
pub(crate) fn count(number: usize, one: &str, many: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        _ => format!("{number} {many}"),
    }
}

/// ` at Branch-7`, ` at 4 sites`, or nothing where no site is known.
pub(super) fn at_sites(sites: &BTreeSet<&str>) -> String {
    match (sites.first(), sites.len()) {
        (Some(site), 1) => format!(" at {site}"),
        (Some(_), number) => format!(" at {number} sites"),
        (None, _) => String::new(),
    }
}

/// A MAC address as people write it; other text as it is.
pub(super) fn mac(text: &str) -> String {
    Mac::parse(text).map_or_else(|| clean(text), |mac| mac.to_string())
}

/// A radio band, which Mist writes as `24`, `5` or `6`.
pub(super) fn band(text: &str) -> String {
    match text {
        "24" | "2.4" => "2.4 GHz".to_string(),
        "5" | "6" => format!("{text} GHz"),
        _ => name(text),
    }
}

/// `35 s`, `4 min 40 s`, `2 h 5 min`, `3 d 4 h`.
pub(crate) fn duration(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (days, hours) = (seconds / 86_400, seconds / 3_600 % 24);
    let (minutes, seconds) = (seconds / 60 % 60, seconds % 60);
    let parts = match (days, hours, minutes) {
        (1.., _, _) => [(days, "d"), (hours, "h")],
        (_, 1.., _) => [(hours, "h"), (minutes, "min")],
        (_, _, 1..) => [(minutes, "min"), (seconds, "s")],
        _ => [(seconds, "s"), (0, "")],
    };
    let shown: Vec<String> = parts
        .iter()
        .enumerate()
        .filter(|(index, (number, _))| *index == 0 || *number > 0)
        .map(|(_, (number, unit))| format!("{number} {unit}"))
        .collect();
    shown.join(" ")
}

/// The word behind `marker`, or the text in square brackets there. The marker must be a word of its
/// own; its letter case does not matter.
pub(super) fn after<'t>(text: &'t str, marker: &str) -> Option<&'t str> {
    let mut rest = text;
    let after = loop {
        let (word, after) = rest.split_once(' ')?;
        let word = word.trim_start_matches(['(', '[']).trim_end_matches(':');
        if word.eq_ignore_ascii_case(marker) {
            break after.trim_start();
        }
        rest = after;
    };
    let found = match after.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next()?,
        None => {
            let word = after.split(' ').next()?;
            let word = word.trim_matches(['"', '\'', ',', ';', ':', '.', '(', ')']);
            word.strip_suffix("'s").unwrap_or(word)
        }
    };
    (!found.is_empty()).then_some(found)
}

/// The neighbor in a routing message, which Junos calls `neighbor` or `peer`.
pub(super) fn neighbor(text: &str) -> Option<&str> {
    ["neighbor", "neighbour", "peer"].into_iter().find_map(|marker| after(text, marker))
}

/// The number of a virtual chassis' member: `2` of `vc add of member 2`, `Member 2->2`, `fpc2`.
pub(super) fn member(text: &str) -> Option<&str> {
    let mut words = text.split([' ', ',', ':']);
    let mut is_next = false;
    words.find_map(|word| {
        let rest = word.trim_start_matches(|c: char| c.is_alphabetic());
        let (noun, _) = word.split_at(word.len() - rest.len());
        let is_noun = ["fpc", "member"].iter().any(|known| noun.eq_ignore_ascii_case(known));
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number = rest.get(..end).filter(|number| !number.is_empty());
        let is_of = is_noun || (is_next && noun.is_empty());
        is_next = is_noun;
        number.filter(|_| is_of)
    })
}

/// What an access point says of its upgrade, such as `OC_FWUPDATE_NOTNEEDED`, in words; other text
/// as it is.
pub(super) fn decoded(text: &str) -> String {
    match text.strip_prefix("OC_FWUPDATE_") {
        Some(code) => {
            let code = code.to_ascii_lowercase().replace('_', " ");
            let code = code.replace("failed", " failed").replace("needed", " needed");
            clean(&format!("firmware update {code}"))
        }
        None => text.to_string(),
    }
}

/// The path in a message about a VPN. A session smart router writes `peer path [hub,wan,0] down`,
/// an SRX `VPN name from 192.0.2.1 is down`.
pub(super) fn path(text: &str) -> Option<Cow<'_, str>> {
    let of_peer = || Some(format!("{} from {}", after(text, "VPN")?, after(text, "from")?));
    after(text, "path").map(Cow::Borrowed).or_else(|| of_peer().map(Cow::Owned))
}

fn spelled(word: &str) -> Cow<'_, str> {
    SPELLINGS
        .into_iter()
        .find(|spelling| spelling.eq_ignore_ascii_case(word))
        .map_or_else(|| Cow::Owned(word.to_ascii_lowercase()), Cow::Borrowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_programs_become_words() {
        assert_eq!(label("FOO_POE_DHCP_FAILED"), "Foo PoE DHCP failed");
        assert_eq!(humane("power_cycle"), "power cycle");
        assert_eq!(humane("radar-detected"), "radar detected");
        assert_eq!(humane("peer x_y down"), "peer x_y down");
        assert_eq!(humane("10.2.3.4-5"), "10.2.3.4-5");
        assert_eq!(
            untagged(
                "L2CPD_RECEIVE_BPDU_BLOCK_ENABLED: BPDU_PROTECT: Interface ge-0/0/6 is DOWN: x"
            ),
            "Interface ge-0/0/6 is DOWN: x"
        );
        assert_eq!(untagged("UI_COMMIT_COMPLETED:  : commit complete"), "commit complete");
        assert_eq!(untagged("OC_FWUPDATE_NOTNEEDED"), "OC_FWUPDATE_NOTNEEDED");
        assert_eq!(untagged("AP: rebooted"), "AP: rebooted");
    }

    #[test]
    fn a_reason_is_not_said_twice() {
        assert!(says("AP \"a\" detected radar and moved.", "radar detected"));
        assert!(!says("AP \"a\" restarted.", "power cycle"));
    }

    #[test]
    fn lists_and_counts_are_grammatical() {
        assert_eq!(list(&["a"], 3), "a");
        assert_eq!(list(&["a", "b"], 3), "a and b");
        assert_eq!(list(&["a", "b", "c"], 3), "a, b and c");
        assert_eq!(list(&["a", "b", "c", "d"], 3), "a, b, c and 1 more");
        assert_eq!(list::<&str>(&[], 3), "");
        assert_eq!(count(1, "port", "ports"), "1 port");
        assert_eq!(count(0, "port", "ports"), "0 ports");
        assert_eq!(duration(280), "4 min 40 s");
        assert_eq!(duration(7_200), "2 h");
        assert_eq!(duration(0), "0 s");
    }

    #[test]
    fn words_after_a_marker_are_found() {
        let ospf = "OSPF neighbor 172.2.1.2 (realm ospf-v2 st0.0 area 0.0.0.0) state changed";
        assert_eq!(after(ospf, "neighbor"), Some("172.2.1.2"));
        assert_eq!(after(ospf, "realm"), Some("ospf-v2"));
        assert_eq!(
            after("peer path [HUB-01,10.3.128.34,A 1,0] down", "path"),
            Some("HUB-01,10.3.128.34,A 1,0")
        );
        assert_eq!(
            after("Detected cluster1-Node0-RG1's health", "Detected"),
            Some("cluster1-Node0-RG1")
        );
        assert_eq!(after("neighbor", "neighbor"), None);
        for text in
            ["vc delete of member 2", "Member 2->2, Mode", "busy on re: fpc2", "FPC 2 PEM 1"]
        {
            assert_eq!(member(text), Some("2"), "{text}");
        }
        assert_eq!(member("Member change: vc add 7"), None);
        assert_eq!(decoded("OC_FWUPDATE_NOTNEEDED"), "firmware update not needed");
        assert_eq!(decoded("OC_FWUPDATE_WRITE_FAILED"), "firmware update write failed");
        assert_eq!(after("set radius \"srv\", now", "RADIUS"), Some("srv"));
    }
}
