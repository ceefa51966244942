//! The outputs of a visit, and what became of its task.

use alloc::{string::String, vec::Vec};

use crate::netconf::rpc::error::{Holder, RpcError};
use crate::ports::{edit::Pushed, question::Answer};
use crate::{base::failure::Failure, base::mac::Mac, junos::rollback::RollbackGuard};

/// What became of a [`Task`](super::input::Task), in the variant of the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The difference that each edit would make; empty if there is none.
    Compared(Result<Vec<String>, Failure>),
    Pushed(Pushed),
    /// `None` if it is not certain, or not for good.
    Read(Option<bool>),
    Seen(Answer),
}

/// A command to the driver, or an event for the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Connect to the switch's NETCONF subsystem.
    Open,
    /// Write these to the switch.
    Send(Vec<u8>),
    /// Ask the cloud whether this access point is connected to it.
    AskCloud { id: u64, ap: Mac },
    /// Keep this for the next visit. It comes before the bytes that make it necessary.
    Remember(RollbackGuard),
    /// An edit waits for a lock that somebody else holds.
    Locked { holder: Holder },
    /// An edit is not in place, or not for good.
    NotChanged { reason: String },
    /// The switch warned about an edit.
    Warned(RpcError),
    /// The last output: drop the connection.
    Done(Outcome),
}
