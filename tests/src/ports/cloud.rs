//! Juniper Mist's cloud on loopback, as far as switch ports and the webhook need it: a real HTTP
//! server around an [`Organisation`]. It pages like the real one, checks tokens, and misbehaves on
//! demand.
//!
//! Its answers are shaped as in `appliance/docs/vendors/mist.md` §7 to §9 and §11. Where Mist's
//! documentation is silent, it is as strict as Mist may be: it refuses two entries for one port,
//! and a request that replaces a configuration removes what it does not carry.

use std::collections::VecDeque;
use std::io::{BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::{io, thread};

use crate::base::http::{self, Message};

pub mod openapi;
pub mod organisation;
pub mod port_config;

mod answer;
mod webhooks;

use self::organisation::Organisation;

/// The rights of a request's token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    #[default]
    Admin,
    /// It may read, and write `local_port_config`.
    PortOperator,
    Observer,
}

/// A fault in the answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This status and this body. The request has no effect.
    Status(u16, String),
    /// 429, with `Retry-After` in seconds if there is one.
    TooMany(Option<u64>),
    /// 200, with the page of a login portal.
    Portal,
    /// The connection ends. The request has no effect.
    Cut,
    /// The request takes effect, and the connection ends before the answer.
    LostAnswer,
    /// The answer ends in its middle.
    HalfAnswer,
    /// The answer waits for [`Cloud::release`].
    Held,
    /// The answer is the usual one, but the request has no effect.
    Ignored,
    /// This body instead of the right one.
    Body(String),
}

/// A fault to come, and the requests that it applies to.
#[derive(Clone, Debug)]
struct Script {
    method: &'static str,
    part: String,
    fault: Fault,
    left: usize,
}

/// A request that the cloud received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    pub method: String,
    /// The path and query.
    pub target: String,
    pub body: String,
}

#[derive(Debug)]
struct State {
    organisation: Organisation,
    requests: Vec<Recorded>,
    /// What of it is not as Mist documents it.
    objections: Vec<String>,
    scripts: VecDeque<Script>,
    is_released: bool,
    /// The most requests at once so far, and how many there are now.
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

/// A simulated Mist cloud. Its threads end with the process.
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
            requests: Vec::new(),
            objections: Vec::new(),
            scripts: VecDeque::new(),
            is_released: false,
            together: (0, 0),
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let shared = Arc::clone(&serving);
                thread::spawn(move || stream.and_then(|stream| serve_connection(stream, &shared)));
            }
        });
        Ok(Self { address, shared })
    }

    /// The URL for `mist.api_url`.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Reads or changes the organisation.
    pub fn with<T>(&self, what: impl FnOnce(&mut Organisation) -> T) -> T {
        what(&mut self.shared.state().organisation)
    }

    /// Makes the next `times` requests fail whose method is this (`""` for any) and whose target
    /// contains `part`.
    pub fn misbehave(&self, method: &'static str, part: &str, fault: Fault, times: usize) {
        let script = Script { method, part: part.to_owned(), fault, left: times };
        self.shared.state().scripts.push_back(script);
    }

    /// Sends the answers that wait, and holds back no more.
    pub fn release(&self) {
        self.shared.state().is_released = true;
        self.shared.changed.notify_all();
    }

    /// The requests that it received so far.
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.state().requests.clone()
    }

    /// The requests of one method that it received so far.
    pub fn requests_of(&self, method: &str) -> Vec<Recorded> {
        let mut requests = self.requests();
        requests.retain(|request| request.method == method);
        requests
    }

    /// The most requests that it answered at once.
    pub fn together_max(&self) -> usize {
        self.shared.state().together.0
    }

    /// Waits until the requests received are `enough`. `false` after
    /// [`LONG`](crate::chat::server::LONG).
    pub fn wait(&self, enough: impl Fn(&[Recorded]) -> bool) -> bool {
        let state = self.shared.state();
        let waiting = |state: &mut State| !enough(&state.requests);
        let waited =
            self.shared.changed.wait_timeout_while(state, crate::chat::server::LONG, waiting);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        let objections = &self.shared.state().objections;
        assert!(thread::panicking() || objections.is_empty(), "{objections:#?}");
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

fn serve_connection(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
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

/// Answers a request. `true` if the connection goes on.
fn answer(stream: &mut TcpStream, request: &Message, shared: &Shared) -> io::Result<bool> {
    let method = request.start.split(' ').next().unwrap_or_default().to_owned();
    let target = request.target().to_owned();
    let mut state = shared.state();
    let body = request.body.clone();
    state.requests.push(Recorded { method: method.clone(), target: target.clone(), body });
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
    // What is sent as null everywhere is so on purpose.
    let judged = Some(answer.body.as_str()).filter(|_| answer.status == 200);
    let judged = judged.filter(|_| !organisation.sends_nulls);
    let objections = openapi::objections(&method, &target, &request.body, judged);
    let objections = objections.into_iter().flatten();
    state.objections.extend(objections.map(|said| format!("{method} {target}: {said}")));
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
    /// The fault for this request, if there is one.
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
