//! The changes of ports on their way to the switch: batches, refusals, results and records.

use alloc::{format, string::String, vec::Vec};
use core::mem;

use super::output::Output;
use super::{APPROVAL_MAX, BATCH_MAX, Due, GATHER, PROOF_MAX, Plan, state::Pending, state::Sent};
use crate::base::{failure::Failure, mac::Mac, machine::Machine, time::Instant};
use crate::ports::edit::{Edit, Edits, Pushed};
use crate::ports::switch_port::{Mode, Switch, SwitchPort};
use crate::ports::{decide::Reason, governor::Refusal, name::PortName, port};
use crate::ports::{port::Port, port::Want, record::Record, report::Change, report::Report};

/// Whether a port that waits goes with the batch.
enum Fit {
    /// It waits, until this time if one is known.
    Later(Option<Instant>),
    /// Its change is dropped.
    Never,
    Now(Sent),
}

impl Plan {
    pub(super) fn handle_port(
        &mut self,
        now: Instant,
        switch_port: SwitchPort,
        input: port::Input,
    ) {
        if let Some(slot) = self.slots.get_mut(&switch_port) {
            slot.port.handle_input(now, input);
        }
        self.drain_port(now, switch_port);
        self.keep(now, switch_port);
    }

    pub(super) fn drain_port(&mut self, now: Instant, switch_port: SwitchPort) {
        while let Some(output) =
            self.slots.get_mut(&switch_port).and_then(|slot| slot.port.poll_output())
        {
            match output {
                port::Output::Due => self.wait(now, switch_port),
                port::Output::Read(mode) => self.read_back(switch_port, mode),
                port::Output::Failed { want, failed } => {
                    let change = self.change(now, switch_port, &want);
                    let slot = self.slots.get_mut(&switch_port).filter(|_| failed.retry.is_none());
                    if let Some(slot) = slot {
                        slot.pending = None;
                    }
                    if let Some((switch, change)) = change
                        && (failed.is_news || failed.retry.is_some())
                    {
                        self.report(Report::Failed { switch, change, failed });
                    }
                }
                port::Output::Settled { want, .. } => self.settled(now, switch_port, &want),
            }
        }
        let at = self.slots.get(&switch_port).and_then(|slot| slot.port.poll_timeout());
        self.timers.set(Due::Port(switch_port), at);
    }

    /// Lets a change wait for the others of its switch.
    fn wait(&mut self, now: Instant, switch_port: SwitchPort) {
        if let Some(queue) = self.queues.get_mut(&switch_port.switch) {
            queue.due.insert(switch_port.port);
            let push_at = now + GATHER;
            queue.push_at = Some(queue.push_at.map_or(push_at, |earlier| earlier.min(push_at)));
        }
        self.arm(switch_port.switch);
    }

    fn arm(&mut self, mac: Mac) {
        let queue = self.queues.get(&mac).filter(|queue| queue.batch.is_none());
        self.timers.set(Due::Queue(mac), queue.and_then(|queue| queue.push_at));
    }

    /// Judges all waiting changes again at once.
    pub(super) fn judge_again(&mut self, now: Instant) {
        for (mac, queue) in self.queues.iter_mut().filter(|(_, queue)| !queue.due.is_empty()) {
            queue.push_at = Some(now);
            self.timers.set(Due::Queue(*mac), queue.push_at.filter(|_| queue.batch.is_none()));
        }
    }

