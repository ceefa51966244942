//! One running mistgate: all tasks, from the first socket to the last flush.

mod listeners;
mod prepare;

use std::sync::atomic::{AtomicBool, Ordering};
use std::{fmt, os::fd::OwnedFd, path::Path, sync::Arc, thread, time::Duration};

use async_signal::{Signal, Signals};
use mistgate_core::config::checked::Config;
use rustix::{process, process::Resource, process::Rlimit};
use smol::{Executor, Task, Timer, channel, future, future::FutureExt, stream::StreamExt};

pub use self::listeners::Addresses;
use self::listeners::{Bound, Common, Listeners, Socket};
pub use self::prepare::Step;
use self::prepare::{Prepared, Refused};

use crate::base::{journal::Level, journal::fields, metrics::Counter, sandbox::Needs};
use crate::base::{panic, sandbox, sandbox::Sandbox, stop, store, store::Store, store::Written};
use crate::host::supervisor::{Inherited, Supervisor, Trial, Watchdog};
use crate::{admin::control, admin::guard, base::clock::Clock, base::journal::Journal};
use crate::{base::task, chat::driver, chat::driver::Driver, chat::driver::Message};
use crate::{host::load, host::load::Loaded, ports};

/// How long changes and posts in flight may take when it stops. With the graces of the listeners
/// that is less than ten seconds.
const GRACE: Duration = Duration::from_secs(5);
/// The most threads that run tasks.
const THREADS_MAX: usize = 4;

/// Why it does not start, or does not take a configuration: lines that say what to do.
type Problems = Vec<String>;

fn problem(line: impl fmt::Display) -> Problems {
    vec![line.to_string()]
}

/// Runs with the configuration of a file, else with the one in the program, until SIGTERM or
/// SIGINT. `started` gets the addresses of the listeners. The rights that are not needed are given
/// up before the first byte is taken, as far as it is wished; there must be no other threads.
pub fn run(
    file: Option<&str>,
    journal: Journal,
    wish: Option<bool>,
    started: impl FnOnce(&Config, &Addresses),
) -> Result<(), Problems> {
    sandbox::keep_private();
    let inherited = Inherited::from_env().map_err(problem)?;
    let supervisor = Supervisor::from_env().unwrap_or_else(|reason| {
        journal.note(Level::Warning, "service_manager_unreachable", fields![reason]);
        Supervisor::default()
    });
    let trial = Trial::from_env(&journal);
    let journal = Arc::new(journal);
    panic::report_to(Arc::clone(&journal));
    let executor = Arc::new(Executor::new());
    // Asked before the sandbox closes the files that say how many there are.
    let threads = thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
    let confined = Confined::enter(file, journal, Arc::clone(&executor), inherited, wish)?;
    let (alive, stop) = stop::stop();
    let threads: Vec<_> = (1..threads)
        .map(|_| {
            let (executor, stop) = (Arc::clone(&executor), stop.clone());
            thread::spawn(move || smol::block_on(executor.run(stop.wait())))
        })
        .collect();
    let node = Node::start(file, confined, supervisor);
    let result = smol::block_on(executor.run(async {
        let (mut node, watchdog) = node?;
        started(&node.config, &node.listeners.addresses());
        let Common { journal, driver, .. } = node.listeners.common.clone();
        let follow = async {
            match &trial {
                Some(trial) => trial.follow(&journal, &driver).await,
                None => future::pending().await,
            }
        };
        node.serve().or(watchdog.feed()).or(follow).await?;
        trial.iter().for_each(Trial::stopped);
        node.stop().await;
        Ok(())
    }));
    drop(alive);
    for thread in threads {
        // It has no result.
        let _ = thread.join();
    }
    result
}

/// What is made before there are threads: the configuration, the sockets and the sandbox.
struct Confined {
    loaded: Loaded,
    sandbox: Sandbox,
    messages: channel::Receiver<Message>,
    ends: ports::Ends,
    listeners: Listeners,
    bound: Bound,
    control: OwnedFd,
}

/// Allows as many open files as the system lets us have, and warns where those are fewer than the
/// connections that the configuration allows.
fn allow_connections(config: &Config, journal: &Journal) {
    /// What is open besides connections from outside.
    const OTHERS: usize = 64;
    let maximum = process::getrlimit(Resource::Nofile).maximum;
    // It stays as it is where it is as high as it may be, or the system refuses.
    let _ = process::setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let webhook =
        config.webhook.as_ref().map_or(0, |webhook| webhook.policy.limits.connections_max);
    let proxy = config.proxy.as_ref().map_or(0, |proxy| proxy.limits.listener.connections_max);
    let wanted = webhook + proxy + OTHERS;
    if let Some(allowed) = maximum.filter(|maximum| *maximum < wanted as u64) {
        journal.note(Level::Warning, "files_limited", fields![allowed, wanted]);
    }
}

