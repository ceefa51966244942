//! Ports changed on the switches themselves: a NETCONF session for each change, each question and
//! each look whether a change is in place.
//!
//! A switch has one session at a time; what else is to be done there queues up. A change is
//! committed until it is confirmed, and confirmed when the switch, and where it is asked Mist too,
//! shows that it broke nothing. What a session, a judgement and an outcome are is the core's; here
//! they get a connection and a clock.
//!
//! Whoever drops one of these futures drops its connection, and with it the switch's lock and
//! whatever was not committed there. What was committed and not confirmed is remembered, and read
//! back before the next change.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use mistgate_core::{
    base::{failure::Failure, mac::Mac, time::Instant},
    config::checked::ports::Junos,
    junos::{
        change,
        observation::{self, ApPort, Observation},
        rollback::{Precondition, RollbackGuard},
    },
    netconf::session::input::{Mode, Query},
    ports::{
        name::PortName,
        plan::{input::Pushed, output::Edit},
        question::Answer,
        switch_port::{self, Switch},
    },
};
use smol::{
    Timer,
    future::{Boxed, FutureExt},
    lock,
    lock::SemaphoreGuardArc,
};

use crate::base::{
    clock::Clock,
    journal::{Journal, Level, fields},
    stop::{self, Stop, Stopper},
    sync::Mutex,
    sync::Shared,
};

mod dialogue;
mod settings;
pub mod ssh;
mod trust;

use self::{
    dialogue::{Dialogue, Edited, Event},
    settings::Settings,
    ssh::KeyError,
};

/// From a commit to the first look at ports that had a link before: daemons take a moment to do
/// what was committed.
const LOOK_FIRST: Duration = Duration::from_secs(3);
/// The longest time between two looks.
const LOOK_CAP: Duration = Duration::from_secs(10);
/// How long before the session's own deadline a verdict is there.
const VERDICT_MARGIN: Duration = Duration::from_secs(5);
/// How long Mist may take to say whether an access point is connected.
const CLOUD_TIMEOUT: Duration = Duration::from_secs(20);

/// Whether an access point of a site is connected to Mist; `None` where nobody knows.
pub type Connected = Arc<dyn Fn(Mac, String) -> Boxed<Option<bool>> + Send + Sync>;

/// The switches, and who we are to them.
pub struct Switches {
    settings: Shared<Settings>,
    lines: Mutex<BTreeMap<Mac, Line>>,
    connected: Option<Connected>,
    clock: Clock,
    journal: Arc<Journal>,
    began: Instant,
    going: Stopper,
    stop: Stop,
}

/// One switch: whoever holds the lock may have a session with it. There are as many as there are
/// switches, for which the plan has a bound.
type Line = Arc<lock::Mutex<RollbackGuard>>;

impl fmt::Debug for Switches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Switches").finish_non_exhaustive()
    }
}

impl Switches {
    /// Opens nothing yet. `connected` is asked before a change for an access point is confirmed.
    pub fn new(
        junos: &Junos,
        connected: Option<Connected>,
        clock: Clock,
        journal: Arc<Journal>,
    ) -> Result<Self, KeyError> {
        let (going, stop) = stop::stop();
        Ok(Self {
            settings: Shared::new(Settings::new(junos, None)?),
            lines: Mutex::default(),
            connected,
            clock,
            journal,
            began: clock.now(),
            going,
            stop,
        })
    }

    /// Takes a later configuration, which holds for sessions that begin from here on.
    pub fn configure(&self, junos: &Junos) -> Result<(), KeyError> {
        let settings = Settings::new(junos, Some(&self.settings()))?;
        self.settings.set(settings);
        Ok(())
    }

    /// Begins nothing new, and lets each session end: one that waits for a lock at once, one whose
    /// change is in place as soon as a last look has judged it. None lasts longer than
    /// a minute from here on.
    pub fn stop(&self) {
        self.going.stop();
    }

