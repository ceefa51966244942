//! Port profiles through CSO: the runtime against a simulated CSO on loopback.

use std::{sync::Arc, time::Duration};

use http_types::Url;
use mistgate_core::base::failure::Failure;
use mistgate_core::base::mac::Mac;
use mistgate_core::base::secret::Secret;
use mistgate_core::cso::{Cso as Config, CsoProfile};
use mistgate_core::http::proxy::Proxies;
use mistgate_core::ports::edit::{Edit, MethodConfig as _, Pushed};
use mistgate_core::ports::name::{PortName, SwitchName};
use mistgate_core::ports::switch_port::{Mode, Switch};
use mistgate_runtime::base::clock::Clock;
use mistgate_runtime::base::journal::{Format, Journal, Level};
use mistgate_runtime::http::outbound::Outbound;
use mistgate_runtime::http::tls;
use mistgate_runtime::ports::cso::Cso;
use mistgate_runtime::ports::method::Method as _;
use mistgate_tests::chat::server::{LONG, reserve};
use mistgate_tests::ports::cso;
use mistgate_tests::ports::cso::tenant::{PortConfig, Tenant};
use mistgate_tests::ports::cso::{Fault, say};
use smol::future;

const LOGIN: &str = "/v3/auth/tokens";
const DEVICES: &str = "/data-view-central/device";
const PROFILES: &str = "/tssm/port-profile";
const SEGMENTS: &str = "/topology-service/lan-segment/_filter";
const APPLY: &str = "/tssm/apply-port-config-association";
const DEPLOY: &str = "/tssm/deploy-port-config-association";

/// A simulated CSO, and the runtime's client for it.
struct Bench {
    server: Arc<cso::Cso>,
    cso: Cso,
}

fn profile(profile: &str, vlan: Option<u16>, native_vlan: Option<u16>) -> CsoProfile {
    CsoProfile { profile: profile.to_owned(), vlan, native_vlan }
}

fn ap() -> CsoProfile {
    profile("generic-trunk", None, Some(11))
}

fn default() -> CsoProfile {
    profile("generic-access", Some(12), None)
}

fn config(url: &str, password: &str) -> Config {
    Config {
        url: Url::parse(url).expect("a URL"),
        tenant: "ACME".to_owned(),
        login: "mesa@acme.example".to_owned(),
        password: Secret::new(password),
        ap: ap(),
        default: default(),
    }
}

fn way_to(url: &str, password: &str, timeout: Duration) -> Cso {
    let config = config(url, password);
    let outbound = Outbound {
        tls: tls::connector(Vec::new()),
        proxies: Proxies::default(),
        clock: Clock::start(),
    };
    Cso::new(config, timeout, outbound, Arc::new(Journal::new(Format::Text, Level::Error)))
}

impl Bench {
    fn new() -> Self {
        Self::within(LONG)
    }

    fn within(timeout: Duration) -> Self {
        let server = Arc::new(cso::Cso::open(Tenant::small()).expect("a loopback port"));
        let cso = way_to(&server.url(), "cso-pass-word", timeout);
        Self { server, cso }
    }

    fn push(&self, edits: &[Edit]) -> Pushed {
        smol::block_on(self.cso.push(&switch("branch"), edits))
    }

    fn read(&self) -> Option<bool> {
        smol::block_on(self.cso.read(&switch("branch"), &edit(7, Mode::Ap)))
    }

    fn port(&self, site: &str, port: u16) -> Option<PortConfig> {
        self.server.with(|tenant| tenant.port(site, &format!("ge-0/0/{port}")))
    }

    /// The paths of the requests, without their queries.
    fn paths(&self) -> Vec<String> {
        let path = |request: &String| {
            let target = request.split(' ').nth(1).expect("a target");
            target.split('?').next().expect("a path").to_owned()
        };
        self.server.requests().iter().map(path).collect()
    }
}

fn switch(site: &str) -> Switch {
    let mac = if site == "branch" { "5c5b35000101" } else { "5c5b35000102" };
    Switch {
        mac: Mac::parse(mac).expect("a MAC"),
        device_id: String::new(),
        site: String::new(),
        name: SwitchName::parse(&format!("sw-1.{site}.ACME")),
        model: None,
    }
}

