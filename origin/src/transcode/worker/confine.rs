//! The confinement of a worker process: it can compute, and read and write the files that it has open, and nothing
//! else.
//!
//! Codecs are a million lines of C that read the bytes of unauthenticated clients. An attacker who takes one over finds
//! a process that can open no file and no connection, start no program and make no page executable. With a hardware
//! encoder that is looser, since its driver opens devices and talks to them as long as it runs: there only programs,
//! sockets of the network and the administration of the system are refused.

use std::fmt;

/// The strictness of a worker's confinement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Bounds {
    /// Codecs in software: calls that are not needed are refused. At most so many bytes of memory.
    Software { memory_bytes: u64 },
    /// A device's driver: dangerous calls are refused.
    Device,
}

/// The reason why a worker is not confined.
#[derive(Debug)]
pub(crate) struct Unconfined(String);

impl fmt::Display for Unconfined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn confine(_bounds: Bounds) -> Result<(), Unconfined> {
    Err(Unconfined("this system has no seccomp".to_owned()))
}

#[cfg(target_os = "linux")]
pub(crate) use linux::confine;

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeMap;
    use std::fs;

    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
        SeccompRule, apply_filter_all_threads,
    };

    use super::{Bounds, Unconfined};

    /// Descriptors that a worker in software may have: the three of every program, and a few that were open before.
    const MAX_DESCRIPTORS: u64 = 32;
    /// The kernel ends it first when memory is short: a worker is started again, while the origin would take all down.
    const OOM_SCORE: &str = "500";

    impl<E: std::error::Error> From<E> for Unconfined {
        fn from(error: E) -> Self {
            Self(error.to_string())
        }
    }

    /// Confines all threads of this process, for ever.
    ///
    /// # Errors
    /// When the kernel, or what this process was started by, does not allow that.
    pub(crate) fn confine(bounds: Bounds) -> Result<(), Unconfined> {
        // Refused where /proc is hidden, which is no reason to go without the rest.
        let _ = fs::write("/proc/self/oom_score_adj", OOM_SCORE);
        lower(Resource::Core, 0)?;
        if let Bounds::Software { memory_bytes } = bounds {
            lower(Resource::Data, memory_bytes)?;
            lower(Resource::Nofile, MAX_DESCRIPTORS)?;
        }
        // The C library falls back to `clone`, whose flags can be looked at; those of `clone3` cannot.
        let no_clone3 = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
        apply(no_clone3, SeccompAction::Allow, SeccompAction::Errno(errno(libc::ENOSYS)))?;
        match bounds {
            Bounds::Software { .. } => {
                apply(needed()?, SeccompAction::Errno(errno(libc::EPERM)), SeccompAction::Allow)
            }
            Bounds::Device => {
                apply(dangerous()?, SeccompAction::Allow, SeccompAction::Errno(errno(libc::EPERM)))
            }
        }
    }

    /// Limits a resource, to less where the parent of this program already did.
    fn lower(resource: Resource, most: u64) -> Result<(), Unconfined> {
        let most = getrlimit(resource).maximum.map_or(most, |limit| limit.min(most));
        Ok(setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?)
    }

    fn errno(code: i32) -> u32 {
        u32::try_from(code).unwrap_or(1)
    }

    type Rules = BTreeMap<i64, Vec<SeccompRule>>;

    fn apply(rules: Rules, otherwise: SeccompAction, matched: SeccompAction) -> Result<(), Unconfined> {
        let filter = SeccompFilter::new(rules, otherwise, matched, std::env::consts::ARCH.try_into()?)?;
        let program: BpfProgram = filter.try_into()?;
        Ok(apply_filter_all_threads(&program)?)
    }

    /// A rule: argument `place`, under `mask`, has this value.
    fn masked(place: u8, mask: u64, value: u64) -> Result<SeccompRule, Unconfined> {
        let (length, masked) = (SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(mask));
        Ok(SeccompRule::new(vec![SeccompCondition::new(place, length, masked, value)?])?)
    }

    /// A rule: argument `place`, 32 bits of it, has another value.
    fn other_than(place: u8, value: u64) -> Result<SeccompRule, Unconfined> {
        let condition = SeccompCondition::new(place, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, value)?;
        Ok(SeccompRule::new(vec![condition])?)
    }

    fn flag(flag: i32) -> u64 {
        u64::try_from(flag).unwrap_or(0)
    }

    /// The calls that codecs and the C library need once everything is loaded.
    fn needed() -> Result<Rules, Unconfined> {
        let always = [
            libc::SYS_read,
            libc::SYS_readv,
            libc::SYS_pread64,
            libc::SYS_write,
            libc::SYS_writev,
            libc::SYS_close,
            libc::SYS_fstat,
            libc::SYS_lseek,
            libc::SYS_ppoll,
            libc::SYS_munmap,
            libc::SYS_mremap,
            libc::SYS_madvise,
            libc::SYS_brk,
            libc::SYS_futex,
            libc::SYS_set_robust_list,
            libc::SYS_rseq,
            // Answered by the other filter.
            libc::SYS_clone3,
            libc::SYS_sched_yield,
            libc::SYS_sched_getaffinity,
            libc::SYS_getcpu,
            libc::SYS_membarrier,
            libc::SYS_clock_gettime,
            libc::SYS_clock_nanosleep,
            libc::SYS_nanosleep,
            libc::SYS_gettimeofday,
            libc::SYS_getrusage,
            libc::SYS_getrandom,
            libc::SYS_getpid,
            libc::SYS_gettid,
            libc::SYS_rt_sigaction,
            libc::SYS_rt_sigprocmask,
            libc::SYS_rt_sigreturn,
            libc::SYS_sigaltstack,
            libc::SYS_restart_syscall,
            libc::SYS_exit,
            libc::SYS_exit_group,
            libc::SYS_uname,
            libc::SYS_sysinfo,
        ];
        let mut rules: Rules = always.into_iter().map(|call| (call, Vec::new())).collect();
        #[cfg(target_arch = "x86_64")]
        rules.insert(libc::SYS_poll, Vec::new());
        // Pages that are not executable.
        rules.insert(libc::SYS_mmap, vec![masked(2, flag(libc::PROT_EXEC), 0)?]);
        rules.insert(libc::SYS_mprotect, vec![masked(2, flag(libc::PROT_EXEC), 0)?]);
        // Threads, no processes.
        rules.insert(libc::SYS_clone, vec![masked(0, flag(libc::CLONE_THREAD), flag(libc::CLONE_THREAD))?]);
        // Names of threads.
        rules.insert(libc::SYS_prctl, vec![masked(0, u64::MAX, flag(libc::PR_SET_NAME))?]);
        // Its own end, when it aborts.
        let this = u64::from(std::process::id());
        rules.insert(libc::SYS_tgkill, vec![masked(0, u64::MAX, this)?]);
        Ok(rules)
    }

    /// The calls that no driver needs.
    fn dangerous() -> Result<Rules, Unconfined> {
        let always = [
            libc::SYS_execve,
            libc::SYS_execveat,
            libc::SYS_ptrace,
            libc::SYS_process_vm_readv,
            libc::SYS_process_vm_writev,
            libc::SYS_pidfd_getfd,
            libc::SYS_bind,
            libc::SYS_listen,
            libc::SYS_accept,
            libc::SYS_accept4,
            libc::SYS_io_uring_setup,
            libc::SYS_bpf,
            libc::SYS_perf_event_open,
            libc::SYS_userfaultfd,
            libc::SYS_keyctl,
            libc::SYS_add_key,
            libc::SYS_request_key,
            libc::SYS_mount,
            libc::SYS_umount2,
            libc::SYS_pivot_root,
            libc::SYS_chroot,
            libc::SYS_setns,
            libc::SYS_unshare,
            libc::SYS_init_module,
            libc::SYS_finit_module,
            libc::SYS_delete_module,
            libc::SYS_kexec_load,
            libc::SYS_reboot,
            libc::SYS_swapon,
            libc::SYS_swapoff,
            libc::SYS_settimeofday,
            libc::SYS_clock_settime,
            libc::SYS_setuid,
            libc::SYS_setgid,
            libc::SYS_kill,
            libc::SYS_tkill,
            libc::SYS_rt_sigqueueinfo,
            libc::SYS_pidfd_send_signal,
        ];
        let mut rules: Rules = always.into_iter().map(|call| (call, Vec::new())).collect();
        #[cfg(target_arch = "x86_64")]
        rules.extend([(libc::SYS_fork, Vec::new()), (libc::SYS_vfork, Vec::new())]);
        // Processes, not threads.
        rules.insert(libc::SYS_clone, vec![masked(0, flag(libc::CLONE_THREAD), 0)?]);
        // All but those of this machine, which drivers use.
        rules.insert(libc::SYS_socket, vec![other_than(0, flag(libc::AF_UNIX))?]);
        // Signals to others.
        rules.insert(libc::SYS_tgkill, vec![other_than(0, u64::from(std::process::id()))?]);
        Ok(rules)
    }
}

