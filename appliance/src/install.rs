//! `mistgate install`: this very binary as a service of a device.
//!
//! Everything that can be refused is refused before anything changes. Each file appears whole, and
//! the next run finishes one that was interrupted. Once there is a configuration, the files that an
//! operator may have changed are never touched: itself, secrets, certificates and state. The binary
//! and the service are always replaced.

mod account;
mod bundle;
mod init_system;
mod root;
mod uninstall;
mod upgrade;

use std::{fs, io, path::Path, process::ExitCode};

pub(crate) use self::root::CONFIG;
use self::root::{CONFIG_DIR, InstallRoot, own_dir, run as run_command, set, write};
use self::{account::Account, bundle::Bundle, init_system::InitSystem};
use crate::{args::Install, args::mist::Mist, guide, mist, selftest, starter, terminal};

/// The program that runs, even if its file was renamed or removed.
const OWN: &str = "/proc/self/exe";

/// Only Debian's package has it, and starts a service of the same name.
const PACKAGE: &str = "/usr/lib/sysusers.d/mistgate.conf";

pub(crate) fn run(args: &Install) -> Result<(), String> {
    if !rustix::process::geteuid().is_root() {
        return Err("install: only root may do that — run it by sudo, or see mistgate init".into());
    }
    let root = InstallRoot::find(args.root.as_deref())?;
    if args.rollback {
        upgrade::roll_back(&root)?;
        return start(&root, true);
    }
    if root.path(PACKAGE).exists() {
        return Err(
            "install: Debian's package mistgate is here — upgrade it with apt, or first apt \
                    remove mistgate, which keeps configuration and state"
                .into(),
        );
    }
    if args.uninstall {
        return uninstall::uninstall(&root, args.purge);
    }
    let beginning = Beginning::choose(&root, args.config.as_deref())?;
    let program = fs::read(OWN).map_err(|error| format!("{OWN}: {error} — mount /proc first"))?;
    let account = Account::ensure(&root)?;
    own_dir(&root.path(CONFIG_DIR), 0o750, (0, account.gid))?;
    own_dir(&root.path(root.init.state_dir), 0o700, (account.uid, account.gid))?;
    let sets_up = beginning.write(&root, &account)?;
    let is_new = upgrade::replace(&root, &program, &account)?;
    let upgraded = install_service(&root)?;
    report(&root, &beginning);
    if is_new {
        crate::say(upgrade::NEW);
    }
    start(&root, upgraded)?;
    if sets_up { set_up() } else { Ok(()) }
}

/// Sets up the webhook in Mist, and proves that what Mist sends comes to the chats.
fn set_up() -> Result<(), String> {
    let again = "mistgate selftest makes the test again";
    if mist::run(Mist::setup(CONFIG)) != ExitCode::SUCCESS {
        let setup = format!("mistgate mist setup --config {CONFIG}");
        return Err(format!("the webhook is not set up — {setup}, and then {again}"));
    }
    crate::say("Mist is asked to send a ping, which may take a minute:");
    match selftest::run(Some(CONFIG)) {
        Ok(code) if code == ExitCode::SUCCESS => Ok(()),
        Ok(_) => Err(format!("the way from Mist to the chats does not work yet — {again}")),
        Err(failure) => Err(format!("{failure} — once it does, {again}")),
    }
}

/// Which configuration the service will have.
enum Beginning {
    /// The one that is there.
    Kept,
    /// A copy of the operator's, with the files that it names.
    Given(Bundle),
    /// One that works at once.
    Starter,
}

impl Beginning {
    fn choose(root: &InstallRoot, given: Option<&str>) -> Result<Self, String> {
        let config = root.name(CONFIG);
        let there = match fs::read_to_string(&config) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(format!("{config}: {error}")),
        };
        match (given, there) {
            (None, None) => Ok(Self::Starter),
            (None, Some(text)) => {
                // Its absolute names mean files of that root, not of this machine.
                if root.is_here() && !names_credentials(&text) {
                    crate::load(Some(&config))?;
                }
                Ok(Self::Kept)
            }
            (Some(given), there) => {
                let bundle = Bundle::read(given, root.init.state_dir)?;
                match there {
                    None => {
                        bundle.fits(&root.name(CONFIG_DIR))?;
                        Ok(Self::Given(bundle))
                    }
                    Some(text) if text == bundle.text => Ok(Self::Kept),
                    Some(_) => Err(format!(
                        "{config}: exists already and is another one, which install never \
                         replaces — move it away first, or install without --config"
                    )),
                }
            }
        }
    }

    /// Writes it, after asking where somebody can be asked. Whether the webhook in Mist can be set
    /// up by it.
    fn write(&self, root: &InstallRoot, account: &Account) -> Result<bool, String> {
        let dir = root.name(CONFIG_DIR);
        let mut sets_up = false;
        let text = match self {
            Self::Kept => return Ok(false),
            Self::Given(bundle) => {
                bundle.write(root, account.gid)?;
                bundle.text.clone()
            }
            Self::Starter => {
                starter::make_missing(&dir)?;
                let certificates = root.name(&format!("{CONFIG_DIR}/{}", starter::CERTIFICATES));
                let pair = format!("{certificates}/proxy.pkeycert.pem");
                set(Path::new(&certificates), 0o750, (0, account.gid))?;
                // The root's key and the client's files are the operator's alone.
                for (path, mode) in [
                    (format!("{dir}/{}", starter::SECRET), 0o640),
                    (pair, 0o640),
                    (format!("{certificates}/root.cert.pem"), 0o644),
                ] {
                    set(Path::new(&path), mode, (0, account.gid))?;
                }
                let mut text = starter::config(root.init.state_dir);
                if root.is_here() && terminal::is_there() {
                    let guided = guide::ask(&dir, text)?;
                    for name in &guided.secrets {
                        set(Path::new(&format!("{dir}/{name}")), 0o640, (0, account.gid))?;
                    }
                    (text, sets_up) = (guided.config, guided.has_webhook);
                }
                text
            }
        };
        // Last, so that every file that it names is there.
        write(&root.path(CONFIG), text.as_bytes(), 0o640, (0, account.gid))?;
        Ok(sets_up)
    }
}

