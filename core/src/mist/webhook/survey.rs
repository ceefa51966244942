//! Reads what Mist has: the rights of the token, the webhooks of the organisation, and those of its
//! sites.
//!
//! ```text
//! Token ──> Topics ──> Webhooks ──> Sites ──> Webhooks of a site, one after the other ──> Done
//! ```

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::ops::Bound;

use super::{hook::Hook, token::Token};
use crate::base::exchange::{Exchange, ExchangeResult, Step};
use crate::base::text::one_line;
use crate::event::Detail;
use crate::mist::page::{Pages, Then, elements};
use crate::mist::refusal::{Refusal, judged};
use crate::mist::{ask::get, target};

/// The most sites whose webhooks are read: each takes a request.
const SITES_MAX: usize = 1_000;
/// The most webhooks in all.
const WEBHOOKS_MAX: usize = 10_000;
/// The most characters of a site's name.
const NAME_MAX: usize = 80;

/// What Mist has.
#[derive(Clone, Debug, Default)]
pub struct Found {
    pub token: Token,
    /// The topics that only webhooks of sites can have.
    pub site_topics: BTreeSet<String>,
    /// Those of the organisation, then those of its sites.
    pub webhooks: Vec<Hook>,
    /// The names of the sites, by their ids.
    pub sites: BTreeMap<String, String>,
    /// How many sites there are whose webhooks are not known.
    pub unread_sites: usize,
}

/// An exchange that reads it.
#[derive(Debug)]
pub struct Survey {
    org: String,
    /// Whether the webhooks of sites are asked for too.
    of_sites: bool,
    found: Found,
    state: State,
}

#[derive(Debug)]
enum State {
    Token,
    Topics,
    Webhooks(Pages),
    Sites(Pages),
    SiteWebhooks { site: String, nth: usize, pages: Pages },
}

type Output = Result<Found, Refusal>;

impl Exchange for Survey {
    type Output = Output;

    fn start(&mut self) -> Step<Output> {
        get(target::TOKEN.to_owned())
    }

    fn answer(&mut self, result: ExchangeResult) -> Step<Output> {
        self.answered(result).unwrap_or_else(|refusal| Step::Done(Err(refusal)))
    }
}

impl Survey {
    /// Asks about the organisation of this id.
    pub fn new(org: &str) -> Self {
        Self { of_sites: true, ..Self::of_org(org) }
    }

    /// Asks about the organisation of this id, and not about its sites.
    pub fn of_org(org: &str) -> Self {
        let (org, found, state) = (org.to_owned(), Found::default(), State::Token);
        Self { org, of_sites: false, found, state }
    }

    fn answered(&mut self, result: ExchangeResult) -> Result<Step<Output>, Refusal> {
        let roles = self.found.token.words();
        let what = self.what();
        let unclear = Refusal::Unclear { what };
        let state = core::mem::replace(&mut self.state, State::Token);
        match state {
            State::Token => {
                let response = judged(result, what, "")?;
                self.found.token = Token::read(&response.body).ok_or(unclear)?;
                self.state = State::Topics;
                Ok(get(target::WEBHOOK_TOPICS.to_owned()))
            }
            State::Topics => {
                // Without it, every topic is tried at the organisation.
                if let Ok(response) = judged(result, what, &roles) {
                    self.found.site_topics = site_topics(&response.body);
                }
                Ok(self.webhooks(Pages::default()))
            }
            State::Webhooks(mut pages) => {
                let response = judged(result, what, &roles)?;
                let (count, new) = self.read_hooks(&response.body, None).ok_or(unclear.clone())?;
                match pages.seen(count, new, response.total).ok_or(unclear)? {
                    Then::More => Ok(self.webhooks(pages)),
                    Then::Complete if self.of_sites => Ok(self.sites(Pages::default())),
                    Then::Complete => Ok(self.next_site(None, 0)),
                }
            }
            State::Sites(mut pages) => {
                let response = judged(result, what, &roles)?;
                let before = self.found.sites.len();
                let count = self.read_sites(&response.body).ok_or(unclear.clone())?;
                let new = self.found.sites.len() - before;
                match pages.seen(count, new, response.total).ok_or(unclear)? {
                    Then::More => Ok(self.sites(pages)),
                    Then::Complete => {
                        self.found.unread_sites = self.found.sites.len().saturating_sub(SITES_MAX);
                        Ok(self.next_site(None, 0))
                    }
                }
            }
            State::SiteWebhooks { site, nth, mut pages } => {
                let response = match judged(result, what, &roles) {
                    Err(Refusal::Forbidden { .. } | Refusal::Absent { .. }) => {
                        self.found.unread_sites += 1;
                        return Ok(self.next_site(Some(&site), nth + 1));
                    }
                    result => result?,
                };
                let (count, new) =
                    self.read_hooks(&response.body, Some(&site)).ok_or(unclear.clone())?;
                match pages.seen(count, new, response.total).ok_or(unclear)? {
                    Then::More => Ok(self.site_webhooks(site, nth, pages)),
                    Then::Complete => Ok(self.next_site(Some(&site), nth + 1)),
                }
            }
        }
    }

