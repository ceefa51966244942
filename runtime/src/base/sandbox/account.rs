//! The user of the process: not root, without capabilities, its memory closed to others.

use std::{fs, fs::File, os::unix::fs::MetadataExt};

use rustix::process::{DumpableBehavior, Gid, Resource, Rlimit, Uid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, set_capabilities, set_thread_groups,
    set_thread_res_gid, set_thread_res_uid,
};
use rustix::{io, process, thread};

use super::{Measures, Needs};

/// Gives up the rights of root and all that leads to more, and closes our memory to others.
///
/// Root becomes the owner of the state folder, user and group, as an installation prepares it. If
/// the owner is root, the process stays root but loses its capabilities. Other threads would keep
/// their rights, so there must be none. Returns the user of the process from here on, in words.
pub(super) fn leave(needs: &Needs, measures: &mut Measures) -> Result<String, String> {
    let explain = |error: io::Errno| format!("cannot become the owner of state_dir: {error}");
    let mut uid = process::geteuid();
    if let (true, Some(state)) = (uid.is_root(), &needs.state) {
        let owner = fs::metadata(state).map_err(|e| format!("{}: {e}", state.display()))?;
        uid = Uid::from_raw(owner.uid());
        if !uid.is_root() {
            let gid = Gid::from_raw(owner.gid());
            set_thread_groups(&[]).map_err(explain)?;
            set_thread_res_gid(gid, gid, gid).map_err(explain)?;
            set_thread_res_uid(uid, uid, uid).map_err(explain)?;
        }
    }
    measures.note("no capabilities", drop_capabilities());
    measures.note("no new privileges", thread::set_no_new_privs(true));
    let never = Rlimit { current: Some(0), maximum: Some(0) };
    let no_dumps = process::setrlimit(Resource::Core, never)
        .and_then(|()| process::set_dumpable_behavior(DumpableBehavior::NotDumpable));
    measures.note("no core dumps", no_dumps);
    for file in &needs.files {
        // A later reload would fail on it.
        File::open(file).map_err(|error| {
            let (file, id) = (file.display(), uid.as_raw());
            format!("{file}: {error} for user {id}, the owner of state_dir — chown or chmod")
        })?;
    }
    let lasting = " without capabilities; chown state_dir to a user of its own";
    Ok(format!("{}{}", uid.as_raw(), if uid.is_root() { lasting } else { "" }))
}

/// Does nothing where there are none left: a service manager may forbid the call then.
fn drop_capabilities() -> io::Result<()> {
    let none = CapabilitySet::empty();
    let none = CapabilitySets { effective: none, permitted: none, inheritable: none };
    if capabilities(None)? == none { Ok(()) } else { set_capabilities(None, none) }
}
