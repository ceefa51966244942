//! Switch ports: an access point that is plugged in gets its trunk, one that is unplugged gives it
//! back.
//!
//! An event only starts a probe: what is done follows from what the switch says of the port at that
//! time. [`decide`](decide::decide) is the whole of that judgement, as one table. The machines
//! around it wait: a [`Probe`](probe::Probe) for each access point until it is clear where it is, a
//! [`Port`](port::Port) for each port until it is as it should be. The [`Plan`](plan::Plan) owns
//! them, puts the changes of one switch into one commit, and lets the
//! [`Governor`](governor::Governor) refuse what must not happen.
//!
//! How a change is written, by Mist's API, on the switch itself or by CSO, is not decided here.

pub mod name;
pub mod switch_port;
pub mod template;

pub mod ap_event;
pub mod edit;

pub mod outage;

pub mod question;

pub mod decide;
pub mod probe;

pub mod freeze;
pub mod port;

pub mod governor;

pub mod names;
pub mod redact;

pub mod record;
pub mod report;

pub mod audit;
pub mod notification;

pub mod plan;