fn edit(port: u16, mode: Mode) -> Edit {
    let port = PortName::parse(&format!("ge-0/0/{port}")).expect("a port");
    let lines = config("https://cso.example", "").edits().edit(port, mode, None, None).lines;
    Edit { port, mode, ap: None, lines, before: None, is_in_doubt: false, back: Vec::new() }
}

fn done(diff: &str) -> Pushed {
    Pushed::Done { diff: diff.to_owned(), before: Vec::new() }
}

/// The result of a push that makes port 7 a trunk for an access point.
fn trunk_done() -> Pushed {
    done("ge-0/0/7: profile generic-trunk, native VLAN 11")
}

fn trunk() -> PortConfig {
    PortConfig { profile: "generic-trunk".to_owned(), vlans: vec![11, 12, 13], native: Some(11) }
}

#[test]
fn a_port_gets_its_trunk_and_gives_it_back() {
    let bench = Bench::new();
    assert_eq!(bench.push(&[edit(7, Mode::Ap)]), trunk_done());
    assert_eq!(bench.port("branch", 7), Some(trunk()));
    assert_eq!(bench.port("depot", 7), None, "a switch of the same name elsewhere");
    assert_eq!(bench.paths(), [LOGIN, DEVICES, PROFILES, SEGMENTS, APPLY, DEPLOY]);
    assert_eq!(
        bench.push(&[edit(7, Mode::Default)]),
        done("ge-0/0/7: profile generic-access, VLAN 12")
    );
    let access = PortConfig { profile: "generic-access".to_owned(), vlans: vec![12], native: None };
    assert_eq!(bench.port("branch", 7), Some(access));
}

#[test]
fn the_ports_of_a_batch_go_together() {
    let bench = Bench::new();
    let edits: Vec<Edit> = (0..8).map(|port| edit(port, Mode::Ap)).collect();
    assert!(matches!(bench.push(&edits), Pushed::Done { .. }));
    assert!((0..8).all(|port| bench.port("branch", port) == Some(trunk())));
    let deployments = bench.paths().iter().filter(|path| *path == DEPLOY).count();
    assert_eq!(deployments, 1);
}

#[test]
fn what_cso_does_not_have_is_said_and_nothing_is_written() {
    for (spoil, message) in [
        (
            (|tenant| tenant.devices.retain(|device| device.site != "branch")) as fn(&mut Tenant),
            "CSO has no switch sw-1 at site branch",
        ),
        (
            |tenant| tenant.devices.extend(tenant.devices.first().cloned()),
            "CSO has more than one switch sw-1 at site branch",
        ),
        (|tenant| tenant.profiles.clear(), "CSO has no port profile generic-trunk"),
        (
            |tenant| tenant.segments.retain(|segment| segment.vlan != 11),
            "CSO has no LAN segment of VLAN 11 at site branch",
        ),
        (|tenant| tenant.segments.clear(), "CSO has no LAN segment at site branch"),
    ] {
        let bench = Bench::new();
        bench.server.with(spoil);
        let message = message.to_owned();
        let pushed = bench.push(&[edit(7, Mode::Ap)]);
        assert_eq!(pushed, Pushed::Failed(Failure::Rejected { message }));
        assert!(!bench.paths().iter().any(|path| path == APPLY || path == DEPLOY));
    }
}

#[test]
fn a_port_that_cso_refuses_spoils_the_batch_and_the_others_can_go_alone() {
    let bench = Bench::new();
    let pushed = bench.push(&[edit(7, Mode::Ap), edit(99, Mode::Ap)]);
    let message = "CSO answers 400 to the change: no such port".to_owned();
    assert_eq!(pushed, Pushed::Failed(Failure::Rejected { message }));
    assert_eq!(bench.port("branch", 7), None);
    assert_eq!(bench.push(&[edit(7, Mode::Ap)]), trunk_done());
}

