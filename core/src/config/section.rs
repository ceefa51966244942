//! A table of the configuration with fixed keys, read key by key.
//!
//! To read a key is to declare it: at the end of the walk, every other key of the table is a
//! problem. So there is no second list of keys.

use alloc::{string::String, string::ToString, vec::Vec};
use core::{cell::RefCell, net::Ipv4Addr, net::SocketAddr, ops::RangeInclusive, time::Duration};

use toml::de::{DeTable, DeValue};

use super::problem::{Fault, suggested};
use super::{files::FileKind, reader::Item, reader::Reader, reader::child, units, units::Units};
use crate::{base::order, base::secret::Secret, http::listener::Limits, http::listener::Tls};

/// The name of a key in a table with fixed keys.
type Key = &'static str;
/// The least and the greatest value.
type Bounds<T> = RangeInclusive<T>;

/// Time-outs of clients.
const STEP_BOUNDS: Bounds<Duration> = Duration::from_millis(10)..=Duration::from_secs(3_600);

/// A table with fixed keys.
pub(super) struct Section<'a> {
    reader: &'a Reader<'a>,
    table: &'a DeTable<'a>,
    path: String,
    at: usize,
    /// The keys that were read so far.
    known: RefCell<Vec<Key>>,
}

impl<'a> Section<'a> {
    /// The table of the whole file.
    pub(super) const fn root(reader: &'a Reader<'a>, table: &'a DeTable<'a>) -> Self {
        Self::new(reader, table, String::new(), 0)
    }

    const fn new(reader: &'a Reader<'a>, table: &'a DeTable<'a>, path: String, at: usize) -> Self {
        Self { reader, table, path, at, known: RefCell::new(Vec::new()) }
    }

    /// Whether no problem has been noted so far, in any section.
    pub(super) fn is_sound(&self) -> bool {
        self.reader.is_sound()
    }

    /// Ends the walk over this table: a key that was not read is a problem.
    pub(super) fn close(self) {
        let mut known = self.known.into_inner();
        known.sort_unstable();
        known.dedup();
        for (key, _) in self.table {
            let name = key.get_ref();
            if !known.contains(&name.as_ref()) {
                let expected = match known.is_empty() {
                    true => "this section has no keys".into(),
                    false => alloc::format!("one of {}", known.join(", ")),
                };
                let expected = suggested(name, &known, expected);
                let fault = Fault::new("unknown key", expected);
                let path = child(&self.path, name);
                self.reader.problem(&path, key.span().start, fault);
            }
        }
    }

