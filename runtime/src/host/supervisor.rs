//! The service manager: what we report to it (sd_notify(3)), and the sockets that it hands over
//! (sd_listen_fds(3)). Without a service manager all of this does nothing.

mod sockets;
mod trial;
mod watchdog;

use std::os::{linux::net::SocketAddrExt, unix::ffi::OsStrExt, unix::net::SocketAddr};
use std::{env, io, os::unix::net::UnixDatagram, process, time::Duration};

pub use self::sockets::{Inherited, LISTENERS};
pub(crate) use self::trial::Trial;
pub(crate) use self::watchdog::Watchdog;
use crate::base::clock;

/// How long a message may wait for room. A manager that is busy for longer misses it.
const SEND_TIMEOUT: Duration = Duration::from_secs(1);

/// The connection to the service manager, if there is one.
#[derive(Debug, Default)]
pub struct Supervisor {
    socket: Option<UnixDatagram>,
    /// How often it expects [`alive`](Self::alive) before it restarts us; `None` for never.
    pub watchdog: Option<Duration>,
}

impl Supervisor {
    /// Connects to the manager that the environment names. The error says what is wrong with that.
    pub fn from_env() -> Result<Self, String> {
        let Some(name) = env::var_os("NOTIFY_SOCKET") else { return Ok(Self::default()) };
        let explain = |error: io::Error| format!("NOTIFY_SOCKET: {}: {error}", name.display());
        let address = match name.as_bytes() {
            [b'/', ..] => SocketAddr::from_pathname(&name),
            [b'@', hidden @ ..] => SocketAddr::from_abstract_name(hidden),
            _ => Err(io::Error::other("expected an absolute path or @NAME")),
        };
        let connect = || {
            let socket = UnixDatagram::unbound()?;
            socket.set_write_timeout(Some(SEND_TIMEOUT))?;
            socket.connect_addr(&address?)?;
            Ok(socket)
        };
        let number = |name| env::var(name).ok()?.parse::<u64>().ok();
        // The variable may be inherited from a parent process.
        let ours = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|micros| ours && *micros > 0);
        let socket = connect().map_err(explain)?;
        Ok(Self { socket: Some(socket), watchdog: watchdog.map(Duration::from_micros) })
    }

    /// Reports that all listeners serve, after the start or a reload; `status` lists them.
    pub fn ready(&self, status: &str) {
        self.notify(&format!("READY=1\nSTATUS={status}"));
    }

    /// Reports a reload, which [`ready`](Self::ready) ends.
    pub fn reloading(&self) {
        let at = clock::monotonic_micros();
        self.notify(&format!("RELOADING=1\nMONOTONIC_USEC={at}"));
    }

    /// Reports that the process is about to end.
    pub fn stopping(&self) {
        self.notify("STOPPING=1\nSTATUS=finishes what is in flight");
    }

    /// Sets the status line that the manager shows.
    pub fn status(&self, status: &str) {
        self.notify(&format!("STATUS={status}"));
    }

    /// Reports that the process is alive.
    pub fn alive(&self) {
        self.notify("WATCHDOG=1");
    }

    fn notify(&self, message: &str) {
        if let Some(socket) = &self.socket {
            // A manager that misses such a message restarts us in time.
            let _ = socket.send(message.as_bytes());
        }
    }
}
