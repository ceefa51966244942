//! Times of the week in which nothing is changed: `[[ports.freeze]]`.

use alloc::string::String;
use core::time::Duration;

use crate::base::time::UnixTime;

const MINUTES_PER_DAY: i64 = 24 * 60;
const MINUTES_PER_WEEK: i64 = 7 * MINUTES_PER_DAY;
/// 1970-01-01 was a Thursday, the fourth day of its week.
const EPOCH_MINUTE: i64 = 3 * MINUTES_PER_DAY;

/// The days of the week, as the configuration names them.
pub const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// A time of day that comes again on certain days of each week, in UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freeze {
    pub name: String,
    /// The days on which it begins, from Monday.
    pub days: [bool; 7],
    /// The minute of the day at which it begins.
    pub from: u16,
    /// The minute of the day at which it ends; on the next day, unless it is after `from`.
    pub to: u16,
}

impl Freeze {
    /// How much longer it lasts; `None` outside of it.
    pub fn left(&self, at: UnixTime) -> Option<Duration> {
        let (from, to) = (i64::from(self.from), i64::from(self.to));
        let lasts = if to > from { to - from } else { to - from + MINUTES_PER_DAY };
        let lasts = lasts * 60_000_000;
        let week = MINUTES_PER_WEEK * 60_000_000;
        let moment = at.as_micros().rem_euclid(week) + EPOCH_MINUTE * 60_000_000;
        let begun = |(day, _): (i64, &bool)| {
            let since = (moment - (day * MINUTES_PER_DAY + from) * 60_000_000).rem_euclid(week);
            u64::try_from(lasts - since).ok().filter(|left| *left > 0)
        };
        let days = (0..).zip(&self.days).filter(|(_, is_on)| **is_on);
        days.filter_map(begun).max().map(Duration::from_micros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_lasts_from_its_first_minute_to_before_its_last() {
        // 2026-11-22 is a Sunday.
        let sunday = 1_795_305_600;
        let freeze = |days: &[&str], from: u16, to: u16| Freeze {
            name: String::new(),
            days: DAYS.map(|day| days.contains(&day)),
            from,
            to,
        };
        let hours = |hours: u16| hours * 60;
        for (freeze, day, time, left) in [
            (freeze(&["sun"], hours(8), hours(18)), 0, (7, 59), None),
            (freeze(&["sun"], hours(8), hours(18)), 0, (8, 0), Some(36_000)),
            (freeze(&["sun"], hours(8), hours(18)), 0, (17, 59), Some(60)),
            (freeze(&["sun"], hours(8), hours(18)), 0, (18, 0), None),
            (freeze(&["sun"], hours(8), hours(18)), 1, (8, 0), None),
            (freeze(&["sun"], hours(22), hours(6)), 0, (23, 0), Some(25_200)),
            (freeze(&["sun"], hours(22), hours(6)), 1, (5, 0), Some(3_600)),
            (freeze(&["sun"], hours(22), hours(6)), 0, (5, 0), None),
            (freeze(&["mon"], hours(22), hours(6)), 1, (5, 0), None),
            (freeze(&["sat", "sun"], 0, 0), 0, (12, 0), Some(43_200)),
            (freeze(&["sat", "sun"], 0, 0), 1, (0, 0), None),
            (freeze(&DAYS, hours(8), hours(18)), 3, (17, 0), Some(3_600)),
            (freeze(&[], 0, 0), 0, (12, 0), None),
        ] {
            let (hour, minute) = time;
            let at = UnixTime::from_secs(sunday + day * 86_400 + hour * 3_600 + minute * 60);
            let left: Option<u64> = left;
            assert_eq!(freeze.left(at), left.map(Duration::from_secs), "{freeze:?} {day} {time:?}");
        }
    }
}
