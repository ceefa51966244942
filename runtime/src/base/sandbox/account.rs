//! Who we are: not root, without capabilities, and nobody looks into our memory.

use std::{
    fmt,
    fs::{self, File},
    os::unix::fs::MetadataExt,
};

use rustix::{
    io,
    process::{self, DumpableBehavior, Gid, Resource, Rlimit, Uid},
    thread::{
        self, CapabilitySet, CapabilitySets, capabilities, set_capabilities, set_thread_groups,
        set_thread_res_gid, set_thread_res_uid,
    },
};

use super::{Needs, Told};

/// Who we are from here on.
pub(super) struct Account {
    uid: Uid,
    /// Whether we remain root, because the state belongs to root.
    is_root: bool,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.uid.as_raw())?;
        if self.is_root {
            f.write_str(" without capabilities; chown state_dir to a user of its own")?;
        }
        Ok(())
    }
}

/// Gives up the rights of root and all that leads to more, and closes our memory to others.
///
/// Root becomes the user and the group to whom the state belongs, which is what an installation
/// prepares; where that is root, it stays root by name, without the capabilities that make it
/// mighty. Other threads would not follow, so there must be none.
pub(super) fn leave(needs: &Needs, told: &mut Told) -> Result<Account, String> {
    let explain = |error: io::Errno| format!("cannot become the owner of state_dir: {error}");
    let mut uid = process::geteuid();
    if let (true, Some(state)) = (uid.is_root(), needs.state()) {
        let owner = fs::metadata(state).map_err(|e| format!("{}: {e}", state.display()))?;
        uid = Uid::from_raw(owner.uid());
        if !uid.is_root() {
            let gid = Gid::from_raw(owner.gid());
            set_thread_groups(&[]).map_err(explain)?;
            set_thread_res_gid(gid, gid, gid).map_err(explain)?;
            set_thread_res_uid(uid, uid, uid).map_err(explain)?;
        }
    }
    told.note("no capabilities", drop_capabilities());
    told.note("no new privileges", thread::set_no_new_privs(true));
    let never = Rlimit { current: Some(0), maximum: Some(0) };
    let no_dumps = process::setrlimit(Resource::Core, never)
        .and_then(|()| process::set_dumpable_behavior(DumpableBehavior::NotDumpable));
    told.note("no core dumps", no_dumps);
    for file in needs.files() {
        // A later reload would fail on it.
        File::open(file).map_err(|error| {
            let (file, id) = (file.display(), uid.as_raw());
            format!("{file}: {error} for user {id}, the owner of state_dir — chown or chmod")
        })?;
    }
    Ok(Account { uid, is_root: uid.is_root() })
}

/// A service manager that leaves none may not permit the call that drops them either.
fn drop_capabilities() -> io::Result<()> {
    let none = CapabilitySet::empty();
    let none = CapabilitySets { effective: none, permitted: none, inheritable: none };
    if capabilities(None)? == none { Ok(()) } else { set_capabilities(None, none) }
}
