use mistgate_core::base::secret::Secret;
use mistgate_core::config::files::{FileKind, Files};
use mistgate_core::config::raw;
use mistgate_core::config::raw::Source;
use mistgate_core::micronets::access::Identity;

use super::{draft::Content, micronets::Certificate, *};

const MWTT: &str = include_str!("../../../tests/vectors/import/mwtt.py");
const MESA: &str = include_str!("../../../tests/vectors/import/mesa.py");
const MESA_SWITCHES: &str = include_str!("../../../tests/vectors/import/mesa_switches.py");
const MESA_CSO: &str = include_str!("../../../tests/vectors/import/mesa_cso.py");

fn source(name: &str, text: &str) -> Option<Program> {
    Some(Program { name: name.into(), text: text.into() })
}

fn imported(programs: &Programs) -> Imported {
    import(programs).unwrap_or_else(|notes| panic!("{notes:?}"))
}

fn mwtt(text: &str) -> Imported {
    imported(&Programs { mwtt: source("mwtt.py", text), ..Programs::default() })
}

fn mesa(text: &str) -> Imported {
    imported(&Programs { mesa: source("mesa.py", text), ..Programs::default() })
}

/// The line of a key, without its comment.
fn line<'a>(imported: &'a Imported, section: &str, key: &str) -> Option<&'a str> {
    let header = format!("[{section}]");
    let mut lines = imported.toml.lines().skip_while(|line| *line != header).skip(1);
    let lines = lines.by_ref().take_while(|line| !line.is_empty());
    let found = lines.filter_map(|line| line.strip_prefix(key)?.strip_prefix(" = "));
    found.map(|value| value.split(" # ").next().unwrap_or(value)).next()
}

fn file<'a>(imported: &'a Imported, name: &str) -> Option<&'a Content> {
    imported.files.iter().find(|file| file.name == name).map(|file| &file.content)
}

fn known(text: &str) -> Content {
    Content::Known(Secret::new(text))
}

fn is_said(imported: &Imported, begin: &str, part: &str) -> bool {
    let said = |note: &Note| {
        let note = note.to_string();
        note.starts_with(begin) && note.contains(part)
    };
    imported.notes.iter().any(said)
}

/// What `mistgate check` would still have to say, given the files that were yet to be made.
fn problems(imported: &Imported) -> Vec<String> {
    let draft = raw::Draft::parse(Source { name: "new.toml", text: &imported.toml });
    let mut files = Files::new();
    for request in draft.files() {
        let content = match (file(imported, &request.path), request.kind) {
            (Some(Content::Known(secret)), _) => secret.expose(),
            (Some(Content::New), _) => "drawn",
            (None, FileKind::KnownHosts) => "sw-1.mydomain.corp ssh-ed25519 AAAA",
            (None, _) => "https://chat.example/hook",
        };
        files.insert(&request, Ok(content.as_bytes().to_vec()));
    }
    let problems = draft.check(&files).problems;
    let problems = problems.into_iter().filter(|problem| !problem.what.contains("this build"));
    problems.map(|problem| problem.in_file("new.toml").to_string()).collect()
}

#[test]
fn mwtt_becomes_a_configuration_without_problems() {
    let new = mwtt(MWTT);
    assert_eq!(problems(&new), Vec::<String>::new(), "{}", new.toml);
    for (section, key, value) in [
        ("mist", "api_url", "\"https://api.eu.mist.com\""),
        ("mist", "ignored_sites", "[\"978c48e6-6ef6-11e6-8bbf-02e208b2d34f\"]"),
        ("webhook", "listen", "\"0.0.0.0:51361\""),
        ("webhook", "paths", "[\"/mwtt\"]"),
        ("webhook", "secret_file", "\"webhook-secret\""),
        ("chat", "approved_admins", "[\"noc@example.net\"]"),
        ("chat.slack", "default_url_file", "\"slack-url\""),
        ("chat.slack.urls_file", "night-shift", "\"slack-url-night-shift\""),
        ("chat.channels.device-events", "AP_DISCONNECTED", "\"critical\""),
        ("chat.channels.device-events", "1026", "\"night-shift\""),
        ("chat.channels.device-updowns", "\"*\"", "\"drop\""),
    ] {
        assert_eq!(line(&new, section, key), Some(value), "{section}.{key}\n{}", new.toml);
    }
    // As built in, or with a value that says nothing.
    for kind in ["AP_CONNECTED", "AP_RESTARTED"] {
        assert_eq!(line(&new, "chat.channels.device-events", kind), None, "{kind}");
    }
    assert!(!new.toml.contains("[chat.google]"));
    assert_eq!(file(&new, "webhook-secret"), Some(&known("a webhook's secret of MWTT")));
    assert_eq!(file(&new, "slack-url-debug"), file(&new, "slack-url-info"));
    assert_eq!(file(&new, "slack-url-critical"), None);
}

