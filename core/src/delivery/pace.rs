//! How fast each vendor lets a webhook be written to.

use crate::base::window::Window;

/// Slack: one message per second and webhook (docs.slack.dev, "Rate limits").
pub const SLACK: &[Window] = &[Window::per_secs(1, 1)];
/// Google Chat: 60 writes per minute and space, webhooks included (developers.google.com, "Usage
/// limits"), spread evenly because the space is shared with other apps.
pub const GOOGLE: &[Window] = &[Window::per_secs(1, 1), Window::per_secs(60, 60)];
/// Teams: the windows that Microsoft publishes for a channel (learn.microsoft.com, "Rate limiting
/// for connectors").
pub const TEAMS: &[Window] = &[
    Window::per_secs(4, 1),
    Window::per_secs(60, 30),
    Window::per_secs(100, 3_600),
    Window::per_secs(150, 7_200),
    Window::per_secs(1_800, 86_400),
];
