//! Tells the program its target and the commit it was built from.

use std::process::Command;

fn main() {
    let target = std::env::var("TARGET").unwrap_or_default();
    println!("cargo::rustc-env=MISTGATE_TARGET={target}");
    let git = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output();
    // A source archive has no commit, and is built all the same.
    let commit = git.ok().filter(|output| output.status.success());
    let commit = commit.and_then(|output| String::from_utf8(output.stdout).ok());
    println!("cargo::rustc-env=MISTGATE_COMMIT={}", commit.as_deref().unwrap_or("unknown").trim());
    let rustc = std::env::var("RUSTC").unwrap_or_default();
    let version = Command::new(rustc).arg("--version").output().map(|output| output.stdout);
    let version = version.ok().and_then(|version| String::from_utf8(version).ok());
    println!("cargo::rustc-env=MISTGATE_RUSTC={}", version.as_deref().unwrap_or("unknown").trim());
    println!("cargo::rerun-if-changed=../.git/HEAD");
    println!("cargo::rerun-if-changed=../.git/refs/heads");
    // What the static build is linked by.
    println!("cargo::rerun-if-changed=cold.ld");
}