    /// Changes ports of a switch, all or none.
    pub async fn push(&self, switch: &Switch, edits: &[Edit]) -> Pushed {
        let line = self.line(switch.mac);
        let mut guard = line.lock().await;
        if let Precondition::Wait(time) = guard.precondition(self.clock.now()) {
            return Pushed::Failed(Failure::Busy { after: Some(time) });
        }
        let mut visit = match self.open(switch).await {
            Ok(visit) => visit,
            Err(failure) => return Pushed::Failed(failure),
        };
        let pushed = match self.settle(&mut visit, &mut guard).await {
            Ok(()) => self.push_on(&mut visit, &mut guard, edits).await,
            Err(failure) => Pushed::Failed(failure),
        };
        visit.dialogue.close().await;
        pushed
    }

    /// Whether a port is what it shall be; `None` where that is not certain, or not for good.
    pub async fn read(&self, switch: &Switch, edit: &Edit) -> Option<bool> {
        let line = self.line(switch.mac);
        let mut guard = line.lock().await;
        if let Precondition::Wait(_) = guard.precondition(self.clock.now()) {
            return None;
        }
        let mut visit = self.open(switch).await.ok()?;
        let is_done = self.read_on(&mut visit, &mut guard, edit).await;
        visit.dialogue.close().await;
        is_done
    }

    /// The difference that a change would make, without making it. Empty where there is none.
    pub async fn compare(&self, switch: &Switch, edits: &[Edit]) -> Result<String, Failure> {
        let line = self.line(switch.mac);
        let _queue = line.lock().await;
        let mut visit = self.open(switch).await?;
        let edited = self.edit(&mut visit, edits, Mode::Compare).await;
        visit.dialogue.close().await;
        let Edited { result, diff, .. } = edited?;
        result.map(|_| diff).map_err(|error| change::failure(&error))
    }

    /// What a switch itself says of one of its ports.
    pub async fn see(&self, switch: &Switch, port: PortName) -> Answer {
        let line = self.line(switch.mac);
        let _queue = line.lock().await;
        let Ok(mut visit) = self.open(switch).await else {
            return Answer::Unanswered;
        };
        let look = look_at_all(&mut visit.dialogue).await;
        visit.dialogue.close().await;
        look.answer(switch, port)
    }

    /// Reads back what an earlier push left unknown, so that nothing is committed upon it.
    async fn settle(&self, visit: &mut Visit, guard: &mut RollbackGuard) -> Result<(), Failure> {
        let Precondition::ReadBack(unknown) = guard.precondition(self.clock.now()) else {
            return Ok(());
        };
        let Edited { result, .. } = self.edit(visit, &unknown, Mode::ReadBack).await?;
        let now = self.clock.now();
        guard.read_back(now, &result, visit.settings.confirm());
        match (guard.precondition(now), result) {
            (Precondition::Nothing, _) => Ok(()),
            (Precondition::Wait(time), _) => Err(Failure::Busy { after: Some(time) }),
            (Precondition::ReadBack(_), Err(error)) => Err(change::failure(&error)),
            (Precondition::ReadBack(_), Ok(_)) => Err(Failure::Timeout),
        }
    }

    async fn push_on(
        &self,
        visit: &mut Visit,
        guard: &mut RollbackGuard,
        edits: &[Edit],
    ) -> Pushed {
        let confirm = visit.settings.confirm();
        guard.begin(edits, self.clock.now() + visit.settings.longest());
        let mode = Mode::Push { confirm: visit.settings.confirm };
        let mut edited = match self.edit(visit, edits, mode).await {
            Ok(edited) => edited,
            Err(failure) => return Pushed::Failed(failure),
        };
        let is_in_place = change::is_in_place(&edited.result, &edited.diff) == Some(true);
        guard.pushed(self.clock.now(), &edited.result, confirm);
        if is_in_place && edited.diff.is_empty() && guard.may_be_undone(self.clock.now()) {
            // An earlier run may have committed it and not confirmed it.
            edited = match self.edit(visit, edits, Mode::ReadBack).await {
                Ok(edited) => edited,
                Err(failure) => return Pushed::Failed(failure),
            };
            guard.read_back(self.clock.now(), &edited.result, confirm);
        }
        let Edited { result, diff, .. } = edited;
        change::pushed(self.clock.now(), &result, diff)
    }

