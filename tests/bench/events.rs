//! Webhooks with events like those in Mist's documentation, signed. No two events are alike, so
//! none is dropped as a duplicate.

use std::fmt::Write as _;

use mistgate_core::base::secret::Secret;

/// The beginning of each device's name; nine digits, the event's number, follow. Every chat message
/// shows the name.
pub(crate) const NAME: &str = "bench-";

/// A request with as many events as fit into a body of `bytes`, but at least one. `next` gives each
/// its number.
pub(crate) fn request(
    (host, path): (&str, &str),
    secret: &Secret,
    bytes: usize,
    mut next: impl FnMut() -> usize,
) -> Vec<u8> {
    let mut body = r#"{"topic":"device-events","events":["#.to_owned();
    let mut longest = 0;
    loop {
        let before = body.len();
        put_event(&mut body, next());
        body.push(',');
        longest = longest.max(body.len() - before);
        if body.len() + longest >= bytes {
            break;
        }
    }
    body.pop();
    body.push_str("]}");
    let signature = secret.sign(body.as_bytes());
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Mist-webhook\r\nAccept: */*\r\n\
         Content-Type: application/json\r\nX-Mist-Signature-v2: {signature}\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body.into_bytes()].concat()
}

/// Writes an event of varying type, device and site.
fn put_event(body: &mut String, number: usize) {
    const KINDS: [(&str, &str, &str); 6] = [
        ("AP_CONNECTED", "ap", r#""reason":"status-connected","#),
        ("AP_RRM_ACTION", "ap", r#""band":"5","channel":36,"power":17,"pre_channel":40,"#),
        ("AP_DISCONNECTED", "ap", r#""text":"cloud connection lost","#),
        ("SW_PORT_UP", "switch", r#""port_id":"ge-0/0/7","text":"Port is UP on ge-0/0/7","#),
        ("SW_PORT_DOWN", "switch", r#""port_id":"ge-0/0/7","text":"Port is DOWN on ge-0/0/7","#),
        ("GW_CONFIGURED", "gateway", r#""audit_id":"e9a88814-fa81-5bdc-34b0-84e8735420e5","#),
    ];
    const SITES: usize = 40;
    let (kind, device, details) =
        KINDS.into_iter().nth(number % KINDS.len()).expect("the remainder is in range");
    let site = number % SITES;
    // Writing to a String does not fail.
    let _ = write!(
        body,
        r#"{{"type":"{kind}","timestamp":{at},"org_id":"2818e386-8dec-2562-9ede-5b8a0fbbdc71","#,
        at = 1_752_000_000 + number / 100
    );
    let _ = write!(
        body,
        r#""site_id":"4ac1dcf4-9d8b-7211-65c4-{site:012x}","site_name":"Site {site}",{details}"#
    );
    let _ = write!(
        body,
        r#""device_type":"{device}","mac":"5c5b{number:08x}","ap":"5c5b{number:08x}","#
    );
    let _ = write!(
        body,
        r#""device_name":"{NAME}{number:09}","ap_name":"{NAME}{number:09}","ev_type":"NOTICE"}}"#
    );
}
