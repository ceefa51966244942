//! What can be asked of a running mistgate: one table for the admin endpoint's listener and for
//! the control socket.

use std::{borrow::Cow, pin::Pin};

use http_types::StatusCode;
use mistgate_core::{page::LOGIN, page::LOGOUT, ports::report::Order};

use super::{Admin, Answer, Asked, BACKUP, dead_letters, history, incidents, mist, page};
use super::{guard::Role, switch_ports};
use crate::http::listen::Reply;

/// An answer that is awaited.
type Awaited<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// One row of the table.
pub(super) struct Route {
    /// With GET also HEAD.
    method: &'static str,
    /// `{id}` stands for any number, `{name}` for any name.
    path: &'static str,
    pub(super) role: Role,
    pub(super) serve: for<'a> fn(&'a Admin, Asked<'a>) -> Awaited<'a>,
}

/// The table, a row a line.
macro_rules! routes {
    ($($method:ident $path:expr, $role:ident => |$of:ident, $asked:pat_param| $do:expr;)*) => {
        &[$(Route {
            method: stringify!($method),
            path: $path,
            role: Role::$role,
            serve: |$of, $asked| Box::pin($do),
        }),*]
    };
}

const ROUTES: &[Route] = routes! {
    GET "/-/healthy", Look => |admin, _| admin.healthy();
    GET "/-/ready", Look => |admin, _| admin.ready();
    GET "/metrics", Look => |admin, _| admin.metrics();
    GET "/status", Look => |admin, _| admin.status(0, String::new());
    GET "/events", Look => |admin, asked| page::news(admin, asked);
    GET "/", Page => |admin, asked| page::show(admin, asked);
    GET "/page/{name}", Page => |admin, asked| page::show(admin, asked);
    GET "/style/{id}", Free => |admin, asked| page::file(admin, asked);
    GET "/script/{id}", Free => |admin, asked| page::file(admin, asked);
    GET LOGIN, Free => |admin, asked| page::log_in(admin, asked);
    POST LOGIN, Free => |admin, asked| page::log_in(admin, asked);
    POST LOGOUT, Free => |admin, asked| page::log_out(admin, asked);
    GET dead_letters::LIST, Look => |admin, _| dead_letters::list(admin);
    GET dead_letters::SHOW, Look => |admin, asked| dead_letters::show(admin, asked);
    POST dead_letters::SEND, Act => |admin, asked| dead_letters::send(admin, asked);
    POST dead_letters::DROP, Act => |admin, asked| dead_letters::drop_letter(admin, asked);
    GET history::AFTER, Look => |admin, asked| history::after(admin, asked);
    GET incidents::LIST, Look => |admin, _| incidents::list(admin);
    GET incidents::SHOW, Look => |admin, asked| incidents::show(admin, asked);
    POST incidents::ACKNOWLEDGE, Act => |admin, asked| incidents::acknowledge(admin, asked);
    GET incidents::SILENCES, Look => |admin, _| incidents::silences(admin);
    POST incidents::SILENCES, Act => |admin, asked| incidents::silence(admin, asked);
    POST incidents::PREVIEW, Look => |admin, asked| incidents::preview(admin, asked);
    POST incidents::END_SILENCE, Act => |admin, asked| incidents::end_silence(admin, asked);
    POST BACKUP, Act => |admin, asked| admin.back_up(asked);
    POST mist::SELFTEST, Act => |admin, _| mist::test(admin);
    POST switch_ports::APPROVE, Act => |of, asked| switch_ports::order(of, asked, Order::Approve);
    POST switch_ports::REJECT, Act => |of, asked| switch_ports::order(of, asked, Order::Reject);
    POST switch_ports::UNDO, Act => |of, asked| switch_ports::order(of, asked, Order::Undo);
    POST switch_ports::CLOSE_BREAKER, Act => |admin, asked| switch_ports::carry_out(admin, asked);
    POST switch_ports::GO, Act => |admin, asked| switch_ports::carry_out(admin, asked);
    POST switch_ports::STOP, Stop => |admin, asked| switch_ports::carry_out(admin, asked);
};

impl Route {
    /// The route of a request; else the answer that there is none.
    pub(super) fn find(method: &str, path: &str) -> Result<&'static Self, Reply> {
        let of_path = || ROUTES.iter().filter(|route| route.is_of(path));
        let is_asked = |route: &&Self| route.methods().contains(&method);
        if let Some(route) = of_path().find(is_asked) {
            return Ok(route);
        }
        let allowed: Vec<&str> = of_path().flat_map(Self::methods).copied().collect();
        if allowed.is_empty() {
            return Err(Reply::status(StatusCode::NotFound.into()));
        }
        let refused = Reply::status(StatusCode::MethodNotAllowed.into());
        Err(refused.header("allow", Cow::Owned(allowed.join(", "))))
    }

    fn is_of(&self, path: &str) -> bool {
        let mut parts = self.path.split('/').zip(path.split('/'));
        let is_like = |(own, asked): (&str, &str)| match own {
            "{id}" => asked.bytes().all(|byte| byte.is_ascii_digit()),
            "{name}" => true,
            _ => own == asked,
        };
        self.path.matches('/').count() == path.matches('/').count() && parts.all(is_like)
    }

    fn methods(&self) -> &'static [&'static str] {
        match self.method {
            "GET" => &["GET", "HEAD"],
            _ => &["POST"],
        }
    }
}
