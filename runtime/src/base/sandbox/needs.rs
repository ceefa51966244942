//! Which files and TCP ports a configuration needs.

use std::{collections::BTreeMap, collections::BTreeSet, env, path::Path, path::PathBuf};

use http_types::Url;
use mistgate_core::{base::order, config::checked::Config, http::proxy::Proxies};

use super::domain::{Confined, SYSTEM, is_of_system};

/// DNS over TCP, and the HTTPS of all chats and clouds: a reload may always name another of them.
const ALWAYS: [u16; 2] = [53, 443];

/// Folders and ports, each with the key of the configuration that names it.
#[derive(Debug, Default)]
pub struct Needs {
    pub(super) state: Option<PathBuf>,
    pub(super) files: Vec<PathBuf>,
    pub(super) read: BTreeSet<PathBuf>,
    pub(super) write: BTreeMap<PathBuf, &'static str>,
    /// Where the control socket is made.
    pub(super) listen: Option<PathBuf>,
    pub(super) connect: BTreeMap<u16, String>,
    pub(super) bind: BTreeMap<u16, &'static str>,
}

impl Needs {
    /// What `mistgate run` needs, whose configuration was read from these files.
    pub fn of_node(config: &Config, files: &[String], proxies: &Proxies) -> Self {
        let mut needs = Self::of_files(files);
        let state = PathBuf::from(&config.state_dir);
        needs.write.insert(real(&state), "state_dir");
        needs.listen = Some(real(&state));
        needs.state = Some(state);
        for (name, address) in config.listeners() {
            needs.bind.extend(address.map(|address| (address.port(), name)));
        }
        for destination in &config.chat.destinations {
            let url = destination.url.as_ref().and_then(|url| Url::parse(url.expose()).ok());
            needs.reach(url.as_ref(), &destination.name);
        }
        for port in proxies.ports() {
            needs.connect.insert(port, "the HTTP proxy".to_owned());
        }
        for mist in config.organisations() {
            needs.reach(Some(&mist.api_url), "mist.api_url");
        }
        if let Some(ports) = &config.ports {
            let folder = folder_of(Path::new(&ports.kill_switch));
            needs.write.entry(folder).or_insert("ports.kill_switch");
            let connect = ports.method.iter().flat_map(|method| method.config().connects_to());
            needs.connect.extend(connect.map(|(port, key)| (port, key.to_owned())));
        }
        needs
    }

    /// For a peer, which reads these files again for each connection and connects to these ports.
    pub fn of_peer(files: &[String], ports: impl IntoIterator<Item = u16>) -> Self {
        let mut needs = Self::of_files(files);
        needs.connect.extend(ports.into_iter().map(|port| (port, "the URL".to_owned())));
        needs
    }

    /// As for a node whose state is in this folder.
    #[cfg(test)]
    pub(super) fn with_state(mut self, folder: &Path) -> Self {
        self.write.insert(real(folder), "state_dir");
        self.listen = Some(real(folder));
        self
    }

    fn of_files(files: &[String]) -> Self {
        let mut needs = Self::default();
        // rustls-native-certs reads these variables too.
        let named = ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().filter_map(env::var_os);
        needs.read.extend(named.map(|path| folder_of(Path::new(&path))));
        needs.read.extend(SYSTEM.iter().map(PathBuf::from));
        for file in files.iter().map(PathBuf::from) {
            needs.read.extend(folders_of(&file));
            needs.files.push(file);
        }
        needs.connect.extend(ALWAYS.map(|port| (port, "every configuration".to_owned())));
        needs
    }

    fn reach(&mut self, url: Option<&Url>, name: &str) {
        let port = url.and_then(Url::port_or_known_default);
        self.connect.extend(port.map(|port| (port, name.to_owned())));
    }

    /// Whether a file is in one of the folders that are read or written.
    pub(super) fn may_read(&self, path: &str) -> bool {
        folders_of(Path::new(path)).iter().all(|folder| self.reads(folder))
    }

    /// What `other` needs and this does not, where files or ports are confined. One line for each.
    pub(super) fn missing(&self, other: &Self, confined: &Confined) -> Vec<String> {
        let mut missing = Vec::new();
        let written = |folder: &Path| self.write.keys().any(|own| folder.starts_with(own));
        for (folder, key) in other.write.iter().filter(|(to, _)| confined.files && !written(to)) {
            let folder = folder.display();
            missing.push(format!("{key}: the sandbox lets nothing be written in {folder}"));
        }
        let is_new = |port: &u16| confined.ports && !self.connect.contains_key(port);
        for (port, name) in other.connect.iter().filter(|(port, _)| is_new(port)) {
            missing.push(format!("{name}: the sandbox lets nothing connect to port {port}"));
        }
        let is_new = |port: &u16| confined.ports && !self.bind.contains_key(port);
        for (port, name) in other.bind.iter().filter(|(port, _)| is_new(port)) {
            missing.push(format!("{name}.listen: the sandbox does not open port {port}"));
        }
        missing.into_iter().map(|what| format!("{what} — {RESTART}")).collect()
    }

    fn reads(&self, folder: &Path) -> bool {
        is_of_system(folder)
            || self.read.iter().chain(self.write.keys()).any(|own| folder.starts_with(own))
    }
}

const RESTART: &str = "restart mistgate, which opens what the configuration names when it starts";

/// The folder of a file, in which its next version will be; of a link, also the folder of what it
/// points to.
fn folders_of(file: &Path) -> BTreeSet<PathBuf> {
    let behind = file.canonicalize().ok();
    let behind = behind.as_deref().and_then(Path::parent).map(Path::to_owned);
    order::collect(behind.into_iter().chain([folder_of(file)]))
}

/// The real name of the folder that holds a file.
fn folder_of(file: &Path) -> PathBuf {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    real(folder.unwrap_or(Path::new(".")))
}

/// The path without links, as far as it exists.
fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| match path.file_name() {
        Some(name) => folder_of(path).join(name),
        None => path.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_yet_is_inside_of_what_is() {
        let here = Path::new(".").canonicalize().expect("a folder");
        assert_eq!(real(Path::new("no-such/stop")), here.join("no-such/stop"));
        assert_eq!(folder_of(Path::new("stop")), here);
        assert_eq!(real(Path::new("/no-such/..")), Path::new("/no-such/.."));
    }
}
