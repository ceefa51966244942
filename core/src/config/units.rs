//! Texts with a meaning of their own: durations and sizes with their units, paces, networks.

use alloc::{string::String, vec::Vec};
use core::{net::IpAddr, time::Duration};

use super::problem::Fault;
use crate::base::{network::Network, network::masked, window::Window};

/// A duration in the notation of the configuration: `500ms`, `30s`, `2m`.
pub fn duration(text: &str) -> Option<Duration> {
    parse(text, &DURATION).map(Duration::from_millis)
}

/// A family of units.
pub(super) struct Units {
    pub(super) noun: &'static str,
    pub(super) example: &'static str,
    /// Names and factors, the smallest first.
    factors: &'static [(&'static str, u64)],
}

/// Durations, in milliseconds.
pub(super) const DURATION: Units = Units {
    noun: "duration",
    example: "30s",
    factors: &[("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)],
};

/// Sizes, in bytes.
pub(super) const SIZE: Units = Units {
    noun: "size",
    example: "1MiB",
    factors: &[
        ("B", 1),
        ("KB", 1_000),
        ("KiB", 1 << 10),
        ("MB", 1_000_000),
        ("MiB", 1 << 20),
        ("GB", 1_000_000_000),
        ("GiB", 1 << 30),
    ],
};

/// Numbers without a unit.
const NONE: Units = Units { noun: "number", example: "1", factors: &[("", 1)] };

/// The most that one window of a pace may count; the moment of each is kept in memory.
const PACE_COUNT_MAX: u64 = 100_000;
/// The most windows of one pace.
const PACE_WINDOWS_MAX: usize = 8;
/// The longest window of a pace, in milliseconds.
const PACE_PER_MAX: u64 = 31 * 86_400_000;

/// A whole number directly followed by its unit; the result counts the smallest unit.
pub(super) fn parse(text: &str, units: &Units) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let (_, factor) = units.factors.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// A quantity in the largest unit that leaves no fraction; nothing in the smallest.
pub(super) fn written(quantity: u64, units: &Units) -> String {
    let fits = |factor: u64| quantity >= factor && quantity.is_multiple_of(factor);
    let fitting = units.factors.iter().rev().find(|(_, factor)| fits(*factor));
    let fitting = fitting.or(units.factors.first());
    let (name, factor) = fitting.copied().unwrap_or(("", 1));
    alloc::format!("{}{name}", quantity / factor)
}

/// The names of the units, for a message.
pub(super) fn names(units: &Units) -> String {
    let names: Vec<_> = units.factors.iter().map(|(name, _)| *name).collect();
    names.join(", ")
}

/// `1/s`, `60/30s`, several with commas between them, or `off` for no limit.
pub(super) fn pace(text: &str) -> Result<Vec<Window>, Fault> {
    if text == "off" {
        return Ok(Vec::new());
    }
    let windows: Option<Vec<_>> = text.split(',').map(|part| window(part.trim())).collect();
    let expected = "messages per time, such as \"1/s\" or \"4/s, 60/30s\", or \"off\" for no limit";
    windows
        .filter(|windows| windows.len() <= PACE_WINDOWS_MAX)
        .ok_or_else(|| Fault::of(text, "is not a pace", expected))
}

fn window(text: &str) -> Option<Window> {
    let (count, per) = text.split_once('/')?;
    let count = parse(count, &NONE).filter(|count| (1..=PACE_COUNT_MAX).contains(count))?;
    let per = parse(per, &DURATION)
        .or_else(|| parse(&alloc::format!("1{per}"), &DURATION))
        .filter(|per| (1..=PACE_PER_MAX).contains(per))?;
    Some(Window { count: u32::try_from(count).ok()?, per: Duration::from_millis(per) })
}

/// A name for people.
pub(super) fn name(text: &str) -> Result<String, Fault> {
    if text.trim().is_empty() || text.len() > 255 || text.chars().any(char::is_control) {
        Err(Fault::of(text, "is not a name", "up to 255 visible characters"))
    } else {
        Ok(String::from(text))
    }
}

/// The path of a request: visible ASCII without query and fragment.
pub(super) fn path<'t>(text: &'t str, expected: &str) -> Result<&'t str, Fault> {
    let fits = |b: u8| b.is_ascii_graphic() && !matches!(b, b'?' | b'#' | b'"');
    match text.starts_with('/') && text.bytes().all(fits) {
        true => Ok(text),
        false => Err(Fault::of(text, "is not a path", expected)),
    }
}

