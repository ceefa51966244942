//! The configuration in the form that visits need.

use std::{net::Ipv4Addr, num::NonZeroU16, sync::Arc, time::Duration};

use mistgate_core::ports::{name::SwitchName, switch_port::Switch};
use mistgate_core::{junos::Junos, netconf::session::input::Config};
use smol::lock::Semaphore;

use super::Login;
use crate::{base::journal::Journal, ports::junos::ssh::Key, ports::junos::ssh::Target};

/// For everything from the look-up of a switch's name to the start of its NETCONF subsystem.
const OPEN_TIMEOUT: Duration = Duration::from_secs(60);

/// How to log in to switches, and the policy of all sessions.
pub(super) struct Settings {
    pub(super) junos: Junos,
    login: Login,
    pub(super) sessions: Arc<Semaphore>,
    pub(super) session: Config,
    pub(super) confirm: NonZeroU16,
}

impl Settings {
    /// Keeps from the settings before what did not change, such as the slots of running sessions.
    pub(super) fn new(junos: &Junos, login: Login, before: Option<&Self>) -> Self {
        let sessions = before.filter(|before| before.junos.sessions_max == junos.sessions_max);
        let minutes = u16::try_from(junos.confirm.as_secs() / 60).unwrap_or(u16::MAX);
        Self {
            login,
            sessions: sessions.map_or_else(
                || Arc::new(Semaphore::new(junos.sessions_max)),
                |before| Arc::clone(&before.sessions),
            ),
            session: Config {
                commit_timeout: junos.commit_timeout,
                lock_wait: junos.lock_wait,
                ..Config::default()
            },
            confirm: NonZeroU16::new(minutes).unwrap_or(NonZeroU16::MIN),
            junos: junos.clone(),
        }
    }

    /// Where a switch is and how to log in. `None` if its name is not known.
    pub(super) async fn target(&self, switch: &Switch, journal: &Journal) -> Option<Target> {
        let junos = self.junos.of(switch);
        let Junos { domain, port, username, password, legacy_algorithms, .. } = junos;
        Some(Target {
            host: host(switch.name.as_ref()?, domain.as_deref()),
            port: *port,
            username: username.clone(),
            password: password.clone(),
            // One that cannot be read is a problem of the configuration, and was reported there.
            key: junos.private_key.as_ref().and_then(|key| Key::parse(key.expose()).ok()),
            known_hosts: self.login.known_hosts(journal).await,
            legacy_algorithms: *legacy_algorithms,
            timeout: OPEN_TIMEOUT,
        })
    }
}

/// The host name of a switch: its name and the configured domain, unless the name ends in it or is
/// an address.
fn host(name: &SwitchName, domain: Option<&str>) -> String {
    let name = name.as_str();
    match domain {
        Some(domain) if !name.ends_with(&format!(".{domain}")) && !is_address(name) => {
            format!("{name}.{domain}")
        }
        Some(_) | None => name.to_owned(),
    }
}

/// Whether a switch is named by its address, so that nobody need be asked where it is.
pub(in crate::ports) fn is_address(name: &str) -> bool {
    name.parse::<Ipv4Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_is_found_under_its_name_and_domain() {
        let found = |name, domain| host(&SwitchName::parse(name).expect("a name"), domain);
        assert_eq!(found("sw-1", None), "sw-1");
        assert_eq!(found("192.0.2.7", Some("corp.example")), "192.0.2.7");
        assert_eq!(found("sw-1", Some("corp.example")), "sw-1.corp.example");
        assert_eq!(found("sw-1.branch", Some("corp.example")), "sw-1.branch.corp.example");
        assert_eq!(found("sw-1.corp.example", Some("corp.example")), "sw-1.corp.example");
    }
}
