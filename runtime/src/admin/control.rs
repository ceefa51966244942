//! `control.sock` in the state folder: the way in for commands on this machine. It speaks the
//! routes of the admin endpoint, also where there is none, to root and to the service's user.
//!
//! The mode of the socket lets nobody else in, and the kernel says who is on the other end.

use std::{env, os::unix::net::UnixStream, path::Path, path::PathBuf};
use std::{fs, io, os::fd::OwnedFd, os::unix::fs::FileTypeExt as _, sync::Arc, time::Duration};
use std::{net::IpAddr, net::Ipv4Addr, net::SocketAddr, os::unix::net::UnixListener};

use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, client::conn::http1, header::HOST};
use mistgate_core::base::text;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use rustix::{fs::Mode, net, process};
use smol::{Async, Executor, Timer, future::FutureExt, lock::Semaphore, lock::SemaphoreGuardArc};
use smol_hyper::rt::FuturesIo;

use super::{Admin, Caller, policy, routes::Route};
use crate::base::journal::{Level, fields};
use crate::base::{clock::timeout, panic, stop::Stop, stop::TaskTracker, task};
use crate::http::listen::{Bytes, Event, Head, Reply, Service, connection, connection::Site};

/// The name of the socket in the state folder.
pub const FILE: &str = "control.sock";

/// The header in which a command claims who called sudo, and the most characters of that.
const SUDO_USER: &str = "x-sudo-user";
const SUDO_USER_MAX: usize = 64;
const CONNECTIONS_MAX: usize = 16;
/// How many connections wait to be accepted.
const BACKLOG: i32 = 16;
/// How long requests in flight may take when it ends.
const GRACE: Duration = Duration::from_secs(1);
/// After the system refused to accept.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a command waits for what it looks at, and for what it changes.
const LOOK_MAX: Duration = Duration::from_secs(10);
const ACT_MAX: Duration = Duration::from_secs(600);
/// The most bytes of an answer.
const ANSWER_MAX: usize = 64 << 20;
/// Where all connections are said to come from: this machine.
const HERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A socket without a name yet. It is made before the sandbox is entered, which leaves no call to
/// set a mode.
pub(crate) fn socket() -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    // bind(2) gives this mode to the file (Linux: net/unix/af_unix.c, unix_bind_bsd).
    rustix::fs::fchmod(&socket, Mode::RUSR | Mode::WUSR)?;
    Ok(socket)
}

/// The control socket under its name, which is taken away when it is dropped.
pub(crate) struct Control {
    socket: Async<UnixListener>,
    path: PathBuf,
}

impl Drop for Control {
    fn drop(&mut self) {
        // The next start replaces one that stays.
        let _ = fs::remove_file(&self.path);
    }
}

impl Control {
    /// Gives the socket its name and listens. What a dead process left is replaced; to be called
    /// with the store's lock, so that there is no living one.
    pub(crate) fn open(socket: OwnedFd, state_dir: &Path) -> io::Result<Self> {
        let path = state_dir.join(FILE);
        if fs::symlink_metadata(&path).is_ok_and(|file| file.file_type().is_socket()) {
            // Without a store there is no lock.
            if UnixStream::connect(&path).is_ok() {
                return Err(io::Error::new(io::ErrorKind::AddrInUse, "another mistgate has it"));
            }
            fs::remove_file(&path)?;
        }
        net::bind(&socket, &SocketAddrUnix::new(&path)?)?;
        net::listen(&socket, BACKLOG)?;
        Ok(Self { socket: Async::new(UnixListener::from(socket))?, path })
    }

    /// Serves until `stop`, and then a moment longer what is in flight.
    pub(crate) async fn serve(self, admin: Arc<Admin>, on: Arc<Executor<'static>>, stop: Stop) {
        let connections = TaskTracker::new();
        let begin = |stream, local| {
            let token = connections.begin();
            let site = Arc::new(Site::new(local, None, policy(), stop.clone()));
            let served = connection::serve(site, stream, HERE).boxed();
            task::spawn(&on, async move { token.bound(served).await }).detach();
        };
        let accepting =
            async { while panic::catch_async(self.accept(&admin, begin)).await.is_none() {} };
        stop.wait().or(accepting).await;
        drop(self);
        connections.end(GRACE).await;
    }

