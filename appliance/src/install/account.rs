//! The user and the group that the service runs as.
//!
//! On this machine they are made by useradd(8). Where there is none, as on Alpine and OpenWrt, and
//! in the root folder of another machine, lines are added to passwd(5), group(5) and, where they
//! are kept, shadow(5) and gshadow(5), under the lock that useradd takes (lckpwdf(3)) and each file
//! as a whole.

use std::{
    fmt,
    fs::{self, OpenOptions},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::Path,
};

use rustix::fs::{FlockOperation, fcntl_lock};

use super::{
    place::{Place, has_program, run},
    set,
};
use crate::files;

/// The name of both.
const NAME: &str = "mistgate";
/// The identities of system accounts, tried from above as useradd does.
const IDS: std::ops::RangeInclusive<u32> = 100..=999;

/// The account, which exists.
pub(super) struct Account {
    pub(super) uid: u32,
    pub(super) gid: u32,
    made_by: Option<&'static str>,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.made_by {
            None => write!(f, "{NAME}, which was there"),
            Some(by) => write!(f, "{NAME}, made by {by}"),
        }
    }
}

impl Account {
    /// Finds it, or makes what is missing of it.
    pub(super) fn ensure(place: &Place) -> Result<Self, String> {
        let found = Databases::read(place)?;
        if let (Some(uid), Some(gid)) = (found.uid(), found.gid()) {
            return Ok(Self { uid, gid, made_by: None });
        }
        let by = if has_tools(place) {
            add(place, &found)?;
            "useradd"
        } else {
            edit(place)?;
            "editing /etc/passwd and /etc/group"
        };
        let made = Databases::read(place)?;
        match (made.uid(), made.gid()) {
            (Some(uid), Some(gid)) => Ok(Self { uid, gid, made_by: Some(by) }),
            _ => Err(format!(
                "{NAME}: {by} made no such account in /etc/passwd — make a system user and group \
                 of this name first"
            )),
        }
    }

    /// Removes the user and the group. Whether there was one.
    pub(super) fn remove(place: &Place) -> Result<bool, String> {
        let found = Databases::read(place)?;
        if found.uid().is_none() && found.gid().is_none() {
            return Ok(false);
        }
        if has_tools(place) {
            if found.uid().is_some() {
                run(&["userdel", NAME])?;
            }
            // Where both have one name the first may have taken the other along.
            if Databases::read(place)?.gid().is_some() {
                run(&["groupdel", NAME])?;
            }
            return Ok(true);
        }
        let _lock = lock(place)?;
        for name in FILES {
            replace(place, name, |text| {
                let others = text.lines().filter(|line| !is_ours(line));
                others.map(|line| format!("{line}\n")).collect()
            })?;
        }
        Ok(true)
    }
}

/// Whether the place's own tools can be used.
fn has_tools(place: &Place) -> bool {
    place.is_here() && ["useradd", "groupadd"].into_iter().all(has_program)
}

/// Adds what is missing by the tools.
fn add(place: &Place, found: &Databases) -> Result<(), String> {
    if found.gid().is_none() {
        run(&["groupadd", "--system", NAME])?;
    }
    if found.uid().is_none() {
        let (home, shell) = (place.manager.state_dir(), shell(place));
        let fixed = ["useradd", "--system", "--gid", NAME, "--no-create-home"];
        run(&[&fixed[..], &["--home-dir", home, "--shell", shell, NAME]].concat())?;
    }
    Ok(())
}

/// The files that an account has a line in.
const FILES: [&str; 4] = ["/etc/group", "/etc/gshadow", "/etc/passwd", "/etc/shadow"];

struct Databases {
    passwd: String,
    group: String,
}

impl Databases {
    fn read(place: &Place) -> Result<Self, String> {
        let read = |name| {
            let path = place.path(name);
            fs::read_to_string(&path).map_err(|error| {
                format!("{}: {error} — expected the root of a device", path.display())
            })
        };
        Ok(Self { passwd: read("/etc/passwd")?, group: read("/etc/group")? })
    }

    fn uid(&self) -> Option<u32> {
        self.passwd.lines().find(|line| is_ours(line)).and_then(id)
    }

    fn gid(&self) -> Option<u32> {
        self.group.lines().find(|line| is_ours(line)).and_then(id)
    }
}

fn is_ours(line: &str) -> bool {
    line.split(':').next() == Some(NAME)
}

/// Both files have the identity in their third field.
fn id(line: &str) -> Option<u32> {
    line.split(':').nth(2)?.parse().ok()
}

fn shell(place: &Place) -> &'static str {
    let shells = ["/usr/sbin/nologin", "/sbin/nologin"];
    shells.into_iter().find(|shell| place.path(shell).exists()).unwrap_or("/bin/false")
}

/// Adds the lines that are missing.
fn edit(place: &Place) -> Result<(), String> {
    let _lock = lock(place)?;
    let found = Databases::read(place)?;
    let taken: Vec<u32> = found.passwd.lines().chain(found.group.lines()).filter_map(id).collect();
    let free = IDS.rev().find(|id| !taken.contains(id));
    let free = free.ok_or("/etc/passwd: no identity of a system account is free")?;
    let gid = found.gid().unwrap_or(free);
    let (home, shell) = (place.manager.state_dir(), shell(place));
    // Nobody can log in: no password fits `!`. With a day of its last change, even 0, PAM would
    // take it for one that has expired, and OpenRC starts no service of such a user.
    for (name, line) in FILES.into_iter().zip([
        format!("{NAME}:x:{gid}:\n"),
        format!("{NAME}:!::\n"),
        format!("{NAME}:x:{}:{gid}:{NAME}:{home}:{shell}\n", found.uid().unwrap_or(free)),
        format!("{NAME}:!:::::::\n"),
    ]) {
        replace(place, name, |text| {
            if text.lines().any(is_ours) {
                return text.to_owned();
            }
            let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
            format!("{text}{end}{line}")
        })?;
    }
    Ok(())
}

/// The lock of the tools for accounts, held until it is dropped.
fn lock(place: &Place) -> Result<fs::File, String> {
    let path = place.path("/etc/.pwd.lock");
    let lock = || {
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(false).mode(0o600).open(&path)?;
        fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(file)
    };
    lock().map_err(|error: std::io::Error| {
        format!("{}: {error} — is somebody changing accounts?", path.display())
    })
}

/// Replaces a file, where it is there, in one step, with owner and mode as they were.
fn replace(place: &Place, name: &str, change: impl FnOnce(&str) -> String) -> Result<(), String> {
    let path = place.path(name);
    let explain = |error: std::io::Error| format!("{}: {error}", path.display());
    let data = match fs::metadata(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        data => data.map_err(explain)?,
    };
    let before = fs::read_to_string(&path).map_err(explain)?;
    let after = change(&before);
    if after == before {
        return Ok(());
    }
    let text = path.display().to_string();
    let aside = format!("{text}.mistgate");
    files::replace(&aside, after.as_bytes(), 0o600)?;
    set(Path::new(&aside), data.mode() & 0o7777, (data.uid(), data.gid()))?;
    fs::rename(&aside, &path).map_err(explain)
}
