//! One port, changed by `mistgate port set`, in a process of its own.
//!
//! A mistgate that runs may be at work on the same switch. The switch's lock keeps the two apart
//! there, and through Mist each verifies what it wrote. The store belongs to one process at a time:
//! where this one gets it, it writes down what it does, so that the next run knows of it. Where a
//! running mistgate has it, that one does not learn of the change. The audit has a line either way,
//! because appending one is a single write.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, chown},
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{self, Receiver},
    },
    thread,
};

use mistgate_core::{
    base::{
        failure::Failure,
        mac::Mac,
        time::{Instant, UnixTime},
    },
    config::checked::{Config, ports::Ports},
    mist::find,
    ports::{
        audit,
        decide::Reason,
        edit::{Edit, Pushed},
        governor::{Governor, Refusal, SwitchPattern},
        name::{PortName, SwitchName},
        names::Names,
        record::Record,
        redact::redact,
        report::{self, Context, Report},
        switch_port::{Mode, Switch, SwitchPort},
    },
};
use rustix::process;

pub use super::method::Difference;
use super::{
    AUDIT_FILE, audit_file,
    backend::{Backend, BackendConfig},
};
use crate::{
    base::{
        clock::{self, Clock},
        journal::Journal,
        store::{self, Store, Write, Written},
    },
    http::{
        outbound::{self, Outbound},
        tls,
    },
};

/// The port and the mode in the command.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The name or the MAC of the switch.
    pub switch: String,
    pub port: PortName,
    pub mode: Mode,
}

/// What became of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The port has the mode.
    Done {
        /// Whether it was before.
        is_unchanged: bool,
    },
    /// The port is as it was.
    Failed(Failure),
    /// It must not happen.
    Refused(Refusal),
    /// Either of the two.
    Unknown(Failure),
}

