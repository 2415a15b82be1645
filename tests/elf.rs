//! The ELF loader: what real linkers produce is accepted, and every way to be wrong has its own error.

use causality_machine::Limits;
use causality_machine::memory::{Perms, SegmentKind};
use causality_testkit::elf::{
    EHDR_SIZE, Elf, PF_R, PF_W, PF_X, PHDR_SIZE, PT_GNU_STACK, PT_INTERP, PT_PHDR, PT_TLS, Phdr, put16,
    put32, put64,
};
use causality_vm::elf::{LoadError, Program, SymbolKind};

const RX: u32 = PF_R | PF_X;
const RW: u32 = PF_R | PF_W;
const RET: [u8; 4] = [0x67, 0x80, 0, 0];

// Offsets in the file header and in a program header.
const EI_CLASS: usize = 4;
const EI_DATA: usize = 5;
const EI_VERSION: usize = 6;
const E_TYPE: usize = 16;
const E_MACHINE: usize = 18;
const E_VERSION: usize = 20;
const E_PHOFF: usize = 32;
const E_SHOFF: usize = 40;
const E_PHENTSIZE: usize = 54;
const E_PHNUM: usize = 56;
const P_OFFSET: usize = EHDR_SIZE + 8;
const P_VADDR: usize = EHDR_SIZE + 16;
const P_FILESZ: usize = EHDR_SIZE + 32;
const P_MEMSZ: usize = EHDR_SIZE + 40;

fn parse(elf: &Elf) -> Result<Program, LoadError> {
    Program::parse(&elf.build(), &Limits::default())
}

/// One text segment and nothing else.
fn minimal() -> Elf {
    Elf::exec(0x10000).segment(Phdr::load(RX, 0x10000, &RET))
}

/// The error of the minimal program after `change`.
fn error_after(change: impl FnOnce(&mut Vec<u8>)) -> LoadError {
    let mut file = minimal().build();
    change(&mut file);
    Program::parse(&file, &Limits::default()).expect_err("the file is wrong")
}

/// (name, perms, addr, size, initialised bytes)
type Placed = (String, Perms, u64, u64, usize);

fn placed(program: &Program) -> Vec<Placed> {
    let segments = program.image().segments.iter();
    segments.map(|s| (s.name.clone(), s.perms, s.addr, s.size, s.data.len())).collect()
}

#[test]
fn text_rodata_and_data_get_their_kinds_addresses_and_bytes() {
    let program = parse(
        &minimal()
            .segment(Phdr::load(PF_R, 0x11010, b"constant"))
            .segment(Phdr::load(RW, 0x12000, b"data").with_size(0x5000)),
    )
    .unwrap();
    let kinds: Vec<_> = program.image().segments.iter().map(|s| s.kind).collect();
    assert_eq!(kinds, [SegmentKind::Text, SegmentKind::Rodata, SegmentKind::Data]);
    assert_eq!(
        placed(&program),
        [
            ("text".to_owned(), Perms::RX, 0x10000, 4, 4),
            ("rodata".to_owned(), Perms::R, 0x11010, 8, 8),
            ("data".to_owned(), Perms::RW, 0x12000, 0x5000, 4),
        ]
    );
    assert_eq!(program.image().segments[1].data, b"constant");
    assert_eq!(program.image().entry, 0x10000);
    assert_eq!(program.base(), 0);
}

#[test]
fn a_position_independent_program_is_shifted_to_a_low_aligned_base() {
    let program = parse(
        &Elf::dynamic(0x1002)
            .segment(Phdr::load(RX, 0x1000, &[RET, RET].concat()))
            .segment(Phdr::load(RW, 0x40000, &[1]).with_align(0x20000))
            .symbol("absolute", 0x1000, 8),
    )
    .unwrap();
    assert_eq!((program.base(), program.image().entry), (0x20000, 0x21002));
    assert_eq!(placed(&program)[1].2, 0x60000);
}

