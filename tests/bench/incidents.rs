//! 100,000 open incidents, and 10,000 events a second more: what they cost in CPU and memory.
//!
//! ```text
//! cargo bench -p mistgate-tests --bench incidents
//! ```
//!
//! The incidents machine alone, with three chats that take every message at once, on a clock that
//! the bench moves. Every access point is behind a switch. The events come and go like a storm:
//! each second, 10,000 of the access points change. The result is one line of `name=value` pairs.

#![expect(clippy::print_stdout, reason = "the result goes to stdout")]

use std::io;
use std::time::{Duration, Instant};

use mistgate_core::base::mac::Mac;
use mistgate_core::base::machine::Machine;
use mistgate_core::base::time::{Instant as Moment, UnixTime};
use mistgate_core::chat::kind::{Kind, Options};
use mistgate_core::chat::shape::Form;
use mistgate_core::chat::{google, slack, teams};
use mistgate_core::delivery::config::{Chat, Delivery, Destination};
use mistgate_core::delivery::queue::output::End;
use mistgate_core::event::{Event, Topic};
use mistgate_core::incident::Incidents;
use mistgate_core::incident::config::Rules;
use mistgate_core::incident::input::{Changed, Config, Input};
use mistgate_core::incident::output::Output;
use mistgate_core::notify::Severity;
use mistgate_core::notify::change::changes;
use mistgate_core::route::Routes;
use mistgate_tests::base::process::Usage;

const OPEN: u32 = 100_000;
const EVENTS_PER_SEC: u32 = 10_000;
const SECS: u32 = 30;
const BEGINNING: i64 = 1_752_000_000;

struct Bench {
    incidents: Incidents,
    now: Moment,
    messages: u32,
    /// The time that messages took, and the longest.
    composing: Duration,
    longest: Duration,
    kept: usize,
}

fn chat() -> Chat {
    let to = |kind: &'static Kind| Destination {
        chat: kind.name.into(),
        name: format!("{}/default", kind.name),
        is_named: false,
        kind,
        format: kind.default_format(),
        url: None,
        channels: Vec::new(),
        default: true,
        pace: Vec::new(),
        options: Options::default(),
        fallback: None,
    };
    Chat {
        routes: Routes::default().into(),
        destinations: vec![to(&slack::KIND), to(&teams::KIND), to(&google::KIND)],
        delivery: Delivery::default(),
    }
}

fn mac(number: u32) -> Mac {
    Mac::parse(&format!("5c5b{number:08x}")).expect("a MAC")
}

impl Bench {
    fn change(&mut self, ap: u32, is_up: bool) {
        let site = ap / 100;
        let secs = i64::try_from(self.now.as_micros() / 1_000_000).expect("a short bench");
        let kind = if is_up { "AP_CONNECTED" } else { "AP_DISCONNECTED" };
        let text = format!(
            r#"{{"type":"{kind}","mac":"5c5b{ap:08x}","device_type":"ap","device_name":"AP-{ap}",
            "org_id":"o","site_id":"s{site}","site_name":"Branch-{site}","timestamp":{}}}"#,
            BEGINNING + secs
        );
        let event = Event::parse(Topic::DeviceEvents, &text).expect("an object");
        for change in changes(&event) {
            let changed = Changed {
                change,
                severity: Severity::Info,
                channel: "info".to_owned(),
                chats: ["slack", "teams", "google"].map(Into::into).into(),
                topic: "device-events".to_owned(),
                text: text.as_str().into(),
            };
            self.input(Input::Changed(changed));
        }
    }

    fn input(&mut self, input: Input) {
        self.incidents.handle_input(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.incidents.poll_output() {
            match output {
                Output::Due { to, severity: Some(_) } => {
                    let began = Instant::now();
                    let compose = Input::Compose { to, failing: Vec::new() };
                    self.incidents.handle_input(self.now, compose);
                    let took = began.elapsed();
                    self.composing += took;
                    self.longest = self.longest.max(took);
                }
                Output::Message { to, notification } => {
                    self.messages += u32::from(notification.is_some());
                    let end = End::Arrived(Form::Rich);
                    self.incidents.handle_input(self.now, Input::Ended { to, end });
                }
                Output::Keep { .. } | Output::KeepShown { .. } => self.kept += 1,
                Output::Due { severity: None, .. }
                | Output::Event(_)
                | Output::KeepSilence { .. }
                | Output::Takes(_) => {}
            }
        }
    }

    fn until(&mut self, end: Moment) {
        while let Some(due) = self.incidents.poll_timeout().filter(|due| *due <= end) {
            self.now = due;
            self.incidents.handle_timeout(due);
            self.drain();
        }
        self.now = end;
    }
}

fn main() -> io::Result<()> {
    let config =
        Config { rules: Rules::default(), chat: chat(), dashboard_host: "manage.mist.com".into() };
    let mut bench = Bench {
        incidents: Incidents::new(config, 1, Moment::default()),
        now: Moment::default(),
        messages: 0,
        composing: Duration::ZERO,
        longest: Duration::ZERO,
        kept: 0,
    };
    bench.input(Input::Clock { wall: UnixTime::from_secs(BEGINNING), is_synchronised: true });
    for ap in 0..OPEN {
        let parent = Some(mac(0x0100_0000 + ap / 20));
        bench.input(Input::Linked { child: mac(ap), parent });
    }
    let before = Usage::of(std::process::id())?;
    let began = Instant::now();
    for ap in 0..OPEN {
        bench.change(ap, false);
    }
    let opened = began.elapsed();
    let after = Usage::of(std::process::id())?;
    bench.until(Moment::from_secs(120));
    assert_eq!(
        bench.incidents.views().filter(|view| view.incident.is_open).count(),
        usize::try_from(OPEN).expect("a number")
    );
    (bench.composing, bench.longest, bench.messages) = (Duration::ZERO, Duration::ZERO, 0);
    let began = Instant::now();
    for nth in 0..SECS * EVENTS_PER_SEC {
        let micros = u64::from(nth) * 1_000_000 / u64::from(EVENTS_PER_SEC);
        bench.until(Moment::from_secs(120) + Duration::from_micros(micros));
        bench.change(nth % OPEN, (nth / OPEN).is_multiple_of(2));
    }
    let stormed = began.elapsed();
    let events = f64::from(SECS * EVENTS_PER_SEC);
    println!(
        "open={OPEN} open_us={:.1} rss_before_kib={} rss_kib={} events_per_s={EVENTS_PER_SEC} \
         event_us={:.1} cpu_share={:.2} messages={} compose_ms={:.1} compose_max_ms={:.1} kept={}",
        opened.as_secs_f64() * 1e6 / f64::from(OPEN),
        before.resident_kib,
        after.resident_kib,
        (stormed - bench.composing).as_secs_f64() * 1e6 / events,
        stormed.as_secs_f64() / f64::from(SECS),
        bench.messages,
        bench.composing.as_secs_f64() * 1e3 / f64::from(bench.messages.max(1)),
        bench.longest.as_secs_f64() * 1e3,
        bench.kept,
    );
    Ok(())
}
