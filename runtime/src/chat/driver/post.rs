//! Posts one payload to one chat.

use std::{sync::Arc, time::Duration};

use http_types::Url;
use hyper::Method;
use mistgate_core::chat::{outcome::Outcome, outcome::Reason, shape::Form, shape::Payload};
use mistgate_core::notify::{Notification, Severity};
use mistgate_core::{delivery::config::Destination, engine::input::Answer};

use crate::base::{journal::Journal, journal::Level, journal::fields, task};
use crate::http::outbound::{Bytes, Call, Cause, Client, Fault, Outbound, Take};

/// How much of the body of a chat's answer is kept: enough for the reason that it gives.
const ANSWER_MAX: usize = 8 * 1024;

/// Posts, or prints where there is no URL. The error is why there is no answer.
pub async fn post(
    client: &Client,
    to: &Destination,
    payload: &Payload,
    timeout: Duration,
    journal: &Arc<Journal>,
) -> Result<Answer, Reason> {
    let Some(url) = &to.url else {
        // If nobody reads standard output, only this destination waits.
        let (journal, payload) = (Arc::clone(journal), payload.body.clone());
        return match task::unblock(move || journal.console(&payload)).await {
            Ok(()) => Ok(Answer { status: 200, retry_after: None, body: Vec::new() }),
            Err(_) => Err(Reason::Connection),
        };
    };
    // Checked when the configuration was read.
    let mut url = Url::parse(url.expose()).map_err(|_| Reason::BadAnswer)?;
    if let Some(more) = payload.query {
        let query = match url.query() {
            Some(query) => format!("{query}&{more}"),
            None => more.to_owned(),
        };
        url.set_query(Some(&query));
    }
    let mut headers = vec![
        ("content-type", "application/json; charset=utf-8"),
        ("user-agent", concat!("mistgate/", env!("CARGO_PKG_VERSION"))),
    ];
    headers.extend(payload.header.as_ref().map(|(name, value)| (*name, value.as_str())));
    let request = Call {
        method: Method::POST,
        url: &url,
        headers: &headers,
        body: Bytes::copy_from_slice(payload.body.as_bytes()),
        timeout,
        take: Take::First(ANSWER_MAX),
    };
    match client.call(&request).await {
        Ok(answer) => {
            Ok(Answer { status: answer.status, retry_after: answer.retry_after, body: answer.body })
        }
        Err(fault) => {
            journal.note(Level::Info, "post_failed", fields![to = to.name, reason = fault]);
            Err(reason(&fault))
        }
    }
}

/// Posts a message with this title and summary that is of no event. The error is why it is not
/// delivered.
pub async fn post_alone(
    outbound: Outbound,
    to: &Destination,
    (title, summary): (String, String),
    timeout: Duration,
    journal: &Arc<Journal>,
) -> Result<(), String> {
    let severity = Severity::Info;
    let told = Notification { severity, title, summary, ..Notification::default() };
    let payload = to.shape(&told, Form::Rich);
    let posted = post(&Client::new(outbound), to, &payload, timeout, journal).await;
    let answer = posted.map_err(|reason| reason.to_string())?;
    match to.kind.outcome(answer.status, answer.retry_after, &answer.body) {
        Outcome::Delivered => Ok(()),
        Outcome::Dead(reason) | Outcome::Degrade(reason) | Outcome::Retry { reason, .. } => {
            Err(format!("{reason} ({})", answer.status))
        }
    }
}

fn reason(fault: &Fault) -> Reason {
    match fault.cause {
        Cause::Request | Cause::Malformed | Cause::TooLong => Reason::BadAnswer,
        Cause::Resolve(_) => Reason::Dns,
        Cause::Connect(_) | Cause::Lost => Reason::Connection,
        Cause::Proxy(_) => Reason::Proxy,
        Cause::Handshake(_) => Reason::Tls,
        Cause::TimedOut { .. } => Reason::Timeout,
    }
}
