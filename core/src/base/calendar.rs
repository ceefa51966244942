//! Times that come again by the calendar of a time zone: periods such as each Saturday or some
//! dates, and a time of day.
//!
//! Where clocks are set back, a time of day comes twice: a period begins when the clock first shows
//! its beginning, and ends when it last shows its end. Where clocks are set forward, the times that
//! are left out are the moment of the change: a period that lies in them is not on that day.

use alloc::{string::String, vec::Vec};
use core::{iter::successors, ops::RangeInclusive, time::Duration};

use jiff::{Timestamp, civil::Date, civil::Time, tz::AmbiguousOffset, tz::TimeZone};

use super::time::UnixTime;

/// The days of the week, as the configuration names them.
pub const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/// A period that is on for more days at a stretch is looked at again after so many.
const DAYS_MAX: usize = 400;

/// On which days a period begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Days {
    /// The same days of each week, from Monday.
    Week([bool; 7]),
    /// In any order.
    Dates(Vec<RangeInclusive<Date>>),
}

impl Days {
    /// The first of them from `date` on.
    fn next(&self, date: Date) -> Option<Date> {
        match self {
            Self::Week(days) => {
                let dates = successors(Some(date), |date| date.tomorrow().ok());
                let today = usize::try_from(date.weekday().to_monday_zero_offset()).ok()?;
                let on = days.iter().cycle().skip(today);
                dates.zip(on).take(days.len()).find(|(_, is_on)| **is_on).map(|(date, _)| date)
            }
            Self::Dates(ranges) => {
                let left = ranges.iter().filter(|range| *range.end() >= date);
                left.map(|range| date.max(*range.start())).min()
            }
        }
    }
}

/// A named period of a day or less that comes again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    pub name: String,
    /// The days on which it begins.
    pub days: Days,
    /// The minute of the day at which it begins.
    pub from: u16,
    /// The minute of the day at which it ends; on the next day, unless it is after `from`.
    pub to: u16,
    pub zone: TimeZone,
}

impl Period {
    /// How much longer it lasts; `None` outside of it. What follows without a gap is one: a
    /// weekend of whole days lasts until Monday.
    pub fn left(&self, at: UnixTime) -> Option<Duration> {
        let (begin, end) = self.current_or_next(at)?;
        let left = u64::try_from(end.as_micros() - at.as_micros()).ok()?;
        (begin <= at).then_some(Duration::from_micros(left))
    }

    /// When it next begins or ends, after `at`; `None` if it does not come again. For a timer,
    /// which then asks anew: what is on for more than 400 days has no end yet.
    pub fn next_change(&self, at: UnixTime) -> Option<UnixTime> {
        let (begin, end) = self.current_or_next(at)?;
        Some(if begin > at { begin } else { end })
    }

    /// Beginning and end of the first stretch that ends after `at`.
    fn current_or_next(&self, at: UnixTime) -> Option<(UnixTime, UnixTime)> {
        let today = local_date(&self.zone, at)?;
        let first = self.days.next(today.yesterday().ok()?);
        let days = successors(first, |day| self.days.next(day.tomorrow().ok()?)).take(DAYS_MAX);
        let mut times =
            days.filter_map(|day| self.on(day)).filter(|(begin, end)| begin < end && at < *end);
        let (begin, mut end) = times.next()?;
        for (next_begin, next_end) in times {
            if next_begin > end {
                break;
            }
            end = next_end;
        }
        Some((begin, end))
    }

    /// Its beginning and end, when it begins on `day`.
    fn on(&self, day: Date) -> Option<(UnixTime, UnixTime)> {
        let last = if self.to > self.from { day } else { day.tomorrow().ok()? };
        let (begin, _) = shown(&self.zone, day, self.from)?;
        let (_, end) = shown(&self.zone, last, self.to)?;
        Some((begin, end))
    }
}

/// A time of day, each day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Daily {
    /// The minute of the day.
    pub minute: u16,
    pub zone: TimeZone,
}

impl Daily {
    /// When it comes next, after `at`. Once a day: a time that the clock shows twice counts when it
    /// comes first. `None` beyond the year 9999.
    pub fn next(&self, at: UnixTime) -> Option<UnixTime> {
        let yesterday = local_date(&self.zone, at)?.yesterday().ok()?;
        let days = successors(Some(yesterday), |day| day.tomorrow().ok()).take(4);
        let mut times = days.filter_map(|day| shown(&self.zone, day, self.minute));
        times.find(|(first, _)| *first > at).map(|(first, _)| first)
    }
}

