//! One port, changed by `mistgate port set`, in a process of its own with a [`Plan`] of its own.
//!
//! A running mistgate may change the same switch at the same time. The switch's lock keeps the
//! two apart, and through Mist each verifies what it wrote. Only one process can have the store.
//! If this one gets it, it stores what it does, so that the next run knows of it; else the running
//! mistgate does not learn of the change. The audit gets a line either way, because appending one
//! is a single write.

use std::{fs, io, sync::Arc, sync::mpsc, sync::mpsc::Receiver, thread, time::Duration};
use std::{os::unix::fs::MetadataExt as _, os::unix::fs::chown, path::Path, path::PathBuf};

use mistgate_core::base::{failure::Failure, mac::Mac, machine::Machine as _};
use mistgate_core::config::{checked::Config, ports::Method, ports::Ports};
use mistgate_core::ports::{audit, edit::Edit, names::Names, switch_port::SwitchPort};
use mistgate_core::ports::{governor::Refusal, governor::SwitchPattern, report::Context};
use mistgate_core::ports::{name::PortName, name::SwitchName, plan::Plan, plan::input::Input};
use mistgate_core::ports::{plan::input, plan::output::Output, record::Record, redact::redact};
use mistgate_core::ports::{report::Report, switch_port::Mode, switch_port::Switch};
use mistgate_core::{mist::find, ports::governor::Approval, ports::governor::Governor};
use rustix::process;

use super::backend::{Backend, BackendConfig};
use super::{AUDIT_FILE, audit_file, junos::Login, junos::is_address};
use crate::base::{clock, clock::Clock, store, store::Store, store::Write, store::Written};
use crate::{base::journal::Journal, http::outbound::Outbound};

/// How long a person waits for a lock that somebody else holds.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(30);

/// The port and the mode in the command.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The name or the MAC of the switch.
    pub switch: String,
    pub port: PortName,
    pub mode: Mode,
}

/// What a [`Change::push`] leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// `Settled`, `Refused`, or `Failed`; with a retry if it is not known what the port has.
    pub report: Report,
    /// Whether a mistgate runs, which does not know of the change.
    pub is_running: bool,
    /// What could not be written down, and why.
    pub unwritten: Vec<String>,
}

/// One port and the mode that it is to get.
pub struct Change {
    ports: Ports,
    org_id: Option<String>,
    folder: PathBuf,
    backend: Backend,
    clock: Clock,
    switch: Switch,
    edit: Edit,
}

impl Change {
    /// Finds the switch. The error is a message for the user.
    pub async fn find(
        config: &Config,
        wanted: &Wanted,
        login: Login,
        outbound: Outbound,
        journal: Arc<Journal>,
    ) -> Result<Self, String> {
        let ports = config.ports.clone().ok_or("ports: no such section — nothing to do it with")?;
        let Some(method) = &ports.method else {
            return Err("ports.method: none — expected \"junos\", \"mist\" or \"cso\"".to_owned());
        };
        let edits = method.config().edits();
        let clock = outbound.clock;
        let (mist, mut method) = (config.mist.clone(), ports.method.clone());
        if let Some(Method::Junos(junos)) = &mut method {
            junos.lock_wait = junos.lock_wait.min(LOCK_WAIT_MAX);
        }
        let backend = BackendConfig { mist, method, login, outbound, budget: Arc::default() };
        let backend = Backend::new(backend, None, &journal);
        let switch = switch(&backend, &wanted.switch).await?;
        judge_lists(&ports, &switch)?;
        let Wanted { port, mode, .. } = *wanted;
        let folder = Path::new(&config.state_dir).to_path_buf();
        let mut record = None;
        if fs::exists(folder.join(store::FILE)).unwrap_or(false)
            && let Ok(Some(memory)) = Memory::open(&folder)
        {
            record = memory.record(SwitchPort { switch: switch.mac, port });
            memory.close();
        }
        let (ap, before) = record.map_or((None, None), |record| (record.ap, record.before));
        let edit = edits.of(&switch).edit(port, mode, ap, before);
        let org_id = config.mist.org_id.clone();
        Ok(Self { ports, org_id, folder, backend, clock, switch, edit })
    }

    /// The switch that was found.
    pub const fn switch(&self) -> &Switch {
        &self.switch
    }

    /// The rule that forbids the change. Only the lists, the kill switch and the freezes are
    /// judged: the other rules depend on what a running mistgate remembers.
    pub fn refusal(&self) -> Option<Refusal> {
        let mut governor = Governor::new(self.ports.plan.governor.clone());
        governor.stop(self.is_stopped());
        let at = (&self.switch, self.edit.port);
        governor.judge(self.clock.now(), clock::wall(), at, Approval::Given).err()
    }

