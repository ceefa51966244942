//! A switch on the real clock, for clients in other processes.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant as Moment};
use std::{io, thread};

use mistgate_core::base::{machine::Machine, time::Instant};

use super::{Config, ConnectionId, Input, Output, Switch};

/// How long a session waits at most before it looks for outputs. Another session may have changed
/// the switch's deadline meanwhile.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// A switch that several sessions share.
#[derive(Debug)]
pub struct Shared {
    began: Moment,
    inside: Mutex<Inside>,
    changed: Condvar,
}

#[derive(Debug)]
struct Inside {
    switch: Switch,
    last_id: u64,
    /// The outputs for each connection that is served.
    outputs: BTreeMap<ConnectionId, Vec<Output>>,
}

impl Shared {
    /// Starts a switch now.
    pub fn new(config: Config) -> Self {
        let switch = Switch::new(config, 0, Instant::from_micros(0));
        let inside = Mutex::new(Inside { switch, last_id: 0, outputs: BTreeMap::new() });
        Self { began: Moment::now(), inside, changed: Condvar::new() }
    }

    /// Reads or changes the switch.
    pub fn with<T>(&self, with: impl FnOnce(&mut Switch) -> T) -> T {
        let now = self.now();
        let mut inside = self.lock();
        inside.switch.handle_timeout(now);
        let answer = with(&mut inside.switch);
        self.changed.notify_all();
        answer
    }

    /// Serves one session to its end, with input from `from` and output to `to`.
    pub fn serve<R: Read + Send + 'static>(
        self: &Arc<Self>,
        mut from: R,
        mut to: impl Write,
    ) -> io::Result<()> {
        let id = {
            let mut inside = self.lock();
            inside.last_id += 1;
            let id = ConnectionId::new(inside.last_id).expect("counted from 1");
            inside.outputs.insert(id, Vec::new());
            id
        };
        self.handle(Input::Opened(id));
        let shared = Arc::clone(self);
        // It ends with the client; nobody needs to wait for it.
        thread::spawn(move || {
            let mut buffer = [0; 4_096];
            while let Ok(count @ 1..) = from.read(&mut buffer) {
                let bytes = buffer.get(..count).unwrap_or_default().to_vec();
                shared.handle(Input::Bytes(id, bytes));
            }
            shared.handle(Input::Closed(id));
            shared.lock().outputs.entry(id).and_modify(|outputs| outputs.push(Output::Close(id)));
            shared.changed.notify_all();
        });
        let written = self.write(id, &mut to);
        self.lock().outputs.remove(&id);
        self.handle(Input::Closed(id));
        written
    }

    /// Serves one session on a socket, which is closed at the end.
    pub fn serve_socket(self: &Arc<Self>, stream: &UnixStream) -> io::Result<()> {
        let served = self.serve(stream.try_clone()?, stream);
        // The reading thread has a handle of its own.
        stream.shutdown(Shutdown::Both)?;
        served
    }

    fn write(&self, id: ConnectionId, to: &mut impl Write) -> io::Result<()> {
        loop {
            for output in self.outputs_of(id) {
                match output {
                    Output::Bytes(_, bytes) => {
                        to.write_all(&bytes)?;
                        to.flush()?;
                    }
                    Output::Close(_) => return Ok(()),
                }
            }
        }
    }

    fn handle(&self, input: Input) {
        let now = self.now();
        let mut inside = self.lock();
        inside.switch.handle_timeout(now);
        inside.switch.handle_input(now, input);
        self.changed.notify_all();
    }

    /// Waits for outputs of a connection.
    fn outputs_of(&self, id: ConnectionId) -> Vec<Output> {
        let mut inside = self.lock();
        loop {
            inside.switch.handle_timeout(self.now());
            let mut is_others = false;
            while let Some(output) = inside.switch.poll_output() {
                let (Output::Bytes(of, _) | Output::Close(of)) = &output;
                is_others |= *of != id;
                let of = *of;
                inside.outputs.entry(of).and_modify(|outputs| outputs.push(output));
            }
            if is_others {
                self.changed.notify_all();
            }
            let ours = inside.outputs.get_mut(&id).map(core::mem::take).unwrap_or_default();
            if !ours.is_empty() {
                return ours;
            }
            let deadline = inside.switch.poll_timeout().map(|at| at - self.now());
            let wait = deadline.unwrap_or(LOOK_AGAIN).clamp(Duration::from_micros(100), LOOK_AGAIN);
            let woken = self.changed.wait_timeout(inside, wait);
            inside = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn now(&self) -> Instant {
        let micros = self.began.elapsed().as_micros();
        Instant::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
