//! The decoder and the disassembler against binutils 2.40, a second opinion beside LLVM's.
//!
//! GNU `objdump`, with the extensions of the table that it knows, is compared as `oracle/mod.rs` describes: on
//! all compressed halfwords, all operations without a destination, and random 32-bit words, of which
//! `CAUSALITY_FULL=1` asks for two million. Without the tool the tests say so and pass, unless
//! `CAUSALITY_REQUIRE_ORACLES` is set.
//!
//! Version 2.40 does not know Zcb, Zfa, Zicond and Xrr, which is this machine's own: it must reject their instructions, and has no say about
//! their text. Zicntr and Zihpm it does not know as extensions, but it knows their CSRs.
//!
//! These are all the differences, which `respell` and `normalise` settle. In what is accepted, the manual
//! decides:
//!
//! * *Reserved fields of `fence` and `fence.i`.* Binutils rejects words in which they are not zero. The manual
//!   (RV32I, "Memory Ordering Instructions"; Zifencei) says that implementations shall ignore them, so we
//!   accept.
//! * *Reserved rounding modes*, 5 and 6, binutils calls `unknown`. The manual (F chapter, "Floating-Point
//!   Control and Status Register") reserves them: they are illegal.
//! * *Rounding modes of exact conversions* (`fcvt.d.s`, `fcvt.d.w`, `fcvt.s.h`…) other than `rne` binutils
//!   rejects. The manual (D chapter, "Double-Precision Floating-Point Conversion and Move Instructions") has
//!   the field and says only that the result does not depend on it, so we accept, as LLVM does.
//! * *Privileged instructions* (`mret`, `wfi`…), withdrawn ones (`uret`, `sfence.vm`…) among them, binutils
//!   accepts with any extensions. The engine is a user-mode machine: they are illegal.
//! * *`c.addi16sp` with a zero immediate* is reserved (C chapter, "Integer Register-Immediate Operations");
//!   binutils decodes it.
//! * *`c.unimp`*, the halfword 0, is defined to be illegal; binutils only has a name for it.
//!
//! In what is printed:
//!
//! * *Spelling.* Binutils puts no blank behind a comma, prints some immediates in hexadecimal and addresses
//!   without `0x` if a symbol follows, and adds comments.
//! * *The dynamic rounding mode* binutils does not print, not even as encoded.
//! * *Empty sets of `fence`* are `unknown`, where we and LLVM print the 0 that LLVM's assembler takes.
//! * *Names.* With aliases, binutils leaves out the `i` of `addi`, `slliw`, `csrrwi`…, shows the destination
//!   of `fsflagsi zero` and `fsrmi zero`, and has `zext.b` for `andi` with 255. As encoded, it prints
//!   `c.addi zero` for `c.nop` and `unimp` for `csrrw zero, cycle, zero`. It has the mnemonics `c.slli64`,
//!   `c.srli64` and `c.srai64` of RV128 for shifts by 0. It knows the names of supervisor and machine CSRs,
//!   where we print numbers.
//! * *Compressed HINTs* binutils prints as their expansion when asked for aliases. We and LLVM keep them, as
//!   the expansion would not be assembled to the same HINT; they are compared as encoded only.

use causality_isa::format::Operand;
use causality_isa::{Decoded, Extension, Opcode, Rm, decode};
use oracle::{Oracle, REJECTED};

mod oracle;
mod testing;

/// The extensions of the table that binutils 2.40 knows.
const ISA_STRING: &str = "rv64imafdc_zicbom_zicbop_zicboz_zicsr_zifencei_zihintpause_zfhmin_zba_zbb_zbc_zbs";

/// The extensions with instructions that binutils 2.40 does not know.
const UNKNOWN: [Extension; 4] = [Extension::Zcb, Extension::Zfa, Extension::Zicond, Extension::Xrr];

#[test]
fn every_halfword_reads_as_in_binutils() {
    oracle::compare(&Binutils::find(), &oracle::halfwords(), 2);
}

#[test]
fn every_operation_without_destination_reads_as_in_binutils() {
    oracle::compare(&Binutils::find(), &oracle::operations_without_destination(), 4);
}

#[test]
fn random_words_read_as_in_binutils() {
    for words in oracle::random_words(200_000, 2_000_000) {
        oracle::compare(&Binutils::find(), &words, 4);
    }
}

/// GNU `objdump` for RISC-V.
struct Binutils {
    program: &'static str,
}

impl Binutils {
    /// Finds the program under either of its usual names.
    fn find() -> Self {
        const NAMES: [&str; 2] = ["riscv64-unknown-elf-objdump", "riscv64-linux-gnu-objdump"];
        Self { program: NAMES.into_iter().find(|name| oracle::runs(name)).unwrap_or(NAMES[0]) }
    }
}

impl Oracle for Binutils {
    fn program(&self) -> &str {
        self.program
    }

    fn arguments(&self, pseudo: bool) -> Vec<&str> {
        let mut arguments = vec!["-d", "-z", "--no-show-raw-insn"];
        if !pseudo {
            arguments.extend(["-M", "no-aliases"]);
        }
        arguments
    }

    fn isa_string(&self) -> Option<&str> {
        Some(ISA_STRING)
    }

