//! The list of calls. Dispatch, names and the table in `docs/abi.md` all come from these rows.

use super::call::{Answer, Argument, Call};
use super::process::{answer, refuse};
use super::{Errno, files, futex, memory, process, random, signal, time};

const NOSYS: i32 = Errno::NOSYS.0;
const PERM: i32 = Errno::PERM.0;
const ACCES: i32 = Errno::ACCES.0;
const AGAIN: i32 = Errno::AGAIN.0;
const CHILD: i32 = Errno::CHILD.0;
const AFNOSUPPORT: i32 = Errno::AFNOSUPPORT.0;

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Syscall {
    /// The number in `a7`.
    pub number: u64,
    /// Its name without prefix.
    pub name: &'static str,
    /// Its arguments as `name: type`.
    pub arguments: &'static [&'static str],
    /// What it does, in one line.
    pub doc: &'static str,
    /// What is deterministic about it and what is refused.
    pub note: &'static str,
}

macro_rules! syscalls {
    ($(#[doc = $doc:literal] $number:literal $name:ident($($arg:ident: $ty:ty),*) = $handler:expr, $note:literal;)*) => {
        /// Every Linux call that is answered, in the order of their numbers.
        pub const TABLE: &[Syscall] = &[$(Syscall {
            number: $number,
            name: stringify!($name),
            arguments: &[$(concat!(stringify!($arg), ": ", stringify!($ty))),*],
            doc: $doc.trim_ascii(),
            note: $note,
        }),*];

        /// The name of a Linux call, if the number is one that is answered.
        ///
        /// ```
        /// assert_eq!(causality_abi::syscall_name(64), Some("write"));
        /// assert_eq!(causality_abi::syscall_name(1 << 20), None);
        /// ```
        #[must_use]
        pub const fn syscall_name(number: u64) -> Option<&'static str> {
            match number {
                $($number => Some(stringify!($name)),)*
                _ => None,
            }
        }

        /// Makes the call; `None` if nothing answers the number.
        pub(super) fn dispatch(call: &mut Call<'_>, number: u64, arguments: [u64; 6]) -> Option<Answer> {
            let mut registers = arguments.into_iter();
            Some(match number {
                $($number => {
                    $(let $arg = <$ty>::of(registers.next().unwrap_or(0));)*
                    $handler(call, $($arg),*)
                })*
                _ => return None,
            })
        }
    };
}

