//! A chat on loopback: takes posts over real HTTP, answers as it is told to, and remembers what it
//! heard, in order and with the time.

use std::{
    collections::VecDeque,
    io::{self, BufReader, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::fd::OwnedFd,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rustix::net::{AddressFamily, SocketType, sockopt};

use super::limits::Vendor;
use crate::base::http::{self, Message};

/// How long a test waits for what must come, on a machine that is busy with other things.
pub const LONG: Duration = Duration::from_secs(60);

/// What a chat does with a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Says this.
    Say {
        /// The status.
        status: u16,
        /// Header lines, each with its CRLF.
        headers: &'static str,
        /// The body.
        body: &'static str,
    },
    /// Closes the connection without a word.
    Close,
    /// Keeps still until [`Chat::release`], and then says [`OK`].
    Hold,
}

/// What Slack says when all is well; the others look at the status alone.
pub const OK: Answer = say(200, "ok");

/// An answer without headers of its own.
pub const fn say(status: u16, body: &'static str) -> Answer {
    Answer::Say { status, headers: "", body }
}

/// A post as the chat heard it.
#[derive(Clone, Debug)]
pub struct Post {
    /// The request.
    pub request: Message,
    /// When its last byte was there, before it was answered.
    pub at: Instant,
    /// What was answered.
    pub answer: Answer,
}

impl Post {
    /// Whether mistgate may believe that it was delivered.
    pub const fn is_taken(&self) -> bool {
        matches!(self.answer, Answer::Hold | Answer::Say { status: 200..=299, .. })
    }
}

#[derive(Debug)]
struct State {
    posts: Vec<Post>,
    /// One for each post to come, and then always the last.
    script: VecDeque<Answer>,
    always: Answer,
    released: bool,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// Decides in the place of the script.
    judge: Option<(Judge, &'static Vendor)>,
}

/// What a chat that reads its posts does with one.
pub type Judge = fn(&'static Vendor, &Message) -> Answer;

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The chat. Its threads end with the process.
#[derive(Debug)]
pub struct Chat {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// Until the chat listens.
    socket: Option<OwnedFd>,
}

impl Chat {
    /// A chat that takes everything.
    pub fn open() -> io::Result<Self> {
        let mut chat = Self::closed()?;
        chat.listen()?;
        Ok(chat)
    }

    /// A chat that has its address and refuses connections until [`Chat::listen`].
    pub fn closed() -> io::Result<Self> {
        Self::bound(reserve()?, None)
    }

    /// A chat at an address that is reserved, which reads each post before it answers.
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

    /// Takes connections from now on.
    pub fn listen(&mut self) -> io::Result<()> {
        let Some(socket) = self.socket.take() else {
            return Ok(());
        };
        rustix::net::listen(&socket, 128)?;
        let (listener, shared) = (TcpListener::from(socket), Arc::clone(&self.shared));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let shared = Arc::clone(&shared);
                thread::spawn(move || stream.and_then(|stream| converse(stream, &shared)));
            }
        });
        Ok(())
    }

    /// Where it is.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// A URL of it, with a path and query.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What it does with the posts to come: these answers one by one, and then `always`.
    pub fn answer(&self, script: &[Answer], always: Answer) {
        let mut state = self.shared.state();
        state.script = script.iter().copied().collect();
        state.always = always;
    }

    /// Answers what is held, and holds nothing any more.
    pub fn release(&self) {
        self.shared.state().released = true;
        self.shared.changed.notify_all();
    }

    /// What it heard so far.
    pub fn posts(&self) -> Vec<Post> {
        self.shared.state().posts.clone()
    }

    /// What it took so far: the bodies, in order.
    pub fn taken(&self) -> Vec<String> {
        let posts = self.posts();
        posts.into_iter().filter(Post::is_taken).map(|post| post.request.body).collect()
    }

    /// Waits until what it heard is enough, and returns it. `None` after [`LONG`].
    pub fn wait(&self, enough: impl Fn(&[Post]) -> bool) -> Option<Vec<Post>> {
        let state = self.shared.state();
        let waited =
            self.shared.changed.wait_timeout_while(state, LONG, |state| !enough(&state.posts));
        let (state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        (!timeout.timed_out()).then(|| state.posts.clone())
    }
}

/// A loopback port that nobody else gets while this lives, for whoever binds it by its number.
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

fn converse(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
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
