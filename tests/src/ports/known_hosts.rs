//! The laws of `known_hosts`: any text is read; a name matches a pattern as a simple matcher says;
//! and the line that a refusal suggests makes the host known.

use mistgate_core::base::base64;
use mistgate_core::junos::known_hosts::{KnownHosts, Refusal};

use crate::base::bytes::Bytes;

const KEYS: [&str; 2] = [
    "AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ",
    "AAAAC3NzaC1lZDI1NTE5AAAAIA6rWI3G1sz07DnfFlrouTcysQlj2P+jpNSOEWD9OJ3X",
];
const HOSTS: [&str; 4] = ["sw1", "SW-2.lab", "127.0.0.1", "sw"];

/// Reads a file of random text among lines that may be entries.
pub fn run(data: &[u8]) {
    let bytes = &mut Bytes::new(data);
    let host = bytes.pick(&HOSTS);
    let port = bytes.pick(&[830, 22]);
    let [key, _] = KEYS.map(|key| base64::decode(key).expect("a key"));
    let patterns = bytes.text(16).replace(|c: char| c.is_whitespace() || c == '|', "*");
    pattern(&patterns, host, &key);
    let mut file = String::new();
    for _ in 0..bytes.count(6) {
        let mark = bytes.pick(&["", "", "@revoked ", "@cert-authority ", "# "]);
        let names = bytes.pick(&["sw1", "[sw1]:830", "s*", "*,!sw1", "sw?2.lab,sw", "[*]:830"]);
        file.push_str(&format!("{mark}{names} ssh-ed25519 {}\n", bytes.pick(&KEYS)));
    }
    file.push_str(&String::from_utf8_lossy(bytes.rest()));
    let known = KnownHosts::parse("f", &file);
    let refusal = match known.verify(host, port, &key) {
        Ok(()) => {
            assert!(!known.kinds(host, port).is_empty());
            return;
        }
        Err(refusal) => refusal,
    };
    let text = refusal.to_string();
    assert!(!text.contains(char::is_control), "{text:?}");
    let lines = file.lines().count();
    match refusal {
        Refusal::Changed { line, .. } | Refusal::Revoked { line, .. } => {
            assert!((1..=lines).contains(&line), "line {line} of {lines}");
        }
        Refusal::Unknown { entry, .. } => {
            assert_eq!(known.kinds(host, port), Vec::<&str>::new());
            let file = format!("{file}\n{entry}\n");
            assert_eq!(KnownHosts::parse("f", &file).verify(host, port, &key), Ok(()), "{file}");
        }
    }
}

fn pattern(patterns: &str, host: &str, key: &[u8]) {
    let line = format!("{patterns} ssh-ed25519 {}", KEYS[0]);
    let is_known = KnownHosts::parse("f", &line).verify(host, 22, key).is_ok();
    let (patterns, host) = (patterns.to_ascii_lowercase(), host.to_ascii_lowercase());
    let fits = |pattern: &str| fits(pattern.as_bytes(), host.as_bytes());
    let is_excluded = patterns.split(',').filter_map(|p| p.strip_prefix('!')).any(fits);
    let is_comment = patterns.is_empty() || patterns.starts_with(['#', '@']);
    assert_eq!(is_known, !is_comment && !is_excluded && patterns.split(',').any(fits), "{line:?}");
}

/// Whether a pattern matches the whole name, by trying every way.
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => {
            fits(rest, name) || name.split_first().is_some_and(|(_, name)| fits(pattern, name))
        }
        (Some((wanted, rest)), Some((byte, name))) => {
            (*wanted == b'?' || wanted == byte) && fits(rest, name)
        }
        (None, Some(_)) | (Some(_), None) => false,
    }
}