    /// Sends the waiting changes of a switch that are allowed, as one batch.
    pub(super) fn push(&mut self, now: Instant, mac: Mac) {
        let Some(queue) = self.queues.get_mut(&mac).filter(|queue| queue.batch.is_none()) else {
            return;
        };
        queue.push_at = None;
        let waiting: Vec<PortName> = queue.due.iter().copied().collect();
        let mut batch: Vec<Sent> = Vec::new();
        let mut again_at: Option<Instant> = None;
        let mut is_full = false;
        for port in waiting {
            let switch_port = SwitchPort { switch: mac, port };
            // What is undone goes alone, since neither observing nor the kill switch hinders it.
            let first = batch.first().map(|first| self.undoes(first.switch_port));
            let is_other = first.is_some_and(|undoes| undoes != self.undoes(switch_port));
            let is_alone = self.queues.get(&mac).is_some_and(|queue| queue.alone.contains(&port));
            let fit = if is_full || is_other || (is_alone && !batch.is_empty()) {
                Fit::Later(Some(now))
            } else {
                self.fit(now, switch_port)
            };
            match fit {
                Fit::Later(at) => again_at = [again_at, at].into_iter().flatten().min(),
                Fit::Never => self.done_waiting(switch_port),
                Fit::Now(sent) => {
                    self.done_waiting(switch_port);
                    batch.push(sent);
                    is_full = is_alone || batch.len() >= BATCH_MAX;
                }
            }
        }
        if let Some(queue) = self.queues.get_mut(&mac) {
            queue.push_at = [queue.push_at, again_at].into_iter().flatten().min();
        }
        if !batch.is_empty() {
            self.send(now, mac, batch);
        }
        self.arm(mac);
    }

    /// Whether the change of a port that is due takes another one back.
    fn undoes(&self, at: SwitchPort) -> bool {
        let due = self.slots.get(&at).and_then(|slot| slot.port.due());
        due.is_some_and(|want| want.reason == Reason::Undo)
    }

    fn done_waiting(&mut self, switch_port: SwitchPort) {
        if let Some(queue) = self.queues.get_mut(&switch_port.switch) {
            queue.due.remove(&switch_port.port);
        }
    }

    /// Whether a port's change may go now.
    fn fit(&mut self, now: Instant, switch_port: SwitchPort) -> Fit {
        let due = self.slots.get(&switch_port).and_then(|slot| slot.port.due());
        let Some(want) = due.copied() else { return Fit::Never };
        let approval = self.approval(now, switch_port, &want);
        let Some((slot, switch)) =
            self.slots.get(&switch_port).zip(self.switch(switch_port.switch))
        else {
            return Fit::Never;
        };
        let sent = Sent { switch_port, is_first: !slot.port.is_touched() };
        let at = (switch, switch_port.port);
        if let Err(mut refusal) = self.governor.judge(now, self.wall(now), at, approval) {
            let waits = slot.pending.filter(|_| refusal.rule == "ports.approve_first");
            let ends_at = waits.map(|pending| pending.since + APPROVAL_MAX);
            if ends_at.is_some_and(|ends_at| ends_at <= now) {
                let words = "nobody approved it within 24 hours";
                refusal = Refusal::listed(refusal.rule, words.into());
            }
            let Refusal { rule, is_for_now, until, .. } = refusal;
            if (slot.refused != Some(rule) || !is_for_now)
                && let Some((switch, change)) = self.change(now, switch_port, &want)
            {
                self.report(Report::Refused { switch, change, refusal });
            }
            if let Some(slot) = self.slots.get_mut(&switch_port) {
                slot.refused = Some(rule);
            }
            if is_for_now {
                // When a limit has room for one change, it soon has room for more.
                let until = until.map(|until| until.max(now + GATHER));
                return Fit::Later([until, ends_at].into_iter().flatten().min());
            }
            if ends_at.is_some() {
                self.leave(now, switch_port);
            } else {
                self.handle_port(now, switch_port, port::Input::Refused);
            }
            return Fit::Never;
        }
        if want.proved_at.is_some_and(|proved_at| proved_at + PROOF_MAX <= now) {
            self.look_again(now, switch_port);
            return Fit::Never;
        }
        let site = switch.site.clone();
        self.governor.note(now, switch_port, &site);
        if let Some(slot) = self.slots.get_mut(&switch_port) {
            slot.refused = None;
        }
        Fit::Now(sent)
    }

    fn send(&mut self, now: Instant, mac: Mac, batch: Vec<Sent>) {
        let is_undo = batch.iter().all(|sent| self.undoes(sent.switch_port));
        if self.config.observes() && !is_undo {
            return self.foresee(mac, batch);
        }
        let edits: Vec<Edit> =
            batch.iter().filter_map(|sent| self.edit(sent.switch_port, None)).collect();
        let wall = self.wall(now);
        for sent in &batch {
            // From here on limits count the change, also after a restart.
            if let Some(slot) = self.slots.get_mut(&sent.switch_port) {
                slot.changed_at = Some(wall);
            }
            self.handle_port(now, sent.switch_port, port::Input::Taken);
        }
        let Some(switch) = self.switch(mac).cloned() else { return };
        let id = self.next_id();
        self.pushed.insert(id, mac);
        if let Some(queue) = self.queues.get_mut(&mac) {
            queue.batch = Some(batch);
        }
        self.outputs.push_back(Output::Push { id, switch, edits, is_undo });
    }

