//! How a capability is narrowed.

use super::limits::{append, set};
use crate::{CapabilityError, Limits, Rights, Target};

/// What a block takes away. What is `None` stays as the parent has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attenuation {
    /// Only these rights.
    pub rights: Option<Rights>,
    /// Only these resources.
    pub target: Option<Target>,
    /// Limits on top of the parent's.
    pub limits: Limits,
}

impl Attenuation {
    /// The block's source: facts that name what it takes away, and the checks that do it.
    pub(super) fn source(&self) -> Result<String, CapabilityError> {
        let mut text = self.limits.source()?;
        if let Some(rights) = self.rights {
            let names: Vec<_> = rights.iter().map(|right| format!("\"{right}\"")).collect();
            names.iter().for_each(|name| append(&mut text, format_args!("keeps({name});")));
            if names.is_empty() {
                append(&mut text, format_args!("keeps(\"none\");"));
            }
            append(&mut text, format_args!("check if operation($o), {}.contains($o);", set(&names)));
        }
        if let Some(target) = self.target {
            let (kind, value) = (target.kind(), target.value());
            append(&mut text, format_args!("covers(\"{kind}\", \"{value}\");"));
            append(&mut text, format_args!("check if touches(\"{kind}\", \"{value}\");"));
        }
        Ok(text)
    }
}
