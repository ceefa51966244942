//! The resources that a small gateway can spare. `tests/run` runs this alone, with the static
//! binary.

use std::fs;
use std::time::{Duration, Instant};

use mistgate_core::base::mac::Mac;
use mistgate_tests::base::process::field;
use mistgate_tests::chat::server::{Chat, LONG};
use mistgate_tests::ports::cloud::organisation::{ORG, Organisation, SITE};
use mistgate_tests::ports::cloud::{Cloud, Recorded};

use crate::base::binary::{Place, SECRET};
use crate::base::openssl::Authority;

const URL: &str = "https://gw.example/webhooks";

/// Resident memory of a mistgate with everything configured, idle after its first look at Mist.
/// Most of it is the program's own pages: `appliance/cold.ld` keeps apart what it does not run.
const IDLE_KB_MAX: u64 = 8_000;
/// The time from the start of the process to its first "ready".
const READY_MAX: Duration = Duration::from_millis(50);
/// The fastest of this many starts counts, since this machine may be busy.
const STARTS: usize = 10;

#[expect(clippy::print_stdout, reason = "libtest keeps it, and shows it where it is asked to")]
#[test]
#[ignore = "measures, and so runs alone"]
fn it_is_ready_at_once_and_small_when_idle() {
    let chat = Chat::open().expect("a chat");
    let mut organisation = Organisation::new(ORG, "token-1");
    let switch = Mac::parse("5c5b350000ff").expect("a MAC");
    organisation.add_switch(switch, SITE, "access-1", 48);
    // With nothing wrong there it has nothing to tell.
    organisation.add_webhook("00000007-0000-4000-8000-000000000000", URL, SECRET);
    let cloud = Cloud::open(organisation).expect("a cloud");
    let authority = Authority::new();
    authority.leaf("proxy", "Proxy");
    let place = Place::new(&everything(&chat, &cloud, &authority));
    let starts = (0..STARTS).map(|start| {
        let began = Instant::now();
        let mistgate = place.start_with(&[]);
        while mistgate.ask("/-/ready").status() != 200 {
            assert!(began.elapsed() < LONG, "never ready:\n{}", mistgate.stderr());
        }
        let took = began.elapsed();
        let is_last = |request: &&Recorded| request.target.contains("/stats/devices");
        let looked = |seen: &[Recorded]| seen.iter().filter(is_last).count() > start;
        assert!(cloud.wait(looked), "no look at Mist:\n{}", mistgate.stderr());
        let status = format!("/proc/{}/status", mistgate.pid().as_raw_nonzero());
        let status = fs::read_to_string(status).expect("a process");
        let resident = field(&status, "VmRSS").and_then(|kb| kb.strip_suffix(" kB")?.parse().ok());
        mistgate.stop();
        (took, resident.expect("a size"))
    });
    let starts: Vec<(Duration, u64)> = starts.collect();
    let ready = starts.iter().map(|(took, _)| *took).min().expect("a start");
    let idle = starts.iter().map(|(_, resident)| *resident).max().expect("a start");
    let figures = format!("ready after {ready:?} of {READY_MAX:?}, {idle} of {IDLE_KB_MAX} kB");
    println!("{figures}");
    assert!(ready <= READY_MAX && idle <= IDLE_KB_MAX, "{figures}");
}

/// A configuration with all three jobs, all chats and all listeners.
fn everything(chat: &Chat, cloud: &Cloud, authority: &Authority) -> String {
    let chats = ["slack", "teams", "google"]
        .map(|name| format!("[chat.{name}]\ndefault_url = \"{}\"\n", chat.url("/")));
    format!(
        "url = \"{URL}\"\n[mist]\napi_url = \"{}\"\ntoken = \"token-1\"\norg_id = \"{ORG}\"\n\
         {}[chat.console]\n\
         [proxy]\nlisten = \"127.0.0.1:0\"\ncert = \"{}\"\nclient_ca = \"{}\"\n\
         [ports]\nmode = \"enforce\"\nmethod = \"mist\"\n\
         [ports.external]\nkey = \"the key of the tests\"\n\
         [ports.mist]\nap_profile = \"ap\"\ndefault_profile = \"default\"\n",
        cloud.origin(),
        chats.concat(),
        authority.file("proxy.pkeycert.pem"),
        authority.file("root.cert.pem"),
    )
}
