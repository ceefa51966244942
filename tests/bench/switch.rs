//! The client of `tests/bench/all switch`: changes of ports as `[ports.junos]` makes them.
//!
//! ```text
//! switch push port=P known=FILE user=NAME key=FILE [pushes=N] [ports=N] [switches=N] [sessions=N]
//! ```
//!
//! `push` makes `pushes` changes of `ports` ports each, one after the other, or one on each of
//! `switches` switches at once. All switches are at 127.0.0.1. The result is one line of
//! `name=value` pairs.

use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fs, io};

use mistgate_core::base::mac::Mac;
use mistgate_core::base::secret::Secret;
use mistgate_core::junos::Junos;
use mistgate_core::ports::edit::{Edit, Pushed};
use mistgate_core::ports::name::{PortName, SwitchName};
use mistgate_core::ports::switch_port::{Mode, Switch};
use mistgate_core::ports::template::Template;
use mistgate_runtime::base::clock::Clock;
use mistgate_runtime::base::journal::{Format, Journal, Level};
use mistgate_runtime::base::snapshot::Snapshot;
use mistgate_runtime::ports::junos::{Login, Switches};
use mistgate_runtime::ports::method::Method as _;
use mistgate_tests::base::process::Usage;
use smol::LocalExecutor;

mod measure;

use self::measure::{Failure, Options, cost, percentiles};

fn main() -> Result<(), Failure> {
    let mut words = std::env::args().skip(1);
    if words.next().as_deref() != Some("push") {
        return Err("expected push".into());
    }
    writeln!(io::stdout(), "{}", push(&Options::new(words)?)?)?;
    Ok(())
}

fn push(options: &Options) -> Result<String, Failure> {
    let count = |name, default| options.maybe(name).map(|value| value.unwrap_or(default));
    let (pushes, ports, switches) =
        (count("pushes", 1)?, count("ports", 1)?, count("switches", 1)?);
    let junos = junos(options, count("sessions", switches)?)?;
    let journal = Arc::new(Journal::new(Format::Text, Level::Warning));
    let login = Login::new(&junos.known_hosts, &Snapshot::of([&junos.known_hosts]))?;
    let all = Switches::new(&junos, login, None, Clock::start(), journal);
    let edits = (0..ports).map(|port| edit(&junos.ap, port)).collect::<Result<Vec<_>, _>>()?;
    let targets = (0..switches).map(switch).collect::<Result<Vec<_>, _>>()?;
    let one = async |target: &Switch| {
        let began = Instant::now();
        match all.push(target, &edits).await {
            Pushed::Done { diff, .. } if !diff.is_empty() => Ok(began.elapsed()),
            end @ (Pushed::Done { .. } | Pushed::Failed(_) | Pushed::Unknown(_)) => {
                Err(format!("not changed: {end:?}"))
            }
        }
    };
    let before = Usage::of(std::process::id())?;
    let began = Instant::now();
    let mut took = Vec::new();
    if let [target] = targets.as_slice() {
        for _ in 0..pushes {
            took.push(smol::block_on(one(target))?);
        }
    } else {
        let executor = LocalExecutor::new();
        let tasks: Vec<_> = targets.iter().map(|target| executor.spawn(one(target))).collect();
        smol::block_on(executor.run(async {
            for task in tasks {
                took.push(task.await?);
            }
            Ok::<_, Failure>(())
        }))?;
    }
    let wall_ms = began.elapsed().as_secs_f64() * 1e3;
    let after = Usage::of(std::process::id())?;
    let cost = cost(&before, &after, took.len());
    Ok(format!("wall_ms={wall_ms:.1} {cost} {}", percentiles(took)))
}

fn junos(options: &Options, sessions_max: usize) -> Result<Junos, Failure> {
    Ok(Junos {
        domain: None,
        port: options.value("port")?,
        username: options.value("user")?,
        password: None,
        private_key: Some(Secret::new(fs::read_to_string(options.value::<String>("key")?)?)),
        known_hosts: options.value("known")?,
        legacy_algorithms: false,
        sessions_max,
        commit_timeout: Duration::from_secs(120),
        lock_wait: Duration::from_secs(60),
        confirm: Duration::from_secs(300),
        verify: Duration::from_secs(60),
        templates: Vec::new(),
        ap: Template::new([
            "set interfaces <port> native-vlan-id 42",
            "set interfaces <port> description AP",
            "set interfaces <port> unit 0 family ethernet-switching interface-mode trunk",
        ])?,
        default: Some(Template::new(["delete interfaces <port> native-vlan-id"])?),
    })
}

fn edit(template: &Template, port: usize) -> Result<Edit, Failure> {
    let port = PortName::parse(&format!("ge-0/0/{port}"))?;
    let lines = template.render(port);
    Ok(Edit {
        port,
        mode: Mode::Ap,
        ap: None,
        lines,
        before: None,
        is_in_doubt: false,
        back: Vec::new(),
    })
}

fn switch(number: usize) -> Result<Switch, Failure> {
    Ok(Switch {
        mac: Mac::parse(&format!("00005e{number:06x}")).ok_or("too many switches")?,
        device_id: String::new(),
        site: String::new(),
        name: SwitchName::parse("127.0.0.1"),
        model: None,
    })
}
