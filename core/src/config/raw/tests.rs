use alloc::{format, string::String};
use core::time::Duration;

use jiff::tz::TimeZone;

use super::*;
use crate::base::calendar::{Daily, Days, Period};
use crate::base::network::Network;
use crate::base::secret::Secret;
use crate::base::window::Window;
use crate::base::zone;
use crate::chat::{console, google, slack, teams};
use crate::config::files::FileKind;
use crate::delivery::config::{Delivery, Destination};
use crate::http::listener::{Limits, Policy, Tls};
use crate::incident::config::{Escalation, Mute, Rules};
use crate::micronets::access::{AltName, Rule, Subject};
use crate::micronets::keepalive::Timing;
use crate::micronets::meetup::input::{Config as Meetup, OnPartnerLoss};
use crate::micronets::proxy::{Proxy, ProxyFiles, ProxyLimits};
use crate::notify::Severity;
use crate::route::Target;

/// Everything in the contract and in [`checked`](super::super::checked) that can be written,
/// with a value other than its default.
const FULL: &str = r#"
state_dir = "state"

[mist]
api_url = "https://api.gc1.mist.com"
token_file = "mist-token"
org_id = "A9E4F3C1-6ef6-11e6-8bbf-02e208b2d34f"
ignored_sites = ["978c48e6-6ef6-11e6-8bbf-02e208b2d34f"]

[webhook]
listen = "0.0.0.0:51362"
paths = ["/webhooks", "/mist/hook"]
secret_files = ["secret-new", "/run/secret-old"]
accept_v1 = true
dedup_window = "2h"
max_event_age = "2d"
max_body = "2MiB"
bodies_max = "32MiB"
body_rate_min = "64KiB"
head_max = "8KiB"
headers_max = 32
connections_max = 100
connections_per_address_max = 0x10
handshakes_per_second_max = 20
head_timeout = "5s"
body_timeout = "1m"
handshake_timeout = "500ms"
tls = { cert = "both.pem" }
allow_from = ["54.193.71.17", "10.0.0.0/8", "2001:db8::/32"]
trusted_proxies = ["127.0.0.1"]

[chat]
approved_admins = ["User@Example.net"]
max_age = "12h"
timeout = "20s"
queue_max = 1_000
digest_after = "1m"
extra_ca = "both.pem"
http_proxy = "http://user:proxy-password@192.0.2.1:3128"

[chat.slack]
default_url = "https://hooks.slack.com/services/T/B/slack-default"
urls.warning = "https://hooks.slack.com/services/T/B/slack-loud"
urls.critical = "https://hooks.slack.com/services/T/B/slack-loud"
urls_file = { debug = "slack-url" }

[chat.teams]
format = "message-card"
urls.info = "https://relay.example/teams-info"
pace = "4/s, 60/30s"

[chat.google]
default_url_file = "google-url"
urls.info = "https://chat.googleapis.com/v1/spaces/S/messages?key=k&token=google-token"

[chat.console]

[chat.channels.device-events]
AP_DISCONNECTED = "warning"
"*" = "drop"
[chat.channels.audits]
other_admins = "critical"
[chat.channels.nac-events]
"*" = "debug"

[incidents]
hold = "45s"
flap = { count = 4, window = "20m" }
mute_dependents = false
repeat = "4h"
escalate = { after = "20m", to = ["google"], severity = "warning" }
report = "08:00"
[[incidents.mute]]
name = "lab"
match = { site = "Lab-*", type = ["AP_DISCONNECTED", "SW_*"] }
days = ["sat", "sun"]
from = "00:00"
to = "00:00"
timezone = "Europe/Berlin"
critical_too = true

[proxy]
listen = "192.0.2.1:5051"
proxy_protocol = true
path_prefix = "/ws/"
cert = "both.pem"
key = "/run/key.pem"
client_ca = "both.pem"
crl = ["crl.pem", "/run/crl.pem"]
hello_timeout = "5s"
ping_interval = "20s"
ping_timeout = "15s"
request_timeout = "40s"
on_partner_loss = "close"
max_message = "2MiB"
held_max = "128KiB"
unsent_max = "512KiB"
connections_max = 2_000
connections_per_address_max = 10
handshakes_per_second_max = 50
handshake_timeout = "4s"
upgrade_timeout = "3s"
[[proxy.allow]]
meetup = "gw/*"
subjects = ["O=Micronets DHCP Manager Cert", "SAN=gw-1.example"]
[[proxy.allow]]
meetup = "*"
subjects = ["CN=auditor"]

[admin]
listen = "192.0.2.1:9362"
token = "admin-token"
"#;

/// The files that the tests name, by path.
fn content(path: &str) -> Result<Vec<u8>, String> {
    let text = match path {
        "/etc/mistgate/mist-token" => "mist-token-text\n",
        "/etc/mistgate/secret-new" => "new-secret\n",
        "/run/secret-old" => "old-secret",
        "/etc/mistgate/slack-url" => "https://hooks.slack.com/services/T/B/slack-file\r\n",
        "/etc/mistgate/google-url" => {
            "https://chat.googleapis.com/v1/spaces/S/messages?key=k&token=google-token\n"
        }
        "/etc/mistgate/two-lines" => "one-secret\ntwo-secret\n",
        "/etc/mistgate/both.pem" => {
            "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n\
                 -----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n"
        }
        "/run/key.pem" => "-----BEGIN EC PRIVATE KEY-----\nAA==\n-----END EC PRIVATE KEY-----\n",
        "/etc/mistgate/crl.pem" | "/run/crl.pem" => {
            "-----BEGIN X509 CRL-----\nAA==\n-----END X509 CRL-----\n"
        }
        _ => return Err("no such file".into()),
    };
    Ok(text.into())
}

fn report(text: &str) -> Report {
    let name = "/etc/mistgate/mistgate.toml";
    let draft = Draft::parse(Source { name, text });
    let mut files = Files::new();
    for request in draft.files() {
        files.insert(&request, content(&request.path));
    }
    draft.check(&files)
}

fn lines(problems: &[Problem]) -> Vec<String> {
    let line = |problem: &Problem| problem.in_file("F").to_string();
    problems.iter().map(line).collect()
}

/// Holds if `text` has exactly these problems.
#[track_caller]
fn check(text: &str, problems: &[&str]) {
    assert_eq!(lines(&report(text).problems), problems, "in\n{text}");
}

/// Holds if `text` works and raises exactly these warnings.
#[track_caller]
fn check_warnings(text: &str, warnings: &[&str]) {
    let report = report(text);
    assert_eq!(lines(&report.problems), [""; 0], "in\n{text}");
    assert_eq!(lines(&report.warnings), warnings, "in\n{text}");
    assert!(report.config.is_some());
}

