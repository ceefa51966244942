//! The process on its machine: start, reload, store, sandbox, service manager.

pub(crate) mod all_or_nothing;
pub(crate) mod booted;
pub(crate) mod budget;
pub(crate) mod clock;
pub(crate) mod control;
pub(crate) mod dead_letters;
pub(crate) mod first_message;
#[cfg(target_arch = "x86_64")]
pub(crate) mod guard;
pub(crate) mod http_listen;
pub(crate) mod http_outbound;
pub(crate) mod incidents;
pub(crate) mod install;
pub(crate) mod package;
pub(crate) mod reload;
pub(crate) mod run;
pub(crate) mod sandbox;
pub(crate) mod secrets;
pub(crate) mod store;
pub(crate) mod store_damage;
pub(crate) mod store_faults;
pub(crate) mod store_format;
pub(crate) mod store_incidents;
pub(crate) mod store_space;
pub(crate) mod systemd;
pub(crate) mod units;
