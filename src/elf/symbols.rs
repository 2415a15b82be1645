//! Names of addresses, for people.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use object::LittleEndian as LE;
use object::elf::{FileHeader64, SHN_ABS, SHN_UNDEF, SHT_SYMTAB, Sym64};
use object::read::elf::{SectionTable, Sym as _};

use super::LoadError;
use super::header::sections as malformed;

/// Longer names are cut: a hostile table could make every name as long as the file.
const MAX_NAME: usize = 4096;

const STT_NOTYPE: u8 = 0;
const STT_OBJECT: u8 = 1;
const STT_FUNC: u8 = 2;

/// What a symbol names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SymbolKind {
    /// A function.
    Function,
    /// A place of unknown kind; usually written in assembly.
    Label,
    /// A variable.
    Object,
}

/// One named address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symbol<'a> {
    /// Its name; mangled, if the language does that.
    pub name: &'a str,
    /// Its address in the guest.
    pub addr: u64,
    /// Its size in bytes; 0 when the file does not say.
    pub size: u64,
    /// What it names.
    pub kind: SymbolKind,
}

/// The symbol table of a program, by address. Empty for a stripped program.
///
/// ```
/// use causality_vm::Limits;
/// use causality_vm::elf::{Program, SymbolKind};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let elf = std::fs::read("testkit/guests/calls.elf")?;
/// let program = Program::parse(&elf, &Limits::default())?;
/// let symbols = program.symbols();
/// let add = symbols.find("add").expect("it has one");
/// assert_eq!((add.kind, Some(add.addr)), (SymbolKind::Function, symbols.function("add")));
/// let (found, offset) = symbols.at(add.addr + 2).expect("as above");
/// assert_eq!((found.name, offset), ("add", 2));
/// assert_eq!(symbols.iter().count(), symbols.len());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Symbols {
    /// Ascending by kind and address.
    entries: Vec<Entry>,
    /// The string table, as in [`Strings`].
    text: String,
    /// Numbers of functions and labels, by name and then in order; made when some have been asked for.
    by_name: OnceLock<Vec<u32>>,
    /// How many have.
    asked: Asked,
}

/// A number that nobody has to agree on.
#[derive(Debug, Default)]
struct Asked(AtomicU32);

impl Clone for Asked {
    fn clone(&self) -> Self {
        Asked(AtomicU32::new(self.0.load(Ordering::Relaxed)))
    }
}

/// So many names are looked for one by one: sorting takes as long as looking for some dozens.
const UNSORTED: u32 = 16;

#[derive(Clone, Copy, Debug)]
struct Entry {
    kind: SymbolKind,
    addr: u64,
    size: u64,
    /// Start and end in the text.
    name: (u32, u32),
}

impl Symbols {
    /// Reads the symbols of a file whose addresses are shifted by `base`.
    pub(super) fn parse(
        bytes: &[u8],
        sections: &SectionTable<'_, FileHeader64<LE>>,
        base: u64,
    ) -> Result<Self, LoadError> {
        let table = sections.symbols(LE, bytes, SHT_SYMTAB).map_err(malformed)?;
        let strings = match sections.section(table.string_section()) {
            Ok(section) if !table.is_empty() => object::read::elf::SectionHeader::data(section, LE, bytes),
            _ => Ok(&[][..]),
        };
        let strings = strings.map_err(malformed)?;
        let strings = Strings::new(strings);
        let mut entries: Vec<_> = table.iter().filter_map(|symbol| entry(symbol, &strings, base)).collect();
        entries.sort_by_key(|e| (e.kind, e.addr, e.size));
        Ok(Symbols { entries, text: strings.text, by_name: OnceLock::new(), asked: Asked::default() })
    }

    /// All symbols: functions, labels, objects; ascending by address within each kind.
    pub fn iter(&self) -> impl Iterator<Item = Symbol<'_>> {
        self.entries.iter().map(|entry| self.symbol(entry))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The symbol with this name; the first by kind and address if there are several.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Symbol<'_>> {
        self.iter().find(|symbol| symbol.name == name)
    }

    /// Where the function with this name begins, or else the label; the one with the lowest address if there are several.
    #[must_use]
    pub fn function(&self, name: &str) -> Option<u64> {
        let is_code = |entry: &Entry| entry.kind != SymbolKind::Object;
        if self.by_name.get().is_none() && self.asked.0.fetch_add(1, Ordering::Relaxed) < UNSORTED {
            let has_name = |entry: &&Entry| is_code(entry) && self.symbol(entry).name == name;
            return self.entries.iter().find(has_name).map(|entry| entry.addr);
        }
        let by_name = self.by_name.get_or_init(|| {
            let mut numbers: Vec<u32> = (0..)
                .zip(&self.entries)
                .filter(|(_, entry)| is_code(entry))
                .map(|(number, _)| number)
                .collect();
            numbers.sort_by_key(|&number| self.symbol(&self.entries[number as usize]).name);
            numbers
        });
        let name_of = |number: u32| self.symbol(&self.entries[number as usize]).name;
        let first = by_name.partition_point(|&number| name_of(number) < name);
        let number = by_name.get(first).copied().filter(|&number| name_of(number) == name)?;
        Some(self.entries[number as usize].addr)
    }

    /// The function that holds the instruction at `pc`, or else the last label at or before it, and
    /// how many bytes `pc` lies behind its start.
    #[must_use]
    pub fn at(&self, pc: u64) -> Option<(Symbol<'_>, u64)> {
        let entry = self
            .last_before(SymbolKind::Function, pc)
            .filter(|e| e.size == 0 || pc - e.addr < e.size)
            .or_else(|| self.last_before(SymbolKind::Label, pc))?;
        Some((self.symbol(entry), pc - entry.addr))
    }

    /// Where the function begins whose instruction is at `pc`.
    pub(crate) fn function_of(&self, pc: u64) -> Option<u64> {
        let entry = self.last_before(SymbolKind::Function, pc)?;
        (entry.size == 0 || pc - entry.addr < entry.size).then_some(entry.addr)
    }

    /// The start of the function that `pc` is in, if its size is known.
    pub(crate) fn sized_function_of(&self, pc: u64) -> Option<u64> {
        let entry = self.last_before(SymbolKind::Function, pc)?;
        (pc - entry.addr < entry.size).then_some(entry.addr)
    }

    fn last_before(&self, kind: SymbolKind, addr: u64) -> Option<&Entry> {
        let end = self.entries.partition_point(|e| (e.kind, e.addr) <= (kind, addr));
        self.entries[..end].last().filter(|e| e.kind == kind)
    }

    fn symbol(&self, entry: &Entry) -> Symbol<'_> {
        Symbol {
            name: self.text.get(entry.name.0 as usize..entry.name.1 as usize).unwrap_or_default(),
            addr: entry.addr,
            size: entry.size,
            kind: entry.kind,
        }
    }
}

