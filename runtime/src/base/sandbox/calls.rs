//! System calls (seccomp(2)): a list of those that we make, and one of those that only an intruder
//! makes.
//!
//! A call on neither list fails with ENOSYS, as on a kernel that does not have it. Every libc is
//! ready for older kernels, so a new version of one takes a detour and nothing breaks. A call of an
//! intruder ends the process: the kernel's audit log says why, and the service manager starts it
//! again.
//!
//! The first list was found with strace(1) under the end-to-end tests, with glibc on x86-64, and
//! holds also what musl calls instead and what either may call next. The older forms of calls do
//! not exist on 64-bit Arm.

use super::Measures;

/// Restricts all threads.
pub(super) fn restrict(measures: &mut Measures) {
    measures.note("seccomp", list::apply());
}

#[cfg(not(all(
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_os = "linux",
    target_endian = "little"
)))]
mod list {
    pub(super) fn apply() -> Result<(), &'static str> {
        Err("there is no list of system calls for this processor")
    }
}

#[cfg(all(
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_os = "linux",
    target_endian = "little"
))]
mod list {
    use std::{collections::BTreeMap, env::consts::ARCH};

    use libc::*;
    use mistgate_core::base::order;
    use seccompiler::{
        BackendError, BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp,
        SeccompCondition, SeccompFilter, SeccompRule, apply_filter_all_threads,
    };

    type Rules = BTreeMap<i64, Vec<SeccompRule>>;

    pub(super) fn apply() -> Result<(), Error> {
        // Applied first: the second list forbids to set another.
        let never =
            program(rules(NEVER, OLDER.1), SeccompAction::Allow, SeccompAction::KillProcess)?;
        let missing = SeccompAction::Errno(ENOSYS.unsigned_abs());
        let made = program(made()?, missing, SeccompAction::Allow)?;
        apply_filter_all_threads(&never)?;
        apply_filter_all_threads(&made)
    }

    fn program(
        rules: Rules,
        other: SeccompAction,
        listed: SeccompAction,
    ) -> Result<BpfProgram, BackendError> {
        SeccompFilter::new(rules, other, listed, ARCH.try_into()?)?.try_into()
    }

    /// The calls that we make, with the arguments that we make them with.
    fn made() -> Result<Rules, BackendError> {
        let mut rules = rules(MADE, OLDER.0);
        rules.insert(SYS_socket, any_of(0, &[AF_INET, AF_INET6, AF_UNIX].map(word))?);
        let requests = [FIONBIO, FIOCLEX, FIONREAD, TCGETS, TIOCGPGRP, TIOCGWINSZ];
        rules.insert(SYS_ioctl, any_of(1, &requests.map(|request| u64::from(request as u32)))?);
        // The names of threads and of memory, and what the kernel handed over at the start.
        rules.insert(
            SYS_prctl,
            any_of(0, &[word(PR_SET_NAME), word(PR_SET_VMA), word(PR_GET_AUXV)])?,
        );
        // Threads of this process alone.
        let namespaces = CLONE_NEWCGROUP
            | CLONE_NEWIPC
            | CLONE_NEWNET
            | CLONE_NEWNS
            | CLONE_NEWPID
            | CLONE_NEWUSER
            | CLONE_NEWUTS;
        let flags = SeccompCmpOp::MaskedEq(word(namespaces | CLONE_THREAD));
        rules.insert(SYS_clone, vec![rule(0, flags, word(CLONE_THREAD))?]);
        // An abort is a signal to itself.
        let own = u64::from(std::process::id());
        rules.insert(SYS_tgkill, vec![rule(0, SeccompCmpOp::Eq, own)?]);
        rules.insert(SYS_tkill, vec![rule(1, SeccompCmpOp::Eq, word(SIGABRT))?]);
        // Reads limits, and sets none.
        rules
            .insert(SYS_prlimit64, vec![rule_of(2, SeccompCmpArgLen::Qword, SeccompCmpOp::Eq, 0)?]);
        // No memory becomes a program. A dynamically linked libc loads some of its own.
        if cfg!(not(target_env = "gnu")) {
            let not_executable = || rule(2, SeccompCmpOp::MaskedEq(word(PROT_EXEC)), 0);
            rules.insert(SYS_mmap, vec![not_executable()?]);
            rules.insert(SYS_mprotect, vec![not_executable()?]);
        }
        Ok(rules)
    }

    /// Calls with any arguments.
    fn rules(calls: &[i64], older: &[i64]) -> Rules {
        order::collect(calls.iter().chain(older).map(|call| (*call, Vec::new())))
    }

    fn any_of(index: u8, values: &[u64]) -> Result<Vec<SeccompRule>, BackendError> {
        values.iter().map(|value| rule(index, SeccompCmpOp::Eq, *value)).collect()
    }

    fn rule(index: u8, operator: SeccompCmpOp, value: u64) -> Result<SeccompRule, BackendError> {
        rule_of(index, SeccompCmpArgLen::Dword, operator, value)
    }