#[test]
fn every_key_is_read() {
    let report = report(FULL);
    assert_eq!(lines(&report.problems), [""; 0]);
    let config = report.config.expect("a sound configuration");

    assert_eq!(config.state_dir, "/etc/mistgate/state");
    assert_eq!(config.mist.api_url.as_str(), "https://api.gc1.mist.com/");
    assert_eq!(config.mist.dashboard_host, "manage.gc1.mist.com");
    assert_eq!(config.mist.token, Some(Secret::new("mist-token-text")));
    let org_id = config.mist.org_id.as_deref();
    assert_eq!(org_id, Some("a9e4f3c1-6ef6-11e6-8bbf-02e208b2d34f"));

    let webhook = config.webhook.expect("a webhook");
    assert_eq!(webhook.listen.to_string(), "0.0.0.0:51362");
    assert_eq!(webhook.paths, ["/webhooks", "/mist/hook"]);
    let secrets = ["new-secret", "old-secret"].map(Secret::new);
    assert_eq!(webhook.secrets, secrets);
    assert!(webhook.accept_v1);
    assert_eq!(webhook.dedup_window, Duration::from_secs(7_200));
    let tls = webhook.tls.expect("TLS");
    assert_eq!(tls.cert, "/etc/mistgate/both.pem");
    assert_eq!(tls.key, tls.cert);
    let prefixes: Vec<_> = webhook.policy.allow_from.iter().map(|net| net.prefix).collect();
    assert_eq!(prefixes, [32, 8, 32]);
    let loopback = Network { address: [127, 0, 0, 1].into(), prefix: 32 };
    assert_eq!(webhook.policy.proxies, [loopback]);
    let limits = Limits {
        body_max: 2 << 20,
        bodies_max: 32 << 20,
        body_rate_min: 64 << 10,
        head_max: 8 << 10,
        headers_max: 32,
        connections_max: 100,
        connections_per_address_max: 16,
        handshakes_per_second_max: 20,
        head_timeout: Duration::from_secs(5),
        body_timeout: Duration::from_secs(60),
        handshake_timeout: Duration::from_millis(500),
    };
    assert_eq!(webhook.policy.limits, limits);

    let routes = config.chat.routes;
    assert_eq!(routes.approved_admins, ["user@example.net"]);
    let site = "978c48e6-6ef6-11e6-8bbf-02e208b2d34f";
    assert_eq!(routes.ignored_sites, [site]);
    let target = |topic: &str, kind: &str| routes.overrides.get(topic)?.get(kind).cloned();
    let channel = |name: &str| Some(Target::Channel(name.into()));
    let disconnected = target("device-events", "AP_DISCONNECTED");
    assert_eq!(disconnected, channel("warning"));
    assert_eq!(target("device-events", "*"), Some(Target::Drop));
    assert_eq!(target("audits", "other_admins"), channel("critical"));
    assert_eq!(target("nac-events", "*"), channel("debug"));

    let delivery = config.chat.delivery;
    assert_eq!(delivery.max_age, Duration::from_secs(12 * 3_600));
    assert_eq!(delivery.timeout, Duration::from_secs(20));
    assert_eq!(delivery.queue_max, 1_000);
    assert_eq!(delivery.digest_after, Duration::from_secs(60));
    assert!(delivery.extra_ca.is_some_and(|pem| pem.contains("CERTIFICATE")));
    let proxy = Secret::new("http://user:proxy-password@192.0.2.1:3128");
    assert_eq!(delivery.http_proxy, Some(proxy));

    let mut rules = config.incidents;
    let [mute]: [Mute; 1] = rules.mutes.split_off(0).try_into().expect("one mute time");
    assert_eq!(mute.matcher.to_string(), "site=Lab-* type=AP_DISCONNECTED type=SW_*");
    let Period { name, days, from, to, zone } = mute.period;
    assert_eq!((&*name, from, to), ("lab", 0, 0));
    assert_eq!(days, Days::Week([false, false, false, false, false, true, true]));
    assert_eq!(Some(zone), zone::named("Europe/Berlin"));
    assert!(mute.critical_too);
    let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
    let to = Vec::from([String::from("google")]);
    let expected = Rules {
        hold: Duration::from_secs(45),
        flap_count: 4,
        flap_window: minutes(20),
        mute_dependents: false,
        repeat: Some(minutes(240)),
        escalate: Some(Escalation { after: minutes(20), to, severity: Severity::Warning }),
        report: Some(Daily { minute: 480, zone: TimeZone::UTC }),
        mutes: Vec::new(),
        max_event_age: Duration::from_secs(2 * 86_400),
        unheard_after: None,
    };
    assert_eq!(rules, expected);

    let admin = config.admin.expect("an admin endpoint");
    assert_eq!(admin.listen.to_string(), "192.0.2.1:9362");
    assert_eq!(admin.token, Some(Secret::new("admin-token")));

    let rule = |meetup: &str, subjects: Vec<Subject>| Rule { meetup: meetup.into(), subjects };
    let manager = Subject::Organisation("Micronets DHCP Manager Cert".into());
    let gateway = Subject::AltName(AltName::Dns("gw-1.example".into()));
    let auditor = Subject::CommonName("auditor".into());
    let expected = Proxy {
        listen: "192.0.2.1:5051".parse().expect("an address"),
        proxy_protocol: true,
        path_prefix: "/ws/".into(),
        files: ProxyFiles {
            tls: Tls { cert: "/etc/mistgate/both.pem".into(), key: "/run/key.pem".into() },
            client_ca: "/etc/mistgate/both.pem".into(),
            crl: ["/etc/mistgate/crl.pem", "/run/crl.pem"].map(String::from).to_vec(),
        },
        allow: [rule("gw/*", [manager, gateway].to_vec()), rule("*", [auditor].to_vec())].to_vec(),
        meetup: Meetup {
            hello_timeout: Duration::from_secs(5),
            pings: Timing { interval: Duration::from_secs(20), timeout: Duration::from_secs(15) },
            request_timeout: Duration::from_secs(40),
            on_partner_loss: OnPartnerLoss::Close,
            held_max: 128 << 10,
        },
        limits: ProxyLimits {
            message_max: 2 << 20,
            unsent_max: 512 << 10,
            listener: Limits {
                connections_max: 2_000,
                connections_per_address_max: 10,
                handshakes_per_second_max: 50,
                handshake_timeout: Duration::from_secs(4),
                head_timeout: Duration::from_secs(3),
                ..Limits::default()
            },
        },
    };
    assert_eq!(config.proxy, Some(expected));
}

