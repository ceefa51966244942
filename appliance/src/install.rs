//! `mistgate install`: this very binary as a service of a device.
//!
//! Everything that can be refused is refused before anything changes. Each file appears whole, and
//! a run that was interrupted is finished by the next one. What an operator may have changed, the
//! configuration, secrets, certificates and state, is never touched once there is a configuration;
//! the binary and the service are ours and always replaced.

mod account;
mod bundle;
mod place;
mod uninstall;

use std::{
    fs, io,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown},
    path::Path,
};

use mistgate_runtime::host::load::load;

use self::{
    account::Account,
    bundle::Bundle,
    place::{CONFIG, CONFIG_DIR, Manager, Place},
};
use crate::{
    args::{Install, source},
    files, starter,
};

/// This very program, whatever became of its name.
const OWN: &str = "/proc/self/exe";

pub(crate) fn run(args: &Install) -> Result<(), String> {
    if !rustix::process::geteuid().is_root() {
        return Err("install: only root may do that — run it by sudo, or see mistgate init".into());
    }
    let place = Place::find(args.root.as_deref())?;
    if args.uninstall {
        return uninstall::run_on(&place, args.purge);
    }
    let beginning = Beginning::choose(&place, args.config.as_deref())?;
    let program = fs::read(OWN).map_err(|error| format!("{OWN}: {error} — mount /proc first"))?;
    let account = Account::ensure(&place)?;
    make_dir(&place.path(CONFIG_DIR), 0o750, (0, account.gid))?;
    make_dir(&place.path(place.manager.state_dir()), 0o700, (account.uid, account.gid))?;
    beginning.write(&place, &account)?;
    install_program(&place, &program)?;
    let upgraded = install_service(&place)?;
    report(&place, &beginning, &account);
    start(&place, upgraded)
}

/// Which configuration the service will have.
enum Beginning {
    /// The one that is there.
    Kept,
    /// The operator's, with the files that it names beside itself.
    Given(Bundle),
    /// One that works at once.
    Starter,
}

