//! What comes again by the calendar: periods by days or dates, times of day, and their zone.

use alloc::{borrow::ToOwned, vec::Vec};
use core::ops::RangeInclusive;

use jiff::{civil::Date, tz::TimeZone};

use super::{problem::Fault, problem::meant, reader::Item, section::Section, units};
use crate::base::{calendar::Daily, calendar::Days, calendar::Period, calendar::WEEKDAYS, zone};

/// The most dates, or ranges of dates, of one period.
const DATES_MAX: usize = 100;

/// A section with `name`, `days` or `dates`, `from`, `to` and `timezone`. The default name says
/// what it is.
pub(super) fn period(section: &Section<'_>, default_name: &str) -> Option<Period> {
    let name = match section.item("name") {
        Some(item) => item.judged("a name for people", units::name),
        None => Some(default_name.to_owned()),
    };
    let days = match section.one_of(&["days", "dates"]) {
        Some(("dates", item)) => dates(&item).map(Days::Dates),
        Some((_, item)) => Some(Days::Week(weekdays(&item))),
        None => Some(Days::Week([true; 7])),
    };
    let [from, to] = ["from", "to"].map(|key| section.required(key, TIME)?.judged(TIME, minute));
    let zone = timezone(section);
    Some(Period { name: name?, days: days?, from: from?, to: to?, zone: zone? })
}

/// Whether a key is there, with another value than `off`.
pub(super) fn is_on(section: &Section<'_>, key: &'static str) -> bool {
    section.item(key).is_some_and(|item| item.value.as_str() != Some("off"))
}

/// A time of each day, in UTC. `None` if the key is absent, `off` or unusable.
pub(super) fn daily(section: &Section<'_>, key: &'static str) -> Option<Daily> {
    let minute = is_on(section, key).then(|| section.judged(key, TIME, minute)).flatten()?;
    Some(Daily { minute, zone: TimeZone::UTC })
}

/// The zone that `timezone` names; UTC if it is absent, `None` if it is unusable.
pub(super) fn timezone(section: &Section<'_>) -> Option<TimeZone> {
    const ZONE: &str = "a time zone's IANA name, such as \"Europe/Berlin\"";
    let Some(item) = section.item("timezone") else { return Some(TimeZone::UTC) };
    item.judged(ZONE, |text| {
        zone::named(text).ok_or_else(|| {
            let expected = nearest(text).map(|name| alloc::format!("did you mean \"{name}\"?"));
            let expected = expected.unwrap_or_else(|| ZONE.to_owned());
            Fault::of(text, "is no time zone", expected)
        })
    })
}

/// The name of the zone that is probably meant: by its city alone, or by a slip of the finger.
fn nearest(text: &str) -> Option<&'static str> {
    // `Etc/GMT+1` is west of Greenwich, and whoever writes GMT+1 means the other side.
    let is_offset = |name: &&str| name.starts_with("Etc/") || name.starts_with("GMT");
    let names: Vec<_> = zone::names().filter(|name| !is_offset(name)).collect();
    let city = text.replace(' ', "_");
    let is_of =
        |name: &&&str| name.rsplit('/').next().is_some_and(|last| last.eq_ignore_ascii_case(&city));
    names.iter().find(is_of).copied().or_else(|| meant(text, &names))
}

/// What [`minute`] reads.
pub(super) const TIME: &str = "a time of day, such as \"18:00\"";

/// A time of day as the minute of the day.
pub(super) fn minute(text: &str) -> Result<u16, Fault> {
    let two = |text: &str, max: u16| {
        let digits = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        text.parse().ok().filter(|number: &u16| digits && *number <= max)
    };
    let time = text.split_once(':');
    let minute = time.and_then(|(h, m)| Some(two(h, 23)? * 60 + two(m, 59)?));
    minute.ok_or_else(|| Fault::of(text, "is not a time of day", TIME))
}

fn weekdays(list: &Item<'_>) -> [bool; 7] {
    const DAY_NAME: &str = "one of \"mon\", \"tue\", \"wed\", \"thu\", \"fri\", \"sat\", \"sun\"";
    let mut days = [false; 7];
    for item in list.elements("a list of days, such as [\"sat\", \"sun\"]") {
        let day = item.judged(DAY_NAME, |text| {
            let day = WEEKDAYS.iter().position(|day| *day == text);
            day.ok_or_else(|| Fault::of(text, "is not a day", DAY_NAME))
        });
        if let Some(day) = day.and_then(|day| days.get_mut(day)) {
            *day = true;
        }
    }
    days
}

fn dates(list: &Item<'_>) -> Option<Vec<RangeInclusive<Date>>> {
    const DATES: &str = "a date, or the first and the last, such as \"2026-12-20..2027-01-02\"";
    let items = list.elements("a list of dates, such as [\"2026-12-24\"]");
    if items.len() > DATES_MAX {
        list.problem(
            alloc::format!("{} dates", items.len()),
            alloc::format!("at most {DATES_MAX}"),
        );
        return None;
    }
    let read = |item: &Item<'_>| {
        item.judged(DATES, |text| {
            let (first, last) = text.split_once("..").unwrap_or((text, text));
            let range = date(first).zip(date(last)).map(|(first, last)| first..=last);
            let range = range.ok_or_else(|| Fault::of(text, "is not a date", DATES))?;
            if range.is_empty() {
                return Err(Fault::of(text, "ends before it begins", DATES));
            }
            Ok(range)
        })
    };
    Some(items.iter().filter_map(read).collect())
}

/// `2026-12-24`, and none of the other forms that jiff reads.
fn date(text: &str) -> Option<Date> {
    let is_plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    text.parse().ok().filter(|_| is_plain)
}