#[test]
fn a_busy_cso_is_asked_again_when_it_wants_to_be() {
    for path in [LOGIN, DEVICES, PROFILES, SEGMENTS, APPLY, DEPLOY] {
        let bench = Bench::new();
        bench.server.misbehave(path, &[Fault::Say(429, "Retry-After: 30\r\n", "slow down")]);
        let after = Some(Duration::from_secs(30));
        let pushed = bench.push(&[edit(7, Mode::Ap)]);
        assert_eq!(pushed, Pushed::Failed(Failure::Busy { after }), "{path}");
        assert_eq!(bench.push(&[edit(7, Mode::Ap)]), trunk_done());
    }
}

#[test]
fn a_fault_of_cso_is_a_failure_until_the_deployment_where_nobody_knows() {
    for path in [LOGIN, DEVICES, PROFILES, SEGMENTS, APPLY, DEPLOY] {
        let bench = Bench::new();
        bench.server.misbehave(path, &[say(502, "<html>Bad Gateway</html>")]);
        let pushed = bench.push(&[edit(7, Mode::Ap)]);
        let (Pushed::Unknown(failure) | Pushed::Failed(failure)) = &pushed else {
            panic!("{path}: {pushed:?}");
        };
        assert_eq!(matches!(pushed, Pushed::Unknown(_)), path == DEPLOY, "{path}");
        let words = failure.to_string();
        assert!(words.starts_with("the other side has a fault: CSO answers 502 to "), "{words}");
    }
}

#[test]
fn an_expired_session_is_renewed_wherever_it_expires() {
    for path in [DEVICES, PROFILES, SEGMENTS, APPLY, DEPLOY] {
        let bench = Bench::new();
        bench.server.misbehave(path, &[Fault::Expire]);
        assert_eq!(bench.push(&[edit(7, Mode::Ap)]), trunk_done(), "{path}");
        assert_eq!(bench.server.with(|tenant| tenant.logins()), 2);
        assert_eq!(bench.port("branch", 7), Some(trunk()));
    }
    let bench = Bench::new();
    bench.server.misbehave(DEVICES, &[Fault::Expire, Fault::Expire]);
    assert_eq!(bench.push(&[edit(7, Mode::Ap)]), Pushed::Failed(Failure::Login));
}

#[test]
fn a_refused_login_ends_the_push() {
    let bench = Bench::new();
    let cso = way_to(&bench.server.url(), "another-word", LONG);
    let pushed = smol::block_on(cso.push(&switch("branch"), &[edit(7, Mode::Ap)]));
    assert_eq!(pushed, Pushed::Failed(Failure::Login));
    assert_eq!(bench.paths(), [LOGIN]);
    assert_eq!(smol::block_on(cso.read(&switch("branch"), &edit(7, Mode::Ap))), None);
}

#[test]
fn members_that_are_null_are_not_missed() {
    let bench = Bench::new();
    for path in [LOGIN, DEVICES, PROFILES, SEGMENTS, APPLY, DEPLOY] {
        bench.server.misbehave(path, &[Fault::Nulls]);
    }
    assert_eq!(bench.push(&[edit(7, Mode::Ap)]), trunk_done());
    assert_eq!(bench.port("branch", 7), Some(trunk()));
}

#[test]
fn a_page_in_the_place_of_an_answer_is_no_success() {
    for path in [DEVICES, PROFILES, SEGMENTS, APPLY, DEPLOY] {
        let bench = Bench::new();
        bench.server.misbehave(path, &[say(200, "<html>Please sign in</html>")]);
        let pushed = bench.push(&[edit(7, Mode::Ap)]);
        let is_refused = match &pushed {
            Pushed::Failed(Failure::Rejected { .. }) => path != DEPLOY,
            Pushed::Unknown(Failure::Rejected { .. }) => path == DEPLOY,
            Pushed::Done { .. } | Pushed::Failed(_) | Pushed::Unknown(_) => false,
        };
        assert!(is_refused, "{path}: {pushed:?}");
    }
}

