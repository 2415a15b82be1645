//! The process itself: one thread, fixed ids, and answers that are the same on every host.

use borsh::{BorshDeserialize, BorshSerialize};
use bytemuck::{Pod, Zeroable};
use causality_machine::{Flow, Limits};

use super::Errno;
use super::call::{Answer, Call, Stop};
use super::files::MAX_FILES;

/// The process and thread id.
pub(super) const PID: i32 = 2;
const PARENT: u64 = 1;
/// User and group, real and effective.
pub(super) const USER: u32 = 1000;
const INFINITE: u64 = u64::MAX;

/// `struct rlimit64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable, BorshSerialize, BorshDeserialize)]
#[repr(C)]
struct Bound {
    soft: u64,
    hard: u64,
}

/// What the process can set and read back.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Process {
    bounds: [Bound; 16],
    name: [u8; 16],
    umask: u32,
}

impl Process {
    pub(super) fn new(limits: &Limits) -> Self {
        const CORE: usize = 4;
        let both = |value| Bound { soft: value, hard: value };
        let mut bounds = [both(INFINITE); 16];
        bounds[STACK_BOUND] = both(limits.stack);
        bounds[CORE] = both(0);
        bounds[7] = both(MAX_FILES as u64);
        Process { bounds, name: *b"guest\0\0\0\0\0\0\0\0\0\0\0", umask: 0o022 }
    }
}

const STACK_BOUND: usize = 3;

/// exit(2) and exit_group(2).
pub(super) fn exit(_: &mut Call<'_>, status: i32) -> Answer {
    Err(Stop::Flow(Flow::Exit(status & 0xff)))
}

/// A call that only ever has this error.
pub(super) fn refuse<const ERRNO: i32>(_: &mut Call<'_>) -> Answer {
    Err(Errno(ERRNO).into())
}

/// A call that only ever has this value.
pub(super) fn answer<const VALUE: u64>(_: &mut Call<'_>) -> Answer {
    Ok(VALUE)
}

/// getpid(2), gettid(2), set_tid_address(2) and their kin.
pub(super) fn own_id(_: &mut Call<'_>) -> Answer {
    Ok(PID as u64)
}

/// getpgid(2) and getsid(2) of this process.
pub(super) fn own_group(_: &mut Call<'_>, pid: i32) -> Answer {
    if [0, PID].contains(&pid) { own_id_value() } else { Err(Errno::SRCH.into()) }
}

fn own_id_value() -> Answer {
    Ok(PID as u64)
}

/// getppid(2).
pub(super) fn getppid(_: &mut Call<'_>) -> Answer {
    Ok(PARENT)
}

/// getuid(2), geteuid(2), getgid(2), getegid(2).
pub(super) fn own_user(_: &mut Call<'_>) -> Answer {
    Ok(u64::from(USER))
}

/// set_robust_list(2): nobody will ever walk it.
pub(super) fn set_robust_list(_: &mut Call<'_>, _head: u64, len: u64) -> Answer {
    /// `sizeof(struct robust_list_head)`.
    const HEAD: u64 = 24;
    if len == HEAD { Ok(0) } else { Err(Errno::INVAL.into()) }
}

/// uname(2).
pub(super) fn uname(call: &mut Call<'_>, buffer: u64) -> Answer {
    const FIELDS: [&[u8]; 6] = [b"Linux", b"causality", b"6.1.0", b"#1 causality-vm", b"riscv64", b"(none)"];
    const FIELD: usize = 65;
    let mut name = [0u8; FIELD * FIELDS.len()];
    for (place, field) in name.chunks_exact_mut(FIELD).zip(FIELDS) {
        place[..field.len()].copy_from_slice(field);
    }
    call.store_bytes(buffer, &name)?;
    Ok(0)
}

/// sysinfo(2).
pub(super) fn sysinfo(call: &mut Call<'_>, buffer: u64) -> Answer {
    let total = call.memory.limits().memory;
    let mut words = [0u64; 14];
    words[0] = call.monotonic() / 1_000_000_000;
    words[4] = total;
    words[5] = total - call.memory.mapped().min(total);
    // One process; memory is counted in units of one byte.
    words[10] = 1;
    words[13] = 1;
    call.store(buffer, words)?;
    Ok(0)
}

/// prlimit64(2): recorded and told, enforced only by the machine's own limits.
pub(super) fn prlimit64(call: &mut Call<'_>, pid: i32, resource: u32, new: u64, old: u64) -> Answer {
    if ![0, PID].contains(&pid) {
        return Err(Errno::SRCH.into());
    }
    let resource = resource as usize;
    let before = *call.linux.process.bounds.get(resource).ok_or(Errno::INVAL)?;
    if new != 0 {
        let bound: Bound = call.load(new)?;
        if bound.soft > bound.hard {
            return Err(Errno::INVAL.into());
        }
        if bound.hard > before.hard {
            return Err(Errno::PERM.into());
        }
        call.linux.process.bounds[resource] = bound;
    }
    call.store_if_wanted(old, before)?;
    Ok(0)
}