    async fn read_on(
        &self,
        visit: &mut Visit,
        guard: &mut RollbackGuard,
        edit: &Edit,
    ) -> Option<bool> {
        self.settle(visit, guard).await.ok()?;
        let may_be_undone = guard.may_be_undone(self.clock.now());
        let mode = if may_be_undone { Mode::ReadBack } else { Mode::Compare };
        let edits = std::slice::from_ref(edit);
        let Edited { result, diff, .. } = self.edit(visit, edits, mode).await.ok()?;
        guard.read_back(self.clock.now(), &result, visit.settings.confirm());
        change::is_in_place(&result, &diff)
    }

    /// Makes one edit, from its first request to its end.
    async fn edit(&self, visit: &mut Visit, edits: &[Edit], mode: Mode) -> Result<Edited, Failure> {
        let Visit { dialogue, switch, .. } = visit;
        let edit = change::edit(dialogue.next_id(), edits, mode)?;
        let is_ap = |edit: &Edit| edit.mode == switch_port::Mode::Ap;
        let before = if mode != Mode::Compare && edits.iter().any(is_ap) {
            look_at_all(dialogue).await
        } else {
            Observation::default()
        };
        let ap_ports = observation::ap_ports(edits, &before);
        dialogue.begin(edit);
        while dialogue.is_editing() {
            match dialogue.next().await {
                Event::Committed { id, verify_by } => {
                    let by = verify_by.saturating_sub(VERDICT_MARGIN);
                    let site = switch.site.as_str();
                    if let Some(verdict) = self.verify(dialogue, &ap_ports, &before, site, by).await
                    {
                        dialogue.verified(id, verdict);
                    }
                }
                Event::Waiting { holder } => {
                    let values: [(&str, &dyn fmt::Display); 2] =
                        [("switch", switch), ("holder", &holder)];
                    self.journal.note(Level::Info, "switch_locked", &values);
                }
                Event::Answered { .. } | Event::Edited | Event::Over => {}
            }
        }
        let edited = dialogue.edited();
        if let Some(reason) = edited.reason() {
            let values: [(&str, &dyn fmt::Display); 2] = [("switch", switch), ("reason", &reason)];
            self.journal.note(Level::Warning, "switch_not_changed", &values);
        }
        for warning in &edited.warnings {
            self.journal.note(Level::Info, "switch_warned", fields![switch, warning]);
        }
        Ok(edited)
    }

    /// Looks at what a change did until it is good, or the time is up. `None` if the edit has ended
    /// meanwhile.
    async fn verify(
        &self,
        dialogue: &mut Dialogue,
        ap_ports: &[ApPort],
        before: &Observation,
        site: &str,
        by: Instant,
    ) -> Option<Result<(), String>> {
        if ap_ports.is_empty() {
            // That the switch answers is all that can be asked of it.
            let _ = dialogue.ask(Query::Interfaces).await;
            return dialogue.is_editing().then_some(Ok(()));
        }
        let has_link = |port: &ApPort| port.was_up || port.neighbour.is_some();
        let mut pause = if ap_ports.iter().any(has_link) { LOOK_FIRST } else { Duration::ZERO };
        let mut connected = BTreeMap::new();
        loop {
            dialogue.rest(pause).await;
            connected.retain(|_, is_connected| *is_connected);
            let after = look_at_all(dialogue).await;
            let mut judged = observation::judge(ap_ports, before, &after, &connected);
            if judged.is_ok() {
                self.ask_cloud(dialogue, ap_ports, site, &mut connected).await;
                judged = observation::judge(ap_ports, before, &after, &connected);
            }
            if !dialogue.is_editing() {
                return None;
            }
            pause = (pause * 2).clamp(LOOK_FIRST, LOOK_CAP);
            match judged {
                Ok(()) => return Some(Ok(())),
                Err(broken) if dialogue.is_stopping() || self.clock.now() + pause >= by => {
                    return Some(Err(broken.to_string()));
                }
                Err(_) => {}
            }
        }
    }

