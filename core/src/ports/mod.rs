//! Switch ports: a port becomes a trunk when an access point is plugged in, and goes back to its
//! default when the access point is unplugged.
//!
//! An event only starts a probe. What is done depends on what the switch says about the port then,
//! and [`decide`](decide::decide) is that decision, as one table. Each access point has a
//! [`Probe`](probe::Probe), which finds out where it is. Each port has a [`Port`](port::Port),
//! which brings it to the wanted mode. The [`Plan`](plan::Plan) owns both, puts the changes of one
//! switch into one commit, and lets the [`Governor`](governor::Governor) refuse what must not
//! happen.
//!
//! Whether Mist's API, the switch itself or CSO writes a change is decided elsewhere.

pub mod name;
pub mod switch_port;
pub mod template;

pub mod ap_event;
pub mod edit;

pub mod outage;

pub mod question;

pub mod decide;
pub mod probe;

pub mod port;

pub mod governor;

pub mod names;
pub mod redact;

pub mod record;
pub mod report;

pub mod audit;
pub mod notification;

pub mod plan;