#[test]
fn the_program_headers_are_found_where_they_are_loaded() {
    let elf = minimal().segment(Phdr::load(PF_R, 0x20000, &RET).with_kind(PT_PHDR));
    assert_eq!(parse(&elf).unwrap().image().program_headers, (0, 0), "they are in no segment");
    let mut file = elf.build();
    let size = (EHDR_SIZE + 2 * PHDR_SIZE) as u64;
    put64(&mut file, P_OFFSET, 0);
    put64(&mut file, P_FILESZ, size);
    put64(&mut file, P_MEMSZ, size);
    let program = Program::parse(&file, &Limits::default()).unwrap();
    assert_eq!(program.image().program_headers, (0x10000 + EHDR_SIZE as u64, 2));
}

#[test]
fn segments_that_occupy_no_memory_and_other_headers_are_passed_over() {
    let elf = minimal()
        .segment(Phdr::load(RW, 0x10000, &[]))
        .segment(Phdr::load(RW, u64::MAX, &[]).with_kind(PT_GNU_STACK).with_size(u64::MAX))
        .segment(Phdr::load(PF_R, 0x10000, &[]).with_kind(PT_TLS).with_size(64));
    assert_eq!(placed(&parse(&elf).unwrap()).len(), 1);
}

#[test]
fn a_page_shared_by_constants_and_code_becomes_a_segment_that_allows_both() {
    let program =
        parse(&Elf::exec(0x11f04).segment(Phdr::load(PF_R, 0x10000, &[1; 0x1f00])).segment(Phdr::load(
            RX,
            0x11f04,
            &[2; 0x200],
        )))
        .unwrap();
    assert_eq!(
        placed(&program),
        [
            ("rodata".to_owned(), Perms::R, 0x10000, 0x1000, 0x1000),
            ("text".to_owned(), Perms::RX, 0x11000, 0x1000, 0x1000),
            ("text".to_owned(), Perms::RX, 0x12000, 0x104, 0x104),
        ]
    );
    let page = &program.image().segments[1].data;
    assert_eq!((page[0xeff], page[0xf00], page[0xf03], page[0xf04]), (1, 0, 0, 2));
}

#[test]
fn many_segments_on_one_page_become_one() {
    let mut elf = Elf::exec(0x10000);
    for index in 0..16 {
        let flags = if index % 2 == 0 { RX } else { PF_R };
        elf = elf.segment(Phdr::load(flags, 0x10000 + index * 0x100, &[index as u8; 0x80]));
    }
    let program = parse(&elf).unwrap();
    assert_eq!(placed(&program), [("text".to_owned(), Perms::RX, 0x10000, 0xf80, 0xf80)]);
    assert_eq!(program.image().segments[0].data[0xf00], 15);
}

/// A tiny file that says it has 512 MiB of zeros before a shared page must not cost 512 MiB.
#[test]
fn zeros_before_a_shared_page_are_not_allocated() {
    let program = parse(
        &minimal().segment(Phdr::load(RW, 0x20000, &[1]).with_size((512 << 20) + 8)).segment(Phdr::load(
            RW,
            0x20000 + (512 << 20) + 16,
            &[2],
        )),
    )
    .unwrap();
    let bytes: usize = placed(&program).iter().map(|segment| segment.4).sum();
    assert!(bytes < 64, "{bytes}");
}

#[test]
fn a_page_shared_by_code_and_variables_is_refused_with_both_names() {
    let elf = Elf::exec(0x10000)
        .segment(Phdr::load(RX, 0x10000, &[0; 0x100]))
        .segment(Phdr::load(PF_R, 0x10100, &[0; 0x100]))
        .segment(Phdr::load(RW, 0x10200, &[0; 0x100]));
    let error = parse(&elf).unwrap_err();
    assert!(
        error.to_string().starts_with(
            "PT_LOAD 0 (r-x, 0x10000..0x10100) and PT_LOAD 2 (rw-, 0x10200..0x10300) share the page at 0x10000"
        ),
        "{error}"
    );
    let limits = Limits { allow_writable_code: true, ..Limits::default() };
    let program = Program::parse(&elf.build(), &limits).unwrap();
    assert_eq!(placed(&program)[0].1, Perms::RWX);
}

