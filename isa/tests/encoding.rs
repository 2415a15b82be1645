//! What the tables must always satisfy, without any outside tool.

use causality_isa::reg::X;
use causality_isa::{CInst, COpcode, Extension, Inst, Opcode, Pattern, decode, format};
use std::collections::HashSet;
use testing::Random;

mod testing;

#[test]
fn masks_are_the_official_ones() {
    // From riscv-opcodes' encoding.h.
    for (opcode, mask, bits) in [
        (Opcode::Add, 0xfe00_707f, 0x33),
        (Opcode::Jal, 0x7f, 0x6f),
        (Opcode::Slli, 0xfc00_707f, 0x1013),
        (Opcode::Slliw, 0xfe00_707f, 0x101b),
        (Opcode::Div, 0xfe00_707f, 0x0200_4033),
        (Opcode::LrW, 0xf9f0_707f, 0x1000_202f),
        (Opcode::AmoaddD, 0xf800_707f, 0x302f),
        (Opcode::FmaddS, 0x0600_007f, 0x43),
        (Opcode::FcvtLuD, 0xfff0_007f, 0xc230_0053),
        (Opcode::Ecall, 0xffff_ffff, 0x73),
        (Opcode::Rev8, 0xfff0_707f, 0x6b80_5013),
        (Opcode::PrefetchW, 0x01f0_7fff, 0x0030_6013),
    ] {
        assert_eq!((opcode.pattern().mask, opcode.pattern().bits), (mask, bits), "{opcode}");
    }
}

#[test]
fn every_row_round_trips_with_random_operands() {
    let mut random = Random::new(1);
    for &opcode in Opcode::ALL {
        let mut own = 0;
        for _ in 0..2_000 {
            let word = opcode.fill(random.word());
            let Some(decoded) = decode(word) else { continue };
            own += (decoded.inst.opcode() == opcode) as u32;
            assert_eq!((decoded.encode(), decoded.len()), (word, 4), "{decoded:?}");
            assert!(decoded.inst.is_encodable(), "{decoded:?}");
        }
        assert!(own > 1_000, "{opcode} decodes as itself");
    }
}

#[test]
fn every_halfword_round_trips_and_its_expansion_is_encodable() {
    let mut seen = HashSet::new();
    for half in (0..=u16::MAX).filter(|half| half & 3 != 3) {
        let Some(decoded) = decode(0xabcd_0000 | half as u32) else {
            continue;
        };
        assert_eq!((decoded.encode(), decoded.len()), (half as u32, 2), "{decoded:?}");
        let compressed = decoded.compressed.unwrap();
        assert_eq!(compressed.expand(), decoded.inst);
        assert_eq!(compressed.opcode().expansion(), decoded.inst.opcode());
        assert!(decoded.inst.is_encodable(), "{decoded:?}");
        seen.insert(compressed.opcode());
    }
    assert_eq!(seen.len(), COpcode::ALL.len());
}

#[test]
fn an_instruction_takes_eight_bytes() {
    assert_eq!(size_of::<Inst>(), 8);
    assert_eq!(size_of::<Option<CInst>>(), 8);
}

#[test]
fn words_of_all_zeros_and_all_ones_are_illegal() {
    assert_eq!(decode(0), None);
    assert_eq!(decode(u32::MAX), None);
    assert_eq!(CInst::decode16(0), None);
}

#[test]
fn custom_0_is_xrr_and_nothing_else() {
    let custom_0 = Pattern { mask: 0x7f, bits: 0b000_1011 };
    for opcode in Opcode::ALL {
        assert_eq!(opcode.pattern().overlaps(custom_0), opcode.extension() == Extension::Xrr, "{opcode}");
    }
    let mut random = Random::new(2);
    for word in (0..100_000).map(|_| random.word() & !custom_0.mask | custom_0.bits) {
        assert!(decode(word).is_none_or(|decoded| decoded.inst.opcode().extension() == Extension::Xrr));
    }
}

#[test]
fn reserved_rounding_modes_are_illegal() {
    for rm in 0..8 {
        let fadd_s = 0x53 | rm << 12;
        assert_eq!(decode(fadd_s).is_some(), rm != 5 && rm != 6);
    }
}

#[test]
fn the_more_specific_row_wins() {
    for (word, opcode) in [
        (0x0100_000f, Opcode::Pause),
        (0x0110_000f, Opcode::Fence),
        (0x8330_000f, Opcode::FenceTso),
        (0x0000_6013, Opcode::PrefetchI),
        (0x0010_6013, Opcode::PrefetchR),
        (0x0020_6013, Opcode::Ori),
        (0x0010_6093, Opcode::Ori),
    ] {
        assert_eq!(decode(word).unwrap().inst.opcode(), opcode, "{word:#010x}");
    }
}

#[test]
fn operands_out_of_range_are_not_encodable() {
    let addi = |imm| Inst::Addi(format::I { rd: X::A0, rs1: X::A1, imm });
    assert!(addi(-2048).is_encodable() && addi(2047).is_encodable());
    assert!(!addi(2048).is_encodable() && !addi(-2049).is_encodable());
    let slliw = |shamt| Inst::Slliw(format::Shift { rd: X::A0, rs1: X::A1, shamt });
    assert!(slliw(31).is_encodable() && !slliw(32).is_encodable());
    assert!(!Inst::Jal(format::J { rd: X::RA, imm: 3 }).is_encodable());
}
