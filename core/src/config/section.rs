//! A table of the configuration whose keys are ours, read key by key.
//!
//! What asks for a key declares it: at the end of the walk the keys asked for are all that there
//! can be, so no second list of them can go stale.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::{
    cell::RefCell,
    net::{Ipv4Addr, SocketAddr},
    ops::RangeInclusive,
    time::Duration,
};

use toml::de::{DeTable, DeValue};

use super::{
    files::FileKind,
    problem::{Fault, meant, quoted},
    reader::{Item, Reader, child},
    units::{self, Units},
};
use crate::{base::secret::Secret, http::listener::Tls};

/// What a client may be given for one step.
const STEP_BOUNDS: RangeInclusive<Duration> =
    Duration::from_millis(10)..=Duration::from_secs(3_600);

/// A table whose keys are ours.
pub(super) struct Section<'a> {
    reader: &'a Reader<'a>,
    table: &'a DeTable<'a>,
    path: String,
    at: usize,
    /// The keys asked for so far. At the end of the walk they are all that there can be.
    known: RefCell<Vec<&'static str>>,
}

impl<'a> Section<'a> {
    /// The outermost table of a file.
    pub(super) const fn root(reader: &'a Reader<'a>, table: &'a DeTable<'a>) -> Self {
        Self::new(reader, table, String::new(), 0)
    }

    const fn new(reader: &'a Reader<'a>, table: &'a DeTable<'a>, path: String, at: usize) -> Self {
        Self { reader, table, path, at, known: RefCell::new(Vec::new()) }
    }

    /// Whether no problem has been noted so far, anywhere.
    pub(super) fn is_sound(&self) -> bool {
        self.reader.is_sound()
    }

    /// Ends the walk over this table: a key that nobody asked for is a problem.
    pub(super) fn close(self) {
        let mut known = self.known.into_inner();
        known.sort_unstable();
        for (key, _) in self.table {
            let name = key.get_ref();
            if !known.contains(&name.as_ref()) {
                let expected = match meant(name, &known) {
                    Some(meant) => alloc::format!("did you mean \"{meant}\"?"),
                    None if known.is_empty() => "this section has no keys".into(),
                    None => alloc::format!("one of {}", known.join(", ")),
                };
                let fault = Fault::new("unknown key", expected);
                let path = child(&self.path, name);
                self.reader.problem(&path, key.span().start, fault);
            }
        }
    }