#[test]
fn each_mistake_about_incidents_is_named() {
    check(
        "[chat.slack]\ndefault_url = \"https://relay.example/x\"\n[incidents]\nhold = \"1h\"\n\
             repeat = \"daily\"\nreport = \"8\"\nmute_dependents = 1\n\
             flap = { count = 1 }\nescalate = { to = [\"pager\"] }\n[[incidents.mute]]\n\
             match = { sites = \"Lab\" }\nfrom = \"00:00\"\nto = \"06:00\"\n\
             [[incidents.mute]]\nmatch = { severity = \"bad\" }\nfrom = \"00:00\"\nto = \"06:00\"\n\
             [[incidents.mute]]\nmatch = {}\nfrom = \"00:00\"\nto = \"06:00\"\n",
        &[
            "F:4: incidents.hold: 1h is out of bounds — from 0ms to 10m",
            "F:5: incidents.repeat: \"daily\" is not a duration — a whole number with its unit \
                 (ms, s, m, h, d), such as \"30s\"",
            "F:6: incidents.report: \"8\" is not a time of day — a time of day, such as \
                 \"18:00\"",
            "F:7: incidents.mute_dependents: this is a number — true or false",
            "F:8: incidents.flap.count: 1 is out of bounds — from 2 to 20",
            "F:9: incidents.escalate.to[0]: \"pager\" is no configured chat — one of slack",
            "F:11: incidents.mute[0].match.sites: unknown key — expected org, site, device, \
                 device_type, topic, type, severity or admin before the \"=\"",
            "F:15: incidents.mute[1].match.severity: \"bad\" can match nothing — expected a \
                 value: of severity, debug to critical; of device_type, ap, switch, gateway or \
                 mxedge; else a name of at most 200 bytes, in which * is any text",
            "F:19: incidents.mute[2].match: it would match everything — a table such as \
                 { site = \"Lab-*\" }",
        ],
    );
}

#[test]
fn each_url_of_a_kind_is_one_destination() {
    let chat = report(FULL).config.expect("a sound configuration").chat;
    let shown: Vec<_> = chat
        .destinations
        .iter()
        .map(|each| {
            let kind = if each.default { "default" } else { "named" };
            alloc::format!("{} {kind} {}", each.name, each.channels.join(" "))
        })
        .collect();
    let expected = [
        "slack/warning named warning critical",
        "slack/debug named debug",
        "slack/default default ",
        "teams/info named info",
        "google/info default info",
        "console/default default ",
    ];
    assert_eq!(shown, expected);
    let kinds: Vec<_> = chat.destinations.iter().map(|each| each.kind).collect();
    let (slack, google) = (&slack::KIND, &google::KIND);
    let expected = [slack, slack, slack, &teams::KIND, google, &console::KIND];
    assert_eq!(kinds, expected);
    let formats: Vec<_> = chat.destinations.iter().map(|each| each.format.name).collect();
    let block_kit = "block-kit";
    let expected = [block_kit, block_kit, block_kit, "message-card", "cards-v2", "json"];
    assert_eq!(formats, expected);
    let paces: Vec<_> = chat.destinations.iter().map(|each| &*each.pace).collect();
    let windows = [Window::per_secs(4, 1), Window::per_secs(60, 30)];
    let expected = [slack.pace, slack.pace, slack.pace, &windows, google.pace, &[]];
    assert_eq!(paces, expected);
    let last = |each: &Destination| {
        let url = each.url.as_ref().map_or("", Secret::expose);
        url.rsplit(['/', '=']).next().map(String::from)
    };
    let urls: Vec<_> = chat.destinations.iter().filter_map(last).collect();
    let expected = ["slack-loud", "slack-file", "slack-default", "teams-info", "google-token", ""];
    assert_eq!(urls, expected);
    let places = |channel| Vec::from_iter(chat.destinations_of(channel).map(|(place, _)| place));
    assert_eq!(places("info"), [2, 3, 4, 5]);
    assert_eq!(places("critical"), [0, 4, 5]);
}

#[test]
fn a_chat_may_have_a_name_of_its_own() {
    let text = r#"
[chat.console]
[[chat.destination]]
name = "EMEA.noc"
kind = "slack"
url = "https://hooks.slack.com/services/T/B/all"
urls = { critical = "https://hooks.slack.com/services/T/B/loud" }
pace = "off"
[[chat.destination]]
name = "us"
kind = "teams"
url = "https://relay.example/us"
format = "message-card"
fallback = "EMEA.noc"
"#;
    let chat = report(text).config.expect("a sound configuration").chat;
    let shown: Vec<_> = chat.destinations.iter().map(|to| (&*to.name, &*to.chat)).collect();
    let expected = [
        ("console/default", "console"),
        ("EMEA.noc/critical", "EMEA.noc"),
        ("EMEA.noc", "EMEA.noc"),
        ("us", "us"),
    ];
    assert_eq!(shown, expected);
    assert_eq!(
        chat.destinations.iter().map(|to| to.is_named).collect::<Vec<_>>(),
        [false, true, true, true]
    );
    let fallbacks: Vec<_> = chat.destinations.iter().map(|to| to.fallback.as_deref()).collect();
    assert_eq!(fallbacks, [None, None, None, Some("EMEA.noc")]);
    check(
        r#"[[chat.destination]]
name = "slack"
kind = "slack"
url = "https://hooks.slack.com/services/T/B/x"
format = "block-kit"
[[chat.destination]]
name = "a/b"
kind = "slak"
[[chat.destination]]
kind = "teams"
name = "noc"
[[chat.destination]]
kind = "console"
name = "noc"
url = "https://hooks.slack.com/services/T/B/x"
fallback = "nobody"
"#,
        &[
            "F:2: chat.destination[0].name: \"slack\" is the name of another one — a name of its own",
            "F:5: chat.destination[0].format: the kind slack has no such key — a table without it",
            "F:7: chat.destination[1].name: \"a/b\" is not a destination's name — up to 64 of a-z, \
                 A-Z, 0-9, \"-\", \"_\" and \".\"",
            "F:8: chat.destination[1].kind: \"slak\" is not a kind of destination — \"slack\", \
                 \"teams\", \"google\", \"console\", \"webhook\", \"pagerduty\"",
            "F:9: chat.destination[2]: there is no URL to post to — url, urls, or both",
            "F:14: chat.destination[3].name: \"noc\" is the name of another one — a name of its own",
            "F:15: chat.destination[3].url: the kind console has no such key — a table without it",
            "F:16: chat.destination[3].fallback: \"nobody\" is no configured chat — one of ",
        ],
    );
}

