//! What the plan wants, and what it has to tell.

use alloc::vec::Vec;

use crate::ports::{
    edit::Edit,
    question::Question,
    record::Record,
    report::Report,
    switch_port::{Switch, SwitchPort},
};

/// Commands and events of the plan. A `Store` must be on disk before a `Push`
/// that follows it is carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Find out; answer with `Answered`.
    Ask { id: u64, question: Question },
    /// Nothing needs to be known of the port any more.
    Forget(SwitchPort),
    /// Change ports of one switch, all or none; answer with `Pushed`.
    Push { id: u64, switch: Switch, edits: Vec<Edit> },
    /// Find out whether a port has its mode; answer with `Read`.
    Read { id: u64, switch: Switch, edit: Edit },
    /// For the chat, the journal, the audit and the metrics.
    Report(Report),
    /// Keep this, in place of what is kept of the port.
    Store(Record),
}
