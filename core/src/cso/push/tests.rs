//! Whole conversations, request by request.

use alloc::{format, string::ToString, vec};

use http_types::{Method, Url};
use serde_json::{Value, json};

use super::*;
use crate::base::exchange::{Request, Step};
use crate::base::mac::Mac;
use crate::cso::CsoProfile;
use crate::ports::name::{PortName, SwitchName};
use crate::ports::switch_port::Mode;

const SITE: &str = "675672e7-0000-4000-8000-000000000001";
const SWITCH: &str = "5a11ab1e-0000-4000-8000-000000000002";
const TRUNK: &str = "7241c000-0000-4000-8000-000000000003";
const ACCESS: &str = "acce5500-0000-4000-8000-000000000004";

struct Bench {
    push: Exchange<Pushed>,
    step: Option<Step<Pushed>>,
}

fn cso() -> Cso {
    let profile = |profile: &str, vlan, native_vlan| CsoProfile {
        profile: profile.into(),
        vlan,
        native_vlan,
    };
    Cso {
        url: Url::parse("https://cso.example.net").expect("a URL"),
        tenant: "ACME".into(),
        login: "mesa@acme.example".into(),
        password: Secret::new("pass-word"),
        ap: profile("generic-trunk", None, Some(11)),
        default: profile("generic-access", Some(12), None),
    }
}

fn edit(port: &str, mode: Mode) -> Edit {
    let port = PortName::parse(port).expect("a port");
    Edit {
        port,
        mode,
        ap: None,
        lines: vec![format!("{port}: {}", mode.name())],
        before: None,
        is_in_doubt: false,
        back: Vec::new(),
    }
}

fn object(uuid: &str, path: &[&str]) -> Value {
    json!({ "uuid": uuid, "fq_name": path, "parent_type": "x", "parent_uuid": null })
}

fn devices() -> Value {
    json!({ "device": [
        object("other-switch", &["default-domain", "ACME", "branch", "sw-10"]),
        object("switch-elsewhere", &["default-domain", "ACME", "depot", "sw-1"]),
        object(SWITCH, &["default-domain", "ACME", "branch", "sw-1"]),
        { "uuid": null, "fq_name": null },
    ] })
}

fn profiles() -> Value {
    json!({ "port-profile": [
        object(TRUNK, &["default-domain", "ACME", "generic-trunk"]),
        object(ACCESS, &["default-domain", "ACME", "generic-access"]),
    ] })
}

fn segments() -> Value {
    json!({ "lan-segment": [
        { "uuid": "lan-11", "vlan": 11, "parent_uuid": SITE },
        { "uuid": "lan-12", "vlan": "12" },
        { "uuid": "lan-untagged", "vlan": null },
        null,
    ] })
}

impl Bench {
    fn named(name: Option<&str>, edits: &[Edit]) -> Self {
        let mac = Mac::parse("5c5b35000101").expect("a MAC");
        let name = name.and_then(SwitchName::parse);
        let switch =
            Switch { mac, device_id: String::new(), site: String::new(), name, model: None };
        let mut push = push(cso(), switch, edits.to_vec());
        let step = Some(push.start());
        Self { push, step }
    }

    fn new(edits: &[Edit]) -> Self {
        Self::named(Some("sw-1.branch.ACME"), edits)
    }

    /// A push that has come as far as its change.
    fn applying(edits: &[Edit]) -> Self {
        let mut bench = Self::new(edits);
        bench.log_in("token");
        for (target, body) in [
            ("/data-view-central/device", devices()),
            ("/tssm/port-profile", profiles()),
            ("/topology-service/lan-segment/_filter", segments()),
        ] {
            bench.expect(target);
            bench.answer(200, &body);
        }
        bench
    }

    /// A push that has come as far as its deployment.
    fn deploying(edits: &[Edit]) -> Self {
        let mut bench = Self::applying(edits);
        bench.expect("/tssm/apply-port-config-association");
        bench.answer(200, &json!({ "output": {} }));
        bench.expect("/tssm/deploy-port-config-association");
        bench
    }

    fn said(&mut self) -> Step<Pushed> {
        self.step.take().expect("each step is taken once")
    }

    /// The request that is made, which goes there.
    fn expect(&mut self, target: &str) -> Request {
        match self.said() {
            Step::Request(request) => {
                assert_eq!(request.target, target);
                assert_eq!(request.session.is_none(), target == "/v3/auth/tokens");
                let is_get = request.method == Method::Get;
                assert_eq!((is_get, !is_get), (request.body.is_none(), request.body.is_some()));
                request
            }
            Step::Done(pushed) => panic!("{pushed:?} in the place of {target}"),
        }
    }

