//! Comparing the decoder and the disassembler with another disassembler.
//!
//! The words go into the `.text` of an ELF file, the other disassembler prints it twice (as encoded, and with
//! aliases), and each line, after what its [`Oracle`] does to it, must equal ours: the same words rejected,
//! the same text for the others. Each test file is one oracle and lists at its top where it differs from us
//! on purpose.

use crate::testing::Random;
use causality_isa::disasm::Style;
use causality_isa::{Opcode, csr, decode};
use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::{env, fs};

/// Another disassembler.
pub(crate) trait Oracle: Sync {
    /// The program to run, as found in `PATH`.
    fn program(&self) -> &str;

    /// Arguments to print the `.text` of a file, without raw bytes, blocks of zeros included.
    fn arguments(&self, pseudo: bool) -> Vec<&str>;

    /// The ISA string that the ELF file carries in `.riscv.attributes`.
    fn isa_string(&self) -> Option<&str>;

    /// Brings a line into our spelling: operands separated by `, `, `0x` only before addresses,
    /// [`REJECTED`], no comments.
    fn respell(&self, theirs: &str) -> String;

    /// What we have to print, given what the other prints: the rules of the test's documentation. `None`: the
    /// other does not know.
    fn normalise(&self, word: u32, theirs: String, pseudo: bool) -> Option<String>;
}

/// Stands for the text of a word that is no instruction.
pub(crate) const REJECTED: &str = "<unknown>";

const TEXT_ADDRESS: u64 = 0x8000_0000;

/// All halfwords that are not the beginning of a longer instruction.
pub(crate) fn halfwords() -> Vec<u32> {
    (0..=u16::MAX as u32).filter(|half| half & 3 != 3).collect()
}

/// All `MISC-MEM` words, privileged and environment instructions, and CSR writes with `rd` = `x0`.
pub(crate) fn operations_without_destination() -> Vec<u32> {
    const SYSTEM: [u32; 2] = [0x0073, 0x1073];
    const MISC_MEM: [u32; 4] = [0x000f, 0x100f, 0x200f, 0x300f];
    let upper = (0..1 << 17).map(|upper| upper << 15);
    let lower = MISC_MEM.into_iter().chain(SYSTEM);
    lower.flat_map(|lower| upper.clone().map(move |upper| upper | lower)).collect()
}

/// Random words: in turn uniform ones, the rows of the table with random operands, and the same with one bit
/// flipped; `CAUSALITY_FULL` asks for `full` of them instead of `default`.
///
/// In chunks, as all of them at once would be a large file.
pub(crate) fn random_words(default: usize, full: usize) -> impl Iterator<Item = Vec<u32>> {
    const CHUNK: usize = 1_000_000;
    let total = if env::var_os("CAUSALITY_FULL").is_some_and(|value| value == "1") { full } else { default };
    let mut random = Random::new(0x5eed);
    let mut rows = Opcode::ALL.iter().cycle();
    (0..total).step_by(CHUNK).map(move |start| {
        let mut words = Vec::new();
        while words.len() < CHUNK.min(total - start) {
            let row = rows.next().unwrap();
            let near = row.fill(random.word()) ^ 1 << (random.word() % 32);
            let next = [random.word(), row.fill(random.word()), near].map(|word| word | 3);
            words.extend(next.into_iter().filter(is_four_bytes_long));
        }
        words
    })
}

/// Words that end in 11111 begin a longer instruction, which would put the two sides out of step; we decode
/// none.
fn is_four_bytes_long(word: &u32) -> bool {
    let is_longer = word & 0x1f == 0x1f;
    assert!(!is_longer || decode(*word).is_none());
    !is_longer
}

/// Compares both kinds of text for each instruction, which takes `size` bytes.
pub(crate) fn compare(oracle: &impl Oracle, words: &[u32], size: usize) {
    if !is_present(oracle) {
        return;
    }
    let csrs = csr_names_only_they_know(oracle);
    let file = write_elf(oracle, words, size);
    std::thread::scope(|scope| {
        for pseudo in [false, true] {
            let (file, csrs) = (&file, &csrs);
            scope.spawn(move || compare_with(oracle, file, words, size, pseudo, csrs));
        }
    });
    fs::remove_file(file).unwrap();
}

