//! The resources that a process uses, as the kernel counts them (proc(5)).

use std::{fs, io, time::Duration};

/// The unit of CPU time in `/proc` (`USER_HZ`), which is the same on every current Linux.
const TICK: Duration = Duration::from_millis(10);

/// The resources that a process has used so far.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// CPU time of the process itself, in steps of 10 ms.
    pub own: Duration,
    /// CPU time of its children that have ended.
    pub children: Duration,
    /// Bytes that it has had written to disks. `None` without the right to know.
    pub written: Option<u64>,
    /// Resident memory in KiB.
    pub resident_kib: u64,
    /// The most resident memory so far, in KiB.
    pub resident_max_kib: u64,
    /// Open file descriptors.
    pub descriptors: usize,
}

impl Usage {
    /// Reads the current values of a process.
    pub fn of(pid: u32) -> io::Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // Fields 14 to 17. The first field after the name is the third.
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

/// A field of `/proc/PID/status`, or of another file with such lines.
pub fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}