/// getrlimit(2).
pub(super) fn getrlimit(call: &mut Call<'_>, resource: u32, old: u64) -> Answer {
    let bound = *call.linux.process.bounds.get(resource as usize).ok_or(Errno::INVAL)?;
    call.store(old, bound)?;
    Ok(0)
}

/// setrlimit(2).
pub(super) fn setrlimit(call: &mut Call<'_>, resource: u32, new: u64) -> Answer {
    call.load::<Bound>(new)?;
    prlimit64(call, 0, resource, new, 0)
}

/// umask(2): recorded.
pub(super) fn umask(call: &mut Call<'_>, mask: u32) -> Answer {
    let old = std::mem::replace(&mut call.linux.process.umask, mask & 0o777);
    Ok(u64::from(old))
}

/// prctl(2): the process' name; nothing else.
pub(super) fn prctl(call: &mut Call<'_>, option: i32, argument: u64) -> Answer {
    const SET_NAME: i32 = 15;
    const GET_NAME: i32 = 16;
    match option {
        SET_NAME => {
            let text = match call.memory.c_str(argument, 16)? {
                Some(text) => text.to_vec(),
                None => call.memory.slice(argument, 15)?.to_vec(),
            };
            let mut name = [0; 16];
            for (to, from) in name.iter_mut().zip(text) {
                *to = from;
            }
            call.linux.process.name = name;
            Ok(0)
        }
        GET_NAME => {
            let name = call.linux.process.name;
            call.store_bytes(argument, &name)?;
            Ok(0)
        }
        _ => Err(Errno::INVAL.into()),
    }
}

/// getcpu(2): processor 0 of node 0.
pub(super) fn getcpu(call: &mut Call<'_>, cpu: u64, node: u64, _cache: u64) -> Answer {
    call.store_if_wanted(cpu, 0u32)?;
    call.store_if_wanted(node, 0u32)?;
    Ok(0)
}

/// sched_getaffinity(2): one processor.
pub(super) fn sched_getaffinity(call: &mut Call<'_>, pid: i32, len: u64, mask: u64) -> Answer {
    if ![0, PID].contains(&pid) {
        return Err(Errno::SRCH.into());
    }
    if len < 8 || !len.is_multiple_of(8) {
        return Err(Errno::INVAL.into());
    }
    call.store(mask, 1u64)?;
    Ok(8)
}

/// getgroups(2): none besides the own one.
pub(super) fn getgroups(_: &mut Call<'_>, size: i32, _list: u64) -> Answer {
    if size < 0 { Err(Errno::INVAL.into()) } else { Ok(0) }
}

/// membarrier(2): asked what it can do, it says nothing; one hart needs no barrier.
pub(super) fn membarrier(_: &mut Call<'_>, command: i32) -> Answer {
    if command == 0 { Ok(0) } else { Err(Errno::INVAL.into()) }
}

/// riscv_flush_icache(2): as `fence.i`.
pub(super) fn riscv_flush_icache(call: &mut Call<'_>, _start: u64, _end: u64, flags: u64) -> Answer {
    /// `SYS_RISCV_FLUSH_ICACHE_LOCAL`.
    const LOCAL: u64 = 1;
    if flags & !LOCAL != 0 {
        return Err(Errno::INVAL.into());
    }
    call.memory.sync_code();
    Ok(0)
}

/// `struct riscv_hwprobe`.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
struct Probe {
    key: i64,
    value: u64,
}

impl Probe {
    /// The answer to one key (Linux `Documentation/arch/riscv/hwprobe.rst`).
    fn answered(self) -> Self {
        /// F and D, C, Zba, Zbb, Zbs, Zicboz, Zbc, Zfhmin, Zfa, Zicond.
        const EXTENSIONS: u64 =
            1 | 1 << 1 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 28 | 1 << 32 | 1 << 35;
        const MISALIGNED_IS_FAST: u64 = 3;
        let value = match self.key {
            // No vendor, architecture or implementation id.
            0..=2 => 0,
            // The base behaviour is that of the I, M and A extensions.
            3 => 1,
            4 => EXTENSIONS,
            5 => MISALIGNED_IS_FAST,
            // The block that `cbo.zero` clears.
            6 => 64,
            _ => return Probe { key: -1, value: 0 },
        };
        Probe { value, ..self }
    }
}

/// riscv_hwprobe(2): the extensions every executor has.
pub(super) fn riscv_hwprobe(
    call: &mut Call<'_>,
    pairs: u64,
    count: u64,
    cpu_size: u64,
    cpus: u64,
    flags: u64,
) -> Answer {
    /// There are far fewer keys; Linux has no bound.
    const MOST: u64 = 1024;
    if flags != 0 || count > MOST {
        return Err(Errno::INVAL.into());
    }
    if cpu_size != 0 {
        // Asked for some processors only: the one there is must be among them.
        let first = call.load::<u8>(cpus)?;
        if first & 1 == 0 {
            return Err(Errno::INVAL.into());
        }
    }
    for index in 0..count {
        let place = pairs.checked_add(index * 16).ok_or(Errno::FAULT)?;
        let probe: Probe = call.load(place)?;
        call.store(place, probe.answered())?;
    }
    Ok(0)
}
