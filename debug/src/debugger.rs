//! What stops a guest that GDB lets run, in either direction.

use std::collections::BTreeSet;

use causality_vm::{Breakpoints, Exit, ExitReport, Instance, PauseReason, Trap};
use gdbstub::common::Signal;
use gdbstub::stub::SingleThreadStopReason;
use gdbstub::target::ext::base::reverse_exec::ReplayLogPosition;

use crate::process::Process;
use crate::signal;
use crate::timeline::Timeline;
use crate::watch::{self, Hit, Watchpoints};

/// Instructions between two looks at the connection.
const SLICE: u64 = 10_000_000;
/// The same when each instruction is looked at.
const WATCHED_SLICE: u64 = 500_000;
/// How much of the past is searched first; each further search goes eight times as far.
const FIRST_SEARCH: u64 = 1 << 12;
/// The most that is searched at once.
const LONGEST_SEARCH: u64 = 1 << 28;
/// The same when each instruction is looked at.
const LONGEST_WATCHED_SEARCH: u64 = 1 << 23;

/// Why the guest stopped.
pub(crate) type Stop = SingleThreadStopReason<u64>;

/// Whether somebody wants something while the guest runs.
pub(crate) type Interrupted<'a> = &'a mut dyn FnMut() -> std::io::Result<bool>;

/// What GDB asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resume {
    Continue,
    Step,
    /// Steps while pc is in this range.
    StepRange(u64, u64),
    Back,
    StepBack,
    /// The guest is given the signal that its trap stands for, and dies of it.
    Die(Signal),
}

/// A guest under a debugger.
#[derive(Debug)]
pub(crate) struct Debugger<T> {
    pub(crate) timeline: Timeline<T>,
    pub(crate) process: Process,
    pub(crate) breakpoints: BTreeSet<u64>,
    pub(crate) watchpoints: Watchpoints,
    pub(crate) resume: Option<Resume>,
    /// Whether the guest is stopped before its last instruction, instead of being gone.
    pub(crate) holds_at_exit: bool,
    /// The breakpoints as the machine gets them. Changed only if they differ: code is made for them.
    armed: Breakpoints,
    /// The trap at which it stopped.
    trap: Option<Trap>,
}

impl<T: Clone> Debugger<T> {
    pub(crate) fn new(instance: Instance<T>, process: Process) -> Self {
        Debugger {
            timeline: Timeline::new(instance),
            process,
            breakpoints: BTreeSet::new(),
            watchpoints: Watchpoints::default(),
            resume: None,
            holds_at_exit: false,
            armed: Breakpoints::default(),
            trap: None,
        }
    }

    /// The trap at which the guest stands, if it has not been moved since.
    pub(crate) fn trap(&self) -> Option<Trap> {
        self.trap
    }

    /// Runs as GDB asked. `None` if it was interrupted; the guest is then where it has come to.
    pub(crate) fn advance(&mut self, interrupted: Interrupted<'_>) -> Result<Option<Stop>, crate::Error> {
        match self.resume {
            None => Ok(Some(Stop::Signal(Signal::SIGTRAP))),
            Some(Resume::Die(signal)) => Ok(Some(Stop::Terminated(signal))),
            Some(Resume::Continue) => self.go_on(interrupted),
            Some(Resume::Step) => self.step().map(Some),
            Some(Resume::StepRange(start, end)) => self.step_range(start, end, interrupted),
            Some(Resume::Back) => self.go_back(interrupted),
            Some(Resume::StepBack) => self.step_back().map(Some),
        }
    }

    fn go_on(&mut self, interrupted: Interrupted<'_>) -> Result<Option<Stop>, crate::Error> {
        if let Some(hit) = self.watchpoints.next(self.timeline.instance()) {
            return Ok(Some(watch_stop(&hit)));
        }
        self.arm();
        self.timeline.instance_mut().pass_breakpoint();
        let stop = self.run_armed(interrupted);
        self.disarm();
        stop
    }

