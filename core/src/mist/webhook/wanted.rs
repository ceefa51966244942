//! The webhook as the configuration wants it.

use alloc::{borrow::Cow, borrow::ToOwned, collections::BTreeSet, string::String, vec::Vec};

use http_types::Url;

use crate::{base::secret::Secret, event::Topic, ports::ap_event::Cause, route::Routes};

/// What the configuration says about the webhook and the token.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The organisation's id.
    pub org: String,
    /// Where Mist reaches us; `None` where the configuration does not say, which leaves only the
    /// token to be compared.
    pub url: Option<Url>,
    /// Whether Mist is to verify our certificate.
    pub verifies_cert: bool,
    /// The secrets that may sign, the newest first.
    pub secrets: Vec<Secret>,
    /// Where events go; `None` where no chat is told.
    pub routes: Option<Routes>,
    /// Whether switch ports follow what is said of access points.
    pub has_ports: bool,
    /// Whether the token has to change switches.
    pub writes: bool,
}

impl Wanted {
    /// The topics of which something is wanted.
    pub fn topics(&self) -> BTreeSet<String> {
        let mut topics = self.routes.as_ref().map(Routes::topics).unwrap_or_default();
        let of_aps = [Topic::DeviceEvents, Topic::DeviceUpdowns];
        if self.has_ports && !of_aps.iter().any(|topic| topics.contains(topic.name())) {
            topics.insert(Topic::DeviceEvents.name().to_owned());
        }
        topics
    }

    /// Whether an event of this topic and type is wanted.
    pub fn takes(&self, topic: &str, kind: &str) -> bool {
        let topic = Topic::parse(Cow::Borrowed(topic));
        let is_of_aps = matches!(topic, Topic::DeviceEvents | Topic::DeviceUpdowns)
            && Cause::parse(kind).is_some();
        self.routes.as_ref().is_some_and(|routes| routes.takes(&topic, kind))
            || (self.has_ports && is_of_aps)
    }
}
