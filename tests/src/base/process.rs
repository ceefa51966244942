//! What a process uses, as the kernel counts it (proc(5)).

use std::{fs, io, time::Duration};

/// The kernel's unit of CPU time in `/proc` (`USER_HZ`), which is the same on every Linux of today.
const TICK: Duration = Duration::from_millis(10);

/// What a process has used so far.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// CPU time of its own, in steps of 10 ms.
    pub own: Duration,
    /// CPU time of its children that have ended.
    pub children: Duration,
    /// Bytes that it made the disks write, where we may know.
    pub written: Option<u64>,
    /// KiB of its memory that are in use.
    pub resident_kib: u64,
    /// The most KiB that were in use at once.
    pub resident_max_kib: u64,
    /// Open file descriptors.
    pub descriptors: usize,
}

impl Usage {
    /// Looks at a process.
    pub fn of(pid: u32) -> io::Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // Fields 14 to 17; the one behind the name is the third.
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        let ticks: Vec<u32> =
            fields.split_whitespace().skip(11).take(4).filter_map(|n| n.parse().ok()).collect();
        let [user, system, children_user, children_system] = <[u32; 4]>::try_from(ticks)
            .map_err(|_| io::Error::other("expected four times in /proc/PID/stat"))?;
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let of =
            |text: &str, name: &str| field(text, name)?.split_whitespace().next()?.parse().ok();
        let io = fs::read_to_string(format!("/proc/{pid}/io")).ok();
        Ok(Self {
            own: TICK * (user + system),
            children: TICK * (children_user + children_system),
            written: io.and_then(|io| of(&io, "write_bytes")),
            resident_kib: of(&status, "VmRSS").unwrap_or_default(),
            resident_max_kib: of(&status, "VmHWM").unwrap_or_default(),
            descriptors: fs::read_dir(format!("/proc/{pid}/fd"))?.count(),
        })
    }
}

/// A field of `/proc/PID/status`, of that of a thread, or of another file of such lines.
pub fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}
