//! Writes small ELF files byte by byte, so that tests own every field of what a loader reads.
//!
//! The result of an untouched builder is a valid RISC-V executable; tests then change one field
//! through [`Elf`]'s own setters or overwrite bytes at the offsets given here.

/// Size of the file header in bytes.
pub const EHDR_SIZE: usize = 64;
/// Size of one program header in bytes.
pub const PHDR_SIZE: usize = 56;
/// Size of one section header in bytes.
const SHDR_SIZE: usize = 64;

/// `p_type` of a segment to load.
pub const PT_LOAD: u32 = 1;
/// `p_type` of the path of a dynamic linker.
pub const PT_INTERP: u32 = 3;
/// `p_type` of the program headers themselves.
pub const PT_PHDR: u32 = 6;
/// `p_type` of the thread-local image.
pub const PT_TLS: u32 = 7;
/// `p_type` of the stack's permissions.
pub const PT_GNU_STACK: u32 = 0x6474_e551;

/// `p_flags`: executable.
pub const PF_X: u32 = 1;
/// `p_flags`: writable.
pub const PF_W: u32 = 2;
/// `p_flags`: readable.
pub const PF_R: u32 = 4;

/// One program header and the bytes it refers to.
#[derive(Clone, Debug)]
pub struct Phdr {
    /// `p_type`.
    pub kind: u32,
    /// `p_flags`.
    pub flags: u32,
    /// `p_vaddr`.
    pub addr: u64,
    /// `p_memsz`; `p_filesz` is the length of `data`.
    pub size: u64,
    /// `p_align`.
    pub align: u64,
    /// What lies in the file.
    pub data: Vec<u8>,
}

impl Phdr {
    /// A page-aligned `PT_LOAD` whose size in memory is that of its data.
    #[must_use]
    pub fn load(flags: u32, addr: u64, data: &[u8]) -> Self {
        Phdr { kind: PT_LOAD, flags, addr, size: data.len() as u64, align: 0x1000, data: data.to_vec() }
    }

    /// The same with `size` bytes in memory.
    #[must_use]
    pub fn with_size(self, size: u64) -> Self {
        Phdr { size, ..self }
    }

    /// The same with another `p_align`.
    #[must_use]
    pub fn with_align(self, align: u64) -> Self {
        Phdr { align, ..self }
    }

    /// The same with another `p_type`.
    #[must_use]
    pub fn with_kind(self, kind: u32) -> Self {
        Phdr { kind, ..self }
    }
}

/// A function's name, address and size in bytes, for the symbol table.
#[derive(Clone, Debug)]
struct Symbol {
    name: String,
    addr: u64,
    size: u64,
}

/// An ELF file in the making.
#[derive(Clone, Debug)]
pub struct Elf {
    kind: u16,
    flags: u32,
    entry: u64,
    phdrs: Vec<Phdr>,
    symbols: Vec<Symbol>,
    arch: Option<String>,
}

impl Elf {
    /// A position-dependent executable (`ET_EXEC`) without segments.
    #[must_use]
    pub fn exec(entry: u64) -> Self {
        Elf { kind: 2, flags: 5, entry, phdrs: Vec::new(), symbols: Vec::new(), arch: None }
    }

    /// A position-independent one (`ET_DYN`).
    #[must_use]
    pub fn dynamic(entry: u64) -> Self {
        Elf { kind: 3, ..Elf::exec(entry) }
    }

    /// An executable with these instruction words at 0x10000, its entry, named `_start`.
    #[must_use]
    pub fn of_words(words: &[u32]) -> Self {
        let code: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        Elf::exec(0x10000).segment(Phdr::load(PF_R | PF_X, 0x10000, &code)).symbol(
            "_start",
            0x10000,
            code.len() as u64,
        )
    }

    /// Adds a program header.
    #[must_use]
    pub fn segment(mut self, phdr: Phdr) -> Self {
        self.phdrs.push(phdr);
        self
    }

    /// Sets `e_flags`.
    #[must_use]
    pub fn flags(self, flags: u32) -> Self {
        Elf { flags, ..self }
    }

    /// Adds a function to the symbol table.
    #[must_use]
    pub fn symbol(mut self, name: &str, addr: u64, size: u64) -> Self {
        self.symbols.push(Symbol { name: name.to_owned(), addr, size });
        self
    }

    /// Adds a `.riscv.attributes` section with this `Tag_RISCV_arch`.
    #[must_use]
    pub fn arch(self, arch: &str) -> Self {
        Elf { arch: Some(arch.to_owned()), ..self }
    }

    /// The bytes of the file.
    #[must_use]
    pub fn build(&self) -> Vec<u8> {
        let mut file = vec![0; EHDR_SIZE + PHDR_SIZE * self.phdrs.len()];
        for (index, phdr) in self.phdrs.iter().enumerate() {
            let offset = self.append_aligned(&mut file, phdr);
            put_phdr(&mut file, EHDR_SIZE + PHDR_SIZE * index, phdr, offset);
        }
        let sections = self.sections();
        let (table, count) = append_sections(&mut file, &sections);
        self.put_header(&mut file, table, count);
        file
    }

    /// Appends the segment's data where its offset is congruent to its address modulo the page size.
    fn append_aligned(&self, file: &mut Vec<u8>, phdr: &Phdr) -> u64 {
        let congruent = phdr.kind == PT_LOAD && !phdr.data.is_empty();
        while congruent && file.len() as u64 % 0x1000 != phdr.addr % 0x1000 {
            file.push(0);
        }
        let offset = file.len() as u64;
        file.extend_from_slice(&phdr.data);
        offset
    }

