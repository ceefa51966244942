//! `mistgate import` on the old programs' configurations, and `mistgate check` on what it wrote.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use mistgate_import::python;
use mistgate_import::value::{Form, Value};
use serde_json::{Value as Json, json};

use crate::base::binary::{Place, output, text};
use crate::base::files::mode;
use crate::base::pki::Authority;

fn vector(name: &str) -> String {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/import");
    vectors.join(name).display().to_string()
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

/// What `mistgate check` finds, except that this build may lack switch ports.
fn problems(place: &Place, config: &str) -> Vec<String> {
    let checked = output(place.path(), &["check", "--config", config]);
    let printed = text(&checked.stderr);
    // Neither is the page of the manual.
    let is_none = |line: &&str| line.contains("this build") || line.starts_with("see https://");
    printed.lines().filter(|line| !is_none(line)).map(str::to_owned).collect()
}

/// Secrets of the vectors. They may be in files of their own, but nowhere else.
const SECRETS: [&str; 9] = [
    "a webhook's secret",
    "B0EXAMPLE",
    "defaultdefault",
    "T/B/x",
    "IncomingWebhook",
    "7777&token",
    "tokentoken",
    "a password of",
    "BEGIN",
];

#[test]
fn everything_is_written_once_and_passes_the_check() {
    let place = Place::new("");
    let (mwtt, mesa) = (vector("mwtt.py"), vector("mesa.py"));
    let args = ["import", "--mwtt", &mwtt, "--mesa", &mesa, "--out", "new"];
    let done = output(place.path(), &args);
    let printed = text(&done.stderr);
    assert_eq!(code(&done), Some(0), "{printed}");
    assert!(done.stdout.is_empty());
    assert!(
        printed.lines().any(|line| line.starts_with(&format!("{mwtt}:34: msteams_conf"))),
        "{printed}"
    );
    let new = place.path().join("new");
    assert_eq!(mode(&new), 0o700);
    let mut files = 0;
    for entry in fs::read_dir(&new).expect("the folder") {
        let entry = entry.expect("an entry");
        if entry.file_name() != "mistgate.toml" {
            assert_eq!(mode(&entry.path()), 0o600, "{entry:?}");
            files += 1;
        }
    }
    assert_eq!(files, 11);
    // A value that came from the environment must be filled in.
    let [left] = problems(&place, "new/mistgate.toml").try_into().expect("one problem");
    let left: String = left;
    assert!(left.contains("chat.slack.urls_file.critical: the file cannot be read"), "{left}");
    place.write("new/slack-url-critical", "https://hooks.slack.com/services/T/B/critical\n");
    assert_eq!(problems(&place, "new/mistgate.toml"), Vec::<String>::new());
    let toml = fs::read_to_string(new.join("mistgate.toml")).expect("the configuration");
    for secret in SECRETS {
        assert!(!printed.contains(secret) && !toml.contains(secret), "{secret}\n{printed}\n{toml}");
    }
    let key = fs::read_to_string(new.join("external-key")).expect("a new key");
    assert_eq!(key.trim_end().len(), 64, "a new key of 256 bits");

    let again = output(place.path(), &args);
    assert_eq!(code(&again), Some(1));
    assert!(text(&again.stderr).contains("new/mistgate.toml: exists already"));
    assert_eq!(fs::read_to_string(new.join("external-key")).expect("a key"), key);
}

#[test]
fn without_a_folder_the_configuration_is_printed_and_nothing_written() {
    let place = Place::new("");
    for vector_name in ["mesa_switches.py", "mesa_cso.py"] {
        let before = fs::read_dir(place.path()).expect("the folder").count();
        let done = output(place.path(), &["import", "--mesa", &vector(vector_name)]);
        let (toml, printed) = (text(&done.stdout), text(&done.stderr));
        assert_eq!(code(&done), Some(0), "{printed}");
        assert!(toml.contains("[ports]") && printed.contains("not written: "), "{printed}");
        for secret in SECRETS {
            assert!(!printed.contains(secret) && !toml.contains(secret), "{secret}\n{printed}");
        }
        assert_eq!(fs::read_dir(place.path()).expect("the folder").count(), before);
    }
}

#[test]
fn a_half_written_folder_does_not_stay() {
    let place = Place::new("");
    fs::create_dir(place.path().join("new")).expect("a folder");
    place.write("new/webhook-secret", "already here");
    let args = ["import", "--mesa", &vector("mesa_cso.py"), "--out", "new"];
    let refused = output(place.path(), &args);
    assert_eq!(code(&refused), Some(1));
    assert!(text(&refused.stderr).contains("new/webhook-secret: exists already"));
    assert_eq!(fs::read_dir(place.path().join("new")).expect("the folder").count(), 1);
    let lost = ["import", "--mesa", &vector("mesa_cso.py"), "--out", "no/such"];
    let lost = output(place.path(), &lost);
    assert_eq!(code(&lost), Some(1));
    assert!(text(&lost.stderr).contains("no/such: the folder above it does not exist"));
}

#[test]
fn wrong_usage_is_2_and_what_cannot_be_read_is_1() {
    let place = Place::new("");
    for args in [&["import"][..], &["import", "--out", "new"], &["import", "--mwtt"]] {
        assert_eq!(code(&output(place.path(), args)), Some(2), "{args:?}");
    }
    fs::write(place.path().join("latin.py"), b"a = '\xe9'\n").expect("a file");
    fs::create_dir(place.path().join("empty")).expect("a folder");
    for (args, part) in [
        (["import", "--mwtt", "absent.py"], "absent.py:1: there is no such file"),
        (["import", "--mesa", "latin.py"], "latin.py:1: not UTF-8 text"),
        (["import", "--micronets", "absent"], "absent/.: "),
        (["import", "--micronets", "empty"], "empty: there is neither bin/websocket-proxy.py"),
    ] {
        let refused = output(place.path(), &args);
        assert_eq!(code(&refused), Some(1), "{args:?}");
        let printed = text(&refused.stderr);
        assert!(printed.starts_with(part) && refused.stdout.is_empty(), "{printed}");
    }
}

/// Files that are not a configuration, and the line that reports each.
const HOSTILE: [(&str, &str); 5] = [
    ("a = '", "hostile.py:1: this text has no end"),
    ("\r\n\r\na = (1,\r\n", "hostile.py:3: this bracket is not closed"),
    ("a = 1\n\tb = 2\n", "hostile.py:2: this is not Python"),
    ("a = 1)\n", "hostile.py:1: this is not Python"),
    ("a = 1\n\n]", "hostile.py:3: this is not Python"),
];

#[test]
fn hostile_text_is_refused_or_comes_to_nothing() {
    let place = Place::new("");
    let deep = format!("a = {}", "[".repeat(100_000));
    let hostile =
        HOSTILE.map(|(content, printed)| (content.to_owned(), printed)).into_iter().chain([
            (deep, "hostile.py:1: more than 32 brackets in one another"),
            ("#".repeat(2 << 20), "hostile.py:1: larger than 1MiB"),
        ]);
    for (content, expected) in hostile {
        place.write("hostile.py", &content);
        let refused = output(place.path(), &["import", "--mwtt", "hostile.py"]);
        let printed = text(&refused.stderr);
        assert_eq!(code(&refused), Some(1), "{printed}");
        assert!(
            printed.starts_with(expected) && printed.lines().count() == 1,
            "{expected}: {printed}"
        );
    }
    let odd = format!(
        "\u{feff}# \tno indent\r\nport =\t{}\r\nmist_conf = {{'mist_secret':\t'\\x00'}}\r\n",
        "9".repeat(100_000)
    );
    place.write("odd.py", &odd);
    let odd = output(place.path(), &["import", "--mwtt", "odd.py", "--out", "odd"]);
    let printed = text(&odd.stderr);
    assert_eq!(code(&odd), Some(0), "{printed}");
    assert!(
        printed.contains("odd.py:2: port: not carried over, as this is a number of no use"),
        "{printed}"
    );
    assert!(printed.contains("mist_conf.mist_secret: left out"), "{printed}");
}

/// A value in the notation of tests/peers/literals.py. `None` if some part of it has no notation.
fn plain(value: &Value) -> Option<Json> {
    Some(match &value.form {
        Form::Bool(value) => json!(value),
        Form::None => Json::Null,
        Form::Text(text) => json!({ "text": text.expose() }),
        Form::Integer(number) => json!({ "integer": number.to_string() }),
        Form::Float(number) => json!({ "float": number.to_bits() }),
        Form::List(elements) => {
            json!({ "list": elements.iter().map(plain).collect::<Option<Vec<_>>>()? })
        }
        Form::Dict(pairs) => {
            // If a key is repeated, the last one counts.
            let mut last: Vec<(Json, Option<Json>)> = Vec::new();
            for (key, value) in pairs {
                let (key, value) = (plain(key)?, plain(value));
                match last.iter_mut().find(|(known, _)| *known == key) {
                    Some((_, earlier)) => *earlier = value,
                    None => last.push((key, value)),
                }
            }
            let last = last.into_iter().map(|(key, value)| Some((key, value?)));
            json!({ "dict": last.collect::<Option<Vec<_>>>()? })
        }
        Form::Call(_) | Form::Unread(_) => return None,
    })
}

#[test]
fn literals_are_what_python_makes_of_them() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/literals.py");
    let mut python = Command::new("python3");
    python.arg(script).args(["1", "3000"]);
    python.args(["mwtt.py", "mesa.py", "mesa_switches.py", "mesa_cso.py"].map(vector));
    let done = python.output().unwrap_or_else(|error| {
        panic!("python3: {error} — this test needs it: apt-get install python3")
    });
    assert!(done.status.success(), "{}", text(&done.stderr));
    let (mut compared, mut refused) = (0, 0);
    for line in text(&done.stdout).lines() {
        let line: Json = serde_json::from_str(line).expect("JSON");
        let source = line.get("source").and_then(Json::as_str).expect("a source");
        let Some(values) = line.get("values").and_then(Json::as_object) else {
            refused += 1;
            continue;
        };
        let module = python::parse(source).unwrap_or_else(|error| panic!("{error:?}: {source:?}"));
        for (name, expected) in values {
            let ours = module.assigned.get(name).and_then(plain);
            assert_eq!(ours.as_ref(), Some(expected), "{name} in {source:?}");
            compared += 1;
        }
    }
    assert!(compared > 2_000 && refused < 2_500, "{compared} compared, {refused} refused");
}

