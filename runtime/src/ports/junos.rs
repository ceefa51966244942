//! Ports changed on the switches themselves, over NETCONF: a visit for each change, each question
//! and each look whether a change is in place.
//!
//! What a visit does and when a change stays is decided by [`Visit`]; here it gets a connection and
//! a clock. A switch has one visit at a time, and what else is to be done there waits.
//!
//! Dropping one of these futures drops its connection, and with it the switch's lock and whatever
//! was not committed there. What was committed and not confirmed is remembered, and read back
//! before the next change.

use std::{collections::BTreeMap, fmt, sync::Arc};

use mistgate_core::base::{failure::Failure, mac::Mac, machine, machine::Machine};
use mistgate_core::junos::visit::{input::Config, input::Input, input::Task, output::Outcome};
use mistgate_core::junos::{Junos, rollback::RollbackGuard, visit::Visit, visit::output::Output};
use mistgate_core::ports::edit::{Edit, Pushed};
use mistgate_core::ports::{name::PortName, question::Answer, switch_port::Switch};
use smol::{channel, future::Boxed, lock};

use crate::base::{clock::Clock, journal::Journal, journal::Level};
use crate::base::{journal::fields, stop, stop::Stop, stop::Stopper, sync::Mutex, sync::Shared};
use crate::ports::method::{Call, Compared, Method};

pub mod ssh;
mod trust;

mod settings;

mod connection;

pub(super) use self::settings::is_address;
pub use self::trust::Login;
use self::{connection::Connection, connection::Opened, settings::Settings};

/// What a visit promises of its outcome.
const OF_ITS_KIND: &str = "a task ends with the outcome of its name";

/// How much of what Mist says a visit keeps; the rest it finds out by looking.
const SAID_MAX: usize = 64;

/// Whether an access point of a site is connected to Mist; `None` where nobody knows.
pub type Connected = Arc<dyn Fn(Mac, String) -> Boxed<Option<bool>> + Send + Sync>;

/// Whoever holds the lock may visit the switch. There are as many as there are switches, for which
/// the plan has a bound.
type SwitchQueue = Arc<lock::Mutex<RollbackGuard>>;

/// All switches, and how we log in to them.
pub struct Switches {
    settings: Shared<Settings>,
    queues: Mutex<BTreeMap<Mac, SwitchQueue>>,
    connected: Mutex<Option<Connected>>,
    /// Each visit's channel for what Mist says of access points meanwhile.
    visits: Mutex<Vec<channel::Sender<Input>>>,
    clock: Clock,
    journal: Arc<Journal>,
    going: Stopper,
    stop: Stop,
}

impl fmt::Debug for Switches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Switches").finish_non_exhaustive()
    }
}

impl Switches {
    /// Opens nothing yet. `connected` is asked before a change for an access point is confirmed.
    pub fn new(
        junos: &Junos,
        login: Login,
        connected: Option<Connected>,
        clock: Clock,
        journal: Arc<Journal>,
    ) -> Self {
        let (going, stop) = stop::stop();
        Self {
            settings: Shared::new(Settings::new(junos, login, None)),
            queues: Mutex::default(),
            connected: Mutex::new(connected),
            visits: Mutex::default(),
            clock,
            journal,
            going,
            stop,
        }
    }

    /// Takes a later configuration, which holds for visits that begin from here on.
    pub fn configure(&self, junos: &Junos, login: Login) {
        let settings = Settings::new(junos, login, Some(&self.settings.get()));
        self.settings.set(settings);
    }

    /// Asks another cloud from here on.
    pub fn ask(&self, connected: Option<Connected>) {
        *self.connected.lock() = connected;
    }

    /// Drives one visit to its end, in its turn.
    async fn visit(&self, switch: &Switch, task: Task) -> Outcome {
        let queue = self.queue(switch.mac);
        let mut guard = queue.lock().await;
        let settings = self.settings.get();
        let Settings { session, confirm, ref junos, .. } = *settings;
        let verify = junos.verify;
        let config = Config { task, guard: guard.clone(), session, confirm, verify };
        // Luck spreads the attempts of several programs at a lock, and they are spread without it.
        let seed = getrandom::u64().unwrap_or_default();
        let mut visit = (Visit::new(config, seed, self.clock.now()), Vec::new());
        let (sender, said) = channel::bounded(SAID_MAX);
        self.visits.lock().push(sender);
        let mut connection = Connection::new(self.clock, self.stop.clone(), said);
        let mut input = None;
        loop {
            let note = |owner: &mut (_, Vec<_>), output| owner.1.push(output);
            machine::step(&mut visit, |owner| &mut owner.0, self.clock.now(), input, note);
            for output in visit.1.drain(..) {
                match output {
                    Output::Open => connection.open(self.open(&settings, switch)),
                    Output::Send(bytes) => connection.send(&bytes),
                    Output::AskCloud { id, ap } => {
                        let connected = self.connected.lock().clone();
                        connection.ask(id, connected.map(|ask| ask(ap, switch.site.clone())));
                    }
                    Output::Remember(left) => *guard = left,
                    Output::Locked { holder } => {
                        self.journal.note(Level::Info, "switch_locked", fields![switch, holder]);
                    }
                    Output::NotChanged { reason } => {
                        self.journal.note(
                            Level::Warning,
                            "switch_not_changed",
                            fields![switch, reason],
                        );
                    }
                    Output::Warned(warning) => {
                        self.journal.note(Level::Info, "switch_warned", fields![switch, warning]);
                    }
                    Output::Done(outcome) => return outcome,
                }
            }
            input = connection.next(visit.0.poll_timeout()).await;
        }
    }