/// `None` for what names no address: sections, files, undefined and thread-local symbols, and the
/// assembler's own.
fn entry(symbol: &Sym64<LE>, strings: &Strings, base: u64) -> Option<Entry> {
    let kind = match symbol.st_info().0 & 0xf {
        STT_NOTYPE => SymbolKind::Label,
        STT_OBJECT => SymbolKind::Object,
        STT_FUNC => SymbolKind::Function,
        _ => return None,
    };
    let section = symbol.st_shndx(LE);
    if section == SHN_UNDEF {
        return None;
    }
    let base = if section == SHN_ABS { 0 } else { base };
    let start = symbol.st_name(LE);
    let name = strings.name_at(start as usize)?;
    if name.is_empty() || name.starts_with('$') || name.starts_with(".L") {
        return None;
    }
    Some(Entry {
        kind,
        addr: symbol.st_value(LE).wrapping_add(base),
        size: symbol.st_size(LE),
        name: (start, start + name.len() as u32),
    })
}

/// A string table in which finding a name is no scan, however many names overlap.
struct Strings {
    /// The table, with zero bytes where it is not UTF-8, so that a name ends there too.
    text: String,
    /// Where `text` has zero bytes, ascending.
    ends: Vec<u32>,
}

impl Strings {
    fn new(bytes: &[u8]) -> Self {
        // Offsets have 32 bits; what lies beyond has no name.
        let bytes = &bytes[..bytes.len().min(u32::MAX as usize)];
        let mut text = String::with_capacity(bytes.len());
        for chunk in bytes.utf8_chunks() {
            text.push_str(chunk.valid());
            text.extend(chunk.invalid().iter().map(|_| '\0'));
        }
        let ends = text.bytes().zip(0..).filter_map(|(byte, at)| (byte == 0).then_some(at)).collect();
        Strings { text, ends }
    }

    /// The text at `start` up to a zero byte; `None` outside of the table and inside of a character.
    fn name_at(&self, start: usize) -> Option<&str> {
        let rest = self.text.get(start..)?;
        let next = self.ends.get(self.ends.partition_point(|&end| (end as usize) < start));
        let len = next.map_or(rest.len(), |&end| end as usize - start);
        Some(&rest[..rest.floor_char_boundary(len.min(MAX_NAME))])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_ends_at_a_zero_at_what_is_not_utf8_and_at_its_limit() {
        let strings = Strings::new(b"\0main\0a\xffb\0\xc3\xa9t\xc3");
        let names: Vec<_> = (0..16).map(|start| strings.name_at(start)).collect();
        let main = [Some(""), Some("main"), Some("ain"), Some("in"), Some("n"), Some("")];
        assert_eq!(names[..6], main);
        assert_eq!(names[6..10], [Some("a"), Some(""), Some("b"), Some("")]);
        assert_eq!(names[10..], [Some("\u{e9}t"), None, Some("t"), Some(""), Some(""), None]);
        let long = Strings::new("\u{e9}".repeat(MAX_NAME).as_bytes());
        assert_eq!(long.name_at(0).map(str::len), Some(MAX_NAME));
        let odd = Strings::new(format!("x{}", "\u{e9}".repeat(MAX_NAME)).as_bytes());
        assert_eq!(odd.name_at(0).map(str::len), Some(MAX_NAME - 1));
    }

    #[test]
    fn a_function_is_the_same_however_often_it_is_asked_for() {
        let names = ["main", "helper", "main", "data", "late", "main"];
        let kinds = [0, 0, 0, 2, 1, 1]
            .map(|kind| [SymbolKind::Function, SymbolKind::Label, SymbolKind::Object][kind]);
        let text = names.join("\0");
        let start = |number: usize| names[..number].iter().map(|name| name.len() as u32 + 1).sum::<u32>();
        let entry = |number: usize| Entry {
            kind: kinds[number],
            addr: 100 + number as u64,
            size: 0,
            name: (start(number), start(number) + names[number].len() as u32),
        };
        let mut entries: Vec<_> = (0..names.len()).map(entry).collect();
        entries.sort_by_key(|entry| (entry.kind, entry.addr));
        let symbols = Symbols { entries, text, ..Symbols::default() };
        for _ in 0..=UNSORTED {
            let found = ["main", "helper", "data", "late", "none"].map(|name| symbols.function(name));
            assert_eq!(found, [Some(100), Some(101), None, Some(104), None]);
        }
        assert!(symbols.by_name.get().is_some());
    }
}