    fn rule_of(
        index: u8,
        length: SeccompCmpArgLen,
        operator: SeccompCmpOp,
        value: u64,
    ) -> Result<SeccompRule, BackendError> {
        SeccompRule::new(vec![SeccompCondition::new(index, length, operator, value)?])
    }

    /// An argument as the kernel sees it: of an int, it ignores the upper half of the register.
    fn word(value: c_int) -> u64 {
        u64::from(value.cast_unsigned())
    }

    /// linux/prctl.h, of Linux 6.4.
    const PR_GET_AUXV: c_int = 0x4155_5856;

    /// In rows, by what they are for.
    #[rustfmt::skip]
    const MADE: &[i64] = &[
        // Files.
        SYS_close, SYS_copy_file_range, SYS_dup, SYS_dup3, SYS_faccessat, SYS_faccessat2,
        SYS_fadvise64, SYS_fallocate, SYS_fcntl, SYS_fdatasync, SYS_flock, SYS_fstat, SYS_fsync,
        SYS_ftruncate, SYS_getcwd, SYS_getdents64, SYS_lseek, SYS_mkdirat, SYS_newfstatat,
        SYS_openat, SYS_pipe2, SYS_pread64, SYS_preadv, SYS_pwrite64, SYS_pwritev, SYS_read,
        SYS_readlinkat, SYS_readv, SYS_renameat, SYS_renameat2, SYS_statfs, SYS_fstatfs, SYS_statx,
        SYS_sync_file_range, SYS_unlinkat, SYS_write, SYS_writev,
        // Sockets.
        SYS_accept, SYS_accept4, SYS_bind, SYS_connect, SYS_getpeername, SYS_getsockname,
        SYS_getsockopt, SYS_listen, SYS_recvfrom, SYS_recvmmsg, SYS_recvmsg, SYS_sendmmsg,
        SYS_sendmsg, SYS_sendto, SYS_setsockopt, SYS_shutdown, SYS_socketpair,
        // Whether the clock is synchronised: to set it would take a right that is given up.
        SYS_adjtimex, SYS_clock_adjtime,
        // Waiting.
        SYS_clock_getres, SYS_clock_gettime, SYS_clock_nanosleep, SYS_epoll_create1, SYS_epoll_ctl,
        SYS_epoll_pwait, SYS_epoll_pwait2, SYS_eventfd2, SYS_futex, SYS_gettimeofday, SYS_nanosleep,
        SYS_ppoll, SYS_pselect6, SYS_restart_syscall, SYS_sched_yield, SYS_signalfd4,
        SYS_timerfd_create, SYS_timerfd_gettime, SYS_timerfd_settime,
        // Memory.
        SYS_brk, SYS_madvise, SYS_membarrier, SYS_mincore, SYS_mmap, SYS_mprotect, SYS_mremap,
        SYS_munmap,
        // Of the keys of SSH sessions.
        SYS_mlock, SYS_munlock,
        // Ourselves.
        SYS_exit, SYS_exit_group, SYS_get_robust_list, SYS_getegid, SYS_geteuid, SYS_getgid,
        SYS_getpgid, SYS_getpid, SYS_getppid, SYS_getrandom, SYS_getrusage, SYS_gettid, SYS_getuid,
        SYS_rseq, SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_sched_getaffinity,
        SYS_set_robust_list, SYS_set_tid_address, SYS_sigaltstack, SYS_sysinfo,
        SYS_uname,
    ];

    /// The older forms of calls that we make, and of calls that only an intruder makes.
    #[cfg(target_arch = "x86_64")]
    #[rustfmt::skip]
    const OLDER: (&[i64], &[i64]) = (
        &[
            SYS_access, SYS_arch_prctl, SYS_dup2, SYS_epoll_wait, SYS_getpgrp, SYS_lstat, SYS_mkdir,
            SYS_open, SYS_pipe, SYS_poll, SYS_readlink, SYS_rename, SYS_select, SYS_stat, SYS_time,
            SYS_unlink,
        ],
        &[SYS_fork, SYS_vfork],
    );
    #[cfg(not(target_arch = "x86_64"))]
    const OLDER: (&[i64], &[i64]) = (&[], &[]);

    /// Running programs, looking into other processes, leaving for other file systems, changing the
    /// kernel, and the ways round the list of what is made.
    #[rustfmt::skip]
    const NEVER: &[i64] = &[
        SYS_add_key, SYS_bpf, SYS_chroot, SYS_delete_module, SYS_execve, SYS_execveat,
        SYS_finit_module, SYS_fsmount, SYS_fsopen, SYS_init_module, SYS_io_uring_enter,
        SYS_io_uring_register, SYS_io_uring_setup, SYS_kexec_load, SYS_keyctl, SYS_mount,
        SYS_move_mount, SYS_open_by_handle_at, SYS_open_tree, SYS_perf_event_open, SYS_pidfd_getfd,
        SYS_pivot_root, SYS_process_vm_readv, SYS_process_vm_writev, SYS_ptrace, SYS_reboot,
        SYS_request_key, SYS_setns, SYS_swapon, SYS_umount2, SYS_unshare, SYS_userfaultfd,
    ];
}
