//! One edit on its way through the candidate: the next request, and what a reply means for it.
//!
//! ```text
//! Locking ─> Asking ─> Loading ─> Comparing ─> Checking ─> Committing ─> Verifying ─> Confirming
//!    ^ │       │ ^        │           │           │           │              │            │  │
//!    │ v       v │        └───────────┴─────┬─────┴───────────┘              └──────┬─────┘  │
//! Waiting     Dating                        v                                       v        │
//!                     ┌─────────────── Discarding         Undoing <──── LoadingPrevious      │
//!                     v                                      │                               │
//!         Done <─ Unlocking <────────────────────────────────┴───────────────────────────────┘
//! ```
//!
//! Any later commit, and even the check of one, would confirm what the switch still has to undo. So
//! an edit that leaves something to undo ends the session: Junos then undoes it at once, or at the
//! latest when the time to confirm is up. And what somebody else has to confirm is not confirmed by
//! us: once locked, the switch is asked whether a commit waits (`Asking`), and if it may, for its
//! clock (`Dating`). If one does that is not ours, the edit ends there. A release that knows no
//! history is trusted to have none.
//!
//! Before the commit every failure ends with the candidate discarded and the lock released. From
//! the commit on an edit has failed only if the switch said so; otherwise its outcome is unknown.
//!
//! The time to confirm has two bounds. The switch counts it from the commit, which is not before we
//! send the request: a reply that arrives earlier than that time after our sending (`confirm_by`)
//! was given while the change was in place. If the reply to the confirming commit is later, the
//! change is compared once more. What is loaded to undo the change is committed only if it was
//! loaded in time, because later "the configuration before the last commit" would be the change
//! itself. And the commit was done before its reply, so that the same time after the reply
//! (`undone_by`) the switch has begun to undo the change.

use alloc::{format, string::String, vec::Vec};
use core::{mem, num::NonZeroU16, time::Duration};

use super::input::{Edit, Mode};
use super::output::{Cause, CloseReason, Failure, NotConfirmed, Outcome, Output, Step};
use crate::base::{backoff::Backoff, rand::Rand, time::Instant};
use crate::netconf::rpc::{commit::Commit, error::ERRORS_MAX, error::Holder, error::RpcError};
use crate::netconf::rpc::{reply::Reply, reply::Verdict, request::Query, request::Request};

/// The wait before a lock that somebody else holds is tried again.
const RELOCK: Backoff = Backoff::secs(1, 300);

/// How long a read-back waits for a verdict. It is short, because the switch may be about to undo
/// the change.
const READ_BACK_WAIT: Duration = Duration::from_secs(120);
/// How long before `confirm_by` the verdict must be there, so that there is time to act on it.
const CONFIRM_MARGIN: Duration = Duration::from_secs(30);

type Ended = Result<Outcome, Failure>;

/// In all states but `Waiting`, `Verifying` and `Done` a request is due or has no reply yet. After
/// a confirmation that was perhaps too late the lines are loaded once more (`Reloading`) and
/// compared (`Recomparing`).
#[derive(Debug)]
enum State {
    Locking,
    Waiting { retry_at: Instant, holder: Holder },
    Asking,
    Dating { commit: Commit },
    Loading,
    Comparing,
    Checking,
    Committing,
    Verifying { by: Instant },
    Confirming,
    Reloading,
    Recomparing,
    LoadingPrevious { reason: NotConfirmed },
    Undoing { reason: NotConfirmed },
    Discarding { end: Ended },
    Unlocking { end: Ended },
    Done { end: Ended, reason: Option<CloseReason> },
}

/// What waits on the switch to be confirmed, as far as it is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    /// The switch does not tell.
    Unknown,
    /// What waited is confirmed or undone.
    Nothing,
    /// A commit of ours, which the switch undoes after this time.
    Ours { left: Duration },
}

