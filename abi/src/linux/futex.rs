//! Waiting. There is one hart: whoever waits for another thread waits for ever.

use super::Errno;
use super::call::{Answer, Call, Stop};
use super::time;

const PRIVATE: i32 = 128;
const CLOCK_REALTIME: i32 = 256;

/// futex(2). A wait that would sleep ends at its timeout, which the clocks then have reached; without a
/// timeout it is a deadlock.
pub(super) fn futex(
    call: &mut Call<'_>,
    addr: u64,
    operation: i32,
    value: u32,
    timeout: u64,
    _addr2: u64,
    bits: u32,
) -> Answer {
    const WAIT: i32 = 0;
    const WAKE: i32 = 1;
    const REQUEUE: i32 = 3;
    const COMPARE_REQUEUE: i32 = 4;
    const WAIT_BITSET: i32 = 9;
    const WAKE_BITSET: i32 = 10;
    let command = operation & !(PRIVATE | CLOCK_REALTIME);
    if !addr.is_multiple_of(4) {
        return Err(Errno::INVAL.into());
    }
    match command {
        WAIT | WAIT_BITSET => {
            if command == WAIT_BITSET && bits == 0 {
                return Err(Errno::INVAL.into());
            }
            wait(call, addr, value, timeout, command == WAIT_BITSET, operation & CLOCK_REALTIME != 0)
        }
        WAKE | WAKE_BITSET | REQUEUE => {
            call.load::<u32>(addr)?;
            Ok(0)
        }
        // The value to compare with travels where WAIT_BITSET has its bits.
        COMPARE_REQUEUE if call.load::<u32>(addr)? == bits => Ok(0),
        COMPARE_REQUEUE => Err(Errno::AGAIN.into()),
        _ => Err(Errno::NOSYS.into()),
    }
}

fn wait(call: &mut Call<'_>, addr: u64, value: u32, timeout: u64, absolute: bool, realtime: bool) -> Answer {
    let timeout = time::timeout(call, timeout)?;
    if call.load::<u32>(addr)? != value {
        return Err(Errno::AGAIN.into());
    }
    let Some(timeout) = timeout else {
        return Err(Stop::deadlock());
    };
    let now = match (absolute, realtime) {
        (false, _) => 0,
        (true, false) => call.monotonic(),
        (true, true) => call.realtime(),
    };
    call.sleep(timeout.saturating_sub(now));
    Err(Errno::TIMEDOUT.into())
}
