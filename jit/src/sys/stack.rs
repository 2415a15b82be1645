//! The host's stack.

/// The stack pointer. The address of a local variable is elsewhere under AddressSanitizer.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(crate) fn stack_pointer() -> u64 {
    let here;
    // SAFETY: reads a register.
    unsafe { core::arch::asm!("mov {}, rsp", out(reg) here, options(nomem, nostack, preserves_flags)) };
    here
}

/// About the stack pointer.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
pub(crate) fn stack_pointer() -> u64 {
    let here = std::mem::MaybeUninit::<u8>::uninit();
    &raw const here as u64
}