    fn run_armed(&mut self, interrupted: Interrupted<'_>) -> Result<Option<Stop>, crate::Error> {
        let (found, slice) = match self.watchpoints.is_empty() {
            true => (None, SLICE),
            false => {
                let found = self.watchpoints.observe(self.timeline.instance_mut(), u64::MAX, true);
                (Some(found), WATCHED_SLICE)
            }
        };
        loop {
            let exit = self.timeline.run(slice)?;
            if let Some(hit) = found.as_ref().and_then(watch::take) {
                return Ok(Some(watch_stop(&hit)));
            }
            if exit != Exit::Paused(PauseReason::Step) {
                return self.stop_of(exit).map(Some);
            }
            if interrupted()? {
                return Ok(None);
            }
        }
    }

    fn step(&mut self) -> Result<Stop, crate::Error> {
        if let Some(hit) = self.watchpoints.next(self.timeline.instance()) {
            return Ok(watch_stop(&hit));
        }
        match self.timeline.run(1)? {
            Exit::Paused(PauseReason::Step) => Ok(Stop::DoneStep),
            exit => self.stop_of(exit),
        }
    }

    fn step_range(
        &mut self,
        start: u64,
        end: u64,
        interrupted: Interrupted<'_>,
    ) -> Result<Option<Stop>, crate::Error> {
        /// Steps between two looks at the connection.
        const STEPS: u32 = 10_000;
        loop {
            for _ in 0..STEPS {
                let stop = self.step()?;
                let pc = self.timeline.instance().pc();
                if stop != Stop::DoneStep || !(start..end).contains(&pc) {
                    return Ok(Some(stop));
                }
                if self.breakpoints.contains(&pc) {
                    return Ok(Some(Stop::SwBreak(())));
                }
            }
            if interrupted()? {
                return Ok(None);
            }
        }
    }

    fn step_back(&mut self) -> Result<Stop, crate::Error> {
        self.trap = None;
        let now = self.timeline.now();
        if now <= self.timeline.begin() {
            return Ok(begin());
        }
        self.timeline.go_to(now - 1)?;
        Ok(Stop::DoneStep)
    }

    /// Goes to the last time before now at which something would have stopped the guest.
    fn go_back(&mut self, interrupted: Interrupted<'_>) -> Result<Option<Stop>, crate::Error> {
        self.trap = None;
        let (now, begin_at) = (self.timeline.now(), self.timeline.begin());
        let longest = if self.watchpoints.is_empty() { LONGEST_SEARCH } else { LONGEST_WATCHED_SEARCH };
        let (mut high, mut size) = (now, FIRST_SEARCH);
        while high > begin_at {
            let low = high.saturating_sub(size).max(begin_at);
            let Some(found) = self.search(low, high, interrupted)? else {
                self.timeline.go_to(now)?;
                return Ok(None);
            };
            if let Some((time, stop)) = found {
                self.timeline.go_to(time)?;
                return Ok(Some(stop));
            }
            (high, size) = (low, (size * 8).min(longest));
        }
        self.timeline.go_to(begin_at)?;
        Ok(Some(begin()))
    }

    /// The last stop at a time from `low` to before `high`, coming from the future; `None` if interrupted.
    fn search(
        &mut self,
        low: u64,
        high: u64,
        interrupted: Interrupted<'_>,
    ) -> Result<Option<Option<(u64, Stop)>>, crate::Error> {
        self.timeline.go_to(low)?;
        self.arm();
        let found = self.search_armed(high, interrupted);
        self.disarm();
        found
    }

