//! The command line of `mistgate store`.

commands! {
    /// Check, copy and mend the store of accepted events: but for backup, while mistgate is
    /// stopped.
    "store" Store: StoreKind {
        Backup(Backup), Check(CheckStore), Restore(Restore), Salvage(Salvage)
    }

    /// Copy the store to a new file, also while mistgate runs, and verify the copy.
    ///
    /// While mistgate runs it makes the copy in its state folder, from where the command takes it.
    "backup" Backup {
        /// the configuration file; the service's own if nothing is said
        option(default = "crate::install::CONFIG.to_owned()") config: String,
        /// the new file
        positional file: String,
    }

    /// Verify every checksum of the store, and say what is in it.
    "check" CheckStore {
        /// the configuration file; the service's own if nothing is said
        option(default = "crate::install::CONFIG.to_owned()") config: String,
    }

    /// Put a backup in the place of the store. The store that was there is renamed.
    "restore" Restore {
        /// the configuration file; the service's own if nothing is said
        option(default = "crate::install::CONFIG.to_owned()") config: String,
        /// the backup
        positional file: String,
    }

    /// Add what a damaged store still has of events that wait to the store, whatever of it is
    /// broken.
    ///
    /// What was delivered shortly before the damage may be delivered again.
    "salvage" Salvage {
        /// the configuration file; the service's own if nothing is said
        option(default = "crate::install::CONFIG.to_owned()") config: String,
        /// the damaged store, such as mistgate.redb.damaged-20261129T010203Z
        positional file: String,
    }
}
