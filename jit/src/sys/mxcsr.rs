//! The host's floating-point control and status register while guest code runs.

/// What the thread had in the register before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Saved(u32);

/// All exceptions masked, no flags, round to nearest.
const MASKED: u32 = 0x1f80;

/// MXCSR rounding control by `frm`: to nearest, towards zero, down, up.
const ROUNDING: [u32; 4] = [0, 3 << 13, 1 << 13, 2 << 13];

/// Bits that say whether exceptions have been raised.
const FLAGS: u32 = 0x3f;

/// Sets the guest's rounding mode, with no flags raised.
#[inline]
#[cfg(target_arch = "x86_64")]
pub(crate) fn enter(fcsr: u32) -> Saved {
    let saved = read();
    if saved != of_guest(fcsr) {
        resume(fcsr);
    }
    Saved(saved)
}

/// Restores the thread's own and returns the flags that were raised, as `fflags`.
#[inline]
#[cfg(target_arch = "x86_64")]
pub(crate) fn leave(saved: Saved) -> u32 {
    let raised = read();
    if raised != saved.0 {
        write(saved.0);
    }
    flags(raised)
}

/// As [`leave`], for a short time: the thread's own modes are back, but not which flags were raised in it.
#[inline]
#[cfg(target_arch = "x86_64")]
pub(crate) fn pause(saved: Saved) -> u32 {
    let raised = read();
    if (raised ^ saved.0) & !FLAGS != 0 {
        write(saved.0);
    }
    flags(raised)
}

/// After [`pause`], sets the guest's rounding mode again, with no flags raised.
#[inline]
#[cfg(target_arch = "x86_64")]
pub(crate) fn resume(fcsr: u32) {
    write(of_guest(fcsr));
}

/// The guest's rounding mode, and no flags.
#[inline]
#[cfg(target_arch = "x86_64")]
const fn of_guest(fcsr: u32) -> u32 {
    MASKED | ROUNDING[(fcsr >> 5 & 3) as usize]
}

/// The flags as `fflags`.
#[inline]
#[cfg(target_arch = "x86_64")]
const fn flags(raised: u32) -> u32 {
    // Invalid, divide by zero, overflow, underflow, inexact.
    (raised & 1) << 4
        | (raised >> 2 & 1) << 3
        | (raised >> 3 & 1) << 2
        | (raised >> 4 & 1) << 1
        | raised >> 5 & 1
}

#[inline]
#[cfg(target_arch = "x86_64")]
fn read() -> u32 {
    let mut value = 0_u32;
    // SAFETY: stores four bytes to a place of ours.
    unsafe { core::arch::asm!("stmxcsr [{}]", in(reg) &raw mut value, options(nostack, preserves_flags)) };
    value
}

#[inline]
#[cfg(target_arch = "x86_64")]
fn write(value: u32) {
    // SAFETY: every value written here masks all exceptions or was read from the register; the code that runs until
    // the thread's own value is back does no floating-point arithmetic of Rust's.
    unsafe { core::arch::asm!("ldmxcsr [{}]", in(reg) &raw const value, options(nostack, preserves_flags)) };
}

#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn enter(_: u32) -> Saved {
    Saved(0)
}

#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn leave(_: Saved) -> u32 {
    0
}

#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn pause(_: Saved) -> u32 {
    0
}

#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn resume(_: u32) {}
