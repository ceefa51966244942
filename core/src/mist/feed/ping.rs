//! Has Mist ping our webhook, which is what its test button does, and asks what became of that
//! (`appliance/docs/vendors/mist.md` §2 and §11).

use alloc::string::{String, ToString as _};

use http_types::Method;

use super::late::{Failed, between};
use crate::base::exchange::{Exchange, ExchangeResult, Request, Step};
use crate::base::time::UnixTime;
use crate::mist::refusal::{Refusal, judged};
use crate::mist::webhook::survey::{Found, Survey};
use crate::mist::{page::Search, target, webhook::compare::compare, webhook::wanted::Wanted};

/// An exchange that finds our webhook and has it pinged. Its result is the webhook's id, or why
/// there is no ping.
#[derive(Debug)]
pub struct Ping {
    wanted: Wanted,
    survey: Survey,
    /// The webhook, once it is found, and the rights of the token.
    found: Option<(String, String)>,
}

impl Ping {
    /// A ping of the webhook that this describes.
    pub fn new(wanted: Wanted) -> Self {
        let survey = Survey::of_org(&wanted.org);
        Self { wanted, survey, found: None }
    }

    fn surveyed(&mut self, step: Step<Result<Found, Refusal>>) -> Step<Result<String, String>> {
        let found = match step {
            Step::Request(request) => return Step::Request(request),
            Step::Done(Err(refusal)) => return Step::Done(Err(refusal.to_string())),
            Step::Done(Ok(found)) => found,
        };
        let comparison = compare(&self.wanted, &found);
        let Some(hook) = comparison.ours else {
            let missing = comparison.differences.iter().find(|difference| difference.is_mendable());
            let url = "webhook.url: missing — it says which webhook is ours".into();
            return Step::Done(Err(missing.map_or(url, |missing| missing.to_string())));
        };
        let target = target::ping(&self.wanted.org, &hook.id);
        self.found = Some((hook.id.clone(), found.token.words()));
        Step::Request(Request { method: Method::Post, target, session: None, body: None })
    }
}

impl Exchange for Ping {
    type Output = Result<String, String>;

    fn start(&mut self) -> Step<Self::Output> {
        let step = self.survey.start();
        self.surveyed(step)
    }

    fn answer(&mut self, result: ExchangeResult) -> Step<Self::Output> {
        let Some((hook, roles)) = self.found.take() else {
            let step = self.survey.answer(result);
            return self.surveyed(step);
        };
        let pinged = judged(result, "the ping of the webhook", &roles);
        Step::Done(pinged.map(|_| hook).map_err(|refusal| refusal.to_string()))
    }
}

/// An exchange that asks for the last ping that Mist could not deliver. Its result is what Mist
/// saw, if there is such a ping.
#[derive(Debug)]
pub struct Undelivered(Search);

impl Undelivered {
    /// Asks about pings of this webhook that were sent in a time.
    pub fn new(org: &str, hook: &str, from: UnixTime, to: UnixTime) -> Self {
        let query = between(from, to, "status=failure&topic=ping&limit=10");
        Self(Search::new(target::deliveries(org, hook), query))
    }
}

impl Exchange for Undelivered {
    type Output = Option<String>;

    fn start(&mut self) -> Step<Self::Output> {
        let (method, target) = (Method::Get, self.0.target());
        Step::Request(Request { method, target, session: None, body: None })
    }

    fn answer(&mut self, result: ExchangeResult) -> Step<Self::Output> {
        let response = judged(result, "the log of deliveries", "").ok();
        let read = response.as_ref().and_then(|response| self.0.answered(&response.body));
        let failed = read.into_iter().flat_map(|(page, _)| page).filter_map(Failed::read);
        Step::Done(failed.max_by_key(|failed| failed.at).map(|failed| failed.reason))
    }
}

#[cfg(test)]
mod tests {
    use http_types::Url;

    use super::*;
    use crate::base::exchange::Response;

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
        let mut ping = Ping::new(wanted);
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
        let mut log = Undelivered::new("o", "w", at(100), at(160));
        let Step::Request(request) = log.start() else { panic!("no question") };
        assert_eq!(
            request.target,
            "/api/v1/orgs/o/webhooks/w/events/search?start=100&end=160&status=failure&topic=ping\
             &limit=10"
        );
        let page = r#"{"results":[{"timestamp":120,"req_payload":"{}","error":"refused"},
            {"timestamp":110,"req_payload":"{}","error":"other"}]}"#;
        assert_eq!(log.answer(answer(200, page)), Step::Done(Some("refused".into())));
        assert_eq!(log.answer(answer(200, r#"{"results":[]}"#)), Step::Done(None));
        assert_eq!(log.answer(answer(503, "")), Step::Done(None));
    }
}
