//! The laws of the websocket upgrade's head.

use mistgate_core::micronets::upgrade::{HEAD_MAX, MEETUP_MAX, Refusal, Upgrade};

/// The beginning of the peers' paths.
const PREFIX: &str = "/micronets/v1/ws-proxy/";

/// Whole or byte by byte, the result is the same. An accepted head names its meetup and ends with
/// an empty line. Each answer is one head, and a refusal's body has the announced length.
pub(super) fn check(data: &[u8]) {
    let whole = Upgrade::parse(data, PREFIX);
    if data.len() <= HEAD_MAX {
        let parts = (0..=data.len()).filter_map(|length| data.get(..length));
        let first = parts.map(|part| Upgrade::parse(part, PREFIX)).find(|part| *part != Ok(None));
        assert_eq!(first.unwrap_or(Ok(None)), whole);
    }
    match whole {
        Ok(None) => assert!(data.len() <= HEAD_MAX),
        Ok(Some(upgrade)) => accepted(data, &upgrade),
        Err(refusal) => refused(&refusal),
    }
    for refusal in [Refusal::Barred, Refusal::Crowded, Refusal::Full("peers"), Refusal::Late] {
        refused(&refusal);
    }
}

fn accepted(data: &[u8], upgrade: &Upgrade) {
    let head = data.get(..upgrade.length).expect("no longer than what came");
    assert!(head.len() <= HEAD_MAX && head.ends_with(b"\n"), "{upgrade:?}");
    let target = [PREFIX, &upgrade.meetup].concat();
    assert!(upgrade.meetup.len() <= MEETUP_MAX, "{upgrade:?}");
    let mut words = head.trim_ascii_start().split(|byte| *byte == b' ');
    assert_eq!(words.nth(1), Some(target.as_bytes()), "{upgrade:?}");
    let answer = upgrade.answer();
    assert!(answer.starts_with("HTTP/1.1 101 ") && answer.ends_with("\r\n\r\n"), "{answer}");
    assert_eq!(answer.matches("\r\n\r\n").count(), 1, "{answer}");
}

fn refused(refusal: &Refusal) {
    let answer = refusal.answer("Thu, 01 Jan 1970 00:00:00 GMT");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with(&format!("HTTP/1.1 {} ", refusal.status())), "{answer}");
    assert!(head.contains(&format!("\r\ncontent-length: {}\r\n", body.len())), "{answer}");
    assert!(!body.contains('\r') && body.lines().count() == 1, "{answer}");
    assert!((400..=503).contains(&refusal.status()) && !refusal.name().is_empty());
}
