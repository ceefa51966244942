//! The accepted events that the store still has, for `mistgate replay`.

use std::borrow::Cow;

use mistgate_core::delivery::batch;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Admin, Answer, Asked, JSON, ok, unavailable};
use crate::base::{store::Accepted, task};

/// What follows the batch of this number; 0 for the first.
pub(super) const AFTER: &str = "/history/{id}";

/// The most bytes of batches in a page, unless one alone has more.
pub const PAGE_MAX: usize = 512 << 10;

/// Some batches, in the order of acceptance.
#[derive(Debug, Serialize, Deserialize)]
pub struct Page<'a> {
    #[serde(borrow)]
    pub batches: Vec<Batch<'a>>,
}

/// The events of a topic that were accepted together.
#[derive(Debug, Serialize, Deserialize)]
pub struct Batch<'a> {
    pub id: u64,
    /// When they came, as in RFC 3339.
    pub at: String,
    #[serde(borrow)]
    pub topic: Cow<'a, str>,
    /// As Mist sent them.
    #[serde(borrow)]
    pub events: Vec<&'a RawValue>,
}

impl<'a> Page<'a> {
    /// What is in these batches. What cannot be read is left out.
    pub fn new(accepted: &'a [Accepted]) -> Self {
        let read = |Accepted { batch: id, bytes }: &'a Accepted| {
            let batch = batch::decode(bytes).ok()?;
            let raw = |text: &'a str| serde_json::from_str(text).ok();
            let events = batch.events.iter().filter_map(|event| raw(event.text)).collect();
            let (at, topic) = (batch.received_at.rfc3339(), batch.topic.into());
            Some(Batch { id: *id, at, topic, events })
        };
        Self { batches: accepted.iter().filter_map(read).collect() }
    }
}

pub(super) async fn after(admin: &Admin, asked: Asked<'_>) -> Answer {
    let unreadable = || unavailable("the store cannot be read for now");
    let (id, status) = asked.id().zip(admin.driver.status().await).ok_or_else(unreadable)?;
    let read = move || {
        let accepted = status.store.accepted(id, PAGE_MAX)?;
        serde_json::to_string(&Page::new(&accepted)).ok()
    };
    let page = task::unblock(read).await.ok_or_else(unreadable)?;
    Ok(ok().content(JSON, page))
}
