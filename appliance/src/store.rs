//! `mistgate store`

use std::{fs, fs::OpenOptions, io, os::unix::fs::OpenOptionsExt as _, path::Path, path::PathBuf};

use mistgate_runtime::admin::BACKUP;
use mistgate_runtime::base::{store, store::care, store::care::Contents};
use rustix::fs::OFlags;

use crate::args::{Backup, CheckStore, Restore, Salvage, Store, StoreKind};
use crate::ask::{Failure, request};

pub(crate) fn run(args: &Store) -> Result<(), Failure> {
    match &args.kind {
        StoreKind::Backup(Backup { config, file }) => {
            let state_dir = crate::state_dir(Some(config))?;
            if fs::exists(file).unwrap_or(true) {
                return Err(format!("{file}: it exists — name a new file").into());
            }
            match request(&state_dir, "POST", BACKUP, "") {
                Ok((200, _)) => {
                    let copy = Path::new(&state_dir).join(care::BACKUP);
                    fetch(&copy, file).map_err(|error| format!("{file}: {error}"))?;
                }
                Ok((status, reason)) => {
                    let reason = reason.trim_end();
                    return Err(format!("mistgate answered {status}: {reason}").into());
                }
                Err(Failure::NotRunning(_)) => {
                    let store = Path::new(&state_dir).join(store::FILE);
                    care::copy(&store, Path::new(file)).map_err(|error| error.to_string())?;
                }
                Err(failure) => return Err(failure),
            }
            crate::say(&format!("{file}: the store is copied"));
            check(Path::new(file))
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
            let [batches, letters, incidents] =
                care::salvage(Path::new(file), &path).map_err(|error| error.to_string())?;
            crate::say(&format!(
                "{}: {batches} batches of events, {letters} dead letters and {incidents} incidents \
                 added",
                path.display()
            ));
            Ok(())
        }
    }
}

/// Moves the copy that the running mistgate has made to a new file, which only its owner may read.
fn fetch(copy: &Path, to: &str) -> io::Result<()> {
    let fetched = (|| {
        // Whoever may write to the folder could have put a link there.
        let no_link = OFlags::NOFOLLOW.bits().cast_signed();
        let mut from = OpenOptions::new().read(true).custom_flags(no_link).open(copy)?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
        io::copy(&mut from, &mut file)?;
        file.sync_all()
    })();
    fs::remove_file(copy)?;
    fetched
}

fn check(path: &Path) -> Result<(), Failure> {
    let contents = care::check(path).map_err(|error| error.to_string())?;
    let Contents { waiting, broken, delivered, history, letters, ports, .. } = contents;
    let Contents { incidents, silences, .. } = contents;
    let path = path.display();
    crate::say(&format!(
        "{path}: {waiting} batches of events wait, {delivered} are delivered and remembered, \
         {history} are kept as history, {letters} are dead letters, {ports} switch ports are \
         known, {incidents} incidents and {silences} silences"
    ));
    if broken > 0 {
        return Err(format!(
            "{path}: {broken} of those that wait or are kept, of the dead letters or of what is \
             known of incidents are not as they were written"
        )
        .into());
    }
    Ok(())
}

/// The store of a configuration.
fn path(config: &str) -> Result<PathBuf, String> {
    let loaded = crate::load(Some(config))?;
    Ok(Path::new(&loaded.config.state_dir).join(store::FILE))
}
