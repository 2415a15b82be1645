//! How guests of a sequence are executed, and what is the same however they are.

use causality_vm::{Config, Limits, OnMemoryLimit, Promotion, Tier};

use crate::Source;

/// A way to execute guests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// As all others must do.
    Interpreter,
    /// The interpreter beside it.
    Crosschecked,
    /// Native code of the baseline tier.
    Baseline,
    /// Native code by Cranelift.
    Cranelift,
    /// Both, as by default.
    Auto,
    /// Both, changed as often as possible, on the guest's thread.
    Eager,
    /// Both, changed as often as possible, on another thread.
    Background,
}

impl Way {
    /// All but the interpreter's.
    pub const OTHERS: [Way; 6] =
        [Way::Crosschecked, Way::Baseline, Way::Cranelift, Way::Auto, Way::Eager, Way::Background];

    /// These settings for this way.
    #[must_use]
    pub(super) fn config(self, settings: &Settings) -> Config {
        let config = Config::new()
            .limits(settings.limits.clone())
            .fuel(settings.fuel)
            .code_memory(settings.code_memory)
            .speculation_safe(settings.speculation_safe)
            .crosscheck(self == Way::Crosschecked);
        let eager = |in_background| Promotion { in_background, ..Promotion::EAGER };
        match self {
            Way::Interpreter => config.tier(Tier::Interpreter),
            Way::Baseline | Way::Crosschecked => config.tier(Tier::Baseline),
            Way::Cranelift => config.tier(Tier::Cranelift),
            Way::Auto => config.tier(Tier::Auto).hot(settings.hot),
            Way::Eager => config.tier(Tier::Auto).hot(settings.hot).promotion(eager(false)),
            Way::Background => config.tier(Tier::Auto).hot(settings.hot).promotion(eager(true)),
        }
    }
}

/// What an embedder can set, besides the tier.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) limits: Limits,
    fuel: u64,
    hot: u32,
    code_memory: usize,
    speculation_safe: bool,
}

impl Settings {
    pub(super) fn choose(source: &mut Source<'_>) -> Self {
        let limits = Limits {
            address_space: source.pick(&[16 << 20, 16 << 20, 1 << 32]),
            memory: source.pick(&[1 << 20, 1 << 20, 8 << 20]),
            stack: source.pick(&[16 << 10, 64 << 10]),
            segments: source.pick(&[12, 64]),
            on_memory_limit: if source.chance(50) { OnMemoryLimit::Trap } else { OnMemoryLimit::Errno },
            allow_writable_code: source.chance(30),
            registers: source.pick(&[0, 1, 8]),
            register_bytes: source.pick(&[1, 4096, 8192]),
        };
        Settings {
            limits,
            fuel: source.pick(&[5000, 5000, 100, 0, u64::MAX]),
            hot: source.pick(&[0, 1, 10]),
            code_memory: source.pick(&[256 << 20, 256 << 20, 0, 64 << 10]),
            speculation_safe: source.chance(20),
        }
    }
}
