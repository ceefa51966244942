//! Files that appear whole, several of them together, or not at all.

use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::{fs, fs::OpenOptions, io, io::Write as _};

/// A file to be written.
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) content: Vec<u8>,
    /// Whether only its owner may read it.
    pub(crate) holds_key: bool,
    /// What it is, for people.
    pub(crate) about: &'static str,
}

/// Writes all files, or none. A file that exists is an error with this advice; with `force` it is
/// replaced in one step, once all new ones are on the disk.
pub(crate) fn write(files: &[File], force: bool, advice: &str) -> Result<(), String> {
    let mut written = Written(Vec::new());
    for file in files {
        let path = if force { aside(&file.path) } else { file.path.clone() };
        match written.create(path.clone(), file) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && force => {
                return Err(format!("{path}: left by a run that was interrupted — remove it"));
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(format!("{path}: exists already — {advice}"));
            }
            Err(error) => return Err(explain(&path, &error)),
        }
    }
    if force {
        for File { path, .. } in files {
            fs::rename(aside(path), path).map_err(|error| explain(path, &error))?;
        }
    }
    written.0.clear();
    Ok(())
}

/// Writes a file aside and renames it, so that a crash leaves the old one or the new one. What an
/// interrupted run left aside is removed.
pub(crate) fn replace(path: &str, content: &[u8], mode: u32) -> Result<(), String> {
    replace_as(path, content, mode, None)
}

/// As [`replace`], for an owner and a group, and with this mode whatever the umask is. The folder
/// may belong to somebody else, who gains nothing by what is put there meanwhile.
pub(crate) fn replace_as(
    path: &str,
    content: &[u8],
    mode: u32,
    owner: Option<(u32, u32)>,
) -> Result<(), String> {
    let aside = aside(path);
    let write = || {
        match fs::remove_file(&aside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&aside)?;
        if let Some((uid, gid)) = owner {
            fchown(&file, Some(uid), Some(gid))?;
            file.set_permissions(fs::Permissions::from_mode(mode))?;
        }
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&aside, path)
    };
    write().map_err(|error| explain(path, &error))
}

/// Whether both names lead to one file, which exists.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    let id = |path| fs::metadata(path).map(|data| (data.dev(), data.ino())).ok();
    id(one).is_some_and(|one| id(other) == Some(one))
}

/// The files that this run has made, removed at its end unless they were taken out before.
struct Written(Vec<String>);

impl Written {
    fn create(&mut self, path: String, file: &File) -> io::Result<()> {
        let mode = if file.holds_key { 0o600 } else { 0o644 };
        let mut open = OpenOptions::new().write(true).create_new(true).mode(mode).open(&path)?;
        self.0.push(path);
        open.write_all(&file.content)?;
        open.sync_all()
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        for path in &self.0 {
            // It may have been renamed already, and the error that led here matters more.
            let _ = fs::remove_file(path);
        }
    }
}

fn aside(path: &str) -> String {
    format!("{path}.new")
}

fn explain(path: &str, error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::NotFound {
        format!("{path}: its folder does not exist — make it first")
    } else {
        format!("{path}: cannot be written: {error}")
    }
}
