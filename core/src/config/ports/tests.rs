use alloc::{format, string::ToString as _, vec, vec::Vec};

use toml::de::DeTable;

use super::*;
use crate::base::calendar::Days;
use crate::base::mac::Mac;
use crate::base::secret::Secret;
use crate::base::time::UnixTime;
use crate::base::zone;
use crate::config::files::Files;
use crate::config::reader::{Found, Reader};
use crate::ports::edit::Edits;
use crate::ports::name::{PortName, SwitchName};
use crate::ports::outage::Policy as Outage;
use crate::ports::switch_port::{Mode, Switch};

/// Every key of the section, with a value other than its default.
const FULL: &str = r#"
[ports]
mode = "enforce"
method = "junos"
settle = "90s"
disconnect_check = "outage"
disconnect_wait = "1m"
outage = { window = "20s", forget = "1d", min_percent = 40 }
report_to = "warning"
reconcile = "30m"
attempts = 3
kill_switch = "/run/stop"
breaker = { aps = 10, window = "30s", hold = "1h" }

[ports.junos]
domain = "mydomain.corp"
port = 22
username = "mist"
password_file = "password"
private_key = "key.pem"
known_hosts = "known_hosts"
legacy_algorithms = true
sessions_max = 8
commit_timeout = "3m"
confirm = "10m"
ap = [
  "set interfaces <port> native-vlan-id 42",
  "delete protocols dot1x authenticator interface <port>.0",
]
default = ["delete interfaces <port> native-vlan-id"]

[ports.mist]
ap_profile = "ap"
default_profile = "secured"

[ports.cso]
url = "https://cso.example.net"
tenant = "acme"
login = "user@example.net"
password = "cso-password"
ap = { profile = "generic-trunk", native_vlan = 11 }
default = { profile = "generic-access", vlan = 12 }

[ports.external]
path = "/clearpass"
key_file = "external-key"

[ports.allow]
switches = ["access-*", "5c:5b:35:00:01:02"]
ports = ["ge-*", "mge-0/0/0-23"]
[ports.never]
switches = ["*core*"]
ports = ["ge-0/0/47"]

[ports.limits]
switch = "10/m"
site = "off"
all = "20/m, 100/h"

[[ports.freeze]]
name = "month end"
days = ["sat", "sun"]
from = "18:00"
to = "06:30"
timezone = "Asia/Kolkata"
"#;

const JUNOS: &str = r#"
[ports.junos]
username = "mist"
password_file = "password"
known_hosts = "known_hosts"
ap = ["set interfaces <port> native-vlan-id 42"]
default = ["delete interfaces <port> native-vlan-id"]
"#;

fn content(path: &str) -> Result<Vec<u8>, String> {
    let text = match path {
        "/etc/mistgate/password" => "junos-password\n",
        "/etc/mistgate/external-key" => "external-key-text\n",
        "/etc/mistgate/known_hosts" => "sw-1.mydomain.corp ssh-ed25519 AAAA\n",
        "/etc/mistgate/key.pem" => "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n",
        _ => return Err("no such file".into()),
    };
    Ok(text.into())
}

fn read(text: &str) -> (Option<Ports>, Found) {
    let (table, errors) = DeTable::parse_recoverable(text);
    assert!(errors.is_empty(), "{errors:?} in\n{text}");
    let walk = |files: &Files| {
        let reader = Reader::new(text, Some("/etc/mistgate"), None, files);
        let root = Section::root(&reader, table.get_ref());
        let read = root.section("ports", |section| ports(section, Some("/state")));
        root.close();
        (read.flatten(), reader.finish())
    };
    let mut files = Files::new();
    for request in walk(&Files::new()).1.requests {
        files.insert(&request, content(&request.path));
    }
    walk(&files)
}

/// Holds if `text` has exactly these problems.
#[track_caller]
fn check(text: &str, problems: &[&str]) {
    let (_, found) = read(text);
    let lines: Vec<_> =
        found.problems.iter().map(|problem| problem.in_file("F").to_string()).collect();
    assert_eq!(lines, problems, "in\n{text}");
}

#[track_caller]
fn sound(text: &str) -> Ports {
    check(text, &[]);
    read(text).0.expect("no problems")
}

