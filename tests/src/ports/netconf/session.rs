//! The laws of the session, with a switch that answers anything. There is one request at a time,
//! and one end to each task. Nothing is changed without a lock, and nothing confirmed that was not
//! verified. A session does not go on while the switch may be locked or has an unconfirmed commit.

use core::{num::NonZeroU16, time::Duration};

use mistgate_core::base::machine::Machine;
use mistgate_core::base::time::Instant;
use mistgate_core::netconf::framing::{Decoder, Framing, encode};
use mistgate_core::netconf::lines::Lines;
use mistgate_core::netconf::rpc::request::Query;
use mistgate_core::netconf::session::input::{Config, Edit, Input, Mode};
use mistgate_core::netconf::session::output::{CloseReason, Failure, Outcome, Output};
use mistgate_core::netconf::session::{MESSAGE_MAX, Session};
use mistgate_core::netconf::xml::Element;

use crate::base::bytes::Bytes;

/// The most operations of one run. The bytes that remain are not used.
const OPERATIONS_MAX: usize = 2_000;

/// Runs sessions one after the other while there are bytes, and gives all outputs. Extra calls of
/// `handle_timeout` must make no difference.
pub fn run(data: &[u8]) -> Vec<Output> {
    let outputs = run_sessions(data, 0);
    assert_eq!(
        outputs,
        run_sessions(data, 2),
        "calls of handle_timeout that were too many made a difference"
    );
    outputs
}

fn run_sessions(data: &[u8], extra_timeouts: usize) -> Vec<Output> {
    let bytes = &mut Bytes::new(data);
    let mut now = Instant::from_secs(bytes.pick(&[1_000, 0]));
    let (mut surroundings, mut session) = Surroundings::new(bytes, now);
    let mut outputs = Vec::new();
    drain(&mut surroundings, &mut session, now, &mut outputs);
    for _ in 0..OPERATIONS_MAX {
        if bytes.is_empty() {
            break;
        }
        now = later(bytes, now, session.poll_timeout());
        for extra in 0..=extra_timeouts {
            session.handle_timeout(now);
            let is_quiet = extra == 0 || session.poll_output().is_none();
            assert!(is_quiet, "an early handle_timeout does something");
            drain(&mut surroundings, &mut session, now, &mut outputs);
        }
        let input = surroundings.input(bytes);
        session.handle_input(now, input);
        drain(&mut surroundings, &mut session, now, &mut outputs);
        if surroundings.is_closed && bytes.chance(128) {
            (surroundings, session) = Surroundings::new(bytes, now);
            drain(&mut surroundings, &mut session, now, &mut outputs);
        }
    }
    outputs
}

/// The time of the next operation: mostly now, else soon, just before the deadline, or at it.
fn later(bytes: &mut Bytes<'_>, now: Instant, deadline: Option<Instant>) -> Instant {
    match bytes.up_to(31) {
        0..=25 => now,
        26..=28 => now + Duration::from_millis(bytes.up_to(1_000)),
        29 | 30 => deadline.map_or(now, |at| at.saturating_sub(Duration::from_micros(1)).max(now)),
        _ => deadline.unwrap_or(now),
    }
}

fn drain(
    surroundings: &mut Surroundings,
    session: &mut Session,
    now: Instant,
    outputs: &mut Vec<Output>,
) {
    while let Some(output) = session.poll_output() {
        surroundings.note_output(now, &output);
        outputs.push(output);
        assert!(outputs.len() < 100_000, "the drain does not end");
    }
    let deadline = session.poll_timeout();
    assert!(deadline.is_none_or(|at| at > now), "the deadline {deadline:?} is not after {now:?}");
    surroundings.check_drained();
}

/// A request of the session, as far as the laws tell requests apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Check,
    Close,
    Commit,
    CommitConfirmed,
    Compare,
    Discard,
    History,
    Interfaces,
    Load,
    LoadPrevious,
    Lock,
    Neighbours,
    Unlock,
    Uptime,
}

/// The meaning of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Done,
    Refused,
    Unclear,
}

/// The state of the switch that the laws need.
#[derive(Debug, Default)]
struct Switch {
    /// A lock was requested, and not released.
    may_be_locked: bool,
    is_locked: bool,
    is_checked: bool,
    /// There is an unconfirmed commit, which the switch will undo.
    is_pending: bool,
    /// The candidate is the configuration before the commit.
    is_previous: bool,
    /// Somebody else's commit waits to be confirmed.
    is_foreign: bool,
}

