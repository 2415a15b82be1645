//! The host's floating-point control and status register while guest code runs.

/// What the thread had in the register before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Saved(u32);

/// All exceptions masked, no flags, round to nearest.
const MASKED: u32 = 0x1f80;

/// MXCSR rounding control by `frm`: to nearest, towards zero, down, up.
const ROUNDING: [u32; 4] = [0, 3 << 13, 1 << 13, 2 << 13];

/// Sets the guest's rounding mode, with no flags raised.
#[cfg(target_arch = "x86_64")]
pub(crate) fn enter(fcsr: u32) -> Saved {
    let saved = read();
    write(MASKED | ROUNDING[(fcsr >> 5 & 3) as usize]);
    Saved(saved)
}

/// Restores the thread's own and returns the flags that were raised, as `fflags`.
#[cfg(target_arch = "x86_64")]
pub(crate) fn leave(saved: Saved) -> u32 {
    let raised = read();
    write(saved.0);
    let flag = |host: u32, guest: u32| (raised >> host & 1) << guest;
    // Invalid, divide by zero, overflow, underflow, inexact.
    flag(0, 4) | flag(2, 3) | flag(3, 2) | flag(4, 1) | flag(5, 0)
}

#[cfg(target_arch = "x86_64")]
fn read() -> u32 {
    let mut value = 0_u32;
    // SAFETY: stores four bytes to a place of ours.
    unsafe { core::arch::asm!("stmxcsr [{}]", in(reg) &raw mut value, options(nostack, preserves_flags)) };
    value
}

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
