//! Which baseline code is replaced by Cranelift's, and whether that was any good.
//!
//! Baseline code gives control back after a number of instructions, at the next place where it looks at its fuel anyway:
//! that is a *sample* of where the guest spends its time, and costs nothing in between. Where there are many, and a region
//! looks as if Cranelift could do better, it gets its code. Samples go on, and say whether that is faster; what is not
//! goes back.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::baseline;
use crate::region::{Region, definitions, uses};
use crate::tunables::Promotion;

/// Samples that show that control stays too shortly.
const SHORT: u32 = 4;

/// What part of the time code may take to stay.
const GAIN: f32 = 0.97;

/// Samples after which a trial is over because control is hardly there.
const LONGEST_TRIAL: u32 = 100;

/// How much longer than at first it may take from one sample to the next. Each disturbs what the host has learned about
/// branches.
const SLOWEST: u64 = 256;

/// What has become of a region that was promoted.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Promoted {
    /// Where it begins.
    pub start: u64,
    /// Its guest instructions, copies counted.
    pub insts: usize,
    /// Instructions that seem to have been executed where it was asked for.
    pub executed: u64,
    /// Operands of its instructions that baseline code has in memory, for each hundred instructions.
    pub pressure: u32,
    /// How long an instruction of the program took before, in nanoseconds: the median of samples.
    pub before: Option<f32>,
    /// The same in the samples after it.
    pub after: Option<f32>,
    /// Whether it went back because it was slower.
    pub demoted: bool,
    /// Where its code can be entered.
    pub(crate) entries: Vec<u64>,
}

/// What is known when baseline code, or what took its place, has given control back to show where it is.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Where control is.
    pub pc: u64,
    /// How long the instructions since the last sample took, and how many they were, if that was in the same run.
    pub time: Option<(Duration, u64)>,
    /// Instructions that Cranelift's code has retired since the last sample, at least.
    pub optimised: u64,
    /// How often that was entered meanwhile.
    pub entered: u64,
    /// Where it was last.
    pub last_entry: u64,
}

/// Where control was seen, and what was done about it.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    /// Instructions since the last sample, of all instances together.
    since: AtomicU64,
    /// Instructions from one sample to the next, as long as nothing changes; 0 is the least.
    interval: AtomicU64,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    places: HashMap<u64, Place>,
    /// The same by function.
    functions: HashMap<u64, Place>,
    regions: Vec<Promoted>,
    /// The latest times for an instruction, in nanoseconds.
    rates: VecDeque<f32>,
    /// The region that was promoted last, until it is clear whether that was any good.
    trial: Option<usize>,
    /// Samples during the trial.
    samples: u32,
    /// Those in which control stayed shortly in Cranelift's code.
    short: u32,
}

/// One pc where control was seen, or one function.
#[derive(Debug, Default)]
struct Place {
    /// Instructions that samples there stand for.
    executed: u64,
    /// With so many it is asked for, again.
    ask_at: u64,
}

/// What is to be done after a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    GoOn,
    /// To ask for better code; so many instructions seem to have been executed there.
    Promote(u64),
    /// To have the code of a region, by number, removed.
    Demote(usize),
}

impl Samples {
    /// Instructions until the next sample.
    pub(crate) fn left(&self, promotion: &Promotion) -> u64 {
        self.interval(promotion).saturating_sub(self.since.load(Ordering::Relaxed)).max(1)
    }

    /// So many instructions were retired without one.
    pub(crate) fn retired(&self, instructions: u64) {
        self.since.fetch_add(instructions, Ordering::Relaxed);
    }

    fn interval(&self, promotion: &Promotion) -> u64 {
        self.interval.load(Ordering::Relaxed).max(promotion.sample)
    }

    /// What a sample in `function`, or at that pc, says. If nothing, it takes a little longer until the next one.
    pub(crate) fn sampled(&self, promotion: &Promotion, sample: &Sample, function: u64) -> Verdict {
        let interval = self.interval(promotion);
        let verdict = self.seen().judge(promotion, sample, function, interval);
        let next = match verdict {
            Verdict::GoOn => (interval + interval / 4).min(SLOWEST * promotion.sample),
            _ => 0,
        };
        self.interval.store(next, Ordering::Relaxed);
        self.since.store(0, Ordering::Relaxed);
        verdict
    }

