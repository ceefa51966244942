//! What happens in the golden conversations: two storms, and what an operator sees every week.

use core::time::Duration;

use mistgate_core::base::calendar::Daily;
use mistgate_core::base::mac::Mac;
use mistgate_core::base::zone;
use mistgate_core::incident::config::{Escalation, Rules};
use mistgate_core::incident::input::Input;
use mistgate_core::incident::record::Acknowledgement;
use mistgate_core::matcher::Matcher;
use mistgate_core::notify::Severity;
use mistgate_core::silence::{Silence, Until};
use serde_json::{Value, json};

use super::conversation::Conversation;

/// A conversation: the name of its file, what happens in it, and the same as a function.
pub type Scene = (&'static str, &'static str, fn() -> Conversation);

/// All of them, the storms first.
pub const ALL: [Scene; 7] = [
    (
        "storm-flapping-site",
        "200 access points of Branch-7 come and go for a minute from 14:18:00: 10,000\n\
         events. Then 90 of them stay down, until 14:40.",
        flapping_site,
    ),
    (
        "storm-mass-outage",
        "300 access points of 30 stores go down from 14:18:00 to 14:18:40. They are back from\n\
         14:28:00 to 14:29:00, all but AP-141 of Store-22.",
        mass_outage,
    ),
    ("one-ap", "One access point is down from 14:18:00 to 14:25:30. Three topics say so.", one_ap),
    (
        "switch",
        "A switch is down from 14:18:05 to 14:26:00, and with it the twelve access points behind\n\
         it. One of them does not come back.",
        switch,
    ),
    (
        "flapping-ap",
        "An access point is down for 50 seconds of each 100, six times, and then stays up.",
        flapping_ap,
    ),
    (
        "silence",
        "From 14:20 to 14:50 a person silences Branch-7 to work there. AP-1 was down before, and\n\
         comes back meanwhile; AP-2 goes down and comes back; AP-3 goes down and stays down.",
        silence,
    ),
    (
        "critical",
        "A service of a Mist Edge fails at 14:18. Nobody answers: after 15 minutes on-call is\n\
         asked. At 15:40, after a reminder, Ann acknowledges it; it works again at 17:05. At\n\
         16:00 comes the daily report.",
        critical,
    ),
];

fn ap(number: u64, site: &str) -> Value {
    json!({
        "mac": format!("5c5b35{number:06x}"),
        "device_type": "ap",
        "device_name": format!("AP-{number}"),
        "site_id": format!("id-{site}"),
        "site_name": site,
    })
}

fn down(conversation: &mut Conversation, number: u64, site: &str) {
    conversation.event("device-events", "AP_DISCONNECTED", ap(number, site));
}

fn up(conversation: &mut Conversation, number: u64, site: &str) {
    conversation.event("device-events", "AP_CONNECTED", ap(number, site));
}

fn flapping_site() -> Conversation {
    let mut conversation = Conversation::new(Rules::default());
    for nth in 0..10_000 {
        conversation.until(Duration::from_millis(nth * 6));
        let (ap, round) = (nth % 200 + 1, nth / 200);
        match round % 2 {
            0 => down(&mut conversation, ap, "Branch-7"),
            // The last time, some do not come back.
            _ if round == 49 && ap <= 90 => {}
            _ => up(&mut conversation, ap, "Branch-7"),
        }
    }
    for ap in 1..=90 {
        conversation.until(Duration::from_millis(1_320_000 + ap * 100));
        up(&mut conversation, ap, "Branch-7");
    }
    conversation.until_secs(3_600);
    conversation
}

fn mass_outage() -> Conversation {
    let mut conversation = Conversation::new(Rules::default());
    let site = |ap: u64| format!("Store-{}", ap % 30 + 1);
    for ap in 0..300 {
        conversation.until(Duration::from_millis(ap * 133));
        down(&mut conversation, ap, &site(ap));
    }
    for ap in (0..300).filter(|ap| *ap != 141) {
        conversation.until(Duration::from_millis(600_000 + ap * 200));
        up(&mut conversation, ap, &site(ap));
    }
    conversation.until_secs(3_600);
    conversation
}

