//! A chat on loopback. It accepts posts over real HTTP, answers as it is told to, and records what
//! it got, in order and with the time.

use std::collections::VecDeque;
use std::io::{BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{io, thread};

use rustix::net::{AddressFamily, SocketType, sockopt};

use super::limits::Vendor;
use crate::base::http::{self, Message};

/// How long a test waits for something that must happen, on a busy machine.
pub const LONG: Duration = Duration::from_secs(60);

/// How a chat answers a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Answers with this status and body.
    Say {
        status: u16,
        /// Header lines, each with its CRLF.
        headers: &'static str,
        body: &'static str,
    },
    /// Closes the connection without an answer.
    Close,
    /// Waits for [`Chat::release`], and then answers [`OK`].
    Hold,
}

/// Slack's answer of success. The other products are judged by the status alone.
pub const OK: Answer = say(200, "ok");

/// An answer without headers of its own.
pub const fn say(status: u16, body: &'static str) -> Answer {
    Answer::Say { status, headers: "", body }
}

/// A post that the chat received.
#[derive(Clone, Debug)]
pub struct Post {
    pub request: Message,
    /// When its last byte arrived.
    pub at: Instant,
    pub answer: Answer,
}

impl Post {
    /// Whether mistgate may count it as delivered.
    pub const fn is_taken(&self) -> bool {
        matches!(self.answer, Answer::Hold | Answer::Say { status: 200..=299, .. })
    }
}

#[derive(Debug)]
struct State {
    posts: Vec<Post>,
    /// One answer for each post to come. The last one stays.
    script: VecDeque<Answer>,
    always: Answer,
    released: bool,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// Decides on the answer instead of the script.
    judge: Option<(Judge, &'static Vendor)>,
}

/// Decides on the answer to a post by reading it.
pub type Judge = fn(&'static Vendor, &Message) -> Answer;

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A chat's address, script and record. Its threads end with the process.
#[derive(Debug)]
pub struct Chat {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// The bound socket, until the chat listens.
    socket: Option<OwnedFd>,
}

impl Chat {
    /// Opens a chat that accepts everything.
    pub fn open() -> io::Result<Self> {
        let mut chat = Self::closed()?;
        chat.listen()?;
        Ok(chat)
    }

    /// Creates a chat with an address, which refuses connections until [`Chat::listen`].
    pub fn closed() -> io::Result<Self> {
        Self::bound(reserve()?, None)
    }

    /// Opens a chat at a reserved address. `judge` decides on the answer to each post.
    pub fn judging(address: SocketAddr, vendor: &'static Vendor, judge: Judge) -> io::Result<Self> {
        let mut chat = Self::bound(bind(address)?, Some((judge, vendor)))?;
        chat.listen()?;
        Ok(chat)
    }

    fn bound(socket: OwnedFd, judge: Option<(Judge, &'static Vendor)>) -> io::Result<Self> {
        let address = rustix::net::getsockname(&socket)?.try_into()?;
        let state =
            State { posts: Vec::new(), script: VecDeque::new(), always: OK, released: false };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new(), judge });
        Ok(Self { address, shared, socket: Some(socket) })
    }

    /// Accepts connections from now on.
    pub fn listen(&mut self) -> io::Result<()> {
        let Some(socket) = self.socket.take() else {
            return Ok(());
        };
        rustix::net::listen(&socket, 128)?;
        let (listener, shared) = (TcpListener::from(socket), Arc::clone(&self.shared));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let shared = Arc::clone(&shared);
                thread::spawn(move || stream.and_then(|stream| serve_connection(stream, &shared)));
            }
        });
        Ok(())
    }

    /// Where it is.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// A URL of this chat, with a path and query.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Sets the answers to the next posts: these one by one, and then `always`.
    pub fn answer(&self, script: &[Answer], always: Answer) {
        let mut state = self.shared.state();
        state.script = script.iter().copied().collect();
        state.always = always;
    }

    /// Answers all posts that wait, and holds back no more.
    pub fn release(&self) {
        self.shared.state().released = true;
        self.shared.changed.notify_all();
    }

    /// The posts that it received so far.
    pub fn posts(&self) -> Vec<Post> {
        self.shared.state().posts.clone()
    }

    /// The bodies that it accepted so far, in order.
    pub fn taken(&self) -> Vec<String> {
        let posts = self.posts();
        posts.into_iter().filter(Post::is_taken).map(|post| post.request.body).collect()
    }

    /// Waits until the posts received are `enough`, and returns them. `None` after [`LONG`].
    pub fn wait(&self, enough: impl Fn(&[Post]) -> bool) -> Option<Vec<Post>> {
        let state = self.shared.state();
        let waited =
            self.shared.changed.wait_timeout_while(state, LONG, |state| !enough(&state.posts));
        let (state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        (!timeout.timed_out()).then(|| state.posts.clone())
    }
}

/// Binds a loopback port. Nobody else gets it while the socket is open, except a program that is
/// told its number.
pub fn reserve() -> io::Result<OwnedFd> {
    bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
}

fn bind(address: SocketAddr) -> io::Result<OwnedFd> {
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None)?;
    // Two sockets may share the address as long as only one of them listens.
    sockopt::set_socket_reuseaddr(&socket, true)?;
    rustix::net::bind(&socket, &address)?;
    Ok(socket)
}

fn serve_connection(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut requests = BufReader::new(stream.try_clone()?);
    while let Some(request) = http::read(&mut requests)? {
        let judged = shared.judge.map(|(judge, vendor)| judge(vendor, &request));
        let answer = {
            let mut state = shared.state();
            let scripted = state.script.pop_front().unwrap_or(state.always);
            let answer = judged.unwrap_or(scripted);
            state.posts.push(Post { request, at: Instant::now(), answer });
            answer
        };
        shared.changed.notify_all();
        match answer {
            Answer::Close => return Ok(()),
            Answer::Hold => {
                let state = shared.state();
                let held = shared.changed.wait_while(state, |state| !state.released);
                drop(held.unwrap_or_else(PoisonError::into_inner));
                write(&mut stream, 200, "", "ok")?;
            }
            Answer::Say { status, headers, body } => write(&mut stream, status, headers, body)?,
        }
    }
    Ok(())
}

fn write(stream: &mut TcpStream, status: u16, headers: &str, body: &str) -> io::Result<()> {
    let length = body.len();
    let answer =
        format!("HTTP/1.1 {status} Said\r\n{headers}Content-Length: {length}\r\n\r\n{body}");
    stream.write_all(answer.as_bytes())
}