    fn respell(&self, theirs: &str) -> String {
        let theirs = theirs.split(" #").next().unwrap();
        match theirs.split_once(' ') {
            None => theirs.to_string(),
            Some((".2byte" | ".4byte", _)) => REJECTED.to_string(),
            Some((mnemonic, operands)) => format!("{mnemonic} {}", respell_operands(mnemonic, operands)),
        }
    }

    fn normalise(&self, word: u32, theirs: String, pseudo: bool) -> Option<String> {
        let decoded = decode(word);
        let has_rm = |rm| decoded.is_some_and(|decoded| decoded.inst.operand("rm") == Some(Operand::Rm(rm)));
        if decoded.is_some_and(|decoded| UNKNOWN.contains(&extension(decoded))) {
            return (theirs != REJECTED).then_some(theirs);
        }
        if decoded.is_some_and(is_exact_conversion) && !has_rm(Rm::Rne) {
            return (theirs != REJECTED).then_some(theirs);
        }
        let theirs = if pseudo { name_alias(theirs) } else { theirs };
        Some(match word {
            _ if word & 3 != 3 => return normalise_compressed(word, theirs, pseudo),
            _ if theirs == REJECTED => oracle::fence_with_reserved_fields(word).unwrap_or(theirs),
            _ if theirs.starts_with("fence ") => theirs.replace("unknown", "0"),
            _ if theirs.ends_with(", unknown") => REJECTED.to_string(),
            _ if PRIVILEGED.contains(&theirs.split(' ').next().unwrap()) => REJECTED.to_string(),
            UNIMP if !pseudo => "csrrw zero, cycle, zero".to_string(),
            _ if has_rm(Rm::Dyn) && !pseudo => theirs + ", dyn",
            _ => theirs,
        })
    }
}

const PRIVILEGED: [&str; 8] = ["mret", "sret", "hret", "uret", "dret", "wfi", "sfence.vma", "sfence.vm"];

const UNIMP: u32 = 0xc000_1073;

fn respell_operands(mnemonic: &str, operands: &str) -> String {
    const JUMPS: [&str; 9] = ["j", "beq", "bne", "blt", "bge", "bgt", "ble", "c.j", "c.b"];
    let has_target = JUMPS.iter().any(|jump| mnemonic.starts_with(jump));
    let respell = if has_target { prefix_address } else { to_decimal };
    let operands = operands.split(" <.text").next().unwrap().split(',');
    operands.map(respell).collect::<Vec<_>>().join(", ")
}

fn prefix_address(operand: &str) -> String {
    let is_address = operand.len() == 8 && operand.chars().all(|c| c.is_ascii_hexdigit());
    if is_address { format!("0x{operand}") } else { operand.to_string() }
}

fn to_decimal(operand: &str) -> String {
    let value = operand.strip_prefix("0x").and_then(|digits| u32::from_str_radix(digits, 16).ok());
    value.map_or(operand.to_string(), |value| value.to_string())
}

fn extension(decoded: Decoded) -> Extension {
    match decoded.compressed {
        Some(compressed) => compressed.opcode().extension(),
        None => decoded.inst.opcode().extension(),
    }
}

fn is_exact_conversion(decoded: Decoded) -> bool {
    use Opcode::{FcvtDH, FcvtDS, FcvtDW, FcvtDWu, FcvtSH};
    [FcvtDS, FcvtDW, FcvtDWu, FcvtSH, FcvtDH].contains(&decoded.inst.opcode())
}

/// Turns an alias into ours.
fn name_alias(theirs: String) -> String {
    match theirs.split_once(' ') {
        Some(("zext.b", operands)) => format!("andi {operands}, 255"),
        Some((mnemonic @ ("fsflagsi" | "fsrmi"), operands)) => {
            format!("{mnemonic} {}", operands.trim_start_matches("zero, "))
        }
        _ => name_immediate(theirs),
    }
}

/// Puts the `i` into the mnemonic of an instruction whose last operand is an immediate.
fn name_immediate(theirs: String) -> String {
    let has_immediate = theirs.rsplit(", ").next().unwrap().parse::<i32>().is_ok();
    let Some((mnemonic, operands)) = theirs.split_once(' ').filter(|_| has_immediate) else {
        return theirs;
    };
    let (start, size) = mnemonic.split_at(mnemonic.len() - 1);
    let names = [format!("{mnemonic}i"), format!("{start}i{size}")];
    let mut known = Opcode::ALL.iter().map(|row| row.mnemonic()).chain(["csrwi", "csrsi", "csrci"]);
    match known.find(|known| names.iter().any(|name| name == known)) {
        Some(name) => format!("{name} {operands}"),
        None => theirs,
    }
}

fn normalise_compressed(half: u32, theirs: String, pseudo: bool) -> Option<String> {
    const C_ADDI16SP_WITH_IMM_0: u32 = 0x6101;
    if half == 0 || half == C_ADDI16SP_WITH_IMM_0 {
        return Some(REJECTED.to_string());
    }
    let is_hint = decode(half).and_then(|decoded| decoded.compressed).is_some_and(|inst| inst.is_hint());
    if pseudo && is_hint {
        return None;
    }
    Some(match theirs.split_once("64 ") {
        Some((mnemonic, register)) => format!("{mnemonic} {register}, 0"),
        None if theirs == "c.addi zero, 0" => "c.nop".to_string(),
        None => theirs.replace("c.addi zero, ", "c.nop "),
    })
}