syscalls! {
    /// The working directory's guest path.
    17 getcwd(buf: u64, size: u64) = files::getcwd,
        "Never a host path.";
    /// Duplicates a descriptor.
    23 dup(fd: i32) = files::dup,
        "The lowest free number.";
    /// Duplicates a descriptor to a given number.
    24 dup3(old: i32, new: i32, flags: i32) = files::dup3,
        "256 descriptors.";
    /// Descriptor and status flags, locks.
    25 fcntl(fd: i32, cmd: i32, arg: u64) = files::fcntl,
        "Locks always succeed and conflict with nothing; other commands: `EINVAL`.";
    /// Device control.
    29 ioctl(fd: i32, request: u64, arg: u64) = files::ioctl,
        "Nothing is a terminal: always `ENOTTY`.";
    /// Locks a whole file.
    32 flock(fd: i32, operation: i32) = files::flock,
        "Always succeeds.";
    /// Makes a directory.
    34 mkdirat(dir: i32, path: u64, mode: u32) = files::mkdirat,
        "Mode 0755 whatever `mode` says.";
    /// Removes a file or directory.
    35 unlinkat(dir: i32, path: u64, flags: i32) = files::unlinkat,
        "`EROFS` where only reading is allowed.";
    /// Makes a symbolic link.
    36 symlinkat(target: u64, dir: i32, path: u64) = |call, _: u64, _: i32, _: u64| refuse::<PERM>(call),
        "Refused: a link could lead the host astray later.";
    /// Makes a hard link.
    37 linkat(old_dir: i32, old: u64, new_dir: i32, new: u64, flags: i32) = |call, _: i32, _: u64, _: i32, _: u64, _: i32| refuse::<PERM>(call),
        "Refused, as by file systems without links.";
    /// Describes the file system of a path.
    43 statfs(path: u64, buf: u64) = files::statfs,
        "Fixed numbers.";
    /// Describes the file system of a descriptor.
    44 fstatfs(fd: i32, buf: u64) = files::fstatfs,
        "Fixed numbers.";
    /// Sets a file's size.
    45 truncate(path: u64, size: i64) = files::truncate,
        "At most 1 TiB.";
    /// Sets an open file's size.
    46 ftruncate(fd: i32, size: i64) = files::ftruncate,
        "At most 1 TiB.";
    /// Grows a file.
    47 fallocate(fd: i32, mode: i32, offset: i64, len: i64) = files::fallocate,
        "Nothing is reserved; modes other than 0 and `KEEP_SIZE`: `EOPNOTSUPP`.";
    /// Whether a file may be used.
    48 faccessat(dir: i32, path: u64, mode: u32) = files::faccessat,
        "Everything that exists is readable.";
    /// Sets the working directory.
    49 chdir(path: u64) = files::chdir,
        "The guest's own; the host's stays.";
    /// Sets the working directory.
    50 fchdir(fd: i32) = files::fchdir,
        "The guest's own; the host's stays.";
    /// Sets permissions.
    52 fchmod(fd: i32, mode: u32) = files::fchmod,
        "Only whether the owner may execute is kept.";
    /// Sets permissions.
    53 fchmodat(dir: i32, path: u64, mode: u32) = files::fchmodat,
        "Only whether the owner may execute is kept.";
    /// Sets the owner.
    54 fchownat(dir: i32, path: u64, user: u32, group: u32, flags: i32) = files::fchownat,
        "Only to the one user there is, 1000.";
    /// Sets the owner.
    55 fchown(fd: i32, user: u32, group: u32) = files::fchown,
        "Only to the one user there is, 1000.";
    /// Opens a file, directory or device.
    56 openat(dir: i32, path: u64, flags: i32, mode: u32) = files::openat,
        "FIFOs, sockets and host devices: `EACCES`; `O_TMPFILE`: `EOPNOTSUPP`.";
    /// Closes a descriptor.
    57 close(fd: i32) = files::close,
        "";
    /// Makes a pipe.
    59 pipe2(fds: u64, flags: i32) = |call, _: u64, _: i32| refuse::<NOSYS>(call),
        "Refused: there is nobody at its other end.";
    /// Lists a directory.
    61 getdents64(fd: i32, buf: u64, size: u32) = files::getdents64,
        "Sorted by name, as of when reading began.";
    /// Sets the file offset.
    62 lseek(fd: i32, offset: i64, whence: i32) = files::lseek,
        "Files have no holes.";
    /// Reads.
    63 read(fd: i32, buf: u64, len: u64) = files::read,
        "All that was asked for up to 16 MiB (devices: 64 KiB), unless the file, the stream, a typed line or accessible memory ends.";
    /// Writes.
    64 write(fd: i32, buf: u64, len: u64) = files::write,
        "As `read`; `EPIPE` raises no signal.";
    /// Reads into several buffers.
    65 readv(fd: i32, parts: u64, count: u64) = files::readv,
        "At most 1024 parts.";
    /// Writes several buffers.
    66 writev(fd: i32, parts: u64, count: u64) = files::writev,
        "At most 1024 parts.";
    /// Reads at an offset.
    67 pread64(fd: i32, buf: u64, len: u64, offset: i64) = files::pread64,
        "As `read`.";
    /// Writes at an offset.
    68 pwrite64(fd: i32, buf: u64, len: u64, offset: i64) = files::pwrite64,
        "As `write`.";
    /// Reads into several buffers at an offset.
    69 preadv(fd: i32, parts: u64, count: u64, offset: i64) = files::preadv,
        "At most 1024 parts.";
    /// Writes several buffers at an offset.
    70 pwritev(fd: i32, parts: u64, count: u64, offset: i64) = files::pwritev,
        "At most 1024 parts.";
    /// Waits for files.
    72 pselect6(count: i32, read: u64, write: u64, except: u64, timeout: u64) = files::pselect6,
        "All are always ready; otherwise the clocks move to the timeout.";
    /// Waits for files.
    73 ppoll(polls: u64, count: u64, timeout: u64) = files::ppoll,
        "All are always ready; otherwise the clocks move to the timeout.";
    /// What a symbolic link holds.
    78 readlinkat(dir: i32, path: u64, buf: u64, size: i32) = files::readlinkat,
        "`/proc/self/exe` holds the first argument's path.";
    /// Describes a file.
    79 newfstatat(dir: i32, path: u64, buf: u64, flags: i32) = files::newfstatat,
        "Normalised; see Files.";
    /// Describes an open file.
    80 fstat(fd: i32, buf: u64) = files::fstat,
        "Normalised; see Files.";
    /// Writes everything to disk.
    81 sync() = answer::<0>,
        "Has no effect.";
    /// Writes a file to disk.
    82 fsync(fd: i32) = files::fsync,
        "Passed on to the host.";
    /// Writes a file to disk.
    83 fdatasync(fd: i32) = files::fsync,
        "Passed on to the host.";
    /// Writes part of a file to disk.
    84 sync_file_range(fd: i32) = files::advise,
        "Has no effect.";
    /// Sets file times.
    88 utimensat(dir: i32, path: u64, times: u64, flags: i32) = files::utimensat,
        "Kept for the run; the host's file times are not set.";
    /// Ends the only thread, and so the process.
    93 exit(status: i32) = process::exit,
        "The exit code is the low eight bits.";
    /// Ends the process.
    94 exit_group(status: i32) = process::exit,
        "The exit code is the low eight bits.";
    /// Waits for a child.
    95 waitid() = refuse::<CHILD>,
        "There is none.";
    /// Where to clear the thread id.
    96 set_tid_address(addr: u64) = |call, _: u64| process::own_id(call),
        "The address is not kept: nobody outlives the thread.";
    /// Waits for, or wakes, other threads.
    98 futex(addr: u64, op: i32, value: u32, timeout: u64, addr2: u64, value3: u32) = futex::futex,
        "There are none: a wait moves the clocks to its timeout, or traps as a deadlock.";
    /// The list of held futexes.
    99 set_robust_list(head: u64, len: u64) = process::set_robust_list,
        "Not kept.";
    /// Sleeps.
    101 nanosleep(time: u64, remaining: u64) = time::nanosleep,
        "Moves the clocks on at once.";
    /// Tells a time.
    113 clock_gettime(clock: i32, time: u64) = time::clock_gettime,
        "Counted in instructions and sleeps; see Time.";
    /// Tells a clock's resolution.
    114 clock_getres(clock: i32, time: u64) = time::clock_getres,
        "One nanosecond.";
    /// Sleeps.
    115 clock_nanosleep(clock: i32, flags: i32, time: u64, remaining: u64) = time::clock_nanosleep,
        "Moves the clocks on at once.";
    /// Chooses processors.
    122 sched_setaffinity() = answer::<0>,
        "There is one.";
    /// Tells the processors.
    123 sched_getaffinity(pid: i32, len: u64, mask: u64) = process::sched_getaffinity,
        "One.";
    /// Lets others run.
    124 sched_yield() = answer::<0>,
        "There are none.";
    /// Sends a signal.
    129 kill(pid: i32, signal: u32) = signal::kill,
        "Only to itself; see Signals.";
    /// Sends a signal.
    130 tkill(tid: i32, signal: u32) = signal::tkill,
        "Only to itself; see Signals.";
    /// Sends a signal.
    131 tgkill(pid: i32, tid: i32, signal: u32) = signal::tgkill,
        "Only to itself; see Signals.";
    /// The stack for handlers.
    132 sigaltstack(new: u64, old: u64) = signal::sigaltstack,
        "Recorded.";
    /// Waits for a signal.
    133 rt_sigsuspend(set: u64, size: u64) = signal::rt_sigsuspend,
        "Traps as a deadlock.";
    /// What to do on a signal.
    134 rt_sigaction(signal: u32, new: u64, old: u64, size: u64) = signal::rt_sigaction,
        "Recorded; handlers are never run.";
    /// Blocks signals.
    135 rt_sigprocmask(how: i32, set: u64, old: u64, size: u64) = signal::rt_sigprocmask,
        "What was pending arrives when unblocked.";
    /// Tells the blocked signals that wait.
    136 rt_sigpending(set: u64, size: u64) = signal::rt_sigpending,
        "";
    /// Returns from a handler.
    139 rt_sigreturn() = refuse::<NOSYS>,
        "No handler ever runs.";
    /// Tells the processor time.
    153 times(buf: u64) = time::times,
        "100 ticks per second.";
    /// Sets the process group.
    154 setpgid(pid: i32, group: i32) = |call, _: i32, _: i32| answer::<0>(call),
        "Has no effect.";
    /// Tells the process group.
    155 getpgid(pid: i32) = process::own_group,
        "2.";
    /// Tells the session.
    156 getsid(pid: i32) = process::own_group,
        "2.";
    /// Starts a session.
    157 setsid() = refuse::<PERM>,
        "The process leads its group already.";
    /// Tells the groups.
    158 getgroups(size: i32, list: u64) = process::getgroups,
        "None.";
    /// Describes the system.
    160 uname(buf: u64) = process::uname,
        "Linux 6.1.0 on `causality`, riscv64.";
    /// Tells a limit.
    163 getrlimit(resource: u32, limit: u64) = process::getrlimit,
        "As `prlimit64`.";
    /// Sets a limit.
    164 setrlimit(resource: u32, limit: u64) = process::setrlimit,
        "As `prlimit64`.";
    /// Tells what was used.
    165 getrusage(who: i32, usage: u64) = time::getrusage,
        "User time and peak memory; the rest is 0.";
    /// Sets the mode mask.
    166 umask(mask: u32) = process::umask,
        "Recorded.";
    /// Process settings.
    167 prctl(option: i32, arg: u64) = process::prctl,
        "Only the name; others: `EINVAL`.";
    /// Tells the processor.
    168 getcpu(cpu: u64, node: u64, cache: u64) = process::getcpu,
        "0.";
    /// Tells the time.
    169 gettimeofday(time: u64, zone: u64) = time::gettimeofday,
        "As `CLOCK_REALTIME`.";
    /// Tells the process id.
    172 getpid() = process::own_id,
        "2.";
    /// Tells the parent's id.
    173 getppid() = process::getppid,
        "1.";
    /// Tells the user id.
    174 getuid() = process::own_user,
        "1000.";
    /// Tells the effective user id.
    175 geteuid() = process::own_user,
        "1000.";
    /// Tells the group id.
    176 getgid() = process::own_user,
        "1000.";
    /// Tells the effective group id.
    177 getegid() = process::own_user,
        "1000.";
    /// Tells the thread id.
    178 gettid() = process::own_id,
        "2.";
    /// Describes memory and load.
    179 sysinfo(buf: u64) = process::sysinfo,
        "The guest's own limits.";
    /// Makes a socket.
    198 socket() = refuse::<AFNOSUPPORT>,
        "Refused: there is no network.";
    /// Sets the program break.
    214 brk(addr: u64) = memory::brk,
        "Limits as in Memory.";
    /// Unmaps pages.
    215 munmap(addr: u64, len: u64) = memory::munmap,
        "Host segments: `EINVAL`.";
    /// Resizes or moves a mapping.
    216 mremap(addr: u64, old_len: u64, new_len: u64, flags: u64, new_addr: u64) = memory::mremap,
        "Within one segment.";
    /// Makes a thread or process.
    220 clone() = refuse::<AGAIN>,
        "Refused: there is one hart.";
    /// Runs another program.
    221 execve() = refuse::<ACCES>,
        "Refused.";
    /// Maps memory.
    222 mmap(addr: u64, len: u64, prot: u64, flags: u64, fd: i32, offset: u64) = memory::mmap,
        "Lowest free address; files as private snapshots; shared file mappings: `ENODEV`.";
    /// Advice about a file.
    223 fadvise64(fd: i32) = files::advise,
        "Has no effect.";
    /// Sets permissions.
    226 mprotect(addr: u64, len: u64, prot: u64) = memory::mprotect,
        "Writable and executable: `EACCES`; host segments: `EACCES`.";
    /// Writes mappings back.
    227 msync(addr: u64, len: u64, flags: i32) = memory::msync,
        "There is nothing to write.";
    /// Advice about memory.
    233 madvise(addr: u64, len: u64, advice: i32) = memory::madvise,
        "`MADV_DONTNEED` zeroes anonymous pages at once; hints have no effect.";
    /// Tells the processor's extensions.
    258 riscv_hwprobe(pairs: u64, count: u64, cpu_size: u64, cpus: u64, flags: u64) = process::riscv_hwprobe,
        "Those every executor has.";
    /// Makes new code visible.
    259 riscv_flush_icache(start: u64, end: u64, flags: u64) = process::riscv_flush_icache,
        "As `fence.i`.";
    /// Waits for a child.
    260 wait4() = refuse::<CHILD>,
        "There is none.";
    /// Tells and sets limits.
    261 prlimit64(pid: i32, resource: u32, new: u64, old: u64) = process::prlimit64,
        "Recorded, but only the machine's own limits are enforced.";
    /// Renames.
    276 renameat2(old_dir: i32, old: u64, new_dir: i32, new: u64, flags: u32) = files::renameat2,
        "Only `RENAME_NOREPLACE`; not between given directories (`EXDEV`).";
    /// Random bytes.
    278 getrandom(buf: u64, len: u64, flags: u32) = random::getrandom,
        "The seed's stream, at most 16 KiB a call.";
    /// Orders memory for other threads.
    283 membarrier(command: i32) = process::membarrier,
        "Nothing offered.";
    /// Describes a file.
    291 statx(dir: i32, path: u64, flags: i32, mask: u32, buf: u64) = files::statx,
        "Normalised; see Files.";
    /// Restartable sequences.
    293 rseq() = refuse::<NOSYS>,
        "Refused, which C libraries accept.";
    /// Makes a thread or process.
    435 clone3() = refuse::<NOSYS>,
        "Refused: C libraries then try `clone`.";
    /// Closes descriptors.
    436 close_range(first: u32, last: u32, flags: u32) = files::close_range,
        "";
    /// Whether a file may be used.
    439 faccessat2(dir: i32, path: u64, mode: u32, flags: i32) = files::faccessat2,
        "Everything that exists is readable.";
}
