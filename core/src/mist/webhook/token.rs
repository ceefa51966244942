//! What a token may do, as Mist says at `/self`.

use alloc::{borrow::ToOwned, collections::BTreeSet, format, string::String, vec::Vec};

use crate::base::{exchange::Asking, exchange::Exchange, order, text::one_line};
use crate::{event::Detail, mist::refusal::Refusal, mist::refusal::judged, mist::target};

/// The most characters of the words for rights.
const WORDS_MAX: usize = 200;

/// The rights of a token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Token(Vec<Privilege>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Privilege {
    /// `org`, `site`, `sitegroup`, `msp` or `orggroup`.
    scope: String,
    /// `admin`, `write`, `read`, `helpdesk` or `installer`.
    role: String,
    /// None where it is of several organisations.
    org: Option<String>,
}

/// Asks for the rights of the token that asks.
pub fn rights() -> Exchange<Result<Token, Refusal>> {
    Exchange::new(|asking| async move { Token::ask(&asking, "the rights of the token").await })
}

impl Token {
    /// Asks for the rights of the token that asks.
    pub(super) async fn ask(asking: &Asking, what: &'static str) -> Result<Self, Refusal> {
        let response = judged(asking.get(target::TOKEN.to_owned()).await, what, "")?;
        Self::read(&response.body).ok_or(Refusal::Unclear { what })
    }

    /// Reads the answer. `None` if it is not an object.
    pub fn read(body: &[u8]) -> Option<Self> {
        let whole: Detail<'_> = serde_json::from_slice(body).ok()?;
        if !whole.raw().starts_with('{') {
            return None;
        }
        let privilege = |item: Detail<'_>| {
            let text = |name: &str| Some(item.get(name)?.text()?.to_ascii_lowercase());
            Some(Privilege { scope: text("scope")?, role: text("role")?, org: text("org_id") })
        };
        let all = whole.get("privileges").map(Detail::items).unwrap_or_default();
        Some(Self(all.into_iter().filter_map(privilege).collect()))
    }

    /// Whether Mist says that all its rights are for other organisations.
    pub fn is_elsewhere(&self, org: &str) -> bool {
        !self.0.is_empty() && self.of(org).next().is_none()
    }

    /// Whether it may write something of this organisation, as far as Mist says.
    pub fn may_write(&self, org: &str) -> bool {
        self.0.is_empty()
            || self.of(org).any(|privilege| ["admin", "write"].contains(&&*privilege.role))
    }

    /// The organisations that it names.
    pub fn organisations(&self) -> Vec<&str> {
        let orgs: BTreeSet<&str> =
            order::collect(self.0.iter().filter_map(|own| own.org.as_deref()));
        Vec::from_iter(orgs)
    }

    /// Its rights for people, such as `role read of scope org`; empty if Mist does not say.
    pub fn words(&self) -> String {
        let words =
            |privilege: &Privilege| format!("role {} of scope {}", privilege.role, privilege.scope);
        let all: BTreeSet<String> = order::collect(self.0.iter().map(words));
        one_line(&Vec::from_iter(all).join(", "), WORDS_MAX)
    }

    fn of(&self, org: &str) -> impl Iterator<Item = &Privilege> {
        self.0.iter().filter(move |privilege| privilege.org.as_deref().is_none_or(|own| own == org))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_are_those_for_the_organisation() {
        let read = |json: &str| Token::read(json.as_bytes()).expect("an object");
        let here = read(
            r#"{"privileges":[{"scope":"org","role":"read","org_id":"O"},
                {"scope":"org","role":"admin","org_id":"other"},{"role":"admin"},null]}"#,
        );
        assert!(!here.is_elsewhere("o") && !here.may_write("o") && here.may_write("other"));
        assert!(here.is_elsewhere("third"));
        assert_eq!(here.words(), "role admin of scope org, role read of scope org");
        let provider = read(r#"{"privileges":[{"scope":"msp","role":"write","msp_id":"m"}]}"#);
        assert!(!provider.is_elsewhere("o") && provider.may_write("o"));
        // Where Mist does not say, nothing is known to be missing.
        let silent = read("{}");
        assert!(!silent.is_elsewhere("o") && silent.may_write("o") && silent.words().is_empty());
        assert_eq!(Token::read(b"[]"), None);
        assert_eq!(Token::read(b"<html>"), None);
    }
}
