//! `mistgate store`

use std::path::{Path, PathBuf};

use mistgate_runtime::base::store;
use mistgate_runtime::base::store::care;
use mistgate_runtime::base::store::care::Contents;

use crate::args::{Backup, CheckStore, Restore, Salvage, Store, StoreKind};

pub(crate) fn run(args: &Store) -> Result<(), String> {
    match &args.kind {
        StoreKind::Backup(Backup { config, file }) => {
            care::copy(&path(config)?, Path::new(file)).map_err(|error| error.to_string())?;
            crate::say(&format!("{file}: the store is copied"));
            Ok(())
        }
        StoreKind::Check(CheckStore { config }) => check(&path(config)?),
        StoreKind::Restore(Restore { config, file }) => {
            let path = path(config)?;
            let was = care::restore(Path::new(file), &path).map_err(|error| error.to_string())?;
            crate::say(&format!("{}: restored from {file}", path.display()));
            if let Some(was) = was {
                crate::say(&format!("{}: the store that was there", was.display()));
            }
            Ok(())
        }
        StoreKind::Salvage(Salvage { config, file }) => {
            let path = path(config)?;
            let [batches, letters] =
                care::salvage(Path::new(file), &path).map_err(|error| error.to_string())?;
            crate::say(&format!(
                "{}: {batches} batches of events and {letters} dead letters added",
                path.display()
            ));
            Ok(())
        }
    }
}

fn check(path: &Path) -> Result<(), String> {
    let Contents { waiting, broken, delivered, letters, ports } =
        care::check(path).map_err(|error| error.to_string())?;
    let path = path.display();
    crate::say(&format!(
        "{path}: {waiting} batches of events wait, {delivered} are delivered and remembered, \
         {letters} are dead letters, {ports} switch ports are known"
    ));
    if broken > 0 {
        return Err(format!(
            "{path}: {broken} of those that wait and of the dead letters are not as they were written"
        ));
    }
    Ok(())
}

/// The store of a configuration.
fn path(config: &str) -> Result<PathBuf, String> {
    let loaded = crate::load(Some(config))?;
    Ok(Path::new(&loaded.config.state_dir).join(store::FILE))
}