#[test]
fn a_lost_answer_counts_by_what_was_asked() {
    for fault in [Fault::Cut, Fault::CutAfter] {
        for path in [LOGIN, DEVICES, PROFILES, SEGMENTS, APPLY] {
            let bench = Bench::new();
            bench.server.misbehave(path, &[fault]);
            let pushed = bench.push(&[edit(7, Mode::Ap)]);
            assert_eq!(pushed, Pushed::Failed(Failure::Timeout), "{path}");
            assert_eq!(bench.port("branch", 7), None);
        }
        let bench = Bench::new();
        bench.server.misbehave(DEPLOY, &[fault]);
        let pushed = bench.push(&[edit(7, Mode::Ap)]);
        assert_eq!(pushed, Pushed::Unknown(Failure::Timeout));
        assert_eq!(bench.port("branch", 7).is_some(), fault == Fault::CutAfter);
        // In both cases the same push settles the port.
        assert_eq!(bench.read(), Some(false));
        assert_eq!(bench.push(&[edit(7, Mode::Ap)]), trunk_done());
        assert_eq!(bench.port("branch", 7), Some(trunk()));
    }
}

#[test]
fn a_slow_deployment_is_not_waited_for_without_end() {
    let bench = Bench::within(Duration::from_secs(5));
    bench.server.misbehave(DEPLOY, &[Fault::Hold]);
    assert_eq!(bench.push(&[edit(7, Mode::Ap)]), Pushed::Unknown(Failure::Timeout));
    assert_eq!(bench.port("branch", 7), None);
    bench.server.release();
}

/// MESA asks for the LAN segments of the switch. Where there are none, they are the site's.
#[test]
fn segments_are_found_under_the_switch_or_its_site() {
    let bench = Bench::new();
    bench.server.with(|tenant| tenant.is_under_switch = false);
    assert_eq!(bench.push(&[edit(7, Mode::Ap)]), trunk_done());
    assert_eq!(bench.port("branch", 7), Some(trunk()));
    let asked = [LOGIN, DEVICES, PROFILES, SEGMENTS, SEGMENTS, APPLY, DEPLOY];
    assert_eq!(bench.paths(), asked);
}

#[test]
fn without_a_way_there_nothing_is_read_and_nothing_done() {
    let nobody = reserve().expect("a loopback port");
    let address: std::net::SocketAddr =
        rustix::net::getsockname(&nobody).expect("a name").try_into().expect("an address");
    let cso = way_to(&format!("http://{address}"), "cso-pass-word", LONG);
    let pushed = smol::block_on(cso.push(&switch("branch"), &[edit(7, Mode::Ap)]));
    assert_eq!(pushed, Pushed::Failed(Failure::Unreachable));
    assert_eq!(smol::block_on(cso.read(&switch("branch"), &edit(7, Mode::Ap))), None);
}

#[test]
fn a_switch_is_spoken_about_once_at_a_time_and_holds_up_no_other() {
    let bench = Bench::new();
    bench.server.misbehave(DEPLOY, &[Fault::Hold]);
    let (here, there) = (switch("branch"), switch("depot"));
    let first_edits = [edit(7, Mode::Ap)];
    let first = bench.cso.push(&here, &first_edits);
    let second_edits = [edit(7, Mode::Default)];
    let second = bench.cso.push(&here, &second_edits);
    let third = async {
        let server = Arc::clone(&bench.server);
        let deploys = |requests: &[String]| requests.iter().any(|request| request.contains(DEPLOY));
        assert!(smol::unblock(move || server.wait(deploys)).await);
        let pushed = bench.cso.push(&there, &[edit(7, Mode::Ap)]).await;
        // The other switch is finished, while the second change of the first has not begun.
        let logins = bench.server.with(|tenant| tenant.logins());
        bench.server.release();
        (pushed, logins)
    };
    let both = future::zip(first, second);
    let ((first, second), (third, logins)) = smol::block_on(future::zip(both, third));
    assert_eq!((first, logins), (trunk_done(), 2));
    assert_eq!(second, done("ge-0/0/7: profile generic-access, VLAN 12"));
    assert_eq!(third, trunk_done());
    assert_eq!(bench.port("branch", 7).expect("a change").profile, "generic-access");
    assert_eq!(bench.port("depot", 7), Some(trunk()));
}
