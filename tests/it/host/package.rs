//! What `appliance/release` makes of a binary: a Debian package, a tarball, an image and their
//! signed sums. `tests/bench/package` installs them on fresh systems.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use mistgate_runtime::base::store::FORMAT;
use serde_json::Value;

use crate::base::binary::{binary, text};

const TARGET: &str = "x86_64-unknown-linux-musl";
const VERSION: &str = "1.2.3";

fn release(binaries: &Path, out: &Path, key: &Path) -> Child {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../appliance/release");
    let mut release = Command::new(script);
    release.arg(TARGET).stdout(Stdio::null()).stderr(Stdio::piped());
    release.env("BINARIES", binaries).env("OUT", out).env("MINISIGN_KEY", key);
    release.env("VERSION", VERSION).env("SOURCE_DATE_EPOCH", "1700000000");
    release.spawn().expect("appliance/release")
}

/// Runs a command in a folder, which must succeed. Gives what it printed.
#[track_caller]
fn run(folder: &Path, command: &[&str]) -> String {
    let (program, args) = command.split_first().expect("a program");
    let done = Command::new(program).args(args).current_dir(folder).output();
    let done = done.unwrap_or_else(|error| panic!("{program}: {error} — see tests/run"));
    let printed = text(&done.stdout) + &text(&done.stderr);
    assert!(done.status.success(), "{command:?}: {printed}");
    text(&done.stdout)
}

