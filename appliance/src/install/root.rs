//! The device to install on: its root folder, its files and its programs.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::{path::Component, path::Path, path::PathBuf, process::Command, process::Stdio};

use super::init_system::InitSystem;
use crate::files;

/// Where the service expects its configuration and the files that it names.
pub(super) const CONFIG_DIR: &str = "/etc/mistgate";
pub(crate) const CONFIG: &str = "/etc/mistgate/mistgate.toml";
/// Where programs are looked for, as the PATH of root may be anything.
const FOLDERS: [&str; 6] =
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
const OWNER_ROOT: (u32, u32) = (0, 0);
/// The most links in a path, as the kernel has it (path_resolution(7)).
const LINKS_MAX: usize = 40;

/// The root folder of a device: `/`, or that of an image.
pub(super) struct InstallRoot {
    folder: PathBuf,
    pub(super) init: &'static InitSystem,
}

impl InstallRoot {
    /// This machine, or the root folder of another one.
    pub(super) fn find(folder: Option<&str>) -> Result<Self, String> {
        let folder = PathBuf::from(folder.unwrap_or("/"));
        if !folder.is_dir() {
            let advice = "expected the folder that is a device's root";
            return Err(format!("--root {}: not a folder — {advice}", folder.display()));
        }
        Ok(Self { init: InitSystem::find(&folder), folder })
    }

    /// Whether it is this machine.
    pub(super) fn is_here(&self) -> bool {
        self.folder == Path::new("/")
    }

    /// Whether its init system takes commands.
    pub(super) fn is_running(&self) -> bool {
        self.is_here() && self.init.runs_in(&self.folder)
    }

    /// An absolute path of the device, as seen from here. Links lead where they lead on the device,
    /// and never out of its root.
    pub(super) fn path(&self, absolute: &str) -> PathBuf {
        let (mut real, mut links) = (self.folder.clone(), 0);
        let mut rest: Vec<PathBuf> = Vec::from([absolute.into()]);
        while let Some(path) = rest.pop() {
            let mut parts = path.components();
            let Some(part) = parts.next() else { continue };
            rest.push(parts.as_path().to_owned());
            match part {
                Component::Normal(name) => real.push(name),
                Component::ParentDir if real != self.folder => drop(real.pop()),
                Component::RootDir => real.clone_from(&self.folder),
                Component::CurDir | Component::ParentDir | Component::Prefix(_) => {}
            }
            if links < LINKS_MAX
                && real != self.folder
                && let Ok(target) = fs::read_link(&real)
            {
                links += 1;
                real.pop();
                rest.push(target);
            }
        }
        real
    }

    /// As [`InstallRoot::path`], of a link itself and not of what it leads to.
    pub(super) fn place(&self, absolute: &str) -> PathBuf {
        let (folder, name) = absolute.rsplit_once('/').unwrap_or(("", absolute));
        self.path(folder).join(name)
    }

    /// The same as text.
    pub(super) fn name(&self, absolute: &str) -> String {
        self.path(absolute).display().to_string()
    }

    /// Writes a file that belongs to root, and makes its folder.
    pub(super) fn write(&self, absolute: &str, content: &[u8], mode: u32) -> Result<(), String> {
        let path = self.path(absolute);
        make_parent(&path, 0o755, OWNER_ROOT)?;
        write(&path, content, mode, OWNER_ROOT)
    }

    /// Makes a symbolic link where nothing has its name.
    pub(super) fn link(&self, absolute: &str, target: &str) -> Result<(), String> {
        let path = self.place(absolute);
        make_parent(&path, 0o755, OWNER_ROOT)?;
        if fs::symlink_metadata(&path).is_ok() {
            return Ok(());
        }
        std::os::unix::fs::symlink(target, &path)
            .map_err(|error| format!("{}: {error}", path.display()))
    }
}

/// Makes a folder of ours. One that is there gets its owner and mode where others may do more with
/// it than they should.
pub(super) fn own_dir(path: &Path, mode: u32, owner: (u32, u32)) -> Result<(), String> {
    make_dir(path, mode, owner)?;
    let is_open = |data: fs::Metadata| data.mode() & 0o777 & !mode != 0 || data.uid() != owner.0;
    if fs::metadata(path).is_ok_and(is_open) { set(path, mode, owner) } else { Ok(()) }
}

/// Makes a folder where there is none.
fn make_dir(path: &Path, mode: u32, owner: (u32, u32)) -> Result<(), String> {
    if path.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(path).map_err(|error| format!("{}: {error}", path.display()))?;
    set(path, mode, owner)
}

/// Makes the folder of a file where there is none.
pub(super) fn make_parent(path: &Path, mode: u32, owner: (u32, u32)) -> Result<(), String> {
    path.parent().map_or(Ok(()), |folder| make_dir(folder, mode, owner))
}

/// Replaces a file in one step. Its mode does not depend on the umask.
pub(super) fn write(
    path: &Path,
    content: &[u8],
    mode: u32,
    owner: (u32, u32),
) -> Result<(), String> {
    files::replace_as(&path.display().to_string(), content, mode, Some(owner))
}

/// Sets owner, group and mode.
pub(super) fn set(path: &Path, mode: u32, (uid, gid): (u32, u32)) -> Result<(), String> {
    chown(path, Some(uid), Some(gid))
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(mode)))
        .map_err(|error| format!("{}: {error}", path.display()))
}

/// Whether this machine has a program.
pub(super) fn has_program(name: &str) -> bool {
    FOLDERS.iter().any(|folder| Path::new(folder).join(name).is_file())
}

/// Runs a command to its end; none does nothing. The error has the last line of its output.
pub(super) fn run(command: &[&str]) -> Result<(), String> {
    let Some((program, args)) = command.split_first() else { return Ok(()) };
    let line = command.join(" ");
    let mut process = Command::new(program);
    process.args(args).env("PATH", FOLDERS.join(":")).stdin(Stdio::null());
    let output = process.output().map_err(|error| format!("{line}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
    Err(format!("{line}: {}: {last}", output.status))
}
