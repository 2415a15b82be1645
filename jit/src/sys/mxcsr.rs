//! The host's floating-point control and status register, which is the guest's from when code first needs it.

/// Whose the register is. Generated code has this in the context, and makes it the guest's, too.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Floats {
    /// 1 if it is the guest's, and baseline code has floating-point registers in their places; otherwise 0.
    pub(crate) live: u32,
    /// What it is to be for the guest, no flags raised.
    pub(crate) guest: u32,
    /// What the thread had in it, if it is the guest's.
    pub(crate) host: u32,
}

/// All exceptions masked, no flags, round to nearest.
const MASKED: u32 = 0x1f80;

/// MXCSR rounding control by `frm`: to nearest, towards zero, down, up.
const ROUNDING: [u32; 4] = [0, 3 << 13, 1 << 13, 2 << 13];

/// Bits that say whether exceptions have been raised.
const FLAGS: u32 = 0x3f;

impl Floats {
    /// The thread's, as long as nobody needs it.
    #[inline]
    pub(crate) const fn new(fcsr: u32) -> Self {
        Floats { live: 0, guest: of_guest(fcsr), host: 0 }
    }

    /// Makes it the guest's.
    pub(crate) fn switch(&mut self) {
        if self.live == 0 {
            (self.live, self.host) = (1, read());
            if self.host != self.guest {
                write(self.guest);
            }
        }
    }

    /// It was the guest's: makes it the thread's own again, and returns the flags that were raised, as `fflags`.
    #[inline]
    pub(crate) fn leave(&mut self) -> u32 {
        self.live = 0;
        let raised = read();
        if raised != self.host {
            write(self.host);
        }
        flags(raised)
    }

    /// As [`leave`](Floats::leave), for a short time: the thread's own modes are back, but not which flags were raised in
    /// it.
    #[inline]
    pub(crate) fn pause(&self) -> u32 {
        let raised = read();
        if (raised ^ self.host) & !FLAGS != 0 {
            write(self.host);
        }
        flags(raised)
    }

    /// After [`pause`](Floats::pause): the guest's rounding mode, with no flags raised.
    #[inline]
    pub(crate) fn resume(&mut self, fcsr: u32) {
        self.guest = of_guest(fcsr);
        if self.live != 0 {
            write(self.guest);
        }
    }
}

/// The guest's rounding mode, and no flags.
#[inline]
const fn of_guest(fcsr: u32) -> u32 {
    MASKED | ROUNDING[(fcsr >> 5 & 3) as usize]
}

/// The flags as `fflags`.
#[inline]
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

/// Other hosts run no code that rounds otherwise than Rust's.
#[cfg(not(target_arch = "x86_64"))]
fn read() -> u32 {
    0
}

#[cfg(not(target_arch = "x86_64"))]
fn write(_: u32) {}
