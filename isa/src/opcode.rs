//! [`Opcode`]: the name of an instruction, and everything the table says about it.

use crate::pattern::{Pattern, assert_unambiguous};
use crate::{Extension, for_each_inst, format};
use core::fmt;

/// One row of a table.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) mnemonic: &'static str,
    pub(crate) extension: Extension,
    pub(crate) diagram: &'static str,
    pub(crate) pattern: Pattern,
    pub(crate) syntax: &'static str,
    pub(crate) doc: &'static str,
}

/// The mnemonic of a row: its snake-case name with `.` for `_`.
macro_rules! mnemonic {
    ($snake:ident) => {{
        const NAME: &str = stringify!($snake);
        const BYTES: [u8; NAME.len()] = $crate::opcode::dotted(NAME);
        match core::str::from_utf8(&BYTES) {
            Ok(mnemonic) => mnemonic,
            Err(_) => panic!("an identifier is UTF-8"),
        }
    }};
}
pub(crate) use mnemonic;

pub(crate) const fn dotted<const N: usize>(name: &str) -> [u8; N] {
    let (mut bytes, mut i) = ([0; N], 0);
    while i < N {
        let byte = name.as_bytes()[i];
        bytes[i] = if byte == b'_' { b'.' } else { byte };
        i += 1;
    }
    bytes
}

macro_rules! define_opcode {
    ($($(#[doc = $edoc:literal])+ extension $Ext:ident: $Visit:ident {
        $($(#[doc = $doc:literal])+ $snake:ident = $Name:ident($Fmt:ident) $diagram:literal;)*
    })*) => {
        /// The name of a 32-bit instruction.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum Opcode {
            $($($(#[doc = $doc])+ $Name,)*)*
        }

        impl Opcode {
            /// All opcodes, in table order.
            pub const ALL: &'static [Self] = &[$($(Self::$Name),*),*];

            const ROWS: &'static [Row] = &[$($(Row {
                mnemonic: mnemonic!($snake),
                extension: Extension::$Ext,
                diagram: $diagram,
                pattern: {
                    let pattern = Pattern::parse($diagram, 32);
                    assert!(!pattern.mask & !format::$Fmt::MASK == 0, "each free bit belongs to an operand");
                    pattern
                },
                syntax: format::$Fmt::SYNTAX,
                doc: concat!($($doc),+),
            }),*),*];

            /// The fixed bits of all opcodes, in table order.
            pub(crate) const PATTERNS: [Pattern; Self::ALL.len()] = {
                let (mut patterns, mut i) = ([Pattern { mask: 0, bits: 0 }; Self::ALL.len()], 0);
                while i < patterns.len() {
                    patterns[i] = Self::ROWS[i].pattern;
                    i += 1;
                }
                assert_unambiguous(&patterns);
                patterns
            };
        }
    };
}

for_each_inst!(define_opcode);

impl Opcode {
    const fn row(self) -> &'static Row {
        &Self::ROWS[self as usize]
    }

    /// The mnemonic without acquire and release suffixes, as in `fadd.s`.
    pub const fn mnemonic(self) -> &'static str {
        self.row().mnemonic
    }

    /// The extension whose block holds the row.
    pub const fn extension(self) -> Extension {
        self.row().extension
    }

    /// The bit diagram as it stands in the table.
    pub const fn diagram(self) -> &'static str {
        self.row().diagram
    }

    /// The fixed bits.
    pub const fn pattern(self) -> Pattern {
        self.row().pattern
    }

    /// The operands in assembly syntax, by their names in the manual.
    pub const fn syntax(self) -> &'static str {
        self.row().syntax
    }

    /// What the instruction does, in one line.
    pub const fn doc(self) -> &'static str {
        self.row().doc.trim_ascii()
    }

    /// An instruction word of this opcode with the operand bits taken from `free_bits`.
    ///
    /// Such a word may still decode to something else: to nothing if an operand is reserved (rounding modes 5
    /// and 6), or to a more specific row (`ori` to `prefetch.r`).
    pub const fn fill(self, free_bits: u32) -> u32 {
        let Pattern { mask, bits } = self.pattern();
        bits | free_bits & !mask
    }
}

impl fmt::Display for Opcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.mnemonic())
    }
}
