//! The configuration as the program uses it: complete and valid.
//!
//! Parts that a machine needs stand beside that machine; this joins them.

use alloc::{string::String, vec::Vec};
use core::net::SocketAddr;

use http_types::Url;

use super::{admin::Admin, ports::Method, ports::Ports, store::Store};
use crate::{delivery::config::Chat, incident::config::Rules, micronets::proxy::Proxy};
use crate::{mist::Mist, mist::webhook::wanted::Wanted, webhook::config::Webhook};

/// The whole configuration. A part that is absent is switched off.
#[derive(Clone, Debug)]
pub struct Config {
    /// The folder of the store and of generated secrets.
    pub state_dir: String,
    pub store: Store,
    pub mist: Mist,
    /// The organisations besides that of `mist`.
    pub orgs: Vec<Mist>,
    pub webhook: Option<Webhook>,
    pub chat: Chat,
    /// When incidents are told.
    pub incidents: Rules,
    pub ports: Option<Ports>,
    pub proxy: Option<Proxy>,
    pub admin: Option<Admin>,
}

impl Config {
    /// The addresses of the listeners, by their sections; none where there is no such section.
    pub fn listeners(&self) -> [(&'static str, Option<SocketAddr>); 3] {
        [
            ("webhook", self.webhook.as_ref().map(|webhook| webhook.listen)),
            ("proxy", self.proxy.as_ref().map(|proxy| proxy.listen)),
            ("admin", self.admin.as_ref().map(|admin| admin.listen)),
        ]
    }

    /// The organisations: that of `[mist]` unless there are only others, and those.
    pub fn organisations(&self) -> impl Iterator<Item = &Mist> {
        let main = Some(&self.mist).filter(|mist| mist.org_id.is_some() || self.orgs.is_empty());
        main.into_iter().chain(&self.orgs)
    }

    /// The webhook in Mist of an organisation as this wants it, at a URL where Mist reaches us. The
    /// error is the key that is missing.
    pub fn wanted_webhook(&self, of: &Mist, url: Option<Url>) -> Result<Wanted, &'static str> {
        let webhook = self.webhook.as_ref().ok_or("webhook")?;
        let org = of.org_id.clone().ok_or("mist.org_id")?;
        let ports = self.ports.as_ref().filter(|_| !of.is_other);
        let has_chats = !self.chat.destinations.is_empty();
        let writes = |ports: &Ports| {
            !ports.plan.is_observing && matches!(ports.method, Some(Method::Mist(_)))
        };
        Ok(Wanted {
            org,
            url,
            verifies_cert: webhook.verify_cert,
            secrets: webhook.secrets.clone(),
            routes: has_chats.then(|| (*self.chat.routes).clone()),
            has_ports: ports.is_some(),
            writes: ports.is_some_and(writes),
        })
    }
}
