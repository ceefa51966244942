//! What the world knows of incidents: it hands all that happens to the
//! [`Reference`], which checks what people are told.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use mistgate_core::base::secret::Secret;
use mistgate_core::base::time::{Instant, UnixTime};
use mistgate_core::chat::outcome::Outcome;
use mistgate_core::chat::shape::Form;
use mistgate_core::delivery::config::{Chat, Destination};
use mistgate_core::delivery::queue::output::End;
use mistgate_core::engine::input::Input;
use mistgate_core::engine::output;
use mistgate_core::event::fingerprint::Fingerprint;
use mistgate_core::incident;
use mistgate_core::incident::config::Rules;
use mistgate_core::incident::input::Changed;
use mistgate_core::incident::record::Incident;
use mistgate_core::notify::Notification;
use mistgate_core::notify::change::Key;
use mistgate_core::notify::summary::Shown;
use mistgate_core::silence::Silence;
use mistgate_core::webhook::intake::Intake;

use super::disk::Row;
use super::server::PostId;
use crate::incidents::model::{Fact, Quiet};
use crate::incidents::reference::{Reference, routes, told_of};

/// The incidents of one run of the program.
pub(super) struct Watch {
    reference: Reference,
    /// What the program last knew of the time.
    clock: (Instant, UnixTime),
    /// What the events of requests say, until they are accepted.
    sent: BTreeMap<Fingerprint, Vec<Changed>>,
    /// The incidents as they go to the disk.
    records: BTreeMap<Key, Incident>,
    /// The messages that are on their way: to which destination, at which URL.
    posts: BTreeMap<PostId, (String, Option<Secret>, Form)>,
    /// Where each destination is.
    urls: BTreeMap<String, Option<Secret>>,
    /// Who refused a message that is to be said again, plainly.
    refused: BTreeSet<String>,
    /// Whether there is something to check.
    is_touched: bool,
    /// Whether there were only requests and dead letters. Where our own events go depends on who is
    /// well: after one of them nothing is checked until the next start.
    is_exact: bool,
}

fn urls(chat: &Chat) -> BTreeMap<String, Option<Secret>> {
    chat.destinations.iter().map(|to| (to.name.clone(), to.url.clone())).collect()
}

impl Watch {
    pub(super) fn new(chat: &Chat, now: Instant, wall: UnixTime) -> Self {
        Self {
            urls: urls(chat),
            reference: Reference::new(&Rules::default(), chat),
            clock: (now, wall),
            sent: BTreeMap::new(),
            records: BTreeMap::new(),
            posts: BTreeMap::new(),
            refused: BTreeSet::new(),
            is_touched: false,
            is_exact: true,
        }
    }

    fn wall(&self, now: Instant) -> UnixTime {
        self.clock.1.plus(now - self.clock.0)
    }

    /// Notes what an earlier run left.
    pub(super) fn restored(&mut self, now: Instant, chat: &Chat, row: &Row, bytes: &[u8]) {
        match row {
            Row::Incident(key) => {
                let record = Incident::from_bytes(bytes).expect("our own bytes");
                let is_over = Some(record.changed_at).filter(|_| !record.is_open);
                let ago = UnixTime::age(is_over, Some(self.wall(now)));
                self.reference.restored(now, *key, &record, chat, ago);
                self.records.insert(*key, record);
            }
            Row::Shown(to, key) => {
                let shown: (Shown, UnixTime) =
                    serde_json::from_slice(bytes).expect("our own bytes");
                self.reference.restored_shown(now, to, *key, shown.0);
            }
            Row::Silence(number) => {
                let silence = Silence::from_bytes(bytes).expect("our own bytes");
                self.silenced(now, *number, &silence);
            }
        }
    }

    /// Notes a silence, which hides all of its site that there is or will be.
    fn silenced(&mut self, now: Instant, number: u64, silence: &Silence) {
        let site = silence.matcher.to_string();
        let keys = super::storm::keys(site.strip_prefix("site=").expect("it names a site"));
        let quiet = Quiet { keys, critical_too: true, is_of_open: false };
        self.reference.note(now, Fact::Quiet { number, quiet });
    }

    /// Notes a request, and when the program got it.
    pub(super) fn request(&mut self, intake: &Intake) {
        for item in &intake.items {
            let changed = item.changes.iter().map(|change| Changed {
                change: change.clone(),
                severity: item.severity,
                channel: item.channel.clone(),
                chats: item.chats.clone(),
                topic: intake.topic.clone(),
                text: item.text.as_str().into(),
            });
            self.sent.insert(item.fingerprint, changed.collect());
        }
    }

    /// Notes what an input says of the time.
    pub(super) const fn input(&mut self, now: Instant, input: &Input) {
        match input {
            Input::Again { at, .. }
            | Input::Answered { at, .. }
            | Input::Incident(incident::input::Input::Clock { wall: at, .. })
            | Input::Report { at, .. }
            | Input::Request { at, .. } => self.clock = (now, *at),
            Input::Configured(_)
            | Input::Incident(_)
            | Input::Opened { .. }
            | Input::Recalled { .. }
            | Input::Refused(_)
            | Input::Remembered { .. }
            | Input::Restored { .. }
            | Input::Stored(_) => {}
        }
    }

