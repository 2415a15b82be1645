//! Clocks. Time is what the guest has executed and slept: one retired instruction is one nanosecond,
//! and a sleep is over at once, having moved the clocks on. The wall clock is never read.

use bytemuck::{Pod, Zeroable};

use super::Errno;
use super::call::{Answer, Call, Stop};

/// What `CLOCK_REALTIME` says when a program starts: 2024-01-01 00:00:00 UTC, in nanoseconds.
pub(super) const EPOCH: u64 = 1_704_067_200 * SECOND;
const SECOND: u64 = 1_000_000_000;
/// Clock ticks per second for `times` and `AT_CLKTCK`.
pub(super) const TICKS: u64 = 100;

const REALTIME: i32 = 0;
const PROCESS_CPU: i32 = 2;
const THREAD_CPU: i32 = 3;
const REALTIME_COARSE: i32 = 5;
const REALTIME_ALARM: i32 = 8;
const TAI: i32 = 11;
const TIMER_ABSTIME: i32 = 1;

/// `struct timespec` of 64-bit Linux; `struct timeval` has the same shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Timespec {
    pub(super) seconds: i64,
    pub(super) nanoseconds: i64,
}

impl Timespec {
    /// From nanoseconds; the seconds of a `u64` of them fit.
    pub(super) const fn of(nanoseconds: u64) -> Self {
        Timespec { seconds: (nanoseconds / SECOND) as i64, nanoseconds: (nanoseconds % SECOND) as i64 }
    }

    const fn timeval(nanoseconds: u64) -> Self {
        let Timespec { seconds, nanoseconds } = Self::of(nanoseconds);
        Timespec { seconds, nanoseconds: nanoseconds / 1000 }
    }

    /// In nanoseconds, as far as they can be counted.
    ///
    /// # Errors
    /// `EINVAL` if it is negative or has too many nanoseconds.
    pub(super) fn duration(self) -> Result<u64, Errno> {
        if self.seconds < 0 || !(0..SECOND as i64).contains(&self.nanoseconds) {
            return Err(Errno::INVAL);
        }
        Ok((self.seconds as u64).saturating_mul(SECOND).saturating_add(self.nanoseconds as u64))
    }
}

impl Call<'_> {
    /// Time since the start, with sleeps.
    pub(super) fn monotonic(&self) -> u64 {
        self.time.saturating_add(self.linux.slept)
    }

    /// Time as the guest's files and calendars know it.
    pub(super) fn realtime(&self) -> u64 {
        self.monotonic().saturating_add(EPOCH)
    }

    /// Moves the clocks on.
    pub(super) fn sleep(&mut self, nanoseconds: u64) {
        self.linux.slept = self.linux.slept.saturating_add(nanoseconds);
    }

    fn clock(&self, id: i32) -> Result<u64, Errno> {
        match id {
            REALTIME | REALTIME_COARSE | REALTIME_ALARM | TAI => Ok(self.realtime()),
            PROCESS_CPU | THREAD_CPU => Ok(self.time),
            1 | 4 | 6 | 7 | 9 => Ok(self.monotonic()),
            _ => Err(Errno::INVAL),
        }
    }
}

/// clock_gettime(2).
pub(super) fn clock_gettime(call: &mut Call<'_>, clock: i32, time: u64) -> Answer {
    let now = call.clock(clock)?;
    call.store(time, Timespec::of(now))?;
    Ok(0)
}

/// clock_getres(2): every clock counts single nanoseconds.
pub(super) fn clock_getres(call: &mut Call<'_>, clock: i32, resolution: u64) -> Answer {
    call.clock(clock)?;
    call.store_if_wanted(resolution, Timespec::of(1))?;
    Ok(0)
}

/// nanosleep(2).
pub(super) fn nanosleep(call: &mut Call<'_>, duration: u64, _remaining: u64) -> Answer {
    let duration = call.load::<Timespec>(duration)?.duration()?;
    call.sleep(duration);
    Ok(0)
}

/// clock_nanosleep(2).
pub(super) fn clock_nanosleep(
    call: &mut Call<'_>,
    clock: i32,
    flags: i32,
    time: u64,
    _remaining: u64,
) -> Answer {
    if clock == THREAD_CPU {
        return Err(Errno::INVAL.into());
    }
    let now = call.clock(clock)?;
    let time = call.load::<Timespec>(time)?.duration()?;
    let absolute = flags & TIMER_ABSTIME != 0;
    call.sleep(if absolute { time.saturating_sub(now) } else { time });
    Ok(0)
}

/// gettimeofday(2). The time zone is UTC.
pub(super) fn gettimeofday(call: &mut Call<'_>, time: u64, zone: u64) -> Answer {
    let now = call.realtime();
    call.store_if_wanted(time, Timespec::timeval(now))?;
    call.store_if_wanted(zone, 0u64)?;
    Ok(0)
}

/// times(2): all time is user time.
pub(super) fn times(call: &mut Call<'_>, buffer: u64) -> Answer {
    let ticks = |nanoseconds: u64| nanoseconds / (SECOND / TICKS);
    call.store_if_wanted(buffer, [ticks(call.time), 0, 0, 0])?;
    Ok(ticks(call.monotonic()))
}

/// getrusage(2): user time and the peak of memory; everything else is zero.
pub(super) fn getrusage(call: &mut Call<'_>, who: i32, usage: u64) -> Answer {
    const CHILDREN: i32 = -1;
    if !(CHILDREN..=1).contains(&who) {
        return Err(Errno::INVAL.into());
    }
    let mut words = [0u64; 18];
    if who != CHILDREN {
        let user = Timespec::timeval(call.time);
        words[0] = user.seconds as u64;
        words[1] = user.nanoseconds as u64;
        words[4] = call.memory.peak() / 1024;
    }
    call.store(usage, words)?;
    Ok(0)
}

/// A timeout that a waiting call was given; none when the pointer is null.
pub(super) fn timeout(call: &Call<'_>, addr: u64) -> Result<Option<u64>, Stop> {
    if addr == 0 {
        return Ok(None);
    }
    Ok(Some(call.load::<Timespec>(addr)?.duration()?))
}