    fn search_armed(
        &mut self,
        high: u64,
        interrupted: Interrupted<'_>,
    ) -> Result<Option<Option<(u64, Stop)>>, crate::Error> {
        let mut last = None;
        let (mut hit, mut found, mut slice) = (None, None, SLICE);
        if !self.watchpoints.is_empty() {
            hit = self.watchpoints.next(self.timeline.instance());
            found = Some(self.watchpoints.observe(self.timeline.instance_mut(), high, false));
            slice = WATCHED_SLICE;
        }
        if self.breakpoints.contains(&self.timeline.instance().pc()) {
            last = Some((self.timeline.now(), Stop::SwBreak(())));
        }
        self.timeline.instance_mut().pass_breakpoint();
        while self.timeline.now() < high {
            let left = high - self.timeline.now();
            match self.timeline.run(left.min(slice))? {
                Exit::Paused(PauseReason::Step) => {
                    if interrupted()? {
                        return Ok(None);
                    }
                }
                Exit::Paused(PauseReason::Breakpoint) if self.timeline.now() < high => {
                    last = Some((self.timeline.now(), Stop::SwBreak(())));
                }
                _ => break,
            }
        }
        hit = found.as_ref().and_then(watch::take).or(hit);
        // Coming from the future, an access is met when it is to be undone.
        let watched = hit.map(|hit| (hit.time + 1, watch_stop(&hit)));
        Ok(Some(match (last, watched) {
            (Some(last), Some(watched)) if watched.0 > last.0 => Some(watched),
            (None, watched) => watched,
            (last, _) => last,
        }))
    }

    /// Gives the machine the breakpoints.
    fn arm(&mut self) {
        self.trap = None;
        if !self.armed.iter().eq(self.breakpoints.iter().copied()) {
            let gone: Vec<_> = self.armed.iter().filter(|pc| !self.breakpoints.contains(pc)).collect();
            for pc in gone {
                self.armed.remove(pc);
            }
            for &pc in &self.breakpoints {
                if !self.armed.contains(pc) {
                    self.armed.insert(pc);
                }
            }
        }
        std::mem::swap(&mut self.armed, self.timeline.instance_mut().breakpoints_mut());
    }

    /// Takes them from it, and has nobody look at its instructions.
    fn disarm(&mut self) {
        let instance = self.timeline.instance_mut();
        std::mem::swap(&mut self.armed, instance.breakpoints_mut());
        instance.stop_observing();
    }

    /// What GDB is told of an exit.
    fn stop_of(&mut self, exit: Exit) -> Result<Stop, crate::Error> {
        Ok(match exit {
            Exit::Completed(_) if self.holds_at_exit && self.timeline.now() > self.timeline.begin() => {
                self.timeline.go_to(self.timeline.now() - 1)?;
                Stop::ReplayLog { tid: None, pos: ReplayLogPosition::End }
            }
            Exit::Completed(code) => match self.own_signal() {
                Some(signal) => Stop::Terminated(signal),
                // The low eight bits, as for every process.
                None => Stop::Exited(code as u8),
            },
            Exit::Trap(trap) => {
                self.trap = Some(trap);
                Stop::Signal(signal::of_trap(trap.cause))
            }
            Exit::OutOfFuel => Stop::Signal(Signal::SIGXCPU),
            Exit::Paused(PauseReason::Breakpoint) => Stop::SwBreak(()),
            Exit::Paused(PauseReason::Step) => Stop::DoneStep,
            Exit::Paused(PauseReason::Requested | PauseReason::Host | PauseReason::Returned) => {
                Stop::Signal(Signal::SIGINT)
            }
        })
    }

    /// The signal with which the guest has ended itself.
    fn own_signal(&self) -> Option<Signal> {
        match self.timeline.instance().report().exit {
            Some(ExitReport::Completed { signal: Some(signal), .. }) => signal::of_linux(signal.number),
            _ => None,
        }
    }
}

fn begin() -> Stop {
    Stop::ReplayLog { tid: None, pos: ReplayLogPosition::Begin }
}

fn watch_stop(hit: &Hit) -> Stop {
    Stop::Watch { tid: (), kind: hit.watchpoint.watched.into(), addr: hit.watchpoint.addr }
}