    /// Notes accepted events, and checks what they made of incidents.
    pub(super) fn stored(
        &mut self,
        now: Instant,
        chat: &Chat,
        fingerprints: &[Fingerprint],
        incidents: &[(Key, Option<Vec<u8>>)],
        is_letter: bool,
    ) {
        let wall = self.wall(now);
        for print in fingerprints {
            for changed in self.sent.get(print).cloned().unwrap_or_default() {
                let to = told_of(chat, &changed.channel);
                self.reference.changed(now, &changed, to, wall);
            }
        }
        self.is_touched = true;
        self.is_exact &=
            is_letter || fingerprints.iter().any(|print| self.sent.contains_key(print));
        for (key, record) in incidents {
            let record = record.as_ref().and_then(|bytes| Incident::from_bytes(bytes));
            self.records.extend(record.map(|record| (*key, record)));
        }
        if self.is_exact {
            self.check_records(now, incidents.iter().map(|(key, _)| *key));
        }
    }

    fn check_records(&self, now: Instant, keys: impl Iterator<Item = Key>) {
        let known = self.reference.model.incidents(Duration::from_micros(now.as_micros()));
        for key in keys {
            let (known, record) = known.get(&key).zip(self.records.get(&key)).expect("it is there");
            let state = (record.is_open, record.severity, record.times);
            assert_eq!(state, (known.is_open, known.severity, known.times), "{record:?}");
            let times = (record.opened_at.as_secs(), record.changed_at.as_secs());
            assert_eq!(times, (known.began, known.changed), "{record:?}");
        }
    }

    /// Notes a row that goes to the disk.
    pub(super) fn kept(&mut self, now: Instant, row: &Row, bytes: Option<&[u8]>) {
        match (row, bytes) {
            (Row::Incident(key), Some(bytes)) => {
                self.records.insert(*key, Incident::from_bytes(bytes).expect("our own bytes"));
            }
            (Row::Incident(key), None) => drop(self.records.remove(key)),
            (Row::Shown(to, key), bytes) => {
                let read = |bytes| serde_json::from_slice(bytes).expect("our own bytes");
                let shown: Option<(Shown, UnixTime)> = bytes.map(read);
                self.reference.kept(to, *key, shown.map(|(shown, _)| shown));
                self.is_touched = true;
            }
            (Row::Silence(number), Some(bytes)) => {
                let silence = Silence::from_bytes(bytes).expect("our own bytes");
                self.silenced(now, *number, &silence);
            }
            (Row::Silence(number), None) => {
                self.reference.note(now, Fact::QuietEnded(*number));
            }
        }
    }

    /// Checks a message that is sent.
    pub(super) fn sends(
        &mut self,
        now: Instant,
        post: PostId,
        to: &Destination,
        told: &Notification,
        form: Form,
    ) {
        if !self.is_exact {
            return;
        }
        self.refused.remove(&to.name);
        self.reference.message(now, &to.name, told, self.wall(now));
        self.posts.insert(post, (to.name.clone(), to.url.clone(), form));
    }

    /// Notes how a message ended.
    pub(super) fn answered(&mut self, now: Instant, post: PostId, outcome: Outcome) {
        let Some((to, url, form)) = self.posts.remove(&post) else { return };
        let end = match outcome {
            Outcome::Delivered => End::Arrived(form),
            Outcome::Degrade(_) if form == Form::Plain && self.reference.is_divisible(&to) => {
                End::Divided
            }
            Outcome::Degrade(reason) if form == Form::Plain => End::Refused(reason),
            // It is said again plainly, unless its URL is gone.
            Outcome::Degrade(_) if self.urls.get(&to) == Some(&url) => {
                self.refused.insert(to);
                return;
            }
            Outcome::Degrade(_) => End::Again,
            Outcome::Dead(_) | Outcome::Retry { .. } => End::Again,
        };
        self.reference.ended(now, &to, end);
    }

    pub(super) fn reloaded(&mut self, now: Instant, chat: &Chat) {
        let to = |record: &Incident| -> BTreeSet<String> { routes(record, chat) };
        let routes = self.records.iter().map(|(key, record)| (*key, to(record))).collect();
        self.reference.configured(now, &Rules::default(), chat, routes);
        let old = core::mem::replace(&mut self.urls, urls(chat));
        let moved = self.refused.extract_if(.., |to| old.get(to) != self.urls.get(to));
        for to in moved {
            self.reference.ended(now, &to, End::Again);
        }
    }

    pub(super) fn event(&mut self, event: &output::Event) {
        if let output::Event::Incident(incident::output::Event::Counted { to, fate, events }) =
            event
        {
            self.reference.counted(to, *fate, *events);
            self.is_touched = true;
        }
    }

    /// Checks what is on disk, and what became of events, if that changed.
    pub(super) fn check(&mut self, now: Instant) {
        if core::mem::take(&mut self.is_touched) && self.is_exact {
            self.reference.check_kept(now);
        }
    }

    /// Checks that each destination knows how things are.
    pub(super) fn check_told(&mut self, now: Instant) {
        if self.is_exact {
            self.reference.check_told(now);
            self.reference.check_kept(now);
        }
    }
}
