//! Has Mist ping our webhook, which is what its test button does, and asks what became of that
//! (`appliance/docs/vendors/mist.md` §2 and §11).

use alloc::{borrow::ToOwned, string::String, string::ToString};

use http_types::Method;

use super::late::{Failed, between};
use crate::base::{exchange::Exchange, exchange::Request, time::UnixTime};
use crate::mist::{page::Search, target, webhook::compare::compare, webhook::wanted::Wanted};
use crate::mist::{refusal::Refusal, refusal::judged, webhook::survey::of_org};

/// Finds the webhook that this describes, and has it pinged. The result is its id, or why there is
/// no ping.
pub fn ping(wanted: Wanted) -> Exchange<Result<String, String>> {
    Exchange::new(|asking| async move {
        let refused = |refusal: Refusal| refusal.to_string();
        let found = of_org(&asking, &wanted.org).await.map_err(refused)?;
        let comparison = compare(&wanted, &found);
        let Some(hook) = comparison.ours else {
            let missing = comparison.differences.iter().find(|difference| difference.is_mendable());
            let url = "webhook.url: missing — it says which webhook is ours";
            return Err(missing.map_or_else(|| url.to_owned(), ToString::to_string));
        };
        let target = target::ping(&wanted.org, &hook.id);
        let request = Request { method: Method::Post, target, session: None, body: None };
        let pinged = asking.send(request).await;
        judged(pinged, "the ping of the webhook", &found.token.words()).map_err(refused)?;
        Ok(hook.id.clone())
    })
}

/// Asks for the last ping of this webhook that was sent in a time and that Mist could not deliver.
/// The result is what Mist saw, if there is such a ping.
pub fn undelivered(
    org: &str,
    hook: &str,
    from: UnixTime,
    to: UnixTime,
) -> Exchange<Option<String>> {
    let query = between(from, to, "status=failure&topic=ping&limit=10");
    let mut search = Search::new(target::deliveries(org, hook), query);
    Exchange::new(|asking| async move {
        let response = asking.get(search.target()).await;
        let response = judged(response, "the log of deliveries", "").ok()?;
        let (page, _) = search.answered(&response.body)?;
        let failed = page.into_iter().filter_map(Failed::read).max_by_key(|failed| failed.at);
        failed.map(|failed| failed.reason)
    })
}

#[cfg(test)]
mod tests {
    use http_types::Url;

    use super::*;
    use crate::base::exchange::{ExchangeResult, Response, Step};

    fn answer(status: u16, body: &str) -> ExchangeResult {
        let (total, body) = (Some(1), body.as_bytes().to_vec());
        Ok(Response { status, retry_after: None, total, session: None, body })
    }

    /// What a ping comes to when these are the answers, and what was asked for last.
    fn ping(answers: &[(u16, &str)]) -> (Result<String, String>, String) {
        let wanted = Wanted {
            org: "o".into(),
            url: Url::parse("https://gw.example/x").ok(),
            verifies_cert: true,
            secrets: [].into(),
            routes: None,
            has_ports: false,
            writes: false,
        };
        let mut ping = super::ping(wanted);
        let (mut step, mut asked) = (ping.start(), String::new());
        for (status, body) in answers {
            if let Step::Request(request) = step {
                asked = request.target;
            }
            step = ping.answer(answer(*status, body));
        }
        match step {
            Step::Done(result) => (result, asked),
            Step::Request(request) => panic!("{request:?}"),
        }
    }

    #[test]
    fn the_webhook_that_is_ours_is_pinged() {
        let hooks = r#"[{"id":"v","url":"https://gw.example/y"},
            {"id":"w","url":"https://gw.example/x"}]"#;
        let begin = [(200, "{}"), (200, "[]")];
        let all = |more: &[(u16, &'static str)]| [&begin, more].concat();
        let pinged = ping(&all(&[(200, hooks), (200, "{}")]));
        assert_eq!(pinged, (Ok("w".into()), "/api/v1/orgs/o/webhooks/w/ping".into()));
        let (refused, _) = ping(&all(&[(200, hooks), (403, "{}")]));
        assert!(refused.is_err_and(|why| why.starts_with("the ping of the webhook: Mist forbids")));
        let (missing, asked) = ping(&all(&[(200, r#"[{"id":"v"}]"#)]));
        assert!(missing.is_err_and(|why| why.starts_with("no webhook of the organisation sends")));
        assert!(asked.ends_with("/orgs/o/webhooks?limit=1000&page=1"), "{asked}");
        assert!(ping(&[(401, "")]).0.is_err_and(|why| why.contains("(401)")));
    }

    #[test]
    fn the_last_ping_that_failed_has_the_reason() {
        let at = UnixTime::from_secs;
        let lost = |status, page| {
            let mut log = undelivered("o", "w", at(100), at(160));
            let Step::Request(request) = log.start() else { panic!("no question") };
            assert_eq!(
                request.target,
                "/api/v1/orgs/o/webhooks/w/events/search?start=100&end=160&status=failure\
                 &topic=ping&limit=10"
            );
            log.answer(answer(status, page))
        };
        let page = r#"{"results":[{"timestamp":120,"req_payload":"{}","error":"refused"},
            {"timestamp":110,"req_payload":"{}","error":"other"}]}"#;
        assert_eq!(lost(200, page), Step::Done(Some("refused".into())));
        assert_eq!(lost(200, r#"{"results":[]}"#), Step::Done(None));
        assert_eq!(lost(503, ""), Step::Done(None));
    }
}