#[test]
fn every_key_is_carried_over_or_told() {
    let new = mwtt(MWTT);
    for (begin, part) in [
        ("mwtt.py:11: mist_conf.site_id_ignored: ", "never uses it"),
        ("mwtt.py:11: mist_conf.site_id_ignored[1]: ", "left out"),
        ("mwtt.py:12: mist_conf.approved_admins[1]: ", "not a mail address"),
        ("mwtt.py:13: mist_conf.colour: ", "not carried over"),
        ("mwtt.py:17: debug: ", "not carried over"),
        ("mwtt.py:18: log_level: ", "not carried over"),
        ("mwtt.py:27: slack_conf.url.critical: ", "a call, and nothing of the file is run"),
        ("mwtt.py:28: slack_conf.url.\"Night Shift\": ", "\"night-shift\""),
        ("mwtt.py:34: msteams_conf.default_url: ", "switched connectors off"),
        ("mwtt.py:36: msteams_conf.url.critical: ", "switched connectors off"),
        ("mwtt.py:40: gchat_conf: ", "enabled is False"),
        ("mwtt.py:52: event_channels.AP_RESTARTED: ", "this is None"),
        ("mwtt.py:62: passed over", "by hand"),
    ] {
        assert!(is_said(&new, begin, part), "{begin}{part}\n{:#?}", new.notes);
    }
    // A constant that stands for its value where it is used.
    assert!(!is_said(&new, "mwtt.py:5: ", ""));
    assert!(new.notes.is_sorted_by_key(|note| note.about.line));
}

#[test]
fn mesa_becomes_a_configuration_that_only_observes() {
    let new = mesa(MESA);
    assert_eq!(problems(&new), Vec::<String>::new(), "{}", new.toml);
    for (section, key, value) in [
        ("mist", "token_file", "\"mist-token\""),
        ("webhook", "listen", "\"0.0.0.0:51360\""),
        ("chat.slack.urls_file", "ports", "\"slack-url-ports\""),
        ("ports", "mode", "\"observe\""),
        ("ports", "method", "\"mist\""),
        ("ports", "settle", "\"45s\""),
        ("ports", "report_to", "\"ports\""),
        ("ports", "disconnect_check", "\"outage\""),
        ("ports", "disconnect_wait", "\"1500ms\""),
        ("ports.outage", "window", "\"40s\""),
        ("ports.outage", "min_percent", "60"),
        ("ports.mist", "ap_profile", "\"ap_profile\""),
        ("ports.external", "key_file", "\"external-key\""),
    ] {
        assert_eq!(line(&new, section, key), Some(value), "{section}.{key}\n{}", new.toml);
    }
    assert_eq!(line(&new, "ports.mist", "default_profile"), None);
    assert_eq!(file(&new, "external-key"), Some(&Content::New));
    assert!(is_said(&new, "mesa.py:15: external_conf.X-ClientApiKey: ", "anybody"));
    assert!(is_said(&new, "mesa.py:29: disconnect_validation.method: ", "no port back"));
    assert!(is_said(&new, "mesa.py:46: ex_metod: ", "another"));

    let cso = mesa(MESA_CSO);
    assert_eq!(problems(&cso), Vec::<String>::new(), "{}", cso.toml);
    assert_eq!(line(&cso, "ports.cso", "url"), Some("\"https://contrail-juniper.net\""));
    assert_eq!(line(&cso, "ports.cso.ap", "native_vlan"), Some("11"));
    assert_eq!(line(&cso, "ports.cso.default", "vlan"), Some("12"));
    assert_eq!(file(&cso, "cso-password"), Some(&known("a password of CSO")));
}

#[test]
fn who_asks_from_outside_gets_a_path_of_its_own() {
    let same = MESA.replace("\"/mesa\"", "\"/external\"");
    assert_ne!(same, MESA);
    let new = mesa(&same);
    assert_eq!(problems(&new), Vec::<String>::new(), "{}", new.toml);
    assert_eq!(line(&new, "webhook", "paths"), Some("[\"/external\"]"));
    assert_eq!(line(&new, "ports.external", "path"), Some("\"/ports\""));
    assert!(is_said(&new, "mesa.py:14: external_conf.server_uri: ", "webhooks"));
}

