//! An operator's configuration with the files that it names.
//!
//! A file that is named relative to the configuration belongs to it, and is copied to the same
//! place beside the copy. One with an absolute name stays where it is.

use std::{
    fs,
    path::{Component, Path},
};

use mistgate_core::config::raw::{Draft, Source};
use mistgate_runtime::host::load::{Loaded, load};

use super::{make_dir, set};
use crate::{args::source, files};

/// A configuration that has no problems.
pub(super) struct Bundle {
    /// Its path, as the operator gave it.
    pub(super) name: String,
    pub(super) text: String,
    /// Relative to its folder, what it names.
    files: Vec<(String, Vec<u8>)>,
}

impl Bundle {
    /// Reads and checks it. Its state must be in `state_dir`.
    pub(super) fn read(name: &str, state_dir: &str) -> Result<Self, String> {
        let Loaded { config, .. } =
            load(&source(Some(name))).map_err(|problems| problems.join("\n"))?;
        if config.state_dir != state_dir {
            return Err(format!(
                "{name}: state_dir: {} — expected {state_dir}, which the service may write",
                config.state_dir
            ));
        }
        let text = fs::read_to_string(name).map_err(|error| format!("{name}: {error}"))?;
        // Under a name without a folder the names of its files are as they are written.
        let requests = Draft::parse(Source { name: "", text: &text }).files();
        let folder = Path::new(name).parent().unwrap_or(Path::new(""));
        let mut files: Vec<(String, Vec<u8>)> = Vec::new();
        for request in requests {
            let path = request.path;
            if path.starts_with('/') || files.iter().any(|(file, _)| *file == path) {
                continue;
            }
            if !Path::new(&path).components().all(|part| matches!(part, Component::Normal(_))) {
                return Err(format!(
                    "{name}:{}: {}: {path} is outside of its folder — expected a file beside it, \
                     or an absolute name",
                    request.line, request.key
                ));
            }
            let content = fs::read(folder.join(&path));
            files.push((path.clone(), content.map_err(|error| format!("{path}: {error}"))?));
        }
        Ok(Self { name: name.to_owned(), text, files })
    }

    /// Holds if none of the files would replace another one below `dir`.
    pub(super) fn fits(&self, dir: &str) -> Result<(), String> {
        let other = self.files.iter().find(|(name, content)| {
            fs::read(Path::new(dir).join(name)).is_ok_and(|there| there != *content)
        });
        other.map_or(Ok(()), |(name, _)| {
            Err(format!(
                "{dir}/{name}: exists already and is another one, which install never replaces — \
                 move it away first"
            ))
        })
    }

    /// Copies the files to below `dir`, readable for the group.
    pub(super) fn write(&self, dir: &str, gid: u32) -> Result<(), String> {
        for (name, content) in &self.files {
            let path = Path::new(dir).join(name);
            if let Some(folder) = path.parent() {
                make_dir(folder, 0o750, (0, gid))?;
            }
            files::replace(&path.display().to_string(), content, 0o640)?;
            set(&path, 0o640, (0, gid))?;
        }
        Ok(())
    }
}
