//! What translation has cost so far.

use std::ops::AddAssign;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use metrics::{counter, histogram};

use crate::NativeTier;

/// Counters of what was translated for one guest text. Threads add to them while others read.
#[derive(Debug, Default)]
pub struct Statistics([Counters; 2]);

#[derive(Debug, Default)]
struct Counters {
    regions: AtomicU64,
    background: AtomicU64,
    failed: AtomicU64,
    insts: AtomicU64,
    bytes: AtomicU64,
    discover: AtomicU64,
    translate: AtomicU64,
    publish: AtomicU64,
}

/// What [`Statistics`] said at one time, by tier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compiled {
    /// By the baseline tier.
    pub baseline: Translated,
    /// By Cranelift.
    pub cranelift: Translated,
}

/// What one tier translated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Translated {
    /// Regions translated.
    pub regions: u64,
    /// How many of them on another thread than the guest's.
    pub background: u64,
    /// Regions that could not be translated; they are interpreted.
    pub failed: u64,
    /// Guest instructions in the regions, copies counted.
    pub insts: u64,
    /// Bytes of host code.
    pub bytes: u64,
    /// Time to find the regions.
    pub discover: Duration,
    /// Time to translate them.
    pub translate: Duration,
    /// Time to make their code executable and known.
    pub publish: Duration,
}

impl Statistics {
    pub(crate) fn add(&self, tier: NativeTier, more: &Translated) {
        measure(tier, more);
        let counters = &self.0[tier as usize];
        let add = |counter: &AtomicU64, more| counter.fetch_add(more, Ordering::Relaxed);
        add(&counters.regions, more.regions);
        add(&counters.background, more.background);
        add(&counters.failed, more.failed);
        add(&counters.insts, more.insts);
        add(&counters.bytes, more.bytes);
        add(&counters.discover, more.discover.as_nanos() as u64);
        add(&counters.translate, more.translate.as_nanos() as u64);
        add(&counters.publish, more.publish.as_nanos() as u64);
    }

    /// What they say now.
    #[must_use]
    pub fn read(&self) -> Compiled {
        let read = |tier| self.0[tier as usize].read();
        Compiled { baseline: read(NativeTier::Baseline), cranelift: read(NativeTier::Cranelift) }
    }
}

/// Tells whoever collects such numbers; `docs/observability.md` has the names.
fn measure(tier: NativeTier, more: &Translated) {
    let name = match tier {
        NativeTier::Baseline => "baseline",
        NativeTier::Cranelift => "cranelift",
    };
    let time = more.discover + more.translate + more.publish;
    if more.regions > 0 {
        counter!("causality_translated_regions", "tier" => name).increment(more.regions);
        counter!("causality_translated_bytes", "tier" => name).increment(more.bytes);
        histogram!("causality_translate_seconds", "tier" => name).record(time);
    }
    if more.failed > 0 {
        counter!("causality_untranslated_regions", "tier" => name).increment(more.failed);
    }
    tracing::trace!(
        tier = name,
        instructions = more.insts,
        bytes = more.bytes,
        microseconds = time.as_micros() as u64,
        "translated"
    );
}

impl Counters {
    fn read(&self) -> Translated {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let time = |counter| Duration::from_nanos(get(counter));
        Translated {
            regions: get(&self.regions),
            background: get(&self.background),
            failed: get(&self.failed),
            insts: get(&self.insts),
            bytes: get(&self.bytes),
            discover: time(&self.discover),
            translate: time(&self.translate),
            publish: time(&self.publish),
        }
    }
}

impl AddAssign for Compiled {
    fn add_assign(&mut self, more: Self) {
        self.baseline += more.baseline;
        self.cranelift += more.cranelift;
    }
}

impl AddAssign for Translated {
    fn add_assign(&mut self, more: Self) {
        self.regions += more.regions;
        self.background += more.background;
        self.failed += more.failed;
        self.insts += more.insts;
        self.bytes += more.bytes;
        self.discover += more.discover;
        self.translate += more.translate;
        self.publish += more.publish;
    }
}