#[test]
fn what_is_not_written_has_its_documented_value() {
    let text = "[webhook]\nsecret = \"ss\"\n[proxy]\ncert = \"both.pem\"\n\
                    client_ca = \"both.pem\"\n[admin]\n";
    let config = report(text).config.expect("a sound configuration");
    assert_eq!(config.state_dir, "/var/lib/mistgate");
    assert_eq!(config.mist.api_url.as_str(), "https://api.mist.com/");
    assert_eq!(config.mist.dashboard_host, "manage.mist.com");
    assert!(config.mist.token.is_none() && config.mist.org_id.is_none());
    let webhook = config.webhook.expect("a webhook");
    assert_eq!(webhook.listen.to_string(), "0.0.0.0:51361");
    assert_eq!(webhook.paths, ["/webhooks"]);
    assert!(!webhook.accept_v1 && webhook.tls.is_none());
    assert_eq!(webhook.dedup_window, Duration::from_secs(3_600));
    assert_eq!(webhook.policy, Policy::default());
    let any: Vec<_> = webhook.policy.allow_from.iter().map(|net| net.prefix).collect();
    assert_eq!(any, [0, 0]);
    assert!(config.chat.destinations.is_empty());
    let Delivery { max_age, queue_max, .. } = config.chat.delivery;
    assert_eq!((max_age.as_secs(), queue_max), (86_400, 50_000));
    let unheard_after = Some(Duration::from_secs(7 * 86_400));
    assert_eq!(config.incidents, Rules { unheard_after, ..Rules::default() });
    let admin = config.admin.expect("an admin endpoint");
    assert_eq!(admin.listen.to_string(), "127.0.0.1:9361");
    assert!(admin.token.is_none());
    let proxy = config.proxy.expect("a proxy");
    assert_eq!(proxy.listen.to_string(), "0.0.0.0:5050");
    assert_eq!(proxy.path_prefix, "/micronets/v1/ws-proxy/");
    assert_eq!(proxy.files.tls.key, proxy.files.tls.cert);
    assert!(proxy.files.crl.is_empty() && proxy.allow.is_empty());
    assert_eq!((proxy.meetup, proxy.limits), (Meetup::default(), ProxyLimits::default()));
}

#[test]
fn the_built_in_configuration_is_sound() {
    let draft = Draft::parse(EMBEDDED);
    let requests = draft.files();
    let paths: Vec<_> = requests.iter().map(|request| request.path.as_str()).collect();
    let expected = [
        "./mistgate-data/webhook-secret",
        "./mistgate-data/proxy/proxy.pkeycert.pem",
        "./mistgate-data/proxy/proxy.pkeycert.pem",
        "./mistgate-data/proxy/root.cert.pem",
    ];
    assert_eq!(paths, expected);
    let mut files = Files::new();
    for request in &requests {
        let generated = match request.kind {
            FileKind::Secret => Ok(b"generated\n".to_vec()),
            FileKind::Certificates
            | FileKind::KnownHosts
            | FileKind::PrivateKey
            | FileKind::RevocationLists => content("/etc/mistgate/both.pem"),
        };
        files.insert(request, generated);
    }
    let report = draft.check(&files);
    assert_eq!(lines(&report.problems), [""; 0]);
    assert_eq!(lines(&report.warnings), [""; 0]);
    let config = report.config.expect("a sound configuration");
    assert_eq!(config.state_dir, "./mistgate-data");
    assert!(config.chat.destinations_of("info").map(|(place, _)| place).eq([0]));
    let listen = config.webhook.map(|webhook| webhook.listen.to_string());
    assert_eq!(listen.as_deref(), Some("127.0.0.1:51361"));
    let listen = config.admin.map(|admin| admin.listen.to_string());
    assert_eq!(listen.as_deref(), Some("127.0.0.1:9361"));
    let listen = config.proxy.map(|proxy| proxy.listen.to_string());
    assert_eq!(listen.as_deref(), Some("127.0.0.1:5050"));
    let ports = config.ports.expect("ports");
    assert!(ports.plan.is_observing && ports.method.is_none());
    assert_eq!(ports.kill_switch, "./mistgate-data/stop-ports");
}

#[test]
fn the_examples_inside_the_built_in_comments_are_sound_too() {
    // Examples are indented by three spaces behind the `#`.
    let uncomment = |line: &'static str| line.strip_prefix("#   ").unwrap_or(line);
    let lines_in: Vec<_> = EMBEDDED.text.lines().map(uncomment).collect();
    let examples = [
        "org_id",
        "tls = {",
        "[chat.slack]",
        "ap_profile",
        "urls_file",
        "AP_CONFIGURED",
        "crl",
        "meetup = \"gw/*",
    ];
    for example in examples {
        assert!(lines_in.iter().any(|line| line.starts_with(example)), "{example}");
    }
    // None of the files is there, which is all that may be wrong.
    let report = report(&lines_in.join("\n"));
    for problem in &report.problems {
        assert!(problem.what.contains("no such file"), "{problem:?}");
    }
}

#[test]
fn all_mistakes_are_found_in_one_run() {
    check(
        r#"
sate_dir = "/var/lib/mistgate"
[mist]
api_url = "https://manage.mist.com"
org_id = "my org"
[webhook]
listen = "localhost:51361"
secret = ""
max_body = 1048576
head_timeout = "10"
body_timeout = "2h"
connections_max = -1
allow_from = ["10.1.1.1/8",
    "any"]
[chat.slack]
urls = { Debug = "https://relay.example/x" }
[chat.google]
pace = "fast"
"#,
        &[
            r#"F:2: sate_dir: unknown key — did you mean "state_dir"?"#,
            "F:4: mist.api_url: this is the dashboard, not the API — the origin of a Mist \
                 cloud's API, such as \"https://api.mist.com\"",
            "F:5: mist.org_id: \"my org\" is not an id of Mist's — an id such as \
                 \"978c48e6-6ef6-11e6-8bbf-02e208b2d34f\"",
            "F:7: webhook.listen: \"localhost:51361\" is not an address with a port — such as \
                 \"0.0.0.0:51361\" or \"[::1]:51361\"",
            "F:8: webhook.secret: this is empty — a text of one line",
            "F:9: webhook.max_body: this number has no unit — a whole number with its unit (B, \
                 KB, KiB, MB, MiB, GB, GiB), such as \"1MiB\"",
            "F:10: webhook.head_timeout: \"10\" is not a duration — a whole number with its \
                 unit (ms, s, m, h, d), such as \"30s\"",
            "F:11: webhook.body_timeout: 2h is out of bounds — from 10ms to 1h",
            "F:12: webhook.connections_max: -1 is out of bounds — from 1 to 100000",
            "F:13: webhook.allow_from[0]: 10.1.1.1/8 has bits set beyond the first 8 — \
                 10.0.0.0/8 for the network, 10.1.1.1 for the address alone",
            "F:14: webhook.allow_from[1]: \"any\" is not a network — an address or a network, \
                 such as \"192.0.2.7\", \"10.0.0.0/8\" or \"2001:db8::/32\"",
            "F:16: chat.slack.urls.Debug: this is not a channel's name — up to 64 of a-z, 0-9, \
                 \"-\" and \"_\"",
            "F:17: chat.google: there is no URL to post to — default_url, urls, or both",
            "F:18: chat.google.pace: \"fast\" is not a pace — messages per time, such as \
                 \"1/s\" or \"4/s, 60/30s\", or \"off\" for no limit",
        ],
    );
}