/// What a [`Change::push`] leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What became of the change.
    pub ended: Ended,
    /// Whether a mistgate runs, which does not know of it.
    pub is_running: bool,
    /// What could not be written down of it, and why.
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
        journal: Arc<Journal>,
    ) -> Result<Self, String> {
        let ports = config.ports.clone().ok_or("ports: no such section — nothing to do it with")?;
        let Some(method) = &ports.method else {
            return Err("ports.method: none — expected \"junos\", \"mist\" or \"cso\"".to_owned());
        };
        let lines = method.config().edits().lines(wanted.port, wanted.mode);
        let clock = Clock::start();
        let tls = tls::connector(config.chat.delivery.extra_ca.as_deref());
        let tls = tls.map_err(|error| error.to_string())?;
        let proxies = outbound::proxies(config).map_err(|error| error.to_string())?;
        let outbound = Outbound { tls, proxies, clock };
        let backend = Backend::new(BackendConfig::new(config, &ports, outbound), None, &journal);
        let switch = switch(&backend, &wanted.switch).await?;
        judge_lists(&ports, &switch)?;
        let Wanted { port, mode, .. } = *wanted;
        let mut change = Self {
            ports,
            org_id: config.mist.org_id.clone(),
            folder: Path::new(&config.state_dir).to_path_buf(),
            backend,
            clock,
            switch,
            edit: Edit { port, mode, ap: None, lines, before: None },
        };
        if fs::exists(change.folder.join(store::FILE)).unwrap_or(false)
            && let Ok(Memory::Ours(memory)) = Memory::open(&change.folder)
        {
            change.recall(memory.record(change.switch_port()).as_ref());
            memory.close();
        }
        Ok(change)
    }

    /// What is known of the switch.
    pub const fn switch(&self) -> &Switch {
        &self.switch
    }

    /// The rule that forbids it, as far as a rule can be judged without what a running mistgate
    /// remembers: the lists, the kill switch and the freezes.
    pub fn refusal(&self) -> Option<Refusal> {
        let mut governor = Governor::new(self.ports.governor.clone());
        // Where it cannot be looked at it is on.
        governor.stop(fs::exists(&self.ports.kill_switch).unwrap_or(true));
        governor.judge(self.clock.now(), clock::wall(), &self.switch, self.edit.port).err()
    }

    /// What it would do. Nothing is changed.
    pub async fn difference(&self) -> Result<Difference, Failure> {
        let edits = std::slice::from_ref(&self.edit);
        let shown = |text: String| text.lines().map(redact).collect::<Vec<_>>().join("\n");
        Ok(match self.backend.method.compare(&self.switch, edits).await? {
            Difference::Known(diff) => Difference::Known(shown(diff)),
            blind @ Difference::Blind(..) => blind,
        })
    }

    /// Makes the change, and writes down that `by` did so. The error is why it was not begun.
    pub async fn push(mut self, by: &str) -> Result<Outcome, String> {
        // Nothing is changed that would not be in the audit.
        let audit = self.folder.join(AUDIT_FILE);
        make_folder(&self.folder)?;
        ours(&self.folder, &audit, || audit_file::open(&audit).map(drop))
            .map_err(|error| format!("{}: {error}", audit.display()))?;
        let memory = Memory::open(&self.folder)?;
        if let Memory::Ours(memory) = &memory {
            self.recall(memory.record(self.switch_port()).as_ref());
        }
        let since = self.clock.now();
        let mut unwritten = Vec::new();
        let (ended, report) = match self.refusal() {
            Some(refusal) => (Ended::Refused(refusal.clone()), self.refused(refusal)),
            None => self.carry_out(&memory, since, &mut unwritten).await?,
        };
        let line = self.line(&report, by);
        let written = audit_file::open(&audit).and_then(|mut file| {
            file.write_all((line + "\n").as_bytes())?;
            file.sync_data()
        });
        let is_running = matches!(memory, Memory::Running);
        if let Memory::Ours(memory) = memory {
            memory.close();
        }
        unwritten.extend(written.err().map(|error| format!("{}: {error}", audit.display())));
        Ok(Outcome { ended, is_running, unwritten })
    }

    /// The error is why it was not begun.
    async fn carry_out(
        &self,
        memory: &Memory,
        since: Instant,
        unwritten: &mut Vec<String>,
    ) -> Result<(Ended, Report), String> {
        let known = match memory {
            Memory::Ours(memory) if !self.switch.mac.is_null() => Some(memory),
            Memory::Ours(_) | Memory::Running => None,
        };
        let before = known.and_then(|memory| memory.record(self.switch_port()));
        if let Some(memory) = known {
            // After a crash the next run finds this and looks at the port.
            memory.keep(self.switch_port(), Some(self.record(before.as_ref(), None, None)))?;
        }
        let edits = std::slice::from_ref(&self.edit);
        let pushed = self.backend.method.push(&self.switch, edits).await;
        let mut told = None;
        let (ended, report) = match pushed {
            Pushed::Done { diff, before } => {
                told = before.into_iter().find(|(port, _)| *port == self.edit.port);
                let ended = Ended::Done { is_unchanged: diff.is_empty() };
                (ended, self.settled(since, diff, false))
            }
            Pushed::Failed(failure) => self.failed(since, failure),
            Pushed::Unknown(failure) => {
                match self.backend.method.read(&self.switch, &self.edit).await {
                    Some(true) => (
                        Ended::Done { is_unchanged: false },
                        self.settled(since, String::new(), true),
                    ),
                    Some(false) => self.failed(since, failure),
                    None => {
                        let report = self.unconfirmed(since, failure.clone());
                        (Ended::Unknown(failure), report)
                    }
                }
            }
        };
        if let Some(memory) = known {
            let record = match &ended {
                Ended::Done { .. } if self.edit.mode == Mode::Default => {
                    let is_home = before.as_ref().is_some_and(|record| record.ap.is_some());
                    let mode = Some(Mode::Default);
                    is_home.then(|| self.record(before.as_ref(), mode, None))
                }
                Ended::Done { .. } => {
                    let told = told.map(|(_, before)| before);
                    Some(self.record(before.as_ref(), Some(Mode::Ap), told))
                }
                Ended::Failed(_) | Ended::Refused(_) => before,
                Ended::Unknown(_) => return Ok((ended, report)),
            };
            unwritten.extend(memory.keep(self.switch_port(), record).err());
        }
        Ok((ended, report))
    }

    const fn switch_port(&self) -> SwitchPort {
        SwitchPort { switch: self.switch.mac, port: self.edit.port }
    }

    /// Takes what the store has of the port: whom a change must not cut off, and what is to be put
    /// back.
    fn recall(&mut self, record: Option<&Record>) {
        let is_ap = self.edit.mode == Mode::Ap;
        self.edit.ap = record.and_then(|record| record.ap).filter(|_| is_ap);
        self.edit.before = record.and_then(|record| record.before.clone()).filter(|_| !is_ap);
    }

    fn record(&self, before: Option<&Record>, mode: Option<Mode>, told: Option<String>) -> Record {
        Record {
            switch: self.switch.clone(),
            port: self.edit.port,
            ap: before.and_then(|record| record.ap),
            mode,
            is_touched: true,
            is_observed: false,
            // What was there before its first change is not ours.
            before: before.and_then(|record| record.before.clone()).or(told),
            changed_at: Some(clock::wall()),
        }
    }

    fn change(&self, since: Instant) -> report::Change {
        let Edit { port, mode, ap, lines, .. } = self.edit.clone();
        let took = self.clock.now() - since;
        report::Change { port, mode, ap, reason: Reason::Manual, took, lines }
    }

    fn refused(&self, refusal: Refusal) -> Report {
        let change = self.change(self.clock.now());
        Report::Refused { switch: self.switch.clone(), change, refusal }
    }

    fn settled(&self, since: Instant, diff: String, is_read_back: bool) -> Report {
        let changes = vec![self.change(since)];
        Report::Settled { switch: self.switch.clone(), changes, diff, is_read_back }
    }

    fn failed(&self, since: Instant, failure: Failure) -> (Ended, Report) {
        let (switch, change) = (self.switch.clone(), self.change(since));
        let report = Report::Stuck { switch, change, failure: failure.clone(), attempt: 1 };
        (Ended::Failed(failure), report)
    }

    fn unconfirmed(&self, since: Instant, failure: Failure) -> Report {
        let (switch, change) = (self.switch.clone(), self.change(since));
        let after = std::time::Duration::ZERO;
        Report::Retrying {
            switch,
            change,
            failure,
            is_unknown: true,
            attempt: 1,
            after,
            is_news: true,
        }
    }

    fn line(&self, report: &Report, by: &str) -> String {
        let (now, at) = (self.clock.now(), clock::wall());
        let names = &Names::default();
        let org_id = self.org_id.as_deref();
        audit::line(report, &Context { org_id, names, now, at, by: Some(by) }, 0)
    }
}

