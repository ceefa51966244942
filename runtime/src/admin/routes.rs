//! What can be asked of a running mistgate: one table for the admin endpoint's listener and for
//! the control socket.

use std::borrow::Cow;
use std::pin::Pin;

use http_types::StatusCode;

use super::guard::Role;
use super::{Admin, Asked, BACKUP, dead_letters, incidents, switch_ports};
use crate::http::listen::Reply;

/// An answer that is awaited.
type Answer<'a> = Pin<Box<dyn Future<Output = Reply> + Send + 'a>>;

/// One row of the table.
pub(super) struct Route {
    /// With GET also HEAD.
    method: &'static str,
    /// `{id}` stands for any number.
    path: &'static str,
    pub(super) role: Role,
    pub(super) serve: for<'a> fn(&'a Admin, Asked<'a>) -> Answer<'a>,
}

const ROUTES: [Route; 19] = [
    Route {
        method: "GET",
        path: "/-/healthy",
        role: Role::Look,
        serve: |admin, _| Box::pin(admin.healthy()),
    },
    Route {
        method: "GET",
        path: "/-/ready",
        role: Role::Look,
        serve: |admin, _| Box::pin(admin.ready()),
    },
    Route {
        method: "GET",
        path: "/metrics",
        role: Role::Look,
        serve: |admin, _| Box::pin(admin.metrics()),
    },
    Route {
        method: "GET",
        path: "/status",
        role: Role::Look,
        serve: |admin, _| Box::pin(admin.status()),
    },
    Route {
        method: "GET",
        path: dead_letters::LIST,
        role: Role::Look,
        serve: |admin, _| Box::pin(dead_letters::list(admin)),
    },
    Route {
        method: "GET",
        path: dead_letters::SHOW,
        role: Role::Look,
        serve: |admin, asked| Box::pin(dead_letters::show(admin, asked)),
    },
    Route {
        method: "POST",
        path: dead_letters::SEND,
        role: Role::Act,
        serve: |admin, asked| Box::pin(dead_letters::send(admin, asked)),
    },
    Route {
        method: "POST",
        path: dead_letters::DROP,
        role: Role::Act,
        serve: |admin, asked| Box::pin(dead_letters::drop_letter(admin, asked)),
    },
    Route {
        method: "GET",
        path: incidents::LIST,
        role: Role::Look,
        serve: |admin, _| Box::pin(incidents::list(admin)),
    },
    Route {
        method: "GET",
        path: incidents::SHOW,
        role: Role::Look,
        serve: |admin, asked| Box::pin(incidents::show(admin, asked)),
    },
    Route {
        method: "POST",
        path: incidents::ACKNOWLEDGE,
        role: Role::Act,
        serve: |admin, asked| Box::pin(incidents::acknowledge(admin, asked)),
    },
    Route {
        method: "GET",
        path: incidents::SILENCES,
        role: Role::Look,
        serve: |admin, _| Box::pin(incidents::silences(admin)),
    },
    Route {
        method: "POST",
        path: incidents::SILENCES,
        role: Role::Act,
        serve: |admin, asked| Box::pin(incidents::silence(admin, asked)),
    },
    Route {
        method: "POST",
        path: incidents::PREVIEW,
        role: Role::Look,
        serve: |admin, asked| Box::pin(incidents::preview(admin, asked)),
    },
    Route {
        method: "POST",
        path: incidents::END_SILENCE,
        role: Role::Act,
        serve: |admin, asked| Box::pin(incidents::end_silence(admin, asked)),
    },
    Route {
        method: "POST",
        path: BACKUP,
        role: Role::Act,
        serve: |admin, asked| Box::pin(admin.back_up(asked)),
    },
    Route {
        method: "POST",
        path: switch_ports::CLOSE_BREAKER,
        role: Role::Act,
        serve: |admin, asked| Box::pin(switch_ports::carry_out(admin, asked)),
    },
    Route {
        method: "POST",
        path: switch_ports::GO,
        role: Role::Act,
        serve: |admin, asked| Box::pin(switch_ports::carry_out(admin, asked)),
    },
    Route {
        method: "POST",
        path: switch_ports::STOP,
        role: Role::Stop,
        serve: |admin, asked| Box::pin(switch_ports::carry_out(admin, asked)),
    },
];

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
        let is_digit = |byte: u8| byte.is_ascii_digit();
        let mut parts = self.path.split('/').zip(path.split('/'));
        self.path.matches('/').count() == path.matches('/').count()
            && parts
                .all(|(own, asked)| own == asked || own == "{id}" && asked.bytes().all(is_digit))
    }

    fn methods(&self) -> &'static [&'static str] {
        match self.method {
            "GET" => &["GET", "HEAD"],
            _ => &["POST"],
        }
    }
}