/// One edit and how far it is.
#[derive(Debug)]
pub(super) struct Transaction {
    edit: Edit,
    state: State,
    attempt: u32,
    /// What an earlier session left.
    waiting: Waiting,
    /// How long the lock is waited for. `None` before the first request.
    lock_until: Option<Instant>,
    /// Before this moment the switch has not undone the change. `None` before the commit.
    confirm_by: Option<Instant>,
    /// At this moment the switch has begun to undo the change. `None` before the commit's reply.
    undone_by: Option<Instant>,
    diff: String,
    warnings: Vec<RpcError>,
}

impl Transaction {
    pub(super) const fn new(edit: Edit) -> Self {
        Self {
            edit,
            state: State::Locking,
            attempt: 1,
            waiting: Waiting::Unknown,
            lock_until: None,
            confirm_by: None,
            undone_by: None,
            diff: String::new(),
            warnings: Vec::new(),
        }
    }

    /// The request that is due; `None` while something else is waited for.
    pub(super) fn request(&self) -> Option<Request<'_>> {
        let comment = &self.edit.comment;
        Some(match (&self.state, self.edit.mode) {
            (State::Locking, _) => Request::Lock,
            (State::Asking, _) => Request::Ask(&Query::Commits),
            (State::Dating { .. }, _) => Request::Ask(&Query::Uptime),
            (State::Loading | State::Reloading, _) => Request::Load(&self.edit.lines),
            (State::Comparing | State::Recomparing, _) => Request::Compare,
            (State::Checking, _) => Request::CommitCheck,
            (State::Committing, Mode::Push { confirm }) => {
                Request::CommitConfirmed { minutes: confirm, comment }
            }
            (State::Confirming | State::Undoing { .. }, _) => Request::Commit { comment },
            (State::LoadingPrevious { .. }, _) => Request::LoadPrevious,
            (State::Discarding { .. }, _) => Request::DiscardChanges,
            (State::Unlocking { .. }, _) => Request::Unlock,
            (State::Committing, Mode::Compare | Mode::ReadBack)
            | (State::Waiting { .. } | State::Verifying { .. } | State::Done { .. }, _) => {
                return None;
            }
        })
    }

    /// The request was sent. A lock that somebody else holds is waited for `lock_wait` from the
    /// first request on.
    pub(super) fn sent(&mut self, now: Instant, lock_wait: Duration) {
        self.lock_until.get_or_insert(now + lock_wait);
        if let (State::Committing, Mode::Push { confirm }) = (&self.state, self.edit.mode) {
            self.confirm_by = Some(now + minutes(confirm));
        }
    }

    /// When to call `handle_timeout`.
    pub(super) const fn deadline(&self) -> Option<Instant> {
        if let State::Waiting { retry_at: at, .. } | State::Verifying { by: at } = self.state {
            Some(at)
        } else {
            None
        }
    }

    /// Tries the lock again, or gives up waiting for a verdict, if that is due.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.deadline().is_none_or(|at| at > now) {
            return;
        }
        if matches!(self.state, State::Verifying { .. }) {
            self.state = self.undo(NotConfirmed::Late);
        } else {
            self.attempt += 1;
            self.state = State::Locking;
        }
    }

    /// Takes the verdict on the committed change.
    pub(super) fn verified(&mut self, verdict: Result<(), String>) {
        if !matches!(self.state, State::Verifying { .. }) {
            return;
        }
        self.state = match verdict {
            Ok(()) if self.is_for_good() => State::Unlocking { end: Ok(Outcome::Unchanged) },
            Ok(()) => State::Confirming,
            Err(reason) if self.is_for_good() => discarding(Ok(Outcome::Broken { reason })),
            Err(reason) => self.undo(NotConfirmed::NotVerified { reason }),
        };
    }

    /// Gives up if the lock is still to be asked for. Called while no request lacks its reply.
    pub(super) fn stop(&mut self) {
        if matches!(self.state, State::Locking | State::Waiting { .. }) {
            self.state = State::Done { end: Err(Failure::Stopped), reason: None };
        }
    }

    /// Takes the reply to the last request.
    pub(super) fn answered(&mut self, now: Instant, reply: Reply, rand: &mut Rand) {
        let is_commit =
            matches!(self.state, State::Checking | State::Committing | State::Confirming);
        for warning in &reply.warnings {
            if self.warnings.len() < ERRORS_MAX && !self.warnings.contains(warning) {
                // What a load warns of, such as a statement that is not there to be deleted, is no
                // news.
                if is_commit && !self.diff.is_empty() {
                    self.diff.push_str(&format!("\n!  the switch warns: {warning}"));
                }
                self.warnings.push(warning.clone());
            }
        }
        if let (State::Committing, Mode::Push { confirm }) = (&self.state, self.edit.mode) {
            self.undone_by = Some(now + minutes(confirm));
        }
        // The state in between is never used.
        self.state = match mem::replace(&mut self.state, State::Locking) {
            State::Locking => self.locked(now, reply, rand),
            State::Asking => self.asked(reply),
            State::Dating { commit } => self.dated(commit, &reply),
            State::Loading => judged(Step::Load, reply, State::Comparing),
            State::Comparing => self.compared(now, reply),
            State::Checking => judged(Step::Check, reply, State::Committing),
            State::Committing => self.committed(now, reply),
            State::Confirming => self.confirmed(now, reply),
            State::Reloading if reply.errors.is_empty() && reply.is_ok => State::Recomparing,
            State::Reloading => self.unclear(Step::ReadBack, reply.errors),
            State::Recomparing => self.recompared(reply),
            State::LoadingPrevious { reason } => self.loaded_previous(now, reason, reply),
            State::Undoing { reason } => match reply.verdict() {
                Verdict::Done => State::Unlocking { end: Ok(Outcome::RolledBack { reason }) },
                Verdict::Refused => self.pending(reason, reply.errors),
                Verdict::Unclear => self.unclear(Step::Undo, reply.errors),
            },
            // Unlocking discards the candidate anyway.
            State::Discarding { end } => State::Unlocking { end },
            State::Unlocking { end } => unlocked(end, &reply),
            state @ (State::Waiting { .. } | State::Verifying { .. } | State::Done { .. }) => {
                // No request was sent.
                state
            }
        };
    }

    /// What became of the edit, and why the session must end with it, if it must. `None` before the
    /// edit ends.
    pub(super) fn end(&mut self) -> Option<(Output, Option<CloseReason>)> {
        let State::Done { end, reason } = &self.state else { return None };
        let (result, reason) = (end.clone(), *reason);
        let (diff, warnings) = (mem::take(&mut self.diff), mem::take(&mut self.warnings));
        Some((Output::Edited { result, diff, warnings }, reason))
    }

    /// What became of the edit when the session ends before it. The switch then drops the lock and
    /// the candidate, and undoes what was not confirmed, at once or when the time is up.
    pub(super) fn lost(self, reason: CloseReason) -> Output {
        let failed = |step| Err(Failure::Ended { step: Some(step), reason });
        let until = self.undone_by;
        let unknown = |step| Ok(Outcome::Unknown { step, cause: Cause::Ended(reason), until });
        let result = match self.state {
            State::Locking if self.lock_until.is_none() => {
                Err(Failure::Ended { step: None, reason })
            }
            State::Locking | State::Waiting { .. } => failed(Step::Lock),
            State::Asking | State::Dating { .. } => failed(Step::History),
            State::Loading => failed(Step::Load),
            State::Comparing => failed(Step::Compare),
            State::Checking => failed(Step::Check),
            State::Committing => unknown(Step::Commit),
            State::Verifying { .. } => unknown(Step::Verify),
            State::Confirming => unknown(Step::Confirm),
            State::Reloading | State::Recomparing => unknown(Step::ReadBack),
            State::LoadingPrevious { .. } | State::Undoing { .. } => unknown(Step::Undo),
            State::Discarding { end } | State::Unlocking { end } | State::Done { end, .. } => end,
        };
        Output::Edited { result, diff: self.diff, warnings: self.warnings }
    }

    fn locked(&self, now: Instant, reply: Reply, rand: &mut Rand) -> State {
        let until = self.lock_until.filter(|until| now < *until);
        let failure = match (reply.verdict_or_silence(), Holder::of(&reply.errors), until) {
            (Verdict::Done, ..) if self.edit.mode == Mode::Compare => return State::Loading,
            (Verdict::Done, ..) => return State::Asking,
            (_, Some(holder), Some(until)) => {
                let retry_at = (now + RELOCK.jittered(self.attempt, rand)).min(until);
                return State::Waiting { retry_at, holder };
            }
            (_, Some(holder), None) => Failure::LockHeld { holder, attempts: self.attempt },
            (Verdict::Refused, None, _) => {
                Failure::Refused { step: Step::Lock, errors: reply.errors }
            }
            (Verdict::Unclear, None, _) => {
                // It may be locked; the end of the session frees it.
                let end = Err(Failure::Unclear { step: Step::Lock });
                return State::Done { end, reason: Some(CloseReason::NotUnlocked) };
            }
        };
        State::Done { end: Err(failure), reason: None }
    }

    fn asked(&mut self, reply: Reply) -> State {
        let has_none = reply.errors.iter().any(RpcError::is_unknown_request);
        let is_read =
            reply.errors.is_empty() && reply.content.child("commit-information").is_some();
        if !has_none && !is_read {
            return State::Unlocking { end: Err(refused(Step::History, reply.errors)) };
        }
        match Commit::newest(&reply.content) {
            Some(commit) if commit.may_be_pending() => return State::Dating { commit },
            Some(_) => self.waiting = Waiting::Nothing,
            None => {}
        }
        State::Loading
    }

    fn dated(&mut self, commit: Commit, reply: &Reply) -> State {
        let Commit { by, log, .. } = &commit;
        let is_ours = self.edit.may_have_left.is_some_and(|ours| log.starts_with(ours));
        match commit.left(&reply.content) {
            None => self.waiting = Waiting::Nothing,
            Some(left) if is_ours => self.waiting = Waiting::Ours { left },
            Some(left) => {
                let commit = if log.is_empty() { by.clone() } else { format!("{by}: {log}") };
                return State::Unlocking { end: Err(Failure::Unconfirmed { commit, left }) };
            }
        }
        State::Loading
    }

    fn compared(&mut self, now: Instant, reply: Reply) -> State {
        let Some(diff) = difference(&reply) else {
            return discarding(Err(refused(Step::Compare, reply.errors)));
        };
        self.diff = diff;
        match (self.edit.mode, self.diff.is_empty()) {
            (Mode::Compare, _) => discarding(Ok(Outcome::Compared)),
            (Mode::Push { .. }, true) if self.edit.may_have_left.is_none() => {
                State::Unlocking { end: Ok(Outcome::Unchanged) }
            }
            (Mode::Push { .. } | Mode::ReadBack, true) => {
                State::Verifying { by: now + READ_BACK_WAIT }
            }
            (Mode::Push { .. }, false) => match self.waiting {
                Waiting::Ours { left } => {
                    let commit = "an earlier change of mistgate's own".into();
                    discarding(Err(Failure::Unconfirmed { commit, left }))
                }
                Waiting::Unknown | Waiting::Nothing => State::Checking,
            },
            (Mode::ReadBack, false) => discarding(Ok(Outcome::Absent)),
        }
    }

    fn committed(&self, now: Instant, reply: Reply) -> State {
        match (reply.verdict(), self.confirm_by) {
            (Verdict::Done, Some(confirm_by)) => {
                let by = confirm_by.saturating_sub(CONFIRM_MARGIN);
                if now < by { State::Verifying { by } } else { self.undo(NotConfirmed::Late) }
            }
            (Verdict::Refused, _) => discarding(Err(refused(Step::Commit, reply.errors))),
            (Verdict::Done | Verdict::Unclear, _) => self.unclear(Step::Commit, reply.errors),
        }
    }

    fn confirmed(&self, now: Instant, reply: Reply) -> State {
        match reply.verdict() {
            Verdict::Done if self.is_in_time(now) => {
                State::Unlocking { end: Ok(Outcome::Confirmed) }
            }
            Verdict::Done => State::Reloading,
            Verdict::Refused => self.undo(NotConfirmed::Refused { errors: reply.errors }),
            Verdict::Unclear => self.unclear(Step::Confirm, reply.errors),
        }
    }

    fn recompared(&self, reply: Reply) -> State {
        match (difference(&reply), self.edit.mode) {
            (Some(diff), _) if diff.is_empty() => State::Unlocking { end: Ok(Outcome::Confirmed) },
            (Some(_), Mode::Push { .. }) => {
                discarding(Ok(Outcome::RolledBack { reason: NotConfirmed::Late }))
            }
            (Some(_), Mode::Compare | Mode::ReadBack) => discarding(Ok(Outcome::Absent)),
            (None, _) => self.unclear(Step::ReadBack, reply.errors),
        }
    }

    fn loaded_previous(&self, now: Instant, reason: NotConfirmed, reply: Reply) -> State {
        let is_loaded = reply.errors.is_empty() && reply.is_ok;
        if is_loaded && self.is_in_time(now) {
            State::Undoing { reason }
        } else {
            self.pending(reason, reply.errors)
        }
    }

    /// Undoes our commit. What a read-back found is left alone, because others may have committed
    /// since.
    fn undo(&self, reason: NotConfirmed) -> State {
        match self.confirm_by {
            Some(_) => State::LoadingPrevious { reason },
            None => left(Ok(Outcome::Unconfirmed { reason })),
        }
    }

    fn pending(&self, reason: NotConfirmed, errors: Vec<RpcError>) -> State {
        left(Ok(Outcome::Pending { reason, errors, until: self.undone_by }))
    }

    /// A reply leaves open what is committed.
    fn unclear(&self, step: Step, errors: Vec<RpcError>) -> State {
        let cause = Cause::Unclear { errors };
        left(Ok(Outcome::Unknown { step, cause, until: self.undone_by }))
    }

    /// Whether what was read back stays without us.
    fn is_for_good(&self) -> bool {
        self.confirm_by.is_none() && self.waiting == Waiting::Nothing
    }

    /// Whether our commit was in place when the switch sent a reply that arrives now.
    fn is_in_time(&self, now: Instant) -> bool {
        self.confirm_by.is_some_and(|by| now < by)
    }

    /// What the last answer led to, as far as somebody must know it.
    pub(super) fn event(&self) -> Option<Output> {
        if let State::Verifying { by } = self.state {
            return Some(Output::Committed { verify_by: by });
        }
        let State::Waiting { retry_at, holder } = &self.state else { return None };
        let (attempt, retry_at, holder) = (self.attempt, *retry_at, holder.clone());
        Some(Output::Waiting { holder, attempt, retry_at })
    }
}