    fn end(&mut self) -> Pushed {
        match self.said() {
            Step::Done(pushed) => pushed,
            Step::Request(request) => panic!("{request:?} in the place of the end"),
        }
    }

    fn exchanged(&mut self, result: ExchangeResult) {
        assert_eq!(self.step, None, "the step before is taken");
        self.step = Some(self.push.answer(result));
    }

    fn answer(&mut self, status: u16, body: &Value) {
        self.say(status, &body.to_string());
    }

    fn say(&mut self, status: u16, body: &str) {
        let body = body.as_bytes().to_vec();
        self.exchanged(Ok(Response {
            status,
            retry_after: None,
            total: None,
            session: None,
            body,
        }));
    }

    fn log_in(&mut self, token: &str) {
        self.expect("/v3/auth/tokens");
        let session = Some(Secret::new(token));
        let body = b"{\"token\":{}}".to_vec();
        self.exchanged(Ok(Response { status: 201, retry_after: None, total: None, session, body }));
    }
}

fn json(request: &Request) -> Value {
    serde_json::from_slice(request.body.as_deref().expect("a body")).expect("JSON")
}

fn refused(pushed: Pushed) -> String {
    match pushed {
        Pushed::Failed(Failure::Rejected { message }) => message,
        other @ (Pushed::Done { .. } | Pushed::Failed(_) | Pushed::Unknown(_)) => {
            panic!("{other:?} is no refusal")
        }
    }
}

fn fault(message: &str) -> Failure {
    Failure::Fault { message: message.into() }
}

fn done(diff: &str) -> Pushed {
    Pushed::Done { diff: diff.to_string(), before: Vec::new() }
}

#[test]
fn a_push_says_what_the_script_said_to_the_last_letter() {
    let mut bench = Bench::new(&[edit("ge-0/0/7", Mode::Ap), edit("ge-0/0/8", Mode::Default)]);
    let request = bench.expect("/v3/auth/tokens");
    assert_eq!(
        json(&request),
        json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user": {
                "domain": {"id": "default"}, "name": "mesa@acme.example", "password": "pass-word"
            }}},
            "scope": {"project": {"domain": {"id": "default"}, "name": "ACME"}}
        }})
    );
    let session = Some(Secret::new("token"));
    let opened = Response { status: 201, retry_after: None, total: None, session, body: vec![] };
    bench.exchanged(Ok(opened.clone()));
    let request = bench.expect("/data-view-central/device");
    assert_eq!(request.session, opened.session);
    bench.answer(200, &devices());
    bench.expect("/tssm/port-profile");
    bench.answer(200, &profiles());
    let request = bench.expect("/topology-service/lan-segment/_filter");
    assert_eq!(
        json(&request),
        json!({"query": {"bool": {"must": [{"term": {"parent_uuid._raw": SWITCH}}]}}, "detail": true})
    );
    bench.answer(200, &segments());
    let request = bench.expect("/tssm/apply-port-config-association");
    assert_eq!(
        json(&request),
        json!({"input": {"port_config_association": [
            {
                "device_uuid": SWITCH, "port_name": "ge-0/0/7", "port_configuration": TRUNK,
                "configuration_type": "profile",
                "lan_segment": ["lan-11", "lan-12", "lan-untagged"], "native_lan": "lan-11"
            },
            {
                "device_uuid": SWITCH, "port_name": "ge-0/0/8", "port_configuration": ACCESS,
                "configuration_type": "profile", "lan_segment": ["lan-12"], "native_lan": null
            }
        ]}})
    );
    bench.answer(200, &json!({ "output": { "status": "success", "error": null } }));
    let request = bench.expect("/tssm/deploy-port-config-association");
    assert_eq!(
        json(&request),
        json!({"input": {"port_config_association": [
            {"device_uuid": SWITCH, "port_name": "ge-0/0/7"},
            {"device_uuid": SWITCH, "port_name": "ge-0/0/8"}
        ]}})
    );
    bench.say(202, "");
    assert_eq!(bench.end(), done("ge-0/0/7: ap\nge-0/0/8: default"));
}

#[test]
fn a_push_of_nothing_ends_where_the_switch_is_found() {
    let mut bench = Bench::new(&[]);
    bench.log_in("token");
    bench.expect("/data-view-central/device");
    bench.answer(200, &devices());
    assert_eq!(bench.end(), done(""));
}

#[test]
fn a_switch_without_a_site_in_its_name_is_not_looked_for() {
    for (name, message) in [
        (None, "the switch 5c:5b:35:00:01:01 has no name that CSO could know it by"),
        (Some("sw-1"), "sw-1 names no site; CSO's switches are switch.site"),
    ] {
        let mut bench = Bench::named(name, &[edit("ge-0/0/7", Mode::Ap)]);
        assert_eq!(refused(bench.end()), message);
    }
}

