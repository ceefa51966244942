//! The outputs of the plan.

use alloc::{string::String, vec::Vec};

use crate::ports::switch_port::{Switch, SwitchPort};
use crate::ports::{edit::Edit, question::Question, record::Record, report::Report};

/// Commands and events of the plan. A `Store` must be on disk before a `Push`
/// that follows it is carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Find out, and answer with `Answered`.
    Ask { id: u64, question: Question },
    /// Find out what each of these edits would change, without a lock or a change; answer with
    /// `Compared`. If it `is_undo`, the kill switch does not hinder it.
    Compare { id: u64, switch: Switch, edits: Vec<Edit>, is_undo: bool },
    /// Remove the record of the port.
    Forget(SwitchPort),
    /// Change ports of one switch, all or none; answer with `Pushed`. If it `is_undo`, the kill
    /// switch does not hinder it.
    Push { id: u64, switch: Switch, edits: Vec<Edit>, is_undo: bool },
    /// Find out whether a port has its mode; answer with `Read`.
    Read { id: u64, switch: Switch, edit: Edit },
    /// For the chat, the journal, the audit and the metrics.
    Report(Report),
    /// Turn the kill switch on, for this reason, and answer with `Stop`.
    Stop(String),
    /// Store this record in place of an earlier one of the port.
    Store(Record),
}
