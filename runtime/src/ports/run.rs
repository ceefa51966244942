//! The life of a plan: there is one while the configuration has `[ports]`.

use std::sync::Arc;

use mistgate_core::{base::rand::Rand, ports::record::Record};
use smol::{channel, future::FutureExt};

use super::{Ends, Message, Settings, Tools, driver::Start, kill_switch, kill_switch::KillSwitch};
use super::{audit_file::Audit, driver::Driver, driver::Ending};
use crate::base::{journal::Level, journal::fields, task};

/// Runs the task, with a plan while there are settings for one, until it is told to end and no
/// change is in flight.
pub(crate) async fn run(settings: Option<Box<Settings>>, seed: u64, tools: Tools, ends: Ends) {
    let mut next = settings;
    let (mut rand, mut last_write) = (Rand::new(seed), 0);
    let mut is_due = true;
    loop {
        let start = match &next {
            Some(_) if is_due => prepare(&tools).await,
            Some(_) | None => None,
        };
        if let Some((restored, audit)) = start
            && let Some(settings) = next.take()
        {
            let switch = KillSwitch::new(settings.kill_switch.clone(), Arc::clone(&tools.journal));
            let events = channel::unbounded();
            let (paths, named) = channel::unbounded();
            let (is_stopped, watching) =
                kill_switch::watch(switch, named, ends.orders.clone(), events.0.clone()).await;
            let (seed, first_write) = (rand.next_u64(), last_write + 1);
            let order = ends.order.clone();
            let start = Start { seed, first_write, restored, audit, events, order, is_stopped };
            let driver = Driver::start(*settings, start, tools.clone(), paths);
            let watching = async {
                watching.await;
                None
            };
            let driving = async { Some(driver.run(&ends.messages).await) };
            // The watching never ends.
            let ended = driving.or(watching).await.expect("the driver ends first");
            let (last, ending, audit) = ended;
            task::unblock(move || audit.close()).await;
            last_write = last;
            match ending {
                Ending::End => return,
                Ending::Off(settings) => next = settings,
            }
            is_due = true;
            continue;
        }
        let message = async { Wake::Message(ends.messages.recv().await) };
        let order = async { Wake::Order(ends.orders.recv().await) };
        is_due = false;
        match message.or(order).await {
            Wake::Message(Ok(Message::Configured(settings))) => (next, is_due) = (settings, true),
            // It may be that only now the store can be read.
            Wake::Message(Ok(Message::Opened)) => is_due = true,
            Wake::Message(Ok(Message::End) | Err(_)) => return,
            // Without a plan nothing is done, and dropping the message answers it.
            Wake::Message(Ok(_)) => {}
            Wake::Order(order) => {
                // Dropping the order answers it.
                if let (Some(settings), Ok(order)) = (&next, order) {
                    let path = settings.kill_switch.clone();
                    KillSwitch::new(path, Arc::clone(&tools.journal)).carry_out(order).await;
                }
            }
        }
    }
}

/// What wakes the task while there is no plan.
enum Wake {
    Message(Result<Message, channel::RecvError>),
    Order(Result<super::Order, channel::RecvError>),
}

/// What a plan needs: what the store has of ports, and the audit's file.
async fn prepare(tools: &Tools) -> Option<(Vec<Record>, Audit)> {
    let restored = read_back(tools).await?;
    match Audit::start(tools.audit.clone(), Arc::clone(&tools.journal)) {
        Ok(audit) => Some((restored, audit)),
        Err(error) => {
            tools.journal.note(Level::Error, "audit_failed", fields![reason = error]);
            None
        }
    }
}

/// The records of the store. `None` if they cannot be read: nothing may be changed then, because it
/// is not known what ports had before.
async fn read_back(tools: &Tools) -> Option<Vec<Record>> {
    let store = tools.store.clone();
    let rows = match task::unblock(move || store.ports()).await {
        Ok(rows) => rows,
        Err(error) => {
            tools.journal.note(Level::Error, "ports_unreadable", fields![reason = error]);
            return None;
        }
    };
    let mut records = Vec::new();
    for row in rows {
        match row {
            Ok(record) => records.push(record),
            Err((port, reason)) => {
                tools.journal.note(Level::Error, "port_unreadable", fields![port, reason]);
            }
        }
    }
    Some(records)
}