    /// What the last request was about.
    const fn what(&self) -> &'static str {
        match self.state {
            State::Token => "the token",
            State::Topics => "the topics of webhooks",
            State::Webhooks(_) => "the organisation's webhooks",
            State::Sites(_) => "the organisation's sites",
            State::SiteWebhooks { .. } => "the webhooks of a site",
        }
    }

    fn webhooks(&mut self, pages: Pages) -> Step<Output> {
        let target = target::webhooks(&self.org, pages.number());
        self.state = State::Webhooks(pages);
        get(target)
    }

    fn sites(&mut self, pages: Pages) -> Step<Output> {
        let target = target::sites(&self.org, pages.number());
        self.state = State::Sites(pages);
        get(target)
    }

    /// Goes on to the site after this one, or else to the end.
    fn next_site(&mut self, after: Option<&str>, nth: usize) -> Step<Output> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let next = self.found.sites.range::<str, _>((from, Bound::Unbounded)).next();
        match next.filter(|_| nth < SITES_MAX) {
            Some((site, _)) => self.site_webhooks(site.clone(), nth, Pages::default()),
            None => Step::Done(Ok(core::mem::take(&mut self.found))),
        }
    }

    fn site_webhooks(&mut self, site: String, nth: usize, pages: Pages) -> Step<Output> {
        let target = target::site_webhooks(&site, pages.number());
        self.state = State::SiteWebhooks { site, nth, pages };
        get(target)
    }

    /// Takes a page of the webhooks of a site or of the organisation. Returns how many elements it
    /// has, and how many of them are new.
    fn read_hooks(&mut self, body: &[u8], site: Option<&str>) -> Option<(usize, usize)> {
        let elements = elements(body)?;
        let site = site.and_then(|site| self.found.sites.get(site)).map(String::as_str);
        let hooks = &mut self.found.webhooks;
        let before = hooks.len();
        for hook in elements.iter().filter_map(|element| Hook::read(*element, site)) {
            if hooks.iter().all(|known| known.id != hook.id) {
                hooks.push(hook);
            }
        }
        (hooks.len() <= WEBHOOKS_MAX).then(|| (elements.len(), hooks.len() - before))
    }

    /// Takes a page of the sites, and returns how many elements it has.
    fn read_sites(&mut self, body: &[u8]) -> Option<usize> {
        let elements = elements(body)?;
        for site in &elements {
            let text = |name: &str| Some(site.get(name)?.text()?.into_owned());
            if let Some(id) = text("id") {
                let name = one_line(&text("name").unwrap_or_else(|| id.clone()), NAME_MAX);
                self.found.sites.insert(id, name);
            }
        }
        Some(elements.len())
    }
}