    /// What the change would do, without its secrets; empty if the port has its mode.
    pub async fn difference(&self) -> Result<String, Failure> {
        let edits = std::slice::from_ref(&self.edit);
        let compared = match self.backend.method.compare(&self.switch, edits).await {
            // An old switch; it is changed nevertheless.
            Err(Failure::Rejected { message }) => {
                let lines = self.edit.lines.join("\n");
                vec![format!("!  {message}; these lines are loaded:\n{lines}")]
            }
            compared => compared?,
        };
        Ok(compared.concat().lines().map(redact).collect::<Vec<_>>().join("\n"))
    }

    /// The title of a method that does not know what the port has.
    pub fn blind(&self) -> Option<&'static str> {
        self.backend.method.blind()
    }

    /// Makes the change, and writes down that `by` did so. The error is why it was not begun.
    pub async fn push(self, by: &str) -> Result<Outcome, String> {
        // Nothing is changed that would not be in the audit.
        let audit = self.folder.join(AUDIT_FILE);
        make_folder(&self.folder)?;
        ours(&self.folder, &audit, || audit_file::append(&audit, &[]))
            .map_err(|error| format!("{}: {error}", audit.display()))?;
        let memory = Memory::open(&self.folder)?;
        let mut unwritten = Vec::new();
        let report = self.carry_out(memory.as_ref(), &mut unwritten).await?;
        let (now, at, names) = (self.clock.now(), clock::wall(), &Names::default());
        let org_id = self.org_id.as_deref();
        let context = Context { org_id, names, now, at, by: Some(by) };
        let line = audit::line(report.event(&context, 0));
        let written = audit_file::append(&audit, &[line]);
        let is_running = memory.is_none();
        if let Some(memory) = memory {
            memory.close();
        }
        unwritten.extend(written.err().map(|error| format!("{}: {error}", audit.display())));
        Ok(Outcome { report, is_running, unwritten })
    }

    /// Drives a plan that knows this port alone to the report about the change. The error is why
    /// nothing was begun.
    async fn carry_out(
        &self,
        memory: Option<&Memory>,
        unwritten: &mut Vec<String>,
    ) -> Result<Report, String> {
        // Without the switch's MAC the store cannot name the port.
        let memory = memory.filter(|_| !self.switch.mac.is_null());
        let record = memory.and_then(|memory| memory.record(self.switch_port()));
        // No limit counts what was changed before this command.
        let restored = record.map(|record| Record { changed_at: None, ..record });
        // Whoever gives the command can look at a watch.
        let config = self.ports.plan(&[], (clock::wall(), true));
        let config = input::Config { is_observing: false, ..config };
        let mut plan = Plan::new(config, 0, self.clock.now());
        let restored = Input::Restored(restored.into_iter().collect());
        for input in [restored, Input::Stop(self.is_stopped())] {
            plan.handle_input(self.clock.now(), input);
            while plan.poll_output().is_some() {}
        }
        let (switch, Edit { port, mode, .. }) = (self.switch.clone(), &self.edit);
        let manual = Input::Manual { switch, port: *port, mode: *mode };
        plan.handle_input(self.clock.now(), manual);
        let (mut write, mut is_begun, mut report) = (None, false, None);
        while let Some(output) = plan.poll_output() {
            match output {
                Output::Ask { .. } | Output::Compare { .. } | Output::Stop(_) => {}
                Output::Forget(_) => write = Some(None),
                Output::Push { id, switch, edits, .. } => {
                    if let Some((memory, record)) = memory.zip(write.take()) {
                        // After a crash the next run finds this and looks at the port.
                        memory.keep(self.switch_port(), record)?;
                    }
                    is_begun = true;
                    let pushed = self.backend.method.push(&switch, &edits).await;
                    plan.handle_input(self.clock.now(), Input::Pushed { id, pushed });
                }
                Output::Read { id, switch, edit } => {
                    let is_done = self.backend.method.read(&switch, &edit).await;
                    plan.handle_input(self.clock.now(), Input::Read { id, is_done });
                }
                Output::Report(last) => report = Some(last),
                Output::Store(record) => write = Some(Some(record)),
            }
        }
        if let Some((memory, record)) = memory.zip(write.filter(|_| is_begun)) {
            unwritten.extend(memory.keep(self.switch_port(), record).err());
        }
        Ok(report.expect("a manual change is refused, or is made and ends"))
    }

    const fn switch_port(&self) -> SwitchPort {
        SwitchPort { switch: self.switch.mac, port: self.edit.port }
    }

    /// Whether the kill switch is on, or cannot be looked at.
    fn is_stopped(&self) -> bool {
        fs::exists(&self.ports.kill_switch).unwrap_or(true)
    }
}