#[cfg(all(test, target_os = "linux"))]
#[expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]
mod tests {
    use std::fs::File;
    use std::io::ErrorKind;
    use std::net::{TcpStream, UdpSocket};
    use std::process::Command;

    use super::*;

    /// Runs only [`confined`], in a process of its own: confinement cannot be undone.
    fn run(bounds: &str) {
        let name = "transcode::worker::confine::tests::confined";
        let output = Command::new(std::env::current_exe().unwrap())
            .args([name, "--exact", "--ignored", "--nocapture", "--test-threads=1"])
            .env("FARCAST_TEST_BOUNDS", bounds)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && text.contains("1 passed"), "{bounds}: {text}");
    }

    #[test]
    fn a_worker_in_software_can_do_nothing_but_compute() {
        run("software");
    }

    #[test]
    fn a_worker_with_a_device_can_start_no_program_and_reach_no_network() {
        run("device");
    }

    #[test]
    #[ignore = "confines the process that runs it; started by the two tests above"]
    fn confined() {
        let is_software = std::env::var("FARCAST_TEST_BOUNDS").unwrap() == "software";
        let bounds = if is_software { Bounds::Software { memory_bytes: 512 << 20 } } else { Bounds::Device };
        let before = std::thread::spawn(|| std::thread::park_timeout(std::time::Duration::from_secs(5)));
        confine(bounds).unwrap();
        let denied = ErrorKind::PermissionDenied;
        assert_eq!(Command::new("/bin/true").spawn().unwrap_err().kind(), denied);
        assert_eq!(TcpStream::connect("127.0.0.1:9").unwrap_err().kind(), denied);
        assert_eq!(UdpSocket::bind("[::1]:0").unwrap_err().kind(), denied);
        let file = File::open("/proc/self/status");
        assert_eq!(file.err().map(|error| error.kind()), is_software.then_some(denied));
        if is_software {
            assert_eq!(std::fs::write("/tmp/farcast", "x").unwrap_err().kind(), denied);
            assert_eq!(std::fs::remove_file("/tmp/farcast").unwrap_err().kind(), denied);
            let mut large: Vec<u8> = Vec::new();
            assert!(large.try_reserve_exact(1 << 30).is_err(), "more memory than it may have");
        }
        // It still computes, on several threads, and ends those that it had.
        before.thread().unpark();
        before.join().unwrap();
        let sums: Vec<_> = (0..4_u64).map(|n| std::thread::spawn(move || (0..=n).sum::<u64>())).collect();
        let sums: Vec<_> = sums.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert_eq!(sums, [0, 1, 3, 6]);
    }
}