    /// Accepts for ever, and begins to serve those who may ask.
    async fn accept(&self, admin: &Arc<Admin>, begin: impl Fn(Async<UnixStream>, Arc<Local>)) {
        let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let note = |event: Event| event.note(&admin.journal, "control");
        loop {
            let stream = match self.socket.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    note(Event::AcceptFailed { reason: error.to_string() });
                    Timer::after(PAUSE).await;
                    continue;
                }
            };
            // Without an answer from the kernel nobody is let in.
            let uid = match net::sockopt::socket_peercred(&stream).map(|peer| peer.uid) {
                Ok(uid) if uid.is_root() || uid == process::geteuid() => uid.as_raw(),
                refused => {
                    let uid =
                        refused.map_or_else(|e| e.to_string(), |uid| uid.as_raw().to_string());
                    let values = fields![uid];
                    admin.journal.stranger("control", Level::Warning, "control_refused", values);
                    continue;
                }
            };
            match slots.try_acquire_arc() {
                Some(slot) => {
                    let admin = Arc::clone(admin);
                    begin(stream, Arc::new(Local { admin, uid, _slot: slot }));
                }
                None => note(Event::Shed { peer: HERE, limit: "connections" }),
            }
        }
    }
}

/// The service for one connection.
struct Local {
    admin: Arc<Admin>,
    uid: u32,
    _slot: SemaphoreGuardArc,
}

impl Service for Local {
    fn admit(&self, head: &Head<'_>) -> Result<(), Reply> {
        Route::find(head.method(), head.path()).map(drop)
    }

    async fn serve(&self, head: &Head<'_>, body: Bytes) -> Reply {
        let claimed = head.header(SUDO_USER).map(String::from_utf8_lossy);
        let sudo_user = claimed.map(|user| text::one_line(&user, SUDO_USER_MAX));
        self.admin.answer(head, &body, &Caller::User { uid: self.uid, sudo_user }).await
    }

    fn note(&self, event: Event) {
        event.note(&self.admin.journal, "control");
    }
}

/// Asks the mistgate that runs with this state folder, and waits for the answer: its HTTP status
/// and its body; `None` where none runs. `GET` only looks. The error says what went wrong.
pub fn request(
    state_dir: &str,
    method: &str,
    path: &str,
    body: impl Into<Bytes>,
) -> Result<Option<(u16, String)>, String> {
    let file = Path::new(state_dir).join(FILE);
    let failed = |error: io::Error| format!("{}: {error}", file.display());
    let absent = [io::ErrorKind::NotFound, io::ErrorKind::ConnectionRefused];
    let stream = match UnixStream::connect(&file) {
        Err(error) if absent.contains(&error.kind()) => return Ok(None),
        connected => connected.map_err(failed)?,
    };
    let patience = if method == "GET" { LOOK_MAX } else { ACT_MAX };
    let body = Full::new(body.into());
    let mut request = Request::builder().method(method).uri(path).header(HOST, "localhost");
    if let Ok(user) = env::var("SUDO_USER") {
        request = request.header(SUDO_USER, user);
    }
    let asking = async { exchange(stream, request.body(body).map_err(io::Error::other)?).await };
    smol::block_on(asking.or(timeout(patience))).map(Some).map_err(failed)
}

async fn exchange(stream: UnixStream, request: Request<Full<Bytes>>) -> io::Result<(u16, String)> {
    let stream = FuturesIo::new(Async::new(stream)?);
    let (mut sender, connection) = http1::handshake(stream).await.map_err(io::Error::other)?;
    let answering = async {
        let (head, body) =
            sender.send_request(request).await.map_err(io::Error::other)?.into_parts();
        let body = Limited::new(body, ANSWER_MAX).collect().await.map_err(io::Error::other)?;
        Ok((head.status.as_u16(), String::from_utf8_lossy(&body.to_bytes()).into_owned()))
    };
    let driving = async {
        // hyper fails the request when the connection does.
        let _ = connection.await;
        smol::future::pending().await
    };
    answering.or(driving).await
}
