//! Sockets that the service manager opened before it started us. Connections wait in them while a
//! new version starts, and their ports may need rights that we do not have.

use std::{collections::BTreeMap, env, net::TcpListener};

use listenfd::ListenFd;

/// The names of our listeners, as in `FileDescriptorName=` of a socket unit.
pub const LISTENERS: [&str; 3] = ["webhook", "proxy", "admin"];

/// The sockets that were handed over, by the listener that they are for.
#[derive(Debug, Default)]
pub struct Inherited(BTreeMap<&'static str, TcpListener>);

impl Inherited {
    /// Takes the sockets that the environment names, and removes the variables. To be called once,
    /// before there are other threads. The error says what is wrong with a socket.
    pub fn from_env() -> Result<Self, String> {
        let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut sockets = ListenFd::from_env();
        let mut names = names.split(':');
        let mut inherited = Self::default();
        for index in 0..sockets.len() {
            let name = names.next().unwrap_or_default();
            let expected = LISTENERS.join(", ");
            let Some(listener) = LISTENERS.into_iter().find(|listener| *listener == name) else {
                return Err(format!(
                    "LISTEN_FDNAMES: socket {index} is named {name:?} — expected one of {expected} \
                     as its FileDescriptorName="
                ));
            };
            let socket = sockets.take_tcp_listener(index);
            let socket = socket.map_err(|error| format!("LISTEN_FDS: {name}: {error}"))?;
            if let Some(socket) = socket
                && inherited.0.insert(listener, socket).is_some()
            {
                return Err(format!(
                    "LISTEN_FDNAMES: two sockets are named {name} — expected one, such as \
                     ListenStream=[::]:PORT, which takes IPv4 too"
                ));
            }
        }
        Ok(inherited)
    }

    /// The socket for a listener.
    pub fn get(&self, listener: &str) -> Option<&TcpListener> {
        self.0.get(listener)
    }
}
