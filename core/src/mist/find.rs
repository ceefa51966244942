//! Finds a switch by its name or MAC.

use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::fmt;

use super::page::{Pages, Then};
use super::{ask::get, inventory::Switches, outcome::outcome, target};
use crate::api::rejected;
use crate::base::exchange::{Exchange, ExchangeResult, Step};
use crate::base::{failure::Failure, mac::Mac};
use crate::ports::switch_port::Switch;

/// The switch in a command: by its MAC or its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The switch of this MAC, or the virtual chassis of this member.
    Mac(Mac),
    /// The switches of this name, in either case.
    Name(String),
}

impl Wanted {
    /// A MAC where it looks like one, else a name.
    pub fn new(text: &str) -> Self {
        Mac::parse(text).map_or_else(|| Self::Name(text.to_owned()), Self::Mac)
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mac(mac) => mac.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// An exchange that reads the inventory of all switches and returns those of a name or MAC.
#[derive(Debug)]
pub struct Find {
    org: String,
    wanted: Wanted,
    pages: Pages,
    switches: Switches,
}

impl Find {
    /// Looks in the organisation of this id.
    pub fn new(org: &str, wanted: Wanted) -> Self {
        let (pages, switches) = (Pages::default(), Switches::default());
        Self { org: org.to_owned(), wanted, pages, switches }
    }

    fn found(&self) -> Vec<Switch> {
        match &self.wanted {
            Wanted::Mac(mac) => {
                self.switches.find(*mac).map(|(switch, _)| switch.clone()).into_iter().collect()
            }
            Wanted::Name(name) => self.switches.named(name).cloned().collect(),
        }
    }
}

impl Exchange for Find {
    type Output = Result<Vec<Switch>, Failure>;

    fn start(&mut self) -> Step<Self::Output> {
        get(target::switches(&self.org, [], self.pages.number()))
    }

    fn answer(&mut self, result: ExchangeResult) -> Step<Self::Output> {
        let then = outcome(result).and_then(|response| {
            let seen = self.switches.read(&response.body);
            let then = seen.and_then(|(count, new)| self.pages.seen(count, new, response.total));
            then.ok_or_else(|| rejected("what Mist sends is no list of switches".to_owned()))
        });
        match then {
            Ok(Then::More) => self.start(),
            Ok(Then::Complete) => Step::Done(Ok(self.found())),
            Err(failure) => Step::Done(Err(failure)),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::{borrow::ToOwned, vec};

    use super::*;
    use crate::base::exchange::Response;

    const INVENTORY: &str = r#"[
        {"mac":"5c5b35000001","id":"a","site_id":"s-1","name":"Access-1","type":"switch"},
        {"mac":"5c5b35000002","id":"b","site_id":"s-1","name":"twin"},
        {"mac":"5c5b35000003","id":"c","site_id":"s-2","name":"TWIN"},
        {"mac":"020003000009","vc_mac":"020003000009","id":"vc","site_id":"s-2","name":"stack"},
        {"mac":"5c5b35000008","vc_mac":"020003000009","name":"stack"}]"#;

    /// What is found, and what was asked for.
    fn find(wanted: &str, answers: &[(u16, &str, usize)]) -> (Result<Vec<String>, Failure>, usize) {
        let mut find = Find::new("o", Wanted::new(wanted));
        let mut step = find.start();
        for (nth, (status, body, total)) in answers.iter().enumerate() {
            match step {
                Step::Request(request) => {
                    assert_eq!(request.target, target::switches("o", [], nth + 1));
                }
                other => panic!("{other:?}"),
            }
            let response = Response {
                status: *status,
                retry_after: None,
                total: Some(*total),
                session: None,
                body: body.as_bytes().to_vec(),
            };
            step = find.answer(Ok(response));
        }
        match step {
            Step::Done(found) => {
                let ids = |found: Vec<Switch>| found.into_iter().map(|found| found.device_id);
                (found.map(|found| ids(found).collect()), answers.len())
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_switch_is_found_by_name_and_by_mac() {
        for (wanted, ids) in [
            ("access-1", vec!["a"]),
            ("5C:5B:35:00:00:01", vec!["a"]),
            ("twin", vec!["b", "c"]),
            ("stack", vec!["vc"]),
            ("5c5b35000008", vec!["vc"]),
            ("access", vec![]),
            ("5c5b350000ff", vec![]),
        ] {
            let (found, _) = find(wanted, &[(200, INVENTORY, 5)]);
            assert_eq!(found, Ok(ids.into_iter().map(ToOwned::to_owned).collect()), "{wanted}");
        }
    }

    #[test]
    fn all_pages_are_read_and_a_part_is_no_answer() {
        let last = r#"[{"mac":"5c5b35000007","id":"g","name":"last"}]"#;
        let (found, asked) = find("last", &[(200, INVENTORY, 6), (200, last, 6)]);
        assert_eq!((found, asked), (Ok(vec!["g".to_owned()]), 2));
        assert_eq!(find("last", &[(200, INVENTORY, 6), (401, "", 6)]).0, Err(Failure::Login));
        assert!(find("last", &[(200, "{}", 6)]).0.is_err());
    }
}
