//! Every decision of the decoder and every line of the disassembler against LLVM 19, which shares no code
//! with us.
//!
//! The words go into the `.text` of an ELF file, `llvm-objdump-19` with exactly our extensions prints it
//! twice (as encoded, and with aliases), and each line must equal ours: the same words rejected, the same
//! text for the others. Compared are all compressed halfwords, all `SYSTEM` and `MISC-MEM` words without
//! operands in `rd`, and random 32-bit words: uniform ones, the rows of the table in turn with random
//! operands, and the same with one bit flipped. The default number keeps `cargo test` short;
//! `CAUSALITY_FULL=1` asks for ten million. Without the tool the tests say so and pass, unless
//! `CAUSALITY_REQUIRE_ORACLES` is set.
//!
//! Where LLVM and we differ on purpose, `normalise` turns its line into ours. These are all the differences:
//!
//! * *Reserved fields of `fence` and `fence.i`.* LLVM rejects words in which they are not zero. The manual
//!   (RV32I, "Memory Ordering Instructions"; Zifencei) says that implementations shall ignore them, so we
//!   accept.
//! * *Privileged instructions* (`mret`, `wfi`…) LLVM accepts with any extensions. The engine is a user-mode
//!   machine: they are illegal.
//! * *`c.unimp`*, the halfword 0, is defined to be illegal; LLVM only has a name for it.
//! * *`c.lui` with a zero immediate* is reserved (C chapter, "Integer Constant-Generation Instructions");
//!   LLVM 19 decodes it.
//! * *`fcvtmod.w.d`* with a rounding mode other than `rtz` is reserved (Zfa chapter); LLVM decodes it.
//! * *Names.* As encoded, LLVM prints `fence w, 0` for `pause` and `unimp` for `csrrw zero, cycle, zero`. It
//!   has the mnemonics `c.slli64`, `c.srli64` and `c.srai64` of RV128 for shifts by 0. It prints the
//!   immediate of `c.lui zero` signed, of any other `c.lui` unsigned. It knows the names of supervisor and
//!   machine CSRs, where we print numbers.

use causality_isa::disasm::Style;
use causality_isa::{Opcode, csr, decode};
use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::{env, fs};
use testing::Random;

mod testing;

const OBJDUMP: &str = "llvm-objdump-19";

/// The extensions of the table, as LLVM names them.
const ATTRIBUTES: &str = "+m,+a,+f,+d,+c,+zicsr,+zifencei,+zicntr,+zihpm,+zihintpause,+zicbom,+zicbop,+zicboz,\
    +zicond,+zba,+zbb,+zbc,+zbs,+zfhmin,+zfa,+zcb";

const TEXT_ADDRESS: u64 = 0x8000_0000;

#[test]
fn every_halfword_reads_as_in_llvm() {
    let halves: Vec<u32> = (0..=u16::MAX as u32).filter(|half| half & 3 != 3).collect();
    compare("halfwords", &halves, 2);
}

#[test]
fn every_operation_without_destination_reads_as_in_llvm() {
    const SYSTEM: u32 = 0x0073;
    const MISC_MEM: [u32; 4] = [0x000f, 0x100f, 0x200f, 0x300f];
    let upper = (0..1 << 17).map(|upper| upper << 15);
    let words: Vec<u32> = MISC_MEM
        .into_iter()
        .chain([SYSTEM])
        .flat_map(|lower| upper.clone().map(move |upper| upper | lower))
        .collect();
    compare("operations", &words, 4);
}

#[test]
fn random_words_read_as_in_llvm() {
    const CHUNK: usize = 1_000_000;
    let total = if env::var_os("CAUSALITY_FULL").is_some() { 10 * CHUNK } else { 300_000 };
    let mut random = Random::new(0x5eed);
    let mut rows = Opcode::ALL.iter().cycle();
    for (chunk, start) in (0..total).step_by(CHUNK).enumerate() {
        let mut words = Vec::new();
        while words.len() < CHUNK.min(total - start) {
            let row = rows.next().unwrap();
            let near = row.fill(random.word()) ^ 1 << (random.word() % 32);
            let next = [random.word(), row.fill(random.word()), near].map(|word| word | 3);
            words.extend(next.into_iter().filter(is_four_bytes_long));
        }
        compare(&format!("words-{chunk}"), &words, 4);
    }
}

