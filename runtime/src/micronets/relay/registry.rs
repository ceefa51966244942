//! The meetups, and a channel to the task of each. It is used when a connection comes or goes and
//! when a pair forms or ends, never for a message.

use std::{collections::BTreeMap, sync::Arc};

use smol::channel;

use super::{Totals, connection::Connection, meetup_task::Command};

/// The meetups that have a connection.
#[derive(Debug, Default)]
pub(super) struct Registry {
    meetups: BTreeMap<Arc<str>, Entry>,
    is_stopped: bool,
}

#[derive(Debug)]
struct Entry {
    commands: channel::Sender<Command>,
    /// How many were sent there and have not left.
    connections: usize,
    is_paired: bool,
}

impl Registry {
    /// Sends a connection to its meetup; if there is none, `begin` starts its task with the
    /// receiver of its commands. Gives the connection back once the proxy stops.
    pub(super) fn join(
        &mut self,
        meetup: &str,
        connection: Box<Connection>,
        begin: impl FnOnce(Arc<str>, channel::Receiver<Command>),
    ) -> Result<(), Box<Connection>> {
        if self.is_stopped {
            return Err(connection);
        }
        if let Some(entry) = self.meetups.get_mut(meetup) {
            entry.connections += 1;
            // The channel is unbounded, and its task receives until its entry is gone.
            let _ = entry.commands.try_send(Command::Join(connection));
            return Ok(());
        }
        let name: Arc<str> = meetup.into();
        let (commands, receiver) = channel::unbounded();
        let _ = commands.try_send(Command::Join(connection));
        let entry = Entry { commands, connections: 1, is_paired: false };
        self.meetups.insert(Arc::clone(&name), entry);
        begin(name, receiver);
        Ok(())
    }

    /// Notes that a connection has left. True if it was the last one: then the meetup is forgotten,
    /// and nothing more is sent to its task.
    pub(super) fn leave(&mut self, meetup: &str) -> bool {
        let Some(entry) = self.meetups.get_mut(meetup) else { return true };
        entry.connections = entry.connections.saturating_sub(1);
        let is_last = entry.connections == 0;
        if is_last {
            self.meetups.remove(meetup);
        }
        is_last
    }

    /// Forgets a meetup whose task, and with it each of its connections, was lost.
    pub(super) fn forget(&mut self, meetup: &str) {
        self.meetups.remove(meetup);
    }

    /// Notes that two peers were introduced, or parted.
    pub(super) fn pair(&mut self, meetup: &str, is_paired: bool) {
        if let Some(entry) = self.meetups.get_mut(meetup) {
            entry.is_paired = is_paired;
        }
    }

    /// The sums over all meetups.
    pub(super) fn totals(&self) -> Totals {
        let mut totals = Totals { meetups: self.meetups.len(), ..Totals::default() };
        for entry in self.meetups.values() {
            totals.pairs += usize::from(entry.is_paired);
            totals.connections += entry.connections;
        }
        totals
    }

    /// How many connections a meetup has.
    pub(super) fn connections(&self, meetup: &str) -> usize {
        self.meetups.get(meetup).map_or(0, |entry| entry.connections)
    }

    /// Refuses connections from here on, and ends those that are there.
    pub(super) fn stop(&mut self) {
        self.is_stopped = true;
        self.broadcast(|| Command::Stop);
    }

    /// Sends a command to every meetup.
    pub(super) fn broadcast(&self, command: impl Fn() -> Command) {
        for entry in self.meetups.values() {
            // It fails only for a task that has ended.
            let _ = entry.commands.try_send(command());
        }
    }
}
