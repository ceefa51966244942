//! Finds the switch that somebody means by its name or MAC.

use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use super::{
    ask::get,
    inventory::Switches,
    outcome::outcome,
    page::{Pages, Then},
    target,
};
use crate::{
    api::{ExchangeResult, Step, refusal::rejected},
    base::{failure::Failure, mac::Mac, machine::Machine, time::Instant},
    ports::switch_port::Switch,
};

/// What somebody calls a switch.
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

/// What a [`Find`] is about.
#[derive(Clone, Debug)]
pub struct Config {
    /// The organisation's id.
    pub org: String,
    /// Which switch.
    pub wanted: Wanted,
}

/// A conversation that reads the whole inventory of switches, and tells those that are meant.
#[derive(Debug)]
pub struct Find {
    config: Config,
    pages: Pages,
    switches: Switches,
    said: Option<Step<Result<Vec<Switch>, Failure>>>,
}

impl Machine for Find {
    type Config = Config;
    type Input = ExchangeResult;
    type Output = Step<Result<Vec<Switch>, Failure>>;

    fn new(config: Config, _seed: u64, _now: Instant) -> Self {
        let said = Some(Step::Request(get(target::switches(&config.org, [], 1))));
        Self { config, pages: Pages::default(), switches: Switches::default(), said }
    }

    fn handle_timeout(&mut self, _now: Instant) {}

    fn handle_input(&mut self, _now: Instant, result: ExchangeResult) {
        let then = outcome(result).and_then(|response| {
            let seen = self.switches.read(&response.body);
            let then = seen.and_then(|(count, new)| self.pages.seen(count, new, response.total));
            then.ok_or_else(|| rejected("what Mist sends is no list of switches".to_string()))
        });
        self.said = Some(match then {
            Ok(Then::More) => {
                let page = self.pages.number();
                Step::Request(get(target::switches(&self.config.org, [], page)))
            }
            Ok(Then::Complete) => Step::Done(Ok(self.found())),
            Err(failure) => Step::Done(Err(failure)),
        });
    }

    fn poll_output(&mut self) -> Option<Self::Output> {
        self.said.take()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}

impl Find {
    fn found(&self) -> Vec<Switch> {
        match &self.config.wanted {
            Wanted::Mac(mac) => {
                self.switches.find(*mac).map(|(switch, _)| switch.clone()).into_iter().collect()
            }
            Wanted::Name(name) => self.switches.named(name).cloned().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::{borrow::ToOwned, vec};

    use super::*;
    use crate::api::Response;

    const INVENTORY: &str = r#"[
        {"mac":"5c5b35000001","id":"a","site_id":"s-1","name":"Access-1","type":"switch"},
        {"mac":"5c5b35000002","id":"b","site_id":"s-1","name":"twin"},
        {"mac":"5c5b35000003","id":"c","site_id":"s-2","name":"TWIN"},
        {"mac":"020003000009","vc_mac":"020003000009","id":"vc","site_id":"s-2","name":"stack"},
        {"mac":"5c5b35000008","vc_mac":"020003000009","name":"stack"}]"#;

    /// What is found, and what was asked for.
    fn find(wanted: &str, answers: &[(u16, &str, usize)]) -> (Result<Vec<String>, Failure>, usize) {
        let config = Config { org: "o".to_owned(), wanted: Wanted::new(wanted) };
        let now = Instant::from_micros(0);
        let mut find = Find::new(config, 0, now);
        for (nth, (status, body, total)) in answers.iter().enumerate() {
            match find.poll_output() {
                Some(Step::Request(request)) => {
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
            find.handle_input(now, Ok(response));
        }
        match find.poll_output() {
            Some(Step::Done(found)) => {
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