/// An address, which is a network of one, or a network such as `10.0.0.0/8`.
pub(super) fn network(text: &str) -> Result<Network, Fault> {
    let expected =
        "an address or a network, such as \"192.0.2.7\", \"10.0.0.0/8\" or \"2001:db8::/32\"";
    let fault = || Fault::of(text, "is not a network", expected);
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().map_err(|_| fault())?;
    if address.to_canonical() != address {
        // Addresses of peers are compared in IPv4 notation, so this would match nobody.
        let expected = "IPv4 notation, such as \"192.0.2.7\" or \"10.0.0.0/8\"";
        return Err(Fault::of(text, "is an IPv4 address in IPv6 notation", expected));
    }
    let bits: u8 = if address.is_ipv4() { 32 } else { 128 };
    let prefix = match prefix {
        None => bits,
        Some(prefix) => parse(prefix, &NONE)
            .and_then(|prefix| u8::try_from(prefix).ok())
            .filter(|prefix| *prefix <= bits)
            .ok_or_else(fault)?,
    };
    let start = masked(address, prefix);
    if start == address {
        Ok(Network { address, prefix })
    } else {
        Err(Fault::new(
            alloc::format!("{text} has bits set beyond the first {prefix}"),
            alloc::format!("{start}/{prefix} for the network, {address} for the address alone"),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantity_is_a_whole_number_and_its_unit() {
        for (text, millis) in [
            ("500ms", Some(500)),
            ("30s", Some(30_000)),
            ("10m", Some(600_000)),
            ("1h", Some(3_600_000)),
            ("1d", Some(86_400_000)),
            ("0s", Some(0)),
            ("", None),
            ("30", None),
            ("s", None),
            ("30 s", None),
            ("-1s", None),
            ("+1s", None),
            ("1.5s", None),
            ("1S", None),
            ("1min", None),
            ("99999999999999999999s", None),
            ("18446744073709551615d", None),
        ] {
            assert_eq!(parse(text, &DURATION), millis, "{text}");
        }
        for (text, bytes) in [
            ("512B", Some(512)),
            ("64KiB", Some(65_536)),
            ("1MB", Some(1_000_000)),
            ("1MiB", Some(1_048_576)),
            ("2GiB", Some(2_147_483_648)),
            ("1mb", None),
            ("1M", None),
        ] {
            assert_eq!(parse(text, &SIZE), bytes, "{text}");
        }
    }

    #[test]
    fn a_quantity_is_written_as_a_person_would() {
        assert_eq!(written(90_000, &DURATION), "90s");
        assert_eq!(written(604_800_000, &DURATION), "7d");
        assert_eq!(written(8_192, &SIZE), "8KiB");
        assert_eq!(written(1_000_000, &SIZE), "1MB");
        assert_eq!(written(1_025, &SIZE), "1025B");
    }

    #[test]
    fn a_pace_is_one_window_or_several_or_none() {
        let windows = [Window::per_secs(4, 1), Window::per_secs(60, 30)];
        assert_eq!(pace("1/s"), Ok(Vec::from([Window::per_secs(1, 1)])));
        assert_eq!(pace("100/h"), Ok(Vec::from([Window::per_secs(100, 3_600)])));
        assert_eq!(pace("4/s, 60/30s"), Ok(windows.to_vec()));
        assert_eq!(pace("off"), Ok(Vec::new()));
        for text in ["", "1", "0/s", "1/0s", "1/", "/s", "1/s,", "-1/s", "1/y", "100001/s", "1/32d"]
        {
            assert!(pace(text).is_err(), "{text}");
        }
        assert!(pace(&["1/s"; 9].join(",")).is_err());
    }

    #[test]
    fn a_network_starts_at_its_own_address() {
        for (text, prefix) in [
            ("0.0.0.0/0", 0),
            ("::/0", 0),
            ("10.0.0.0/8", 8),
            ("192.0.2.7", 32),
            ("34.94.226.48/28", 28),
            ("2001:db8::/32", 32),
            ("2001:db8::1", 128),
        ] {
            assert_eq!(network(text).map(|network| network.prefix), Ok(prefix));
        }
        for text in [
            "",
            "10.0.0.0/33",
            "10.0.0/8",
            "10.0.0.0/",
            "::/129",
            "any",
            "1.2.3.4/+8",
            "::ffff:1.2.3.4",
        ] {
            assert!(network(text).is_err(), "{text}");
        }
        assert_eq!(
            network("10.1.2.3/8").map_err(|fault| fault.expected),
            Err("10.0.0.0/8 for the network, 10.1.2.3 for the address alone".into())
        );
    }
}
