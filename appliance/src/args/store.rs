//! The command line of `mistgate store`.

use argh::FromArgs;

/// Check, copy and mend the store of accepted events: but for backup, while mistgate is stopped.
#[derive(FromArgs)]
#[argh(subcommand, name = "store")]
pub(crate) struct Store {
    #[argh(subcommand)]
    pub(crate) kind: StoreKind,
}

/// What to do with the store.
#[derive(FromArgs)]
#[argh(subcommand)]
pub(crate) enum StoreKind {
    Backup(Backup),
    Check(CheckStore),
    Restore(Restore),
    Salvage(Salvage),
}

/// Copy the store to a new file, also while mistgate runs, and verify the copy.
///
/// While mistgate runs it makes the copy in its state folder, from where the command takes it.
#[derive(FromArgs)]
#[argh(subcommand, name = "backup")]
pub(crate) struct Backup {
    /// the configuration file; the service's own if nothing is said
    #[argh(option, default = "super::SERVICE.to_owned()")]
    pub(crate) config: String,

    /// the new file
    #[argh(positional)]
    pub(crate) file: String,
}

/// Verify every checksum of the store, and say what is in it.
#[derive(FromArgs)]
#[argh(subcommand, name = "check")]
pub(crate) struct CheckStore {
    /// the configuration file; the service's own if nothing is said
    #[argh(option, default = "super::SERVICE.to_owned()")]
    pub(crate) config: String,
}

/// Put a backup in the place of the store. The store that was there is renamed.
#[derive(FromArgs)]
#[argh(subcommand, name = "restore")]
pub(crate) struct Restore {
    /// the configuration file; the service's own if nothing is said
    #[argh(option, default = "super::SERVICE.to_owned()")]
    pub(crate) config: String,

    /// the backup
    #[argh(positional)]
    pub(crate) file: String,
}

/// Add what a damaged store still has of events that wait to the store, whatever of it is broken.
///
/// What was delivered shortly before the damage may be delivered again.
#[derive(FromArgs)]
#[argh(subcommand, name = "salvage")]
pub(crate) struct Salvage {
    /// the configuration file; the service's own if nothing is said
    #[argh(option, default = "super::SERVICE.to_owned()")]
    pub(crate) config: String,

    /// the damaged store, such as mistgate.redb.damaged-20261129T010203Z
    #[argh(positional)]
    pub(crate) file: String,
}
