//! ISA strings, as in `rv64gc_zba` or the `Tag_RISCV_arch` attribute of an ELF file.
//!
//! Parsing allocates nothing: [`IsaString`] borrows the text, and [`IsaString::names`] walks it again.
//! Versions (`i2p1`) are read and ignored, because no version of a ratified extension changed the meaning of
//! an encoding.

use crate::{Extension, ExtensionSet};
use core::fmt;

/// A well-formed ISA string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IsaString<'a> {
    xlen: u32,
    /// Everything from the base letter on.
    names: &'a str,
}

/// Why a text is not an ISA string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IsaStringError {
    /// It does not begin with `rv32`, `rv64` or `rv128`.
    Prefix,
    /// The letter after the prefix is not one of `i`, `e` and `g`.
    Base,
    /// It contains something that is neither a letter, a digit nor `_`.
    Character,
}

impl fmt::Display for IsaStringError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prefix => "an ISA string begins with rv32, rv64 or rv128",
            Self::Base => "the base of an ISA string is i, e or g",
            Self::Character => "an ISA string has only letters, digits and underscores",
        })
    }
}

impl core::error::Error for IsaStringError {}

/// What a name in an ISA string means to this crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IsaName<'a> {
    /// All its instructions are in the tables, with these extensions: one of ours, a part of one (`zmmul`),
    /// or a name for several (`g`).
    Supported(ExtensionSet),
    /// It adds no instruction and no register: a hint, or a promise about memory, atomicity or timing.
    Property(&'a str),
    /// It has instructions or registers that are not in the tables, or nobody knows it.
    Unsupported(&'a str),
}

impl<'a> IsaString<'a> {
    /// Parses an ISA string, in any case.
    ///
    /// # Errors
    ///
    /// Says what is malformed. Unknown extensions are no error.
    pub fn parse(text: &'a str) -> Result<Self, IsaStringError> {
        let prefixes = [("rv32", 32), ("rv64", 64), ("rv128", 128)];
        let is_prefix = |&&(prefix, _): &&(&str, u32)| {
            text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        let &(prefix, xlen) = prefixes.iter().find(is_prefix).ok_or(IsaStringError::Prefix)?;
        let names = &text[prefix.len()..];
        if !names.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(IsaStringError::Character);
        }
        match names.bytes().next() {
            Some(b'i' | b'e' | b'g' | b'I' | b'E' | b'G') => Ok(Self { xlen, names }),
            _ => Err(IsaStringError::Base),
        }
    }

    /// The width of the integer registers: 32, 64 or 128.
    pub const fn xlen(self) -> u32 {
        self.xlen
    }

    /// Whether the base is E, with sixteen registers.
    pub fn is_embedded(self) -> bool {
        self.names.starts_with(['e', 'E'])
    }

    /// The extension names in order, without versions, beginning with the base.
    pub fn names(self) -> Names<'a> {
        Names { rest: self.names }
    }

    /// What each name means.
    pub fn classified(self) -> impl Iterator<Item = IsaName<'a>> + Clone {
        self.names().map(classify)
    }

    /// The supported extensions and all that they require.
    pub fn supported(self) -> ExtensionSet {
        let sets = self.classified().map(|name| match name {
            IsaName::Supported(set) => set,
            IsaName::Property(_) | IsaName::Unsupported(_) => ExtensionSet::EMPTY,
        });
        sets.fold(ExtensionSet::EMPTY, ExtensionSet::union).closed()
    }

    /// The names that make programs for this string unfit for the tables; the base E is one of them.
    pub fn unsupported(self) -> impl Iterator<Item = &'a str> + Clone {
        self.classified().filter_map(|name| match name {
            IsaName::Unsupported(name) => Some(name),
            IsaName::Supported(_) | IsaName::Property(_) => None,
        })
    }
}

/// Iterator over the names of an ISA string.
#[derive(Clone, Debug)]
pub struct Names<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Names<'a> {
    type Item = &'a str;

    /// A name of several letters begins with `z`, `s` or `x` and ends at `_`; any other letter is a name.
    fn next(&mut self) -> Option<&'a str> {
        self.rest = self.rest.trim_start_matches(|c: char| c == '_' || c.is_ascii_digit());
        let is_long = self.rest.starts_with(['z', 's', 'x', 'Z', 'S', 'X']);
        if is_long {
            let (name, rest) = self.rest.split_once('_').unwrap_or((self.rest, ""));
            self.rest = rest;
            Some(without_version(name))
        } else {
            let (name, rest) = self.rest.split_at_checked(1)?;
            self.rest = skip_version(rest);
            Some(name)
        }
    }
}

/// Drops `1` or `1p0` from the end. No name of several letters ends in a digit (naming chapter of the
/// manual).
fn without_version(name: &str) -> &str {
    let without_minor = name.trim_end_matches(|c: char| c.is_ascii_digit());
    match without_minor.strip_suffix(['p', 'P']) {
        Some(major) if major.len() + 1 < name.len() && major.ends_with(|c: char| c.is_ascii_digit()) => {
            major.trim_end_matches(|c: char| c.is_ascii_digit())
        }
        _ => without_minor,
    }
}

