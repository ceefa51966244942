//! The listeners of a node, and how they change with the configuration.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, OnceLock, atomic::AtomicBool};
use std::{collections::BTreeMap, io, os::fd::OwnedFd, path::Path, time::Duration};

use mistgate_core::http::listener::{Policy, Tls};
use mistgate_core::{base::secret::Secret, config::admin::Admin, config::checked::Config};
use smol::{Async, Executor, Task};

use super::{Problems, problem};
use crate::base::journal::{Journal, Level, fields};
use crate::base::{panic, stop, stop::Stop, stop::Stopper, sync::Shared, task};
use crate::http::{listen::Listener, tls, tls::Identity, tls::mutual::Mutual};
use crate::{admin, feed, micronets::relay::Relay, mist::SharedBudget, ports, webhook};
use crate::{admin::control::Control, admin::guard::Guard, base::clock::Clock};
use crate::{chat::driver, host::supervisor::Inherited, host::supervisor::LISTENERS};

/// How long requests in flight may take when a listener closes.
const WEBHOOKS_GRACE: Duration = Duration::from_secs(3);
const ADMIN_GRACE: Duration = Duration::from_secs(1);
/// How often the files of certificates are checked for changes.
const WATCH_EVERY: Duration = Duration::from_secs(2);

/// The listeners that are open, in the order of [`LISTENERS`], with the real port where the
/// configuration says 0.
pub type Addresses = Vec<(&'static str, SocketAddr)>;

/// What all listeners of a node use.
#[derive(Clone)]
pub(super) struct Common {
    pub(super) clock: Clock,
    pub(super) journal: Arc<Journal>,
    pub(super) executor: Arc<Executor<'static>>,
    pub(super) driver: driver::Handle,
    pub(super) switches: ports::Handle,
    pub(super) ready: Arc<AtomicBool>,
    /// Of requests to Mist.
    pub(super) budget: SharedBudget,
    /// The token that the state folder has for what acts on the admin endpoint.
    pub(super) made_token: Option<Secret>,
    /// The sockets of the service manager.
    pub(super) inherited: Arc<Inherited>,
}

/// The certificates of the listeners; for the proxy, also whom it trusts.
pub(super) struct Identities {
    pub(super) webhook: Option<Identity>,
    pub(super) proxy: Option<Mutual>,
    pub(super) admin: Option<Identity>,
}

/// The listeners of a node, each with the service behind it.
pub(super) struct Listeners {
    pub(super) common: Common,
    ports: BTreeMap<&'static str, Port>,
    webhook: Option<Webhook>,
    proxy: Option<Arc<Relay>>,
    /// The tasks that ask Mist about its events, and what each knows.
    feeds: Vec<(Task<Option<()>>, Arc<feed::Handle>)>,
    pub(super) admin: Arc<admin::Admin>,
    /// The certificate of the admin endpoint, where that speaks TLS.
    tls: Option<Arc<Identity>>,
    control: Option<(Stopper, Task<()>)>,
}

/// The sockets that are bound for a configuration, by the listener.
pub(super) type Bound = BTreeMap<&'static str, TcpListener>;
/// The same, ready to be used. They are made before anything changes, because that may fail.
pub(super) type Sockets = BTreeMap<&'static str, Socket>;

/// A socket that is bound.
pub(super) struct Socket {
    /// What outlives a change of policy.
    kept: TcpListener,
    /// The same for the task that accepts.
    accepting: Async<TcpListener>,
}

/// A listener that runs, and the socket under it, which outlives a change of policy.
struct Port {
    configured: SocketAddr,
    socket: TcpListener,
    stop: Stopper,
    task: Task<()>,
}

/// The webhook listener.
struct Webhook {
    tls: Option<Tls>,
    policy: Policy,
    identity: Option<Arc<Identity>>,
    service: Arc<webhook::Intake>,
}

impl Listeners {
    /// Without any listener.
    pub(super) fn new(common: Common) -> Self {
        let admin = Arc::new(admin::Admin {
            settings: Shared::new(admin::Settings::default()),
            driver: common.driver.clone(),
            journal: Arc::clone(&common.journal),
            clock: common.clock,
            ready: Arc::clone(&common.ready),
            has_ending: AtomicBool::new(false),
            page: admin::page::Memory::default(),
            sandbox: OnceLock::new(),
        });
        let (ports, feeds) = (BTreeMap::new(), Vec::new());
        Self { common, ports, webhook: None, proxy: None, feeds, admin, tls: None, control: None }
    }

    pub(super) fn addresses(&self) -> Addresses {
        let address = |name| Some((name, self.ports.get(name)?.socket.local_addr().ok()?));
        LISTENERS.into_iter().filter_map(address).collect()
    }

    /// The addresses in words.
    pub(super) fn status(&self) -> String {
        let one = |(name, address): &(_, SocketAddr)| format!("{name} {address}");
        self.addresses().iter().map(one).collect::<Vec<_>>().join(", ")
    }

    /// Sockets for a configuration; those whose address stays are shared with the listeners.
    pub(super) fn bind(&self, config: &Config) -> Result<Bound, Problems> {
        let mut sockets = Bound::new();
        for (name, configured) in config.listeners() {
            sockets.extend(self.socket(name, configured)?.map(|socket| (name, socket)));
        }
        // The check of the configuration sees only the configured address.
        if let Some(Admin { token: None, listen, .. }) = &config.admin
            && let Some(socket) = sockets.get("admin")
            && listen.ip().is_loopback()
            && !socket.local_addr().is_ok_and(|at| at.ip().is_loopback())
        {
            let what = "the socket of the service manager is not on a loopback address";
            return Err(problem(format!("admin: {what} — set admin.token_file")));
        }
        Ok(sockets)
    }

    /// A socket for a listener, if it is configured: the service manager's, else the present one if
    /// it has this address, else a new one.
    fn socket(
        &self,
        name: &'static str,
        configured: Option<SocketAddr>,
    ) -> Result<Option<TcpListener>, Problems> {
        let inherited = self.common.inherited.get(name);
        let Some(configured) = configured else {
            if inherited.is_some() {
                self.common.journal.note(Level::Warning, "socket_unused", fields![listener = name]);
            }
            return Ok(None);
        };
        let socket = match (inherited, self.ports.get(name)) {
            (Some(inherited), _) => {
                let address = inherited.local_addr().map_err(problem)?;
                // [::] takes IPv4 too.
                let same = address.ip() == configured.ip() || address.ip().is_unspecified();
                if !same || address.port() != configured.port() {
                    let values = fields![listener = name, address, configured];
                    self.common.journal.note(Level::Warning, "socket_elsewhere", values);
                }
                inherited.try_clone().map_err(problem)?
            }
            (None, Some(port)) if port.configured == configured => {
                port.socket.try_clone().map_err(problem)?
            }
            (None, Some(_) | None) => bind(configured).map_err(|error| {
                problem(format!("{name}.listen: {configured}: {error} — choose another address"))
            })?,
        };
        Ok(Some(socket))
    }

    /// Opens, changes or closes the listeners, and runs the feeds. The admin endpoint comes last:
    /// it uses the others.
    pub(super) fn open(
        &mut self,
        config: &Config,
        mut sockets: Sockets,
        Identities { webhook, proxy, admin }: Identities,
        feeds: Vec<feed::Task>,
    ) {
        self.open_proxy(config, sockets.remove("proxy"), proxy);
        self.open_webhook(config, sockets.remove("webhook"), webhook);
        self.run_feeds(feeds);
        self.open_admin(config, sockets.remove("admin"), admin);
    }

    /// Says when certificates end, until the control socket is closed.
    pub(super) fn remind(&self, stopped: Option<Stop>) {
        if let Some(stopped) = stopped {
            self.until(stopped, Arc::clone(&self.admin).remind());
        }
    }

    /// Runs the tasks that ask Mist about its events, in the place of those that may run.
    pub(super) fn run_feeds(&mut self, feeds: Vec<feed::Task>) {
        let executor = &self.common.executor;
        let run = |feed: feed::Task| {
            let (handle, service) = (feed.handle(), Arc::clone(&self.webhook.as_ref()?.service));
            Some((task::spawn(executor, panic::catch_async(feed.run(service))), handle))
        };
        self.feeds = feeds.into_iter().filter_map(run).collect();
    }

    /// Closes a listener's socket and answers the requests in flight, once the future is polled.
    pub(super) fn close(&mut self, name: &str) -> impl Future<Output = ()> + use<> {
        let port = self.ports.remove(name);
        async move {
            if let Some(port) = port {
                port.close().await;
            }
        }
    }

    /// Ends a listener that is no longer configured, without waiting for requests in flight.
    fn retire(&mut self, name: &str) {
        self.ports.remove(name).into_iter().for_each(Port::retire);
    }

    /// Lets a new one run in the place of the listener that may be there, and notes where it is.
    /// Hears when it stops.
    fn replace<T: Future<Output = ()> + Send + 'static>(
        &mut self,
        name: &'static str,
        tls: bool,
        (configured, socket): (SocketAddr, Socket),
        run: impl FnOnce(Async<TcpListener>, Stop) -> T,
    ) -> Stop {
        let (stop, stopped) = stop::stop();
        let task = task::spawn(&self.common.executor, run(socket.accepting, stopped.clone()));
        if let Ok(address) = socket.kept.local_addr() {
            let values = fields![listener = name, address, tls];
            self.common.journal.note(Level::Info, "listening", values);
        }
        let port = Port { configured, socket: socket.kept, stop, task };
        self.ports.insert(name, port).into_iter().for_each(Port::retire);
        stopped
    }

    fn is_at(&self, name: &str, address: SocketAddr) -> bool {
        self.ports.get(name).is_some_and(|port| port.configured == address)
    }

    fn open_proxy(&mut self, config: &Config, socket: Option<Socket>, tls: Option<Mutual>) {
        let (Some(settings), Some(socket), Some(tls)) = (&config.proxy, socket, tls) else {
            self.proxy = None;
            return self.retire("proxy");
        };
        if let Some(relay) = &self.proxy
            && self.is_at("proxy", settings.listen)
        {
            return relay.configure(settings, tls);
        }
        let Common { clock, journal, executor, .. } = &self.common;
        let relay = Relay::new(settings, tls, Arc::clone(journal), Arc::clone(executor), *clock);
        let own = Arc::clone(&relay);
        let run = |socket, stopped| own.run(socket, stopped);
        let stopped = self.replace("proxy", true, (settings.listen, socket), run);
        self.until(stopped, Arc::clone(&relay).watch(self.report("proxy")));
        self.proxy = Some(relay);
    }

    fn open_webhook(
        &mut self,
        config: &Config,
        socket: Option<Socket>,
        identity: Option<Identity>,
    ) {
        let (Some(webhook), Some(socket)) = (&config.webhook, socket) else {
            self.webhook = None;
            return self.retire("webhook");
        };
        let settings = webhook::Settings {
            webhook: webhook.clone(),
            chat: config.chat.clone(),
            switches: config.ports.as_ref().map(|_| self.common.switches.clone()),
            external: config.ports.as_ref().and_then(|ports| ports.external.clone()),
        };
        if let Some(old) = &self.webhook
            && self.is_at("webhook", webhook.listen)
            && (&old.tls, &old.policy) == (&webhook.tls, &webhook.policy)
        {
            if let Some((old, new)) = old.identity.as_ref().zip(identity) {
                old.adopt(new);
            }
            return old.service.configure(settings);
        }
        let Common { clock, journal, driver, .. } = &self.common;
        let (driver, journal) = (driver.clone(), Arc::clone(journal));
        let service = Arc::new(webhook::Intake::new(settings, driver, journal, *clock));
        let identity = identity.map(Arc::new);
        let (own, executor) = (Arc::clone(&service), Arc::clone(&self.common.executor));
        let (tls, policy) = (webhook.tls.clone(), webhook.policy.clone());
        let run = |socket, stopped| {
            let listener = Listener { socket, tls: identity.clone(), policy: policy.clone() };
            listener.run(executor, own, stopped, WEBHOOKS_GRACE)
        };
        let stopped = self.replace("webhook", identity.is_some(), (webhook.listen, socket), run);
        if let Some(identity) = identity.clone() {
            self.until(stopped, identity.watch(WATCH_EVERY, self.report("webhook")));
        }
        self.webhook = Some(Webhook { tls, policy, identity, service });
    }

    fn open_admin(&mut self, config: &Config, socket: Option<Socket>, identity: Option<Identity>) {
        self.admin.settings.set(admin::Settings {
            guard: config.admin.as_ref().map_or_else(Guard::default, |admin| {
                Guard::new(admin, self.common.made_token.clone())
            }),
            switches: config.ports.as_ref().map(|_| self.common.switches.clone()),
            relay: self.proxy.clone(),
            feeds: self.feeds.iter().map(|(_, handle)| Arc::clone(handle)).collect(),
            webhook: self.webhook.as_ref().map(|webhook| Arc::clone(&webhook.service)),
            certificates: certificates(config),
            has_page: config.admin.as_ref().is_some_and(|admin| admin.page),
        });
        let (Some(Admin { listen, .. }), Some(socket)) = (&config.admin, socket) else {
            return self.retire("admin");
        };
        let identity = match (&self.tls, identity) {
            (Some(old), Some(new)) if self.is_at("admin", *listen) => return old.adopt(new),
            (None, None) if self.is_at("admin", *listen) => return,
            (_, identity) => identity.map(Arc::new),
        };
        let (own, executor) = (Arc::clone(&self.admin), Arc::clone(&self.common.executor));
        let tls = identity.clone();
        let run = |socket, stopped| {
            let listener = Listener { socket, tls, policy: admin::policy() };
            listener.run(executor, own, stopped, ADMIN_GRACE)
        };
        let stopped = self.replace("admin", identity.is_some(), (*listen, socket), run);
        if let Some(identity) = identity.clone() {
            self.until(stopped, identity.watch(WATCH_EVERY, self.report("admin")));
        }
        self.tls = identity;
    }

    /// Opens the control socket, for as long as the process lives. Without it the commands that
    /// need it do not work, and all else does. Returns what ends with it.
    pub(super) fn open_control(&mut self, socket: OwnedFd, state_dir: &Path) -> Option<Stop> {
        let Common { journal, executor, .. } = &self.common;
        match Control::open(socket, state_dir) {
            Ok(control) => {
                let (stop, stopped) = stop::stop();
                let (admin, tasks) = (Arc::clone(&self.admin), Arc::clone(executor));
                let serving = control.serve(admin, tasks, stopped.clone());
                self.control = Some((stop, task::spawn(executor, serving)));
                Some(stopped)
            }
            Err(reason) => {
                journal.note(Level::Error, "control_failed", fields![reason]);
                None
            }
        }
    }

    /// Closes the control socket and answers the requests in flight.
    pub(super) async fn close_control(&mut self) {
        if let Some((stop, task)) = self.control.take() {
            drop(stop);
            task.await;
        }
    }

    /// Notes in the journal that changed files are in use, or why not.
    fn report(&self, name: &'static str) -> impl Fn(Result<(), tls::Error>) + use<> {
        let journal = Arc::clone(&self.common.journal);
        move |result| match result {
            Ok(()) => journal.note(Level::Info, "certificate_reloaded", fields![listener = name]),
            Err(error) => {
                let values = fields![listener = name, reason = error];
                journal.note(Level::Error, "certificate_kept", values);
            }
        }
    }

    /// Runs a task for as long as a listener does.
    fn until(&self, stopped: Stop, task: impl Future<Output = ()> + Send + 'static) {
        task::spawn(&self.common.executor, async move { stopped.bound(task).await }).detach();
    }
}

