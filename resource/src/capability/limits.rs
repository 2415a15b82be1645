//! Limits of a capability in time, phase, uses and quantity.

use std::fmt::Write;

use crate::{CapabilityError, Phases};

/// When, how often and for how much a capability may be used. What is `None` is not limited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Not before this epoch.
    pub valid_from: Option<u64>,
    /// Expired in this epoch and after it: it can be used while `epoch < expires_at`.
    pub expires_at: Option<u64>,
    /// Only in these phases of a run.
    pub phases: Option<Phases>,
    /// At most so many uses, by all holders of the block together.
    pub max_uses: Option<u64>,
    /// At most this quantity consumed, updated or issued, over all uses.
    pub max_quantity: Option<u64>,
}

impl Limits {
    /// The limits as the source of a block: facts that name them, and the checks that enforce them.
    pub(super) fn source(&self) -> Result<String, CapabilityError> {
        let mut text = String::new();
        if let Some(epoch) = self.valid_from {
            let epoch = in_range(epoch)?;
            append(&mut text, format_args!("valid_from({epoch}); check if epoch($t), $t >= {epoch};"));
        }
        if let Some(epoch) = self.expires_at {
            let epoch = in_range(epoch)?;
            append(&mut text, format_args!("expires_at({epoch}); check if epoch($t), $t < {epoch};"));
        }
        if let Some(phases) = self.phases {
            let names: Vec<_> = phases.iter().map(|phase| format!("\"{phase}\"")).collect();
            names.iter().for_each(|name| append(&mut text, format_args!("during({name});")));
            append(&mut text, format_args!("check if phase($p), {}.contains($p);", set(&names)));
        }
        if let Some(uses) = self.max_uses {
            append(&mut text, format_args!("max_uses({});", in_range(uses)?));
        }
        if let Some(quantity) = self.max_quantity {
            append(&mut text, format_args!("max_quantity({});", in_range(quantity)?));
        }
        Ok(text)
    }
}

/// A set of quoted names; the empty set is written `{,}`.
pub(super) fn set(names: &[String]) -> String {
    if names.is_empty() { "{,}".to_owned() } else { format!("{{{}}}", names.join(", ")) }
}

pub(super) fn append(text: &mut String, part: core::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "{part}");
}

/// Integers of tokens are signed.
fn in_range(number: u64) -> Result<i64, CapabilityError> {
    i64::try_from(number).map_err(|_| CapabilityError::OutOfRange(number))
}
