//! Random chat configurations: the destinations, their paces, and the delivery's limits.

use core::time::Duration;

use mistgate_core::base::secret::Secret;
use mistgate_core::base::window::Window;
use mistgate_core::chat::kind::{Kind, Options};
use mistgate_core::chat::{console, google, slack, teams};
use mistgate_core::delivery::batch::ChatId;
use mistgate_core::delivery::config::{Chat, Delivery, Destination};
use mistgate_core::route::Routes;

use crate::base::bytes::Bytes;

const FAST: &[Window] = &[Window::per_secs(5, 1)];
const OFF: &[Window] = &[];

/// A configuration. The simplest has one destination of each product, at the vendor's pace.
pub fn chat(bytes: &mut Bytes<'_>) -> Chat {
    let lacks = bytes.byte();
    let has = |bit: u32| lacks & (1 << bit) == 0;
    // A new URL for the same channel. Events that wait for the old one must go to the new one.
    let renamed = bytes.chance(60);
    let pace = bytes.pick(&[None, None, Some(OFF), Some(FAST)]);
    let teams_format = bytes.count(1);
    let mut destinations = Vec::new();
    let mut add = |kind: &'static Kind, channels: &[&str], default| {
        let place = channels.first().copied().unwrap_or("default");
        let version = if renamed { "new" } else { "old" };
        destinations.push(Destination {
            chat: kind.name.into(),
            name: format!("{}/{place}", kind.name),
            is_named: false,
            kind,
            format: kind.formats.get(teams_format).unwrap_or(kind.default_format()),
            url: kind
                .url
                .map(|_| Secret::new(format!("https://{}.example/{place}/{version}", kind.name))),
            channels: channels.iter().map(|channel| (*channel).to_owned()).collect(),
            default,
            pace: pace.filter(|_| kind.url.is_some()).unwrap_or(kind.pace).to_vec(),
            options: Options::default(),
            fallback: None,
        });
    };
    if has(0) {
        add(&slack::KIND, &[], true);
    }
    if has(1) {
        add(&slack::KIND, &["critical"], false);
    }
    if has(2) {
        add(&slack::KIND, &["info", "debug"], false);
    }
    if has(3) {
        add(&teams::KIND, &[], true);
    }
    if has(4) {
        add(&google::KIND, &["warning"], has(5));
    }
    if !has(6) {
        add(&console::KIND, &[], true);
    }
    let delivery = Delivery {
        max_age: Duration::from_secs(bytes.pick(&[86_400, 86_400, 3_600, 60])),
        queue_max: bytes.pick(&[50_000, 50_000, 400, 12]),
        digest_after: Duration::from_secs(bytes.pick(&[30, 5, 600])),
        ..Delivery::default()
    };
    Chat { routes: Routes::default().into(), destinations, delivery }
}

/// What makes two destinations the same to the engine: the chat and the URL.
pub(super) type DestinationKey = (ChatId, Option<String>);

pub(super) fn destination_key(to: &Destination) -> DestinationKey {
    (to.chat.clone(), to.url.as_ref().map(|url| url.expose().to_owned()))
}

/// The destination of a chat's events of a channel.
pub(super) fn key_of(config: &Chat, channel: &str, chat: &ChatId) -> Option<DestinationKey> {
    config.serving(channel).find(|to| to.chat == *chat).map(destination_key)
}