/// The original's example ignores none, and says so.
#[test]
fn no_site_need_be_ignored() {
    check("[mist]\nignored_sites = []\n[chat]\n", &[]);
}

#[test]
fn a_wrong_type_is_named() {
    check(
        "webhook = 5\n[[admin]]\n[mist]\nignored_sites = \"x\"\napi_url = true\n\
             [chat]\nmax_age = 1979-05-27\nqueue_max = 1.5\nchannels.alarms = {x = 1}\n\
             slack.urls = []",
        &[
            "F:1: webhook: this is a number — a table",
            "F:2: admin: this is a list — a table",
            "F:4: mist.ignored_sites: this is a text — a list of site ids",
            "F:5: mist.api_url: this is a boolean — a URL such as \"https://api.mist.com\"",
            "F:7: chat.max_age: this is a date or a time — a whole number with its unit \
                 (ms, s, m, h, d), such as \"30s\"",
            "F:8: chat.queue_max: this is a number — a whole number",
            "F:9: chat.channels.alarms.x: this is a number — a channel's name, or \"drop\"",
            "F:10: chat.slack.urls: this is a list — a table of channels, such as \
                 { info = \"…\" }",
        ],
    );
}

#[test]
fn what_is_required_and_what_excludes_each_other_is_named() {
    check(
        "[webhook]\ntls = {}\n[admin]\nlisten = \"0.0.0.0:1\"",
        &[
            "F:1: webhook.secret_file: missing — the secret of the webhook in Mist, without \
                 which anybody could send",
            "F:2: webhook.tls.cert: missing — the PEM file with the certificate chain",
            "F:3: admin.token_file: missing — a token, because others than this machine can \
                 reach the endpoint",
        ],
    );
    check(
        "[webhook]\nsecret = \"aa\"\nsecret_file = \"secret-new\"\nsecrets = [\"bb\"]\n\
             [chat.slack]\nurls.info = \"https://a.example\"\nurls_file.info = \"slack-url\"\n\
             default_url = \"https://a.example\"\ndefault_url_file = \"slack-url\"",
        &[
            "F:3: webhook.secret_file: webhook.secret is set too — only one of the two",
            "F:4: webhook.secrets: webhook.secret is set too — only one of the two",
            "F:7: chat.slack.urls_file.info: chat.slack.urls.info is set too — only one of the \
                 two",
            "F:9: chat.slack.default_url_file: chat.slack.default_url is set too — only one of \
                 the two",
        ],
    );
}

#[test]
fn values_must_fit_together() {
    check(
        "[webhook]\nlisten = \"[::]:80\"\nsecret = \"aa\"\nmax_body = \"2MiB\"\n\
             bodies_max = \"1MiB\"\n[proxy]\nlisten = \"127.0.0.2:80\"\ncert = \"both.pem\"\n\
             client_ca = \"both.pem\"\n[admin]\nlisten = \"127.0.0.1:80\"",
        &[
            "F:5: webhook.bodies_max: all bodies together may have less than one of them — at \
                 least max_body",
            "F:6: proxy: webhook.listen takes the address of this listener — another port",
            "F:10: admin: webhook.listen takes the address of this listener — another port",
        ],
    );
}

#[test]
fn lists_and_names_are_checked_one_by_one() {
    check(
        r#"
[webhook]
secrets = []
paths = ["webhooks", "/a", "/a?b"]
[chat]
approved_admins = ["me", "a@b"]
[chat.console]
colour = true
[chat.teams]
format = "card"
urls = { drop = "https://a.example", default = "https://a.example" }
[chat.slack]
urls = {}
[chat.channels]
Alarms = { "" = "Info" }
"#,
        &[
            "F:3: webhook.secrets: this list is empty — a list of the secrets that may sign, \
                 the newest first",
            "F:4: webhook.paths[0]: \"webhooks\" is not a path — a path such as \"/webhooks\"",
            "F:4: webhook.paths[2]: \"/a?b\" is not a path — a path such as \"/webhooks\"",
            "F:6: chat.approved_admins[0]: \"me\" is not a mail address — an address such as \
                 \"user@example.net\"",
            "F:8: chat.console.colour: unknown key — this section has no keys",
            "F:10: chat.teams.format: \"card\" is not a format — \"adaptive-card\" or \
                 \"message-card\"",
            "F:11: chat.teams.urls.drop: \"drop\" means something else here — another name for \
                 the channel",
            "F:11: chat.teams.urls.default: \"default\" means something else here — another \
                 name for the channel",
            "F:13: chat.slack.urls: no channel is in it — a table of channels, such as \
                 { info = \"…\" }",
            "F:15: chat.channels.Alarms: topics are written in lower case — \"alarms\"",
            "F:15: chat.channels.Alarms.\"\": \"Info\" is not a channel's name — up to 64 of \
                 a-z, 0-9, \"-\" and \"_\"",
        ],
    );
}