/// The switch of this name or MAC.
async fn switch(backend: &Backend, name: &str) -> Result<Switch, String> {
    let wanted = find::Wanted::new(name);
    let is_by_address = backend.method.reaches_by_name() && is_address(name);
    let found = if is_by_address { None } else { backend.find(wanted.clone()).await };
    let unknown = match found {
        Some(Ok(found)) => {
            let macs: Vec<String> = found.iter().map(|switch| switch.mac.to_string()).collect();
            return match <[Switch; 1]>::try_from(found) {
                Ok([switch]) => Ok(switch),
                Err(_) if macs.is_empty() => {
                    Err(format!("{wanted}: Mist has no switch of this name or MAC"))
                }
                Err(_) => Err(format!(
                    "{wanted}: Mist has {} switches of this name — name one of {}",
                    macs.len(),
                    macs.join(", ")
                )),
            };
        }
        Some(Err(failure)) => format!("Mist could not be asked: {failure}"),
        None => "there is no [mist] to ask".to_owned(),
    };
    // To reach a switch itself its name is enough.
    let host = match &wanted {
        find::Wanted::Name(name) if backend.method.reaches_by_name() => SwitchName::parse(name),
        find::Wanted::Mac(_) | find::Wanted::Name(_) => None,
    };
    let name = host.ok_or(format!("{wanted}: {unknown}"))?;
    let (device_id, site) = (String::new(), String::new());
    Ok(Switch { mac: Mac::NULL, device_id, site, name: Some(name), model: None })
}

/// A switch whose MAC is not known cannot be judged by lists that name MACs.
fn judge_lists(ports: &Ports, switch: &Switch) -> Result<(), String> {
    let is_mac = |pattern: &SwitchPattern| matches!(pattern, SwitchPattern::Mac(_));
    if switch.mac.is_null() && ports.plan.governor.never.switches.iter().any(is_mac) {
        return Err(format!(
            "{switch}: ports.never.switches names MACs, and only Mist could tell this one's"
        ));
    }
    Ok(())
}

/// The store, which keeps what is known of ports from one run to the next.
struct Memory {
    store: Store,
    thread: thread::JoinHandle<()>,
    written: Receiver<Written>,
}

impl Memory {
    /// `None` if a running mistgate has it.
    fn open(folder: &Path) -> Result<Option<Self>, String> {
        let path = folder.join(store::FILE);
        let (answers, written) = mpsc::channel();
        let open = || {
            let answer = move |written| {
                let _ = answers.send(written);
            };
            Ok(Store::open(&path, answer))
        };
        match ours(folder, &path, open).map_err(|error| format!("{}: {error}", path.display()))? {
            Ok((store, _, thread)) => Ok(Some(Self { store, thread, written })),
            Err(error) if error.is_taken() => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    fn record(&self, switch_port: SwitchPort) -> Option<Record> {
        let rows = self.store.ports().unwrap_or_default();
        rows.into_iter().filter_map(Result::ok).find(|record| record.switch_port() == switch_port)
    }

    /// Keeps or forgets, on disk when this returns.
    fn keep(&self, switch_port: SwitchPort, record: Option<Record>) -> Result<(), String> {
        self.store.write(Write::Port { number: 1, switch_port, record });
        loop {
            let written = self.written.recv();
            if let Ok(Written::Kept(_)) = written {
                return Ok(());
            }
            if matches!(written, Ok(Written::Unkept) | Err(_)) {
                return Err("the store does not keep what is done — see its disk".to_owned());
            }
        }
    }

    fn close(self) {
        drop(self.store);
        // Its only result is that the channel closed.
        let _ = self.thread.join();
    }
}

/// Makes the state folder, unless it is there. The superuser may not: mistgate runs as the owner of
/// the folder, and root cannot know which user that should be.
fn make_folder(folder: &Path) -> Result<(), String> {
    let explain = |error: io::Error| format!("{}: {error}", folder.display());
    if fs::exists(folder).map_err(explain)? {
        return Ok(());
    }
    if process::geteuid().is_root() {
        return Err(format!(
            "{}: there is no such folder yet, and one that root makes is closed to the user that \
             mistgate runs as — start mistgate once, or make it and chown it to that user",
            folder.display()
        ));
    }
    store::make_folder(&folder.to_string_lossy()).map_err(explain)
}

/// Opens a file. One that this makes gets the owner of the folder, so that the superuser leaves
/// nothing behind that mistgate cannot use.
fn ours<T>(folder: &Path, file: &Path, open: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let was_there = fs::exists(file)?;
    let opened = open()?;
    if !was_there && fs::exists(file)? {
        let (of_folder, of_file) = (fs::metadata(folder)?, fs::metadata(file)?);
        if of_folder.uid() != of_file.uid() {
            chown(file, Some(of_folder.uid()), Some(of_folder.gid()))?;
        }
    }
    Ok(opened)
}