    fn put_header(&self, file: &mut [u8], table: u64, count: u16) {
        file[..8].copy_from_slice(b"\x7fELF\x02\x01\x01\0");
        put16(file, 16, self.kind);
        put16(file, 18, 243);
        put32(file, 20, 1);
        put64(file, 24, self.entry);
        put64(file, 32, EHDR_SIZE as u64);
        put64(file, 40, table);
        put32(file, 48, self.flags);
        put16(file, 52, EHDR_SIZE as u16);
        put16(file, 54, PHDR_SIZE as u16);
        put16(file, 56, self.phdrs.len() as u16);
        put16(file, 58, SHDR_SIZE as u16);
        put16(file, 60, count);
        put16(file, 62, count - 1);
    }

    fn sections(&self) -> Vec<Section> {
        let mut sections = vec![Section::default()];
        if !self.symbols.is_empty() {
            let (table, strings) = self.symbol_table();
            sections.push(Section { name: ".symtab", kind: 2, link: 2, info: 1, entry: 24, data: table });
            sections.push(Section { name: ".strtab", kind: 3, data: strings, ..Section::default() });
        }
        if let Some(arch) = &self.arch {
            let data = attributes(arch);
            sections.push(Section {
                name: ".riscv.attributes",
                kind: 0x7000_0003,
                data,
                ..Section::default()
            });
        }
        sections.push(Section { name: ".shstrtab", kind: 3, ..Section::default() });
        sections
    }

    fn symbol_table(&self) -> (Vec<u8>, Vec<u8>) {
        let (mut table, mut strings) = (vec![0; 24], vec![0]);
        for symbol in &self.symbols {
            let mut entry = [0; 24];
            put32(&mut entry, 0, strings.len() as u32);
            entry[4] = 0x12; // a global function
            put16(&mut entry, 6, 0xfff1); // absolute: the file has no section to name
            put64(&mut entry, 8, symbol.addr);
            put64(&mut entry, 16, symbol.size);
            table.extend_from_slice(&entry);
            strings.extend_from_slice(symbol.name.as_bytes());
            strings.push(0);
        }
        (table, strings)
    }
}

#[derive(Default)]
struct Section {
    name: &'static str,
    kind: u32,
    link: u32,
    info: u32,
    entry: u64,
    data: Vec<u8>,
}

/// Appends the sections' bytes and their table; the last section becomes that of the names.
fn append_sections(file: &mut Vec<u8>, sections: &[Section]) -> (u64, u16) {
    let names: Vec<u8> = sections.iter().flat_map(|s| [s.name.as_bytes(), b"\0"].concat()).collect();
    let mut headers = Vec::new();
    let mut name_at = 0;
    for (index, section) in sections.iter().enumerate() {
        let data = if index + 1 == sections.len() { &names } else { &section.data };
        let mut header = [0; SHDR_SIZE];
        put32(&mut header, 0, name_at);
        put32(&mut header, 4, section.kind);
        put64(&mut header, 24, file.len() as u64);
        put64(&mut header, 32, data.len() as u64);
        put32(&mut header, 40, section.link);
        put32(&mut header, 44, section.info);
        put64(&mut header, 56, section.entry);
        headers.extend_from_slice(&header);
        file.extend_from_slice(data);
        name_at += section.name.len() as u32 + 1;
    }
    let table = file.len() as u64;
    file.extend_from_slice(&headers);
    (table, sections.len() as u16)
}

/// The contents of `.riscv.attributes`: version, one `riscv` subsection, one file subsubsection.
fn attributes(arch: &str) -> Vec<u8> {
    let mut attributes = vec![5]; // Tag_RISCV_arch
    attributes.extend_from_slice(arch.as_bytes());
    attributes.push(0);
    let mut file = vec![1]; // Tag_File
    file.extend_from_slice(&(attributes.len() as u32 + 5).to_le_bytes());
    file.extend_from_slice(&attributes);
    let mut section = b"A".to_vec();
    section.extend_from_slice(&(file.len() as u32 + 4 + 6).to_le_bytes());
    section.extend_from_slice(b"riscv\0");
    section.extend_from_slice(&file);
    section
}

fn put_phdr(file: &mut [u8], at: usize, phdr: &Phdr, offset: u64) {
    put32(file, at, phdr.kind);
    put32(file, at + 4, phdr.flags);
    put64(file, at + 8, offset);
    put64(file, at + 16, phdr.addr);
    put64(file, at + 24, phdr.addr);
    put64(file, at + 32, phdr.data.len() as u64);
    put64(file, at + 40, phdr.size);
    put64(file, at + 48, phdr.align);
}

/// Overwrites two bytes of a file, little-endian.
pub fn put16(file: &mut [u8], at: usize, value: u16) {
    file[at..at + 2].copy_from_slice(&value.to_le_bytes());
}

/// Overwrites four bytes of a file, little-endian.
pub fn put32(file: &mut [u8], at: usize, value: u32) {
    file[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

/// Overwrites eight bytes of a file, little-endian.
pub fn put64(file: &mut [u8], at: usize, value: u64) {
    file[at..at + 8].copy_from_slice(&value.to_le_bytes());
}