/// Drops `2` or `2p1` from the start; a `p` that no digit follows is the extension P.
fn skip_version(text: &str) -> &str {
    let after_major = text.trim_start_matches(|c: char| c.is_ascii_digit());
    match after_major.strip_prefix(['p', 'P']) {
        Some(minor) if after_major.len() < text.len() && minor.starts_with(|c: char| c.is_ascii_digit()) => {
            minor.trim_start_matches(|c: char| c.is_ascii_digit())
        }
        _ => after_major,
    }
}

/// Names that stand for several extensions, or for a part of one.
const OTHER_NAMES: &[(&str, &[Extension])] = &[
    ("g", &[Extension::I, Extension::M, Extension::A, Extension::D, Extension::Zifencei]),
    ("b", &[Extension::Zba, Extension::Zbb, Extension::Zbs]),
    ("zmmul", &[Extension::M]),
    ("zaamo", &[Extension::A]),
    ("zalrsc", &[Extension::A]),
    ("zca", &[Extension::C]),
    ("zcd", &[Extension::C, Extension::D]),
];

/// Names without instructions or registers (profiles chapter, and the hints of Zihintntl).
const PROPERTIES: &[&str] = &[
    "za64rs",
    "za128rs",
    "zama16b",
    "zic64b",
    "ziccamoa",
    "ziccif",
    "zicclsm",
    "ziccrse",
    "zihintntl",
    "zkt",
];

fn classify(name: &str) -> IsaName<'_> {
    let is_name = |candidate: &str| candidate.eq_ignore_ascii_case(name);
    if let Some(extension) = Extension::from_name(name) {
        IsaName::Supported(ExtensionSet::EMPTY.with(extension))
    } else if let Some((_, parts)) = OTHER_NAMES.iter().find(|(candidate, _)| is_name(candidate)) {
        IsaName::Supported(parts.iter().copied().collect())
    } else if PROPERTIES.iter().any(|candidate| is_name(candidate)) {
        IsaName::Property(name)
    } else {
        IsaName::Unsupported(name)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use std::vec::Vec;

    fn names(text: &str) -> Vec<&str> {
        IsaString::parse(text).unwrap().names().collect()
    }

    #[test]
    fn the_string_of_an_elf_attribute_is_understood() {
        let text = "rv64i2p1_m2p0_a2p1_f2p2_d2p2_c2p0_zicsr2p0_zifencei2p0_zmmul1p0_zba1p0_za64rs1p0";
        let isa = IsaString::parse(text).unwrap();
        assert_eq!((isa.xlen(), isa.is_embedded()), (64, false));
        assert_eq!(isa.unsupported().count(), 0);
        assert_eq!(
            names(text),
            ["i", "m", "a", "f", "d", "c", "zicsr", "zifencei", "zmmul", "zba", "za64rs"]
        );
        assert!(isa.supported().contains(Extension::Zba) && !isa.supported().contains(Extension::Zbb));
    }

    #[test]
    fn letters_may_stand_together_and_versions_may_be_short() {
        assert_eq!(names("rv64imafdc"), ["i", "m", "a", "f", "d", "c"]);
        assert_eq!(names("rv64i2m2p0a_zfh1_c"), ["i", "m", "a", "zfh", "c"]);
        assert_eq!(names("RV64GCZba_Zicbop1p0"), ["G", "C", "Zba", "Zicbop"]);
        assert_eq!(names("rv64i2p1p"), ["i", "p"]);
        assert_eq!(names("rv32e"), ["e"]);
        assert_eq!(names("rv64i_zve32x1p0_zic64b"), ["i", "zve32x", "zic64b"]);
    }

    #[test]
    fn g_means_imafd_with_csrs_and_fence_i() {
        let g = IsaString::parse("rv64g").unwrap().supported();
        let spelled_out = IsaString::parse("rv64imafd_zicsr_zifencei").unwrap().supported();
        assert_eq!(g, spelled_out);
    }

    #[test]
    fn what_the_tables_lack_is_named() {
        let isa = IsaString::parse("rv64gcv_zvl128b_zihintntl_xother_zfh").unwrap();
        assert_eq!(isa.unsupported().collect::<Vec<_>>(), ["v", "zvl128b", "xother", "zfh"]);
        assert!(isa.classified().any(|name| name == IsaName::Property("zihintntl")));
        let embedded = IsaString::parse("rv64e").unwrap();
        assert!(embedded.is_embedded());
        assert_eq!(embedded.unsupported().collect::<Vec<_>>(), ["e"]);
    }

    #[test]
    fn malformed_strings_are_refused() {
        assert_eq!(IsaString::parse("riscv"), Err(IsaStringError::Prefix));
        assert_eq!(IsaString::parse("rv64"), Err(IsaStringError::Base));
        assert_eq!(IsaString::parse("rv64m"), Err(IsaStringError::Base));
        assert_eq!(IsaString::parse("rv64i zba"), Err(IsaStringError::Character));
        assert_eq!(IsaString::parse("rv6é"), Err(IsaStringError::Prefix));
    }

    #[test]
    fn every_supported_name_is_its_own() {
        for &extension in Extension::ALL {
            assert_eq!(classify(extension.name()), IsaName::Supported([extension].into_iter().collect()));
        }
    }
}