/// The switch of this name or MAC.
async fn switch(backend: &Backend, name: &str) -> Result<Switch, String> {
    let wanted = find::Wanted::new(name);
    let unknown = match backend.find(wanted.clone()).await {
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
    Ok(Switch { mac: Mac::NULL, device_id, site, name: Some(name) })
}

/// A switch whose MAC is not known cannot be judged by lists that name MACs.
fn judge_lists(ports: &Ports, switch: &Switch) -> Result<(), String> {
    let is_mac = |pattern: &SwitchPattern| matches!(pattern, SwitchPattern::Mac(_));
    if switch.mac.is_null() && ports.governor.never.switches.iter().any(is_mac) {
        return Err(format!(
            "{switch}: ports.never.switches names MACs, and only Mist could tell this one's"
        ));
    }
    Ok(())
}

/// What is kept of ports from one run to the next.
enum Memory {
    Ours(Kept),
    /// A mistgate that runs has it.
    Running,
}

struct Kept {
    store: Store,
    thread: thread::JoinHandle<()>,
    written: Receiver<Written>,
}

impl Memory {
    fn open(folder: &Path) -> Result<Self, String> {
        let path = folder.join(store::FILE);
        let (tell, written) = mpsc::channel();
        let open = || {
            let tell = move |written| {
                let _ = tell.send(written);
            };
            // Nothing is forgotten here.
            Ok(Store::open(&path, UnixTime::from_secs(0), tell))
        };
        match ours(folder, &path, open).map_err(|error| format!("{}: {error}", path.display()))? {
            Ok((store, _, thread)) => Ok(Self::Ours(Kept { store, thread, written })),
            Err(error) if error.is_taken() => Ok(Self::Running),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl Kept {
    fn record(&self, switch_port: SwitchPort) -> Option<Record> {
        let rows = self.store.ports().unwrap_or_default();
        rows.into_iter().filter_map(Result::ok).find(|record| record.switch_port() == switch_port)
    }

    /// Keeps or forgets, on disk when this returns.
    fn keep(&self, switch_port: SwitchPort, record: Option<Record>) -> Result<(), String> {
        self.store.write(Write::Port { number: 1, switch_port, record });
        loop {
            match self.written.recv() {
                Ok(Written::Kept(_)) => return Ok(()),
                Ok(Written::Unkept) | Err(_) => {
                    return Err("the store does not keep what is done — see its disk".to_owned());
                }
                Ok(Written::Refused(..) | Written::Reopened | Written::Stored(_)) => {}
            }
        }
    }

    fn close(self) {
        drop(self.store);
        // Its only result is that the channel closed.
        let _ = self.thread.join();
    }
}

/// Makes the state folder, unless it is there. The superuser cannot know for whom: mistgate becomes
/// the owner of the folder, and where that is root a service of another user has no place to write.
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

/// Opens a file, which belongs to whom its folder does if that made it: the superuser must leave
/// nothing that mistgate cannot use.
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
