//! The task of one meetup: it owns the machine, its connections, and the two pumps of its pair.
//!
//! Connections, machine and ledger have one owner, so a message between two peers takes no lock and
//! wakes no other task: this task wakes, passes on what is there, and sleeps. The machine is
//! bothered only by what concerns it. `micronets::meetup` says in which order it wants to hear.

use std::{
    collections::BTreeMap,
    future::poll_fn,
    ops::Bound,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use mistgate_core::{
    base::{machine::Machine, time::Instant},
    micronets::{
        access,
        farewell::Farewell,
        ledger::Ledger,
        meetup::{
            Meetup,
            input::{ConnectionId, Frame, Input},
            output::Output,
            status::PeerStatus,
        },
    },
};
use smol::{channel, stream::Stream};

use super::{
    MeetupStatus, Peer, Relay,
    closing::{self, Word},
    leg::{End, Heard, Leg, News, Traffic},
    pump::{Pair, Pumped},
    tell::Teller,
};
use crate::{base::clock::Alarm, http::listen::Bytes};

/// How often in a row the task may go on before it lets others run.
const BURST: u32 = 64;

/// What a meetup is told.
pub(super) enum Command {
    /// A connection wants to join.
    Join(Box<Leg>),
    /// Rules or certificates have changed.
    Review,
    /// Somebody wants to know how things are.
    Status(channel::Sender<MeetupStatus>),
    /// All connections shall end.
    Stop,
}

/// What wakes the machine.
enum Event {
    Command(Command),
    /// Time to run what is due.
    Due,
    Ended(ConnectionId, End),
    /// There is something to report, and nothing else.
    News,
    Received(ConnectionId, bool, Bytes),
}

/// The task.
pub(super) struct Meeting {
    relay: Arc<Relay>,
    teller: Teller,
    commands: Pin<Box<channel::Receiver<Command>>>,
    machine: Meetup,
    alarm: Alarm,
    /// The connections that no pump reads.
    legs: BTreeMap<ConnectionId, Box<Leg>>,
    /// Whose turn it was to be read.
    turn: ConnectionId,
    pair: Option<Pair>,
    /// What the machine gets back, now that the pumps have stopped.
    parted: Option<Ledger>,
    /// How often in a row something was there.
    burst: u32,
    is_over: bool,
}

impl Meeting {
    /// A meetup without anybody. Its first command is sent already.
    pub(super) fn new(
        relay: Arc<Relay>,
        name: Arc<str>,
        commands: channel::Receiver<Command>,
    ) -> Self {
        let machine = Meetup::new(relay.settings().meetup, 0, relay.clock.now());
        Self {
            teller: Teller::new(Arc::clone(&relay.journal), name),
            relay,
            commands: Box::pin(commands),
            machine,
            alarm: Alarm::default(),
            legs: BTreeMap::new(),
            turn: 0,
            pair: None,
            parted: None,
            burst: 0,
            is_over: false,
        }
    }

    /// Runs until the last connection has left.
    pub(super) async fn run(mut self) {
        while !self.is_over {
            let event = poll_fn(|cx| self.poll(cx)).await;
            self.report();
            self.machine.handle_timeout(self.now());
            self.drain();
            self.hear(event);
            self.alarm
                .set_at(self.machine.poll_timeout().and_then(|at| self.relay.clock.system(at)));
        }
    }

    fn now(&self) -> Instant {
        self.relay.clock.now()
    }

    /// The next thing that the machine must know of. What it need not know of happens here.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        if self.burst >= BURST {
            self.burst = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let polled = self.poll_all(cx);
        self.burst = if polled.is_ready() { self.burst + 1 } else { 0 };
        polled
    }

    fn poll_all(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        // It does not end before this task does.
        if let Poll::Ready(Some(command)) = self.commands.as_mut().poll_next(cx) {
            return Poll::Ready(Event::Command(command));
        }
        if self.alarm.poll(cx).is_ready() {
            return Poll::Ready(Event::Due);
        }
        if let Some(pair) = &mut self.pair {
            match pair.poll(cx, self.relay.clock) {
                Pumped::Ended(id, end) => return Poll::Ready(Event::Ended(id, end)),
                Pumped::News => return Poll::Ready(Event::News),
                Pumped::Nothing => {}
            }
        }
        // Everybody's turn comes, however much another one sends.
        let turn = self.turn;
        let (first, then) =
            ((Bound::Excluded(turn), Bound::Unbounded), (Bound::Unbounded, Bound::Included(turn)));
        for range in [first, then] {
            for (id, leg) in self.legs.range_mut(range) {
                if let Poll::Ready(event) = poll_alone(leg, cx, self.relay.clock.now()) {
                    self.turn = *id;
                    return Poll::Ready(event);
                }
            }
        }
        Poll::Pending
    }

    /// Tells the machine what has happened since the last time, before it judges anything.
    fn report(&mut self) {
        let pair = self.pair.iter_mut().flat_map(|pair| [&mut pair.left, &mut pair.right]);
        let legs = pair.chain(self.legs.values_mut());
        let news: Vec<_> = legs.map(|leg| (leg.id, leg.news())).collect();
        for (id, News { traffic, has_drained, is_full }) in news {
            if let Some(Traffic { messages, bytes }) = traffic {
                self.teller.relayed(messages, bytes);
                self.tell(Input::Traffic { id, messages, bytes });
            }
            if has_drained {
                self.tell(Input::Drained(id));
            }
            if is_full {
                self.tell(Input::Full(id));
            }
        }
    }

    fn hear(&mut self, event: Event) {
        match event {
            Event::Command(Command::Join(leg)) => self.join(leg),
            Event::Command(Command::Review) => self.review(),
            Event::Command(Command::Status(answer)) => {
                // Whoever asked may not wait any longer.
                let _ = answer.try_send(self.status());
            }
            Event::Command(Command::Stop) => self.tell(Input::Stop),
            Event::Due | Event::News => {}
            Event::Ended(id, End::Broken(fault)) => self.tell(Input::Broken { id, fault }),
            Event::Ended(id, end) => {
                self.tell(Input::Closed(id));
                if let Some(leg) = self.remove(id) {
                    self.teller.ended(&leg, &end);
                    if matches!(end, End::Closed(_)) {
                        self.relay.executor.spawn(closing::close(leg, Word::Answered)).detach();
                    }
                }
            }
            Event::Received(id, is_text, payload) => {
                let frame = Frame { is_text, payload: payload.to_vec() };
                self.tell(Input::Received { id, frame });
            }
        }
    }

    fn join(&mut self, leg: Box<Leg>) {
        let id = leg.id;
        let Some(identity) = leg.identity() else {
            // It could be read when it was let in.
            self.is_over = self.relay.registry.leave(self.teller.meetup());
            return;
        };
        self.teller.connected(&leg, &identity);
        self.legs.insert(id, leg);
        self.tell(Input::Opened { id, identity });
        self.review_one(id);
    }

    /// Takes the policy of this moment, and checks everybody against its rules and certificates.
    fn review(&mut self) {
        self.tell(Input::Configured(self.relay.settings().meetup));
        let pair = self.pair.iter().flat_map(|pair| [pair.left.id, pair.right.id]);
        let ids: Vec<_> = pair.chain(self.legs.keys().copied()).collect();
        ids.into_iter().for_each(|id| self.review_one(id));
    }

    fn review_one(&mut self, id: ConnectionId) {
        let (settings, trust) = (self.relay.settings(), self.relay.tls.trust());
        let name = Arc::clone(self.teller.meetup());
        let Some(leg) = self.leg(id) else {
            return;
        };
        let is_trusted = Arc::ptr_eq(&leg.trust, &trust) || trust.admits(leg.chain());
        let is_allowed =
            leg.identity().is_some_and(|own| access::allow(&settings.allow, &name, &own));
        if is_trusted && is_allowed {
            leg.trust = trust;
            leg.limit(&settings.limits);
        } else {
            self.tell(Input::Barred(id));
        }
    }

    /// Hands one input to the machine and carries out what it wants.
    fn tell(&mut self, input: Input) {
        self.machine.handle_input(self.now(), input);
        self.drain();
    }

    fn drain(&mut self) {
        loop {
            while let Some(output) = self.machine.poll_output() {
                self.carry_out(output);
            }
            let Some(ledger) = self.parted.take() else {
                return;
            };
            self.machine.handle_input(self.now(), Input::Parted(ledger));
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Answered { id, requests, status } => {
                self.teller.answered(id, requests, status.into());
            }
            Output::Close { id, farewell } => self.close(id, farewell),
            Output::Dropped { id, messages, bytes } => self.teller.dropped(id, messages, bytes),
            Output::Greeted { id, peer_class, peer_id } => {
                self.teller.greeted(id, peer_class.as_deref(), peer_id.as_deref());
            }
            Output::Paired { left, right, ledger } => self.introduce(left, right, ledger),
            Output::Part => self.part(),
            Output::Pause(id) => self.with(id, |leg| leg.is_paused = true),
            Output::Ping(id) => self.with(id, Leg::ping),
            Output::Resume(id) => self.with(id, |leg| leg.is_paused = false),
            Output::Send { id, frame: Frame { is_text, payload } } => {
                self.with(id, |leg| leg.feed(is_text, &payload));
            }
        }
    }

    fn introduce(&mut self, left: ConnectionId, right: ConnectionId, ledger: Ledger) {
        let mut take = |id| self.legs.remove(&id).expect("it pairs only who is here");
        let (left, right) = (take(left), take(right));
        self.teller.paired(left.id, right.id);
        self.pair = Some(Pair { left, right, ledger });
        self.relay.registry.pair(self.teller.meetup(), true);
    }

    fn part(&mut self) {
        let Some(Pair { left, right, ledger }) = self.pair.take() else {
            return;
        };
        self.teller.parted(left.id, right.id);
        self.relay.registry.pair(self.teller.meetup(), false);
        for leg in [left, right] {
            self.legs.insert(leg.id, leg);
        }
        self.parted = Some(ledger);
    }

    fn close(&mut self, id: ConnectionId, farewell: Farewell) {
        let Some(leg) = self.remove(id) else {
            return;
        };
        self.teller.closed(&leg, farewell);
        let (code, reason) = (farewell.code(), farewell.to_string());
        let word = if matches!(farewell, Farewell::Faulty(_)) {
            Word::Fail(code, reason)
        } else {
            Word::Close(code, reason)
        };
        self.relay.executor.spawn(closing::close(leg, word)).detach();
    }

    /// Takes a connection out. No pump reads it any more.
    fn remove(&mut self, id: ConnectionId) -> Option<Box<Leg>> {
        let leg = self.legs.remove(&id)?;
        self.is_over = self.relay.registry.leave(self.teller.meetup());
        Some(leg)
    }

    fn with(&mut self, id: ConnectionId, change: impl FnOnce(&mut Leg)) {
        if let Some(leg) = self.leg(id) {
            change(leg);
        }
    }

    fn leg(&mut self, id: ConnectionId) -> Option<&mut Leg> {
        let pair = self.pair.iter_mut().flat_map(|pair| [&mut pair.left, &mut pair.right]);
        pair.chain(self.legs.get_mut(&id)).find(|leg| leg.id == id).map(|leg| &mut **leg)
    }

    fn status(&mut self) -> MeetupStatus {
        let peers = self.machine.peers();
        let now = self.now();
        let peers = peers.into_iter().filter_map(|status| {
            let PeerStatus { id, stage, peer_class, peer_id, messages, bytes } = status;
            let leg = self.leg(id)?;
            let identity = leg.identity()?;
            Some(Peer {
                id,
                stage,
                peer_class,
                peer_id,
                organisations: identity.organisations,
                common_names: identity.common_names,
                address: leg.address,
                since: leg.since,
                heard_ago: now - leg.heard_at,
                received_messages: messages,
                received_bytes: bytes,
                sent_messages: leg.sent.messages,
                sent_bytes: leg.sent.bytes,
            })
        });
        let peers = peers.collect();
        MeetupStatus { meetup: self.teller.meetup().to_string(), peers }
    }
}

/// What comes from a connection that no pump reads. What waits for it is written.
fn poll_alone(leg: &mut Leg, cx: &mut Context<'_>, now: Instant) -> Poll<Event> {
    if let Poll::Ready(Err(error)) = leg.poll_flush(cx) {
        return Poll::Ready(Event::Ended(leg.id, End::Lost(error.kind())));
    }
    if leg.has_room_again() {
        return Poll::Ready(Event::News);
    }
    if leg.is_paused {
        return Poll::Pending;
    }
    leg.poll_hear(cx).map(|heard| match heard {
        Ok(Heard::Message { is_text, payload }) => {
            leg.heard_at = now;
            Event::Received(leg.id, is_text, payload)
        }
        Ok(Heard::Sign) => {
            leg.note(now, None);
            Event::News
        }
        Err(end) => Event::Ended(leg.id, end),
    })
}