/// What a push ends with where the answer to one of its first questions is this.
fn ends(step: usize, answer: &str) -> String {
    let mut bench = Bench::new(&[edit("ge-0/0/7", Mode::Ap), edit("ge-0/0/8", Mode::Default)]);
    bench.log_in("token");
    for body in [devices(), profiles(), segments()].into_iter().take(step) {
        bench.said();
        bench.answer(200, &body);
    }
    bench.said();
    bench.say(200, answer);
    refused(bench.end())
}

#[test]
fn what_is_not_there_exactly_once_is_reported_before_anything_is_written() {
    let twin = r#"{"device":[{"uuid":"a","fq_name":["sw-1"]},{"uuid":"b","fq_name":["sw-1"]}]}"#;
    let elsewhere = r#"{"device":[{"uuid":"a","fq_name":["ACME","depot","sw-1"]}]}"#;
    let twins = r#"{"port-profile":[{"uuid":"a","fq_name":["generic-trunk"]},
        {"uuid":"b","fq_name":["generic-trunk"]}]}"#;
    let one = r#"{"port-profile":[{"uuid":"a","fq_name":["generic-trunk"]}]}"#;
    let lan = r#"{"lan-segment":[{"uuid":"a","vlan":11},{"uuid":"b","vlan":11}]}"#;
    for (step, answer, message) in [
        (0, r#"{"device":[]}"#, "CSO has no switch sw-1 at site branch"),
        (0, r#"{"device":null}"#, "CSO has no switch sw-1 at site branch"),
        (0, r#"{"device":[null,7,{}]}"#, "CSO has no switch sw-1 at site branch"),
        (0, elsewhere, "CSO has no switch sw-1 at site branch"),
        (0, twin, "CSO has more than one switch sw-1 at site branch"),
        (1, r#"{"port-profile":[]}"#, "CSO has no port profile generic-trunk"),
        (1, twins, "CSO has more than one port profile generic-trunk"),
        (1, one, "CSO has no port profile generic-access"),
        (2, r#"{"lan-segment":[]}"#, "CSO has no LAN segment at site branch"),
        (2, lan, "CSO has more than one LAN segment of VLAN 11 at site branch"),
        (
            2,
            r#"{"lan-segment":[{"uuid":"a","vlan":11}]}"#,
            "CSO has no LAN segment of VLAN 12 at site branch",
        ),
    ] {
        assert_eq!(ends(step, answer), message, "{answer}");
    }
}

#[test]
fn what_is_no_list_is_not_taken_for_an_empty_one() {
    for (step, what) in ["switches", "port profiles", "LAN segments"].into_iter().enumerate() {
        for answer in ["", "{}", "[]", "<html>", r#"{"device":"","lan-segment":1}"#] {
            let message = format!("CSO's answer to the question for {what} is no list");
            assert_eq!(ends(step, answer), message, "{answer}");
        }
    }
    // A trunk without one of its VLANs would be another trunk.
    let nameless = r#"{"lan-segment":[{"uuid":"a","vlan":11},{"uuid":null,"vlan":12}]}"#;
    assert_eq!(ends(2, nameless), "CSO's answer to the question for LAN segments is no list");
}

#[test]
fn an_expired_session_is_renewed_once() {
    let mut bench = Bench::applying(&[edit("ge-0/0/7", Mode::Ap)]);
    let first = bench.expect("/tssm/apply-port-config-association");
    bench.say(401, "");
    bench.log_in("second");
    let again = bench.expect("/tssm/apply-port-config-association");
    assert_eq!((first.body, Some(Secret::new("second"))), (again.body, again.session));
    bench.say(401, "");
    assert_eq!(bench.end(), Pushed::Failed(Failure::Login));
}

#[test]
fn a_deployment_that_finds_the_session_expired_was_not_made() {
    let mut bench = Bench::deploying(&[edit("ge-0/0/7", Mode::Ap)]);
    bench.say(401, "");
    bench.expect("/v3/auth/tokens");
    bench.exchanged(Err(Failure::Timeout));
    assert_eq!(bench.end(), Pushed::Failed(Failure::Timeout));
}

#[test]
fn a_login_that_fails_ends_the_push_without_a_word_of_it() {
    for (status, failure) in [
        (401, Failure::Login),
        (403, Failure::Login),
        (429, Failure::Busy { after: None }),
        (503, Failure::Busy { after: None }),
        (500, fault("CSO answers 500 to the login: it does not say why")),
    ] {
        let mut bench = Bench::new(&[edit("ge-0/0/7", Mode::Ap)]);
        bench.expect("/v3/auth/tokens");
        bench.say(status, r#"{"error":{"message":"pass-word is wrong"}}"#);
        assert_eq!(bench.end(), Pushed::Failed(failure));
    }
    for (status, message) in [
        (400, "CSO answers 400 to the login: it does not say why"),
        (302, "CSO answers 302 to the login: it does not say why"),
        (200, "CSO takes the login and opens no session"),
    ] {
        let mut bench = Bench::new(&[edit("ge-0/0/7", Mode::Ap)]);
        bench.expect("/v3/auth/tokens");
        bench.say(status, r#"{"error":{"message":"pass-word is wrong"}}"#);
        assert_eq!(refused(bench.end()), message);
    }
    let mut bench = Bench::new(&[edit("ge-0/0/7", Mode::Ap)]);
    bench.expect("/v3/auth/tokens");
    bench.exchanged(Err(Failure::Unreachable));
    assert_eq!(bench.end(), Pushed::Failed(Failure::Unreachable));
}

#[test]
fn a_change_that_may_have_arrived_has_failed_as_long_as_it_is_not_deployed() {
    for failure in [Failure::Timeout, Failure::Unreachable] {
        let mut bench = Bench::applying(&[edit("ge-0/0/7", Mode::Ap)]);
        bench.expect("/tssm/apply-port-config-association");
        bench.exchanged(Err(failure.clone()));
        assert_eq!(bench.end(), Pushed::Failed(failure));
    }
    let mut bench = Bench::applying(&[edit("ge-0/0/7", Mode::Ap)]);
    bench.expect("/tssm/apply-port-config-association");
    bench.say(200, "<html>Welcome</html>");
    assert_eq!(refused(bench.end()), "CSO's answer to the change is not JSON");
}

#[test]
fn a_deployment_fails_succeeds_or_is_unknown() {
    let rejected = |message: &str| Failure::Rejected { message: message.into() };
    let busy = || Failure::Busy { after: None };
    let is_held = Failure::Locked { holder: "CSO is busy with the deployment: job 7 runs".into() };
    for (status, body, end) in [
        (429, "", Pushed::Failed(busy())),
        (403, "", Pushed::Failed(Failure::Login)),
        (409, "job 7 runs", Pushed::Failed(is_held)),
        (
            400,
            r#"{"message":"no such port"}"#,
            Pushed::Failed(rejected("CSO answers 400 to the deployment: no such port")),
        ),
        (
            200,
            r#"{"output":{"status":"FAILED","message":"device is down"}}"#,
            Pushed::Failed(rejected("CSO answers the deployment with an error: device is down")),
        ),
        (408, "", Pushed::Unknown(Failure::Timeout)),
        (
            500,
            r#"{"message":"no job"}"#,
            Pushed::Unknown(fault("CSO answers 500 to the deployment: no job")),
        ),
        (503, "", Pushed::Unknown(busy())),
        (200, "<html>", Pushed::Unknown(rejected("CSO's answer to the deployment is not JSON"))),
    ] {
        let mut bench = Bench::deploying(&[edit("ge-0/0/7", Mode::Ap)]);
        bench.say(status, body);
        assert_eq!(bench.end(), end, "{status} {body}");
    }
    for (failure, is_unknown) in [(Failure::Timeout, true), (Failure::Unreachable, false)] {
        let mut bench = Bench::deploying(&[edit("ge-0/0/7", Mode::Ap)]);
        bench.exchanged(Err(failure.clone()));
        let end = if is_unknown { Pushed::Unknown(failure) } else { Pushed::Failed(failure) };
        assert_eq!(bench.end(), end);
    }
}

/// Where nothing is found under the uuid of the switch, that of its parent is asked for.
#[test]
fn the_segments_are_those_of_the_switch_or_else_of_its_parent() {
    let empty = json!({ "lan-segment": [] });
    for (parent, found, is_done) in
        [(json!(SITE), segments(), true), (json!(SITE), empty.clone(), false)]
    {
        let mut bench = Bench::new(&[edit("ge-0/0/7", Mode::Ap)]);
        bench.log_in("token");
        bench.expect("/data-view-central/device");
        let path = ["default-domain", "ACME", "sw-1"];
        let device = json!({ "uuid": SWITCH, "fq_name": path, "parent_uuid": parent });
        bench.answer(200, &json!({ "device": [device] }));
        bench.expect("/tssm/port-profile");
        bench.answer(200, &profiles());
        for (uuid, answer) in [(SWITCH, &empty), (SITE, &found)] {
            let request = bench.expect("/topology-service/lan-segment/_filter");
            let asked = json(&request);
            let of = asked.pointer("/query/bool/must/0/term/parent_uuid._raw");
            assert_eq!(of, Some(&json!(uuid)));
            bench.answer(200, answer);
        }
        if is_done {
            bench.expect("/tssm/apply-port-config-association");
        } else {
            assert_eq!(refused(bench.end()), "CSO has no LAN segment at site branch");
        }
    }
}