    /// Asks what is different on ports that are due, or else should have mode `ap`.
    pub(super) fn foresee(&mut self, mac: Mac, batch: Vec<Sent>) {
        let edit = |Sent { switch_port, .. }: &Sent| {
            self.edit(*switch_port, None).or_else(|| self.edit(*switch_port, Some(Mode::Ap)))
        };
        let edits: Vec<Edit> = batch.iter().filter_map(edit).collect();
        let Some(switch) = self.switch(mac).filter(|_| edits.len() == batch.len()).cloned() else {
            return;
        };
        let id = self.next_id();
        self.comparing.insert(id, batch);
        self.outputs.push_back(Output::Compare { id, switch, edits, is_undo: false });
    }

    /// Reports what would be changed. The mode of a port that we really changed stays as it is.
    pub(super) fn compared(
        &mut self,
        now: Instant,
        id: u64,
        compared: &Result<Vec<String>, Failure>,
    ) {
        if let Some(undone) = self.undoing.remove(&id) {
            let is_same = |diffs: &Vec<String>| diffs.iter().all(String::is_empty);
            return self.undo(now, undone, compared.as_ref().map(is_same).map_err(Clone::clone));
        }
        let batch = self.comparing.remove(&id).unwrap_or_default();
        let mac = batch.first().map(|sent| sent.switch_port.switch);
        // What came due since it was asked about is judged in its turn.
        let due = mac.and_then(|mac| self.queues.get(&mac)).map(|queue| queue.due.clone());
        let due = due.unwrap_or_default();
        let (mut right, mut others, mut diffs) = (Vec::new(), Vec::new(), Vec::new());
        for (nth, Sent { switch_port, is_first }) in batch.into_iter().enumerate() {
            if due.contains(&switch_port.port) {
                continue;
            }
            let foreseen = compared.as_ref().ok().and_then(|diffs| diffs.get(nth)).cloned();
            let slot = self.slots.get_mut(&switch_port);
            let Some(slot) = slot.filter(|slot| slot.port.due().is_some()) else {
                self.drifted(now, switch_port, foreseen);
                continue;
            };
            if !self.config.observes() {
                self.wait(now, switch_port);
                continue;
            }
            slot.foreseen.clone_from(&foreseen);
            let want = slot.port.due().copied();
            if is_first || slot.is_observed {
                slot.is_observed = true;
                let done = Pushed::Done { diff: String::new(), before: Vec::new() };
                self.handle_port(now, switch_port, port::Input::Taken);
                self.handle_port(now, switch_port, port::Input::Pushed(done));
            } else {
                let mode = want.map(|want| want.mode);
                let is_news = mem::replace(&mut slot.observed, mode) != mode;
                let change =
                    want.filter(|_| is_news).and_then(|want| self.change(now, switch_port, &want));
                self.settled.extend(change.map(|(_, change)| change));
                self.handle_port(now, switch_port, port::Input::Refused);
            }
            if foreseen.as_ref().is_some_and(String::is_empty) {
                right.append(&mut self.settled);
            } else {
                others.append(&mut self.settled);
                diffs.extend(foreseen);
            }
        }
        if let Err(failure) = compared {
            diffs.push(format!("!  what is configured is not known: {failure}"));
        }
        for (changes, diff) in [(right, String::new()), (others, diffs.join("\n"))] {
            self.settled = changes;
            let settled = mac.and_then(|mac| self.take_settled(mac));
            if let Some((switch, changes)) = settled {
                self.report(Report::Observed { switch, changes, diff });
            }
        }
    }