#[test]
fn one_segment_for_everything_is_refused_unless_allowed() {
    let elf = Elf::exec(0x10000).segment(Phdr::load(RX | PF_W, 0x10000, &RET));
    let error = parse(&elf).unwrap_err();
    assert_eq!(error, LoadError::WritableCode { segment: "PT_LOAD 0 (rwx, 0x10000..0x10004)".to_owned() });
    let limits = Limits { allow_writable_code: true, ..Limits::default() };
    assert!(Program::parse(&elf.build(), &limits).is_ok());
}

#[test]
fn other_files_are_told_apart() {
    let parse = |bytes: &[u8]| Program::parse(bytes, &Limits::default()).unwrap_err();
    assert_eq!(parse(b""), LoadError::NotElf);
    assert_eq!(parse(b"#!/bin/sh\n"), LoadError::NotElf);
    assert_eq!(parse(b"\x7fEL"), LoadError::NotElf);
    assert!(matches!(parse(b"\x7fELF"), LoadError::Truncated { end: 64, size: 4, .. }));
    assert_eq!(error_after(|f| f[EI_CLASS] = 1), LoadError::Class32);
    assert_eq!(error_after(|f| f[EI_CLASS] = 9), LoadError::Header { field: "EI_CLASS", value: 9 });
    assert_eq!(error_after(|f| f[EI_DATA] = 2), LoadError::BigEndian);
    assert_eq!(error_after(|f| f[EI_DATA] = 0), LoadError::Header { field: "EI_DATA", value: 0 });
    assert_eq!(error_after(|f| f[EI_VERSION] = 0), LoadError::Header { field: "EI_VERSION", value: 0 });
    assert_eq!(error_after(|f| put16(f, E_MACHINE, 62)), LoadError::Machine { machine: 62 });
    assert_eq!(error_after(|f| put16(f, E_TYPE, 1)), LoadError::NotExecutable { kind: 1 });
    assert_eq!(error_after(|f| put32(f, E_VERSION, 7)), LoadError::Header { field: "e_version", value: 7 });
}

#[test]
fn every_truncation_of_a_file_is_an_error_and_never_a_panic() {
    let file = minimal()
        .segment(Phdr::load(RW, 0x20000, &[7; 300]))
        .symbol("main", 0x10000, 4)
        .arch("rv64i2p1")
        .build();
    assert!(Program::parse(&file, &Limits::default()).is_ok());
    for len in 0..file.len() {
        let error = Program::parse(&file[..len], &Limits::default()).unwrap_err();
        assert!(matches!(error, LoadError::NotElf | LoadError::Truncated { .. }), "{len}: {error}");
    }
}

#[test]
fn tables_past_the_end_of_the_file_are_truncation() {
    for offset in [0x10_0000, u64::MAX, u64::MAX - 55] {
        let error = error_after(|f| put64(f, E_PHOFF, offset));
        assert!(error.to_string().contains("the program header table"), "{error}");
        let error = error_after(|f| put64(f, E_SHOFF, offset));
        assert!(matches!(error, LoadError::Truncated { .. } | LoadError::Sections { .. }), "{error}");
    }
    let error = error_after(|f| put64(f, P_OFFSET, 0x7000_0000));
    assert!(
        error.to_string().contains("PT_LOAD 0 (r-x, 0x10000..0x10004) ends at byte 0x70000004"),
        "{error}"
    );
    let error = error_after(|f| put64(f, P_OFFSET, u64::MAX - 1));
    assert!(matches!(error, LoadError::Truncated { end: u64::MAX, .. }), "{error}");
}

#[test]
fn program_headers_of_another_size_are_refused() {
    let error = error_after(|f| put16(f, E_PHENTSIZE, 32));
    assert_eq!(error, LoadError::Header { field: "e_phentsize", value: 32 });
}

#[test]
fn a_file_without_anything_to_load_is_refused() {
    assert_eq!(error_after(|f| put16(f, E_PHNUM, 0)), LoadError::NoSegments);
    assert_eq!(error_after(|f| put32(f, EHDR_SIZE, PT_TLS)), LoadError::NoSegments);
    let empty = Elf::exec(0x10000).segment(Phdr::load(RX, 0x10000, &[]));
    assert_eq!(parse(&empty).unwrap_err(), LoadError::NoSegments);
}

