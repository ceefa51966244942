//! The incidents under the laws, checked by the reference: whatever comes and goes, each
//! destination is told how things are when its turn comes, with the numbers of that moment, and
//! each event has one fate.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mistgate_core::base::calendar::{Days, Period};
use mistgate_core::base::mac::Mac;
use mistgate_core::base::time::{Instant, UnixTime};
use mistgate_core::base::zone;
use mistgate_core::chat::outcome::Reason;
use mistgate_core::chat::shape::Form;
use mistgate_core::delivery::config::Chat;
use mistgate_core::delivery::queue::output::End;
use mistgate_core::event::{Event, Topic};
use mistgate_core::incident::Incidents;
use mistgate_core::incident::config::{Mute, Rules};
use mistgate_core::incident::input::{Changed, Config, Input, Name};
use mistgate_core::incident::output;
use mistgate_core::incident::output::Output;
use mistgate_core::incident::record::{Acknowledgement, Incident};
use mistgate_core::matcher::Matcher;
use mistgate_core::notify::change::{Key, changes};
use mistgate_core::notify::summary::Shown;
use mistgate_core::route::route;
use mistgate_core::silence::{Silence, Until};

use super::Subject;
use crate::base::bytes::Bytes;
use crate::chat::configurations::chat;
use crate::incidents::model::{Fact, Quiet};
use crate::incidents::reference::{Reference, told_of};

/// Who may have a condition: the last digit of the MAC, the name, the class and the site.
const SUBJECTS: [(u8, &str, &str, &str); 8] = [
    (1, "ap-a", "ap", "east"),
    (2, "ap-b", "ap", "east"),
    (3, "ap-c", "ap", "west"),
    (4, "ap-d", "ap", "west"),
    (5, "sw-a", "switch", "east"),
    (6, "sw-b", "switch", "west"),
    (7, "edge-a", "mxedge", "west"),
    (8, "edge-b", "mxedge", "east"),
];

