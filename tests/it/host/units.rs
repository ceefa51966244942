//! The files that are installed with the binary: service units, the manual page, completions.

use std::fs;
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

#[test]
fn the_init_scripts_are_shell() {
    for script in ["units/mistgate.openrc", "units/mistgate.procd"] {
        let checked = Command::new("sh").arg("-n").arg(appliance(script)).output();
        let checked = checked.expect("a shell");
        assert!(checked.status.success(), "{script}: {}", text(&checked.stderr));
    }
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
        ("mistgate port ", "audit diff set --help"),
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