#[test]
fn sixty_five_thousand_segments_are_refused_before_they_are_looked_at() {
    let mut file = minimal().build();
    let phdrs = file.len() as u64;
    for index in 0..0xfffe_u64 {
        let mut phdr = [0; PHDR_SIZE];
        put32(&mut phdr, 0, 1);
        put64(&mut phdr, 16, 0x10000 + index * 0x1000);
        put64(&mut phdr, 40, 0x1000);
        file.extend_from_slice(&phdr);
    }
    put64(&mut file, E_PHOFF, phdrs);
    put16(&mut file, E_PHNUM, 0xfffe);
    let error = Program::parse(&file, &Limits::default()).unwrap_err();
    assert_eq!(error, LoadError::TooManySegments { count: 0xfffe, limit: 1024 });
    // 0xffff says that the first section header holds the true count.
    let error = error_after(|f| {
        let section = u64::from_le_bytes(f[E_SHOFF..E_SHOFF + 8].try_into().unwrap()) as usize;
        put16(f, E_PHNUM, 0xffff);
        put32(f, section + 44, 0x1_0000);
    });
    assert!(matches!(error, LoadError::Truncated { .. }), "{error}");
}

#[test]
fn sizes_and_addresses_that_cannot_be_are_refused() {
    let error = error_after(|f| put64(f, P_MEMSZ, 3));
    let segment = "PT_LOAD 0 (r-x, 0x10000..0x10003)".to_owned();
    assert_eq!(error, LoadError::Sizes { segment, file: 4, memory: 3 });
    for (addr, size) in [
        (u64::MAX - 1, 4),
        (u64::MAX, 4),
        (4 << 30, 4),
        ((4 << 30) - 2, 4),
        (0x10000, u64::MAX),
        (0, (4 << 30) + 1),
    ] {
        let error = error_after(|f| {
            put64(f, P_VADDR, addr);
            put64(f, P_MEMSZ, size);
        });
        assert!(matches!(error, LoadError::OutsideAddressSpace { .. }), "{addr:#x} {size:#x}: {error}");
    }
    let error = error_after(|f| put64(f, P_MEMSZ, 2 << 30));
    assert_eq!(error, LoadError::TooMuchMemory { needed: 2 << 30, limit: 1 << 30 });
}

#[test]
fn segments_that_together_need_too_much_are_refused() {
    let mut elf = minimal();
    for index in 1..=4 {
        elf = elf.segment(Phdr::load(RW, index << 29, &[]).with_size(256 << 20));
    }
    let needed = (1 << 30) + 0x1000;
    assert_eq!(parse(&elf).unwrap_err(), LoadError::TooMuchMemory { needed, limit: 1 << 30 });
}

#[test]
fn overlapping_segments_are_refused_with_both_names() {
    let elf = Elf::exec(0x10000).segment(Phdr::load(RW, 0x10ffe, &[0; 8])).segment(Phdr::load(
        RX,
        0x10000,
        &[0; 0x1000],
    ));
    let message = "PT_LOAD 1 (r-x, 0x10000..0x11000) and PT_LOAD 0 (rw-, 0x10ffe..0x11006) overlap";
    assert_eq!(parse(&elf).unwrap_err().to_string(), message);
}

#[test]
fn segments_may_touch_but_not_share_a_byte() {
    let with = |addr| parse(&minimal().segment(Phdr::load(PF_R, addr, &[1])));
    assert!(with(0x10004).is_ok());
    assert!(matches!(with(0x10003).unwrap_err(), LoadError::Overlap { .. }));
}

