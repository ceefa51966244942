//! NETCONF (RFC 6241) as Junos speaks it: how a switch's configuration is changed so that every
//! change is either confirmed or undone.
//!
//! Junos differs from the RFC in ways that matter: its own RPCs carry no namespace, `<ok/>` stands
//! beside errors, some releases send XML that is not well-formed. `appliance/docs/vendors/junos.md`
//! §1 to §5 collects what real switches were seen to send. SSH is not here: to a session it is only
//! bytes.

pub mod framing;

pub mod xml;

pub mod lines;

pub mod rpc;

pub mod session;
