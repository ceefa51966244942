//! What can be asked of a running mistgate: one table for the admin endpoint's listener and for
//! the control socket.

use std::borrow::Cow;
use std::pin::Pin;

use http_types::StatusCode;

use super::{Admin, Asked, switch_ports};
use crate::http::listen::Reply;

/// What a route is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It shows something.
    Look,
    /// It changes something.
    Act,
}

/// An answer that is awaited.
type Answer<'a> = Pin<Box<dyn Future<Output = Reply> + Send + 'a>>;

/// One row of the table.
pub(super) struct Route {
    /// With GET also HEAD.
    method: &'static str,
    path: &'static str,
    pub(super) role: Role,
    pub(super) serve: for<'a> fn(&'a Admin, Asked<'a>) -> Answer<'a>,
}

const ROUTES: [Route; 7] = [
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
        role: Role::Act,
        serve: |admin, asked| Box::pin(switch_ports::carry_out(admin, asked)),
    },
];

impl Route {
    /// The route of a request; else the answer that there is none.
    pub(super) fn find(method: &str, path: &str) -> Result<&'static Self, Reply> {
        let of_path = || ROUTES.iter().filter(|route| route.path == path);
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

    fn methods(&self) -> &'static [&'static str] {
        match self.method {
            "GET" => &["GET", "HEAD"],
            _ => &["POST"],
        }
    }
}