    /// Asks Mist about the access points of which it has not said that they are connected.
    async fn ask_cloud(
        &self,
        dialogue: &mut Dialogue,
        ap_ports: &[ApPort],
        site: &str,
        connected: &mut BTreeMap<Mac, bool>,
    ) {
        let Some(is_connected) = &self.connected else {
            return;
        };
        for ap in ap_ports.iter().filter_map(|port| port.ap) {
            if connected.contains_key(&ap) || !dialogue.is_editing() {
                continue;
            }
            let late = async {
                Timer::after(CLOUD_TIMEOUT).await;
                None
            };
            let answer = is_connected(ap, site.to_owned()).or(late);
            if let Some(answer) = dialogue.meanwhile(answer).await.flatten() {
                connected.insert(ap, answer);
            }
        }
    }

    /// A session with a switch.
    async fn open(&self, switch: &Switch) -> Result<Visit, Failure> {
        let settings = self.settings();
        let opening = async {
            let place = settings.sessions.acquire_arc().await;
            let target = settings.target(switch, &self.journal).await.ok_or(None)?;
            let dialogue = Dialogue::open(&target, settings.session, self.clock, &self.stop);
            Ok((place, dialogue.await.map_err(Some)?))
        };
        let stopped = async {
            self.stop.wait().await;
            Err(None)
        };
        let is_stopping = self.stop.is_stopped();
        match opening.or(stopped).await {
            Ok((place, dialogue)) => {
                let (settings, switch) = (Arc::clone(&settings), switch.clone());
                Ok(Visit { dialogue, settings, switch, _place: place })
            }
            Err(Some(error)) => {
                let values: [(&str, &dyn fmt::Display); 2] =
                    [("switch", switch), ("reason", &error)];
                self.journal.note(Level::Warning, "switch_not_reached", &values);
                Err(failure(&error))
            }
            Err(None) if is_stopping || self.stop.is_stopped() => {
                Err(Failure::Busy { after: None })
            }
            Err(None) => {
                let reason = "Mist and LLDP tell no name of it that could be a host's";
                let values: [(&str, &dyn fmt::Display); 2] =
                    [("switch", switch), ("reason", &reason)];
                self.journal.note(Level::Warning, "switch_not_reached", &values);
                Err(Failure::Unreachable)
            }
        }
    }

    fn line(&self, switch: Mac) -> Line {
        let until = self.began + self.settings().confirm();
        let mut lines = self.lines.lock();
        Arc::clone(
            lines
                .entry(switch)
                .or_insert_with(|| Arc::new(lock::Mutex::new(RollbackGuard::new(until)))),
        )
    }

    fn settings(&self) -> Arc<Settings> {
        self.settings.get()
    }
}

/// A session with a switch, and its place among all of them.
struct Visit {
    dialogue: Dialogue,
    settings: Arc<Settings>,
    switch: Switch,
    _place: SemaphoreGuardArc,
}

/// Everything that the judgement of a change rests on.
async fn look_at_all(dialogue: &mut Dialogue) -> Observation {
    Observation { interfaces: dialogue.interfaces().await, neighbours: dialogue.neighbours().await }
}

/// Why there is no session, in the words of all methods.
const fn failure(error: &ssh::Error) -> Failure {
    match error {
        ssh::Error::HostKey(_) => Failure::HostKey,
        ssh::Error::Login { .. } => Failure::Login,
        ssh::Error::Lost(_) | ssh::Error::Protocol { .. } => Failure::Timeout,
        ssh::Error::TimedOut { step: ssh::Step::Connect, .. }
        | ssh::Error::Algorithms { .. }
        | ssh::Error::Reach(_)
        | ssh::Error::Subsystem => Failure::Unreachable,
        ssh::Error::TimedOut { .. } => Failure::Timeout,
    }
}