#[test]
fn a_method_without_an_organisation_waits_for_it() {
    let new = mesa(MESA_SWITCHES);
    assert_eq!(problems(&new), Vec::<String>::new(), "{}", new.toml);
    assert_eq!(line(&new, "ports", "method"), None);
    assert!(is_said(&new, "mesa.py:5: external_conf.org_id: ", "left out"));
    assert!(is_said(&new, "mesa.py:10: configuration_method: ", "mist.org_id"));
    // A line about more than the port stays behind, and the others are in their order.
    assert!(new.toml.contains("ap = [ # MESA: ex_method.conf_trunk_ap\n    \"delete protocols"));
    assert!(is_said(&new, "mesa.py:18: ex_method.conf_trunk_ap[2]: ", "more than a port"));
    assert!(is_said(&new, "mesa.py:11: ex_method: ", "known_hosts"));
    assert_eq!(line(&new, "ports.junos", "known_hosts"), Some("\"known_hosts\""));
    assert_eq!(file(&new, "known_hosts"), None);
    assert_eq!(file(&new, "webhook-secret"), Some(&Content::New));
}

#[test]
fn two_programs_share_a_listener_and_keep_their_secrets() {
    let both = |mwtt, mesa| {
        let (mwtt, mesa) = (source("mwtt.py", mwtt), source("mesa.py", mesa));
        imported(&Programs { mwtt, mesa, micronets: None })
    };
    let new = both(MWTT, MESA);
    assert_eq!(problems(&new), Vec::<String>::new(), "{}", new.toml);
    assert_eq!(line(&new, "webhook", "listen"), Some("\"0.0.0.0:51361\""));
    assert_eq!(line(&new, "webhook", "paths"), Some("[\"/mwtt\", \"/mesa\"]"));
    let names = Some("[\"webhook-secret\", \"webhook-secret-2\"]");
    assert_eq!(line(&new, "webhook", "secret_files"), names);
    assert_eq!(file(&new, "webhook-secret-2"), Some(&known("a webhook's secret of MESA")));
    assert!(is_said(&new, "mesa.py:1: its port: ", "51360"));

    let same = both("mist_conf = {'mist_secret': 's-1'}", "mist_conf = {'mist_secret': 's-1'}");
    assert_eq!(line(&same, "webhook", "secret_file"), Some("\"webhook-secret\""));
    let one = both("mist_conf = {'mist_secret': None}", "mist_conf = {'mist_secret': 's-1'}");
    assert_eq!(file(&one, "webhook-secret"), Some(&known("s-1")));
    assert!(is_said(&one, "mwtt.py:1: mist_conf.mist_secret: ", "the one in the file"));
    let clouds = both("mist_conf = {'mist_host': 'a.b'}", "mist_conf = {'mist_cloud': 'c.d'}");
    assert!(is_said(&clouds, "mesa.py:1: mist_conf.mist_cloud: ", "one value"), "{clouds:?}");
}

#[test]
fn what_is_wrong_costs_itself_only() {
    let new = mwtt(
        "port = 99999\nmist_conf = {'mist_host': 'a b', 'server_uri': 'no path', 1: 2, **x,\n\
         'mist_secret': 'two\\nlines', 'approved_admins': 'me'}\n\
         slack_conf = {'enabled': True, 'default_url': 'https://chat.googleapis.com/x',\n\
         'url': {'info': 5, 'debug': 'https://hooks.slack.com/services/xxxxxxxx'}}\n\
         event_channels = {'\"\\n\\x00é': 'a\\nb', 'https://a.example/secret': 'Ä'}\n",
    );
    assert_eq!(problems(&new), Vec::<String>::new(), "{}", new.toml);
    // What cannot be done without is asked for.
    assert_eq!(line(&new, "webhook", "secret_file"), Some("\"webhook-secret\""));
    assert_eq!(file(&new, "webhook-secret"), None);
    for (line, part) in [
        (1, "99999"),
        (2, "spaces"),
        (2, "not a path"),
        (2, "it is a number"),
        (2, "it is an expression"),
        (3, "more than one line"),
        (3, "this is a text"),
        (4, "belongs to chat.google"),
        (5, "this is a number"),
        (6, "or a URL"),
    ] {
        assert!(is_said(&new, &format!("mwtt.py:{line}: "), part), "{line} {part}\n{new:#?}");
    }
    for Note { about, .. } in &new.notes {
        let said = about.in_file("f").to_string();
        assert!(!said.contains(char::is_control) && !said.contains("a.example"), "{said}");
    }
    assert!(!new.toml.contains("a.example"), "{}", new.toml);
}

