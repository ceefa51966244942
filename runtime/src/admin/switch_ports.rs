//! The switch ports in metrics and status, and the orders that stop them and let them go on.

use http_types::StatusCode;
use mistgate_core::ports::{plan::status::PortStatus, report::Order, switch_port::Mode};
use serde_json::{Value, json};

use super::{Admin, Answer, Asked, TEXT, by, gauge, ok, refused};
use crate::base::journal::{Level, fields};
use crate::{base::metrics::Gauge, http::listen::Reply, ports::Status};

/// The breaker closes, as the loss of the access points is expected.
pub(super) const CLOSE_BREAKER: &str = "/ports/close-breaker";
/// Changes go on.
pub(super) const GO: &str = "/ports/go";
/// No more changes are made.
pub(super) const STOP: &str = "/ports/stop";

/// A change is made, is not made, or is taken back.
pub(super) const APPROVE: &str = "/changes/{id}/approve";
pub(super) const REJECT: &str = "/changes/{id}/reject";
pub(super) const UNDO: &str = "/changes/{id}/undo";

/// Has something done about a change.
pub(super) async fn order(admin: &Admin, asked: Asked<'_>, order: Order) -> Answer {
    let (Some(switches), Some(number)) = (admin.settings.get().switches.clone(), asked.id()) else {
        return Err(Reply::status(StatusCode::NotFound.into()));
    };
    note(admin, order, number, asked);
    let (is_possible, said) = match order {
        Order::Approve => ("waits for that", "approved: the port is looked at anew\n"),
        Order::Reject => ("waits for that", "rejected\n"),
        Order::Undo => ("can be undone", "to be undone, if the port has what it left\n"),
    };
    match switches.order(order, number, asked.caller.to_string()).await {
        true => Ok(ok().content(TEXT, said)),
        false => {
            let what = format!("no change {number} {is_possible} — see mistgate port list");
            Err(refused(StatusCode::NotFound, &what))
        }
    }
}

fn note(admin: &Admin, order: Order, number: u64, asked: Asked<'_>) {
    let values = fields![order = order.name(), change = number, from = asked.caller];
    admin.journal.note(Level::Info, "change_ordered", values);
}

/// Carries out an order.
pub(super) async fn carry_out(admin: &Admin, Asked { path, caller, .. }: Asked<'_>) -> Answer {
    let Some(switches) = admin.settings.get().switches.clone() else {
        return Err(Reply::status(StatusCode::NotFound.into()));
    };
    let by = caller.to_string();
    let (result, said) = match path {
        CLOSE_BREAKER => {
            switches.close_breaker(by);
            (Ok(()), "closed\n")
        }
        GO => (switches.turn_kill_switch(false, by).await, "going on\n"),
        _ => (switches.turn_kill_switch(true, by).await, "stopped\n"),
    };
    let reason = result.as_ref().err().map_or("", String::as_str);
    let values = fields![order = path, from = caller, failed = reason];
    admin.journal.note(Level::Warning, "ports_ordered", values);
    result.map_err(|reason| refused(StatusCode::InternalServerError, &reason))?;
    Ok(ok().content(TEXT, said))
}

/// How many ports there are of each kind.
pub(super) fn gauges(Status { plan: status, .. }: &Status) -> Vec<Gauge> {
    let is_breaker_open = status.breaker_open.is_some();
    let observed = "Switch ports whose mode is only what we would have done.";
    let modes = status.modes.iter().map(|(mode, count)| (mode, *count as f64));
    let stages = status.stages.iter().map(|(stage, count)| (stage, *count as f64));
    vec![
        by("ports", "Switch ports by the mode that we gave them.", "mode", modes),
        by("port_stages", "Switch ports by the stage of their change.", "stage", stages),
        gauge("ports_observed", observed, status.observed as f64),
        gauge("ports_watched", "APs and ports that are watched.", status.watched as f64),
        gauge("ports_looked_at", "APs and ports that are being looked at.", status.looking as f64),
        gauge("ports_observing", "Whether changes are only told.", status.is_observing),
        gauge("ports_stopped", "Whether the kill switch is on.", status.is_stopped),
        gauge("ports_breaker_open", "Whether too many APs went at once.", is_breaker_open),
    ]
}

/// The state of the plan and of every port.
pub(super) fn json(Status { plan: status, method, can_ask }: &Status) -> Value {
    json!({
        "mode": if status.is_observing { "observe" } else { "enforce" },
        "clock_doubted": status.doubts_clock,
        "method": method,
        "can_ask_mist": can_ask,
        "stopped": status.is_stopped,
        "breaker_open_seconds": status.breaker_open.map(|left| left.as_secs_f64()),
        "watched": status.watched,
        "looked_at": status.looking,
        "modes": status.modes,
        "observed": status.observed,
        "stages": status.stages,
        "ports": status.ports.iter().map(port).collect::<Vec<_>>(),
    })
}

fn port(port: &PortStatus) -> Value {
    json!({
        "switch": port.switch,
        "switch_mac": port.switch_port.switch.to_string(),
        "port": port.switch_port.port.to_string(),
        "change": port.change,
        "orders": port.orders,
        "changed_at": port.changed_at.map(|at| at.rfc3339()),
        "left": port.left.map(Mode::name),
        "ap": port.ap.map(|ap| ap.to_string()),
        "mode": port.mode.map(Mode::name),
        "observed": port.is_observed,
        "stage": port.stage,
        "foreseen": port.foreseen,
        "wanted": port.wanted.map(Mode::name),
        "refused_by": port.refused,
        "last_failure": port.last_failure,
        "next_seconds": port.next.map(|next| next.as_secs_f64()),
    })
}
