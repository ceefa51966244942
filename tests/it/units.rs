//! The service units that we hand out.

use std::{path::PathBuf, process::Command};

use crate::binary::text;

/// The most that `systemd-analyze security` may count, in tenths: 0 is locked up, 100 is exposed.
const EXPOSURE_MAX: u32 = 20;

fn unit(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../appliance/units")).join(name)
}

#[test]
fn the_systemd_unit_exposes_little() {
    let analysed = Command::new("systemd-analyze")
        .args(["security", "--offline=yes", "--no-pager"])
        .arg(format!("--threshold={EXPOSURE_MAX}"))
        .arg(unit("mistgate.service"))
        .env("LC_ALL", "C.UTF-8")
        .output()
        .expect("systemd-analyze: apt-get install systemd");
    let said = text(&analysed.stdout);
    assert!(said.contains("Overall exposure level for mistgate.service:"), "{said}");
    assert!(analysed.status.success(), "{said}");
}

#[test]
fn the_init_scripts_are_shell() {
    for script in ["mistgate.openrc", "mistgate.procd"] {
        let checked = Command::new("sh").arg("-n").arg(unit(script)).output().expect("a shell");
        assert!(checked.status.success(), "{script}: {}", text(&checked.stderr));
    }
}