#[test]
fn what_ports_need_of_other_sections_is_named() {
    const WEBHOOK: &str = "[webhook]\nlisten = \"127.0.0.1:1\"\nsecret = \"aa\"\n";
    const MIST: &str =
        "[mist]\ntoken = \"tt\"\norg_id = \"978c48e6-6ef6-11e6-8bbf-02e208b2d34f\"\n";
    const UNKNOWN: &str = "without what Mist says about APs and switches nothing can be decided";
    let external = |path| format!("[ports.external]\nkey = \"kk\"\npath = \"{path}\"\n");
    check_warnings(&format!("{WEBHOOK}[ports]\n"), &[]);
    check_warnings(&format!("{WEBHOOK}{MIST}{}", external("/external")), &[]);
    check_warnings(
        &format!("{MIST}[ports]\n"),
        &[
            "F:1: webhook: without this section no event ever arrives — [webhook] with a secret_file",
        ],
    );
    // The switches themselves can be reached without it.
    check(
        &format!(
            "{WEBHOOK}[ports]\nmethod = \"junos\"\n[ports.junos]\nusername = \"a\"\n\
             password = \"bb\"\nap = [\"set interfaces <port> a\"]\ndefault = \"previous\"\n"
        ),
        &["F:6: ports.junos.known_hosts: missing — the file with the switches' host keys, as \
           OpenSSH writes it"],
    );
    let enforce =
        "[ports]\nmode = \"enforce\"\nmethod = \"mist\"\n[ports.mist]\nap_profile = \"ap\"\n";
    for (text, line, what) in [
        (format!("{WEBHOOK}{enforce}"), 4, format!("ports: {UNKNOWN} — mist.token_file")),
        (
            format!("{WEBHOOK}[mist]\ntoken = \"tt\"\n{enforce}"),
            6,
            format!("ports: {UNKNOWN} — mist.org_id"),
        ),
        // What is there and wrong is not missing.
        (
            format!("{WEBHOOK}{MIST}{enforce}").replace("\"tt\"", "\"a b\""),
            5,
            "mist.token: the token holds characters that no HTTP header can carry — letters, \
             digits and punctuation of ASCII, without spaces"
                .to_string(),
        ),
        (
            format!("{WEBHOOK}{MIST}{}", external("/webhooks")),
            7,
            "ports.external: its path is one of webhook.paths — a path of its own".to_string(),
        ),
        (
            format!("{MIST}{}", external("/external")),
            4,
            "ports.external: there is no listener for it — [webhook], whose listener takes it"
                .to_string(),
        ),
    ] {
        check(&text, &[&format!("F:{line}: {what}")]);
    }
}

#[test]
fn organisations_are_named_and_told_apart() {
    const ORG: &str = "org_id = \"978c48e6-6ef6-11e6-8bbf-02e208b2d34f\"\n";
    const ALL: &str = "a name, an org_id and a token_file";
    let text = |mist: &str, org: &str| {
        format!("[mist]\ntoken = \"tt\"\n{mist}[[mist.org]]\ntoken = \"uu\"\n{org}")
    };
    let good = report(&text("", &format!("name = \"a\"\n{ORG}"))).config.expect("it is good");
    let orgs: Vec<_> =
        good.organisations().map(|org| (org.name.as_deref(), org.is_other)).collect();
    assert_eq!(orgs, [(Some("a"), true)]);
    let token = good.orgs.first().and_then(|org| org.token.as_ref());
    assert_eq!(token.map(Secret::expose), Some("uu"));
    let good = text(ORG, &format!("name = \"a\"\n{}", ORG.replace("978c", "978d")));
    let good = report(&good).config.expect("it is good");
    assert_eq!(good.organisations().map(|mist| mist.is_other).collect::<Vec<_>>(), [false, true]);
    check(&text("", ORG), &[&format!("F:3: mist.org[0].name: missing — {ALL}")]);
    check(&text("", "name = \"a\"\n"), &[&format!("F:3: mist.org[0].org_id: missing — {ALL}")]);
    check(
        &text(ORG, &format!("name = \"a\"\n{ORG}")),
        &["F:4: mist.org: two of them have the same org_id — each organisation once"],
    );
    check(
        "[mist]\nselftest = \"03:00\"\n",
        &["F:2: mist.selftest: only Mist's API can send a ping — mist.token_file"],
    );
}

#[test]
fn reports_of_ports_need_a_chat_that_shows_them() {
    let warnings = |report_to: &str| {
        let chat = "[chat.slack]\nurls = { noc = \"https://hooks.slack.com/services/T/B/X\" }";
        let text = alloc::format!("[ports]\n{report_to}\n[mist]\ntoken = \"tt\"\n{chat}");
        let lines = lines(&report(&text).warnings);
        lines.into_iter().filter(|line| line.contains("ports.report_to")).collect::<Vec<_>>()
    };
    assert_eq!(warnings("report_to = \"noc\""), [""; 0]);
    for (line, report_to) in [(2, "report_to = \"info\""), (1, "")] {
        let expected = alloc::format!(
            "F:{line}: ports.report_to: no destination serves the channel \"info\" — a URL for \
             it, or a default_url"
        );
        assert_eq!(warnings(report_to), [expected]);
    }
}

#[test]
fn each_mistake_of_the_proxy_is_named() {
    check(
        r#"
[proxy]
path_prefix = "/ws-proxy"
cert = "key.pem"
crl = ["both.pem"]
hello_timeout = "0s"
ping_interval = "10ms"
on_partner_loss = "stay"
max_message = "1GiB"
handshakes_per_second_max = 0
[[proxy.allow]]
meetup = "gw/ü"
subjects = ["Micronets", "O=", "SPKI=abc"]
[[proxy.allow]]
subject = "O=Micronets"
"#,
        &[
            "F:2: proxy.client_ca: missing — the PEM file with the authorities whose \
                 certificates may connect",
            "F:3: proxy.path_prefix: \"/ws-proxy\" is not such a path — a path that begins and \
                 ends with \"/\", such as \"/micronets/v1/ws-proxy/\"",
            "F:4: proxy.cert: the file cannot be read: no such file — a PEM file with a \
                 \"BEGIN CERTIFICATE\" block",
            "F:4: proxy.cert: the file cannot be read: no such file — a PEM file with a \
                 \"BEGIN PRIVATE KEY\" block, which no passphrase protects",
            "F:5: proxy.crl[0]: the file holds no revocation list — a PEM file with a \"BEGIN \
                 X509 CRL\" block, as openssl ca -gencrl writes them",
            "F:6: proxy.hello_timeout: 0s is out of bounds — from 10ms to 1h",
            "F:7: proxy.ping_interval: 10ms is out of bounds — from 100ms to 10m",
            "F:8: proxy.on_partner_loss: \"stay\" is neither — \"keep\", or \"close\" as the \
                 original does",
            "F:9: proxy.max_message: 1GiB is out of bounds — from 1KiB to 64MiB",
            "F:10: proxy.handshakes_per_second_max: 0 is out of bounds — from 1 to 100000",
            "F:12: proxy.allow[0].meetup: \"gw/ü\" is in no URL — what follows path_prefix in \
                 the peers' URLs, such as \"gw/7B2A\", with \"*\" for any text",
            "F:13: proxy.allow[0].subjects[0]: \"Micronets\" is no subject — a property of a \
                 certificate: \"O=…\", \"CN=…\", \"DNS=…\", \"URI=…\", \"IP=…\", \"EMAIL=…\" or \
                 \"PIN=…\"",
            "F:13: proxy.allow[0].subjects[1]: \"O=\" is no subject — a value behind the \"=\"",
            "F:13: proxy.allow[0].subjects[2]: \"SPKI=abc\" is no subject — behind \"PIN=\" \
                 the SHA-256 of a public key: 64 hex digits, or \"sha256//\" and base64",
            "F:14: proxy.allow[1].meetup: missing — what follows path_prefix in the peers' \
                 URLs, such as \"gw/7B2A\", with \"*\" for any text",
            "F:14: proxy.allow[1].subjects: missing — a list of subjects, such as \
                 [\"O=Micronets DHCP Manager Cert\"]",
            "F:15: proxy.allow[1].subject: unknown key — did you mean \"subjects\"?",
        ],
    );
    check(
        "[proxy]\ncert = \"both.pem\"\nclient_ca = \"/run/key.pem\"\ncrl = []\n\
             [proxy.allow]\nmeetup = \"*\"",
        &[
            "F:3: proxy.client_ca: the file holds no certificate — a PEM file with a \"BEGIN \
                 CERTIFICATE\" block",
            "F:4: proxy.crl: this list is empty — a PEM file with a revocation list, or a list \
                 of such files",
            "F:5: proxy.allow: this is a table — a list of rules: [[proxy.allow]]",
        ],
    );
}

