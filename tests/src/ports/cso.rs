//! Contrail Service Orchestration on loopback. It accepts mistgate's requests over real HTTP,
//! checks every detail of them, and misbehaves on demand.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::{io, thread};

use crate::base::http;
use crate::base::http::Message;
use crate::chat::server::LONG;

pub mod tenant;

use tenant::{Reply, Tenant};

/// A fault in the answer to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Closes the connection without having read the request.
    Cut,
    /// Carries out the request, and closes the connection without an answer.
    CutAfter,
    /// Forgets all sessions.
    Expire,
    /// Waits for [`Cso::release`], and then carries out the request.
    Hold,
    /// Answers with null for each member that mistgate does not need, and with null objects in
    /// lists.
    Nulls,
    /// Sends this answer: status, headers, body. The request has no effect.
    Say(u16, &'static str, &'static str),
}

/// A fault that sends an answer without headers of its own.
pub const fn say(status: u16, body: &'static str) -> Fault {
    Fault::Say(status, "", body)
}

#[derive(Debug)]
struct State {
    tenant: Tenant,
    /// Faults by the path of a request.
    faults: BTreeMap<&'static str, VecDeque<Fault>>,
    requests: Vec<String>,
    released: bool,
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

/// A simulated CSO. Its threads end with the process.
#[derive(Debug)]
pub struct Cso {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Cso {
    /// Opens a server for this tenant.
    pub fn open(tenant: Tenant) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let state =
            State { tenant, faults: BTreeMap::new(), requests: Vec::new(), released: false };
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

    /// The URL of the server.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sets the faults of the next requests for this path, one by one.
    pub fn misbehave(&self, path: &'static str, faults: &[Fault]) {
        self.shared.state().faults.entry(path).or_default().extend(faults);
    }

    /// Carries out the requests that wait, and holds back no more.
    pub fn release(&self) {
        self.shared.state().released = true;
        self.shared.changed.notify_all();
    }

    /// Reads or changes the tenant.
    pub fn with<T>(&self, look: impl FnOnce(&mut Tenant) -> T) -> T {
        look(&mut self.shared.state().tenant)
    }

    /// Method and target of each request so far, in order.
    pub fn requests(&self) -> Vec<String> {
        self.shared.state().requests.clone()
    }

    /// Waits until the requests are `enough`. `false` after [`LONG`].
    pub fn wait(&self, enough: impl Fn(&[String]) -> bool) -> bool {
        let state = self.shared.state();
        let lacks = |state: &mut State| !enough(&state.requests);
        let waited = self.shared.changed.wait_timeout_while(state, LONG, lacks);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

fn serve_connection(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut requests = BufReader::new(stream.try_clone()?);
    while let Some(request) = http::read(&mut requests)? {
        let fault = note(shared, &request);
        let mut reply = match fault {
            Some(Fault::Cut) => return Ok(()),
            Some(Fault::Say(status, headers, body)) => {
                Reply { status, headers: headers.to_owned(), body: body.to_owned() }
            }
            Some(Fault::Expire) => {
                let mut state = shared.state();
                state.tenant.forget_sessions();
                state.tenant.answer(&request)
            }
            Some(Fault::Hold) => {
                let state = shared.state();
                let held = shared.changed.wait_while(state, |state| !state.released);
                held.unwrap_or_else(PoisonError::into_inner).tenant.answer(&request)
            }
            Some(Fault::CutAfter | Fault::Nulls) | None => shared.state().tenant.answer(&request),
        };
        match fault {
            Some(Fault::CutAfter) => return Ok(()),
            Some(Fault::Nulls) => reply.body = tenant::with_nulls(&reply.body),
            Some(Fault::Cut | Fault::Expire | Fault::Hold | Fault::Say(..)) | None => {}
        }
        let Reply { status, headers, body } = reply;
        let length = body.len();
        let answer =
            format!("HTTP/1.1 {status} Said\r\n{headers}Content-Length: {length}\r\n\r\n{body}");
        stream.write_all(answer.as_bytes())?;
    }
    Ok(())
}

/// Records a request, and takes its fault.
fn note(shared: &Shared, request: &Message) -> Option<Fault> {
    let method = request.start.split(' ').next().unwrap_or_default();
    let path = request.target().split('?').next().unwrap_or_default();
    let mut state = shared.state();
    state.requests.push(format!("{method} {}", request.target()));
    let fault = state.faults.get_mut(path).and_then(VecDeque::pop_front);
    drop(state);
    shared.changed.notify_all();
    fault
}