#[test]
fn a_release_is_the_same_bytes_again_and_holds_what_it_should() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("binaries")).expect("a folder");
    // As it ships: a binary for debugging has symbols, which take long to pack.
    let name = format!("binaries/mistgate-{TARGET}");
    run(folder.path(), &["strip", "-o", &name, binary().to_str().expect("UTF-8")]);
    run(folder.path(), &["minisign", "-G", "-W", "-p", "public", "-s", "secret"]);
    let runs = ["one", "two"].map(|out| {
        let binaries = path("binaries");
        (path(out), release(&binaries, &path(out), &path("secret")))
    });
    for (out, mut running) in runs {
        let mut said = String::new();
        let errors = running.stderr.as_mut().expect("a pipe");
        errors.read_to_string(&mut said).expect("UTF-8");
        assert!(running.wait().expect("a process").success(), "{}: {said}", out.display());
    }
    let mut names: Vec<String> = fs::read_dir(path("one"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    names.sort_unstable();
    let deb = format!("mistgate_{VERSION}-1_amd64.deb");
    let expected = [
        "SHA256SUMS".to_owned(),
        "SHA256SUMS.minisig".to_owned(),
        format!("mistgate-{VERSION}-{TARGET}.tar.gz"),
        format!("mistgate-{VERSION}.oci.tar"),
        format!("mistgate-{TARGET}"),
        format!("mistgate-{TARGET}.cdx.json"),
        format!("mistgate-{TARGET}.licenses.txt"),
        deb.clone(),
    ];
    assert_eq!(names, expected);
    for name in &names {
        let [one, two] = ["one", "two"].map(|run| fs::read(path(run).join(name)).expect("a file"));
        assert!(one == two, "{name} differs");
    }
    let out = path("one");
    run(&out, &["minisign", "-V", "-p", "../public", "-m", "SHA256SUMS"]);
    run(&out, &["sha256sum", "--check", "--strict", "SHA256SUMS"]);
    is_a_good_package(&out, &deb);
    has_a_good_image(&path("image"), &out.join(format!("mistgate-{VERSION}.oci.tar")));
    let listed = run(&out, &["tar", "-tzf", &format!("mistgate-{VERSION}-{TARGET}.tar.gz")]);
    for name in ["mistgate", "install.md", "licenses.txt", "mistgate.1", "mistgate.toml"] {
        assert!(listed.lines().any(|line| line.ends_with(&format!("/{name}"))), "{name}: {listed}");
    }
}

fn is_a_good_package(out: &Path, deb: &str) {
    // The binary for debugging is not static, as the package says of the one that ships.
    let suppress = "--suppress-tags=missing-dependency-on-libc";
    run(out, &["lintian", "--allow-root", "--fail-on=error", suppress, deb]);
    let fields = run(out, &["dpkg-deb", "--field", deb]);
    for field in ["Package: mistgate", "Version: 1.2.3-1", "Architecture: amd64"] {
        assert!(fields.lines().any(|line| line == field), "{field}: {fields}");
    }
    let conffiles = run(out, &["dpkg-deb", "--info", deb, "conffiles"]);
    assert_eq!(conffiles, "/etc/mistgate/mistgate.toml\n");
    run(out, &["dpkg-deb", "--extract", deb, "../package"]);
    let file = |name: &str| out.join("../package").join(name);
    let unit = fs::read_to_string(file("usr/lib/systemd/system/mistgate.service"));
    let unit = unit.expect("the unit");
    let start = "\nExecStart=/usr/lib/mistgate/launch /usr/bin/mistgate /var/lib/mistgate ";
    assert!(unit.contains(start), "{unit}");
    assert!(!unit.contains("/usr/local/"), "{unit}");
    let script = run(out, &["dpkg-deb", "--info", deb, "postinst"]);
    assert!(script.contains(&format!("\nstore='store     format {FORMAT}'\n")), "{script}");
    for (name, mode) in [
        ("usr/bin/mistgate", 0o755),
        ("usr/lib/mistgate/launch", 0o755),
        ("etc/mistgate/mistgate.toml", 0o640),
        ("usr/share/man/man1/mistgate.1.gz", 0o644),
        ("usr/share/bash-completion/completions/mistgate", 0o644),
        ("usr/share/zsh/vendor-completions/_mistgate", 0o644),
        ("usr/share/fish/vendor_completions.d/mistgate.fish", 0o644),
        ("usr/share/doc/mistgate/copyright", 0o644),
        ("usr/share/doc/mistgate/dashboards/alerts.yml", 0o644),
        ("usr/share/doc/mistgate/dashboards/mistgate.json", 0o644),
        ("usr/share/doc/mistgate/licenses.txt.gz", 0o644),
    ] {
        let data = fs::metadata(file(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(data.permissions().mode() & 0o7777, mode, "{name}");
    }
}

/// Follows the names from the index to the binary, and compares each blob with its digest.
fn has_a_good_image(folder: &Path, layout: &Path) {
    fs::create_dir(folder).expect("a folder");
    run(folder, &["tar", "-xf", layout.to_str().expect("UTF-8")]);
    let read =
        |path: PathBuf| fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path:?}: {e}"));
    let json = |text: String| serde_json::from_str::<Value>(&text).expect("JSON");
    let blob = |value: &Value| {
        let digest = value.get("digest").and_then(Value::as_str).expect("a digest");
        let hex = digest.strip_prefix("sha256:").expect("a SHA-256");
        let path = folder.join("blobs/sha256").join(hex);
        let sum = run(folder, &["sha256sum", path.to_str().expect("UTF-8")]);
        assert!(sum.starts_with(hex), "{sum}");
        let size = value.get("size").and_then(Value::as_u64);
        assert_eq!(size, Some(fs::metadata(&path).expect("a blob").len()));
        path
    };
    let at = |value: &Value, pointer: &str| value.pointer(pointer).cloned().expect("a member");
    assert_eq!(at(&json(read(folder.join("oci-layout"))), "/imageLayoutVersion"), "1.0.0");
    let top = json(read(folder.join("index.json")));
    let index = json(read(blob(&at(&top, "/manifests/0"))));
    assert_eq!(at(&index, "/manifests/0/platform/architecture"), "amd64");
    let manifest = json(read(blob(&at(&index, "/manifests/0"))));
    let config = json(read(blob(&at(&manifest, "/config"))));
    assert_eq!(at(&config, "/config/User"), "65534:65534");
    assert_eq!(at(&config, "/config/Entrypoint/0"), "/mistgate");
    assert_eq!(at(&config, "/config/Healthcheck/Test/3"), "--healthy");
    let layer = blob(&at(&manifest, "/layers/0"));
    let layer = layer.to_str().expect("UTF-8");
    let listed = run(folder, &["tar", "-tvzf", layer]);
    assert!(listed.lines().count() == 1 && listed.starts_with("-rwxr-xr-x 0/0 "), "{listed}");
    let unpacked = run(folder, &["sh", "-c", &format!("gzip -dc {layer} | sha256sum")]);
    let named = at(&config, "/rootfs/diff_ids/0");
    let named = named.as_str().and_then(|name| name.strip_prefix("sha256:"));
    assert_eq!(named, unpacked.split_whitespace().next());
}