fn compare_with(
    oracle: &impl Oracle,
    file: &Path,
    words: &[u32],
    size: usize,
    pseudo: bool,
    csrs: &HashMap<String, String>,
) {
    let mut differences = Vec::new();
    let mut objdump = objdump(oracle, file, pseudo);
    let mut lines = lines(&mut objdump);
    for (i, &word) in words.iter().enumerate() {
        let pc = TEXT_ADDRESS + (i * size) as u64;
        let (address, theirs) = lines.next().expect("one line per instruction");
        assert_eq!(address, pc, "both sides are in step");
        let respelled = number_csr(oracle.respell(&theirs), csrs);
        let Some(expected) = oracle.normalise(word, respelled, pseudo) else { continue };
        let ours = text(word, Style { pseudo, pc: Some(pc) });
        if ours != expected {
            differences
                .push(format!("{word:#010x}: theirs {theirs:?}, expected {expected:?}, ours {ours:?}"));
        }
    }
    assert_eq!(lines.next(), None);
    assert!(objdump.wait().unwrap().success());
    let shown = &differences[..differences.len().min(40)];
    assert!(
        differences.is_empty(),
        "pseudo {pseudo}: {} differences\n{}",
        differences.len(),
        shown.join("\n")
    );
}

fn text(word: u32, style: Style) -> String {
    decode(word).map_or(REJECTED.to_string(), |decoded| decoded.display(style).to_string())
}

/// The text of a `fence` or `fence.i`, whatever its reserved fields hold.
///
/// The manual (RV32I, "Memory Ordering Instructions"; Zifencei) says that implementations shall ignore them;
/// other disassemblers reject words in which they are not zero.
pub(crate) fn fence_with_reserved_fields(word: u32) -> Option<String> {
    let set = |bits: u32| match bits & 15 {
        0 => "0".to_string(),
        bits => "iorw".chars().zip([8, 4, 2, 1]).filter(|(_, bit)| bits & bit != 0).map(|(c, _)| c).collect(),
    };
    match word & 0x707f {
        0x000f => Some(format!("fence {}, {}", set(word >> 24), set(word >> 20))),
        0x100f => Some("fence.i".to_string()),
        _ => None,
    }
}

/// Replaces the name of a CSR that is not ours by its number.
fn number_csr(theirs: String, csrs: &HashMap<String, String>) -> String {
    if !theirs.starts_with("csr") {
        return theirs;
    }
    match theirs.split([' ', ',']).find(|word| csrs.contains_key(*word)) {
        Some(name) => theirs.replacen(name, &csrs[name], 1),
        None => theirs,
    }
}

/// CSR names that are not ours, with the number that we print instead.
///
/// Asked of the oracle itself with one instruction per CSR.
fn csr_names_only_they_know(oracle: &impl Oracle) -> HashMap<String, String> {
    let words: Vec<u32> = (0..4096).map(|csr| csr << 20 | 0x2073).collect();
    let file = write_elf(oracle, &words, 4);
    let mut objdump = objdump(oracle, &file, false);
    let lines = lines(&mut objdump).map(|(_, line)| oracle.respell(&line));
    let names = lines.map(|line| line.split(", ").nth(1).unwrap().to_string()).zip(0..);
    let names = names.filter(|&(_, number)| csr::name(number).is_none());
    let names = names.map(|(name, number)| (name, number.to_string())).collect();
    assert!(objdump.wait().unwrap().success());
    fs::remove_file(file).unwrap();
    names
}

/// Whether the program runs at all; a test without its oracle passes, unless `CAUSALITY_REQUIRE_ORACLES` is
/// set.
fn is_present(oracle: &impl Oracle) -> bool {
    let program = oracle.program();
    let found = runs(program);
    if !found {
        assert!(env::var_os("CAUSALITY_REQUIRE_ORACLES").is_none(), "{program} not found");
        println!("SKIPPED: {program} not found");
    }
    found
}

