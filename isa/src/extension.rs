//! The extensions this crate knows, and sets of them.

use crate::for_each_inst;
use core::fmt;

/// The name of an extension in ISA strings: lower case.
macro_rules! lower_case {
    ($Ext:ident) => {{
        const NAME: &str = stringify!($Ext);
        const BYTES: [u8; NAME.len()] = lower(NAME);
        match core::str::from_utf8(&BYTES) {
            Ok(name) => name,
            Err(_) => panic!("an identifier is UTF-8"),
        }
    }};
}

const fn lower<const N: usize>(name: &str) -> [u8; N] {
    let (mut bytes, mut i) = ([0; N], 0);
    while i < N {
        bytes[i] = name.as_bytes()[i].to_ascii_lowercase();
        i += 1;
    }
    bytes
}

/// Defines [`Extension`] from the blocks of the instruction table and those that add no 32-bit instruction.
macro_rules! define_extension {
    ($($(#[doc = $edoc:literal])+ extension $Ext:ident: $Visit:ident { $($rows:tt)* })*) => {
        define_extension! {
            @enum $($(#[doc = $edoc])+ $Ext,)*
            /// Compressed instructions, with the double-precision loads and stores.
            C,
            /// Additional compressed instructions.
            Zcb,
            /// Base counters: the CSRs `cycle`, `time` and `instret`.
            Zicntr,
            /// Performance counters: the CSRs `hpmcounter3` to `hpmcounter31`.
            Zihpm,
        }
    };
    (@enum $($(#[doc = $edoc:literal])+ $Ext:ident,)*) => {
        /// An extension of RV64, or the base itself.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Extension {
            $($(#[doc = $edoc])+ $Ext,)*
        }

        impl Extension {
            /// All extensions, in table order.
            pub const ALL: &'static [Self] = &[$(Self::$Ext),*];

            /// The name in ISA strings, as in `zba`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$Ext => lower_case!($Ext),)*
                }
            }

            /// What the extension is about, in one line.
            pub const fn doc(self) -> &'static str {
                match self {
                    $(Self::$Ext => concat!($($edoc),+).trim_ascii(),)*
                }
            }
        }
    };
}

for_each_inst!(define_extension);

impl Extension {
    /// The extension with this ISA-string name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|extension| extension.name().eq_ignore_ascii_case(name))
    }

    /// The extensions that this one requires directly, by the manual.
    pub const fn requires(self) -> ExtensionSet {
        let none = ExtensionSet::EMPTY;
        match self {
            Self::I => none,
            Self::F | Self::Zicntr | Self::Zihpm => none.with(Self::Zicsr).with(Self::I),
            Self::D | Self::Zfhmin | Self::Zfa => none.with(Self::F),
            Self::Zcb => none.with(Self::C),
            _ => none.with(Self::I),
        }
    }
}

impl fmt::Display for Extension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A set of extensions.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ExtensionSet(u64);

impl ExtensionSet {
    /// No extension, not even the base.
    pub const EMPTY: Self = Self(0);

    /// Everything this crate knows.
    pub const ALL: Self = {
        assert!(Extension::ALL.len() < 64, "a set is one word");
        Self((1 << Extension::ALL.len()) - 1)
    };

    /// This set and `extension`.
    pub const fn with(self, extension: Extension) -> Self {
        Self(self.0 | 1 << extension as u8)
    }

    /// This set without `extension`.
    pub const fn without(self, extension: Extension) -> Self {
        Self(self.0 & !(1 << extension as u8))
    }

    /// Whether `extension` is in the set.
    #[inline]
    pub const fn contains(self, extension: Extension) -> bool {
        self.0 >> extension as u8 & 1 != 0
    }

    /// What is in either set.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in this set and not in `other`.
    pub const fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether every extension of `self` is in `other`.
    pub const fn is_subset(self, other: Self) -> bool {
        self.difference(other).is_empty()
    }

    /// Whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The set with everything its members require, directly or not.
    pub fn closed(self) -> Self {
        let wider = self.iter().fold(self, |set, extension| set.union(extension.requires()));
        if wider == self { self } else { wider.closed() }
    }

    /// The members, in table order.
    pub fn iter(self) -> impl Iterator<Item = Extension> + Clone {
        Extension::ALL.iter().copied().filter(move |&extension| self.contains(extension))
    }
}

impl FromIterator<Extension> for ExtensionSet {
    fn from_iter<I: IntoIterator<Item = Extension>>(extensions: I) -> Self {
        extensions.into_iter().fold(Self::EMPTY, Self::with)
    }
}

impl fmt::Debug for ExtensionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_are_closed_transitively() {
        let d = ExtensionSet::EMPTY.with(Extension::D).closed();
        assert_eq!(d, [Extension::I, Extension::F, Extension::D, Extension::Zicsr].into_iter().collect());
        assert_eq!(ExtensionSet::ALL.closed(), ExtensionSet::ALL);
    }

    #[test]
    fn names_are_those_of_isa_strings() {
        assert_eq!(Extension::Zifencei.name(), "zifencei");
        assert_eq!(Extension::from_name("ZBA"), Some(Extension::Zba));
        assert_eq!(Extension::from_name("v"), None);
    }
}