impl Beginning {
    fn choose(place: &Place, given: Option<&str>) -> Result<Self, String> {
        let config = place.name(CONFIG);
        let there = match fs::read_to_string(&config) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(format!("{config}: {error}")),
        };
        match (given, there) {
            (None, None) => Ok(Self::Starter),
            (None, Some(text)) => {
                // The files of another root are not where its configuration says.
                if place.is_here() && !names_credentials(&text) {
                    load(&source(Some(&config))).map_err(|problems| problems.join("\n"))?;
                }
                Ok(Self::Kept)
            }
            (Some(given), there) => {
                let bundle = Bundle::read(given, place.manager.state_dir())?;
                match there {
                    None => {
                        bundle.fits(&place.name(CONFIG_DIR))?;
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

    fn write(&self, place: &Place, account: &Account) -> Result<(), String> {
        let dir = place.name(CONFIG_DIR);
        let text = match self {
            Self::Kept => return Ok(()),
            Self::Given(bundle) => {
                bundle.write(&dir, account.gid)?;
                bundle.text.clone()
            }
            Self::Starter => {
                starter::make_missing(&dir)?;
                let certificates = format!("{dir}/{}", starter::CERTIFICATES);
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
                starter::config(place.manager.state_dir())
            }
        };
        // Last, so that it never names what is not there.
        let config = place.name(CONFIG);
        files::replace(&config, text.as_bytes(), 0o640)?;
        set(Path::new(&config), 0o640, (0, account.gid))
    }
}

/// Whether it names files that only the service manager hands over, which cannot be checked here.
fn names_credentials(config: &str) -> bool {
    let is_comment = |line: &str| line.trim_start().starts_with('#');
    config.lines().any(|line| !is_comment(line) && line.contains("${CREDENTIALS_DIRECTORY}"))
}

/// Copies the running program to where the service starts it.
fn install_program(place: &Place, program: &[u8]) -> Result<(), String> {
    let path = place.path(place.manager.binary());
    let identity = |path: &Path| fs::metadata(path).map(|data| (data.dev(), data.ino())).ok();
    if identity(Path::new(OWN)) == identity(&path) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        make_dir(folder, 0o755, (0, 0))?;
    }
    write(&path, program, 0o755)
}

/// Writes the service and enables it, where it was not there before. Whether it was.
fn install_service(place: &Place) -> Result<bool, String> {
    let mut upgraded = false;
    for (index, (name, text, mode)) in place.manager.files().iter().enumerate() {
        let path = place.path(name);
        upgraded |= index == 0 && path.exists();
        if let Some(folder) = path.parent() {
            make_dir(folder, 0o755, (0, 0))?;
        }
        write(&path, text.as_bytes(), *mode)?;
    }
    if upgraded {
        // Whoever disabled it meant it.
        return Ok(true);
    }
    for (name, target) in place.manager.links() {
        let path = place.path(name);
        if let Some(folder) = path.parent() {
            make_dir(folder, 0o755, (0, 0))?;
        }
        if fs::symlink_metadata(&path).is_err() {
            std::os::unix::fs::symlink(target, &path)
                .map_err(|error| format!("{}: {error}", path.display()))?;
        }
    }
    Ok(false)
}

fn start(place: &Place, upgraded: bool) -> Result<(), String> {
    let Place { manager, .. } = place;
    if !place.is_running() {
        match manager {
            Manager::None => crate::say(&format!(
                "Nothing was started, as no systemd, OpenRC or procd is here. By hand:\n  setpriv \
                 --reuid mistgate --regid mistgate --clear-groups {} run --config {CONFIG}",
                manager.binary()
            )),
            Manager::OpenRc | Manager::Procd | Manager::Systemd => {
                crate::say("Nothing was started, as no boot has begun here. The next one does it.");
            }
        }
        return Ok(());
    }
    let enabled = place.manager.links().iter().all(|(name, _)| place.path(name).exists());
    if upgraded && !enabled {
        crate::say("The service is disabled, and was left so.");
    }
    for command in manager.start(!upgraded || enabled) {
        place::run(command)
            .map_err(|error| format!("{error} — {} tells why", manager.log_command()))?;
    }
    if !upgraded || enabled {
        crate::say("The service runs.");
    }
    Ok(())
}

/// Says where everything is, and what to do next.
fn report(place: &Place, beginning: &Beginning, account: &Account) {
    let Place { manager, .. } = place;
    let made = |name: &str| format!("{CONFIG_DIR}/{name}");
    let mut lines = vec![
        ("program", manager.binary().to_owned()),
        ("account", account.to_string()),
        ("state", manager.state_dir().to_owned()),
    ];
    if let Some((service, ..)) = manager.files().first() {
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
    let within = if place.is_here() { String::new() } else { format!(" in {}", place.name("/")) };
    crate::say(&format!("mistgate {version} is installed{within}:"));
    for (what, path) in lines {
        crate::say(&format!("  {what:14}  {path}"));
    }
    if matches!(beginning, Beginning::Starter) {
        let secret = made(starter::SECRET);
        let (reload, log) = (manager.reload_command(), manager.log_command());
        crate::say(&format!(
            "Next:\n  \
             mistgate send-test --config {CONFIG}   sends a webhook; {log} shows its message\n  \
             Let Mist send to port 51361, path /webhooks, with the text in {secret} as secret.\n  \
             Put your chats into {CONFIG}, then:\n    \
             mistgate check --config {CONFIG} && {reload}"
        ));
    }
}

/// Makes a folder where there is none.
fn make_dir(path: &Path, mode: u32, owner: (u32, u32)) -> Result<(), String> {
    if path.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(path).map_err(|error| format!("{}: {error}", path.display()))?;
    set(path, mode, owner)
}

/// Writes a file of root's, readable as `mode` says whatever the umask is.
fn write(path: &Path, content: &[u8], mode: u32) -> Result<(), String> {
    let name = path.display().to_string();
    files::replace(&name, content, mode)?;
    set(path, mode, (0, 0))
}

/// Sets owner, group and mode.
fn set(path: &Path, mode: u32, (uid, gid): (u32, u32)) -> Result<(), String> {
    let set = || {
        chown(path, Some(uid), Some(gid))?;
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
    };
    set().map_err(|error| format!("{}: {error}", path.display()))
}
