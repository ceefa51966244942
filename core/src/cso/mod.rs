//! Contrail Service Orchestration (CSO): port profiles on the switches that it manages.
//!
//! A change has two halves. The first tells CSO which profile a port shall have, with the site's
//! LAN segments that it carries; the second makes CSO deploy that to the switch. Only the second
//! changes the switch.
//!
//! # What is known of CSO, and what is assumed
//!
//! Juniper publishes no description of the endpoints for ports. Their paths and bodies are those of
//! the script that mistgate replaces (`appliance/docs/vendors/cso.md` §1 to §4). It looks for LAN
//! segments under the uuid of the switch, where CSO wants that of the site; an early trial of it
//! asked `GET /tssm/site`, which answers like the other lists, for the site of that name, and so do
//! we. Beyond that:
//!
//! - A switch is called `switch.site`, as CSO names the hosts that it provisions; what follows is
//!   the tenant, which the login fixes already.
//! - The last part of an `fq_name` is an object's own name, and the part before it that of its
//!   parent, as in all of Contrail's API.
//! - A list comes whole, without pages.
//! - The same change once more does no harm.
//! - What `GET /data-view-central/device-port` tells is not described. Where it names, as
//!   `port_configuration`, another port profile that CSO knows, it is taken to contradict; anything
//!   else is neither a proof nor an objection.

mod config;

pub mod answer;
pub mod request;

pub mod find;

pub mod push;

pub use config::{Cso, CsoProfile};
