//! The laws of the HTTP readers that read anybody's bytes, and of the rules for proxies.

use http_types::Url;
use mistgate_core::base::secret::Secret;
use mistgate_core::http::framing::Framing;
use mistgate_core::http::proxy::Proxies;

use crate::base::bytes::Bytes;

/// Limits on a head, followed by a stream of requests. However the stream is cut into pieces, it
/// has the same messages and the same end. No head is accepted that two readers could frame
/// differently.
pub fn head(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let limits = (1 + bytes.count(300), bytes.count(10));
    let cut = 1 + bytes.count(40);
    let stream = bytes.rest();
    let whole = follow(limits, [stream].into_iter());
    assert_eq!(follow(limits, stream.chunks(1)), whole, "byte by byte");
    assert_eq!(follow(limits, stream.chunks(cut)), whole, "in pieces of {cut}");
    for head in &whole.heads {
        let text = String::from_utf8_lossy(head).to_ascii_lowercase();
        assert!(head.len() <= limits.0 && text.ends_with("\r\n\r\n"), "{text:?}");
        // An empty line may come before the request line (RFC 9112 §2.2), whose method is any text.
        let fields_only = text.trim_start_matches("\r\n");
        let count = |name: &str| fields_only.matches(&format!("\n{name}:")).count();
        assert!(count("content-length") + count("transfer-encoding") <= 1, "{text:?}");
        assert!(count("host") <= 1, "{text:?}");
        let fields = text.trim().lines().count() - 1;
        assert!(fields <= limits.1, "{fields} fields");
    }
}

/// The messages of a stream, and its end.
#[derive(Debug, PartialEq, Eq)]
struct Followed {
    heads: Vec<Vec<u8>>,
    /// The offset after each message.
    ends: Vec<usize>,
    /// The status of the error that ends the stream.
    status: Option<u16>,
}

fn follow<'a>(limits: (usize, usize), pieces: impl Iterator<Item = &'a [u8]>) -> Followed {
    let mut framing = Framing::new(limits.0, limits.1);
    let mut followed = Followed { heads: Vec::new(), ends: Vec::new(), status: None };
    let (mut head, mut at) = (Vec::new(), 0);
    for mut piece in pieces {
        while !piece.is_empty() {
            let was_in_head = framing.is_in_head();
            let taken = match framing.advance(piece) {
                Ok(taken) => taken,
                Err(error) => {
                    assert!(matches!(error.status, 400 | 413 | 431), "{error:?}");
                    followed.status = Some(error.status);
                    return followed;
                }
            };
            let (passed, rest) = piece.split_at(taken);
            assert!(taken > 0, "it stands still");
            (piece, at) = (rest, at + taken);
            if was_in_head {
                head.extend_from_slice(passed);
                if !framing.is_in_head() {
                    followed.heads.push(std::mem::take(&mut head));
                }
            }
            if framing.is_complete() {
                followed.ends.push(at);
                framing.next();
            }
        }
    }
    followed
}

/// The lines of a text as the configured proxy, four variables and a URL. No error and no output
/// contains what may be a password. An exception that names the host applies.
pub fn proxies(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.lines().map(str::to_owned);
    let mut line = || lines.next().unwrap_or_default();
    let configured = line();
    let configured = (!configured.is_empty()).then(|| Secret::new(configured));
    let (http, https, all, exceptions) = (line(), line(), line(), line());
    let variable = |name: &str| match name {
        "http_proxy" => Some(http.clone()),
        "https_proxy" => Some(https.clone()),
        "all_proxy" => Some(all.clone()),
        "no_proxy" => Some(exceptions.clone()),
        _ => None,
    };
    let proxies = match Proxies::new(configured.as_ref(), variable) {
        Ok(proxies) => proxies,
        Err(error) => {
            let error = error.to_string();
            let expected = error.ends_with("expected http://[user:password@]host[:port]");
            assert!(expected && !error.contains('\n'), "{error}");
            return;
        }
    };
    let Ok(url) = Url::parse(&line()) else {
        return;
    };
    assert!(!format!("{proxies:?}").contains("Basic "));
    if let Some(proxy) = proxies.of(&url) {
        let (host, port) = proxy.address();
        assert!(!host.is_empty() && proxies.ports().any(|known| known == port));
    }
    for name in exceptions.split([',', ' ']) {
        let plain = |c: char| c.is_ascii_lowercase() || c == '-';
        let url = Url::parse(&format!("https://{name}/"));
        if let Ok(url) = url
            && name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(plain)
        {
            assert!(proxies.of(&url).is_none(), "{name} is an exception");
        }
    }
}