/// The files with certificates and revocation lists that a configuration names.
fn certificates(config: &Config) -> Vec<String> {
    let webhook = config.webhook.iter().filter_map(|webhook| webhook.tls.as_ref());
    let admin = config.admin.iter().filter_map(|admin| admin.tls.as_ref());
    let webhook = webhook.chain(admin).map(|tls| &tls.cert);
    let proxy = config
        .proxy
        .iter()
        .map(|proxy| &proxy.files)
        .flat_map(|files| [&files.tls.cert, &files.client_ca].into_iter().chain(&files.crl));
    webhook.chain(proxy).cloned().collect()
}

/// A socket that listens. The standard library lets 128 connections wait to be accepted; when those
/// places are taken the system drops what comes, and a client tries again only after a second.
fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    const BACKLOG: i32 = 4_096;
    let socket = TcpListener::bind(address)?;
    rustix::net::listen(&socket, BACKLOG)?;
    Ok(socket)
}

impl Socket {
    /// Makes all sockets ready. The first one starts a thread.
    pub(super) fn all(bound: Bound) -> Result<Sockets, Problems> {
        let mut all = Sockets::new();
        for (name, socket) in bound {
            let accepting = socket.try_clone().and_then(Async::new);
            let accepting = accepting.map_err(|error| problem(format!("{name}: {error}")))?;
            all.insert(name, Self { kept: socket, accepting });
        }
        Ok(all)
    }
}

impl Port {
    /// Ends the listener without waiting; requests in flight are still answered.
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
