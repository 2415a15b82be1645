//! Signals, as far as a process can send them to itself.
//!
//! Dispositions, mask and alternate stack are kept as libcs expect to find them again, but no handler
//! ever runs: a signal whose action is not to be ignored ends the run with exit code 128 + signal, the
//! way a shell reports it. A guest whose handler would have saved it is thus told apart from one that
//! went on, also by the report; nothing is skipped in silence.

use borsh::{BorshDeserialize, BorshSerialize};
use bytemuck::{Pod, Zeroable};
use causality_machine::Flow;

use super::Errno;
use super::call::{Answer, Call, Stop};
use super::process::PID;
use crate::Signal;

const KILL: u32 = 9;
const CHILD: u32 = 17;
const CONTINUE: u32 = 18;
const STOP: u32 = 19;
const TERMINAL_STOP: u32 = 20;
const TERMINAL_INPUT: u32 = 21;
const TERMINAL_OUTPUT: u32 = 22;
const URGENT: u32 = 23;
const WINDOW: u32 = 28;
const LAST: u32 = 64;

const IGNORE: u64 = 1;
/// `sizeof(sigset_t)` in the kernel.
const SET_SIZE: u64 = 8;

/// The kernel's `struct sigaction` on riscv64, which has no restorer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable, BorshSerialize, BorshDeserialize)]
#[repr(C)]
struct Action {
    handler: u64,
    flags: u64,
    mask: u64,
}

/// `stack_t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable, BorshSerialize, BorshDeserialize)]
#[repr(C)]
struct Stack {
    sp: u64,
    flags: i32,
    padding: u32,
    size: u64,
}

/// The process' dispositions, mask and pending signals, and the signal that ended it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Signals {
    actions: [Action; LAST as usize],
    blocked: u64,
    pending: u64,
    stack: Stack,
    #[borsh(skip)]
    pub(super) ended: Option<Signal>,
}

const DISABLED: i32 = 2;

impl Default for Signals {
    fn default() -> Self {
        Signals {
            actions: [Action::zeroed(); LAST as usize],
            blocked: 0,
            pending: 0,
            stack: Stack { flags: DISABLED, ..Stack::zeroed() },
            ended: None,
        }
    }
}

const fn bit(signal: u32) -> u64 {
    1 << (signal - 1)
}

impl Signals {
    fn is_ignored(&self, signal: u32) -> bool {
        match self.actions[signal as usize - 1].handler {
            0 => matches!(
                signal,
                CHILD | CONTINUE | URGENT | WINDOW | STOP | TERMINAL_STOP | TERMINAL_INPUT | TERMINAL_OUTPUT
            ),
            handler => handler == IGNORE,
        }
    }

    /// Sends a signal to the process itself.
    fn send(&mut self, signal: u32) -> Result<(), Stop> {
        if self.blocked & bit(signal) != 0 {
            self.pending |= bit(signal);
            return Ok(());
        }
        if self.is_ignored(signal) {
            return Ok(());
        }
        // Neither the default action nor to ignore it, so the guest's own.
        let had_handler = self.actions[signal as usize - 1].handler > IGNORE;
        self.ended = Some(Signal { number: signal, had_handler });
        Err(Stop::Flow(Flow::Exit(128 + signal as i32)))
    }

    /// Changes the mask; what was pending and is no longer blocked arrives.
    fn set_mask(&mut self, mask: u64) -> Result<(), Stop> {
        self.blocked = mask & !(bit(KILL) | bit(STOP));
        let mut arriving = self.pending & !self.blocked;
        self.pending &= self.blocked;
        while arriving != 0 {
            self.send(arriving.trailing_zeros() + 1)?;
            arriving &= arriving - 1;
        }
        Ok(())
    }
}

fn check(signal: u32) -> Result<u32, Errno> {
    if (1..=LAST).contains(&signal) { Ok(signal) } else { Err(Errno::INVAL) }
}