/// A topic, the type that raises a condition, and the one that ends it.
type Pair = (&'static str, &'static str, &'static str);

const AP: &[Pair] = &[
    ("device-events", "AP_DISCONNECTED", "AP_CONNECTED"),
    ("device-updowns", "AP_DISCONNECTED", "AP_CONNECTED"),
    ("alarms", "device_down", "device_reconnected"),
];
const SWITCH: &[Pair] = &[
    ("device-events", "SW_DISCONNECTED", "SW_CONNECTED"),
    ("device-events", "SW_PORT_DOWN", "SW_PORT_UP"),
];
const EDGE: &[Pair] = &[("mxedge-events", "ME_SERVICE_FAILED", "ME_SERVICE_STARTED")];

const ENDS: [End; 5] = [
    End::Arrived(Form::Rich),
    End::Arrived(Form::Plain),
    End::Again,
    End::Refused(Reason::Payload),
    End::Divided,
];

/// The number of the mute time, which is not that of a silence.
const MUTE: u64 = u64::MAX;

/// The surroundings: destinations, persons and a wall clock.
pub struct Surroundings {
    chat: Chat,
    rules: Rules,
    reference: Reference,
    /// What the wall clock shows at some moment.
    clock: (Instant, UnixTime),
    /// The site of each incident that there can be.
    sites: BTreeMap<Key, &'static str>,
    /// The channels of the types that raised each incident, since it began at a moment.
    channels: BTreeMap<Key, (Duration, BTreeSet<String>)>,
    ids: BTreeMap<Key, u64>,
    silences: BTreeMap<u64, Silence>,
    last_silence: u64,
    /// The silence that a person ends.
    ending: Option<u64>,
    is_muted: bool,
    /// Who must take the event that was handed in.
    takers: Option<BTreeSet<String>>,
    composing: Option<Name>,
}

impl Subject for Surroundings {
    type Machine = Incidents;

    fn new(bytes: &mut Bytes<'_>, now: Instant) -> (Self, Config) {
        let (chat, rules) = (chat(bytes), rules(bytes));
        let surroundings = Self {
            reference: Reference::new(&rules, &chat),
            chat: chat.clone(),
            rules: rules.clone(),
            clock: (now, UnixTime::default()),
            sites: sites(),
            channels: BTreeMap::new(),
            ids: BTreeMap::new(),
            silences: BTreeMap::new(),
            last_silence: 0,
            ending: None,
            is_muted: false,
            takers: None,
            composing: None,
        };
        (surroundings, Config { rules, chat, dashboard_host: "manage.mist.com".to_owned() })
    }

    fn input(&mut self, bytes: &mut Bytes<'_>, now: Instant) -> Input {
        match bytes.up_to(31) {
            0..=12 => self.event(bytes, now),
            13..=18 => self.compose(bytes, now),
            19..=24 => self.end(bytes, now),
            25 => self.silence(bytes, now),
            26 => {
                let number = self.silences.keys().next().copied().unwrap_or(77);
                self.ending = Some(number);
                Input::EndSilence(number)
            }
            27 if bytes.up_to(1) == 1 => self.gateway(bytes, now),
            27 => self.link(bytes, now),
            28 => self.configure(bytes, now),
            29 => {
                let seconds = bytes.pick(&[3_600, -3_600, 86_400, -30, 30, 1_752_000_000]);
                let micros = self.wall(now).as_micros() + seconds * 1_000_000;
                self.clock = (now, UnixTime::from_micros(micros.max(0)));
                let is_synchronised = seconds.abs() == 30;
                Input::Clock { wall: self.clock.1, is_synchronised }
            }
            _ => self.acknowledge(bytes, now),
        }
    }

    fn output(&mut self, now: Instant, output: &Output) {
        self.pass(now);
        match output {
            Output::Due { to, severity } => self.reference.announced(to, *severity),
            Output::Event(output::Event::Counted { to, fate, events }) => {
                self.reference.counted(to, *fate, *events);
            }
            Output::Event(output::Event::Full) => panic!("full of {} devices", SUBJECTS.len()),
            Output::Event(
                output::Event::Opened { .. }
                | output::Event::Over { .. }
                | output::Event::SilenceOver(_),
            ) => {}
            Output::Keep { key, record } => self.keep(now, *key, record.as_deref()),
            Output::KeepShown { to, key, shown } => {
                let read = |bytes: &Vec<u8>| serde_json::from_slice(bytes).expect("our own bytes");
                let shown: Option<(Shown, UnixTime)> = shown.as_ref().map(read);
                self.reference.kept(to, *key, shown.map(|(shown, _)| shown));
            }
            Output::KeepSilence { number, silence: Some(_) } => {
                assert!(self.silences.contains_key(number), "a silence that nobody made");
            }
            Output::KeepSilence { number, silence: None } => self.silence_ended(now, *number),
            Output::Message { to, notification } => {
                assert_eq!(self.composing.take().as_ref(), Some(to), "nobody asked");
                match notification {
                    Some(message) => self.reference.message(now, to, message, self.wall(now)),
                    None => self.reference.nothing(now, to),
                }
            }
            Output::Takes(names) => {
                let names: BTreeSet<String> = names.iter().map(|name| name.to_string()).collect();
                assert_eq!(self.takers.take(), Some(names), "who takes it");
            }
        }
    }

    fn check_drained(&mut self, now: Instant, incidents: &Incidents) {
        self.pass(now);
        let takers = self.takers.take().unwrap_or_default();
        assert!(takers.is_empty(), "{takers:?} do not take it");
        let is_late =
            |silence: &Silence| matches!(silence.until, Until::Time(at) if at <= self.wall(now));
        assert!(!self.silences.values().any(is_late), "a silence goes on: {:?}", self.silences);
        assert_eq!(
            incidents.views().filter(|view| view.incident.is_open).count(),
            self.reference.check(now)
        );
    }
}

fn moment(now: Instant) -> Duration {
    Duration::from_micros(now.as_micros())
}

fn rules(bytes: &mut Bytes<'_>) -> Rules {
    let zone = zone::named("UTC").expect("a zone");
    let period =
        Period { name: "night".to_owned(), days: Days::Week([true; 7]), from: 120, to: 300, zone };
    let mute = Mute { matcher: of_site("east"), period, critical_too: false };
    Rules {
        hold: Duration::from_secs(bytes.pick(&[30, 0, 120])),
        repeat: bytes.chance(80).then_some(Duration::from_secs(3_600)),
        mute_dependents: !bytes.chance(40),
        mutes: if bytes.chance(120) { vec![mute] } else { Vec::new() },
        ..Rules::default()
    }
}

fn of_site(site: &str) -> Matcher {
    let mut matcher = Matcher::default();
    matcher.add("site", site).expect("a good term");
    matcher
}

/// The site of each incident that there can be.
fn sites() -> BTreeMap<Key, &'static str> {
    let mut sites = BTreeMap::new();
    for (subject, pair) in
        SUBJECTS.iter().flat_map(|of| pairs(of.2).iter().map(move |pair| (of, pair)))
    {
        let text = text(subject, pair.1, 0);
        let event = Event::parse(Topic::parse(pair.0.into()), &text).expect("an object");
        sites.extend(changes(&event).into_iter().map(|change| (change.key, subject.3)));
    }
    sites
}

fn pairs(class: &str) -> &'static [Pair] {
    match class {
        "ap" => AP,
        "switch" => SWITCH,
        _ => EDGE,
    }
}