/// The beginning of the proxy's program, with its settings.
const PROGRAM: &str = "#!/usr/bin/env python\nbin_path = pathlib.Path (__file__).parent\n\
    proxy_bind_address = \"127.0.0.1\"\nproxy_port = 5050\n\
    proxy_service_prefix = \"/micronets/v1/ws-proxy/\"\n\
    proxy_cert_path = bin_path.parent.joinpath ('lib/micronets-ws-proxy.pkeycert.pem')\n\
    root_cert_path = bin_path.parent.joinpath ('lib/micronets-ws-root.cert.pem')\n\
    meetup_table = {}\nasync def main ():\n    return f\"{bin_path}\"\n";

#[test]
fn the_folder_of_the_websocket_proxy_is_moved() {
    let place = Place::new("");
    for folder in ["old", "old/bin", "old/lib"] {
        fs::create_dir(place.path().join(folder)).expect("a folder");
    }
    let root = Authority::new();
    let own = root.issue(&["proxy.example"]);
    place.write("old/bin/websocket-proxy.py", PROGRAM);
    place.write("old/lib/micronets-ws-root.cert.pem", &root.cert());
    place.write("old/lib/micronets-ws-proxy.pkeycert.pem", &(own.cert + &own.key));
    place.write("old/lib/notes.pem", "nothing");
    let done = output(place.path(), &["import", "--micronets", "old", "--out", "new"]);
    let printed = text(&done.stderr);
    assert_eq!(code(&done), Some(0), "{printed}");
    assert_eq!(problems(&place, "new/mistgate.toml"), Vec::<String>::new());
    assert_eq!(mode(&place.path().join("new/proxy.pkeycert.pem")), 0o600);
    assert!(
        printed.contains("[[proxy.allow]]") && !printed.contains("public repository"),
        "{printed}"
    );
}

