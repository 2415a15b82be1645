//! What code was made from, and by what.

use std::fmt;

use crate::region::Bounds;
use crate::{Layout, Tunables, host};

/// Hash of everything that decides what code is made. Equal keys mean interchangeable code.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key([u8; 32]);

impl Key {
    /// The BLAKE3 key derivation context.
    const CONTEXT: &'static str = "causality-vm 2026-11-22 code cache v1: key";

    /// The key of the code that is made on this host, with `tunables`, of the text that `program` identifies.
    ///
    /// The translator's revision stands for the settings it gives to Cranelift.
    #[must_use]
    pub fn new(program: &[u8; 32], tunables: &Tunables) -> Self {
        let mut fields = Fields(blake3::Hasher::new_derive_key(Self::CONTEXT));
        fields.add(program);
        fields.tunables(tunables);
        for text in [
            env!("CARGO_PKG_VERSION"),
            env!("TRANSLATOR_REVISION"),
            cranelift_codegen::VERSION,
            &target_lexicon::Triple::host().to_string(),
        ] {
            fields.add(text.as_bytes());
        }
        for (feature, is_there) in host::features() {
            fields.add(feature.as_bytes());
            fields.add(&[is_there.into()]);
        }
        Key(*fields.0.finalize().as_bytes())
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A hash of fields, each with its length, so that no two lists of fields look the same.
struct Fields(blake3::Hasher);

impl Fields {
    fn add(&mut self, field: &[u8]) {
        self.0.update(&(field.len() as u64).to_le_bytes());
        self.0.update(field);
    }

    /// A new tunable is an error here until it is part of the key.
    fn tunables(&mut self, tunables: &Tunables) {
        // Nothing of what is kept is ever promoted, or has guards of this kind.
        let Tunables { tier, promotion: _, bounds, fuel, speculation_safe, guards: _, layout } = tunables;
        let Bounds { region, callee, copies, depth } = *bounds;
        let Layout { read, write, stack, text, text_len } = *layout;
        // Only one tier's code is kept; the key says which in case that changes.
        self.add(format!("{tier:?}").as_bytes());
        let sizes = [region, callee, copies, depth].map(|size| size as u64);
        let switches = [*fuel, *speculation_safe].map(u64::from);
        for value in sizes.into_iter().chain(switches).chain([read, write, stack, text, text_len]) {
            self.add(&value.to_le_bytes());
        }
    }
}

/// 64 hexadecimal digits.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}
