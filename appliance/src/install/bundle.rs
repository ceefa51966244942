//! An operator's configuration with the files that it names.
//!
//! A file with a relative name belongs to the configuration, and is copied along with it. A file
//! with an absolute name stays where it is.

use std::{fs, path::Component, path::Path};

use mistgate_core::config::raw::{Draft, Source};
use mistgate_runtime::host::load::Loaded;

use super::root::{CONFIG_DIR, InstallRoot, make_parent, write};

/// A configuration without problems, and its files.
pub(super) struct Bundle {
    /// Its path, as the operator gave it.
    pub(super) name: String,
    pub(super) text: String,
    /// The files that it names, by their paths from its folder.
    files: Vec<(String, Vec<u8>)>,
}

impl Bundle {
    /// Reads and checks it. Its state must be in `state_dir`.
    pub(super) fn read(name: &str, state_dir: &str) -> Result<Self, String> {
        let Loaded { config, .. } = crate::load(Some(name))?;
        if config.state_dir != state_dir {
            return Err(format!(
                "{name}: state_dir: {} — expected {state_dir}, which the service may write",
                config.state_dir
            ));
        }
        let text = fs::read_to_string(name).map_err(|error| format!("{name}: {error}"))?;
        // With an empty name there is no folder to put before the names of files.
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

    /// Fails if a file would replace a different one below `dir`.
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

    /// Copies the files to beside the configuration, readable for the group.
    pub(super) fn write(&self, root: &InstallRoot, gid: u32) -> Result<(), String> {
        for (name, content) in &self.files {
            let path = root.path(&format!("{CONFIG_DIR}/{name}"));
            make_parent(&path, 0o750, (0, gid))?;
            write(&path, content, 0o640, (0, gid))?;
        }
        Ok(())
    }
}
