//! Juniper Mist's cloud on loopback, as far as switch ports need it: a real HTTP server around an
//! [`Organisation`], which pages like the real one, checks tokens, and misbehaves on demand.
//!
//! Its shapes are those of `appliance/docs/vendors/mist.md` §7 to §9. Where Mist's documentation is
//! silent, it is as strict as Mist may be: two entries for one port are refused, and what a request
//! that replaces does not carry is gone.

use std::{
    collections::VecDeque,
    io::{self, BufReader, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use crate::base::http::{self, Message};

pub mod organisation;
pub mod port_config;

mod answer;

use self::organisation::Organisation;

/// What the token of a request may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    #[default]
    Admin,
    /// Read, and write `local_port_config`.
    PortOperator,
    Observer,
}

/// What goes wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This status, with this body, and nothing is done.
    Status(u16, String),
    /// 429, with `Retry-After` in seconds where there is one.
    TooMany(Option<u64>),
    /// 200, and a portal's page.
    Portal,
    /// The connection ends, and nothing is done.
    Cut,
    /// It is done, and the connection ends before the answer.
    LostAnswer,
    /// The answer ends in its middle.
    HalfAnswer,
    /// The answer waits for [`Cloud::release`].
    Held,
    /// It is answered like any other, and nothing is done.
    Ignored,
    /// This body in the place of the right one.
    Body(String),
}

/// A fault to come.
#[derive(Clone, Debug)]
struct Script {
    method: &'static str,
    part: String,
    fault: Fault,
    left: usize,
}

/// A request as the cloud heard it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    pub method: String,
    /// Its path and query.
    pub target: String,
    pub body: String,
}

#[derive(Debug)]
struct State {
    organisation: Organisation,
    heard: Vec<Heard>,
    scripts: VecDeque<Script>,
    is_released: bool,
    /// The most requests at once so far, and how many there are.
    together: (usize, usize),
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The cloud. Its threads end with the process.
#[derive(Debug)]
pub struct Cloud {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Cloud {
    /// Serves an organisation at a port of the system's choice.
    pub fn open(organisation: Organisation) -> io::Result<Self> {
        Self::open_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), organisation)
    }