    /// Whether a region should be promoted in which so much was executed: not if that has been tried, and not while another
    /// one is on trial.
    pub(crate) fn is_worth(&self, promotion: &Promotion, region: &Region, executed: u64) -> bool {
        let seen = self.seen();
        let is_tried = seen.regions.iter().any(|known| known.start == region.start);
        if is_tried || seen.trial.is_some() || seen.rates.len() < promotion.trial {
            return false;
        }
        drop(seen);
        executed >= promotion.worth.saturating_mul(region.len() as u64)
            && pressure(region) >= promotion.least_pressure
    }

    /// A region has been promoted; `entries` are where its code can be entered.
    pub(crate) fn promoted(&self, region: &Region, executed: u64, entries: Vec<u64>) {
        metrics::counter!("causality_promotions").increment(1);
        let mut seen = self.seen();
        let before = median(&seen.rates);
        seen.rates.clear();
        (seen.trial, seen.samples, seen.short) = (Some(seen.regions.len()), 0, 0);
        seen.regions.push(Promoted {
            start: region.start,
            insts: region.len(),
            executed,
            pressure: pressure(region),
            before,
            after: None,
            demoted: false,
            entries,
        });
    }

    /// All regions that were promoted, in that order.
    pub(crate) fn regions(&self) -> Vec<Promoted> {
        self.seen().regions.clone()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    fn judge(&mut self, promotion: &Promotion, sample: &Sample, function: u64, interval: u64) -> Verdict {
        // On trial is what has been entered.
        if let Some((time, insts)) = sample.time
            && (self.trial.is_none() || sample.optimised > 0)
        {
            self.rates.push_back(time.as_nanos() as f32 / insts.max(1) as f32);
            if self.rates.len() > promotion.trial {
                self.rates.pop_front();
            }
        }
        let place = self.places.entry(sample.pc).or_default();
        place.executed += interval;
        let Some(number) = self.trial else {
            let function = self.functions.entry(function).or_default();
            function.executed += interval;
            // A large function has many places, and looking for a region takes long in each of them.
            let is_early = promotion.worth > 0 && function.executed < function.ask_at;
            if place.executed < place.ask_at || is_early || self.rates.len() < promotion.trial {
                return Verdict::GoOn;
            }
            place.ask_at = 2 * place.executed;
            function.ask_at = function.executed + function.executed / 2;
            return Verdict::Promote(place.executed);
        };
        // Where control stays shortly, it costs more to get there than better code can gain.
        if sample.entered > 0 && sample.optimised / sample.entered < promotion.least_stay {
            self.short += 1;
        }
        self.samples += 1;
        let is_over = self.rates.len() == promotion.trial;
        if !is_over && self.short < SHORT {
            if self.samples < LONGEST_TRIAL {
                return Verdict::GoOn;
            }
            self.short = SHORT;
        }
        let region = &mut self.regions[number];
        region.after = median(&self.rates);
        let is_slower = region.before.zip(region.after).is_some_and(|(before, after)| after > GAIN * before);
        self.trial = None;
        if self.short < SHORT && !is_slower {
            return Verdict::GoOn;
        }
        region.demoted = true;
        self.rates.clear();
        Verdict::Demote(number)
    }
}

fn median(rates: &VecDeque<f32>) -> Option<f32> {
    let mut rates: Vec<f32> = rates.iter().copied().collect();
    rates.sort_by(f32::total_cmp);
    rates.get(rates.len() / 2).copied()
}

/// Operands that baseline code has in memory, for each hundred instructions.
fn pressure(region: &Region) -> u32 {
    let insts = region.blocks.iter().flat_map(|block| block.insts.iter().chain(block.end.at()));
    let operands =
        insts.map(|at| [uses(at.inst), definitions(at.inst)].map(|set| set.and(baseline::IN_MEMORY).len()));
    let operands: usize = operands.flatten().sum();
    (100 * operands / region.len().max(1)) as u32
}
