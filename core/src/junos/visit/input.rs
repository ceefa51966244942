//! The inputs of a visit, its task and its policy.

use alloc::vec::Vec;
use core::{num::NonZeroU16, time::Duration};

use crate::{base::failure::Failure, base::mac::Mac, ports::edit::Edit, ports::name::PortName};
use crate::{junos::rollback::RollbackGuard, netconf::session, ports::switch_port::Switch};

/// The task of a visit, and its policy.
#[derive(Clone, Debug)]
pub struct Config {
    pub task: Task,
    /// What earlier visits may have left on the switch.
    pub guard: RollbackGuard,
    pub session: session::input::Config,
    /// After how many minutes the switch undoes what nobody confirms.
    pub confirm: NonZeroU16,
    /// How long after a commit it may take until the ports are seen to work.
    pub verify: Duration,
}

/// What a visit is for.
#[derive(Clone, Debug)]
pub enum Task {
    /// Show what each of these edits would change, without a lock.
    Compare(Vec<Edit>),
    /// Make these edits, all or none.
    Push(Vec<Edit>),
    /// Find out whether this edit is in place.
    Read(Edit),
    /// Report the state of a port.
    See(Switch, PortName),
}

/// What happened to the connection, at the cloud, or to the program.
#[derive(Clone, Debug)]
pub enum Input {
    /// The connection that [`Open`](super::output::Output::Open) asked for is there.
    Opened,
    /// There is no connection, and why.
    NotOpened(Failure),
    /// The switch sent these.
    Bytes(Vec<u8>),
    /// The connection is gone.
    Closed,
    /// The answer to [`AskCloud`](super::output::Output::AskCloud); `None` if the cloud does not
    /// know.
    CloudAnswered { id: u64, is_connected: Option<bool> },
    /// Mist lost this access point: a change that cut it off need not be looked at any longer.
    Lost(Mac),
    /// End soon: give up waiting for a lock at once, and judge a committed change at the next look.
    Stop,
}
