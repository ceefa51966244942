//! Chat configurations from luck: which destinations there are, how fast, and how patient.

use core::time::Duration;

use mistgate_core::{
    base::{secret::Secret, window::Window},
    chat::shape::{Kind, TeamsFormat},
    config::checked::{Chat, Delivery, Destination},
    delivery::pace,
    route::Routes,
};

use crate::base::bytes::Bytes;

const FAST: &[Window] = &[Window::per_secs(5, 1)];
const OFF: &[Window] = &[];

/// A configuration. The plainest has one destination of each product, at the vendors' paces.
pub fn chat(bytes: &mut Bytes<'_>) -> Chat {
    let lacks = bytes.byte();
    let has = |bit: u32| lacks & (1 << bit) == 0;
    // Another URL for the same channel: what waits for the old one must find the new one.
    let renamed = bytes.chance(60);
    let pace = bytes.pick(&[None, None, Some(OFF), Some(FAST)]);
    let teams = Kind::Teams(bytes.pick(&[TeamsFormat::AdaptiveCard, TeamsFormat::MessageCard]));
    let mut destinations = Vec::new();
    let mut add = |kind: Kind, channels: &[&str], default, vendor: &[Window]| {
        let place = channels.first().copied().unwrap_or("default");
        let version = if renamed { "new" } else { "old" };
        destinations.push(Destination {
            name: format!("{}/{place}", kind.name()),
            kind,
            url: (kind != Kind::Console)
                .then(|| Secret::new(format!("https://{}.example/{place}/{version}", kind.name()))),
            channels: channels.iter().map(|channel| (*channel).to_owned()).collect(),
            default,
            pace: pace.unwrap_or(vendor).to_vec(),
        });
    };
    if has(0) {
        add(Kind::Slack, &[], true, pace::SLACK);
    }
    if has(1) {
        add(Kind::Slack, &["critical"], false, pace::SLACK);
    }
    if has(2) {
        add(Kind::Slack, &["info", "debug"], false, pace::SLACK);
    }
    if has(3) {
        add(teams, &[], true, pace::TEAMS);
    }
    if has(4) {
        add(Kind::Google, &["warning"], has(5), pace::GOOGLE);
    }
    if !has(6) {
        add(Kind::Console, &[], true, &[]);
    }
    let delivery = Delivery {
        max_age: Duration::from_secs(bytes.pick(&[86_400, 86_400, 3_600, 60])),
        queue_max: bytes.pick(&[50_000, 50_000, 400, 12]),
        digest_after: Duration::from_secs(bytes.pick(&[30, 5, 600])),
        ..Delivery::default()
    };
    Chat { routes: Routes::default(), destinations, delivery }
}