#[test]
fn suspicious_rules_of_the_proxy_are_warned_of() {
    const FILES: &str = "cert = \"both.pem\"\nclient_ca = \"both.pem\"\ncrl = \"crl.pem\"";
    check_warnings(
        &alloc::format!("[proxy]\n{FILES}"),
        &["F:1: proxy.allow: any certificate of client_ca may join any meetup — \
               [[proxy.allow]] with a meetup and the subjects that may join it"],
    );
    check_warnings(
        &alloc::format!(
            "[proxy]\n{FILES}\n[[proxy.allow]]\nmeetup = \"/micronets/v1/ws-proxy/gw/*\"\n\
                 subjects = [\"CN=gw\"]"
        ),
        &["F:6: proxy.allow[0].meetup: this begins with path_prefix, which is no part of a \
               meetup's name — what follows path_prefix in the peers' URLs, such as \"gw/7B2A\", \
               with \"*\" for any text"],
    );
}

#[test]
fn text_that_is_not_toml_is_one_problem() {
    for (text, problem) in [
        ("\n[webhook\n", "F:2: this is not TOML: unclosed table — `]`"),
        ("a = b", "F:1: this is not TOML: string values must be quoted — quotes around texts"),
        ("a = \"x\nb = y", "F:1: this is not TOML: invalid basic string — `\"`"),
        ("[chat]\n[chat]", "F:2: chat: this key is there twice — each key once"),
        (
            "a = 0.0.0.0:80",
            "F:1: this is not TOML: invalid float — sections such as [webhook] and lines such \
                 as listen = \"127.0.0.1:51361\"",
        ),
    ] {
        check(text, &[problem]);
        let draft = Draft::parse(Source { name: "F", text });
        assert_eq!(draft.files(), []);
    }
}

#[test]
fn a_file_is_judged_by_what_it_is_for() {
    check(
        "[webhook]\nsecret_file = \"two-lines\"\ntls = { cert = \"mist-token\", \
             key = \"/nowhere\" }\n[chat.slack]\ndefault_url_file = \"mist-token\"\n\
             urls_file.info = \"https://hooks.slack.com/services/T/B/X\"",
        &[
            "F:2: webhook.secret_file: the file has more than one line — a readable file with \
                 the secret on one line, no larger than 64KiB; a relative name counts from the \
                 folder of this file",
            "F:3: webhook.tls.cert: the file holds no certificate — a PEM file with a \"BEGIN \
                 CERTIFICATE\" block",
            "F:3: webhook.tls.key: the file cannot be read: no such file — a PEM file with a \
                 \"BEGIN PRIVATE KEY\" block, which no passphrase protects",
            "F:5: chat.slack.default_url_file: this is not a URL — the https URL that the chat \
                 product gave out",
            "F:6: chat.slack.urls_file.info: this is a URL — the name of a file or folder",
        ],
    );
}

#[test]
fn a_credential_is_named_by_the_variable_of_the_service_manager() {
    let text = "[webhook]\nsecret_file = \"${CREDENTIALS_DIRECTORY}/hook\"\n[chat.console]";
    check(
        text,
        &[
            "F:2: webhook.secret_file: this is a credential, and CREDENTIALS_DIRECTORY is not set — \
               a service of systemd with LoadCredential=NAME:FILE",
        ],
    );
    let folder = "/run/credentials/mistgate.service";
    let draft = Draft::parse(Source { name: "/etc/mistgate/mistgate.toml", text });
    let files = draft.credentials(Some(folder)).files();
    let paths: Vec<&str> = files.iter().map(|request| request.path.as_str()).collect();
    assert_eq!(paths, ["/run/credentials/mistgate.service/hook"]);
}

#[test]
fn what_works_but_should_be_looked_at_is_said() {
    check_warnings(
        r#"
[webhook]
listen = "[::]:51361"
secret = "aa"
accept_v1 = true
[chat.slack]
urls.info = "http://10.0.0.1/x"
[chat.teams]
default_url = "https://x.webhook.office.com/webhookb2/a"
format = "message-card"
[chat.channels]
device-event = { AP_CONNECTED = "info" }
audits = { user = "info" }
mistgate = { PORT_STUK = "info", port_kept = "drop", "*" = "info" }
[admin]
listen = "10.0.0.1:9361"
token = "tt"
"#,
        &[
            "F:2: webhook.tls: webhooks reach [::]:51361 unencrypted — a certificate, or a \
                 reverse proxy with TLS in front",
            "F:5: webhook.accept_v1: HMAC-SHA1 signatures are accepted — false, as Mist signs \
                 each webhook with HMAC-SHA256 too",
            "F:7: chat.slack.urls.info: messages travel unencrypted — https, unless everybody \
                 on this network may read them",
            "F:9: chat.teams.default_url: Microsoft switched connectors off in May 2026 — the \
                 URL of a Teams workflow \"Send webhook alerts to a channel\"",
            "F:10: chat.teams.format: Microsoft Teams itself no longer takes message cards — \
                 \"adaptive-card\", unless the receiver is a program of your own",
            "F:12: chat.channels.device-event: no topic that we know — did you mean \
                 \"device-events\"?",
            "F:13: chat.channels.audits.user: audits have no types, so this names none of them \
                 — approved_admins, other_admins, system or \"*\"",
            "F:14: chat.channels.mistgate.PORT_STUK: no event type that we know — did you mean \
                 \"PORT_STUCK\"?",
            "F:14: chat.channels.mistgate: \"*\" lowers what is critical: DESTINATION_PARKED, \
                 EVENTS_DROPPED, MIST_DELIVERY_FAILED and 9 more — a line of its own for each \
                 that should stay critical",
            "F:16: admin.listen: the token travels unencrypted — a loopback address, or tls, or a \
                 reverse proxy with TLS in front",
        ],
    );
    check_warnings(
        "[webhook]\nlisten = \"127.0.0.1:1\"\nsecret = \"aa\"\n[chat.slack]\n\
             urls.info = \"https://a.example\"\n[chat.channels]\nalarms = { rogue_ap = \"night\" }",
        &["F:7: chat.channels.alarms.rogue_ap: no destination serves the channel \"night\" — a \
                 URL for it, or a default URL"],
    );
    check_warnings(
        "",
        &["F:1: webhook: without this section no event ever arrives — [webhook] with a \
               secret_file"],
    );
    check_warnings(
        "[webhook]\nlisten = \"127.0.0.1:1\"\nsecret = \"aa\"",
        &["F:1: chat: there is no chat to post to, so events are accepted and dropped — \
               [chat.slack], [chat.teams], [chat.google] or [chat.console]"],
    );
}

