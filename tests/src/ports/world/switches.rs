//! How switches carry out changes: mostly as told, sometimes not, and sometimes nobody knows.

use core::{mem, time::Duration};

use mistgate_core::base::failure::Failure;
use mistgate_core::base::mac::Mac;
use mistgate_core::ports::edit::{Edit, Pushed};
use mistgate_core::ports::plan::input::Input;
use mistgate_core::ports::switch_port::{Mode, SwitchPort};

use super::{Event, Holder, World};

/// How a commit ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Done,
    Failed,
    /// mistgate gets no answer, whether or not the commit was made and lasts.
    Unheard {
        is_done: bool,
        lasts: bool,
    },
}

impl World<'_> {
    /// Ends what is in flight, as the driver does when the kill switch is pressed.
    pub(super) fn halt(&mut self) {
        let run = self.run;
        let run_of = |event: &Event| match event {
            Event::Finish { run, .. } | Event::Read { run, .. } => Some(*run),
            Event::Answered { .. }
            | Event::Asked { .. }
            | Event::Flush
            | Event::Noticed { .. }
            | Event::Plug { .. }
            | Event::Stop
            | Event::Undo { .. }
            | Event::Unlock { .. }
            | Event::Webhook(_) => None,
        };
        let is_halted = self.is_stopped;
        let halted = self.events.extract_if(.., |_, event| is_halted && run_of(event) == Some(run));
        let halted: Vec<Event> = halted.map(|(_, event)| event).collect();
        for event in halted {
            if let Event::Finish { id, switch, edits, .. } = event {
                // Whatever comes of it, nobody hears.
                self.finish(0, id, switch, &edits);
                let pushed = Pushed::Unknown(Failure::Stopped);
                self.input(Input::Pushed { id, pushed });
            } else if let Event::Read { id, .. } = event {
                self.input(Input::Read { id, is_done: None });
            }
        }
    }

    /// Starts a change, unless the configuration is locked or a commit is unconfirmed.
    pub(super) fn push(&mut self, id: u64, switch: Mac, edits: Vec<Edit>) {
        self.flush();
        for edit in &edits {
            let switch_port = SwitchPort { switch, port: edit.port };
            let record = self.disk.get(&switch_port).expect("written down before it is changed");
            assert!(record.mode.is_none() && record.is_touched, "{record:?}");
            assert_ne!(
                edit.before.as_deref(),
                Some(text(Mode::Ap)),
                "{switch_port}: our own is put back"
            );
        }
        let run = self.run;
        let number = self.names.switch_of(switch).expect("a switch of ours");
        let chassis = self.truth.chassis_mut(number);
        assert_ne!(chassis.lock, Some(Holder::Run(run)), "two commits at a time");
        if chassis.lock.is_some() || !chassis.undo.is_empty() {
            let failure = Failure::Locked { holder: "alice".to_owned() };
            return self.input(Input::Pushed { id, pushed: Pushed::Failed(failure) });
        }
        chassis.lock = Some(Holder::Run(run));
        let after = if chassis.is_slow { self.soon(600) } else { self.soon(30) };
        self.at(after, Event::Finish { run, id, switch: number, edits });
    }

    /// Ends a commit in some way, whether or not its caller still waits.
    pub(super) fn finish(&mut self, run: u64, id: u64, switch: usize, edits: &[Edit]) {
        self.unlock(switch);
        let is_done = self.bytes.chance(128);
        let end = match self.bytes.up_to(15) {
            _ if self.truth.chassis(switch).is_dark => match self.bytes.up_to(2) {
                0 => End::Failed,
                _ => End::Unheard { is_done, lasts: true },
            },
            0..=11 => End::Done,
            12 => End::Failed,
            13 => End::Unheard { is_done: false, lasts: true },
            14 => End::Unheard { is_done: true, lasts: true },
            _ => End::Unheard { is_done: true, lasts: false },
        };
        let before = match end {
            End::Done | End::Unheard { is_done: true, .. } => self.commit(switch, edits),
            End::Failed | End::Unheard { is_done: false, .. } => Vec::new(),
        };
        let pushed = match end {
            End::Done => {
                let texts = edits.iter().zip(&before);
                let before = texts.map(|(edit, (_, mode))| (edit.port, text(*mode).to_owned()));
                Pushed::Done { diff: String::new(), before: before.collect() }
            }
            End::Failed => Pushed::Failed(self.failure(switch)),
            End::Unheard { .. } => Pushed::Unknown(Failure::Timeout),
        };
        if let End::Unheard { is_done: true, lasts: false } = end {
            self.truth.chassis_mut(switch).undo = before;
            let after = Duration::from_secs(60) + self.soon(540);
            self.at(after, Event::Undo { switch });
        }
        self.note(("finished", switch, end));
        if run == self.run {
            self.input(Input::Pushed { id, pushed });
        }
    }

    /// Configures ports, and gives the modes that they had.
    fn commit(&mut self, switch: usize, edits: &[Edit]) -> Vec<(usize, Mode)> {
        let mut before = Vec::with_capacity(edits.len());
        let mac = self.names.switch(switch).mac;
        for edit in edits {
            let switch_port = SwitchPort { switch: mac, port: edit.port };
            let spot = self.names.spot(switch_port).expect("a spot of ours");
            before.push((spot, self.truth.configure(spot, edit.mode)));
        }
        self.tally.changed += edits.len();
        before
    }

    fn failure(&mut self, switch: usize) -> Failure {
        if self.truth.chassis(switch).is_dark {
            return Failure::Unreachable;
        }
        match self.bytes.up_to(7) {
            0 | 1 => Failure::Rejected { message: String::new() },
            2 => Failure::Busy { after: Some(Duration::from_secs(self.bytes.up_to(900))) },
            3 => Failure::HostKey,
            4 => Failure::Locked { holder: String::new() },
            5 => Failure::Login,
            6 => Failure::Protected,
            _ => Failure::Unreachable,
        }
    }

    /// Undoes a commit that was not confirmed in time.
    pub(super) fn undo(&mut self, switch: usize) {
        let undo = mem::take(&mut self.truth.chassis_mut(switch).undo);
        self.note(("undone", switch, &undo));
        self.tally.undone += undo.len();
        for (spot, mode) in undo {
            self.truth.configure(spot, mode);
        }
    }

    /// Locks a switch for a while, as an administrator does.
    pub(super) fn lock(&mut self, switch: usize) {
        if self.truth.chassis(switch).lock.is_none() {
            self.note(("locked", switch));
            self.truth.chassis_mut(switch).lock = Some(Holder::Somebody);
            let after = self.soon(2_000);
            self.at(after, Event::Unlock { switch });
        }
    }

    pub(super) fn unlock(&mut self, switch: usize) {
        self.truth.chassis_mut(switch).lock = None;
    }

    /// Answers how a port is configured. An unconfirmed commit does not count.
    pub(super) fn read(&mut self, id: u64, switch_port: SwitchPort, mode: Mode) {
        let spot = self.names.spot(switch_port).expect("a spot of ours");
        let chassis = self.truth.chassis(self.size.switch_of(spot));
        let is_lost = chassis.is_dark || !chassis.undo.is_empty();
        let is_lost = is_lost || self.bytes.chance(30);
        let is_done = (!is_lost).then(|| self.truth.socket(spot).mode == mode);
        self.input(Input::Read { id, is_done });
    }
}

/// The text of a port's configuration.
const fn text(mode: Mode) -> &'static str {
    match mode {
        Mode::Ap => "ap",
        Mode::Default => "default",
    }
}
