//! Which sites, devices and types a rule is about: a silence, a mute time, a route.

use alloc::{borrow::ToOwned, string::String, string::ToString, vec::Vec};
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::base::{glob, mac::Mac};
use crate::{event::DeviceClass, event::mail_address, notify::Severity};

/// The most terms of one matcher.
const TERMS_MAX: usize = 32;
/// The longest value, in bytes.
const VALUE_MAX: usize = 200;

/// What a value is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// The organisation's id.
    Org,
    /// The site's name or id.
    Site,
    /// The device's name, or its MAC.
    Device,
    /// `ap`, `switch`, `gateway` or `mxedge`.
    DeviceType,
    Topic,
    /// The event's type.
    Type,
    /// This severity or a higher one.
    Severity,
    /// Who made a change in Mist: the name, or the mail address.
    Admin,
}

impl Field {
    /// All fields, as the configuration names them.
    pub const ALL: [(&str, Self); 8] = [
        ("org", Self::Org),
        ("site", Self::Site),
        ("device", Self::Device),
        ("device_type", Self::DeviceType),
        ("topic", Self::Topic),
        ("type", Self::Type),
        ("severity", Self::Severity),
        ("admin", Self::Admin),
    ];

    /// The name in the configuration and on the command line.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, field)| *field == self).map_or("", |(name, _)| name)
    }
}

/// Why a term is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No field has this name.
    #[error(
        "expected org, site, device, device_type, topic, type, severity or admin before the \"=\""
    )]
    Field,
    /// The value can match nothing.
    #[error(
        "expected a value: of severity, debug to critical; of device_type, ap, switch, \
         gateway or mxedge; else a name of at most 200 bytes, in which * is any text"
    )]
    Value,
    /// There are more than 32.
    #[error("expected at most 32 terms")]
    TooMany,
}

/// Matches what has, for each field that is named, one of the values. Names may hold `*` for any
/// text. An empty one matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Matcher(Vec<(Field, String)>);

/// What a matcher looks at. A name that is unknown matches no pattern.
#[derive(Clone, Debug)]
pub struct Target<'a> {
    pub org: Option<&'a str>,
    /// The site's name.
    pub site: Option<&'a str>,
    pub site_id: Option<&'a str>,
    /// The device's name.
    pub device: Option<&'a str>,
    pub mac: Option<Mac>,
    pub class: Option<DeviceClass>,
    pub topics: Vec<&'a str>,
    pub kinds: Vec<&'a str>,
    pub severity: Severity,
    pub admin: Option<&'a str>,
}

impl Matcher {
    /// Adds a term, such as `site` and `EMEA-*`.
    pub fn add(&mut self, field: &str, value: &str) -> Result<(), Error> {
        let found = Field::ALL.iter().find(|(name, _)| *name == field);
        let (_, field) = *found.ok_or(Error::Field)?;
        let is_good = match field {
            Field::Severity => Severity::from_name(value).is_some(),
            Field::DeviceType => DeviceClass::parse(value).is_some(),
            Field::Admin
            | Field::Device
            | Field::Org
            | Field::Site
            | Field::Topic
            | Field::Type => !value.is_empty() && value.len() <= VALUE_MAX,
        };
        if !is_good {
            return Err(Error::Value);
        }
        if self.0.len() >= TERMS_MAX {
            return Err(Error::TooMany);
        }
        self.0.push((field, value.to_owned()));
        Ok(())
    }

    /// Whether it names nothing, and so matches everything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it asks for a value of this field.
    pub fn names(&self, field: Field) -> bool {
        self.0.iter().any(|(named, _)| *named == field)
    }

    /// The terms, in the order in which they were added.
    pub fn terms(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(field, value)| (field.name(), value.as_str()))
    }

    /// Whether it surely matches all that `other` does: for each field that it names, each value
    /// there fits one of its own.
    pub fn covers(&self, other: &Self) -> bool {
        let values = |of: &Self, field| {
            let named = of.0.iter().filter(move |(named, _)| *named == field);
            named.map(|(_, value)| value.to_lowercase()).collect::<Vec<_>>()
        };
        Field::ALL.iter().filter(|(_, field)| self.names(*field)).all(|(_, field)| {
            let (wide, narrow) = (values(self, *field), values(other, *field));
            // In the narrow one a star is a letter that fits only a star.
            let fits = |wide: &String, narrow: &String| match *field == Field::Severity {
                true => Severity::from_name(wide) <= Severity::from_name(narrow),
                false => glob::matches(wide, narrow),
            };
            !narrow.is_empty() && narrow.iter().all(|one| wide.iter().any(|all| fits(all, one)))
        })
    }

    /// Whether each named field has one of its values.
    pub fn matches(&self, target: &Target<'_>) -> bool {
        let is_met = |(_, field): &(&str, Field)| {
            let mut values = self.0.iter().filter(|(named, _)| named == field).peekable();
            values.peek().is_none() || values.any(|(_, value)| has(target, *field, value))
        };
        Field::ALL.iter().all(is_met)
    }
}

/// As on the command line: `site=EMEA-* severity=warning`.
impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let terms = self.terms().map(|(field, value)| [field, "=", value].concat());
        f.write_str(&terms.collect::<Vec<_>>().join(" "))
    }
}

fn has(target: &Target<'_>, field: Field, value: &str) -> bool {
    let fits = |name: &str| glob::matches(&value.to_lowercase(), &name.to_lowercase());
    match field {
        Field::Admin => target.admin.is_some_and(|admin| fits(admin) || fits(mail_address(admin))),
        Field::Org => target.org.is_some_and(fits),
        Field::Site => target.site.is_some_and(fits) || target.site_id.is_some_and(fits),
        Field::Device => {
            let mac = Mac::parse(value);
            target.device.is_some_and(fits)
                || (mac.is_some() && mac == target.mac)
                || target.mac.is_some_and(|mac| fits(&mac.plain()) || fits(&mac.to_string()))
        }
        Field::DeviceType => target.class.is_some() && target.class == DeviceClass::parse(value),
        Field::Topic => target.topics.iter().any(|topic| fits(topic)),
        Field::Type => target.kinds.iter().any(|kind| fits(kind)),
        Field::Severity => Severity::from_name(value).is_some_and(|least| target.severity >= least),
    }
}