/// rt_sigaction(2): recorded.
pub(super) fn rt_sigaction(call: &mut Call<'_>, signal: u32, action: u64, old: u64, size: u64) -> Answer {
    if size != SET_SIZE {
        return Err(Errno::INVAL.into());
    }
    let index = check(signal)? as usize - 1;
    let before = call.linux.signals().actions[index];
    if action != 0 {
        if [KILL, STOP].contains(&signal) {
            return Err(Errno::INVAL.into());
        }
        let action = call.load(action)?;
        call.linux.signals().actions[index] = action;
    }
    call.store_if_wanted(old, before)?;
    Ok(0)
}

/// rt_sigprocmask(2).
pub(super) fn rt_sigprocmask(call: &mut Call<'_>, how: i32, set: u64, old: u64, size: u64) -> Answer {
    if size != SET_SIZE {
        return Err(Errno::INVAL.into());
    }
    let before = call.linux.signals().blocked;
    let set = if set == 0 { None } else { Some(call.load::<u64>(set)?) };
    let mask = match (set, how) {
        (None, _) => before,
        (Some(set), 0) => before | set,
        (Some(set), 1) => before & !set,
        (Some(set), 2) => set,
        _ => return Err(Errno::INVAL.into()),
    };
    call.store_if_wanted(old, before)?;
    call.linux.signals().set_mask(mask)?;
    Ok(0)
}

/// rt_sigpending(2).
pub(super) fn rt_sigpending(call: &mut Call<'_>, set: u64, size: u64) -> Answer {
    if size > SET_SIZE {
        return Err(Errno::INVAL.into());
    }
    let pending = call.linux.signals().pending.to_le_bytes();
    call.store_bytes(set, &pending[..size as usize])?;
    Ok(0)
}

/// rt_sigsuspend(2): no signal can come, unless one is pending.
pub(super) fn rt_sigsuspend(call: &mut Call<'_>, set: u64, size: u64) -> Answer {
    if size != SET_SIZE {
        return Err(Errno::INVAL.into());
    }
    let mask = call.load(set)?;
    call.linux.signals().set_mask(mask)?;
    Err(Stop::deadlock())
}

/// sigaltstack(2): recorded.
pub(super) fn sigaltstack(call: &mut Call<'_>, stack: u64, old: u64) -> Answer {
    const AUTODISARM: i32 = i32::MIN;
    /// `MINSIGSTKSZ`.
    const SMALLEST: u64 = 2048;
    let before = call.linux.signals().stack;
    if stack != 0 {
        let new: Stack = call.load(stack)?;
        call.linux.signals().stack = match new.flags & !AUTODISARM {
            DISABLED => Signals::default().stack,
            0 | 1 if new.size < SMALLEST => return Err(Errno::NOMEM.into()),
            0 | 1 => Stack { padding: 0, ..new },
            _ => return Err(Errno::INVAL.into()),
        };
    }
    call.store_if_wanted(old, before)?;
    Ok(0)
}

/// kill(2): the only process there is is the caller.
pub(super) fn kill(call: &mut Call<'_>, pid: i32, signal: u32) -> Answer {
    if ![PID, 0, -PID].contains(&pid) {
        return Err(Errno::SRCH.into());
    }
    deliver(call, signal)
}

/// tkill(2).
pub(super) fn tkill(call: &mut Call<'_>, thread: i32, signal: u32) -> Answer {
    if thread != PID {
        return Err(Errno::SRCH.into());
    }
    deliver(call, signal)
}

/// tgkill(2).
pub(super) fn tgkill(call: &mut Call<'_>, process: i32, thread: i32, signal: u32) -> Answer {
    if process != PID {
        return Err(Errno::SRCH.into());
    }
    tkill(call, thread, signal)
}

/// Signal 0 only asks whether one could be sent.
fn deliver(call: &mut Call<'_>, signal: u32) -> Answer {
    if signal != 0 {
        call.linux.signals().send(check(signal)?)?;
    }
    Ok(0)
}
