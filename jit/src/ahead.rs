//! Translating a program before it runs.
//!
//! Which regions there are depends on the text alone: they are found in rounds, and what one round finds is sorted
//! before the next begins. So the result is the same however many threads make it.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use causality_machine::isa::reg::X;
use causality_machine::isa::{Inst, decode};

use crate::cache::{Cache, Key};
use crate::region::{Callee, End, Region, Source, To, definitions, discover};
use crate::{CompileError, Translation, Translator, Tunables};

/// What is to be translated ahead of time, and how.
#[derive(Clone, Copy)]
pub struct Ahead<'a> {
    /// The text.
    pub source: &'a (dyn Source + Sync),
    /// Where instructions lie.
    pub text: &'a [Range<u64>],
    /// Where functions are known to begin.
    pub functions: &'a [u64],
    /// How code is generated.
    pub tunables: &'a Tunables,
    /// How many threads to use.
    pub jobs: NonZero<usize>,
    /// Is told how many regions have been translated, and how many are known, from any of the threads.
    pub progress: &'a (dyn Fn(usize, usize) + Sync),
}

/// What was translated ahead of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AheadStatistics {
    /// Functions found, by name or by a call.
    pub functions: usize,
    /// Regions translated.
    pub regions: usize,
    /// Regions that could not be translated; they will be interpreted.
    pub failed: usize,
    /// Guest instructions in them, copies counted.
    pub insts: usize,
    /// Bytes of host code.
    pub bytes: usize,
    /// Processor time that translating took, all threads together.
    pub time: Duration,
}

impl std::fmt::Debug for Ahead<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Ahead { text, functions, tunables, jobs, .. } = self;
        let mut f = f.debug_struct("Ahead");
        f.field("text", text).field("functions", functions).field("tunables", tunables).field("jobs", jobs);
        f.finish_non_exhaustive()
    }
}

/// One region translated.
struct Done {
    translation: Option<Translation>,
    /// Where control may go from there.
    targets: Vec<u64>,
    time: Duration,
}

impl Ahead<'_> {
    /// Translates everything that can be found and adds it to `cache`, for the text that `program` identifies.
    ///
    /// # Errors
    /// If the host is not supported, or the cache cannot be written.
    pub fn fill(&self, cache: &Cache, program: &[u8; 32]) -> Result<AheadStatistics, CompileError> {
        let mut translator = Translator::new(self.tunables)?;
        let (key, runtime) = (Key::new(program, self.tunables), translator.runtime()?);
        let (translations, statistics) = self.translate()?;
        cache.save(&key, &runtime, translations)?;
        Ok(statistics)
    }

    /// Translates everything that can be found.
    ///
    /// # Errors
    /// If the host is not supported.
    pub fn translate(&self) -> Result<(Vec<(u64, Translation)>, AheadStatistics), CompileError> {
        let translators = (0..self.jobs.get()).map(|_| Translator::new(self.tunables));
        let mut translators = translators.collect::<Result<Vec<_>, _>>()?;
        let functions = self.find_functions();
        let mut statistics = AheadStatistics { functions: functions.len(), ..AheadStatistics::default() };
        let mut translations = Vec::new();
        // What needs no region of its own: it was tried, or another region can be entered there.
        let mut covered = BTreeSet::new();
        let mut round: Vec<u64> = functions.into_iter().collect();
        while !round.is_empty() {
            covered.extend(round.iter().copied());
            let mut targets = BTreeSet::new();
            for (start, done) in self.round(&round, covered.len() - round.len(), &mut translators) {
                statistics.time += done.time;
                targets.extend(done.targets);
                match done.translation {
                    Some(translation) => {
                        statistics.insts += translation.insts;
                        statistics.bytes += translation.code.len();
                        covered.extend(translation.entries.iter().copied());
                        translations.push((start, translation));
                    }
                    None => statistics.failed += 1,
                }
            }
            round = targets.difference(&covered).copied().collect();
        }
        statistics.regions = translations.len();
        Ok((translations, statistics))
    }

    /// Translates the regions at `starts`; `before` have been.
    fn round(&self, starts: &[u64], before: usize, translators: &mut [Translator]) -> BTreeMap<u64, Done> {
        let (next, done) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
        std::thread::scope(|scope| {
            for translator in translators {
                scope.spawn(|| {
                    while let Some(&start) = starts.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let region = self.one(start, translator);
                        let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                        done.extend(region.map(|region| (start, region)));
                        (self.progress)(before + done.len(), before + starts.len());
                    }
                });
            }
        });
        done.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Translates the region at `start`, if there is anything.
    fn one(&self, start: u64, translator: &mut Translator) -> Option<Done> {
        let begin = processor_time();
        let region = discover(self.source, start, self.tunables.bounds);
        if region.is_empty() {
            return None;
        }
        let translation = translator.translate(&region);
        if let Err(error) = &translation {
            tracing::warn!(%error, "left to be interpreted");
        }
        let targets = targets(&region).collect();
        Some(Done { translation: translation.ok(), targets, time: processor_time().saturating_sub(begin) })
    }

    /// Functions that are known, called, or whose address is taken.
    fn find_functions(&self) -> BTreeSet<u64> {
        let mut found: BTreeSet<u64> = self.functions.iter().copied().collect();
        for range in self.text {
            let mut sweep = Sweep { known: [None; 32], found: &mut found };
            let mut pc = range.start;
            while pc < range.end {
                let decoded = self.source.fetch(pc).and_then(decode);
                match &decoded {
                    Some(decoded) => sweep.see(pc, decoded.inst),
                    None => sweep.known = [None; 32],
                }
                pc += decoded.map_or(2, |decoded| decoded.len() as u64);
            }
        }
        found.retain(|pc| pc % 2 == 0 && self.text.iter().any(|range| range.contains(pc)));
        found
    }
}

/// What this thread has used so far: it may share its processor with others.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Where control may go from a region.
fn targets(region: &Region) -> impl Iterator<Item = u64> {
    region.blocks.iter().flat_map(|block| {
        let called = match block.end {
            End::Call { callee: Callee::Direct(pc), .. } => Some(pc),
            _ => None,
        };
        let outside = block.end.targets().into_iter().filter_map(|to| match to {
            To::Out(pc) => Some(pc),
            To::Block(_) => None,
        });
        outside.chain(called)
    })
}

/// A look at instructions one after the other.
struct Sweep<'a> {
    /// Addresses that registers hold.
    known: [Option<u64>; 32],
    found: &'a mut BTreeSet<u64>,
}

impl Sweep<'_> {
    fn see(&mut self, pc: u64, inst: Inst) {
        let relative = |imm: i32| pc.wrapping_add_signed(i64::from(imm));
        let known =
            |this: &Self, r: X, imm: i32| Some(this.known[r.index()]?.wrapping_add_signed(i64::from(imm)));
        let value = match inst {
            Inst::Auipc(ops) => Some((ops.rd, relative(ops.imm))),
            Inst::Addi(ops) => known(self, ops.rs1, ops.imm).map(|value| (ops.rd, value)),
            _ => None,
        };
        match inst {
            Inst::Jal(ops) if !ops.rd.is_zero() => self.found.extend([relative(ops.imm)]),
            Inst::Jalr(ops) => self.found.extend(known(self, ops.rs1, ops.imm)),
            Inst::Addi(_) => self.found.extend(value.map(|(_, pc)| pc)),
            _ => {}
        }
        for register in definitions(inst).iter_x() {
            self.known[register.index()] = None;
        }
        if let Some((rd, value)) = value.filter(|(rd, _)| !rd.is_zero()) {
            self.known[rd.index()] = Some(value);
        }
    }
}