fn one_ap() -> Conversation {
    let mut conversation = Conversation::new(Rules::default());
    let alarm = || {
        json!({
            "aps": ["5c5b35000007"], "hostnames": ["AP-7"], "severity": "warn",
            "site_id": "id-Branch-7", "site_name": "Branch-7",
        })
    };
    down(&mut conversation, 7, "Branch-7");
    conversation.until_secs(1);
    conversation.event("device-updowns", "AP_DISCONNECTED", ap(7, "Branch-7"));
    conversation.until_secs(20);
    conversation.event("alarms", "device_down", alarm());
    conversation.until_secs(450);
    up(&mut conversation, 7, "Branch-7");
    conversation.until_secs(451);
    conversation.event("device-updowns", "AP_CONNECTED", ap(7, "Branch-7"));
    conversation.until_secs(470);
    conversation.event("alarms", "device_reconnected", alarm());
    conversation.until_secs(3_600);
    conversation
}

fn switch() -> Conversation {
    let mut conversation = Conversation::new(Rules::default());
    let mac = |text: &str| Mac::parse(text).expect("a MAC");
    for ap in 1..=12 {
        let child = mac(&format!("5c5b35{ap:06x}"));
        conversation.incident(Input::Linked { child, parent: Some(mac("0c8126000001")) });
    }
    let switch = || {
        json!({
            "mac": "0c8126000001", "device_type": "switch", "device_name": "sw-1",
            "site_id": "id-Branch-7", "site_name": "Branch-7",
        })
    };
    for ap in 1..=12 {
        conversation.until(Duration::from_millis(ap * 300));
        down(&mut conversation, ap, "Branch-7");
    }
    conversation.until_secs(5);
    conversation.event("device-events", "SW_DISCONNECTED", switch());
    conversation.until_secs(480);
    conversation.event("device-events", "SW_CONNECTED", switch());
    for ap in (1..=12).filter(|ap| *ap != 4) {
        conversation.until(Duration::from_millis(490_000 + ap * 500));
        up(&mut conversation, ap, "Branch-7");
    }
    conversation.until_secs(3_600);
    conversation
}

fn flapping_ap() -> Conversation {
    let mut conversation = Conversation::new(Rules::default());
    for round in 0..6 {
        conversation.until_secs(round * 100);
        down(&mut conversation, 7, "Branch-7");
        conversation.until_secs(round * 100 + 50);
        up(&mut conversation, 7, "Branch-7");
    }
    conversation.until_secs(3_600);
    conversation
}

fn silence() -> Conversation {
    let mut conversation = Conversation::new(Rules::default());
    down(&mut conversation, 1, "Branch-7");
    conversation.until_secs(120);
    let mut matcher = Matcher::default();
    matcher.add("site", "Branch-7").expect("a good term");
    let made_at = conversation.wall();
    let until = Until::Time(made_at.plus(Duration::from_secs(1_800)));
    let (by, comment) = ("ann".to_owned(), "cabling".to_owned());
    conversation.incident(Input::Silence(Silence { matcher, until, by, comment, made_at }));
    for (secs, ap, is_up) in [(200, 2, false), (300, 1, true), (400, 3, false), (900, 2, true)] {
        conversation.until_secs(secs);
        match is_up {
            true => up(&mut conversation, ap, "Branch-7"),
            false => down(&mut conversation, ap, "Branch-7"),
        }
    }
    conversation.until_secs(3_600);
    conversation
}

fn critical() -> Conversation {
    let rules = Rules {
        repeat: Some(Duration::from_secs(3_600)),
        escalate: Some(Escalation {
            after: Duration::from_secs(900),
            to: vec!["oncall".to_owned()],
            severity: Severity::Critical,
        }),
        report: Some(Daily { minute: 16 * 60, zone: zone::named("UTC").expect("a zone") }),
        ..Rules::default()
    };
    let mut conversation = Conversation::new(rules);
    let edge = || {
        json!({
            "mac": "020000000001", "device_type": "mxedge", "device_name": "edge-1",
            "service": "tunterm", "site_id": "id-DC", "site_name": "DC-Frankfurt",
        })
    };
    conversation.event("mxedge-events", "ME_SERVICE_FAILED", edge());
    conversation.until_secs(82 * 60);
    let acknowledgement = Acknowledgement {
        by: "ann".to_owned(),
        comment: "case open with the vendor".to_owned(),
        at: conversation.wall(),
    };
    let id = conversation.id_of("tunterm of edge-1");
    conversation.incident(Input::Acknowledge { id, acknowledgement });
    conversation.until_secs(167 * 60);
    conversation.event("mxedge-events", "ME_SERVICE_STARTED", edge());
    conversation.until_secs(4 * 3_600);
    conversation
}
