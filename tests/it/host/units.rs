//! The files that are installed with the binary: service units, the manual page, completions.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::base::binary::{binary, text};

/// The highest exposure by `systemd-analyze security`, in tenths: 0 is safe, 100 is exposed.
const EXPOSURE_MAX: u32 = 20;

fn appliance(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../appliance").join(name)
}

#[test]
fn the_systemd_unit_exposes_little() {
    let analysed = Command::new("systemd-analyze")
        .args(["security", "--offline=yes", "--no-pager"])
        .arg(format!("--threshold={EXPOSURE_MAX}"))
        .arg(appliance("units/mistgate.service"))
        .env("LC_ALL", "C.UTF-8")
        .output()
        .expect("systemd-analyze: apt-get install systemd");
    let printed = text(&analysed.stdout);
    assert!(printed.contains("Overall exposure level for mistgate.service:"), "{printed}");
    assert!(analysed.status.success(), "{printed}");
}

/// Runs lines of shell behind one of our scripts for an init system, by busybox's ash as on the
/// devices. The init system's functions, and mistgate itself, are stand-ins that print how they are
/// called; mistgate exits with `check`. Gives the exit code and what was printed.
fn in_ash(script: &str, lines: &str, check: i32) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let stand_in = format!(
        "#!/bin/sh\nIFS=' '; echo \"${{0##*/}} $*\"; [ \"${{0##*/}}\" != mistgate ] || exit {check}\n"
    );
    let procd = ["open_instance", "set_param", "close_instance", "send_signal"];
    let procd = procd.map(|name| format!("procd_{name}"));
    let openrc = ["checkpath", "ebegin", "eend", "supervise-daemon", "use", "need", "after"];
    for name in procd.iter().map(String::as_str).chain(openrc).chain(["mistgate"]) {
        fs::write(path(name), &stand_in).expect("a file");
        fs::set_permissions(path(name), fs::Permissions::from_mode(0o755)).expect("a mode");
    }
    let text_of_script = fs::read_to_string(appliance(script)).expect("a script");
    let program = path("mistgate").display().to_string();
    let moved = ["/usr/local/bin/mistgate", "/usr/bin/mistgate"]
        .iter()
        .fold(text_of_script, |text, installed| text.replace(installed, &program));
    fs::write(path("script"), moved).expect("a file");
    let ran = Command::new("busybox")
        .args(["ash", "-c", &format!(". ./script; {lines}")])
        .current_dir(folder.path())
        .env("PATH", format!("{}:/usr/bin:/bin", folder.path().display()))
        .env("RC_SVCNAME", "mistgate")
        .output()
        .expect("busybox: apt-get install busybox-static");
    assert_eq!(text(&ran.stderr), "");
    (ran.status.code(), text(&ran.stdout).replace(&program, "mistgate"))
}

#[test]
fn procd_starts_and_reloads_it() {
    let checked = "mistgate check --config /etc/mistgate/mistgate.toml\n";
    let (code, said) = in_ash("units/mistgate.procd", "start_service", 0);
    assert_eq!(code, Some(0), "{said}");
    let rest = said.strip_prefix(checked).expect("a look at the configuration first");
    assert!(rest.starts_with("procd_open_instance \n"), "{said}");
    assert!(rest.ends_with("procd_close_instance \n"), "{said}");
    for param in [
        "command /usr/lib/mistgate/launch mistgate /etc/mistgate/state run --config /etc/mistgate/mistgate.toml",
        "user mistgate",
        "no_new_privs 1",
        "limits core=0 nofile=65536 65536",
        "respawn 3600 5 0",
        "term_timeout 15",
    ] {
        assert!(rest.contains(&format!("procd_set_param {param}\n")), "{param}: {said}");
    }
    // What it refuses is not started.
    assert_eq!(in_ash("units/mistgate.procd", "start_service", 1), (Some(1), checked.to_owned()));
    let reloaded = "procd_send_signal mistgate * HUP\n";
    assert_eq!(in_ash("units/mistgate.procd", "reload_service", 0), (Some(0), reloaded.to_owned()));
    let places = "USE=1 START=95 STOP=10\n";
    let said = in_ash("units/mistgate.procd", "echo USE=$USE_PROCD START=$START STOP=$STOP", 0);
    assert_eq!(said, (Some(0), places.to_owned()));
}