#[test]
fn every_key_is_read() {
    let read = sound(FULL);
    assert!(!read.plan.is_observing);
    let seconds = Duration::from_secs;
    let probe = read.plan.probe;
    assert_eq!((probe.settle, probe.wait), (seconds(90), seconds(60)));
    let outage = Outage { window: seconds(20), forget: DAY, min_percent: 40 };
    assert_eq!(probe.check, Check::Outage(outage));
    assert_eq!((read.report_to.as_str(), read.plan.reconcile_after), ("warning", seconds(1_800)));
    assert_eq!((read.plan.port.attempts_max, read.kill_switch.as_str()), (3, "/run/stop"));

    let governor = &read.plan.governor;
    let breaker = Breaker { aps: 10, window: seconds(30), hold: HOUR };
    assert_eq!(governor.breaker, Some(breaker));
    assert_eq!(
        governor.allow.switches,
        [SwitchPattern::new("access-*"), SwitchPattern::new("5c5b35000102")]
    );
    assert_eq!(governor.allow.ports.len(), 2);
    assert_eq!(governor.never.switches, [SwitchPattern::new("*core*")]);
    assert_eq!(governor.never.ports, [PortPattern::new("ge-0/0/47").expect("a port")]);
    assert_eq!(
        governor.limits,
        Limits {
            switch: vec![Window::per_secs(10, 60)],
            site: Vec::new(),
            all: vec![Window::per_secs(20, 60), Window::per_secs(100, 3_600)],
        }
    );
    let weekend = [false, false, false, false, false, true, true];
    assert_eq!(
        governor.freezes,
        [Period {
            name: "month end".into(),
            days: Days::Week(weekend),
            from: 18 * 60,
            to: 6 * 60 + 30,
            zone: zone::named("Asia/Kolkata").expect("a zone"),
        }]
    );

    let external = read.external.as_ref().expect("a path");
    assert_eq!(
        (external.path.as_str(), external.key.expose()),
        ("/clearpass", "external-key-text")
    );
    let Some(Method::Junos(junos)) = &read.method else {
        panic!("{:?}", read.method);
    };
    assert_eq!(junos.domain.as_deref(), Some("mydomain.corp"));
    assert_eq!((junos.port, junos.username.as_str(), junos.sessions_max), (22, "mist", 8));
    assert_eq!(junos.known_hosts, "/etc/mistgate/known_hosts");
    assert!(junos.legacy_algorithms);
    assert_eq!((junos.commit_timeout, junos.confirm), (seconds(180), seconds(600)));
    let port = PortName::parse("ge-0/0/7").expect("a port");
    assert_eq!(junos.ap.render(port).len(), 2);
    let default = junos.default.as_ref().map(|default| default.render(port));
    assert_eq!(default.unwrap_or_default(), ["delete interfaces ge-0/0/7 native-vlan-id"]);

    let key = content("/etc/mistgate/key.pem").expect("a key");
    let key = core::str::from_utf8(&key).expect("text");
    assert_eq!(junos.password.as_ref().map(Secret::expose), Some("junos-password"));
    assert_eq!(junos.private_key.as_ref().map(Secret::expose), Some(key));
    let secrets = ["junos-password", key, "external-key-text"];
    let printed = format!("{read:?}");
    assert!(secrets.iter().all(|secret| !printed.contains(secret)), "{printed}");
}