    /// The edit of a port to `mode`, or to the mode that it waits for.
    pub(super) fn edit(&self, switch_port: SwitchPort, mode: Option<Mode>) -> Option<Edit> {
        let slot = self.slots.get(&switch_port)?;
        let mode = mode.or(slot.port.due().map(|want| want.mode))?;
        let edits = self.config.edits.of(self.switch(switch_port.switch)?);
        let is_undo = slot.port.wanted().is_some_and(|want| want.reason == Reason::Undo);
        // What is undone goes back to what was there, where that is known.
        let previous =
            (is_undo && slot.before.is_some()).then(|| Edits { default: None, ..edits.clone() });
        let edits = previous.as_ref().unwrap_or(edits);
        let edit = edits.edit(switch_port.port, mode, slot.ap, slot.before.clone());
        let is_in_doubt = slot.port.is_touched() && slot.port.mode().is_none();
        Some(Edit { is_in_doubt, ..edit })
    }

    pub(super) fn pushed(&mut self, now: Instant, id: u64, mut pushed: Pushed) {
        let Some(mac) = self.pushed.remove(&id) else { return };
        let batch = self.queues.get_mut(&mac).and_then(|queue| queue.batch.take());
        let batch = batch.unwrap_or_default();
        let (diff, before) = match &mut pushed {
            Pushed::Done { diff, before } => (mem::take(diff), mem::take(before)),
            Pushed::Failed(_) | Pushed::Unknown(_) => Default::default(),
        };
        let is_divided = batch.len() > 1
            && matches!(&pushed, Pushed::Failed(failure) if failure.is_of_one_port());
        let is_wrong = match &pushed {
            Pushed::Done { .. } => false,
            Pushed::Failed(failure) => failure.is_of_one_port() && !is_divided,
            Pushed::Unknown(failure) => *failure != Failure::Stopped,
        };
        for sent in &batch {
            self.count_end(now, sent.switch_port, &pushed, is_wrong, diff.is_empty());
            if let Some(queue) = self.queues.get_mut(&mac) {
                if is_divided {
                    queue.alone.insert(sent.switch_port.port);
                } else {
                    queue.alone.remove(&sent.switch_port.port);
                }
            }
            let before =
                before.iter().find(|(port, _)| *port == sent.switch_port.port && sent.is_first);
            if let Some((slot, (_, before))) = self.slots.get_mut(&sent.switch_port).zip(before) {
                slot.before = Some(before.clone());
            }
            let input =
                if is_divided { port::Input::PutBack } else { port::Input::Pushed(pushed.clone()) };
            self.handle_port(now, sent.switch_port, input);
        }
        self.report_settled(mac, diff, false);
        if let Some(queue) = self.queues.get_mut(&mac)
            && !queue.due.is_empty()
        {
            queue.push_at.get_or_insert(now);
        }
        self.arm(mac);
    }

    /// Counts what went wrong in a row, which stops all changes. What changed nothing cannot be
    /// undone.
    fn count_end(
        &mut self,
        now: Instant,
        at: SwitchPort,
        pushed: &Pushed,
        is_wrong: bool,
        is_same: bool,
    ) {
        if let Pushed::Done { .. } = pushed {
            self.governor.made(at);
            if let Some(slot) = self.slots.get_mut(&at).filter(|_| is_same) {
                slot.pending = None;
            }
        }
        let too_many = if is_wrong { self.governor.failed(at) } else { None };
        if let Some((count, mac)) = too_many.filter(|_| self.governor.stop(true)) {
            let on = mac.and_then(|mac| self.switch(mac)).map(|switch| format!(" on {switch}"));
            let on = on.unwrap_or_default();
            let because =
                format!("too many changes failed in a row{on}: {count} (ports.abort_after)");
            self.outputs.push_back(Output::Stop(because.clone()));
            self.report(Report::Stopped { is_on: true, because: Some(because) });
            self.judge_again(now);
        }
    }

    pub(super) fn read_back(&mut self, switch_port: SwitchPort, mode: Mode) {
        if self.governor.is_stopped() {
            return self.unread.push((switch_port, mode));
        }
        let switch = self.switch(switch_port.switch).cloned();
        let Some((switch, edit)) = switch.zip(self.edit(switch_port, Some(mode))) else { return };
        let id = self.next_id();
        self.reads.insert(id, switch_port);
        self.outputs.push_back(Output::Read { id, switch, edit });
    }