    /// Serves an organisation at this address.
    pub fn open_at(address: SocketAddr, organisation: Organisation) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let state = State {
            organisation,
            heard: Vec::new(),
            scripts: VecDeque::new(),
            is_released: false,
            together: (0, 0),
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let shared = Arc::clone(&serving);
                thread::spawn(move || stream.and_then(|stream| converse(stream, &shared)));
            }
        });
        Ok(Self { address, shared })
    }

    /// `mist.api_url` of whoever shall ask it.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Looks at the organisation, or changes it.
    pub fn with<T>(&self, what: impl FnOnce(&mut Organisation) -> T) -> T {
        what(&mut self.shared.state().organisation)
    }

    /// Lets the next `times` requests of a method (`""` for any) whose target contains `part` go
    /// wrong.
    pub fn misbehave(&self, method: &'static str, part: &str, fault: Fault, times: usize) {
        let script = Script { method, part: part.to_owned(), fault, left: times };
        self.shared.state().scripts.push_back(script);
    }

    /// Answers what is held, and holds nothing any more.
    pub fn release(&self) {
        self.shared.state().is_released = true;
        self.shared.changed.notify_all();
    }

    /// What it heard so far.
    pub fn heard(&self) -> Vec<Heard> {
        self.shared.state().heard.clone()
    }

    /// What it heard so far of one method.
    pub fn heard_of(&self, method: &str) -> Vec<Heard> {
        let mut heard = self.heard();
        heard.retain(|heard| heard.method == method);
        heard
    }

    /// The most requests that it answered at once.
    pub fn together_max(&self) -> usize {
        self.shared.state().together.0
    }

    /// Waits until what it heard is enough. `false` after
    /// [`LONG`](crate::chat::server::LONG).
    pub fn wait(&self, enough: impl Fn(&[Heard]) -> bool) -> bool {
        let state = self.shared.state();
        let waiting = |state: &mut State| !enough(&state.heard);
        let waited =
            self.shared.changed.wait_timeout_while(state, crate::chat::server::LONG, waiting);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

/// An answer of the cloud.
#[derive(Clone, Debug)]
struct Answer {
    status: u16,
    /// Header lines, each with its CRLF.
    headers: String,
    body: String,
}

impl Answer {
    fn new(status: u16, body: impl ToString) -> Self {
        Self { status, headers: String::new(), body: body.to_string() }
    }

    /// A refusal as Mist's framework words it.
    fn refusal(status: u16, detail: &str) -> Self {
        Self::new(status, serde_json::json!({ "detail": detail }))
    }
}

fn converse(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut requests = BufReader::new(stream.try_clone()?);
    while let Some(request) = http::read(&mut requests)? {
        {
            let mut state = shared.state();
            state.together.1 += 1;
            state.together.0 = state.together.0.max(state.together.1);
        }
        let answered = answer(&mut stream, &request, shared);
        shared.state().together.1 -= 1;
        if !answered? {
            return Ok(());
        }
    }
    Ok(())
}

/// Answers a request, and says whether the connection goes on.
fn answer(stream: &mut TcpStream, request: &Message, shared: &Shared) -> io::Result<bool> {
    let method = request.start.split(' ').next().unwrap_or_default().to_owned();
    let target = request.target().to_owned();
    let mut state = shared.state();
    let body = request.body.clone();
    state.heard.push(Heard { method: method.clone(), target: target.clone(), body });
    shared.changed.notify_all();
    let fault = state.fault(&method, &target);
    let is_done =
        !matches!(fault, Some(Fault::Status(..) | Fault::TooMany(_) | Fault::Cut | Fault::Ignored));
    let mut ignored = None;
    let organisation = match is_done {
        true => &mut state.organisation,
        false => ignored.insert(state.organisation.clone()),
    };
    let mut answer = answer::answer(organisation, &method, request);
    match fault {
        None | Some(Fault::Ignored) => {}
        Some(Fault::Status(status, body)) => answer = Answer::new(status, body),
        Some(Fault::TooMany(after)) => {
            answer = Answer::refusal(429, "too many requests");
            answer.headers =
                after.map(|secs| format!("Retry-After: {secs}\r\n")).unwrap_or_default();
        }
        Some(Fault::Portal) => answer = Answer::new(200, "<html>Please log in.</html>"),
        Some(Fault::Body(body)) => answer.body = body,
        Some(Fault::Cut | Fault::LostAnswer) => return Ok(false),
        Some(Fault::HalfAnswer) => {
            drop(state);
            let whole = bytes(&answer);
            let half = whole.get(..whole.len() - answer.body.len() / 2 - 1);
            stream.write_all(half.unwrap_or_default().as_bytes())?;
            return Ok(false);
        }
        Some(Fault::Held) => {
            let held = shared.changed.wait_while(state, |state| !state.is_released);
            drop(held.unwrap_or_else(PoisonError::into_inner));
            stream.write_all(bytes(&answer).as_bytes())?;
            return Ok(true);
        }
    }
    drop(state);
    stream.write_all(bytes(&answer).as_bytes())?;
    Ok(true)
}

fn bytes(answer: &Answer) -> String {
    let Answer { status, headers, body } = answer;
    let length = body.len();
    format!(
        "HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\n{headers}\
         Content-Length: {length}\r\n\r\n{body}"
    )
}

impl State {
    /// The fault of this request, if it has one.
    fn fault(&mut self, method: &str, target: &str) -> Option<Fault> {
        let is_meant = |script: &Script| {
            (script.method.is_empty() || script.method == method) && target.contains(&script.part)
        };
        let at = self.scripts.iter().position(is_meant)?;
        let script = self.scripts.get_mut(at)?;
        script.left -= 1;
        let fault = script.fault.clone();
        if script.left == 0 {
            self.scripts.remove(at);
        }
        Some(fault)
    }
}