    /// The value of a key, if it is there.
    pub(super) fn item(&self, key: Key) -> Option<Item<'a>> {
        self.known.borrow_mut().push(key);
        let (name, value) = self.table.get_key_value(key)?;
        Some(Item {
            reader: self.reader,
            path: child(&self.path, key),
            at: name.span().start,
            value: value.get_ref(),
        })
    }

    /// The value of a key that must be there.
    pub(super) fn required(&self, key: Key, expected: &str) -> Option<Item<'a>> {
        let item = self.item(key);
        if item.is_none() {
            self.missing(key, expected);
        }
        item
    }

    /// The usable elements of a list; `None` if the key is not there.
    pub(super) fn list<T>(
        &self,
        key: Key,
        expected: &str,
        read: impl Fn(&Item<'a>) -> Option<T>,
    ) -> Option<Vec<T>> {
        Some(self.item(key)?.elements(expected).iter().filter_map(read).collect())
    }

    /// The meaning of a text that must be one of `choices`; `not` is such as `is not a mode`.
    pub(super) fn choice<T: Copy>(
        &self,
        key: Key,
        expected: &str,
        not: &str,
        choices: &[(&str, T)],
    ) -> Option<T> {
        self.judged(key, expected, |text| {
            let chosen = choices.iter().find(|(name, _)| *name == text);
            chosen.map(|(_, choice)| *choice).ok_or_else(|| Fault::of(text, not, expected))
        })
    }

    /// Whether none of `keys` is there.
    pub(super) fn lacks(&self, keys: &[&str]) -> bool {
        keys.iter().all(|key| !self.table.contains_key(*key))
    }

    /// Walks over the table of a key.
    pub(super) fn section<T>(&self, key: Key, read: impl FnOnce(&Self) -> T) -> Option<T> {
        self.item(key)?.section(read)
    }

    /// The values of those of `keys` that are there, in the order of the file.
    pub(super) fn items(&self, keys: &[Key]) -> Vec<(Key, Item<'a>)> {
        let mut items: Vec<_> =
            keys.iter().filter_map(|key| Some((*key, self.item(key)?))).collect();
        order::sort_by_key(&mut items, |(_, item)| item.at);
        items
    }

    /// The value of the one key among several that exclude each other.
    pub(super) fn one_of(&self, keys: &[Key]) -> Option<(Key, Item<'a>)> {
        let mut items = self.items(keys).into_iter();
        let first = items.next()?;
        for (_, item) in items {
            item.problem(alloc::format!("{} is set too", first.1.path), "only one of the two");
        }
        Some(first)
    }

    /// Declares keys that others of its like have: here one that was not read is a problem.
    pub(super) fn refuse(&self, keys: &[Key], what: &str) {
        let is_read = |key: &&Key| self.known.borrow().contains(key);
        let unread: Vec<Key> = keys.iter().filter(|key| !is_read(key)).copied().collect();
        for (_, item) in self.items(&unread) {
            item.problem(what, "a table without it");
        }
    }

    /// Notes that a required key is missing.
    pub(super) fn missing(&self, key: &str, expected: impl Into<String>) {
        self.conflict(key, "missing", expected);
    }

    /// Notes a problem of the section as a whole.
    pub(super) fn problem(&self, what: impl Into<String>, expected: impl Into<String>) {
        self.reader.problem(&self.path, self.at, Fault::new(what, expected));
    }

    /// Notes a warning about a key that is absent or valid.
    pub(super) fn warning(&self, key: &str, what: impl Into<String>, expected: impl Into<String>) {
        let (path, at) = self.place(key);
        self.reader.warning(&path, at, Fault::new(what, expected));
    }

    /// Notes that a key does not fit to others.
    pub(super) fn conflict(&self, key: &str, what: impl Into<String>, expected: impl Into<String>) {
        let (path, at) = self.place(key);
        self.reader.problem(&path, at, Fault::new(what, expected));
    }

    /// The place of a key, or of its section if it is absent.
    fn place(&self, key: &str) -> (String, usize) {
        let found = self.table.get_key_value(key);
        let at = found.map_or(self.at, |(name, _)| name.span().start);
        (child(&self.path, key), at)
    }

    pub(super) fn flag(&self, key: Key) -> bool {
        self.flag_or(key, false)
    }

    /// [`flag`](Self::flag) of a key with a default of its own.
    pub(super) fn flag_or(&self, key: Key, default: bool) -> bool {
        let Some(item) = self.item(key) else { return default };
        item.value.as_bool().unwrap_or_else(|| {
            item.mistyped("true or false");
            default
        })
    }

    /// [`Item::judged`] of a key.
    pub(super) fn judged<T>(
        &self,
        key: Key,
        expected: &str,
        judge: impl FnOnce(&'a str) -> Result<T, Fault>,
    ) -> Option<T> {
        self.item(key)?.judged(expected, judge)
    }

    pub(super) fn listen(&self, key: Key, default: SocketAddr) -> SocketAddr {
        const EXPECTED: &str = "such as \"0.0.0.0:51361\" or \"[::1]:51361\"";
        let Some(item) = self.item(key) else { return default };
        let address = item.judged("a text with an address and a port", |text| {
            text.parse().map_err(|_| Fault::of(text, "is not an address with a port", EXPECTED))
        });
        // The stand-in for an unusable address raises no further problems.
        address.unwrap_or(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0))
    }

    pub(super) fn duration(
        &self,
        key: Key,
        default: Duration,
        bounds: Bounds<Duration>,
    ) -> Duration {
        let millis = |duration: &Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let bounds = millis(bounds.start())..=millis(bounds.end());
        self.quantity(key, &units::DURATION, bounds).map_or(default, Duration::from_millis)
    }

    /// A time-out for a client.
    pub(super) fn step(&self, key: Key, default: Duration) -> Duration {
        self.duration(key, default, STEP_BOUNDS)
    }

    pub(super) fn size(&self, key: Key, default: usize, bounds: Bounds<usize>) -> usize {
        let bytes = |size: usize| u64::try_from(size).unwrap_or(u64::MAX);
        let bounds = bytes(*bounds.start())..=bytes(*bounds.end());
        self.quantity(key, &units::SIZE, bounds)
            .and_then(|size| usize::try_from(size).ok())
            .unwrap_or(default)
    }

    /// A size without a default.
    pub(super) fn optional_size(&self, key: Key, bounds: Bounds<u64>) -> Option<u64> {
        self.quantity(key, &units::SIZE, bounds)
    }

    fn quantity(&self, key: Key, units: &Units, bounds: Bounds<u64>) -> Option<u64> {
        let item = self.item(key)?;
        let Units { noun, example, .. } = units;
        let names = units::names(units);
        let form = alloc::format!("a whole number with its unit ({names}), such as \"{example}\"");
        if matches!(item.value, DeValue::Integer(_) | DeValue::Float(_)) {
            item.problem("this number has no unit", form);
            return None;
        }
        item.judged(&form, |text| {
            let quantity = units::parse(text, units)
                .ok_or_else(|| Fault::of(text, &alloc::format!("is not a {noun}"), &*form))?;
            within(Some(quantity), &bounds, text, |bound| units::written(bound, units))
        })
    }

    pub(super) fn count<T>(&self, key: Key, default: T, bounds: Bounds<T>) -> T
    where
        T: Copy + PartialOrd + ToString + TryFrom<u64>,
    {
        let Some(item) = self.item(key) else { return default };
        let Some(integer) = item.value.as_integer() else {
            item.mistyped("a whole number");
            return default;
        };
        // A negative or huge number that does not fit is out of bounds too.
        let count = u64::from_str_radix(integer.as_str(), integer.radix()).ok();
        let count = count.and_then(|count| T::try_from(count).ok());
        within(count, &bounds, &integer.to_string(), |bound| bound.to_string())
            .map_err(|fault| item.fault(fault))
            .unwrap_or(default)
    }

    /// The secret in `key` or in the file that `file_key` names, one of which must be there.
    pub(super) fn required_secret(
        &self,
        key: Key,
        file_key: Key,
        expected: &str,
    ) -> Option<Secret> {
        if self.lacks(&[key, file_key]) {
            self.missing(file_key, expected);
        }
        self.secret(key, file_key).map(|(_, secret)| secret)
    }

    /// A secret in `key`, or in the file that `file_key` names, with its item.
    pub(super) fn secret(&self, key: Key, file_key: Key) -> Option<(Item<'a>, Secret)> {
        let (found, item) = self.one_of(&[key, file_key])?;
        let secret = if found == key { item.secret()? } else { item.secret_file()? };
        Some((item, secret))
    }

    /// The limits that every listener has; the others are the default ones.
    pub(super) fn limits(&self, mut limits: Limits) -> Limits {
        for (key, limit) in [
            ("connections_max", &mut limits.connections_max),
            ("connections_per_address_max", &mut limits.connections_per_address_max),
            ("handshakes_per_second_max", &mut limits.handshakes_per_second_max),
        ] {
            *limit = self.count(key, *limit, 1..=100_000);
        }
        limits.handshake_timeout = self.step("handshake_timeout", limits.handshake_timeout);
        limits
    }

    /// The files in `cert` and `key`.
    pub(super) fn tls(&self) -> Option<Tls> {
        let key = self.item("key");
        let cert_item = self.required("cert", "the PEM file with the certificate chain")?;
        let cert = cert_item.file(FileKind::Certificates);
        // Without `key`, it is in the same file.
        let key = key.unwrap_or(cert_item).file(FileKind::PrivateKey);
        Some(Tls { cert: cert?.0, key: key?.0 })
    }

    /// `token` or `token_file`. It travels in a header, so it is visible ASCII (RFC 6750 §2.1).
    pub(super) fn token(&self, key: Key, file_key: Key) -> Option<Secret> {
        let (item, token) = self.secret(key, file_key)?;
        if token.expose().bytes().all(|b| b.is_ascii_graphic()) {
            return Some(token);
        }
        item.problem(
            "the token holds characters that no HTTP header can carry",
            "letters, digits and punctuation of ASCII, without spaces",
        );
        None
    }
}

impl<'a> Item<'a> {
    /// Walks over a table with fixed keys.
    pub(super) fn section<T>(&self, read: impl FnOnce(&Section<'a>) -> T) -> Option<T> {
        let Some(table) = self.value.as_table() else {
            self.mistyped("a table");
            return None;
        };
        let section = Section::new(self.reader, table, self.path.clone(), self.at);
        let value = read(&section);
        section.close();
        Some(value)
    }
}

fn within<T: Copy + PartialOrd>(
    value: Option<T>,
    bounds: &Bounds<T>,
    shown: &str,
    written: impl Fn(T) -> String,
) -> Result<T, Fault> {
    value.filter(|value| bounds.contains(value)).ok_or_else(|| {
        let (min, max) = (written(*bounds.start()), written(*bounds.end()));
        let what = alloc::format!("{shown} is out of bounds");
        Fault::new(what, alloc::format!("from {min} to {max}"))
    })
}