/// Whether `program` is in `PATH`.
pub(crate) fn runs(program: &str) -> bool {
    Command::new(program).arg("--version").stdout(Stdio::null()).status().is_ok()
}

fn objdump(oracle: &impl Oracle, file: &Path, pseudo: bool) -> Child {
    let mut command = Command::new(oracle.program());
    command.args(oracle.arguments(pseudo)).arg(file);
    command.stdout(Stdio::piped()).spawn().unwrap()
}

/// The address and text of each instruction, blanks collapsed.
fn lines(objdump: &mut Child) -> impl Iterator<Item = (u64, String)> + use<> {
    let lines = BufReader::new(objdump.stdout.take().unwrap()).lines().map(Result::unwrap);
    lines.filter_map(|line| {
        let (address, text) = line.split_once(':')?;
        let address = u64::from_str_radix(address.trim(), 16).ok()?;
        Some((address, text.split_whitespace().collect::<Vec<_>>().join(" ")))
    })
}

/// Writes an RV64 object file whose `.text` holds the instructions, and returns its path.
fn write_elf(oracle: &impl Oracle, words: &[u32], size: usize) -> PathBuf {
    const NAMES: &[u8] = b"\0.text\0.shstrtab\0.riscv.attributes\0";
    const HEADER: u64 = 64;
    let text: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes().into_iter().take(size)).collect();
    let attributes = oracle.isa_string().map(attributes);
    let (text_len, names_len) = (text.len() as u64, NAMES.len() as u64);
    let text_at = HEADER + (3 + attributes.is_some() as u64) * HEADER;
    let names_at = text_at + text_len;
    let attributes_at = names_at + names_len;

    // Name, type, flags, address, place in the file and length of each section.
    let mut sections =
        vec![[0; 6], [1, 1, 6, TEXT_ADDRESS, text_at, text_len], [7, 3, 0, 0, names_at, names_len]];
    if let Some(attributes) = &attributes {
        sections.push([17, 0x7000_0003, 0, 0, attributes_at, attributes.len() as u64]);
    }

    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    put16(&mut file, &[1, 243]); // relocatable, RISC-V
    put32(&mut file, &[1]);
    put64(&mut file, &[0, 0, HEADER]); // no entry, no segments, sections follow the header
    put32(&mut file, &[5]); // compressed instructions, double-precision calling convention
    put16(&mut file, &[64, 0, 0, 64, sections.len() as u16, 2]);
    for [name, kind, flags, address, at, len] in sections {
        put32(&mut file, &[name as u32, kind as u32]);
        let align = (kind != 0) as u64;
        put64(&mut file, &[flags, address, at, len, 0, align, 0]);
    }
    file.extend(text);
    file.extend(NAMES);
    file.extend(attributes.unwrap_or_default());

    fs::create_dir_all(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = unique_path();
    fs::write(&path, file).unwrap();
    path
}

/// A path that no other process, thread or comparison uses.
fn unique_path() -> PathBuf {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("words-{}-{count}.o", std::process::id()))
}

/// The contents of `.riscv.attributes` (RISC-V ELF psABI, "Attributes"): one attribute, the ISA string.
fn attributes(isa_string: &str) -> Vec<u8> {
    const FILE: u8 = 1;
    const ARCH: u8 = 5;
    let tagged = [&[ARCH], isa_string.as_bytes(), &[0]].concat();
    let of_file = [&[FILE][..], &(tagged.len() as u32 + 5).to_le_bytes(), &tagged].concat();
    let vendor = [b"riscv\0", &of_file[..]].concat();
    [&b"A"[..], &(vendor.len() as u32 + 4).to_le_bytes(), &vendor].concat()
}

fn put16(file: &mut Vec<u8>, values: &[u16]) {
    file.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}

fn put32(file: &mut Vec<u8>, values: &[u32]) {
    file.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}

fn put64(file: &mut Vec<u8>, values: &[u64]) {
    file.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}
