//! The console in place of a chat: messages are printed on standard output.

mod shape;

use super::kind::{Format, Kind};

/// Has neither URLs nor limits, and prints each message as one line of JSON.
pub static KIND: Kind = Kind {
    name: "console",
    formats: &[Format { name: "json", shape: shape::shape, warning: None }],
    is_stream: true,
    is_grouped: false,
    pace: &[],
    url: None,
    default_url: None,
    keys: &[],
    answer: |_| None,
};