/// Whether it names credentials of systemd, which only the running service can read.
fn names_credentials(config: &str) -> bool {
    let is_comment = |line: &str| line.trim_start().starts_with('#');
    config.lines().any(|line| !is_comment(line) && line.contains("${CREDENTIALS_DIRECTORY}"))
}

/// Writes the service, and enables a new one. Returns whether it was there before.
fn install_service(root: &InstallRoot) -> Result<bool, String> {
    let InitSystem { files, links, .. } = root.init;
    if !files.is_empty() {
        root.write(&root.init.launcher(), include_bytes!("../units/launch"), 0o755)?;
    }
    let upgraded = files.first().is_some_and(|(name, ..)| root.path(name).exists());
    for (name, text, mode) in *files {
        root.write(name, text.as_bytes(), *mode)?;
    }
    // An operator may have disabled it.
    if !upgraded {
        for (name, target) in *links {
            root.link(name, target)?;
        }
    }
    Ok(upgraded)
}

fn start(root: &InstallRoot, upgraded: bool) -> Result<(), String> {
    let init = root.init;
    if !root.is_running() {
        if init.files.is_empty() {
            crate::say(&format!(
                "Nothing was started, as no systemd, OpenRC or procd is here. By hand:\n  setpriv \
                 --reuid mistgate --regid mistgate --clear-groups {} run --config {CONFIG}",
                init.binary
            ));
        } else {
            crate::say("Nothing was started, as no boot has begun here. The next one does it.");
        }
        return Ok(());
    }
    let starts = !upgraded || init.links.iter().all(|(name, _)| root.path(name).exists());
    if !starts {
        crate::say("The service is disabled, and was left so.");
    }
    let restart = if starts { init.restart } else { init.restart_if_running };
    for command in [init.read_again, restart] {
        run_command(command)
            .map_err(|error| format!("{error} — {} tells why", init.log_command))?;
    }
    if starts {
        crate::say("The service runs.");
    }
    Ok(())
}

/// Says where everything is, and what to do next.
fn report(root: &InstallRoot, beginning: &Beginning) {
    let init = root.init;
    let made = |name: &str| format!("{CONFIG_DIR}/{name}");
    let mut lines = vec![
        ("program", init.binary.to_owned()),
        ("account", account::NAME.to_owned()),
        ("state", init.state_dir.to_owned()),
    ];
    if let Some((service, ..)) = init.files.first() {
        lines.push(("service", (*service).to_owned()));
    }
    match beginning {
        Beginning::Kept => lines.push(("configuration", format!("{CONFIG}, as it was"))),
        Beginning::Given(bundle) => {
            lines.push(("configuration", format!("{CONFIG}, a copy of {}", bundle.name)));
        }
        Beginning::Starter => lines.extend([
            ("configuration", CONFIG.to_owned()),
            ("webhook secret", made(starter::SECRET)),
            ("certificates", made(starter::CERTIFICATES)),
        ]),
    }
    let version = env!("CARGO_PKG_VERSION");
    let within = if root.is_here() { String::new() } else { format!(" in {}", root.name("/")) };
    crate::say(&format!("mistgate {version} is installed{within}:"));
    for (what, path) in lines {
        crate::say(&format!("  {what:14}  {path}"));
    }
    if matches!(beginning, Beginning::Starter) {
        let secret = made(starter::SECRET);
        let (reload, log) = (init.reload_command, init.log_command);
        crate::say(&format!(
            "Next:\n  \
             mistgate send-test --config {CONFIG}   sends a webhook; {log} shows its message\n  \
             Let Mist send to port 51361, path /webhooks, with the text in {secret} as secret.\n  \
             Put your chats into {CONFIG}, then:\n    \
             mistgate check --config {CONFIG} && {reload}"
        ));
    }
}