    pub(super) fn read(&mut self, now: Instant, id: u64, is_done: Option<bool>) {
        if let Some(switch_port) = self.reads.remove(&id) {
            self.handle_port(now, switch_port, port::Input::Read(is_done));
            self.report_settled(switch_port.switch, String::new(), true);
        }
    }

    fn settled(&mut self, now: Instant, switch_port: SwitchPort, want: &Want) {
        let wall = self.wall(now);
        if let Some(slot) = self.slots.get_mut(&switch_port) {
            slot.changed_at = Some(wall);
            slot.is_observed &= self.config.observes();
            let is_made = |one: &Pending| one.mode == want.mode && one.is_undoable;
            let made = slot.pending.take().filter(is_made).map(|one| (one.number, one.mode));
            slot.made = made.or(slot.made.filter(|(_, mode)| *mode == want.mode));
            (slot.observed, slot.foreseen) =
                (None, slot.foreseen.take().filter(|_| slot.is_observed));
        }
        let change = self.change(now, switch_port, want);
        self.settled.extend(change.map(|(_, change)| change));
    }

    fn report_settled(&mut self, mac: Mac, diff: String, is_read_back: bool) {
        if let Some((switch, changes)) = self.take_settled(mac) {
            self.report(Report::Settled { switch, changes, diff, is_read_back });
        }
    }

    /// Takes the changes of a switch that are not reported yet.
    fn take_settled(&mut self, mac: Mac) -> Option<(Switch, Vec<Change>)> {
        let changes = mem::take(&mut self.settled);
        self.switch(mac).cloned().zip((!changes.is_empty()).then_some(changes))
    }

    pub(super) fn change(
        &self,
        now: Instant,
        switch_port: SwitchPort,
        want: &Want,
    ) -> Option<(Switch, Change)> {
        let (switch, slot) =
            (self.switch(switch_port.switch)?.clone(), self.slots.get(&switch_port)?);
        let change = Change {
            port: switch_port.port,
            mode: want.mode,
            ap: want.ap,
            reason: want.reason,
            took: now - want.since,
            lines: self.edit(switch_port, Some(want.mode)).map_or_else(Vec::new, |edit| edit.lines),
            number: slot.number(want.mode),
        };
        Some((switch, change))
    }

    /// Stores the record of a port, or forgets the port if it is in its default mode without an
    /// access point and nobody can undo that.
    pub(super) fn keep(&mut self, now: Instant, switch_port: SwitchPort) {
        let Some(slot) = self.slots.get_mut(&switch_port) else { return };
        if slot.port.is_idle() {
            slot.pending = slot.pending.filter(|pending| pending.is_approved);
            if slot.ap.is_none() && slot.port.mode() == Some(Mode::Default) {
                // The next change is a first one again.
                slot.port = Port::new(self.config.port, self.rand.next_u64(), now);
            }
        }
        let Some((slot, switch)) =
            self.slots.get(&switch_port).zip(self.switch(switch_port.switch))
        else {
            return;
        };
        let port = &slot.port;
        let given_back = slot.made.filter(|_| slot.is_given_back()).map(|(_, mode)| mode);
        let is_ours = !slot.is_given_back()
            || slot.pending.is_some()
            || slot.made.is_some()
            || slot.left.is_some();
        let record = is_ours.then(|| Record {
            switch: switch.clone(),
            port: switch_port.port,
            ap: slot.ap,
            mode: port.mode().filter(|_| !port.is_pushing()).or(given_back),
            is_touched: port.is_touched() || port.is_pushing(),
            is_observed: slot.is_observed,
            before: slot.before.clone(),
            changed_at: slot.changed_at,
            change: slot.made.map(|(number, _)| number),
            left: slot.left,
        });
        if record == slot.kept && record.is_some() {
            return;
        }
        if let Some(record) = record {
            if let Some(slot) = self.slots.get_mut(&switch_port) {
                slot.kept = Some(record.clone());
            }
            self.outputs.push_back(Output::Store(record));
        } else {
            let slot = self.slots.remove(&switch_port);
            self.timers.set(Due::Port(switch_port), None);
            if slot.is_some_and(|slot| slot.kept.is_some()) {
                self.outputs.push_back(Output::Forget(switch_port));
            }
        }
    }
}
