//! Finds a switch by its name or MAC.

use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::fmt;

use super::{inventory::Switches, outcome::outcome, page::read_pages, target};
use crate::ports::switch_port::Switch;
use crate::{api::rejected, base::exchange::Exchange, base::failure::Failure, base::mac::Mac};

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

/// Reads the inventory of all switches of this organisation, and returns those of a name or MAC.
pub fn find(org: &str, wanted: Wanted) -> Exchange<Result<Vec<Switch>, Failure>> {
    let org = org.to_owned();
    Exchange::new(|asking| async move {
        let mut switches = Switches::default();
        let target = |page| target::switches(&org, [], page);
        let unclear = rejected("what Mist sends is no list of switches".to_owned());
        read_pages(&asking, target, outcome, unclear, |body| switches.read(body)).await?;
        Ok(match wanted {
            Wanted::Mac(mac) => switches.find(mac).map(|(it, _)| it.clone()).into_iter().collect(),
            Wanted::Name(name) => switches.named(&name).cloned().collect(),
        })
    })
}

#[cfg(test)]
mod tests {
    use alloc::{borrow::ToOwned, vec};

    use super::*;
    use crate::base::exchange::{Response, Step};

    const INVENTORY: &str = r#"[
        {"mac":"5c5b35000001","id":"a","site_id":"s-1","name":"Access-1","type":"switch"},
        {"mac":"5c5b35000002","id":"b","site_id":"s-1","name":"twin"},
        {"mac":"5c5b35000003","id":"c","site_id":"s-2","name":"TWIN"},
        {"mac":"020003000009","vc_mac":"020003000009","id":"vc","site_id":"s-2","name":"stack"},
        {"mac":"5c5b35000008","vc_mac":"020003000009","name":"stack"}]"#;

    /// What is found, and what was asked for.
    fn find(wanted: &str, answers: &[(u16, &str, usize)]) -> (Result<Vec<String>, Failure>, usize) {
        let mut find = super::find("o", Wanted::new(wanted));
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
