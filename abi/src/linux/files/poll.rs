//! Waiting for files: all of them are always ready.

use bytemuck::{Pod, Zeroable};

use super::MAX_FILES;
use crate::linux::Errno;
use crate::linux::call::{Answer, Call, Stop};
use crate::linux::time;

/// `struct pollfd`.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
struct Poll {
    fd: i32,
    events: u16,
    found: u16,
}

/// Ends a wait in which nothing happened: at its timeout, or never.
fn nothing(call: &mut Call<'_>, timeout: Option<u64>) -> Answer {
    call.sleep(timeout.ok_or_else(Stop::deadlock)?);
    Ok(0)
}

/// ppoll(2).
pub(in crate::linux) fn ppoll(call: &mut Call<'_>, polls: u64, count: u64, timeout: u64) -> Answer {
    /// `POLLIN`, `POLLOUT`, `POLLRDNORM`, `POLLWRNORM`.
    const READY: u16 = 0x1 | 0x4 | 0x40 | 0x100;
    const INVALID: u16 = 0x20;
    if count > MAX_FILES as u64 {
        return Err(Errno::INVAL.into());
    }
    let timeout = time::timeout(call, timeout)?;
    let mut ready = 0;
    for index in 0..count {
        let place = polls.checked_add(index * 8).ok_or(Errno::FAULT)?;
        let poll: Poll = call.load(place)?;
        let found = match poll.fd {
            fd if fd < 0 => 0,
            fd if call.linux.files.is_open(fd) => poll.events & READY,
            _ => INVALID,
        };
        call.store(place, Poll { found, ..poll })?;
        ready += u64::from(found != 0);
    }
    if ready > 0 { Ok(ready) } else { nothing(call, timeout) }
}

/// pselect6(2).
pub(in crate::linux) fn pselect6(
    call: &mut Call<'_>,
    count: i32,
    readable: u64,
    writable: u64,
    exceptional: u64,
    timeout: u64,
) -> Answer {
    let words = usize::try_from(count).map_err(|_| Errno::INVAL)?.min(MAX_FILES).div_ceil(64);
    let timeout = time::timeout(call, timeout)?;
    let mut ready = 0;
    for set in [readable, writable, exceptional] {
        for word in 0..words as u64 {
            if set == 0 {
                continue;
            }
            let place = set.checked_add(word * 8).ok_or(Errno::FAULT)?;
            let bits: u64 = call.load(place)?;
            let fds = (0..64).filter(|bit| bits >> bit & 1 != 0).map(|bit| word as i32 * 64 + bit);
            for fd in fds {
                call.linux.files.get(fd)?;
            }
            if set == exceptional {
                call.store(place, 0u64)?;
            } else {
                ready += u64::from(bits.count_ones());
            }
        }
    }
    if ready > 0 { Ok(ready) } else { nothing(call, timeout) }
}
