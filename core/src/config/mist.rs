//! `[mist]`: the cloud, its API and the ignored sites.

use alloc::{collections::BTreeSet, string::String, vec::Vec};

use http_types::Url;

use super::{calendar, problem::Fault, reader::Item, section::Section, units, urls};
use crate::base::{calendar::Daily, order};
use crate::{mist::Mist, notify::links::dashboard_host, route::Org};

/// The cloud where nothing else is configured: Global 01 (`appliance/docs/vendors/mist.md` §3).
const API_URL: &str = "https://api.mist.com";
/// The most organisations besides the first.
const ORGS_MAX: usize = 50;
const ID: &str = "an id such as \"978c48e6-6ef6-11e6-8bbf-02e208b2d34f\"";

/// `[mist]` without `ignored_sites`. No section means the defaults.
pub(super) fn mist(section: Option<&Section<'_>>) -> Mist {
    let expected = "a URL such as \"https://api.mist.com\"";
    let api_url = section
        .and_then(|section| section.judged("api_url", expected, urls::api))
        .unwrap_or_else(|| Url::parse(API_URL).expect("a constant that a test reads"));
    let dashboard_host = dashboard_host(api_url.host_str().unwrap_or_default());
    let name = section.and_then(|section| section.item("name"));
    Mist {
        name: name.and_then(|item| item.judged("a name for people", units::name)),
        is_other: false,
        api_url,
        dashboard_host,
        token: section.and_then(|section| section.token("token", "token_file")),
        org_id: section.and_then(|section| section.judged("org_id", ID, id)),
        selftest: None,
    }
}

/// `[[mist.org]]`: the organisations besides that of `[mist]`.
pub(super) fn orgs(section: &Section<'_>, main: &Mist) -> Vec<Mist> {
    let org = |item: &Item<'_>| {
        item.section(|section| {
            let (id, token) = (&["org_id"][..], &["token_file", "token"][..]);
            for (keys, key) in [(&["name"][..], "name"), (id, "org_id"), (token, "token_file")] {
                if section.lacks(keys) {
                    section.missing(key, "a name, an org_id and a token_file");
                }
            }
            let selftest = main.selftest.clone();
            Mist { selftest, is_other: true, ..mist(Some(section)) }
        })
    };
    let orgs = section.list("org", "tables, such as [[mist.org]]", org).unwrap_or_default();
    let ids = || orgs.iter().chain([main]).filter_map(|org| org.org_id.as_ref());
    if ids().count() > order::collect::<BTreeSet<_>, _>(ids()).len() {
        section.conflict("org", "two of them have the same org_id", "each organisation once");
    }
    if orgs.len() > ORGS_MAX {
        let what = alloc::format!("{} organisations", orgs.len());
        section.conflict("org", what, alloc::format!("at most {ORGS_MAX}"));
    }
    orgs
}

/// What is said of the events of an organisation. `None` without an id or a name.
pub(super) fn named(mist: &Mist) -> Option<Org> {
    Some(Org {
        id: mist.org_id.clone()?,
        name: mist.name.clone()?,
        dashboard_host: mist.dashboard_host.clone(),
        is_other: mist.is_other,
    })
}

/// When a selftest is made by itself.
pub(super) fn selftest(section: &Section<'_>) -> Option<Daily> {
    let daily = calendar::daily(section, "selftest")?;
    if let Some(key) = unsaid(section) {
        section.conflict("selftest", "only Mist's API can send a ping", key);
    }
    Some(daily)
}

/// The key that is missing for requests to Mist's API.
pub(super) fn unsaid(section: &Section<'_>) -> Option<&'static str> {
    if section.lacks(&["token", "token_file"]) {
        Some("mist.token_file")
    } else if section.lacks(&["org_id"]) {
        Some("mist.org_id")
    } else {
        None
    }
}

/// Reads `mist.ignored_sites`, the ids of sites without notifications.
pub(super) fn ignored_sites(section: &Section<'_>) -> Vec<String> {
    let site = |item: &Item<'_>| item.judged(ID, id);
    // An empty list is what the original's configuration has.
    let is_empty = section.item("ignored_sites").is_some_and(|item| item.is_empty_list());
    let sites = || section.list("ignored_sites", "a list of site ids", site);
    if is_empty { Vec::new() } else { sites().unwrap_or_default() }
}

/// An id of Mist's: a UUID, in lower case.
fn id(text: &str) -> Result<String, Fault> {
    let groups: Vec<_> = text.split('-').map(str::len).collect();
    let hex = text.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit());
    if hex && groups == [8, 4, 4, 4, 12] {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(Fault::of(text, "is not an id of Mist's", ID))
    }
}