#[test]
fn published_certificates_stay_behind_and_new_ones_take_their_place() {
    let place = Place::new("");
    fs::create_dir(place.path().join("old")).expect("a folder");
    place.write("old/micronets-ws-root.cert.pem", PUBLISHED_ROOT);
    let done = output(place.path(), &["import", "--micronets", "old", "--out", "new"]);
    let printed = text(&done.stderr);
    assert_eq!(code(&done), Some(0), "{printed}");
    let expected = "old:1: the private keys of micronets-ws-root.cert.pem are in a public";
    assert!(printed.contains(expected), "{printed}");
    assert!(!place.path().join("new/root.cert.pem").exists());
    assert!(!problems(&place, "new/mistgate.toml").is_empty());

    let new = place.path().join("new");
    let root = ["cert", "root", "--cert-basename", "root", "--subject-org-name", "Ours"];
    assert_eq!(code(&output(&new, &root)), Some(0));
    let leaf = [
        "cert",
        "leaf",
        "--cert-basename",
        "proxy",
        "--subject-org-name",
        "Proxy",
        "--server",
        "--san",
        "proxy.example",
        "--ca-certfile",
        "root.cert.pem",
        "--ca-keyfile",
        "root.key.pem",
    ];
    assert_eq!(code(&output(&new, &leaf)), Some(0));
    assert_eq!(problems(&place, "new/mistgate.toml"), Vec::<String>::new());
}