/// The session's surroundings: a switch, and a caller that wants edits.
#[derive(Debug)]
struct Surroundings {
    /// The edit that has not ended.
    edit: Option<Mode>,
    /// A question has no answer yet.
    is_asking: bool,
    framing: Framing,
    outbound: Decoder,
    /// The request without an answer, and its number.
    asked: Option<(u64, Asked)>,
    message_id: u64,
    /// What the switch has sent and the network has not delivered.
    wire: Vec<u8>,
    /// What these bytes mean once all have arrived.
    meant: Option<(Asked, Meaning)>,
    switch: Switch,
    /// An unconfirmed commit was left for the switch to undo.
    is_left: bool,
    /// Whether the commit of the edit was verified, once it is made.
    is_verified: Option<bool>,
    is_greeted: bool,
    is_stopped: bool,
    is_closed: bool,
}

impl Surroundings {
    fn new(bytes: &mut Bytes<'_>, now: Instant) -> (Self, Session) {
        let seconds = |bytes: &mut Bytes<'_>, choices| Duration::from_secs(bytes.pick(choices));
        let config = Config {
            hello_timeout: seconds(bytes, &[30, 1]),
            reply_timeout: seconds(bytes, &[60, 1]),
            commit_timeout: seconds(bytes, &[180, 1, 600]),
            lock_wait: seconds(bytes, &[60, 1]),
        };
        let surroundings = Self {
            edit: None,
            is_asking: false,
            framing: Framing::EndOfMessage,
            outbound: Decoder::new(Framing::EndOfMessage, MESSAGE_MAX),
            asked: None,
            message_id: 0,
            wire: Vec::new(),
            meant: None,
            switch: Switch::default(),
            is_left: false,
            is_verified: None,
            is_greeted: false,
            is_stopped: false,
            is_closed: false,
        };
        (surroundings, Session::new(config, bytes.up_to(255), now))
    }

    fn input(&mut self, bytes: &mut Bytes<'_>) -> Input {
        if !self.wire.is_empty() {
            return self.brought(bytes);
        }
        match bytes.up_to(15) {
            _ if !self.is_greeted && !self.is_closed && bytes.chance(200) => self.hello(bytes),
            0..=7 if self.asked.is_some() => self.answer(bytes),
            0..=3 | 8 | 9 if self.edit.is_none() => self.edit(bytes),
            4 | 10 if !self.is_asking => {
                self.is_asking = true;
                Input::Ask(match bytes.pick(&[0, 1, 2]) {
                    0 => Query::Neighbours,
                    1 => Query::Interfaces,
                    _ => Query::Uptime,
                })
            }
            5..=7 | 11 => {
                self.is_verified = self.is_verified.map(|_| true);
                Input::Verdict(Ok(()))
            }
            12 => Input::Verdict(Err("down".to_owned())),
            13 if bytes.chance(20) => {
                self.is_stopped = true;
                Input::Stop
            }
            14 if bytes.chance(20) => Input::Closed,
            15 if bytes.chance(20) => Input::Bytes(bytes.slice(40).to_vec()),
            _ => Input::Bytes(Vec::new()),
        }
    }

    fn note_output(&mut self, now: Instant, output: &Output) {
        assert!(!self.is_closed || self.is_refusal(output), "after the end: {output:?}");
        match output {
            Output::Answered(_) => assert!(core::mem::take(&mut self.is_asking), "one answer"),
            Output::Bytes(bytes) => self.asked(bytes),
            Output::Close(reason) => {
                let is_open = self.is_left || self.switch.is_pending || self.switch.may_be_locked;
                assert!(
                    !is_open || *reason != CloseReason::Stopped,
                    "left as it is: {:?}",
                    self.switch
                );
                assert!(self.edit.is_none() && !self.is_asking, "without an end");
                self.is_closed = true;
                self.wire.clear();
            }
            Output::Committed { verify_by } => {
                assert!(*verify_by > now, "no time to verify");
                assert_ne!(self.edit.expect("an edit"), Mode::Compare);
                self.is_verified = Some(false);
            }
            Output::Edited { result, diff, .. } => {
                let mode = self.edit.take().expect("one end");
                let is_verified = self.is_verified.take() == Some(true);
                match result {
                    Ok(Outcome::Confirmed) => {
                        assert!(is_verified && !self.switch.is_pending);
                        assert!(diff.is_empty() || mode != Mode::ReadBack, "{diff}");
                    }
                    Ok(Outcome::Compared) => assert_eq!(mode, Mode::Compare),
                    Ok(Outcome::Absent) => assert_eq!(mode, Mode::ReadBack),
                    Ok(Outcome::Broken { .. } | Outcome::Unconfirmed { .. }) => {
                        assert_ne!(mode, Mode::Compare);
                    }
                    Ok(Outcome::Unchanged) => {
                        assert!(mode != Mode::Compare && !self.switch.is_pending);
                    }
                    Ok(Outcome::RolledBack { .. }) => {
                        assert!(matches!(mode, Mode::Push { .. }));
                        assert!(!self.switch.is_pending, "{result:?}");
                    }
                    Ok(Outcome::Pending { .. } | Outcome::Unknown { .. }) => {
                        assert_ne!(mode, Mode::Compare);
                        // The results of edits that come later do not concern this one.
                        self.is_left |= core::mem::take(&mut self.switch.is_pending);
                    }
                    Err(Failure::Ended { step: None, .. } | Failure::Stopped) => {}
                    Err(failure) => {
                        assert!(!self.switch.is_pending, "{failure} though it is committed");
                    }
                }
                let text = result.as_ref().map_or_else(ToString::to_string, ToString::to_string);
                assert!(!text.is_empty() && !text.contains('\n'), "{text}");
            }
            Output::Opened { framing, .. } => {
                self.framing = *framing;
                self.outbound = Decoder::new(*framing, MESSAGE_MAX);
            }
            Output::Waiting { retry_at, .. } => {
                assert!(self.edit.is_some() && *retry_at > now);
            }
        }
    }

