//! The meetups, and a channel to the task of each. It is used when a connection comes or goes and
//! when a pair forms or ends, never for a message.

use std::{collections::BTreeMap, sync::Arc};

use smol::channel;

use super::{Totals, connection::Connection, meetup_task::Command};

/// The meetups that have a connection.
#[derive(Debug, Default)]
pub(super) struct Registry {
    meetups: BTreeMap<Arc<str>, Entry>,
    pub(super) totals: Totals,
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
        self.totals.connections += 1;
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
        self.totals.meetups = self.meetups.len();
        begin(name, receiver);
        Ok(())
    }

    /// Notes that a connection has left. True if it was the last one: then the meetup is forgotten,
    /// and nothing more is sent to its task.
    pub(super) fn leave(&mut self, meetup: &str) -> bool {
        self.totals.connections = self.totals.connections.saturating_sub(1);
        let Some(entry) = self.meetups.get_mut(meetup) else {
            return true;
        };
        entry.connections = entry.connections.saturating_sub(1);
        let is_last = entry.connections == 0;
        if is_last {
            self.meetups.remove(meetup);
            self.totals.meetups = self.meetups.len();
        }
        is_last
    }

    /// Forgets a meetup whose task, and with it each of its connections, was lost.
    pub(super) fn forget(&mut self, meetup: &str) {
        self.pair(meetup, false);
        if let Some(entry) = self.meetups.remove(meetup) {
            self.totals.connections = self.totals.connections.saturating_sub(entry.connections);
            self.totals.meetups = self.meetups.len();
        }
    }

    /// Notes that two peers were introduced, or parted.
    pub(super) fn pair(&mut self, meetup: &str, is_paired: bool) {
        let Some(entry) = self.meetups.get_mut(meetup) else {
            return;
        };
        if std::mem::replace(&mut entry.is_paired, is_paired) != is_paired {
            let pairs = self.totals.pairs;
            self.totals.pairs = if is_paired { pairs + 1 } else { pairs.saturating_sub(1) };
        }
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
