//! Time as a value: a monotonic [`Instant`] that schedules, and a [`UnixTime`] that is only data.
//!
//! `core::time` has a `Duration` but no instant, and the standard library's cannot be made without
//! a clock. Ours is a number of microseconds since a moment that only the driver knows, so tests
//! write instants as literals.

use alloc::string::{String, ToString};
use core::{fmt, ops::Add, ops::Sub, time::Duration};

use serde::{Deserialize, Serialize};

/// A moment on the driver's monotonic clock, in microseconds since an arbitrary start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The moment `micros` microseconds after the clock's start.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// The moment `millis` milliseconds after the clock's start.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// The moment `secs` seconds after the clock's start.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000_000))
    }

    /// Microseconds since the clock's start.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this is; zero if it is not after it.
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// The moment `before` earlier than this one, or the clock's start.
    pub fn saturating_sub(self, before: Duration) -> Self {
        Self(self.0.saturating_sub(micros(before)))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, after: Duration) -> Self {
        Self(self.0.saturating_add(micros(after)))
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.saturating_since(earlier)
    }
}

/// Wall-clock time in microseconds since 1970-01-01 UTC. Data from outside: it never schedules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UnixTime(i64);

impl UnixTime {
    /// From microseconds since the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From whole seconds since the epoch.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1_000_000))
    }

    /// From seconds with a fraction, as Mist sends timestamps. `None` for what is not a number and
    /// for years outside 1970 to 9999, which no event of a network device can mean.
    pub fn from_secs_f64(secs: f64) -> Option<Self> {
        const YEAR_10000: f64 = 253_402_300_800.0;
        (0.0..YEAR_10000).contains(&secs).then_some(Self((secs * 1e6) as i64))
    }

    /// Reads a time as a person writes it: `2025-07-08 18:40`, which is UTC, or with an offset or
    /// `Z` (RFC 3339).
    pub fn parse(text: &str) -> Option<Self> {
        let at = text.parse().ok().or_else(|| {
            let local: jiff::civil::DateTime = text.parse().ok()?;
            jiff::tz::Offset::UTC.to_timestamp(local).ok()
        });
        at.map(|at: jiff::Timestamp| Self(at.as_microsecond()))
    }

    /// Microseconds since the epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// How long ago something happened that an earlier run stamped with the wall time.
    ///
    /// A stamp is `None` where the kernel did not call the clock synchronised: such a time may be
    /// of 1970 or of next week, and nothing follows from it. Only between two stamps is there an
    /// age; else it starts anew, with zero, and so it does for a stamp of the future.
    pub fn age(stamp: Option<Self>, now: Option<Self>) -> Duration {
        let micros = stamp.zip(now).map(|(stamp, now)| now.0.saturating_sub(stamp.0));
        Duration::from_micros(micros.and_then(|micros| u64::try_from(micros).ok()).unwrap_or(0))
    }

    /// This long after it.
    pub fn plus(self, after: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(after.as_micros()).unwrap_or(i64::MAX)))
    }

    /// `14:18` for a time of the day of `now`, else `2025-07-08 14:18`; in UTC, for sentences.
    pub fn clock(self, now: Self) -> String {
        let format = match self.as_secs().div_euclid(86_400) == now.as_secs().div_euclid(86_400) {
            true => "%H:%M",
            false => "%Y-%m-%d %H:%M",
        };
        match jiff::Timestamp::from_second(self.as_secs()) {
            Ok(at) => at.strftime(format).to_string(),
            Err(_) => self.to_string(),
        }
    }

    /// `2025-07-08T18:40:00.807Z`, for programs (RFC 3339).
    pub fn rfc3339(self) -> String {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(at) => at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
            Err(_) => String::from("0000-00-00T00:00:00Z"),
        }
    }
}

/// `2025-07-08 18:40:00 UTC`, for people.
impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_second(self.as_secs()) {
            Ok(at) => write!(f, "{}", at.strftime("%Y-%m-%d %H:%M:%S UTC")),
            Err(_) => write!(f, "{} s since 1970", self.as_secs()),
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(Instant::from_secs(1) - Instant::from_secs(2), Duration::ZERO);
        assert_eq!(Instant::from_micros(u64::MAX) + Duration::MAX, Instant::from_micros(u64::MAX));
    }

    #[test]
    fn an_age_needs_a_synchronised_clock_at_both_ends() {
        let at = |secs| Some(UnixTime::from_secs(secs));
        for (stamp, now, secs) in [
            (at(1_000), at(1_060), 60),
            (at(1_060), at(1_000), 0),
            (None, at(1_000), 0),
            (at(1_000), None, 0),
            (None, None, 0),
            (at(i64::MIN), at(i64::MAX), 9_223_372_036_854),
        ] {
            assert_eq!(UnixTime::age(stamp, now).as_secs(), secs, "{stamp:?} {now:?}");
        }
    }

    #[test]
    fn unix_time_is_bounded_and_readable() {
        assert_eq!(UnixTime::from_secs_f64(f64::NAN), None);
        assert_eq!(UnixTime::from_secs_f64(-1.0), None);
        assert_eq!(UnixTime::from_secs_f64(1e300), None);
        let at = UnixTime::from_secs_f64(1_752_000_000.807_15).expect("a plausible time");
        assert_eq!(at.to_string(), "2025-07-08 18:40:00 UTC");
        assert_eq!(at.rfc3339(), "2025-07-08T18:40:00.807Z");
    }

    #[test]
    fn a_time_is_read_as_people_write_it() {
        let at = Some(UnixTime::from_secs(1_752_000_000));
        for (text, expected) in [
            ("2025-07-08T18:40:00Z", at),
            ("2025-07-08 20:40:00+02:00", at),
            ("2025-07-08T18:40", at),
            ("2025-07-08 18:40", at),
            ("18:40", None),
            ("1752000000", None),
            ("tomorrow", None),
        ] {
            assert_eq!(UnixTime::parse(text), expected, "{text}");
        }
    }
}