#[test]
fn what_is_no_python_is_an_error_with_its_line() {
    let errors = import(&Programs {
        mwtt: source("mwtt.py", "a = 1\nb = ["),
        mesa: source("mesa.py", "a = '"),
        micronets: None,
    });
    let errors = errors.map(|_| ()).expect_err("no Python");
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    let foreign = Programs { mwtt: source("mwtt.py", "import os\na = 1"), ..Programs::default() };
    let foreign = import(&foreign).map(|_| ()).expect_err("nothing of MWTT's");
    assert!(foreign.iter().any(|note| note.about.what == "there is no mist_conf in this file"));
    let [first, second] = errors.as_slice() else {
        panic!("{errors:?}");
    };
    assert!(first.starts_with("mwtt.py:2: this bracket is not closed, "), "{first}");
    assert!(second.starts_with("mesa.py:1: this text has no end, "), "{second}");
}

const PROGRAM: &str = "import ssl\nbin_path = pathlib.Path (__file__).parent\n\
    proxy_bind_address = \"localhost\" # when testing\nproxy_port = 5051\n\
    proxy_service_prefix = \"/ws/\"\n\
    proxy_cert_path = bin_path.parent.joinpath ('lib/my-proxy.pkeycert.pem')\n\
    root_cert_path = bin_path.parent.joinpath ('lib/my-root.cert.pem')\nreport_interval_s = 0\n\
    class WSClient:\n    def f (self):\n        return f\"{self}\"\n\
    print (f\"{1}\")\n";

fn certificate(path: &str, organisation: &str, key: [u8; 32]) -> Certificate {
    Certificate {
        path: path.into(),
        pem: Secret::new(
            "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n\
             -----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n",
        ),
        has_key: path.contains("pkeycert"),
        identity: Identity {
            organisations: vec![organisation.into()],
            common_names: vec![],
            alt_names: vec![],
            key,
        },
    }
}

fn proxy(program: Option<&str>, certificates: Vec<Certificate>) -> Imported {
    let program = program.and_then(|text| source("old/bin/websocket-proxy.py", text));
    let micronets = Some(Folder { name: "old".into(), program, certificates });
    imported(&Programs { micronets, ..Programs::default() })
}

#[test]
fn the_websocket_proxy_keeps_its_settings_and_certificates() {
    let root = certificate("lib/my-root.cert.pem", "Root", [1; 32]);
    let own = certificate("lib/my-proxy.pkeycert.pem", "Proxy", [2; 32]);
    let peer = certificate("lib/my-manager.cert.pem", "Manager", [3; 32]);
    let new = proxy(Some(PROGRAM), vec![root, own, peer]);
    assert_eq!(problems(&new), Vec::<String>::new(), "{}", new.toml);
    assert_eq!(line(&new, "proxy", "listen"), Some("\"127.0.0.1:5051\""));
    assert_eq!(line(&new, "proxy", "path_prefix"), Some("\"/ws/\""));
    assert_eq!(line(&new, "proxy", "cert"), Some("\"proxy.pkeycert.pem\""));
    assert_eq!(line(&new, "proxy", "client_ca"), Some("\"root.cert.pem\""));
    assert_eq!(new.files.len(), 2);
    assert!(is_said(&new, "old/lib/my-root.cert.pem:1: ", "[[proxy.allow]]"));
    assert!(is_said(&new, "old/bin/websocket-proxy.py:8: report_interval_s: ", "/status"));
}

#[test]
fn published_keys_are_not_carried_over() {
    let published = |hex: &str| {
        let mut key = [0; 32];
        for (octet, digits) in key.iter_mut().zip(hex.as_bytes().chunks(2)) {
            let digits = core::str::from_utf8(digits).expect("hex");
            *octet = u8::from_str_radix(digits, 16).expect("hex");
        }
        key
    };
    let root = "fc0ebb16218dd7f968ddc76495d7df02bd9fdc9a2ad149387b28cecb76bf11cc";
    let root = certificate("micronets-ws-root.cert.pem", "Micronets-WS-Root", published(root));
    let own = certificate("micronets-ws-proxy.pkeycert.pem", "Proxy", [2; 32]);
    let new = proxy(None, vec![root, own]);
    // What such a root signed is lost with it.
    assert!(new.files.is_empty(), "{new:?}");
    assert_eq!(line(&new, "proxy", "listen"), Some("\"0.0.0.0:5050\""));
    assert!(is_said(
        &new,
        "old:1: the private keys of micronets-ws-root.cert.pem are",
        "never these"
    ));
    assert!(is_said(&new, "old:1: ", "mistgate cert root"), "{new:?}");

    let other = proxy(Some("args = parse()\n"), vec![]);
    assert!(is_said(&other, "old/bin/websocket-proxy.py:1: ", "command line"));
    assert!(is_said(&other, "old/bin/websocket-proxy.py:1: ", "there is no certificate"));
}
