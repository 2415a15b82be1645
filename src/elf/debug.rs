//! The debug information of a program, as bytes: what it says is looked at only when somebody asks.

use std::collections::BTreeMap;
use std::ops::Range;

use object::LittleEndian as LE;
use object::elf::{FileHeader64, SHT_NOBITS};
use object::read::elf::{SectionHeader as _, SectionTable};

/// The most bytes that are kept; a program with more has none.
const MOST: u64 = 256 << 20;

/// The sections of DWARF, and `.eh_frame`.
#[derive(Clone, Debug, Default)]
pub(crate) struct DebugSections {
    sections: BTreeMap<Box<str>, Section>,
}

#[derive(Clone, Debug)]
struct Section {
    addr: u64,
    bytes: Box<[u8]>,
}

impl DebugSections {
    /// Those of a file that has been checked. Sections that are malformed are none.
    pub(super) fn of(bytes: &[u8], sections: &SectionTable<'_, FileHeader64<LE>>) -> Self {
        let mut found = BTreeMap::new();
        let mut left = MOST;
        for section in sections.iter() {
            let name =
                sections.section_name(LE, section).ok().and_then(|name| std::str::from_utf8(name).ok());
            let Some(name) = name.filter(|name| name.starts_with(".debug_") || *name == ".eh_frame") else {
                continue;
            };
            let Some(data) = section.data(LE, bytes).ok().filter(|_| section.sh_type(LE) != SHT_NOBITS)
            else {
                continue;
            };
            let Some(rest) = left.checked_sub(data.len() as u64) else { return Self::default() };
            left = rest;
            found.insert(name.into(), Section { addr: section.sh_addr(LE), bytes: data.into() });
        }
        DebugSections { sections: found }
    }

    /// The bytes of a section; none if there is no such section.
    pub(crate) fn bytes(&self, name: &str) -> &[u8] {
        self.sections.get(name).map_or(&[], |section| &section.bytes)
    }

    /// Where a section lies, as the file says.
    pub(crate) fn range(&self, name: &str) -> Range<u64> {
        let section = self.sections.get(name);
        section.map_or(0..0, |section| section.addr..section.addr.saturating_add(section.bytes.len() as u64))
    }
}