#[test]
fn alignments_must_be_powers_of_two_and_huge_ones_have_no_place() {
    let with = |align| parse(&minimal().segment(Phdr::load(RW, 0x20000, &[1]).with_align(align)));
    assert!(with(0).is_ok() && with(1).is_ok() && with(1 << 16).is_ok());
    assert!(matches!(with(3).unwrap_err(), LoadError::Alignment { align: 3, .. }));
    assert!(matches!(with(u64::MAX).unwrap_err(), LoadError::Alignment { .. }));
    let elf = Elf::dynamic(0).segment(Phdr::load(RX, 0, &RET).with_align(1 << 63));
    assert!(matches!(parse(&elf).unwrap_err(), LoadError::OutsideAddressSpace { .. }));
    let elf = Elf::dynamic(0).segment(Phdr::load(RX, 0, &RET).with_align(u64::MAX));
    assert!(matches!(parse(&elf).unwrap_err(), LoadError::Alignment { .. }));
}

#[test]
fn an_entry_point_without_code_is_refused() {
    let data = Phdr::load(RW, 0x20000, &RET);
    for entry in [0, 0xfffe, 0x10004, 0x20000, u64::MAX - 1] {
        let elf = Elf::exec(entry).segment(Phdr::load(RX, 0x10000, &RET)).segment(data.clone());
        assert_eq!(parse(&elf).unwrap_err(), LoadError::EntryOutsideText { entry });
    }
    let odd = Elf::exec(0x10001).segment(Phdr::load(RX, 0x10000, &RET));
    assert_eq!(parse(&odd).unwrap_err(), LoadError::EntryMisaligned { entry: 0x10001 });
}

#[test]
fn dynamically_linked_programs_are_refused_by_the_name_of_their_interpreter() {
    let interp = |path: &[u8]| minimal().segment(Phdr::load(PF_R, 0x10000, path).with_kind(PT_INTERP));
    let error = parse(&interp(b"/lib/ld-musl-riscv64.so.1\0")).unwrap_err();
    assert!(
        error.to_string().starts_with("dynamically linked: it asks for the interpreter `/lib/ld-musl"),
        "{error}"
    );
    let long = parse(&interp(&[b'a'; 100_000])).unwrap_err();
    assert_eq!(long, LoadError::DynamicallyLinked { interpreter: "a".repeat(256) });
}

#[test]
fn abis_of_other_machines_are_refused() {
    for (flags, what) in [(0x8, "RV64E"), (0x6, "extension Q"), (0x20, "ILP32")] {
        let error = parse(&minimal().flags(flags)).unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
    }
    for flags in [0, 1, 3, 5, 0x15] {
        assert!(parse(&minimal().flags(flags)).is_ok());
    }
}

#[test]
fn symbols_name_the_function_an_address_is_in() {
    let elf = Elf::exec(0x10000)
        .segment(Phdr::load(RX, 0x10000, &[0; 0x100]))
        .symbol("second", 0x10010, 8)
        .symbol("first", 0x10000, 0x10)
        .symbol("$x", 0x10014, 0)
        .symbol("open_end", 0x10020, 0);
    let program = parse(&elf).unwrap();
    let at = |pc| program.symbols().at(pc).map(|(symbol, offset)| (symbol.name.to_owned(), offset));
    assert_eq!(at(0xffff), None);
    assert_eq!(at(0x10000), Some(("first".to_owned(), 0)));
    assert_eq!(at(0x1000e), Some(("first".to_owned(), 14)));
    assert_eq!(at(0x10014), Some(("second".to_owned(), 4)));
    assert_eq!(at(0x10018), None, "beyond the end of second");
    assert_eq!(at(0x10050), Some(("open_end".to_owned(), 0x30)));
    let symbol = program.symbols().find("second").unwrap();
    assert_eq!((symbol.addr, symbol.size, symbol.kind), (0x10010, 8, SymbolKind::Function));
    assert!(program.symbols().find("$x").is_none());
}

#[test]
fn names_that_lie_outside_the_string_table_or_never_end_are_harmless() {
    let good = minimal().symbol("main", 0x10000, 4).build();
    let name = good.windows(5).rposition(|w| w == b"main\0").unwrap();
    let mut endless = good.clone();
    endless[name + 4] = b'!';
    let program = Program::parse(&endless, &Limits::default()).unwrap();
    assert_eq!(program.symbols().iter().next().unwrap().name, "main!");
    let mut invalid = good;
    invalid[name + 2] = 0xff;
    let program = Program::parse(&invalid, &Limits::default()).unwrap();
    assert_eq!(program.symbols().iter().next().unwrap().name, "ma");
}