fn minutes(count: NonZeroU16) -> Duration {
    Duration::from_secs(u64::from(count.get()) * 60)
}

fn discarding(end: Ended) -> State {
    State::Discarding { end }
}

fn unlocked(end: Ended, reply: &Reply) -> State {
    let is_not_open = |error: &RpcError| error.message.contains("not open");
    let is_free =
        reply.verdict_or_silence() == Verdict::Done || reply.errors.iter().any(is_not_open);
    State::Done { end, reason: (!is_free).then_some(CloseReason::NotUnlocked) }
}

/// The edit's end when something is, or may be, left for the switch to undo.
fn left(end: Ended) -> State {
    State::Done { end, reason: Some(CloseReason::Unconfirmed) }
}

/// What follows a step that can still be discarded: `next` if it was done. Success beside errors
/// does not count.
fn judged(step: Step, reply: Reply, next: State) -> State {
    let is_done = reply.errors.is_empty() && reply.is_ok;
    if is_done { next } else { discarding(Err(refused(step, reply.errors))) }
}

fn refused(step: Step, errors: Vec<RpcError>) -> Failure {
    if errors.is_empty() { Failure::Unclear { step } } else { Failure::Refused { step, errors } }
}

/// The difference in a reply without errors.
fn difference(reply: &Reply) -> Option<String> {
    let difference = reply.difference().filter(|_| reply.errors.is_empty());
    difference.map(String::from)
}