fn text((digit, name, class, site): &(u8, &str, &str, &str), kind: &str, at: i64) -> String {
    format!(
        r#"{{"type":"{kind}","mac":"5c5b3500000{digit}","device_name":"{name}",
        "device_type":"{class}","aps":["5c5b3500000{digit}"],"hostnames":["{name}"],
        "service":"x","port_id":"xe","site_id":"s-{site}","site_name":"{site}",
        "timestamp":{at}}}"#
    )
}

fn mac(digit: u8) -> Mac {
    Mac::parse(&format!("5c5b3500000{digit}")).expect("a MAC")
}

/// The key of a device's outage.
fn outage(digit: u8) -> Key {
    let subject = SUBJECTS.iter().find(|of| of.0 == digit).expect("a device");
    let kind = if subject.2 == "ap" { "AP_DISCONNECTED" } else { "SW_DISCONNECTED" };
    let text = text(subject, kind, 0);
    let event = Event::parse(Topic::DeviceEvents, &text).expect("an object");
    changes(&event).first().expect("one condition").key
}

impl Surroundings {
    fn wall(&self, now: Instant) -> UnixTime {
        self.clock.1.plus(now - self.clock.0)
    }

    /// Notes what the wall clock begins and ends.
    fn pass(&mut self, now: Instant) {
        let minute = self.wall(now).as_secs().rem_euclid(86_400) / 60;
        let is_muted = !self.rules.mutes.is_empty() && (120..300).contains(&minute);
        if is_muted != core::mem::replace(&mut self.is_muted, is_muted) {
            let fact = match is_muted {
                true => self.quiet(MUTE, "east", false, false),
                false => Fact::QuietEnded(MUTE),
            };
            self.reference.note(now, fact);
        }
    }

    fn quiet(&self, number: u64, site: &str, critical_too: bool, is_of_open: bool) -> Fact {
        let keys = self.sites.iter().filter(|(_, of)| **of == site);
        let keys = keys.map(|(key, _)| *key).collect();
        Fact::Quiet { number, quiet: Quiet { keys, critical_too, is_of_open } }
    }

    fn event(&mut self, bytes: &mut Bytes<'_>, now: Instant) -> Input {
        let subject = bytes.pick(&SUBJECTS);
        let (topic, raises, clears) = bytes.pick(pairs(subject.2));
        let kind = if bytes.chance(110) { clears } else { raises };
        let at = self.wall(now).as_secs() - bytes.pick(&[0, 0, 0, 1, 40, 900]);
        let text = text(&subject, kind, at.max(0));
        let event = Event::parse(Topic::parse(topic.into()), &text).expect("an object");
        let decision = route(&event, &self.chat.routes);
        let [change] = changes(&event).try_into().expect("one condition");
        let changed = Changed {
            change,
            severity: decision.severity,
            channel: decision.channel.unwrap_or_default().to_owned(),
            chats: self.chat.chats_of(&decision),
            topic: topic.to_owned(),
            text: text.as_str().into(),
        };
        let (key, is_raised) = (changed.change.key, changed.change.is_raised);
        let to = told_of(&self.chat, &changed.channel);
        let is_raised = is_raised && to.is_some();
        self.takers = Some(self.reference.changed(now, &changed, to, self.wall(now)));
        let incidents = self.reference.model.incidents(moment(now));
        let is_old = |changed: i64| at.max(0) < changed;
        if let Some(of) = incidents.get(&key).filter(|of| is_raised && !is_old(of.changed)) {
            let known = self.channels.entry(key).or_default();
            if known.0 != of.began_at {
                *known = (of.began_at, BTreeSet::new());
            }
            known.1.insert(changed.channel.clone());
        }
        Input::Changed(changed)
    }

    fn compose(&mut self, bytes: &mut Bytes<'_>, now: Instant) -> Input {
        let again = if bytes.chance(20) { self.reference.sending().collect() } else { Vec::new() };
        let due: Vec<&str> = self.reference.due().chain(again).collect();
        let Some(to) = due.get(bytes.count(due.len().saturating_sub(1))) else {
            return Input::Clock { wall: self.wall(now), is_synchronised: true };
        };
        let to: Name = Arc::from(*to);
        self.composing = Some(Arc::clone(&to));
        Input::Compose { to, failing: Vec::new() }
    }

    fn end(&mut self, bytes: &mut Bytes<'_>, now: Instant) -> Input {
        let sending: Vec<&str> = self.reference.sending().collect();
        let Some(to) = sending.get(bytes.count(sending.len().saturating_sub(1))) else {
            return self.compose(bytes, now);
        };
        let (to, end): (Name, _) = (Arc::from(*to), bytes.pick(&ENDS));
        self.reference.ended(now, &to, end);
        Input::Ended { to, end }
    }