    /// The value of a key.
    pub(super) fn item(&self, key: &'static str) -> Option<Item<'a>> {
        self.known.borrow_mut().push(key);
        let (name, value) = self.table.get_key_value(key)?;
        Some(Item {
            reader: self.reader,
            path: child(&self.path, key),
            at: name.span().start,
            value: value.get_ref(),
        })
    }

    /// Whether none of `keys` is there.
    pub(super) fn lacks(&self, keys: &[&str]) -> bool {
        keys.iter().all(|key| !self.table.contains_key(*key))
    }

    /// Walks over the table of a key.
    pub(super) fn section<T>(&self, key: &'static str, read: impl FnOnce(&Self) -> T) -> Option<T> {
        self.item(key)?.section(read)
    }

    /// The values of those of `keys` that are there, in the order of the file.
    pub(super) fn items(&self, keys: &[&'static str]) -> Vec<(&'static str, Item<'a>)> {
        let mut items: Vec<_> =
            keys.iter().filter_map(|key| Some((*key, self.item(key)?))).collect();
        items.sort_by_key(|(_, item)| item.at);
        items
    }

    /// The first of several keys that exclude each other.
    pub(super) fn one_of(&self, keys: &[&'static str]) -> Option<(&'static str, Item<'a>)> {
        let mut items = self.items(keys).into_iter();
        let first = items.next()?;
        for (_, item) in items {
            item.problem(alloc::format!("{} is set too", first.1.path), "only one of the two");
        }
        Some(first)
    }

    /// Notes that a required key is missing.
    pub(super) fn missing(&self, key: &str, expected: impl Into<String>) {
        self.conflict(key, Fault::new("missing", expected));
    }

    /// Notes a problem of the section as a whole.
    pub(super) fn problem(&self, what: impl Into<String>, expected: impl Into<String>) {
        self.reader.problem(&self.path, self.at, Fault::new(what, expected));
    }

    /// Notes a doubt about a key that is absent or right in itself.
    pub(super) fn warning(&self, key: &str, fault: Fault) {
        let (path, at) = self.place(key);
        self.reader.warning(&path, at, fault);
    }

    /// Notes that values which are right one by one do not fit together.
    pub(super) fn conflict(&self, key: &str, fault: Fault) {
        let (path, at) = self.place(key);
        self.reader.problem(&path, at, fault);
    }

    /// Where a key is, or where it would be.
    fn place(&self, key: &str) -> (String, usize) {
        let found = self.table.get_key_value(key);
        let at = found.map_or(self.at, |(name, _)| name.span().start);
        (child(&self.path, key), at)
    }

    pub(super) fn flag(&self, key: &'static str) -> bool {
        let Some(item) = self.item(key) else {
            return false;
        };
        item.value.as_bool().unwrap_or_else(|| {
            item.mistyped("true or false");
            false
        })
    }

    /// A text that `judge` accepts; `expected` says what it should be.
    pub(super) fn judged<T>(
        &self,
        key: &'static str,
        expected: &str,
        judge: impl FnOnce(&'a str) -> Result<T, Fault>,
    ) -> Option<T> {
        self.item(key)?.judged(expected, judge)
    }

    pub(super) fn listen(&self, key: &'static str, default: SocketAddr) -> SocketAddr {
        const EXPECTED: &str = "such as \"0.0.0.0:51361\" or \"[::1]:51361\"";
        let Some(item) = self.item(key) else {
            return default;
        };
        let address = item.judged("a text with an address and a port", |text| {
            text.parse().map_err(|_| {
                let what = alloc::format!("{} is not an address with a port", quoted(text));
                Fault::new(what, EXPECTED)
            })
        });
        // An address that raises no further questions stands in for an unusable one.
        address.unwrap_or(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0))
    }

    pub(super) fn duration(
        &self,
        key: &'static str,
        default: Duration,
        bounds: RangeInclusive<Duration>,
    ) -> Duration {
        let millis = |duration: &Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let bounds = millis(bounds.start())..=millis(bounds.end());
        self.quantity(key, &units::DURATION, bounds).map_or(default, Duration::from_millis)
    }

    /// How long a client may take for one step.
    pub(super) fn step(&self, key: &'static str, default: Duration) -> Duration {
        self.duration(key, default, STEP_BOUNDS)
    }

    pub(super) fn size(
        &self,
        key: &'static str,
        default: usize,
        bounds: RangeInclusive<usize>,
    ) -> usize {
        let bytes = |size: usize| u64::try_from(size).unwrap_or(u64::MAX);
        let bounds = bytes(*bounds.start())..=bytes(*bounds.end());
        self.quantity(key, &units::SIZE, bounds)
            .and_then(|size| usize::try_from(size).ok())
            .unwrap_or(default)
    }

    fn quantity(
        &self,
        key: &'static str,
        units: &Units,
        bounds: RangeInclusive<u64>,
    ) -> Option<u64> {
        let item = self.item(key)?;
        let Units { noun, example, .. } = units;
        let names = units::names(units);
        let form = alloc::format!("a whole number with its unit ({names}), such as \"{example}\"");
        if matches!(item.value, DeValue::Integer(_) | DeValue::Float(_)) {
            item.problem("this number has no unit", form);
            return None;
        }
        item.judged(&form, |text| {
            let no_quantity =
                || Fault::new(alloc::format!("{} is not a {noun}", quoted(text)), &*form);
            let quantity = units::parse(text, units).ok_or_else(no_quantity)?;
            within(Some(quantity), &bounds, text, |bound| units::written(bound, units))
        })
    }

    pub(super) fn count(
        &self,
        key: &'static str,
        default: usize,
        bounds: RangeInclusive<usize>,
    ) -> usize {
        let Some(item) = self.item(key) else {
            return default;
        };
        let Some(integer) = item.value.as_integer() else {
            item.mistyped("a whole number");
            return default;
        };
        // What does not fit, because it is negative or huge, is out of bounds too.
        let count = usize::from_str_radix(integer.as_str(), integer.radix()).ok();
        within(count, &bounds, &integer.to_string(), |bound| bound.to_string())
            .map_err(|fault| item.fault(fault))
            .unwrap_or(default)
    }

    /// A secret in `key`, or in the file that `file_key` names, with the item that has it.
    pub(super) fn secret(
        &self,
        key: &'static str,
        file_key: &'static str,
    ) -> Option<(Item<'a>, Secret)> {
        let (found, item) = self.one_of(&[key, file_key])?;
        let secret = if found == key { item.secret()? } else { item.secret_file()? };
        Some((item, secret))
    }

    /// The files in `cert` and `key`.
    pub(super) fn tls(&self) -> Option<Tls> {
        let Some(cert_item) = self.item("cert") else {
            self.missing("cert", "the PEM file with the certificate chain");
            self.item("key");
            return None;
        };
        let cert = cert_item.file(FileKind::Certificates);
        // The key may be in the same file, so it need not be named.
        let key = self.item("key").unwrap_or(cert_item).file(FileKind::PrivateKey);
        Some(Tls { cert: cert?.0, key: key?.0 })
    }

    /// `token` or `token_file`. It travels in a header, so it is visible ASCII (RFC 6750 §2.1).
    pub(super) fn token(&self) -> Option<Secret> {
        let (item, token) = self.secret("token", "token_file")?;
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
    /// Walks over a table whose keys are ours.
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
    bounds: &RangeInclusive<T>,
    shown: &str,
    written: impl Fn(T) -> String,
) -> Result<T, Fault> {
    value.filter(|value| bounds.contains(value)).ok_or_else(|| {
        let (min, max) = (written(*bounds.start()), written(*bounds.end()));
        let what = alloc::format!("{shown} is out of bounds");
        Fault::new(what, alloc::format!("from {min} to {max}"))
    })
}
