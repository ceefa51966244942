//! One running mistgate: all tasks, from the first socket to the last flush.

use std::{
    convert::Infallible,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use async_signal::{Signal, Signals};
use mistgate_core::{
    config::checked::{Admin, Config, Limits, Network, Tls},
    engine::input,
};
use smol::{Async, Executor, Task, Timer, channel, future::FutureExt, stream::StreamExt};

use crate::{
    admin,
    clock::{self, Clock},
    driver::{self, Driver, Message},
    journal::{Journal, Level},
    listen::{self, Listener, Service},
    load::{self, From, Loaded},
    metrics::Counter,
    outbound::Outbound,
    store::Store,
    tls::{self, Identity},
    webhook,
};

/// How long what is in flight may take when it stops: webhooks, then posts, then questions to the
/// admin endpoint; all in all less than ten seconds.
const WEBHOOKS_GRACE: Duration = Duration::from_secs(3);
const POSTS_GRACE: Duration = Duration::from_secs(5);
const ADMIN_GRACE: Duration = Duration::from_secs(1);
/// How often certificates are looked at for changes.
const WATCH_EVERY: Duration = Duration::from_secs(2);
/// The most threads that run tasks.
const THREADS_MAX: usize = 4;

/// Why it does not start. One line, saying what to do.
#[derive(Debug)]
pub struct Error(Vec<String>);

impl Error {
    fn new(line: impl fmt::Display) -> Self {
        Self(vec![line.to_string()])
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for Error {}

/// Runs until SIGTERM or SIGINT. `started` is told where the listeners are.
pub fn run(
    from: &From,
    journal: Journal,
    started: impl FnOnce(&Config, &Addresses),
) -> Result<(), Error> {
    let executor = Arc::new(Executor::new());
    let (alive, stop) = channel::bounded::<Infallible>(1);
    let extra = thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX) - 1;
    let threads: Vec<_> = (0..extra)
        .map(|_| {
            let (executor, stop) = (Arc::clone(&executor), stop.clone());
            thread::spawn(move || smol::block_on(executor.run(stop.recv())))
        })
        .collect();
    let node = Node::start(from, Arc::new(journal), Arc::clone(&executor));
    let result = smol::block_on(executor.run(async {
        let mut node = node?;
        started(&node.config, &node.addresses());
        node.serve().await?;
        node.stop().await;
        Ok(())
    }));
    drop(alive);
    for thread in threads {
        // Its only result is that the channel closed.
        let _ = thread.join();
    }
    result
}

/// Where the listeners are; the ports are real where the configuration said 0.
#[derive(Debug)]
pub struct Addresses {
    /// The webhook listener.
    pub webhook: Option<SocketAddr>,
    /// The admin endpoint.
    pub admin: Option<SocketAddr>,
}

/// A listener that runs, and the socket under it, which outlives a change of policy.
struct Port {
    configured: SocketAddr,
    socket: TcpListener,
    policy: Policy,
    stop: channel::Sender<Infallible>,
    task: Task<()>,
}

#[derive(Clone, PartialEq, Eq)]
struct Policy {
    tls: Option<Tls>,
    allow_from: Vec<Network>,
    limits: Limits,
}

struct Node {
    from: From,
    config: Config,
    clock: Clock,
    journal: Arc<Journal>,
    executor: Arc<Executor<'static>>,
    signals: Signals,
    driver: driver::Handle,
    driving: Task<()>,
    storing: thread::JoinHandle<()>,
    ready: Arc<AtomicBool>,
    webhook: Option<(Port, Arc<webhook::Intake>)>,
    admin: Option<Port>,
}

impl Node {
    fn start(
        from: &From,
        journal: Arc<Journal>,
        executor: Arc<Executor<'static>>,
    ) -> Result<Self, Error> {
        let clock = Clock::start();
        let Loaded { config, warnings } = load::load(from).map_err(Error)?;
        for warning in &warnings {
            journal.note(Level::Warning, "config", &[("warning", warning)]);
        }
        let signals = Signals::new([Signal::Term, Signal::Int, Signal::Hup]).map_err(Error::new)?;
        load::make_state_dir(&config.state_dir).map_err(|error| {
            Error::new(format!("{}: {error} — make it, or set state_dir", config.state_dir))
        })?;
        let webhook_socket = match &config.webhook {
            Some(webhook) => Some(bind("webhook.listen", webhook.listen)?),
            None => None,
        };
        let admin_socket = match &config.admin {
            Some(admin) => Some(bind("admin.listen", admin.listen)?),
            None => None,
        };
        let (driver, messages) = driver::Handle::new();
        let written = driver.clone();
        let (store, left, storing) = Store::open(
            &Path::new(&config.state_dir).join("mistgate.redb"),
            clock::before(clock::wall(), dedup_window(&config)),
            move |answer| written.send(Message::Written(answer)),
        )
        .map_err(Error::new)?;
        let mut seed = [0; 8];
        getrandom::fill(&mut seed).map_err(Error::new)?;
        let tasks = (clock, Arc::clone(&journal), Arc::clone(&executor));
        let mut settings = settings(&config, clock)?;
        settings.engine.next_batch = left.next_batch;
        let seed = u64::from_le_bytes(seed);
        let driving = Driver::start(settings, &left, store, seed, tasks, driver.clone());
        let driving = executor.spawn(driving.run(messages));
        let mut node = Self {
            from: from.clone(),
            clock,
            journal,
            executor,
            signals,
            driver,
            driving,
            storing,
            ready: Arc::new(AtomicBool::new(false)),
            webhook: None,
            admin: None,
            config,
        };
        let config = node.config.clone();
        node.open_webhook(&config, webhook_socket)?;
        node.open_admin(&config, admin_socket)?;
        node.ready.store(true, Ordering::Relaxed);
        Ok(node)
    }

    fn addresses(&self) -> Addresses {
        let address = |port: &Port| port.socket.local_addr().ok();
        Addresses {
            webhook: self.webhook.as_ref().and_then(|(port, _)| address(port)),
            admin: self.admin.as_ref().and_then(address),
        }
    }

    /// Serves until a signal says to stop; a hang-up reads the configuration again.
    async fn serve(&mut self) -> Result<(), Error> {
        while let Some(signal) = self.signals.next().await {
            if signal.map_err(Error::new)? != Signal::Hup {
                break;
            }
            let (from, journal) = (self.from.clone(), Arc::clone(&self.journal));
            let loaded = smol::unblock(move || load::load(&from)).await;
            let result = loaded.map_err(Error).and_then(|loaded| self.configure(loaded));
            let label = if result.is_ok() { "ok" } else { "failed" };
            journal.metrics.add(Counter::Reloads, &[("result", label)], 1);
            match result {
                Ok(()) => journal.note(Level::Info, "reloaded", &[]),
                Err(Error(problems)) => {
                    for problem in problems {
                        journal.note(Level::Error, "reload_failed", &[("reason", &problem)]);
                    }
                }
            }
        }
        Ok(())
    }

    /// Takes a new configuration as a whole, or leaves everything as it is.
    fn configure(&mut self, loaded: Loaded) -> Result<(), Error> {
        let Loaded { config, warnings } = loaded;
        if config.state_dir != self.config.state_dir {
            return Err(Error::new("state_dir: changed — restart mistgate to move its state"));
        }
        let settings = settings(&config, self.clock)?;
        let webhook_socket = match (&config.webhook, &self.webhook) {
            (Some(webhook), Some((port, _))) if port.configured == webhook.listen => {
                Some(port.socket.try_clone().map_err(Error::new)?)
            }
            (Some(webhook), _) => Some(bind("webhook.listen", webhook.listen)?),
            (None, _) => None,
        };
        let admin_socket = match (&config.admin, &self.admin) {
            (Some(admin), Some(port)) if port.configured == admin.listen => {
                Some(port.socket.try_clone().map_err(Error::new)?)
            }
            (Some(admin), _) => Some(bind("admin.listen", admin.listen)?),
            (None, _) => None,
        };
        // The engine first: it would drop what the listener already takes for a new destination.
        self.driver.send(Message::Configured(Box::new(settings)));
        self.open_webhook(&config, webhook_socket)?;
        self.open_admin(&config, admin_socket)?;
        for warning in &warnings {
            self.journal.note(Level::Warning, "config", &[("warning", warning)]);
        }
        self.config = config;
        Ok(())
    }

    fn open_webhook(&mut self, config: &Config, socket: Option<TcpListener>) -> Result<(), Error> {
        let (Some(webhook), Some(socket)) = (&config.webhook, socket) else {
            if let Some((port, _)) = self.webhook.take() {
                port.retire();
            }
            return Ok(());
        };
        let settings = webhook::Settings { webhook: webhook.clone(), chat: config.chat.clone() };
        let policy = Policy {
            tls: webhook.tls.clone(),
            allow_from: webhook.allow_from.clone(),
            limits: webhook.limits,
        };
        if let Some((port, service)) = &self.webhook
            && port.configured == webhook.listen
            && port.policy == policy
        {
            service.configure(settings);
            return Ok(());
        }
        let (driver, journal) = (self.driver.clone(), Arc::clone(&self.journal));
        let service = Arc::new(webhook::Intake::new(settings, driver, journal, self.clock));
        let own = Arc::clone(&service);
        let port = self.open("webhook", webhook.listen, socket, policy, own, WEBHOOKS_GRACE)?;
        if let Some((old, _)) = self.webhook.replace((port, service)) {
            old.retire();
        }
        Ok(())
    }

    fn open_admin(&mut self, config: &Config, socket: Option<TcpListener>) -> Result<(), Error> {
        let (Some(Admin { listen, token }), Some(socket)) = (&config.admin, socket) else {
            if let Some(port) = self.admin.take() {
                port.retire();
            }
            return Ok(());
        };
        let (driver, journal) = (self.driver.clone(), Arc::clone(&self.journal));
        let ready = Arc::clone(&self.ready);
        let service = admin::Admin::new(token.clone(), driver, journal, self.clock, ready);
        let everywhere = [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
        let allow_from = everywhere.map(|address| Network { address, prefix: 0 }).to_vec();
        let policy = Policy { tls: None, allow_from, limits: Limits::default() };
        let service = Arc::new(service);
        let port = self.open("admin", *listen, socket, policy, service, ADMIN_GRACE)?;
        if let Some(old) = self.admin.replace(port) {
            old.retire();
        }
        Ok(())
    }

    /// Starts a listener.
    fn open<S: Service>(
        &self,
        name: &'static str,
        configured: SocketAddr,
        socket: TcpListener,
        policy: Policy,
        service: Arc<S>,
        grace: Duration,
    ) -> Result<Port, Error> {
        let explain = |error: &dyn fmt::Display| Error::new(format!("{name}: {error}"));
        let identity = match policy.tls.clone() {
            Some(files) => Some(Arc::new(Identity::load(files).map_err(|e| explain(&e))?)),
            None => None,
        };
        let own = socket.try_clone().map_err(|error| explain(&error))?;
        let own = Async::new(own).map_err(|error| explain(&error))?;
        let listener =
            Listener::new(own, identity.clone(), policy.allow_from.clone(), policy.limits);
        let (stop, stopped) = listen::stop();
        if let Some(identity) = identity {
            let journal = Arc::clone(&self.journal);
            let report = move |result: Result<(), tls::Error>| match result {
                Ok(()) => journal.note(Level::Info, "certificate_reloaded", &[("listener", &name)]),
                Err(error) => {
                    let values: [(&str, &dyn fmt::Display); 2] =
                        [("listener", &name), ("reason", &error)];
                    journal.note(Level::Error, "certificate_kept", &values);
                }
            };
            let stopped = stopped.clone();
            let watch = async move {
                let ended = async {
                    let _ = stopped.recv().await;
                };
                identity.watch(WATCH_EVERY, report).or(ended).await;
            };
            self.executor.spawn(watch).detach();
        }
        let address = socket.local_addr().map_err(|error| explain(&error))?;
        self.journal.note(
            Level::Info,
            "listening",
            &[("listener", &name), ("address", &address), ("tls", &policy.tls.is_some())],
        );
        let running = listener.run(Arc::clone(&self.executor), service, stopped, grace);
        let task = self.executor.spawn(running);
        Ok(Port { configured, socket, policy, stop, task })
    }

    /// Finishes what is in flight and closes everything.
    async fn stop(self) {
        let Self { journal, driver, driving, storing, ready, webhook, admin, .. } = self;
        journal.note(Level::Info, "stopping", &[]);
        ready.store(false, Ordering::Relaxed);
        if let Some((port, service)) = webhook {
            port.close().await;
            drop(service);
        }
        driver.send(Message::Stop);
        let late = async {
            Timer::after(POSTS_GRACE).await;
            journal.note(Level::Warning, "stopped_early", &[]);
        };
        driving.or(late).await;
        if let Some(port) = admin {
            port.close().await;
        }
        // The driver is gone and with it the last sender, so the thread ends after its last commit.
        let _ = smol::unblock(move || storing.join()).await;
        journal.note(Level::Info, "stopped", &[]);
    }
}

impl Port {
    /// Ends the listener in its own time; what is in flight is answered.
    fn retire(self) {
        drop(self.stop);
        self.task.detach();
    }

    async fn close(self) {
        drop(self.stop);
        drop(self.socket);
        self.task.await;
    }
}

fn bind(key: &str, address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address)
        .map_err(|error| Error::new(format!("{key}: {address}: {error} — choose another address")))
}

fn dedup_window(config: &Config) -> Duration {
    config.webhook.as_ref().map_or(Duration::ZERO, |webhook| webhook.dedup_window)
}

fn settings(config: &Config, clock: Clock) -> Result<driver::Settings, Error> {
    let tls = tls::connector(config.chat.delivery.extra_ca.as_deref()).map_err(Error::new)?;
    let proxies = load::proxies(config).map_err(Error::new)?;
    Ok(driver::Settings {
        engine: input::Config {
            chat: config.chat.clone(),
            dedup_window: dedup_window(config),
            next_batch: 0,
        },
        dashboard_host: config.mist.dashboard_host.clone(),
        outbound: Outbound { tls, proxies, clock },
    })
}