#[test]
fn openrc_starts_and_reloads_it() {
    let checked = "mistgate check --config /etc/mistgate/mistgate.toml\n";
    let (code, said) = in_ash("units/mistgate.openrc", "start_pre", 0);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(
        said,
        format!(
            "checkpath --directory --mode 0750 --owner root:mistgate /etc/mistgate\n\
             checkpath --directory --mode 0700 --owner mistgate:mistgate /var/lib/mistgate\n\
             checkpath --file --mode 0600 --owner mistgate:mistgate /var/log/mistgate.log\n{checked}"
        )
    );
    let (code, said) = in_ash("units/mistgate.openrc", "start_pre", 1);
    assert!(code == Some(1) && said.ends_with(checked), "{said}");
    let reloaded = "ebegin Reloading mistgate\nsupervise-daemon mistgate --signal HUP\neend 0\n";
    assert_eq!(in_ash("units/mistgate.openrc", "reload", 0), (Some(0), reloaded.to_owned()));
    let values = "echo $command $command_args, $command_user, $supervisor";
    let started = "/usr/local/lib/mistgate/launch mistgate /var/lib/mistgate run --config \
                   /etc/mistgate/mistgate.toml, mistgate:mistgate, supervise-daemon\n";
    assert_eq!(in_ash("units/mistgate.openrc", values, 0), (Some(0), started.to_owned()));
    assert_eq!(in_ash("units/mistgate.openrc", "depend", 0).0, Some(0));
}

#[test]
fn the_manual_and_the_completions_know_every_command() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = Command::new("python3")
        .arg(appliance("manual"))
        .args([binary().as_os_str(), folder.path().as_os_str()])
        .output()
        .expect("python3: apt-get install python3");
    assert!(made.status.success(), "{}", text(&made.stderr));
    let page = fs::read_to_string(folder.path().join("mistgate.1")).expect("the page");
    for words in [
        "mistgate \\- Mist webhooks to",
        ".SS cert leaf\nMake a leaf: ",
        ".B \\-\\-cert\\-basename \\fIpath\\fR\npath and name of the new files",
        ".SS send\\-test\n",
        ".SS port set\nShow what would change",
        "\nmistgate connect \\-\\-client\\-cert manager.pkeycert.pem",
        ".B body\nthe file with the body",
        ".SS [webhook]\nThe listener that Mist sends to.",
        ".B dedup_window\n",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    fs::write(folder.path().join("page.toml"), "").expect("a file");
    for (line, completed) in [
        ("mistgate sen", "send-test"),
        ("mistgate cert ", "root intermediate leaf --help"),
        ("mistgate cert leaf --cl", "--client"),
        ("mistgate cert leaf --san ", ""),
        ("mistgate check --config pa", "page.toml"),
        ("mistgate port ", "approve audit diff list reject set undo --help"),
        ("mistgate route pa", "page.toml"),
    ] {
        let script = format!(
            "source ./mistgate.bash; IFS=' ' read -ra COMP_WORDS <<<'{line}'; [[ '{line}' != *' ' \
             ]] || COMP_WORDS+=(''); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _mistgate; echo \
             \"${{COMPREPLY[*]}}\""
        );
        let shell = Command::new("bash").args(["-c", &script]).current_dir(folder.path()).output();
        let shell = shell.expect("bash");
        assert_eq!(text(&shell.stdout).trim(), completed, "{line}: {}", text(&shell.stderr));
    }
}