    fn check_drained(&self) {
        if self.is_closed {
            return;
        }
        // While there may be a lock or an unconfirmed commit, an edit is responsible for it.
        assert!(!self.is_left, "goes on though the switch has something to undo");
        let is_open = self.switch.may_be_locked || self.switch.is_pending;
        assert!(!is_open || self.edit.is_some(), "idle, but {:?}", self.switch);
    }

    fn edit(&mut self, bytes: &mut Bytes<'_>) -> Input {
        let push = Mode::Push { confirm: NonZeroU16::new(5).expect("not zero") };
        let short = Mode::Push { confirm: NonZeroU16::MIN };
        let mode = bytes.pick(&[push, push, short, Mode::ReadBack, Mode::Compare]);
        self.edit = Some(mode);
        let lines = Lines::new(["set a b"]).expect("a line");
        let may_have_left = (mode == Mode::ReadBack || bytes.chance(60)).then_some("law");
        Input::Edit(Edit { lines, comment: "law".to_owned(), may_have_left, mode })
    }

    fn hello(&mut self, bytes: &mut Bytes<'_>) -> Input {
        self.is_greeted = true;
        let base = "<capability>urn:ietf:params:netconf:base:1.0</capability>";
        let newer = base.replace("1.0", "1.1");
        let known = bytes.pick(&[base, &newer, base, "<capability>x</capability>"]);
        let hello = format!("<hello><capabilities>{known}</capabilities></hello>");
        self.wire = encode(Framing::EndOfMessage, &hello);
        self.brought(bytes)
    }

    /// The switch's answer, mostly one of success.
    fn answer(&mut self, bytes: &mut Bytes<'_>) -> Input {
        let (id, asked) = self.asked.expect("a request");
        let error =
            |text: &str| format!("<rpc-error><error-message>{text}</error-message></rpc-error>");
        let diff = |text: &str| {
            format!(
                "<configuration-information><configuration-output>{text}</configuration-output>\
                     </configuration-information>"
            )
        };
        let (done, refused, unclear) = (Meaning::Done, Meaning::Refused, Meaning::Unclear);
        let (body, meaning) = match (bytes.up_to(29), asked) {
            (0..=6, Asked::Lock) => (error("configuration database locked by: ann"), refused),
            (0, _) => (error("no"), refused),
            (1, _) => (format!("{}<ok/>", error("some")), unclear),
            (7..=9, Asked::Lock) | (2, Asked::Unlock) => (String::new(), done),
            (2, _) => (String::new(), unclear),
            (3, _) => ("<nonsense/>".to_owned(), unclear),
            (4..=9, Asked::Compare) => (diff("\n"), done),
            (_, Asked::Compare) => (diff("+ a b;"), done),
            (4, Asked::History) => (error("syntax error"), done),
            (5 | 6, Asked::History) => {
                self.switch.is_foreign = true;
                (history(PENDING, "theirs"), done)
            }
            (7..=9, Asked::History) => (history(PENDING, "law: x"), done),
            (_, Asked::History) => (history("", "theirs"), done),
            (_, Asked::Uptime) => ("<current-time/>".to_owned(), done),
            (_, Asked::Neighbours) => ("<lldp-neighbors-information/>".to_owned(), done),
            (_, Asked::Interfaces) => ("<interface-information/>".to_owned(), done),
            (4, _) => ("<e><commit-success/><ok/>".to_owned(), done),
            _ => ("<ok/>".to_owned(), done),
        };
        let id = if bytes.chance(2) { id + 1 } else { id };
        self.wire =
            encode(self.framing, &format!("<rpc-reply message-id=\"{id}\">{body}</rpc-reply>"));
        self.meant = Some((asked, meaning));
        self.brought(bytes)
    }

