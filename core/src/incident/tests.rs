//! Timelines: at these times events came, and that was told.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};

use super::config::{Escalation, Mute, Rules};
use super::input::Changed;
use super::record::Acknowledgement;
use super::*;
use crate::base::calendar::{Daily, Days, Period};
use crate::chat::kind::{Kind, Options};
use crate::chat::outcome::Reason;
use crate::chat::shape::Form;
use crate::chat::{console, pagerduty, slack, teams};
use crate::delivery::config::{Chat, Delivery, Destination};
use crate::event::{Event as MistEvent, Topic};
use crate::matcher::Matcher;
use crate::notify::Notification;
use crate::notify::change::changes;
use crate::route::{Routes, Target, route};
use crate::silence::{MutedBy, Silence, Until};

/// 2025-07-08 14:00:00 UTC, when each timeline begins.
const BEGINNING: i64 = 1_751_983_200;
const ALL: &[&str] = &[];

fn chat(destinations: &[(&str, &'static Kind, &[&str])]) -> Chat {
    let destinations = destinations.iter().map(|(name, kind, channels)| Destination {
        chat: kind.name.into(),
        name: name.to_string(),
        is_named: false,
        kind,
        format: kind.default_format(),
        url: None,
        channels: channels.iter().map(|channel| channel.to_string()).collect(),
        default: channels.is_empty(),
        pace: Vec::new(),
        options: Options::default(),
        fallback: None,
    });
    Chat {
        routes: Routes::default().into(),
        destinations: destinations.collect(),
        delivery: Delivery::default(),
    }
}

/// The machine with destinations that take every message at once, and a disk.
struct Site {
    incidents: Incidents,
    config: Config,
    now: Instant,
    told: Vec<String>,
    notifications: Vec<Notification>,
    fates: BTreeMap<(String, &'static str), usize>,
    taken: bool,
    /// The chats refuse what names this.
    refuses: Option<&'static str>,
    /// How many messages they refused.
    refused: usize,
    records: BTreeMap<Key, Vec<u8>>,
    shown: BTreeMap<(Name, Key), Vec<u8>>,
}

impl Site {
    fn new(chat: Chat, rules: Rules) -> Self {
        let config = Config { rules, chat, dashboard_host: "manage.mist.com".to_string() };
        let mut site = Self {
            incidents: Incidents::new(config.clone(), 0, Instant::default()),
            config,
            now: Instant::default(),
            told: Vec::new(),
            notifications: Vec::new(),
            fates: BTreeMap::new(),
            taken: false,
            refuses: None,
            refused: 0,
            records: BTreeMap::new(),
            shown: BTreeMap::new(),
        };
        site.input(clock(BEGINNING));
        site
    }

    fn one() -> Self {
        Self::new(chat(&[("slack/all", &slack::KIND, ALL)]), Rules::default())
    }

    fn secs(&self) -> u64 {
        self.now.as_micros() / 1_000_000
    }

    /// Lets the machine run to a time, in seconds.
    fn until(&mut self, secs: u64) {
        let end = Instant::from_secs(secs);
        while let Some(due_at) = self.incidents.poll_timeout().filter(|at| *at <= end) {
            assert!(due_at > self.now || due_at == Instant::default(), "it spins at {due_at:?}");
            self.now = due_at;
            self.incidents.handle_timeout(due_at);
            self.drain();
        }
        self.now = end;
        self.incidents.handle_timeout(end);
        self.drain();
    }

    fn input(&mut self, input: Input) {
        self.incidents.handle_input(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.incidents.poll_output() {
            match output {
                Output::Due { to, severity: Some(_) } => {
                    self.incidents
                        .handle_input(self.now, Input::Compose { to, failing: Vec::new() });
                }
                Output::Message { to, notification } => {
                    let notification = notification.expect("it was due");
                    let text = format!("{notification:?}");
                    if self.refuses.is_some_and(|refused| text.contains(refused)) {
                        self.refused += 1;
                        let end = match self.incidents.is_divisible(&to) {
                            true => End::Divided,
                            false => End::Refused(Reason::Payload),
                        };
                        self.incidents.handle_input(self.now, Input::Ended { to, end });
                        continue;
                    }
                    let mark =
                        if notification.is_over { "over" } else { notification.severity.name() };
                    let line = format!("{} {to} {mark}: {}", self.secs(), notification.title);
                    self.told.push(line);
                    self.notifications.push(notification);
                    let input = Input::Ended { to, end: End::Arrived(Form::Rich) };
                    self.incidents.handle_input(self.now, input);
                }
                Output::Takes(to) => self.taken |= !to.is_empty(),
                Output::Keep { key, record: Some(record) } => {
                    drop(self.records.insert(key, record))
                }
                Output::Keep { key, record: None } => drop(self.records.remove(&key)),
                Output::KeepShown { to, key, shown: Some(shown) } => {
                    self.shown.insert((to, key), shown);
                }
                Output::KeepShown { to, key, shown: None } => drop(self.shown.remove(&(to, key))),
                Output::Event(Event::Counted { to, fate, events }) => {
                    *self.fates.entry((to.to_string(), fate.name())).or_default() += events;
                }
                Output::Due { severity: None, .. }
                | Output::Event(
                    Event::Full | Event::Opened { .. } | Event::Over { .. } | Event::SilenceOver(_),
                )
                | Output::KeepSilence { .. } => {}
            }
        }
    }

    /// Takes an event that happens now. Returns whether incidents tell it.
    fn event(&mut self, topic: &str, kind: &str, members: &str) -> bool {
        let at = BEGINNING + i64::try_from(self.secs()).expect("a short test");
        self.event_of(topic, kind, members, at)
    }

    fn event_of(&mut self, topic: &str, kind: &str, members: &str, at: i64) -> bool {
        let topic = Topic::parse(topic.to_string().into());
        let text = format!(r#"{{"type":"{kind}","org_id":"o","timestamp":{at},{members}}}"#);
        let event = MistEvent::parse(topic, &text).expect("an object");
        let decision = route(&event, &self.config.chat.routes);
        let (severity, channel) = (decision.severity, decision.channel.map(str::to_string));
        let chats = self.config.chat.chats_of(&decision);
        self.taken = false;
        for change in changes(&event) {
            self.input(Input::Changed(Changed {
                change,
                severity,
                channel: channel.clone().unwrap_or_default(),
                chats: chats.clone(),
                topic: event.topic().name().to_string(),
                text: text.as_str().into(),
            }));
        }
        self.taken
    }

    fn ap(&mut self, kind: &str, number: u32, site: u32) -> bool {
        self.event("device-events", kind, &ap(number, site))
    }

    /// Ends the program, and begins it again with what is on the disk.
    fn restart(&mut self) {
        self.incidents = Incidents::new(self.config.clone(), 0, self.now);
        let wall = self.incidents_clock();
        let clock = Input::Clock { wall, is_synchronised: true };
        self.incidents.handle_input(self.now, clock);
        for (key, record) in self.records.clone() {
            self.input(Input::Restored { key, record });
        }
        for ((to, key), shown) in self.shown.clone() {
            self.input(Input::RestoredShown { to, key, shown });
        }
        self.input(Input::Opened { is_new: false, store_max: u64::MAX });
    }

    fn incidents_clock(&self) -> UnixTime {
        UnixTime::from_secs(BEGINNING + i64::try_from(self.secs()).expect("a short test"))
    }

    fn fate(&self, to: &str, fate: &'static str) -> usize {
        self.fates.get(&(to.to_string(), fate)).copied().unwrap_or(0)
    }
}

/// A synchronised clock that shows so many seconds since 1970.
/// How many are open.
fn open(incidents: &Incidents) -> usize {
    incidents.views().filter(|view| view.incident.is_open).count()
}

fn clock(secs: i64) -> Input {
    Input::Clock { wall: UnixTime::from_secs(secs), is_synchronised: true }
}

fn ap(number: u32, site: u32) -> String {
    format!(
        r#""mac":"5c5b35{number:06x}","device_type":"ap","device_name":"AP-{number}",
        "site_id":"s{site}","site_name":"Branch-{site}""#
    )
}

#[track_caller]
fn assert_told(site: &Site, expected: &[&str]) {
    assert_eq!(site.told, expected);
}

#[test]
fn what_is_over_within_the_hold_is_never_told() {
    let mut site = Site::one();
    assert!(site.ap("AP_DISCONNECTED", 1, 7));
    site.until(20);
    assert!(site.ap("AP_CONNECTED", 1, 7));
    site.until(3_600);
    assert_told(&site, &[]);
    assert_eq!(site.fate("slack/all", "held"), 2);
    assert!(open(&site.incidents) == 0 && site.shown.is_empty());
}

#[test]
fn one_incident_has_its_card_when_it_comes_and_when_it_is_over() {
    let mut site = Site::one();
    site.ap("AP_DISCONNECTED", 1, 7);
    site.until(100);
    site.ap("AP_CONNECTED", 1, 7);
    site.until(3_600);
    assert_told(&site, &["30 slack/all info: AP disconnected", "100 slack/all over: AP connected"]);
}

#[test]
fn the_same_outage_by_other_topics_is_told_once() {
    let mut site = Site::one();
    site.ap("AP_DISCONNECTED", 1, 7);
    site.until(2);
    assert!(site.event("device-updowns", "AP_DISCONNECTED", &ap(1, 7)));
    site.until(60);
    let long = r#""aps":["5c5b35000001"],"hostnames":["AP-1"],"severity":"warn",
        "site_id":"s7","site_name":"Branch-7""#;
    assert!(site.event("alarms", "device_down", long));
    site.until(100);
    assert!(site.event("alarms", "device_reconnected", long));
    site.until(101);
    assert!(site.ap("AP_CONNECTED", 1, 7));
    site.until(3_600);
    assert_told(
        &site,
        &[
            "30 slack/all info: AP disconnected",
            "60 slack/all warning: AP offline",
            "100 slack/all over: AP reconnected",
        ],
    );
}

#[test]
fn the_time_of_the_event_orders() {
    let mut site = Site::one();
    site.until(1_000);
    site.ap("AP_CONNECTED", 1, 7);
    site.event_of("device-events", "AP_DISCONNECTED", &ap(2, 7), BEGINNING + 900);
    site.until(1_040);
    let before = site.told.len();
    assert_eq!(before, 1);
    // What came before it changes nothing, and neither does what says it again.
    assert!(site.event_of("device-events", "AP_CONNECTED", &ap(2, 7), BEGINNING + 800));
    assert!(site.event_of("device-events", "AP_DISCONNECTED", &ap(2, 7), BEGINNING + 950));
    site.until(2_000);
    assert_eq!((site.told.len(), open(&site.incidents)), (before, 1));
    assert_eq!(site.fate("slack/all", "superseded"), 2);
}

/// As when Mist sends again what it could not deliver for days.
#[test]
fn what_comes_after_its_age_opens_nothing_that_is_over_and_keeps_its_severity() {
    let mut site = Site::one();
    let at = |hours: i64| BEGINNING - hours * 3_600;
    let edge = r#""mac":"020000000001","device_name":"edge-1","service":"x","site_id":"s","site_name":"DC""#;
    for (hours, kind) in [(49, "ME_SERVICE_FAILED"), (48, "ME_SERVICE_STARTED")] {
        site.event_of("mxedge-events", kind, edge, at(hours));
    }
    // The newer one has closed it.
    site.event_of("mxedge-events", "ME_SERVICE_FAILED", edge, at(50));
    site.until(300);
    assert_eq!(open(&site.incidents), 0);
    let before = site.told.len();
    // What is still so is no card of its event, and as severe as one.
    site.event_of("mxedge-events", "ME_SERVICE_FAILED", edge, at(47));
    site.until(600);
    assert_eq!(open(&site.incidents), 1);
    let told = site.told.get(before..).expect("more");
    assert!(matches!(told, [one] if one.contains(" slack/all critical: ")), "{told:?}");
    let card = site.notifications.last().expect("one");
    assert!(card.summary.starts_with("Since 2025-07-06 13:00 UTC."), "{}", card.summary);
}

#[test]
fn the_age_of_an_event_is_judged_only_while_the_clock_is_synchronised() {
    let edge = r#""mac":"020000000001","device_name":"edge-1","service":"x","site_id":"s""#;
    for is_synchronised in [false, true] {
        let mut site = Site::one();
        let wall = UnixTime::from_secs(BEGINNING);
        site.input(Input::Clock { wall, is_synchronised });
        let at = BEGINNING - 47 * 3_600;
        site.event_of("mxedge-events", "ME_SERVICE_FAILED", edge, at);
        site.until(60);
        let [card] = site.notifications.as_slice() else { panic!("{:?}", site.told) };
        assert_eq!(card.summary.starts_with("Since "), is_synchronised, "{}", card.summary);
    }
}

#[test]
fn a_recovery_of_nothing_is_an_event() {
    let mut site = Site::one();
    assert!(!site.ap("AP_CONNECTED", 1, 7));
    assert_eq!((site.incidents.views().count(), site.records.len()), (0, 0));
}

#[test]
fn a_mass_outage_is_a_few_messages_with_true_numbers() {
    let mut site = Site::one();
    for number in 0..300 {
        site.until(u64::from(number / 10));
        site.ap("AP_DISCONNECTED", number, number % 30);
    }
    site.until(600);
    for number in (0..300).filter(|number| *number != 42) {
        site.until(600 + u64::from(number / 10));
        site.ap("AP_CONNECTED", number, number % 30);
    }
    site.until(900);
    site.ap("AP_CONNECTED", 42, 12);
    site.until(3_600);
    assert_told(
        &site,
        &[
            "30 slack/all info: 10 APs down at 10 sites",
            "40 slack/all info: 110 APs down at 30 sites",
            "60 slack/all info: 300 APs down at 30 sites",
            "600 slack/all over: AP connected",
            "610 slack/all info: 201 APs down at 30 sites",
            "630 slack/all info: AP-42 down at Branch-12",
            "900 slack/all over: AP connected",
        ],
    );
}

#[test]
fn what_comes_and_goes_is_said_once_and_then_what_it_comes_to() {
    let mut site = Site::one();
    for round in 0..5 {
        site.until(round * 100);
        site.ap("AP_DISCONNECTED", 1, 7);
        site.until(round * 100 + 50);
        site.ap("AP_CONNECTED", 1, 7);
    }
    site.until(5_000);
    site.ap("AP_DISCONNECTED", 1, 7);
    site.until(10_000);
    assert_told(
        &site,
        &[
            "30 slack/all info: AP disconnected",
            "50 slack/all over: AP connected",
            "130 slack/all info: AP disconnected",
            "170 slack/all over: AP connected",
            "230 slack/all info: AP-1 coming and going at Branch-7",
            "1050 slack/all over: AP-1 back and stable at Branch-7",
            "5030 slack/all info: AP disconnected",
        ],
    );
}

#[test]
fn a_critical_incident_is_told_at_once_but_not_a_hundred() {
    let mut site = Site::one();
    let me = |n: u32| {
        format!(
            r#""mac":"0200000000{n:02x}","device_name":"edge-{n}","service":"x",
            "site_id":"s","site_name":"DC""#
        )
    };
    for n in 0..8 {
        site.event("mxedge-events", "ME_SERVICE_FAILED", &me(n));
    }
    site.until(300);
    assert_told(
        &site,
        &[
            "0 slack/all critical: Mist Edge service failed",
            "0 slack/all critical: Mist Edge service failed",
            "0 slack/all critical: Mist Edge service failed",
            "0 slack/all critical: Mist Edge service failed",
            "0 slack/all critical: Mist Edge service failed",
            "0 slack/all critical: Mist Edge service failed",
            "10 slack/all critical: 8 services not running at DC",
        ],
    );
}

#[test]
fn a_silence_hides_and_its_end_tells_what_is_so_then() {
    let mut site = Site::one();
    site.ap("AP_DISCONNECTED", 1, 7);
    site.until(60);
    let mut matcher = Matcher::default();
    matcher.add("site", "Branch-*").expect("a good term");
    let silence = Silence {
        matcher,
        until: Until::Time(UnixTime::from_secs(BEGINNING + 1_000)),
        by: "root".to_string(),
        comment: String::new(),
        made_at: UnixTime::from_secs(BEGINNING + 60),
    };
    site.input(Input::Silence(silence));
    site.until(100);
    site.ap("AP_CONNECTED", 1, 7);
    site.ap("AP_DISCONNECTED", 2, 7);
    site.until(200);
    site.ap("AP_DISCONNECTED", 3, 7);
    site.until(300);
    site.ap("AP_CONNECTED", 3, 7);
    site.until(999);
    assert_eq!(site.told.len(), 1, "{:?}", site.told);
    site.until(2_000);
    assert_told(
        &site,
        &["30 slack/all info: AP disconnected", "1000 slack/all info: AP-2 down at Branch-7"],
    );
}

#[test]
fn a_mute_time_hides_what_is_not_critical() {
    let mut matcher = Matcher::default();
    matcher.add("device_type", "ap").expect("a good term");
    let zone = crate::base::zone::named("UTC").expect("a zone");
    let period =
        Period { name: "night".to_string(), days: Days::Week([true; 7]), from: 840, to: 845, zone };
    let mute = Mute { matcher, period, critical_too: false };
    let rules = Rules { mutes: Vec::from([mute]), ..Rules::default() };
    let mut site = Site::new(chat(&[("slack/all", &slack::KIND, ALL)]), rules);
    site.ap("AP_DISCONNECTED", 1, 7);
    site.until(299);
    assert_eq!(site.told.len(), 0);
    let muted = site.incidents.views().next().expect("one").muted_by.map(MutedBy::to_string);
    assert_eq!(muted.as_deref(), Some("mute time \"night\""));
    site.until(310);
    assert_eq!(site.told.len(), 1);
}

#[test]
fn access_points_behind_a_switch_that_is_down_are_not_told() {
    let mut site = Site::one();
    let (ap_mac, switch_mac) = ("5c5b35000001", "5c5b350000ff");
    let mac = |text| Mac::parse(text).expect("a MAC");
    site.input(Input::Linked { child: mac(ap_mac), parent: Some(mac(switch_mac)) });
    let switch = r#""mac":"5c5b350000ff","device_type":"switch","device_name":"SW-1",
        "site_id":"s7","site_name":"Branch-7""#;
    site.ap("AP_DISCONNECTED", 1, 7);
    site.ap("AP_DISCONNECTED", 2, 7);
    site.event("device-events", "SW_DISCONNECTED", switch);
    site.until(300);
    site.event("device-events", "SW_CONNECTED", switch);
    site.until(320);
    site.ap("AP_CONNECTED", 1, 7);
    site.until(600);
    assert_told(
        &site,
        &[
            "30 slack/all info: 1 AP down and 1 switch down at Branch-7",
            "300 slack/all over: Switch connected",
        ],
    );
}

#[test]
fn what_is_behind_the_only_gateway_of_its_site_is_not_told() {
    let mut site = Site::one();
    let gateway = r#""mac":"5c5b350000fe","device_type":"gateway","device_name":"GW-1",
        "site_id":"s7","site_name":"Branch-7""#;
    let only = Mac::parse("5c5b350000fe");
    site.input(Input::Gateways(Vec::from([("s7".into(), only)])));
    site.ap("AP_DISCONNECTED", 1, 7);
    site.ap("AP_DISCONNECTED", 2, 8);
    site.event("device-events", "GW_DISCONNECTED", gateway);
    site.until(300);
    let told = site.told.len();
    assert!(told > 0);
    let muted: Vec<_> = site.incidents.views().filter(|view| view.muted_by.is_some()).collect();
    let [muted] = muted.as_slice() else { panic!("{muted:?}") };
    assert_eq!(
        (muted.incident.site_id.as_deref(), muted.incident.subject.as_str()),
        (Some("s7"), "AP-1")
    );
    // There is a second one now: it may be that the other works.
    site.input(Input::Gateways(Vec::from([("s7".into(), None)])));
    assert!(site.incidents.views().all(|view| view.muted_by.is_none()));
    site.until(400);
    assert_eq!(site.told.len(), told + 1);
}

#[test]
fn what_nothing_is_heard_of_for_a_week_counts_as_over_where_mist_cannot_be_asked() {
    let day = 86_400;
    let rules = Rules { unheard_after: Some(Duration::from_secs(7 * day)), ..Rules::default() };
    let mut site = Site::new(chat(&[("slack/all", &slack::KIND, ALL)]), rules);
    site.ap("AP_DISCONNECTED", 1, 7);
    site.until(3 * day);
    site.ap("AP_DISCONNECTED", 1, 7);
    site.until(10 * day - 1);
    assert_eq!((open(&site.incidents), site.told.len()), (1, 1));
    site.until(10 * day);
    assert_eq!(open(&site.incidents), 0);
    site.until(11 * day);
    site.ap("AP_DISCONNECTED", 1, 7);
    site.until(12 * day);
    assert_told(
        &site,
        &[
            "30 slack/all info: AP disconnected",
            "864000 slack/all over: AP-1 not heard of for 7 days at Branch-7",
            "950430 slack/all info: AP disconnected",
        ],
    );
}

#[test]
fn what_only_streams_take_is_open_and_told_to_nobody() {
    let chats =
        chat(&[("slack/warning", &slack::KIND, &["warning"]), ("console", &console::KIND, ALL)]);
    let mut site = Site::new(chats, Rules::default());
    site.ap("AP_DISCONNECTED", 1, 7);
    site.until(300);
    assert_eq!((open(&site.incidents), site.told.len()), (1, 0));
    site.ap("AP_CONNECTED", 1, 7);
    assert_eq!(open(&site.incidents), 0);
}

#[test]
fn nobody_answers_a_critical_incident() {
    let rules = Rules {
        repeat: Some(Duration::from_secs(4 * 3_600)),
        escalate: Some(Escalation {
            after: Duration::from_secs(900),
            to: Vec::from(["teams".to_string()]),
            severity: Severity::Critical,
        }),
        ..Rules::default()
    };
    let mut chat =
        chat(&[("slack/all", &slack::KIND, ALL), ("teams/oncall", &teams::KIND, &["critical"])]);
    let to_noc = [("*".to_string(), Target::Channel("noc".to_string()))];
    chat.routes.overrides = [("mxedge-events".to_string(), to_noc.into())].into();
    let mut site = Site::new(chat, rules);
    let me = r#""mac":"020000000001","device_name":"edge-1","service":"x",
        "site_id":"s","site_name":"DC""#;
    site.event("mxedge-events", "ME_SERVICE_FAILED", me);
    site.until(5 * 3_600);
    let id = site.incidents.views().next().expect("one").incident.id;
    let acknowledgement = Acknowledgement {
        by: "ann".to_string(),
        comment: String::new(),
        at: UnixTime::from_secs(BEGINNING),
    };
    site.input(Input::Acknowledge { id, acknowledgement });
    site.until(50 * 3_600);
    assert_told(
        &site,
        &[
            "0 slack/all critical: Mist Edge service failed",
            "900 teams/oncall critical: Mist Edge service failed",
            "14400 slack/all critical: Still: Mist Edge service failed",
            "15300 teams/oncall critical: Still: Mist Edge service failed",
        ],
    );
}

#[test]
fn a_restart_tells_nothing_again() {
    let mut site = Site::one();
    for number in 0..5 {
        site.ap("AP_DISCONNECTED", number, 7);
    }
    site.until(60);
    site.ap("AP_DISCONNECTED", 9, 7);
    site.until(70);
    site.restart();
    site.until(99);
    assert_eq!(site.told.len(), 1);
    site.until(200);
    site.restart();
    site.ap("AP_CONNECTED", 2, 7);
    site.until(1_000);
    assert_told(
        &site,
        &[
            "30 slack/all info: 5 APs down at Branch-7",
            "100 slack/all info: AP disconnected",
            "200 slack/all over: AP connected",
        ],
    );
}

#[test]
fn what_was_critical_is_not_told_while_the_rest_is_read() {
    let mut chat = chat(&[("slack/all", &slack::KIND, ALL)]);
    let critical = Target::Channel("critical".to_string());
    let of_topic = [("AP_DISCONNECTED".to_string(), critical)].into();
    chat.routes.overrides.insert("device-events".to_string(), of_topic);
    let mut site = Site::new(chat, Rules::default());
    site.ap("AP_DISCONNECTED", 1, 7);
    site.ap("AP_DISCONNECTED", 2, 7);
    site.until(60);
    site.restart();
    site.until(1_000);
    assert_eq!(site.told.len(), 2, "{:#?}", site.told);
}

#[test]
fn a_new_destination_hears_what_is_open_and_one_that_goes_is_forgotten() {
    let mut site = Site::one();
    site.ap("AP_DISCONNECTED", 1, 7);
    site.ap("AP_DISCONNECTED", 2, 7);
    site.until(60);
    site.ap("AP_CONNECTED", 2, 7);
    site.until(120);
    site.config.chat = chat(&[("teams/all", &teams::KIND, ALL), ("console", &console::KIND, ALL)]);
    site.input(Input::Configured(site.config.clone()));
    site.until(300);
    assert_told(
        &site,
        &[
            "30 slack/all info: 2 APs down at Branch-7",
            "60 slack/all over: AP connected",
            "120 teams/all info: AP-1 down at Branch-7",
        ],
    );
    assert!(site.shown.keys().all(|(to, _)| &**to == "teams/all"));
}

#[test]
fn once_a_day_it_is_said_what_is_open() {
    let zone = crate::base::zone::named("UTC").expect("a zone");
    let rules = Rules { report: Some(Daily { minute: 15 * 60, zone }), ..Rules::default() };
    let mut site = Site::new(chat(&[("slack/all", &slack::KIND, ALL)]), rules);
    site.until(2 * 3_600);
    site.ap("AP_DISCONNECTED", 1, 7);
    site.until(26 * 3_600);
    assert_told(
        &site,
        &[
            "3600 slack/all over: Daily report: nothing is wrong",
            "7230 slack/all info: AP disconnected",
            "90000 slack/all info: Daily report: AP-1 down at Branch-7",
        ],
    );
}

#[test]
fn what_is_over_is_forgotten_after_a_week() {
    let mut site = Site::one();
    site.ap("AP_DISCONNECTED", 1, 7);
    site.until(60);
    site.ap("AP_CONNECTED", 1, 7);
    site.until(6 * 86_400);
    assert_eq!(site.records.len(), 1);
    site.until(8 * 86_400);
    assert_eq!((site.records.len(), site.shown.len(), site.incidents.texts), (0, 0, 0));
}

#[test]
fn one_of_many_that_is_refused_is_found_by_halves_and_costs_no_other() {
    let mut site = Site::one();
    site.refuses = Some("AP-5");
    for number in 1..=8 {
        site.ap("AP_DISCONNECTED", number, 1);
    }
    site.until(300);
    assert_eq!((site.fate("slack/all", "dropped"), site.refused), (1, 4), "{:#?}", site.told);
    let told = site.fate("slack/all", "told") + site.fate("slack/all", "summarised");
    assert_eq!(told, 7, "{:#?}", site.told);
    let said = format!("{:?}", site.notifications);
    for number in [1, 2, 3, 4, 6, 7, 8] {
        assert!(said.contains(&format!("AP-{number}")), "{:#?}", site.told);
    }
    // The numbers stay true, and what else is wrong is not called over.
    for card in &site.notifications {
        let others = card.facts.iter().any(|fact| fact.label == "Also open");
        assert!(others && !card.is_over, "{card:#?}");
    }
    // What a later message names besides is left out of it first of all, and nothing is lost.
    site.ap("AP_DISCONNECTED", 9, 1);
    site.ap("AP_DISCONNECTED", 10, 1);
    site.until(600);
    assert_eq!((site.fate("slack/all", "dropped"), site.refused), (1, 5));
    let [.., first, _] = site.notifications.as_slice() else { panic!("{:#?}", site.told) };
    let fact = first.facts.iter().find(|fact| fact.label == "Also open").expect("the number");
    assert_eq!((first.title.as_str(), fact.value.as_str()), ("AP disconnected", "9 problems"));
}

#[test]
fn a_report_waits_while_a_chat_is_told_in_parts() {
    let zone = crate::base::zone::named("UTC").expect("a zone");
    let report = Some(Daily { minute: 15 * 60, zone });
    let rules = Rules { report, ..Rules::default() };
    let mut site = Site::new(chat(&[("slack/all", &slack::KIND, ALL)]), rules);
    site.refuses = Some("AP-1");
    site.until(3_570);
    for number in 1..=3 {
        site.ap("AP_DISCONNECTED", number, 1);
    }
    site.until(3_599);
    site.refuses = Some("Daily report");
    site.until(3_605);
    // All of it was refused with the report, and then its parts arrived.
    assert_eq!((site.refused, site.fate("slack/all", "dropped")), (1, 0));
    site.refuses = None;
    site.until(3_700);
    let report = site.told.last().expect("a report");
    assert!(report.ends_with("info: Daily report: 3 APs down at Branch-1"), "{:#?}", site.told);
}

#[test]
fn what_comes_later_counts_anew() {
    let mut site = Site::one();
    site.ap("AP_DISCONNECTED", 1, 7);
    site.until(100);
    site.ap("AP_CONNECTED", 1, 7);
    site.until(2_000);
    site.ap("AP_DISCONNECTED", 1, 7);
    site.until(2_060);
    site.ap("AP_CONNECTED", 1, 7);
    site.until(2_100);
    site.ap("AP_DISCONNECTED", 1, 7);
    site.until(2_101);
    assert!(site.incidents.views().all(|view| !view.is_flapping), "twice in ten minutes");
}

#[test]
fn a_silence_may_come_while_a_message_is_on_its_way() {
    let mut site = Site::one();
    site.ap("AP_DISCONNECTED", 1, 7);
    site.now = Instant::from_secs(30);
    site.incidents.handle_timeout(site.now);
    let to: Name = "slack/all".into();
    while site.incidents.poll_output().is_some() {}
    let compose = Input::Compose { to: Arc::clone(&to), failing: Vec::new() };
    site.incidents.handle_input(site.now, compose);
    let mut matcher = Matcher::default();
    matcher.add("site", "Branch-*").expect("a good term");
    let silence = Silence {
        matcher,
        until: Until::Time(UnixTime::from_secs(BEGINNING + 1_000)),
        by: "root".to_string(),
        comment: String::new(),
        made_at: UnixTime::from_secs(BEGINNING + 30),
    };
    site.incidents.handle_input(site.now, Input::Silence(silence));
    site.incidents.handle_input(site.now, Input::Ended { to, end: End::Arrived(Form::Rich) });
}

#[test]
fn a_new_store_is_told_all_and_bounds_what_there_may_be() {
    let mut site = Site::one();
    site.ap("AP_DISCONNECTED", 1, 1);
    site.until(40);
    let (records, shown) = (site.records.clone(), site.shown.clone());
    assert_eq!((records.len(), shown.len()), (1, 1));
    (site.records, site.shown) = Default::default();
    site.input(Input::Opened { is_new: true, store_max: 2 * STORE_PART });
    assert!(site.records.keys().eq(records.keys()));
    assert_eq!(site.shown, shown);
    site.ap("AP_DISCONNECTED", 2, 1);
    site.ap("AP_DISCONNECTED", 3, 1);
    assert_eq!((site.records.len(), open(&site.incidents)), (2, 2));
}

#[test]
fn a_restart_makes_nothing_young() {
    let mut site = Site::one();
    site.ap("AP_DISCONNECTED", 1, 7);
    site.until(100);
    site.ap("AP_CONNECTED", 1, 7);
    site.until(4 * 86_400);
    site.restart();
    site.until(4 * 86_400 + 60);
    site.ap("AP_DISCONNECTED", 1, 7);
    let view = site.incidents.views().next().expect("one");
    assert_eq!((view.incident.id, view.incident.times), (2, 1), "later is a new one");
}

#[test]
fn our_own_clock_orders_nothing() {
    let mut site = Site::one();
    site.until(1_000);
    site.input(clock(100));
    site.event_of("device-events", "AP_DISCONNECTED", &ap(2, 7), BEGINNING + 900);
    site.until(1_040);
    site.event_of("device-events", "AP_CONNECTED", &ap(2, 7), BEGINNING + 800);
    assert_eq!(open(&site.incidents), 1, "an older event changed it");
}

#[test]
fn what_flaps_is_open_for_people_also_while_it_is_up() {
    let mut site = Site::one();
    for nth in 0..3 {
        site.until(nth * 100);
        site.ap("AP_DISCONNECTED", 1, 7);
        site.until(nth * 100 + 10);
        site.ap("AP_CONNECTED", 1, 7);
    }
    site.until(220);
    let acknowledgement = Acknowledgement {
        by: "ann".to_string(),
        comment: String::new(),
        at: UnixTime::from_secs(BEGINNING),
    };
    site.input(Input::Acknowledge { id: 1, acknowledgement });
    let view = site.incidents.find(1).expect("one");
    assert_eq!((view.state(), &*view.sentence()), ("flapping", "AP-1 coming and going"));
    assert_eq!(site.incidents.open_views().len(), 1);
    assert!(!view.incident.is_open && view.incident.acknowledged.is_some());
    let known: Vec<_> = site.incidents.known(view.key).collect();
    let [known] = known.as_slice() else { panic!("{known:?}") };
    assert_eq!(
        (known.to, known.told.map(|(told, _)| told.name())),
        ("slack/all", Some("flapping"))
    );
    assert!(!known.is_due);
    site.until(900);
    let view = site.incidents.find(1).expect("one");
    assert_eq!((view.state(), &*view.sentence()), ("over", "AP-1 back"));
    assert_eq!(site.incidents.open_views().len(), 0);
}

#[test]
fn a_silence_until_recovered_covers_no_later_incident_also_after_a_restart() {
    let mut site = Site::one();
    let mut matcher = Matcher::default();
    matcher.add("site", "Branch-7").expect("a good term");
    site.ap("AP_DISCONNECTED", 1, 7);
    let silence = Silence {
        matcher,
        // As if others were opened and forgotten.
        until: Until::Recovered { last_id: 5 },
        by: "root".to_string(),
        comment: String::new(),
        made_at: UnixTime::from_secs(BEGINNING),
    };
    let bytes = silence.to_bytes();
    site.input(Input::RestoredSilence { number: 1, silence: bytes });
    site.input(Input::Opened { is_new: false, store_max: u64::MAX });
    site.ap("AP_DISCONNECTED", 2, 7);
    let muted: Vec<_> =
        site.incidents.open_views().iter().map(|view| view.muted_by.is_some()).collect();
    assert_eq!(muted, [false, true]);
    site.until(200);
    assert_eq!(site.incidents.silences().all().len(), 1);
    site.ap("AP_CONNECTED", 1, 7);
    site.until(300);
    assert_eq!(site.incidents.silences().all().len(), 0);
    assert_told(&site, &["30 slack/all info: AP disconnected"]);
}

fn oncall(rules: Rules) -> Site {
    Site::new(chat(&[("oncall", &pagerduty::KIND, ALL)]), rules)
}

impl Site {
    /// What was told since the last call: the alert, what became of it, and its title.
    fn alerts(&mut self) -> Vec<String> {
        self.told.clear();
        let alert = |told: Notification| {
            let action = match () {
                () if told.is_over => "resolve",
                () if told.is_acknowledged => "acknowledge",
                () => "trigger",
            };
            let thread = told.thread.unwrap_or_default();
            let (alert, _) = thread.rsplit_once('-').expect("a digest");
            format!("{action} {alert}: {}", told.title)
        };
        self.notifications.drain(..).map(alert).collect()
    }

    fn acknowledge(&mut self, id: u64) {
        let (by, comment) = ("Ann".to_string(), String::new());
        let acknowledgement = Acknowledgement { by, comment, at: self.incidents_clock() };
        self.input(Input::Acknowledge { id, acknowledgement });
    }
}

#[test]
fn each_condition_at_each_site_is_one_alert_until_none_is_open() {
    let mut site = oncall(Rules::default());
    for number in 0..3 {
        site.ap("AP_DISCONNECTED", number, 7);
    }
    site.ap("AP_DISCONNECTED", 3, 8);
    site.until(30);
    let threads: Vec<_> = site.notifications.iter().map(|told| told.thread.clone()).collect();
    let [first, second] = threads.as_slice() else { panic!("{threads:?}") };
    assert_ne!(first, second);
    assert_eq!(
        site.alerts(),
        [
            "trigger device-down-site: 3 APs down at Branch-7",
            "trigger device-down-site: AP-3 down at Branch-8",
        ]
    );
    site.ap("AP_CONNECTED", 1, 7);
    site.ap("AP_CONNECTED", 3, 8);
    site.until(60);
    site.ap("AP_CONNECTED", 0, 7);
    site.ap("AP_CONNECTED", 2, 7);
    site.until(3_600);
    let last = site.notifications.last().and_then(|told| told.thread.clone());
    assert!(threads.contains(&last));
    assert_eq!(
        site.alerts(),
        [
            "trigger device-down-site: 2 APs down at Branch-7",
            "resolve device-down-site: All over: AP-3 back at Branch-8",
            "trigger device-down-site: AP-2 down at Branch-7",
            "resolve device-down-site: All over: AP-2 back at Branch-7",
        ]
    );
    assert!(site.shown.is_empty());
}

#[test]
fn an_alert_is_acknowledged_once_somebody_takes_care_of_all_of_it() {
    let mut site = oncall(Rules::default());
    site.ap("AP_DISCONNECTED", 1, 7);
    site.acknowledge(1);
    site.until(30);
    // Nothing is acknowledged that was not triggered.
    assert_eq!(
        site.alerts(),
        [
            "trigger device-down-site: AP-1 down at Branch-7",
            "acknowledge device-down-site: AP-1 down at Branch-7",
        ]
    );
    site.ap("AP_DISCONNECTED", 2, 7);
    site.until(60);
    assert_eq!(site.alerts(), ["trigger device-down-site: 2 APs down at Branch-7"]);
    site.restart();
    site.until(200);
    assert_eq!(site.alerts(), [""; 0]);
    site.acknowledge(2);
    site.until(300);
    site.ap("AP_CONNECTED", 1, 7);
    site.ap("AP_CONNECTED", 2, 7);
    site.until(900);
    assert_eq!(
        site.alerts(),
        [
            "acknowledge device-down-site: 2 APs down at Branch-7",
            "acknowledge device-down-site: AP-2 down at Branch-7",
            "resolve device-down-site: All over: AP-2 back at Branch-7",
        ]
    );
}

#[test]
fn an_alert_names_fifty_devices_and_shows_the_card_of_a_single_one() {
    let mut site = oncall(Rules::default());
    site.ap("AP_DISCONNECTED", 0, 7);
    site.until(30);
    let single = site.notifications.pop().expect("one");
    let labels: Vec<&str> = single.facts.iter().map(|fact| fact.label.as_str()).collect();
    assert_eq!(labels.first(), Some(&"Condition"));
    assert!(labels.contains(&"MAC") && single.summary.contains("AP-0"), "{single:?}");
    for number in 1..70 {
        site.ap("AP_DISCONNECTED", number, 7);
    }
    site.until(60);
    let many = site.notifications.last().expect("one");
    let names = many.facts.first().expect("one");
    assert_eq!((names.label.as_str(), names.value.matches("AP-").count()), ("Open", 50));
    assert!(names.value.ends_with(" and 20 more"), "{}", names.value);
}

#[test]
fn what_is_muted_or_of_no_condition_is_no_alert() {
    let mut site = oncall(Rules { report: None, ..Rules::default() });
    assert!(!site.event("device-events", "AP_CONFIGURED", &ap(1, 7)));
    site.until(3_600);
    assert_eq!(site.alerts(), [""; 0]);
}
