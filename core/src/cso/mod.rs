//! Contrail Service Orchestration (CSO): port profiles on the switches that it manages.
//!
//! A change has two halves. The first tells CSO which profile a port shall have, with the site's
//! LAN segments that it carries; the second makes CSO deploy that to the switch. Only the second
//! changes the switch.
//!
//! # What is known of CSO, and what is assumed
//!
//! Juniper publishes no description of the endpoints for ports. Their paths and bodies are those of
//! the script that mistgate replaces (`appliance/docs/vendors/cso.md` §1 to §4); nothing else is
//! asked. Beyond that:
//!
//! - A switch is called `switch.site`, as CSO names the hosts that it provisions; what follows is
//!   the tenant, which the login fixes already.
//! - The last part of an `fq_name` is an object's own name, and the part before it that of its
//!   parent, as in all of Contrail's API.
//! - A list comes whole, without pages.
//! - The same change once more does no harm.
//! - The script looks for LAN segments under the uuid of the switch, in a parameter that it calls
//!   that of the site. So do we; where there are none, the same is asked with the uuid that the
//!   list of switches names as the parent, if it does.

mod config;

pub mod answer;
pub mod request;

pub mod find;

pub mod push;

pub use config::{Cso, CsoProfile};