fn local_date(zone: &TimeZone, at: UnixTime) -> Option<Date> {
    Some(zone.to_datetime(Timestamp::from_microsecond(at.as_micros()).ok()?).date())
}

/// When the clock first and last shows a minute of a day; if it never does, when it passes it.
fn shown(zone: &TimeZone, day: Date, minute: u16) -> Option<(UnixTime, UnixTime)> {
    let [hour, minute] = [minute / 60, minute % 60].map(|number| i8::try_from(number).ok());
    let local = day.to_datetime(Time::new(hour?, minute?, 0, 0).ok()?);
    let (first, last) = match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => (offset, offset),
        AmbiguousOffset::Fold { before, after } => (before, after),
        AmbiguousOffset::Gap { after, .. } => {
            // By the later offset, the times that are left out are before the change.
            let change = zone.following(after.to_timestamp(local).ok()?).next()?.timestamp();
            return Some((unix(change), unix(change)));
        }
    };
    Some((unix(first.to_timestamp(local).ok()?), unix(last.to_timestamp(local).ok()?)))
}

fn unix(at: Timestamp) -> UnixTime {
    UnixTime::from_micros(at.as_microsecond())
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use jiff::civil::date;

    use super::*;
    use crate::base::zone;

    const WEEKEND: [&str; 2] = ["sat", "sun"];

    fn at(text: &str) -> UnixTime {
        unix(text.parse().expect("a moment"))
    }

    fn period(days: Days, [from, to]: [&str; 2], zone: &str) -> Period {
        let [from, to] = [from, to].map(|text| {
            let time: Time = text.parse().expect("a time of day");
            u16::try_from(i32::from(time.hour()) * 60 + i32::from(time.minute())).expect("a minute")
        });
        let zone = zone::named(zone).expect("a zone");
        Period { name: String::new(), days, from, to, zone }
    }

    fn weekly(days: &[&str]) -> Days {
        Days::Week(WEEKDAYS.map(|day| days.contains(&day)))
    }

    /// Each beginning and end from `start` on, until the second is not there or `count` are.
    fn changes(period: &Period, start: &str, count: usize) -> Vec<String> {
        let times = successors(period.next_change(at(start)), |at| period.next_change(*at));
        times.take(count).map(|at| at.to_string().replace(":00 UTC", "")).collect()
    }

    #[test]
    fn it_lasts_from_its_first_minute_to_before_its_last() {
        // 2026-11-22 is a Sunday.
        let sunday = 1_795_305_600;
        let both = ["22:00", "06:00"];
        let day = ["08:00", "18:00"];
        let whole = ["00:00", "00:00"];
        for (days, times, day, (hour, minute), left) in [
            (&["sun"][..], day, 0, (7, 59), None),
            (&["sun"], day, 0, (8, 0), Some(36_000)),
            (&["sun"], day, 0, (17, 59), Some(60)),
            (&["sun"], day, 0, (18, 0), None),
            (&["sun"], day, 1, (8, 0), None),
            (&["sun"], both, 0, (23, 0), Some(25_200)),
            (&["sun"], both, 1, (5, 0), Some(3_600)),
            (&["sun"], both, 0, (5, 0), None),
            (&["mon"], both, 1, (5, 0), None),
            (&WEEKEND, whole, 0, (12, 0), Some(43_200)),
            (&WEEKEND, whole, 1, (0, 0), None),
            // A weekend is one.
            (&WEEKEND, whole, 6, (12, 0), Some(43_200 + 86_400)),
            (&WEEKDAYS, day, 3, (17, 0), Some(3_600)),
            (&WEEKDAYS, whole, 3, (0, 0), Some(400 * 86_400 - 86_400)),
            (&[], whole, 0, (12, 0), None),
        ] {
            let at = UnixTime::from_secs(sunday + day * 86_400 + hour * 3_600 + minute * 60);
            let left: Option<u64> = left;
            let period = period(weekly(days), times, "UTC");
            assert_eq!(period.left(at), left.map(Duration::from_secs), "{period:?} {day} {hour}");
        }
    }

    #[test]
    fn it_begins_and_ends_by_days_and_by_dates() {
        let nights = period(weekly(&["fri", "sat"]), ["22:00", "06:00"], "UTC");
        assert_eq!(
            changes(&nights, "2026-11-28T12:00:00Z", 4),
            ["2026-11-28 22:00", "2026-11-29 06:00", "2026-12-04 22:00", "2026-12-05 06:00"]
        );
        let dates = Days::Dates(Vec::from([
            date(2027, 6, 1)..=date(2027, 6, 1),
            date(2026, 12, 24)..=date(2026, 12, 24),
            date(2026, 12, 20)..=date(2027, 1, 2),
        ]));
        let whole = period(dates.clone(), ["00:00", "00:00"], "Europe/Berlin");
        let all = ["2026-12-19 23:00", "2027-01-02 23:00", "2027-05-31 22:00", "2027-06-01 22:00"];
        assert_eq!(changes(&whole, "2026-11-29T00:00:00Z", 9), all);
        let left = whole.left(at("2026-12-31T23:00:00Z")).expect("New Year");
        assert_eq!(left, Duration::from_secs(2 * 86_400));
        let mornings = period(dates, ["06:00", "07:00"], "UTC");
        assert_eq!(changes(&mornings, "2026-12-01T00:00:00Z", 99).len(), 2 * 15);
        assert_eq!(
            period(weekly(&[]), ["00:00", "00:00"], "UTC").next_change(at("2026-11-29T00:00:00Z")),
            None
        );
        for extreme in [i64::MIN, i64::MAX, 253_402_207_200_999_999] {
            assert_eq!(mornings.next_change(UnixTime::from_micros(extreme)), None);
        }
    }

    #[test]
    fn where_the_clock_is_set_back_it_lasts_longer() {
        for (zone, start, times, expected) in [
            // At 03:00 CEST it is 02:00 again.
            ("Europe/Berlin", "2027-10-30T12:00:00Z", ["02:15", "02:45"], ["00:15", "01:45"]),
            (
                "Europe/Berlin",
                "2027-10-30T12:00:00Z",
                ["01:30", "02:30"],
                ["2027-10-30 23:30", "01:30"],
            ),
            ("Europe/Berlin", "2027-10-30T12:00:00Z", ["02:30", "04:00"], ["00:30", "03:00"]),
            ("Europe/Berlin", "2027-10-30T12:00:00Z", ["03:00", "04:00"], ["02:00", "03:00"]),
            // At 02:00 EDT it is 01:00 again.
            ("America/New_York", "2027-11-06T20:00:00Z", ["01:15", "01:45"], ["05:15", "06:45"]),
            // By half an hour, at 02:00.
            ("Australia/Lord_Howe", "2027-04-03T13:00:00Z", ["01:30", "01:45"], ["14:30", "15:15"]),
        ] {
            let period = period(weekly(&["sun"]), times, zone);
            let found = changes(&period, start, 2);
            let is_right =
                found.iter().zip(expected).all(|(found, expected)| found.ends_with(expected));
            assert!(is_right, "{zone} {times:?}: {found:?}");
        }
        let day = period(weekly(&["sun"]), ["00:00", "00:00"], "Europe/Berlin");
        assert_eq!(
            changes(&day, "2027-10-30T12:00:00Z", 2),
            ["2027-10-30 22:00", "2027-10-31 23:00"],
            "25 hours"
        );
    }

    #[test]
    fn where_the_clock_is_set_forward_nothing_is_in_between() {
        for (zone, start, times, expected) in [
            // At 02:00 CET it is 03:00.
            ("Europe/Berlin", "2027-03-27T12:00:00Z", ["02:30", "04:00"], ["01:00", "02:00"]),
            ("Europe/Berlin", "2027-03-27T12:00:00Z", ["01:30", "02:30"], ["00:30", "01:00"]),
            (
                "Europe/Berlin",
                "2027-03-27T12:00:00Z",
                ["02:00", "03:00"],
                ["2027-04-04 00:00", "01:00"],
            ),
            ("America/New_York", "2027-03-13T20:00:00Z", ["02:30", "03:30"], ["07:00", "07:30"]),
            // By half an hour, at 02:00.
            ("Australia/Lord_Howe", "2027-10-02T12:00:00Z", ["02:15", "03:00"], ["15:30", "16:00"]),
            // At midnight: the day begins at 01:00.
            ("Africa/Cairo", "2027-04-29T12:00:00Z", ["00:00", "06:00"], ["22:00", "03:00"]),
        ] {
            let day = if zone == "Africa/Cairo" { "fri" } else { "sun" };
            let period = period(weekly(&[day]), times, zone);
            let found = changes(&period, start, 2);
            let is_right =
                found.iter().zip(expected).all(|(found, expected)| found.ends_with(expected));
            assert!(is_right, "{zone} {times:?}: {found:?}");
        }
        let night = period(weekly(&["sat"]), ["22:00", "06:00"], "Asia/Kolkata");
        assert_eq!(
            changes(&night, "2027-03-27T12:00:00Z", 2),
            ["2027-03-27 16:30", "2027-03-28 00:30"]
        );
    }

    /// The law behind the tables: it is on whenever the clock shows a time inside, and it changes
    /// exactly when `next_change` says.
    #[test]
    fn minute_by_minute_it_is_on_while_the_clock_shows_it() {
        let times =
            [["02:15", "02:45"], ["01:30", "02:15"], ["23:30", "02:30"], ["00:00", "00:00"]];
        for (zone, days) in [
            ("Europe/Berlin", ["2027-03-27", "2027-10-30"]),
            ("America/New_York", ["2027-03-13", "2027-11-06"]),
            ("Australia/Lord_Howe", ["2027-04-03", "2027-10-02"]),
            ("Africa/Cairo", ["2027-04-29", "2027-10-28"]),
        ] {
            for (times, day) in times.into_iter().flat_map(|times| days.map(|day| (times, day))) {
                let period = period(weekly(&["thu", "sat", "sun"]), times, zone);
                let start = at(&alloc::format!("{day}T00:00:00Z")).as_secs();
                let mut next = period.next_change(UnixTime::from_secs(start - 60));
                let mut was_on = period.left(UnixTime::from_secs(start - 60)).is_some();
                for minute in 0..60 * 60 {
                    let now = UnixTime::from_secs(start + minute * 60);
                    let is_on = period.left(now).is_some();
                    assert!(is_on || !shows(&period, now), "{zone} {times:?} {now}");
                    assert_eq!(is_on != was_on, next == Some(now), "{zone} {times:?} {now}");
                    was_on = is_on;
                    if next == Some(now) {
                        next = period.next_change(now);
                    }
                }
            }
        }
    }

    /// Whether the clock shows a time of it.
    fn shows(period: &Period, now: UnixTime) -> bool {
        let shown =
            period.zone.to_datetime(Timestamp::from_second(now.as_secs()).expect("a moment"));
        let minute = u16::try_from(i32::from(shown.hour()) * 60 + i32::from(shown.minute()));
        let minute = minute.expect("a minute");
        let begins = |day: Date| period.days.next(day) == Some(day);
        let today = begins(shown.date());
        let yesterday = begins(shown.date().yesterday().expect("a date"));
        match period.to > period.from {
            true => today && (period.from..period.to).contains(&minute),
            false => today && minute >= period.from || yesterday && minute < period.to,
        }
    }

    #[test]
    fn a_time_of_day_comes_once_a_day() {
        for (zone, minute, start, expected) in [
            ("UTC", 480, "2026-11-29T07:59:59Z", "2026-11-29 08:00"),
            ("UTC", 480, "2026-11-29T08:00:00Z", "2026-11-30 08:00"),
            ("Asia/Kolkata", 480, "2026-11-29T08:00:00Z", "2026-11-30 02:30"),
            ("Pacific/Kiritimati", 480, "2026-11-29T20:00:00Z", "2026-11-30 18:00"),
            // Left out, and twice.
            ("Europe/Berlin", 150, "2027-03-27T12:00:00Z", "2027-03-28 01:00"),
            ("Europe/Berlin", 150, "2027-03-28T01:00:00Z", "2027-03-29 00:30"),
            ("Europe/Berlin", 150, "2027-10-30T12:00:00Z", "2027-10-31 00:30"),
            ("Europe/Berlin", 150, "2027-10-31T00:30:00Z", "2027-11-01 01:30"),
        ] {
            let daily = Daily { minute, zone: zone::named(zone).expect("a zone") };
            let next = daily.next(at(start)).map(|at| at.to_string().replace(":00 UTC", ""));
            assert_eq!(next.as_deref(), Some(expected), "{zone} {start}");
        }
    }
}
