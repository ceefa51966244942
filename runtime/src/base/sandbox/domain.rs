//! Files and ports: Landlock (landlock(7)), as much of it as the kernel knows.

use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, LandlockStatus, NetPort, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};

use super::{Measures, Needs};

/// The last version whose rights we know. Rights that the kernel does not know are left out.
const KNOWN: ABI = ABI::V7;

/// What the kernel guards from here on.
#[derive(Debug, Default)]
pub(super) struct Confined {
    pub(super) files: bool,
    pub(super) ports: bool,
}

/// Confines this thread, and those that it starts, to what is needed.
pub(super) fn enter(needs: &Needs, measures: &mut Measures) -> Confined {
    let abi = match confine(needs) {
        Ok(Some(abi)) => abi,
        Ok(None) => {
            measures.lacks.push("Landlock (of Linux 5.13, where it is enabled)".to_owned());
            return Confined::default();
        }
        Err(error) => {
            measures.lacks.push(format!("Landlock ({error})"));
            return Confined::default();
        }
    };
    let version = abi as u32;
    measures.holds.push(format!("Landlock {version}: files"));
    for (what, since, linux) in
        [("TCP ports", ABI::V4, "6.7"), ("abstract sockets", ABI::V6, "6.12")]
    {
        if abi >= since {
            measures.holds.push(what.to_owned());
        } else {
            measures.lacks.push(format!("Landlock: {what} (of Linux {linux})"));
        }
    }
    Confined { files: true, ports: abi >= ABI::V4 }
}

/// The version that holds; `None` where the kernel has none.
fn confine(needs: &Needs) -> Result<Option<ABI>, RulesetError> {
    let port = |port: &u16, access| Ok::<_, RulesetError>(NetPort::new(*port, access));
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(KNOWN))?
        .handle_access(AccessNet::from_all(KNOWN))?
        // Not signals: they would no longer reach children of before, which want to end with us
        // (PR_SET_PDEATHSIG), and none is sent to others: seccomp leaves no kill(2).
        .scope(Scope::AbstractUnixSocket)?
        .create()?
        .add_rules(path_beneath_rules(&needs.read, read()))?
        .add_rules(path_beneath_rules(needs.write.keys(), write()))?
        .add_rules(path_beneath_rules(&needs.listen, AccessFs::MakeSock))?
        .add_rules(needs.connect.keys().map(|to| port(to, AccessNet::ConnectTcp)))?
        .add_rules(needs.bind.keys().map(|to| port(to, AccessNet::BindTcp)))?
        .restrict_self()?;
    Ok(match (status.ruleset, status.landlock) {
        (RulesetStatus::NotEnforced, _) => None,
        (_, LandlockStatus::Available { effective_abi, .. }) => Some(effective_abi),
        (_, LandlockStatus::NotEnabled | LandlockStatus::NotImplemented) => None,
    })
}

/// No program is ever run.
fn read() -> BitFlags<AccessFs> {
    AccessFs::ReadFile | AccessFs::ReadDir
}

/// Ordinary files, and nothing else.
fn write() -> BitFlags<AccessFs> {
    read() | AccessFs::WriteFile | AccessFs::Truncate | AccessFs::MakeReg | AccessFs::RemoveFile
}

/// Where the system keeps what is looked up for names of hosts and for certificates of
/// authorities. `/etc` as a whole, because Landlock knows a file by its inode, while resolv.conf
/// is replaced whenever an address is leased.
pub(super) const SYSTEM: &[&str] = &[
    "/etc",
    "/run/NetworkManager",
    "/run/connman",
    "/run/resolvconf",
    "/run/systemd/resolve",
    // OpenWrt's /etc/resolv.conf leads there.
    "/tmp/resolv.conf.d",
    "/usr/local/share/ca-certificates",
    "/usr/share/ca-certificates",
    "/usr/share/pki",
    "/var/lib/ca-certificates",
    // A dynamically linked libc loads its ways of looking up names when it first needs them.
    #[cfg(target_env = "gnu")]
    "/lib",
    #[cfg(target_env = "gnu")]
    "/lib64",
    #[cfg(target_env = "gnu")]
    "/usr/lib",
    #[cfg(target_env = "gnu")]
    "/usr/lib64",
];

/// Whether an existing folder is one of [`SYSTEM`], or inside of one.
pub(super) fn is_of_system(folder: &Path) -> bool {
    SYSTEM.iter().any(|system| folder.starts_with(system))
}