impl Confined {
    fn enter(
        file: Option<&str>,
        journal: Arc<Journal>,
        executor: Arc<Executor<'static>>,
        inherited: Inherited,
        wish: Option<bool>,
    ) -> Result<Self, Problems> {
        let loaded = load::load(file)?;
        let Loaded { config, files, warnings, made } = &loaded;
        warn(&journal, warnings);
        allow_connections(config, &journal);
        store::make_folder(&config.state_dir).map_err(|error| {
            problem(format!("{}: {error} — make it, or set state_dir", config.state_dir))
        })?;
        let (driver, messages) = driver::Handle::new();
        let (switches, ends) = ports::Handle::new();
        let ready = Arc::new(AtomicBool::new(false));
        let (clock, inherited) = (Clock::start(), Arc::new(inherited));
        let budget = Arc::default();
        let made_token = guard::made_token(&config.state_dir).inspect_err(|reason| {
            let values = fields![file = guard::TOKEN, reason];
            journal.note(Level::Warning, "admin_token_missing", values);
        });
        let made_token = made_token.ok();
        let common = Common {
            clock,
            journal,
            executor,
            driver,
            switches,
            ready,
            budget,
            made_token,
            inherited,
        };
        let listeners = Listeners::new(common);
        let bound = listeners.bind(config)?;
        let control = control::socket().map_err(problem)?;
        let needs = Needs::of_node(config, files, &made.proxies);
        let sandbox = sandbox::enter(wish, needs, &listeners.common.journal).map_err(problem)?;
        let _ = listeners.admin.sandbox.set(sandbox.holds.clone());
        Ok(Self { loaded, sandbox, messages, ends, listeners, bound, control })
    }
}

struct Node {
    /// The file of the configuration; none for the one in the program.
    file: Option<String>,
    config: Config,
    /// Shared with the thread that reads the configuration again.
    sandbox: Arc<Sandbox>,
    signals: Signals,
    driving: Task<()>,
    switching: Task<()>,
    storing: thread::JoinHandle<()>,
    supervisor: Arc<Supervisor>,
    listeners: Listeners,
}

impl Node {
    fn start(
        file: Option<&str>,
        confined: Confined,
        supervisor: Supervisor,
    ) -> Result<(Self, Watchdog), Problems> {
        let Confined { loaded, sandbox, messages, ends, mut listeners, bound, control } = confined;
        let mut prepared = Prepared::new(loaded, Socket::all(bound)?, &listeners, seed()?);
        let config = &prepared.config;
        let Common { clock, journal, executor, driver, switches, ready, .. } =
            listeners.common.clone();
        let signals = Signals::new([Signal::Term, Signal::Int, Signal::Hup]).map_err(problem)?;
        let (written, kept) = (driver.clone(), switches.clone());
        let path = Path::new(&config.state_dir).join(store::FILE);
        let report = move |answer| report_written(answer, &written, &kept);
        let (store, storing) =
            Store::serve(&path, store::file(&path), config.store.max, report).map_err(problem)?;
        store.set_history(config.store.history);
        let tools = ports::Tools {
            clock,
            journal: Arc::clone(&journal),
            executor: Arc::clone(&executor),
            store: store.clone(),
            driver: driver.clone(),
            audit: Path::new(&config.state_dir).join(ports::AUDIT_FILE),
        };
        // The task waits where there are no switch ports.
        let switching = ports::run(prepared.switches.take(), seed()?, tools, ends);
        let switching = task::spawn(&executor, panic::end_with(switching));
        let supervisor = Arc::new(supervisor);
        let watchdog = Watchdog {
            supervisor: Arc::clone(&supervisor),
            journal: Arc::clone(&journal),
            executor: Arc::clone(&executor),
            driver: driver.clone(),
            store: store.clone(),
            switches: switches.clone(),
        };
        let tasks = (clock, journal, Arc::clone(&executor));
        let driving = Driver::start(prepared.chats, store, seed()?, tasks, driver);
        let driving = task::spawn(&executor, panic::end_with(driving.run(messages)));
        // The store's lock says that no other mistgate lives in this folder. Before the others:
        // who sees that a listener is open may use the commands.
        let stopped = listeners.open_control(control, Path::new(&prepared.config.state_dir));
        listeners.open(&prepared.config, prepared.sockets, prepared.identities, prepared.feeds);
        listeners.remind(stopped);
        ready.store(true, Ordering::Relaxed);
        let node = Self {
            file: file.map(str::to_owned),
            config: prepared.config,
            sandbox: Arc::new(sandbox),
            signals,
            driving,
            switching,
            storing,
            supervisor,
            listeners,
        };
        Ok((node, watchdog))
    }