/// Words that end in 11111 begin a longer instruction, which would put the two sides out of step; we decode
/// none.
fn is_four_bytes_long(word: &u32) -> bool {
    let is_longer = word & 0x1f == 0x1f;
    assert!(!is_longer || decode(*word).is_none());
    !is_longer
}

/// Compares both kinds of text for each instruction, which takes `size` bytes.
fn compare(name: &str, words: &[u32], size: usize) {
    if !has_objdump() {
        return;
    }
    let csrs = csr_names_only_llvm_knows();
    let file = write_elf(name, words, size);
    std::thread::scope(|scope| {
        for pseudo in [false, true] {
            let (file, csrs) = (&file, &csrs);
            scope.spawn(move || compare_with(file, words, size, pseudo, csrs));
        }
    });
    fs::remove_file(file).unwrap();
}

fn compare_with(file: &Path, words: &[u32], size: usize, pseudo: bool, csrs: &HashMap<String, String>) {
    let mut differences = Vec::new();
    let mut objdump = objdump(file, pseudo);
    let mut lines = lines(&mut objdump);
    for (i, &word) in words.iter().enumerate() {
        let pc = TEXT_ADDRESS + (i * size) as u64;
        let (address, theirs) = lines.next().expect("one line per instruction");
        assert_eq!(address, pc, "both sides are in step");
        let expected = normalise(word, &theirs, pseudo, csrs);
        let ours = text(word, Style { pseudo, pc: Some(pc) });
        if ours != expected {
            differences.push(format!("{word:#010x}: LLVM {theirs:?}, expected {expected:?}, ours {ours:?}"));
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

const REJECTED: &str = "<unknown>";

/// What we have to print, given what LLVM prints: the rules of the module documentation.
fn normalise(word: u32, theirs: &str, pseudo: bool, csrs: &HashMap<String, String>) -> String {
    match word {
        _ if word & 3 != 3 => normalise_compressed(word, theirs),
        0x0100_000f => "pause".to_string(),
        _ if word & 0x707f == 0x000f && theirs == REJECTED => reserved_fence(word),
        _ if word & 0x707f == 0x100f && theirs == REJECTED => "fence.i".to_string(),
        _ if PRIVILEGED.iter().any(|mnemonic| theirs.starts_with(mnemonic)) => REJECTED.to_string(),
        _ if theirs.starts_with("fcvtmod") && !theirs.ends_with("rtz") => REJECTED.to_string(),
        _ if theirs.starts_with("csr") => number_csr(theirs, csrs),
        UNIMP if theirs == "unimp" && !pseudo => "csrrw zero, cycle, zero".to_string(),
        _ => theirs.to_string(),
    }
}

/// Replaces the name of a CSR that is not ours by its number.
fn number_csr(theirs: &str, csrs: &HashMap<String, String>) -> String {
    let name = theirs.split([' ', ',']).find(|word| csrs.contains_key(*word));
    name.map_or(theirs.to_string(), |name| theirs.replacen(name, &csrs[name], 1))
}

const UNIMP: u32 = 0xc000_1073;

fn normalise_compressed(half: u32, theirs: &str) -> String {
    const C_LUI_WITH_IMM_0: u32 = 0x6001;
    if half == 0 || half & 0xf07f == C_LUI_WITH_IMM_0 {
        return REJECTED.to_string();
    }
    if let Some(imm) = theirs.strip_prefix("c.lui zero, ") {
        return format!("c.lui zero, {}", imm.parse::<i32>().unwrap() & 0xf_ffff);
    }
    match theirs.split_once("64 ") {
        Some((mnemonic, register)) => format!("{mnemonic} {register}, 0"),
        None => theirs.to_string(),
    }
}

fn reserved_fence(word: u32) -> String {
    let set = |bits: u32| match bits & 15 {
        0 => "0".to_string(),
        bits => "iorw".chars().zip([8, 4, 2, 1]).filter(|(_, bit)| bits & bit != 0).map(|(c, _)| c).collect(),
    };
    format!("fence {}, {}", set(word >> 24), set(word >> 20))
}

const PRIVILEGED: [&str; 5] = ["mret", "sret", "dret", "wfi", "sfence.vma"];

/// CSR names that are not ours, with the number that we print instead.
///
/// Asked of LLVM itself with one instruction per CSR.
fn csr_names_only_llvm_knows() -> HashMap<String, String> {
    let words: Vec<u32> = (0..4096).map(|csr| csr << 20 | 0x2073).collect();
    let file = write_elf("csrs", &words, 4);
    let mut objdump = objdump(&file, false);
    let lines = lines(&mut objdump).map(|(_, line)| line.split(", ").nth(1).unwrap().to_string());
    let names = lines.zip(0..).filter(|&(_, number)| csr::name(number).is_none());
    let names = names.map(|(name, number)| (name, number.to_string())).collect();
    assert!(objdump.wait().unwrap().success());
    fs::remove_file(file).unwrap();
    names
}

fn has_objdump() -> bool {
    let found = Command::new(OBJDUMP).arg("--version").stdout(Stdio::null()).status().is_ok();
    if !found {
        assert!(env::var_os("CAUSALITY_REQUIRE_ORACLES").is_none(), "{OBJDUMP} not found");
        println!("SKIPPED: {OBJDUMP} not found");
    }
    found
}

fn objdump(file: &Path, pseudo: bool) -> Child {
    let mut command = Command::new(OBJDUMP);
    command.args(["-d", "--no-show-raw-insn", "--no-print-imm-hex"]).arg(format!("--mattr={ATTRIBUTES}"));
    if !pseudo {
        command.args(["-M", "no-aliases"]);
    }
    command.arg(file).stdout(Stdio::piped()).spawn().unwrap()
}

/// The address and text of each instruction, blanks collapsed and symbols dropped.
fn lines(objdump: &mut Child) -> impl Iterator<Item = (u64, String)> + use<> {
    let lines = BufReader::new(objdump.stdout.take().unwrap()).lines().map(Result::unwrap);
    lines.filter_map(|line| {
        let (address, text) = line.split_once(':')?;
        let address = u64::from_str_radix(address.trim(), 16).ok()?;
        let text = text.split(" <.text").next()?;
        Some((address, text.split_whitespace().collect::<Vec<_>>().join(" ")))
    })
}

/// Writes an RV64 object file whose `.text` holds the instructions, and returns its path.
fn write_elf(name: &str, words: &[u32], size: usize) -> PathBuf {
    const NAMES: &[u8] = b"\0.text\0.shstrtab\0";
    const HEADER: u64 = 64;
    let text: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes().into_iter().take(size)).collect();
    let text_at = HEADER + 3 * HEADER;
    let names_at = text_at + text.len() as u64;

    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    put16(&mut file, &[1, 243]); // relocatable, RISC-V
    put32(&mut file, &[1]);
    put64(&mut file, &[0, 0, HEADER]); // no entry, no segments, sections follow the header
    put32(&mut file, &[5]); // compressed instructions, double-precision calling convention
    put16(&mut file, &[64, 0, 0, 64, 3, 2]);
    put64(&mut file, &[0; 8]);
    for (name, kind, flags, address, at, len) in
        [(1, 1, 6, TEXT_ADDRESS, text_at, text.len()), (7, 3, 0, 0, names_at, NAMES.len())]
    {
        put32(&mut file, &[name, kind]);
        put64(&mut file, &[flags, address, at, len as u64, 0, 1, 0]);
    }
    file.extend(text);
    file.extend(NAMES);

    let unique = format!("{name}-{}-{:?}.o", std::process::id(), std::thread::current().id());
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(unique);
    fs::write(&path, file).unwrap();
    path
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