    /// Delivers some of what the switch has sent.
    fn brought(&mut self, bytes: &mut Bytes<'_>) -> Input {
        let count = if bytes.chance(30) { bytes.count(self.wire.len()) } else { self.wire.len() };
        let piece: Vec<u8> = self.wire.drain(..count).collect();
        if self.wire.is_empty()
            && let Some((asked, meaning)) = self.meant.take()
        {
            self.asked = None;
            self.meant(asked, meaning);
        }
        Input::Bytes(piece)
    }

    /// Notes what the session will learn of the switch.
    const fn meant(&mut self, asked: Asked, meaning: Meaning) {
        let switch = &mut self.switch;
        match (asked, meaning) {
            (Asked::Lock, Meaning::Done) => switch.is_locked = true,
            (Asked::Lock, Meaning::Refused) => switch.may_be_locked = false,
            (Asked::Unlock, Meaning::Done) => {
                (switch.is_locked, switch.may_be_locked) = (false, false);
            }
            (Asked::Check, _) => switch.is_checked = matches!(meaning, Meaning::Done),
            (Asked::CommitConfirmed, Meaning::Refused) | (Asked::Commit, Meaning::Done) => {
                switch.is_pending = false;
            }
            (Asked::LoadPrevious, Meaning::Done) => switch.is_previous = true,
            _ => {}
        }
    }

    /// Checks a request.
    fn asked(&mut self, bytes: &[u8]) {
        let (message, used) = self.outbound.decode(bytes).expect("frames").expect("a whole one");
        assert_eq!(used, bytes.len(), "one message at a time");
        let rpc = Element::parse(&message).expect("XML");
        if rpc.name == "hello" {
            return;
        }
        assert_eq!(self.asked, None, "a second request");
        let id = rpc.message_id.as_deref().and_then(|id| id.parse().ok());
        self.message_id += 1;
        assert_eq!(id, Some(self.message_id));
        let asked = kind(rpc.children.first().expect("a request"));
        self.asked = Some((self.message_id, asked));
        let needs_lock = !matches!(
            asked,
            Asked::Close | Asked::Interfaces | Asked::Lock | Asked::Neighbours | Asked::Uptime
        );
        assert!(!needs_lock || self.switch.is_locked, "{asked:?} without a lock");
        let commits = matches!(asked, Asked::Check | Asked::Commit | Asked::CommitConfirmed);
        assert!(!commits || !self.switch.is_foreign, "confirms what is not ours");
        match asked {
            Asked::Lock => {
                assert!(!self.is_stopped, "begun after a stop");
                assert!(!self.switch.is_locked && !self.switch.is_pending);
                self.switch = Switch { may_be_locked: true, ..Switch::default() };
            }
            Asked::CommitConfirmed => {
                assert!(self.switch.is_checked, "not checked");
                self.switch.is_pending = true;
            }
            Asked::Commit => {
                let is_verified = self.is_verified == Some(true);
                assert!(is_verified || self.switch.is_previous, "confirms what is not verified");
            }
            Asked::Check | Asked::Close => {
                assert!(!self.switch.is_pending, "{asked:?} while a commit is pending");
            }
            Asked::Compare
            | Asked::Discard
            | Asked::History
            | Asked::Interfaces
            | Asked::Load
            | Asked::LoadPrevious
            | Asked::Neighbours
            | Asked::Unlock
            | Asked::Uptime => {}
        }
    }

    /// Whether this is a closed session's answer to a task.
    fn is_refusal(&self, output: &Output) -> bool {
        matches!(output, Output::Answered(None) | Output::Edited { result: Err(_), .. })
    }
}

const PENDING: &str = "<commit-confirmed>rollback pending</commit-confirmed>";

fn history(says: &str, log: &str) -> String {
    format!(
        "<commit-information><commit-history><sequence-number>0</sequence-number>{says}\
         <log>{log}</log></commit-history></commit-information>"
    )
}

fn kind(request: &Element) -> Asked {
    let has = |name| request.child(name).is_some();
    match request.name.as_str() {
        "lock-configuration" => Asked::Lock,
        "unlock-configuration" => Asked::Unlock,
        "load-configuration" if has("configuration-set") => Asked::Load,
        "load-configuration" => Asked::LoadPrevious,
        "get-configuration" => Asked::Compare,
        "commit-configuration" if has("check") => Asked::Check,
        "commit-configuration" if has("confirmed") => Asked::CommitConfirmed,
        "commit-configuration" => Asked::Commit,
        "discard-changes" => Asked::Discard,
        "close-session" => Asked::Close,
        "get-lldp-neighbors-information" => Asked::Neighbours,
        "get-interface-information" => Asked::Interfaces,
        "get-commit-information" => Asked::History,
        "get-system-uptime-information" => Asked::Uptime,
        other => panic!("{other} was never asked"),
    }
}