    /// Serves until a signal says to stop; a hang-up reads the configuration again.
    async fn serve(&mut self) -> Result<(), Problems> {
        self.supervisor.ready(&self.listeners.status());
        while let Some(signal) = self.signals.next().await {
            if signal.map_err(problem)? != Signal::Hup {
                break;
            }
            self.supervisor.reloading();
            let journal = Arc::clone(&self.listeners.common.journal);
            let (file, sandbox) = (self.file.clone(), Arc::clone(&self.sandbox));
            let loaded = task::unblock(move || load::load_in(&sandbox, file.as_deref())).await;
            let prepared = Prepared::beside(&self.config, &self.listeners, &self.sandbox, loaded);
            let result = prepared.map(|prepared| self.switch(prepared));
            let label = if result.is_ok() { "ok" } else { "failed" };
            journal.metrics.add(Counter::Reloads, &[("result", label)], 1);
            let addresses = self.listeners.status();
            match result {
                Ok(()) => {
                    self.supervisor.ready(&addresses);
                    journal.note(Level::Info, "reloaded", &[]);
                }
                Err(Refused { step, problems }) => {
                    let kept = "the changed configuration has problems, the old one is kept";
                    let step = step.name();
                    self.supervisor.ready(&format!("{addresses}; {kept}"));
                    for problem in problems {
                        let values = fields![step, reason = problem];
                        journal.note(Level::Error, "reload_failed", values);
                    }
                }
            }
        }
        Ok(())
    }

    /// Goes on with another configuration. All that can fail is done.
    fn switch(&mut self, prepared: Prepared) {
        let Prepared { config, warnings, chats, switches, feeds, sockets, identities } = prepared;
        let common = &self.listeners.common;
        // The engine first: it would drop what the listener already takes for a new destination.
        common.driver.send(Message::Configured(Box::new(chats)));
        common.switches.send(ports::Message::Configured(switches));
        warn(&common.journal, &warnings);
        self.listeners.open(&config, sockets, identities, feeds);
        self.config = config;
    }

    /// Finishes what is in flight and closes everything.
    async fn stop(self) {
        let Self { driving, switching, storing, supervisor, mut listeners, .. } = self;
        let Common { journal, driver, switches, ready, .. } = listeners.common.clone();
        supervisor.stopping();
        journal.note(Level::Info, "stopping", &[]);
        ready.store(false, Ordering::Relaxed);
        listeners.run_feeds(Vec::new());
        // No other part depends on the proxy, so it may end at the same time.
        let proxy = listeners.close("proxy");
        let posts = async {
            listeners.close("webhook").await;
            switches.send(ports::Message::End);
            let late = async {
                Timer::after(GRACE).await;
                journal.note(Level::Warning, "stopped_early", &[]);
            };
            let ended = async {
                // The changes first, because their reports still go to the chats.
                switching.await;
                driver.send(Message::Stop);
                driving.await;
            };
            ended.or(late).await;
        };
        future::zip(proxy, posts).await;
        listeners.close("admin").await;
        listeners.close_control().await;
        // The driver is gone and with it the last sender, so the thread ends after its last commit.
        let _ = task::unblock(move || storing.join()).await;
        journal.note(Level::Info, "stopped", &[]);
    }
}

fn warn(journal: &Journal, warnings: &[String]) {
    for warning in warnings {
        journal.note(Level::Warning, "config", fields![warning]);
    }
}

fn dedup_window(config: &Config) -> Duration {
    config.webhook.as_ref().map_or(Duration::ZERO, |webhook| webhook.dedup_window)
}

/// Passes the answer of the store to the task whose write it answers.
fn report_written(answer: Written, driver: &driver::Handle, switches: &ports::Handle) {
    if let Written::Opened(left) = &answer {
        if let Some(set_aside) = &left.set_aside {
            switches.store_set_aside(set_aside);
        }
        switches.send(ports::Message::Opened);
    }
    match answer {
        Written::Kept(number) => switches.send(ports::Message::Kept(number)),
        Written::Unkept => switches.send(ports::Message::Unkept),
        Written::Letters(_)
        | Written::Opened(_)
        | Written::Refused(..)
        | Written::Reopened
        | Written::Stored(_) => {
            driver.send(Message::Written(answer));
        }
    }
}

fn seed() -> Result<u64, Problems> {
    getrandom::u64().map_err(problem)
}