#[test]
fn what_nothing_reaches_or_matches_is_said() {
    check_warnings(
        r#"
[webhook]
listen = "127.0.0.1:1"
secret = "aa"
[chat.slack]
urls = { info = "https://a.example/1", nigth = "https://a.example/2" }
default_url = "https://a.example/3"
[chat.console]
[[chat.destination]]
name = "noc"
kind = "console"
[[chat.destination]]
name = "lost"
kind = "console"
[chat.channels]
device-events = { AP_DISCONECTED = "warnning", "*" = "info" }
audits = { "*" = "debug", other_admins = "critical" }
nac-events = { "*" = "debug", NAC = "info" }
[[chat.route]]
site = ["EMEA-*", "HQ"]
severity = "warning"
to = ["noc"]
[[chat.route]]
site = "emea-1*"
severity = "critical"
type = ["AP_*", "AP_DISCONECTED", "XY*"]
to = ["noc"]
[[chat.route]]
site = "EMEA-1"
topic = ["alarm", "client-join"]
to = ["noc"]
[[chat.route]]
to = ["slack"]
"#,
        &[
            "F:5: chat: nothing goes to the channel \"nigth\" of slack — a rule or a type in \
                 chat.channels that names it",
            "F:5: chat: nothing goes to console — a rule chat.route that names it",
            "F:5: chat: nothing goes to lost — a rule chat.route that names it",
            "F:16: chat.channels.device-events.AP_DISCONECTED: no event type that we know — did you \
                 mean \"AP_DISCONNECTED\"?",
            "F:16: chat.channels.device-events.AP_DISCONECTED: a channel of this name has no \
                 severity — did you mean \"warning\"?",
            "F:16: chat.channels.device-events: \"*\" lowers what is critical: AP_CONFIG_FAILED, \
                 AP_UPGRADE_FAILED, AP_BEACON_STUCK and 21 more — a line of its own for each that \
                 should stay critical",
            "F:17: chat.channels.audits: \"*\" lowers what is critical: system — a line of its own \
                 for each that should stay critical",
            "F:23: chat.route[1]: it never matches: chat.route[0] takes all of its events — the \
                 narrower rule first, or continue = true there",
            "F:26: chat.route[1].type[1]: no event type that we know — did you mean \
                 \"AP_DISCONNECTED\"?",
            "F:26: chat.route[1].type[2]: no event type that we know — the name that Mist gives it, \
                 unless it is newer than this mistgate",
            "F:30: chat.route[2].topic[0]: no topic that we know — did you mean \"alarms\"?",
        ],
    );
    check(
        "[chat.console]\n[[chat.route]]\nseverity = \"warnning\"\nto = [\"consol\"]",
        &[
            "F:3: chat.route[0].severity: \"warnning\" can match nothing — did you mean \
                 \"warning\"?",
            "F:4: chat.route[0].to[0]: \"consol\" is no configured chat — did you mean \
                 \"console\"?",
        ],
    );
}

fn is_in_a_file(secret: &str) -> bool {
    let files = ["mist-token", "secret-new", "slack-url", "google-url"];
    let paths = files.map(|name| alloc::format!("/etc/mistgate/{name}"));
    paths.iter().map(String::as_str).chain(["/run/secret-old"]).any(|path| {
        let text = String::from_utf8(content(path).expect("a file")).expect("text");
        text.contains(secret)
    })
}

#[test]
fn no_message_repeats_a_secret() {
    let config = report(FULL).config.expect("a sound configuration");
    let debug = alloc::format!("{config:?}");
    for secret in [
        "mist-token-text",
        "new-secret",
        "old-secret",
        "proxy-password",
        "slack-default",
        "slack-loud",
        "slack-file",
        "teams-info",
        "google-token",
        "admin-token",
    ] {
        assert!(FULL.contains(secret) || is_in_a_file(secret), "{secret}");
        assert!(!debug.contains(secret), "{secret}");
    }

    // Each place that a secret can stand in, and some where one could end up by mistake.
    let mut problems = 0;
    for value in [
        "\"hunter2 \\u0000\"",
        "\"http://hunter2.example/hunter2\"",
        "\"https://hunter2:hunter2@hooks.slack.com/hunter2\"",
        "[\"hunter2\\n\", \"https://hunter2\"]",
        "\"hunter2",
        "{ hunter2 = ",
    ] {
        for key in [
            "mist.token",
            "mist.token_file",
            "mist.api_url",
            "webhook.secret",
            "webhook.secrets",
            "webhook.secret_file",
            "webhook.secret_files",
            "webhook.sercet",
            "admin.token",
            "chat.http_proxy",
            "chat.slack.default_url",
            "chat.slack.default_url_file",
            "chat.slack.urls",
            "chat.google.urls.info",
            "chat.teams.urls_file.info",
        ] {
            let report = report(&alloc::format!("{key} = {value}\n"));
            problems += report.problems.len();
            for message in [lines(&report.problems), lines(&report.warnings)].concat() {
                assert!(!message.contains("hunter2"), "{key} = {value}: {message}");
            }
        }
    }
    assert!(problems > 80, "{problems}");
}

#[test]
fn a_url_in_a_key_that_is_no_secret_is_not_repeated_either() {
    let url = "https://relay.example/hunter2";
    for text in [
        alloc::format!("webhook.listen = \"{url}\""),
        alloc::format!("chat.slack.pace = \"{url}\""),
        alloc::format!("chat.slack.urls = {{ \"{url}\" = \"info\" }}"),
        alloc::format!("chat.channels.alarms = {{ x = \"{url}\" }}"),
        alloc::format!("\"{url}\" = 1\n\"{url}\" = 2"),
    ] {
        let messages = lines(&report(&text).problems);
        assert!(!messages.is_empty(), "{text}");
        assert!(!messages.concat().contains("hunter2"), "{messages:?}");
    }
}