    fn silence(&mut self, bytes: &mut Bytes<'_>, now: Instant) -> Input {
        self.last_silence += 1;
        let number = self.last_silence;
        let site = bytes.pick(&["west", "east"]);
        let is_of_open = bytes.chance(80);
        let until = match is_of_open {
            true => Until::Recovered { last_id: self.ids.values().max().copied().unwrap_or(0) },
            false => {
                let after = Duration::from_secs(bytes.pick(&[300, 20, 7_200]));
                Until::Time(self.wall(now).plus(after))
            }
        };
        let silence = Silence {
            matcher: of_site(site),
            until,
            by: "ann".to_owned(),
            comment: String::new(),
            made_at: self.wall(now),
        };
        self.silences.insert(number, silence.clone());
        self.reference.note(now, self.quiet(number, site, true, is_of_open));
        Input::Silence(silence)
    }

    fn silence_ended(&mut self, now: Instant, number: u64) {
        let silence = self.silences.remove(&number).expect("a silence that is there");
        if self.ending.take() != Some(number) {
            match silence.until {
                Until::Time(at) => assert!(at <= self.wall(now), "too early: {silence:?}"),
                Until::Recovered { last_id } => {
                    let incidents = self.reference.model.incidents(moment(now));
                    let covers = |key: &Key| {
                        let site = self.sites.get(key).copied().unwrap_or_default();
                        let is_known = self.ids.get(key).is_some_and(|id| *id <= last_id);
                        is_known && silence.matcher == of_site(site)
                    };
                    let open = incidents.iter().filter(|(_, of)| of.is_open);
                    let open: Vec<_> = open.filter(|(key, _)| covers(key)).collect();
                    assert!(open.is_empty(), "not yet recovered: {open:?}");
                }
            }
        }
        self.reference.note(now, Fact::QuietEnded(number));
    }

    fn link(&mut self, bytes: &mut Bytes<'_>, now: Instant) -> Input {
        let child = bytes.pick(&[1, 2, 3, 4]);
        let parent = bytes.pick(&[Some(5), Some(6), None]);
        let fact = Fact::Linked { child: outage(child), parent: parent.map(outage) };
        self.reference.note(now, fact);
        Input::Linked { child: mac(child), parent: parent.map(mac) }
    }

    /// A switch is as good a gateway here.
    fn gateway(&mut self, bytes: &mut Bytes<'_>, now: Instant) -> Input {
        let (site, switch) = bytes.pick(&[("west", 6), ("east", 5)]);
        let only = bytes.pick(&[Some(switch), None]);
        let members = SUBJECTS.iter().filter(|of| of.3 == site && of.2 != "mxedge");
        let fact = Fact::Gateway {
            site: members.map(|of| outage(of.0)).collect(),
            only: only.map(outage),
        };
        self.reference.note(now, fact);
        Input::Gateways(vec![(format!("s-{site}").into(), only.map(mac))])
    }

    fn configure(&mut self, bytes: &mut Bytes<'_>, now: Instant) -> Input {
        (self.chat, self.rules) = (chat(bytes), rules(bytes));
        let to = |channels: &BTreeSet<String>| {
            channels.iter().filter_map(|channel| told_of(&self.chat, channel)).flatten().collect()
        };
        let routes = self.channels.iter().map(|(key, (_, channels))| (*key, to(channels)));
        self.reference.configured(now, &self.rules, &self.chat, routes.collect());
        let (rules, chat) = (self.rules.clone(), self.chat.clone());
        Input::Configured(Config { rules, chat, dashboard_host: "manage.mist.com".to_owned() })
    }

    fn acknowledge(&mut self, bytes: &mut Bytes<'_>, now: Instant) -> Input {
        let nth = bytes.count(self.ids.len().saturating_sub(1));
        let (key, id) = self.ids.iter().nth(nth).map_or((None, 77), |(key, id)| (Some(*key), *id));
        if let Some(key) = key {
            self.reference.note(now, Fact::Acknowledged(key));
        }
        let by = "ann".to_owned();
        let at = self.wall(now);
        let acknowledgement = Acknowledgement { by, comment: String::new(), at };
        Input::Acknowledge { id, acknowledgement }
    }

    /// Checks what is put on disk.
    fn keep(&mut self, now: Instant, key: Key, record: Option<&[u8]>) {
        let incidents = self.reference.model.incidents(moment(now));
        let known = incidents.get(&key);
        let Some(record) = record else {
            self.ids.remove(&key);
            return assert!(known.is_none(), "forgot {known:?}");
        };
        let record = Incident::from_bytes(record).expect("our own bytes");
        self.ids.insert(key, record.id);
        let known = known.expect("it was raised");
        assert_eq!(
            (record.is_open, record.severity, record.times),
            (known.is_open, known.severity, known.times)
        );
        let times = (record.opened_at.as_secs(), record.changed_at.as_secs());
        assert_eq!(times, (known.began, known.changed));
        assert_eq!(record.acknowledged.is_some(), known.is_acknowledged);
    }
}
