//! What this host can do.

use cranelift_codegen::isa::{self, Builder, LookupError};
use cranelift_codegen::settings::Configurable;

/// A builder of code generators for this host, with the instruction sets it has.
pub(crate) fn isa_builder() -> Result<Builder, LookupError> {
    builder_with(|(_, is_there)| is_there)
}

/// The same for a processor that has all that we ask for (x86-64-v3), whatever this host has.
pub(crate) fn pinned_isa_builder() -> Result<Builder, LookupError> {
    builder_with(|_| true)
}

fn builder_with(is_wanted: impl Fn((&'static str, bool)) -> bool) -> Result<Builder, LookupError> {
    let mut builder = isa::lookup(target_lexicon::Triple::host())?;
    for feature in features() {
        let (flag, _) = feature;
        if is_wanted(feature) {
            // A flag Cranelift does not know is one it cannot use.
            let _ = builder.enable(flag);
        }
    }
    Ok(builder)
}

/// Cranelift's flags for host instruction sets, and whether this host has them.
#[cfg(target_arch = "x86_64")]
pub(crate) fn features() -> Vec<(&'static str, bool)> {
    macro_rules! has {
        ($($flag:literal $feature:tt),* $(,)?) => {
            vec![$(($flag, std::is_x86_feature_detected!($feature))),*]
        };
    }
    has!(
        "has_sse3" "sse3", "has_ssse3" "ssse3", "has_sse41" "sse4.1", "has_sse42" "sse4.2", "has_popcnt" "popcnt",
        "has_avx" "avx", "has_avx2" "avx2", "has_fma" "fma", "has_bmi1" "bmi1", "has_bmi2" "bmi2",
        "has_lzcnt" "lzcnt",
    )
}

#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn features() -> Vec<(&'static str, bool)> {
    Vec::new()
}

/// Whether this host has fused multiply-add.
pub(crate) fn has_fma() -> bool {
    features().contains(&("has_fma", true))
}

/// Instruction sets of this host that direct emission asks about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Features {
    pub(crate) avx: bool,
    pub(crate) fma: bool,
    pub(crate) bmi1: bool,
    pub(crate) bmi2: bool,
    pub(crate) lzcnt: bool,
    pub(crate) popcnt: bool,
    pub(crate) carryless: bool,
}

impl Features {
    /// What this host has.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn of_host() -> Self {
        Features {
            avx: std::is_x86_feature_detected!("avx"),
            fma: std::is_x86_feature_detected!("fma"),
            bmi1: std::is_x86_feature_detected!("bmi1"),
            bmi2: std::is_x86_feature_detected!("bmi2"),
            lzcnt: std::is_x86_feature_detected!("lzcnt"),
            popcnt: std::is_x86_feature_detected!("popcnt"),
            carryless: std::is_x86_feature_detected!("pclmulqdq"),
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    pub(crate) fn of_host() -> Self {
        Features::default()
    }
}