#[test]
fn the_isa_string_is_read_from_the_attributes() {
    let arch = "rv64i2p1_m2p0_a2p1_f2p2_d2p2_c2p0_zicsr2p0";
    assert_eq!(parse(&minimal().arch(arch)).unwrap().arch(), Some(arch));
    assert_eq!(parse(&minimal()).unwrap().arch(), None);
}

#[test]
fn programs_for_other_machines_are_refused_by_what_is_missing() {
    let missing = |arch: &str| match parse(&minimal().arch(arch)).unwrap().check_extensions() {
        Ok(()) => String::new(),
        Err(LoadError::Extensions { missing, .. }) => missing,
        Err(other) => other.to_string(),
    };
    assert_eq!(missing("rv64i2p1_m2p0_a2p1_f2p2_d2p2_c2p0_zicsr2p0_zba1p0_zfa1p0"), "");
    assert_eq!(missing("rv64i2p1_v1p0_zfh1p0"), "v, zfh");
    assert_eq!(missing("rv64i2p1_q2p2"), "q");
    assert_eq!(missing("rv64e2p0"), "e");
    assert_eq!(missing("rv32i2p1_m2p0"), "rv32 as the base");
    assert!(
        missing("armv8").starts_with("the section .riscv.attributes is malformed: Tag_RISCV_arch `armv8`")
    );
    assert_eq!(parse(&minimal()).unwrap().check_extensions(), Ok(()));
}

/// Not a fuzzer, but what one does first: every byte of the headers, and every value it may have.
#[test]
fn no_single_wrong_byte_makes_the_loader_panic() {
    let file = minimal().symbol("main", 0x10000, 4).arch("rv64i2p1").build();
    let limits = Limits::default();
    for at in (0..EHDR_SIZE + PHDR_SIZE).chain(file.len() - 600..file.len()) {
        for value in [0, 1, 2, 4, 0x7f, 0x80, 0xfe, 0xff] {
            let mut file = file.clone();
            file[at] = value;
            let _ = Program::parse(&file, &limits);
        }
    }
}

/// Small valid programs that fuzzing of the loader starts from.
fn fuzz_seeds() -> [(&'static str, Vec<u8>); 4] {
    // At these addresses a segment's bytes follow the headers without a gap.
    let at = |headers: usize| 0x10000 + (EHDR_SIZE + headers * PHDR_SIZE) as u64;
    let tiny = Elf::exec(at(1)).segment(Phdr::load(RX, at(1), &RET));
    let full = Elf::exec(at(3))
        .segment(Phdr::load(RX, at(3), &RET))
        .segment(Phdr::load(PF_R, at(3) + 0x1004, b"constants"))
        .segment(Phdr::load(RW, at(3) + 0x200d, b"data").with_size(0x3000))
        .symbol("main", at(3), 4)
        .arch("rv64i2p1_m2p0_c2p0");
    let shared = Elf::exec(at(2) + 8).segment(Phdr::load(PF_R, at(2), b"constant")).segment(Phdr::load(
        RX,
        at(2) + 8,
        &RET,
    ));
    let dynamic = Elf::dynamic(at(1)).segment(Phdr::load(RX, at(1), &RET));
    [("tiny", tiny), ("full", full), ("shared-page", shared), ("position-independent", dynamic)]
        .map(|(name, elf)| (name, elf.build()))
}

/// `CAUSALITY_BLESS=1` writes them again.
#[test]
fn the_fuzz_seeds_are_current_small_and_valid() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/elf");
    for (name, bytes) in fuzz_seeds() {
        assert!(bytes.len() < 1024, "{name} has {} bytes", bytes.len());
        assert!(Program::parse(&bytes, &Limits::default()).is_ok(), "{name}");
        let path = folder.join(name);
        if std::env::var_os("CAUSALITY_BLESS").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, &bytes).unwrap();
        }
        assert!(std::fs::read(&path).unwrap() == bytes, "{name} is stale");
    }
}