/// The topics that Mist says are not for webhooks of the organisation.
fn site_topics(body: &[u8]) -> BTreeSet<String> {
    let topic = |item: Detail<'_>| {
        let is_site = item.get("for_org")?.text()? == "false";
        Some(item.get("key")?.text()?.into_owned()).filter(|_| is_site)
    };
    elements(body).unwrap_or_default().into_iter().filter_map(topic).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::exchange::Response;
    use crate::base::failure::Failure;

    const TOKEN: &str = r#"{"privileges":[{"scope":"org","role":"read","org_id":"o"}]}"#;
    const TOPICS: &str = r#"[{"key":"zone","for_org":false},{"key":"alarms","for_org":true}]"#;

    /// Runs a survey: for each expected end of a target, a status, a body and the total.
    fn survey(answers: &[(&str, u16, &str, Option<usize>)]) -> Output {
        let mut survey = Survey::new("o");
        let mut step = survey.start();
        for (end, status, body, total) in answers {
            match step {
                Step::Request(request) => assert!(request.target.ends_with(end), "{request:?}"),
                done @ Step::Done(_) => panic!("{done:?}"),
            }
            let body = body.as_bytes().to_vec();
            let (status, total, retry_after, session) = (*status, *total, None, None);
            step = survey.answer(Ok(Response { status, retry_after, total, session, body }));
        }
        match step {
            Step::Done(output) => output,
            Step::Request(request) => panic!("{request:?}"),
        }
    }

    #[test]
    fn everything_is_read_over_all_pages() {
        let found = survey(&[
            ("/self", 200, TOKEN, None),
            ("/const/webhook_topics", 200, TOPICS, None),
            ("/orgs/o/webhooks?limit=1000&page=1", 200, r#"[{"id":"a"}]"#, Some(2)),
            ("/orgs/o/webhooks?limit=1000&page=2", 200, r#"[{"id":"b"}]"#, Some(2)),
            (
                "/sites?limit=1000&page=1",
                200,
                r#"[{"id":"s1","name":"HQ"},{"id":"s2"},{"id":"s3"}]"#,
                Some(3),
            ),
            ("/sites/s1/webhooks?limit=1000&page=1", 200, r#"[{"id":"c"}]"#, None),
            ("/sites/s1/webhooks?limit=1000&page=2", 200, r#"[{"id":"c"}]"#, None),
            ("/sites/s2/webhooks?limit=1000&page=1", 403, "{}", None),
            ("/sites/s3/webhooks?limit=1000&page=1", 200, "[]", Some(0)),
        ]);
        let found = found.expect("an answer");
        let hooks = found.webhooks.iter().map(|hook| (hook.id.as_str(), hook.site.as_deref()));
        assert_eq!(Vec::from_iter(hooks), [("a", None), ("b", None), ("c", Some("HQ"))]);
        assert_eq!((found.unread_sites, found.token.may_write("o")), (1, false));
        assert!(found.site_topics.contains("zone") && found.site_topics.len() == 1);
    }

    #[test]
    fn what_is_refused_is_said() {
        let refused = |answers: &[_]| survey(answers).expect_err("a refusal");
        let what = "the token";
        assert_eq!(refused(&[("/self", 401, "", None)]), Refusal::Token { what });
        assert_eq!(refused(&[("/self", 200, "<html>", None)]), Refusal::Unclear { what });
        let what = "the organisation's webhooks";
        let topics = ("/webhook_topics", 404, "", None);
        let asked = |status, body| {
            refused(&[("/self", 200, TOKEN, None), topics, ("page=1", status, body, None)])
        };
        let roles = "role read of scope org".to_owned();
        assert_eq!(asked(403, ""), Refusal::Forbidden { what, roles });
        assert_eq!(asked(404, ""), Refusal::Absent { what });
        assert_eq!(asked(200, "{}"), Refusal::Unclear { what });
        let failure = Failure::Busy { after: None };
        assert_eq!(asked(500, ""), Refusal::Failed { what, failure });
    }
}