#[test]
fn a_template_says_what_is_different_for_some_switches() {
    let read = sound(&format!(
        "{FULL}[[ports.template]]\nswitch = [\"old-*\", \"5c:5b:35:00:00:ff\"]\nport = 830\n\
         username = \"ann\"\npassword = \"other\"\nap = [\"set interfaces <port> x\"]\n\
         [[ports.template]]\nmodel = [\"ex4400-*\"]\nsite = [\"s-1\"]\ndefault = \"previous\"\n\
         legacy_algorithms = false\n"
    ));
    let Some(Method::Junos(junos)) = &read.method else {
        panic!("{:?}", read.method);
    };
    let edits = read.plan(&[], (UnixTime::default(), true)).edits;
    let port = PortName::parse("ge-0/0/7").expect("a port");
    let both = "set interfaces ge-0/0/7 native-vlan-id 42";
    let back = Some("delete interfaces ge-0/0/7 native-vlan-id");
    for (name, mac, model, site, login, ap, default) in [
        ("OLD-1", "5c5b35000001", None, "s-1", "ann", "set interfaces ge-0/0/7 x", back),
        ("new", "5c5b350000ff", None, "s-2", "ann", "set interfaces ge-0/0/7 x", back),
        ("new", "5c5b35000001", Some("EX4400-48P"), "s-1", "mist", both, None),
        ("new", "5c5b35000001", Some("EX4400-48P"), "s-2", "mist", both, back),
        ("new", "5c5b35000001", None, "s-1", "mist", both, back),
    ] {
        let switch = Switch {
            mac: Mac::parse(mac).expect("a MAC"),
            device_id: String::new(),
            site: site.into(),
            name: SwitchName::parse(name),
            model: model.map(Into::into),
        };
        let own = junos.of(&switch);
        let is_ann = login == "ann";
        assert_eq!((own.username.as_str(), own.port), (login, if is_ann { 830 } else { 22 }));
        assert_eq!(own.password.as_ref().map(Secret::expose).is_some_and(|p| p == "other"), is_ann);
        assert_eq!(own.private_key.is_none(), is_ann);
        let edit = |mode| edits.of(&switch).edit(port, mode, None, None).lines;
        assert_eq!(edit(Mode::Ap).first().map(String::as_str), Some(ap));
        assert_eq!(edit(Mode::Default).first().map(String::as_str), default);
    }
    let ports: Vec<_> =
        read.method.iter().flat_map(|method| method.config().connects_to()).collect();
    assert_eq!(ports.iter().map(|(port, _)| *port).collect::<Vec<_>>(), [22, 830, 22]);
    check(
        &format!(
            "[ports]\nmethod = \"junos\"\n{JUNOS}[[ports.template]]\nport = 0\n\
             ap = [\"show\"]\nverify = \"1s\"\n"
        ),
        &[
            "F:11: ports.template[0].port: 0 is out of bounds — from 1 to 65535",
            "F:12: ports.template[0].ap[0]: a line: expected it to begin with set, delete, \
             activate or deactivate — a line such as \"set interfaces <port> native-vlan-id 42\"",
            "F:13: ports.template[0].verify: unknown key — one of ap, default, \
             legacy_algorithms, model, password, password_file, port, private_key, site, switch, \
             username",
        ],
    );
}

#[test]
fn each_method_writes_its_own() {
    let port = PortName::parse("ge-0/0/7").expect("a port");
    for (method, ap, default) in [
        ("mist", "ge-0/0/7: profile ap", "ge-0/0/7: profile secured"),
        (
            "cso",
            "ge-0/0/7: profile generic-trunk, native VLAN 11",
            "ge-0/0/7: profile generic-access, VLAN 12",
        ),
    ] {
        let text = FULL.replacen("junos", method, 1);
        let edits = sound(&text).plan(&[], (UnixTime::default(), true)).edits;
        assert_eq!(edits.edit(port, Mode::Ap, None, None).lines, [ap]);
        assert_eq!(edits.edit(port, Mode::Default, None, None).lines, [default]);
    }
}

#[test]
fn without_a_word_it_observes_and_is_careful() {
    let read = sound("[ports]\n");
    assert!(read.plan.is_observing && read.method.is_none() && read.external.is_none());
    let plan = read.plan(&["s".into()], (UnixTime::from_secs(5), true));
    assert_eq!((plan.edits, plan.ignored_sites), (Edits::unwritten(), vec!["s".into()]));
    assert_eq!(plan.probe.check, Check::Lldp);
    assert_eq!(plan.probe.settle, Duration::from_secs(60));
    assert_eq!(plan.probe.wait, Duration::from_secs(30));
    assert_eq!(plan.reconcile_after, HOUR);
    assert_eq!(plan.governor.breaker, Some(Breaker::default()));
    assert_eq!(plan.governor.limits, Limits::default());
    assert!(plan.governor.never.switches.is_empty() && plan.governor.freezes.is_empty());
    assert_eq!(plan.governor.allow.switches, [SwitchPattern::new("*")]);
    assert_eq!(read.kill_switch, "/state/stop-ports");
    assert_eq!(sound("[ports]\nbreaker = \"off\"\n").plan.governor.breaker, None);

    let junos = sound(&format!("[ports]\nmode = \"enforce\"\nmethod = \"junos\"\n{JUNOS}"));
    let Some(Method::Junos(junos)) = junos.method else {
        panic!("{:?}", junos.method);
    };
    assert_eq!((junos.port, junos.legacy_algorithms, junos.domain), (830, false, None));
}