    /// Connects once there are not too many sessions.
    async fn open(&self, settings: &Settings, switch: &Switch) -> Result<Opened, Failure> {
        let slot = settings.sessions.acquire_arc().await;
        let opened = match settings.target(switch, &self.journal).await {
            Some(target) => {
                let stream = ssh::open(&target).await;
                stream.map_err(|error| (failure(&error), error.to_string()))
            }
            None => {
                let reason = "Mist and LLDP tell no name of it that could be a host's";
                Err((Failure::Unreachable, reason.to_owned()))
            }
        };
        opened.map(|stream| (stream, slot)).map_err(|(failure, reason)| {
            let explained = failure.explained(&reason);
            self.journal.note(Level::Warning, "switch_not_reached", fields![switch, reason]);
            explained
        })
    }

    fn queue(&self, switch: Mac) -> SwitchQueue {
        Arc::clone(self.queues.lock().entry(switch).or_default())
    }
}

impl Method for Switches {
    fn name(&self) -> &'static str {
        "junos"
    }

    fn work_max(&self) -> usize {
        self.settings.get().junos.sessions_max
    }

    fn reaches_by_name(&self) -> bool {
        true
    }

    fn see<'a>(&'a self, switch: &'a Switch, port: PortName) -> Call<'a, Answer> {
        Box::pin(async move {
            let outcome = self.visit(switch, Task::See(switch.clone(), port)).await;
            let Outcome::Seen(answer) = outcome else { unreachable!("{OF_ITS_KIND}") };
            answer
        })
    }

    fn compare<'a>(&'a self, switch: &'a Switch, edits: &'a [Edit]) -> Call<'a, Compared> {
        Box::pin(async move {
            let outcome = self.visit(switch, Task::Compare(edits.to_vec())).await;
            let Outcome::Compared(compared) = outcome else { unreachable!("{OF_ITS_KIND}") };
            compared
        })
    }

    fn push<'a>(&'a self, switch: &'a Switch, edits: &'a [Edit]) -> Call<'a, Pushed> {
        Box::pin(async move {
            let outcome = self.visit(switch, Task::Push(edits.to_vec())).await;
            let Outcome::Pushed(pushed) = outcome else { unreachable!("{OF_ITS_KIND}") };
            pushed
        })
    }

    fn read<'a>(&'a self, switch: &'a Switch, edit: &'a Edit) -> Call<'a, Option<bool>> {
        Box::pin(async move {
            let outcome = self.visit(switch, Task::Read(edit.clone())).await;
            let Outcome::Read(is_done) = outcome else { unreachable!("{OF_ITS_KIND}") };
            is_done
        })
    }

    fn lost(&self, ap: Mac) {
        self.visits.lock().retain(|visit| match visit.try_send(Input::Lost(ap)) {
            Ok(()) | Err(channel::TrySendError::Full(_)) => true,
            Err(channel::TrySendError::Closed(_)) => false,
        });
    }

    /// A visit that waits for a lock ends at once, one whose change is in place as soon as a last
    /// look has judged it. None lasts longer than a minute from here on.
    fn stop(&self) {
        self.going.stop();
    }
}

/// Why there is no session, in the words of all methods.
const fn failure(error: &ssh::Error) -> Failure {
    match error {
        ssh::Error::HostKey(_) => Failure::HostKey,
        ssh::Error::Login { .. } => Failure::Login,
        ssh::Error::TimedOut { step: ssh::Step::Connect, .. }
        | ssh::Error::Algorithms { .. }
        | ssh::Error::Reach(_)
        | ssh::Error::Subsystem => Failure::Unreachable,
        ssh::Error::Lost(_) | ssh::Error::Protocol { .. } | ssh::Error::TimedOut { .. } => {
            Failure::Timeout
        }
    }
}
