//! A change on a Junos switch, over NETCONF: what is written, and what must be seen before it
//! stays.

pub mod observation;

pub mod change;

pub mod rollback;

pub mod visit;
