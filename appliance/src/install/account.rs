//! The user and the group that the service runs as.
//!
//! useradd(8) makes them. Alpine and OpenWrt have none, and it cannot work in the root folder of
//! another machine: there, lines are added to passwd(5) and group(5) and, where they exist, to
//! shadow(5) and gshadow(5). Each file is replaced in one step, under the lock that useradd takes
//! (lckpwdf(3)).

use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::{fs, fs::OpenOptions, path::Path};

use rustix::fs::{FlockOperation, fcntl_lock};

use super::root::{InstallRoot, has_program, run, set};
use crate::files;

/// The name of the user and of the group.
pub(super) const NAME: &str = "mistgate";
/// The ids of system accounts, tried from the highest as useradd does.
const IDS: std::ops::RangeInclusive<u32> = 100..=999;

/// The user and group on a device.
pub(super) struct Account {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl Account {
    /// Finds it, or makes what is missing of it.
    pub(super) fn ensure(root: &InstallRoot) -> Result<Self, String> {
        let found = ids(root)?;
        if let (Some(uid), Some(gid)) = found {
            return Ok(Self { uid, gid });
        }
        let by = if has_tools(root) {
            add(root, found)?;
            "useradd"
        } else {
            edit(root)?;
            "editing /etc/passwd and /etc/group"
        };
        match ids(root)? {
            (Some(uid), Some(gid)) => Ok(Self { uid, gid }),
            _ => Err(format!(
                "{NAME}: {by} made no such account in /etc/passwd — make a system user and group \
                 of this name first"
            )),
        }
    }

    /// Removes the user and the group. Returns whether there was one.
    pub(super) fn remove(root: &InstallRoot) -> Result<bool, String> {
        let (uid, gid) = ids(root)?;
        if uid.is_none() && gid.is_none() {
            return Ok(false);
        }
        if has_tools(root) {
            if uid.is_some() {
                run(&["userdel", NAME])?;
            }
            // userdel may have removed the group too, as it has the same name.
            if ids(root)?.1.is_some() {
                run(&["groupdel", NAME])?;
            }
            return Ok(true);
        }
        let _lock = lock(root)?;
        for name in FILES {
            replace(root, name, |text| {
                let others = text.lines().filter(|line| !is_ours(line));
                others.map(|line| format!("{line}\n")).collect()
            })?;
        }
        Ok(true)
    }
}

/// Whether the device's own tools can be used.
fn has_tools(root: &InstallRoot) -> bool {
    root.is_here() && ["useradd", "groupadd"].into_iter().all(has_program)
}

/// Adds the missing ones with the device's tools.
fn add(root: &InstallRoot, (uid, gid): (Option<u32>, Option<u32>)) -> Result<(), String> {
    if gid.is_none() {
        run(&["groupadd", "--system", NAME])?;
    }
    if uid.is_none() {
        let (home, shell) = (root.init.state_dir, shell(root));
        let fixed = ["useradd", "--system", "--gid", NAME, "--no-create-home"];
        run(&[&fixed[..], &["--home-dir", home, "--shell", shell, NAME]].concat())?;
    }
    Ok(())
}

/// The files that an account has a line in.
const FILES: [&str; 4] = ["/etc/group", "/etc/gshadow", "/etc/passwd", "/etc/shadow"];

/// The ids of our user and of our group, where there are such.
fn ids(root: &InstallRoot) -> Result<(Option<u32>, Option<u32>), String> {
    let id =
        |name| Ok::<_, String>(read(root, name)?.lines().find(|line| is_ours(line)).and_then(id));
    Ok((id("/etc/passwd")?, id("/etc/group")?))
}

fn read(root: &InstallRoot, name: &str) -> Result<String, String> {
    let path = root.path(name);
    fs::read_to_string(&path)
        .map_err(|error| format!("{}: {error} — expected the root of a device", path.display()))
}

fn is_ours(line: &str) -> bool {
    line.split(':').next() == Some(NAME)
}

/// The id, which is the third field in both files.
fn id(line: &str) -> Option<u32> {
    line.split(':').nth(2)?.parse().ok()
}

fn shell(root: &InstallRoot) -> &'static str {
    let shells = ["/usr/sbin/nologin", "/sbin/nologin"];
    shells.into_iter().find(|shell| root.path(shell).exists()).unwrap_or("/bin/false")
}

/// Adds the lines that are missing.
fn edit(root: &InstallRoot) -> Result<(), String> {
    let _lock = lock(root)?;
    let (uid, gid) = ids(root)?;
    let lines = read(root, "/etc/passwd")? + "\n" + &read(root, "/etc/group")?;
    let taken: Vec<u32> = lines.lines().filter_map(id).collect();
    let free = IDS.rev().find(|id| !taken.contains(id));
    let free = free.ok_or("/etc/passwd: no identity of a system account is free")?;
    let gid = gid.unwrap_or(free);
    let (home, shell) = (root.init.state_dir, shell(root));
    // No password matches `!`, so nobody can log in. The day of the last change stays empty: PAM
    // takes even 0 for an expired password, and OpenRC then starts no service of the user.
    for (name, line) in FILES.into_iter().zip([
        format!("{NAME}:x:{gid}:\n"),
        format!("{NAME}:!::\n"),
        format!("{NAME}:x:{}:{gid}:{NAME}:{home}:{shell}\n", uid.unwrap_or(free)),
        format!("{NAME}:!:::::::\n"),
    ]) {
        replace(root, name, |text| {
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
fn lock(root: &InstallRoot) -> Result<fs::File, String> {
    let path = root.path("/etc/.pwd.lock");
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

/// Replaces a file in one step, with its owner and mode. A missing file stays missing.
fn replace(
    root: &InstallRoot,
    name: &str,
    change: impl FnOnce(&str) -> String,
) -> Result<(), String> {
    let path = root.path(name);
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