/// The root certificate published in the original's repository, together with its key.
const PUBLISHED_ROOT: &str = "\
    -----BEGIN CERTIFICATE-----\n\
    MIIBkzCCATigAwIBAgIJAM86FW32R7m5MAoGCCqGSM49BAMCMBwxGjAYBgNVBAoM\n\
    EU1pY3JvbmV0cy1XUy1Sb290MB4XDTE4MDYxOTIxNDkzNFoXDTI4MDYxNjIxNDkz\n\
    NFowHDEaMBgGA1UECgwRTWljcm9uZXRzLVdTLVJvb3QwWTATBgcqhkjOPQIBBggq\n\
    hkjOPQMBBwNCAASNoLmujCVKu1owr4N9fTU/EVS7Dv3NTQK+wrD6DFfJNHYBlrBQ\n\
    EmW2atLYIXFtmuwfASK5zQVA28+eK68ipCWio2MwYTAPBgNVHRMBAf8EBTADAQH/\n\
    MB0GA1UdDgQWBBTgaLBovBGpfJOm/3G+Wh700/5QqTAfBgNVHSMEGDAWgBTgaLBo\n\
    vBGpfJOm/3G+Wh700/5QqTAOBgNVHQ8BAf8EBAMCAYYwCgYIKoZIzj0EAwIDSQAw\n\
    RgIhALsSMV9uX/VwLEm550gfg6tUs3oshPO0eU6WBSL/5XPXAiEA/84c/eVyx8sQ\n\
    oVhVNUubw3vjYI5MA3VkL1uXlJNOpbc=\n\
    -----END CERTIFICATE-----\n";
