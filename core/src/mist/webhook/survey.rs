//! Reads what Mist has: the rights of the token, the webhooks of the organisation, and those of its
//! sites.
//!
//! ```text
//! Token ──> Topics ──> Webhooks ──> Sites ──> Webhooks of a site, one after the other ──> Done
//! ```

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::{borrow::ToOwned, string::String, vec::Vec};

use super::{hook::Hook, token::Token};
use crate::base::exchange::{Asking, Exchange};
use crate::mist::{page::elements, page::read_pages, refusal::Refusal, refusal::judged, target};
use crate::{base::text::one_line, event::Detail};

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

/// Asks about the organisation of this id, and about its sites.
pub fn survey(org: &str) -> Exchange<Result<Found, Refusal>> {
    let org = org.to_owned();
    Exchange::new(|asking| async move {
        let mut found = of_org(&asking, &org).await?;
        let what = "the organisation's sites";
        let target = |page| target::sites(&org, page);
        read(&asking, what, &found.token.words(), target, |body| {
            read_sites(&mut found.sites, body)
        })
        .await?;
        found.unread_sites = found.sites.len().saturating_sub(SITES_MAX);
        let roles = found.token.words();
        for (site, name) in found.sites.iter().take(SITES_MAX) {
            let target = |page| target::site_webhooks(site, page);
            let hooks = |body: &[u8]| read_hooks(&mut found.webhooks, body, Some(name));
            match read(&asking, "the webhooks of a site", &roles, target, hooks).await {
                Err(Refusal::Forbidden { .. } | Refusal::Absent { .. }) => found.unread_sites += 1,
                result => result?,
            }
        }
        Ok(found)
    })
}

/// Asks about the organisation of this id, and not about its sites.
pub(in crate::mist) async fn of_org(asking: &Asking, org: &str) -> Result<Found, Refusal> {
    let mut found = Found { token: Token::ask(asking, "the token").await?, ..Found::default() };
    let roles = found.token.words();
    // Without it, every topic is tried at the organisation.
    let topics = asking.get(target::WEBHOOK_TOPICS.to_owned()).await;
    if let Ok(response) = judged(topics, "the topics of webhooks", &roles) {
        found.site_topics = site_topics(&response.body);
    }
    let target = |page| target::webhooks(org, page);
    let hooks = |body: &[u8]| read_hooks(&mut found.webhooks, body, None);
    read(asking, "the organisation's webhooks", &roles, target, hooks).await?;
    Ok(found)
}

/// Reads a list to its end.
async fn read(
    asking: &Asking,
    what: &'static str,
    roles: &str,
    target: impl Fn(usize) -> String,
    page: impl FnMut(&[u8]) -> Option<(usize, usize)>,
) -> Result<(), Refusal> {
    let judge = |result| judged(result, what, roles);
    read_pages(asking, target, judge, Refusal::Unclear { what }, page).await
}

/// Takes a page of the webhooks of a site or of the organisation. Returns how many elements it has,
/// and how many of them are new.
fn read_hooks(hooks: &mut Vec<Hook>, body: &[u8], site: Option<&String>) -> Option<(usize, usize)> {
    let (elements, before) = (elements(body)?, hooks.len());
    let site = site.map(String::as_str);
    for hook in elements.iter().filter_map(|element| Hook::read(*element, site)) {
        if hooks.iter().all(|known| known.id != hook.id) {
            hooks.push(hook);
        }
    }
    (hooks.len() <= WEBHOOKS_MAX).then(|| (elements.len(), hooks.len() - before))
}

/// Takes a page of the sites. Returns the same.
fn read_sites(sites: &mut BTreeMap<String, String>, body: &[u8]) -> Option<(usize, usize)> {
    let (elements, before) = (elements(body)?, sites.len());
    for site in &elements {
        let text = |name: &str| Some(site.get(name)?.text()?.into_owned());
        if let Some(id) = text("id") {
            let name = one_line(&text("name").unwrap_or_else(|| id.clone()), NAME_MAX);
            sites.insert(id, name);
        }
    }
    Some((elements.len(), sites.len() - before))
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
    use crate::base::exchange::{Response, Step};
    use crate::base::failure::Failure;

    const TOKEN: &str = r#"{"privileges":[{"scope":"org","role":"read","org_id":"o"}]}"#;
    const TOPICS: &str = r#"[{"key":"zone","for_org":false},{"key":"alarms","for_org":true}]"#;

    /// Runs a survey: for each expected end of a target, a status, a body and the total.
    fn survey(answers: &[(&str, u16, &str, Option<usize>)]) -> Result<Found, Refusal> {
        let mut survey = super::survey("o");
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
