//! The laws of one port: at most one change is in flight, the mode that settles is the one last
//! sent, an unknown outcome is read back before the next change, and attempts are bounded.

use std::time::Duration;

use mistgate_core::base::failure::Failure;
use mistgate_core::base::machine::Machine;
use mistgate_core::base::time::Instant;
use mistgate_core::ports::decide::Reason;
use mistgate_core::ports::edit::Pushed;
use mistgate_core::ports::port::{Config, Failed, Input, Output, Port, Want};
use mistgate_core::ports::switch_port::Mode;

use crate::{base::bytes::Bytes, laws::Subject};

/// A switch that may or may not do what it is told.
pub(super) struct Surroundings {
    attempts_max: u32,
    /// The mode of the change in flight.
    pushing: Option<Mode>,
    /// A change may have been made. Set until it is read back.
    unknown: bool,
    reading: bool,
    /// The last mode that was wanted.
    wanted: Option<Mode>,
    restored: bool,
}

impl Subject for Surroundings {
    type Machine = Port;

    fn new(bytes: &mut Bytes<'_>, _now: Instant) -> (Self, Config) {
        let attempts_max = 1 + u32::try_from(bytes.up_to(4)).expect("a small number");
        let surroundings = Self {
            attempts_max,
            pushing: None,
            unknown: false,
            reading: false,
            wanted: None,
            restored: false,
        };
        (surroundings, Config { attempts_max })
    }

    fn input(&mut self, bytes: &mut Bytes<'_>, now: Instant) -> Input {
        let is_first = !std::mem::replace(&mut self.restored, true);
        if is_first && bytes.chance(80) {
            return Input::Restored { mode: bytes.pick(&[None, Some(Mode::Ap)]) };
        }
        match bytes.up_to(9) {
            0..=3 => {
                let mode = bytes.pick(&[Mode::Ap, Mode::Default]);
                self.wanted = Some(mode);
                let proved_at = Some(now);
                let reason = Reason::Arrived;
                Input::Wanted(Want { mode, ap: None, reason, since: now, proved_at })
            }
            4 => Input::Taken,
            5..=7 if self.pushing.is_some() => {
                self.pushing = None;
                let failure = failure(bytes);
                match bytes.up_to(3) {
                    0 => Input::Pushed(Pushed::Done { diff: String::new(), before: Vec::new() }),
                    1 => Input::PutBack,
                    2 => Input::Pushed(Pushed::Failed(failure)),
                    _ => {
                        self.unknown = true;
                        Input::Pushed(Pushed::Unknown(failure))
                    }
                }
            }
            // An answer that nobody waits for.
            5..=7 if !self.reading => {
                Input::Pushed(Pushed::Done { diff: String::new(), before: Vec::new() })
            }
            5..=7 => {
                self.reading = false;
                let is_done = bytes.pick(&[Some(true), Some(false), None]);
                self.unknown &= is_done.is_none();
                Input::Read(is_done)
            }
            8 => Input::Taken,
            _ => Input::Refused,
        }
    }

    fn output(&mut self, _now: Instant, output: &Output) {
        match output {
            Output::Due => assert!(self.pushing.is_none(), "due while in flight"),
            Output::Read(_) => {
                assert!(self.unknown && self.pushing.is_none(), "nothing to read back");
                self.reading = true;
            }
            Output::Failed { failed: Failed { attempt, retry: Some(retry), .. }, .. } => {
                assert!(*attempt < self.attempts_max, "attempt {attempt}");
                assert!(retry.after >= Duration::from_secs(5), "again after {:?}", retry.after);
            }
            Output::Settled { attempt, .. } => assert!(*attempt <= self.attempts_max),
            Output::Failed { failed: Failed { attempt, retry: None, .. }, .. } => {
                assert!(*attempt <= self.attempts_max);
                // It is not read back; the next change settles it.
                self.unknown = false;
            }
        }
    }

    fn check_drained(&mut self, _now: Instant, port: &Port) {
        if port.is_pushing() && self.pushing.is_none() {
            assert!(!self.unknown, "a change before the last one's end is known");
            self.pushing = self.wanted;
        }
        assert_eq!(port.is_pushing(), self.pushing.is_some(), "in flight");
        let waits = port.poll_timeout().is_some() || self.reading || port.is_pushing();
        assert!(waits || port.due().is_some() || port.is_idle(), "waits for nothing");
    }
}

fn failure(bytes: &mut Bytes<'_>) -> Failure {
    match bytes.up_to(4) {
        0 => Failure::Timeout,
        1 => Failure::Locked { holder: String::new() },
        2 => Failure::Busy { after: Some(Duration::from_secs(bytes.up_to(5_000))) },
        3 => Failure::Login,
        _ => Failure::Rejected { message: String::new() },
    }
}