#[test]
fn what_is_missing_or_wrong_is_reported_with_its_line() {
    check(
        "[ports]\nmode = \"enforce\"\n",
        &["F:1: ports.method: missing — \"junos\", \"mist\" or \"cso\""],
    );
    check(
        "[ports]\nmode = \"on\"\nmethod = \"ssh\"\ndisconnect_check = \"ping\"\nreport_to = \"a b\"\n",
        &[
            "F:2: ports.mode: \"on\" is not a mode — \"observe\" or \"enforce\"",
            "F:3: ports.method: \"ssh\" is no method — \"junos\", \"mist\" or \"cso\"",
            "F:4: ports.disconnect_check: \"ping\" is not a check — \"lldp\", \"outage\" or \"none\"",
            "F:5: ports.report_to: \"a b\" is not a channel's name — up to 64 of a-z, 0-9, \"-\" \
             and \"_\"",
        ],
    );
    check(
        "[ports]\nmethod = \"mist\"\nsettle = \"2h\"\noutage = { window = \"60s\", forget = \"30s\" }\n",
        &[
            "F:2: ports.method: there is no section [ports.mist] — what this method needs to know",
            "F:3: ports.settle: 2h is out of bounds — from 1ms to 1h",
            "F:4: ports.outage.forget: an AP would be taken for removed while its outage begins — \
             more than window",
        ],
    );
    check(
        "[ports]\n[ports.mist]\nap_profile = \"ap\"\ndefault_profile = \"ap\"\n",
        &[
            "F:4: ports.mist.default_profile: this is ap_profile too, so an AP's port would never be \
             given back — another profile, or no such key: then a port gets back what it had",
        ],
    );
    check(
        "[ports]\n[ports.junos]\nconfirm = \"90s\"\nap = [\"set vlans x\", \"show <port>\"]\n\
         default = []\n",
        &[
            "F:2: ports.junos.password_file: missing — a password, a private_key, or both",
            "F:2: ports.junos.known_hosts: missing — the file with the switches' host keys, as \
             OpenSSH writes it",
            "F:2: ports.junos.username: missing — the login on the switches",
            "F:3: ports.junos.confirm: Junos counts this in minutes — whole minutes, such as \"5m\"",
            "F:4: ports.junos.ap[0]: a line has no <port>, so it would change more than a port — \
             a line such as \"set interfaces <port> native-vlan-id 42\"",
            "F:4: ports.junos.ap[1]: a line: expected it to begin with set, delete, activate or \
             deactivate — a line such as \"set interfaces <port> native-vlan-id 42\"",
            "F:5: ports.junos.default: this list is empty — a list of lines such as \"set \
             interfaces <port> native-vlan-id 42\"",
        ],
    );
}

