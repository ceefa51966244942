//! The laws of a push through CSO. It ends, has one request in flight at a time and not too many in
//! all, and reports the truth: done means that all ports are deployed, failed that none is.

use mistgate_core::base::exchange::{Exchange, ExchangeResult, Request, Response, Step};
use mistgate_core::base::failure::Failure;
use mistgate_core::base::mac::Mac;
use mistgate_core::base::secret::Secret;
use mistgate_core::cso::push;
use mistgate_core::cso::{Cso, CsoProfile};
use mistgate_core::ports::edit::{Edit, MethodConfig as _, Pushed};
use mistgate_core::ports::name::{PortName, SwitchName};
use mistgate_core::ports::switch_port::{Mode, Switch};

use crate::base::bytes::Bytes;
use crate::base::http::Message;
use crate::ports::cso::tenant::{PortConfig, Reply, Tenant, with_nulls};

/// Two logins, six other requests, and one of them repeated.
const REQUESTS_MAX: usize = 9;

/// A simulated CSO, and a network that loses requests and answers.
pub struct Surroundings {
    tenant: Tenant,
    edits: Vec<Edit>,
}

/// Runs one push to its end.
pub fn push(data: &[u8]) {
    let bytes = &mut Bytes::new(data);
    let (mut surroundings, mut push) = Surroundings::new(bytes);
    let mut step = push.start();
    for _ in 0..=REQUESTS_MAX {
        match step {
            Step::Done(pushed) => return surroundings.judge(&pushed),
            Step::Request(request) => step = push.answer(surroundings.respond(bytes, &request)),
        }
    }
    panic!("more than {REQUESTS_MAX} requests");
}

impl Surroundings {
    fn new(bytes: &mut Bytes<'_>) -> (Self, Exchange<Pushed>) {
        let mut tenant = Tenant::small();
        tenant.is_under_switch = bytes.chance(128);
        let profile = |profile: &str, vlan, native_vlan| CsoProfile {
            profile: profile.to_owned(),
            vlan,
            native_vlan,
        };
        let cso = Cso {
            url: "http://127.0.0.1".parse().expect("a URL"),
            tenant: "ACME".to_owned(),
            login: tenant.login.clone(),
            password: Secret::new(tenant.password.as_str()),
            ap: profile("generic-trunk", None, Some(11)),
            default: profile("generic-access", Some(12), None),
        };
        let edits = cso.edits();
        let edit = |number: u64| {
            let port = PortName::parse(&format!("ge-0/0/{number}")).expect("a port");
            let mode = if number.is_multiple_of(2) { Mode::Ap } else { Mode::Default };
            edits.edit(port, mode, None, None)
        };
        // The tenant's switches have eight ports.
        let edits: Vec<Edit> = (0..bytes.up_to(9)).map(edit).collect();
        let name = bytes.pick(&[
            "sw-1.branch.ACME",
            "sw-1.branch",
            "sw-1.depot.ACME",
            "sw-1",
            "sw-2.branch",
        ]);
        let switch = Switch {
            mac: Mac::parse("5c5b35000101").expect("a MAC"),
            device_id: String::new(),
            site: String::new(),
            name: SwitchName::parse(name),
            model: None,
        };
        let push = push::push(cso, switch, edits.clone());
        (Self { tenant, edits }, push)
    }

    fn respond(&mut self, bytes: &mut Bytes<'_>, request: &Request) -> ExchangeResult {
        let is_deployment = request.target.contains("deploy");
        // Faults are rare before the deployment, so that most pushes get that far.
        match bytes.up_to(if is_deployment { 11 } else { 59 }) {
            1 => Err(Failure::Unreachable),
            2 => Err(Failure::Timeout),
            3 => {
                self.carry_out(request);
                Err(Failure::Timeout)
            }
            4 => {
                self.carry_out(request);
                Ok(response(500 + u16::try_from(bytes.up_to(4)).expect("small"), "<html>"))
            }
            5 => Ok(response(bytes.pick(&[301, 400, 404, 409, 429, 403, 418]), "{\"message\":1}")),
            6 => {
                self.tenant.forget_sessions();
                Ok(self.carry_out(request))
            }
            7 => {
                let mut answer = self.carry_out(request);
                answer.body = with_nulls(&String::from_utf8_lossy(&answer.body)).into_bytes();
                Ok(answer)
            }
            8 => Ok(response(200, "<html>")),
            // If CSO reports a deployment that it did not make, nobody can find out.
            9 if !is_deployment => {
                let lists = ["{\"lan-segment\":[{}]}", "{\"device\":7}"];
                Ok(response(200, bytes.pick(&["", "{}", "[]", "null", lists[0], lists[1]])))
            }
            _ => Ok(self.carry_out(request)),
        }
    }

    fn carry_out(&mut self, request: &Request) -> Response {
        let mut headers = Vec::new();
        if let Some(session) = &request.session {
            headers.push(("x-auth-token".to_owned(), session.expose().to_owned()));
        }
        if request.body.is_some() {
            headers.push(("content-type".to_owned(), "application/json".to_owned()));
        }
        let start = format!("{} {} HTTP/1.1", request.method, request.target);
        let body = String::from_utf8(request.body.clone().unwrap_or_default()).expect("UTF-8");
        let Reply { status, headers, body } = self.tenant.answer(&Message { start, headers, body });
        let session = headers.strip_prefix("X-Subject-Token: ").map(str::trim).map(Secret::new);
        Response { session, ..response(status, &body) }
    }

    /// Compares the reported result with the state of the ports.
    fn judge(&self, pushed: &Pushed) {
        match pushed {
            Pushed::Done { diff, .. } => {
                assert_eq!(diff.lines().count(), self.edits.len());
                assert_eq!(self.tenant.deployed.len(), self.edits.len());
                for edit in &self.edits {
                    let found = self
                        .tenant
                        .deployed
                        .iter()
                        .find(|((_, port), _)| *port == edit.port.to_string());
                    let (_, config) = found.expect("done means deployed");
                    assert_eq!(*config, wanted(edit.mode));
                }
            }
            Pushed::Failed(failure) => {
                assert!(self.tenant.deployed.is_empty(), "{failure:?} though it is deployed");
            }
            Pushed::Unknown(_) => assert!(!self.edits.is_empty(), "nothing is not unknown"),
        }
    }
}

fn wanted(mode: Mode) -> PortConfig {
    let (profile, vlans, native) = match mode {
        Mode::Ap => ("generic-trunk", vec![11, 12, 13], Some(11)),
        Mode::Default => ("generic-access", vec![12], None),
    };
    PortConfig { profile: profile.to_owned(), vlans, native }
}

fn response(status: u16, body: &str) -> Response {
    let body = body.as_bytes().to_vec();
    Response { status, retry_after: None, total: None, session: None, body }
}
