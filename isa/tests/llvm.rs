//! Every decision of the decoder and every line of the disassembler against LLVM 19, which shares no code
//! with us.
//!
//! `llvm-objdump-19` with exactly our extensions is compared as `oracle/mod.rs` describes: on all compressed
//! halfwords, all operations without a destination, and random 32-bit words, of which `CAUSALITY_FULL=1` asks
//! for ten million. Without the tool the tests say so and pass, unless `CAUSALITY_REQUIRE_ORACLES` is set.
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

use oracle::{Oracle, REJECTED};

mod oracle;
mod testing;

/// The extensions of the table, as LLVM names them.
const ATTRIBUTES: &str = "--mattr=+m,+a,+f,+d,+c,+zicsr,+zifencei,+zicntr,+zihpm,+zihintpause,+zicbom,+zicbop,\
    +zicboz,+zicond,+zba,+zbb,+zbc,+zbs,+zfhmin,+zfa,+zcb";

#[test]
fn every_halfword_reads_as_in_llvm() {
    oracle::compare(&Llvm, &oracle::halfwords(), 2);
}

#[test]
fn every_operation_without_destination_reads_as_in_llvm() {
    oracle::compare(&Llvm, &oracle::operations_without_destination(), 4);
}

#[test]
fn random_words_read_as_in_llvm() {
    for words in oracle::random_words(300_000, 10_000_000) {
        oracle::compare(&Llvm, &words, 4);
    }
}

struct Llvm;

impl Oracle for Llvm {
    fn program(&self) -> &str {
        "llvm-objdump-19"
    }

    fn arguments(&self, pseudo: bool) -> Vec<&str> {
        let mut arguments = vec!["-d", "--no-show-raw-insn", "--no-print-imm-hex", ATTRIBUTES];
        if !pseudo {
            arguments.extend(["-M", "no-aliases"]);
        }
        arguments
    }

    fn isa_string(&self) -> Option<&str> {
        None
    }

    /// Drops the symbol behind an address.
    fn respell(&self, theirs: &str) -> String {
        theirs.split(" <.text").next().unwrap().to_string()
    }

    fn normalise(&self, word: u32, theirs: String, pseudo: bool) -> Option<String> {
        if word & 0x7f == CUSTOM_0 && theirs == REJECTED {
            return None;
        }
        Some(match word {
            _ if word & 3 != 3 => normalise_compressed(word, theirs),
            0x0100_000f => "pause".to_string(),
            _ if theirs == REJECTED => oracle::fence_with_reserved_fields(word).unwrap_or(theirs),
            _ if PRIVILEGED.iter().any(|mnemonic| theirs.starts_with(mnemonic)) => REJECTED.to_string(),
            _ if theirs.starts_with("fcvtmod") && !theirs.ends_with("rtz") => REJECTED.to_string(),
            UNIMP if theirs == "unimp" && !pseudo => "csrrw zero, cycle, zero".to_string(),
            _ => theirs,
        })
    }
}

const UNIMP: u32 = 0xc000_1073;

/// The major opcode of Xrr, which is this machine's own.
const CUSTOM_0: u32 = 0b000_1011;

fn normalise_compressed(half: u32, theirs: String) -> String {
    const C_LUI_WITH_IMM_0: u32 = 0x6001;
    if half == 0 || half & 0xf07f == C_LUI_WITH_IMM_0 {
        return REJECTED.to_string();
    }
    if let Some(imm) = theirs.strip_prefix("c.lui zero, ") {
        return format!("c.lui zero, {}", imm.parse::<i32>().unwrap() & 0xf_ffff);
    }
    match theirs.split_once("64 ") {
        Some((mnemonic, register)) => format!("{mnemonic} {register}, 0"),
        None => theirs,
    }
}

const PRIVILEGED: [&str; 5] = ["mret", "sret", "dret", "wfi", "sfence.vma"];