#[test]
fn what_is_wrong_in_a_table_is_reported_with_its_line() {
    check(
        "[ports]\n[ports.cso]\nurl = \"http://cso.example.net\"\nap = { vlan = 5000 }\n",
        &[
            "F:2: ports.cso.password_file: missing — the password of the login",
            "F:2: ports.cso.default: missing — { profile = \"generic-trunk\", native_vlan = 11 }",
            "F:2: ports.cso.tenant: missing — the tenant",
            "F:2: ports.cso.login: missing — the login",
            "F:3: ports.cso.url: the password would travel unencrypted — the origin of CSO, such \
             as \"https://cso.example.net\"",
            "F:4: ports.cso.ap.vlan: 5000 is out of bounds — from 1 to 4094",
            "F:4: ports.cso.ap.profile: missing — the port profile",
        ],
    );
    check(
        "[ports]\n[ports.cso]\nurl = \"https://cso.example.net/api\"\ntenant = \"t\"\nlogin = \"l\"\n\
         password = \"pp\"\nap = { profile = \"x\", vlan = 12, native_vlan = 11 }\n\
         default = { profile = \"\", vlan = 0 }\n",
        &[
            "F:3: ports.cso.url: something follows the host — the origin of CSO, such as \
             \"https://cso.example.net\"",
            "F:7: ports.cso.ap.native_vlan: vlan, of an access port, is set too — only one of the \
             two",
            "F:8: ports.cso.default.vlan: 0 is out of bounds — from 1 to 4094",
            "F:8: ports.cso.default.profile: \"\" is not a name — up to 255 visible characters",
        ],
    );
    check(
        "[ports]\nbreaker = { aps = 1 }\n[ports.allow]\nports = [\"eth0\"]\n[ports.never]\n\
         switches = [\"a b\"]\n[ports.limits]\nall = \"many\"\n[[ports.freeze]]\nfrom = \"24:00\"\n\
         days = [\"friday\"]\n",
        &[
            "F:2: ports.breaker.aps: 1 is out of bounds — from 2 to 10000",
            "F:4: ports.allow.ports[0]: \"eth0\" matches no port — a port such as \"ge-0/0/1\", \
             \"ge-0/0/44-47\" or \"xe-*\"",
            "F:6: ports.never.switches[0]: \"a b\" matches no switch — a switch's name or MAC, or \
             a pattern such as \"access-*\"",
            "F:8: ports.limits.all: \"many\" is not a limit — ports per time, such as \"48/m, \
             144/h\", or \"off\" for no limit",
            "F:9: ports.freeze[0].to: missing — a time of day, such as \"18:00\"",
            "F:10: ports.freeze[0].from: \"24:00\" is not a time of day — a time of day, such \
             as \"18:00\"",
            "F:11: ports.freeze[0].days[0]: \"friday\" is not a day — one of \"mon\", \"tue\", \
             \"wed\", \"thu\", \"fri\", \"sat\", \"sun\"",
        ],
    );
    check(
        "[ports]\n[[ports.freeze]]\nfrom = \"00:00\"\nto = \"00:00\"\ndays = [\"sat\"]\n\
         dates = [\"2026-12-24\"]\n[[ports.freeze]]\nfrom = \"00:00\"\nto = \"00:00\"\n\
         dates = [\"2027-01-02..2026-12-20\", \"2026-02-30\", \"20261224\", \"2026-12-24..\", \"\"]\n\
         timezone = \"Berlin\"\n[[ports.freeze]]\nfrom = \"00:00\"\nto = \"00:00\"\n\
         timezone = \"America/NewYork\"\n[[ports.freeze]]\nfrom = \"00:00\"\nto = \"00:00\"\n\
         timezone = \"GMT+1\"\n",
        &[
            "F:6: ports.freeze[0].dates: ports.freeze[0].days is set too — only one of the two",
            "F:10: ports.freeze[1].dates[0]: \"2027-01-02..2026-12-20\" ends before it begins — \
             a date, or the first and the last, such as \"2026-12-20..2027-01-02\"",
            "F:10: ports.freeze[1].dates[1]: \"2026-02-30\" is not a date — a date, or the first \
             and the last, such as \"2026-12-20..2027-01-02\"",
            "F:10: ports.freeze[1].dates[2]: \"20261224\" is not a date — a date, or the first \
             and the last, such as \"2026-12-20..2027-01-02\"",
            "F:10: ports.freeze[1].dates[3]: \"2026-12-24..\" is not a date — a date, or the \
             first and the last, such as \"2026-12-20..2027-01-02\"",
            "F:10: ports.freeze[1].dates[4]: \"\" is not a date — a date, or the first and the \
             last, such as \"2026-12-20..2027-01-02\"",
            "F:11: ports.freeze[1].timezone: \"Berlin\" is no time zone — did you mean \
             \"Europe/Berlin\"?",
            "F:15: ports.freeze[2].timezone: \"America/NewYork\" is no time zone — did you mean \
             \"America/New_York\"?",
            "F:19: ports.freeze[3].timezone: \"GMT+1\" is no time zone — a time zone's IANA \
             name, such as \"Europe/Berlin\"",
        ],
    );
    check(
        "[ports]\n[ports.external]\npath = \"external\"\n",
        &[
            "F:2: ports.external.key_file: missing — the key that the header X-ClientApiKey must \
             hold",
            "F:3: ports.external.path: \"external\" is not a path — a path such as \"/external\"",
        ],
    );
}

#[test]
fn what_is_allowed_but_suspicious_is_warned_of() {
    let text = format!(
        "[ports]\nmethod = \"junos\"\ndisconnect_check = \"none\"\n{}",
        JUNOS.replace("username", "legacy_algorithms = true\nusername")
    );
    let (_, found) = read(&text);
    assert_eq!(found.problems, []);
    let keys: Vec<_> = found.warnings.iter().map(|warning| warning.key.as_str()).collect();
    assert_eq!(keys, ["ports.disconnect_check", "ports.junos.legacy_algorithms"]);
}
