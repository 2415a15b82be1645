//! The assembler against a disassembler.

use iced_x86::{Decoder, DecoderOptions, Formatter, IntelFormatter};

use super::assembler::{
    Alu, Assembler, Bit, Cond, Extend, Gpr, Map, Mem, Prefix, R8, R9, R10, R11, R12, R13, R14, R15, RAX, RBP,
    RBX, RCX, RDI, RDX, RSI, RSP, Shift, Unary, Width, Xmm,
};

const REGISTERS: [(Gpr, &str, &str, &str); 16] = [
    (RAX, "rax", "eax", "al"),
    (RCX, "rcx", "ecx", "cl"),
    (RDX, "rdx", "edx", "dl"),
    (RBX, "rbx", "ebx", "bl"),
    (RSP, "rsp", "esp", "spl"),
    (RBP, "rbp", "ebp", "bpl"),
    (RSI, "rsi", "esi", "sil"),
    (RDI, "rdi", "edi", "dil"),
    (R8, "r8", "r8d", "r8b"),
    (R9, "r9", "r9d", "r9b"),
    (R10, "r10", "r10d", "r10b"),
    (R11, "r11", "r11d", "r11b"),
    (R12, "r12", "r12d", "r12b"),
    (R13, "r13", "r13d", "r13b"),
    (R14, "r14", "r14d", "r14b"),
    (R15, "r15", "r15d", "r15b"),
];

/// The instructions that `emit` emits.
fn text(emit: impl FnOnce(&mut Assembler)) -> String {
    let mut a = Assembler::with_capacity(64);
    emit(&mut a);
    let code = a.finish();
    let mut formatter = IntelFormatter::new();
    let options = formatter.options_mut();
    options.set_space_after_operand_separator(false);
    options.set_hex_prefix("0x");
    options.set_hex_suffix("");
    options.set_uppercase_hex(false);
    options.set_branch_leading_zeros(false);
    options.set_show_branch_size(false);
    let mut lines = Vec::new();
    let mut decoder = Decoder::new(64, &code, DecoderOptions::NONE);
    for instruction in &mut decoder {
        let mut line = String::new();
        formatter.format(&instruction, &mut line);
        lines.push(line);
    }
    lines.join("; ")
}

#[track_caller]
fn assert_text(emit: impl FnOnce(&mut Assembler), expected: &str) {
    assert_eq!(text(emit), expected);
}

#[test]
fn every_register_is_encoded_in_every_place() {
    for (a, a64, a32, a8) in REGISTERS {
        for (b, b64, b32, b8) in REGISTERS {
            assert_text(|asm| asm.mov(Width::Double, a, b), &format!("mov {a64},{b64}"));
            assert_text(|asm| asm.alu(Alu::Sub, Width::Word, a, b), &format!("sub {a32},{b32}"));
            assert_text(|asm| asm.test(Width::Double, a, b), &format!("test {a64},{b64}"));
            assert_text(|asm| asm.extend(Extend::U8, a, b), &format!("movzx {a32},{b8}"));
            assert_text(|asm| asm.extend(Extend::I32, a, b), &format!("movsxd {a64},{b32}"));
            assert_text(|asm| asm.store(1, Mem::at(b, 8), a), &format!("mov [{b64}+8],{a8}"));
            assert_text(|asm| asm.and_not(a, b, RCX), &format!("andn {a64},{b64},rcx"));
            assert_text(|asm| asm.lea(a, Mem::at(b, 0)), &format!("lea {a64},[{b64}]"));
            assert_text(|asm| asm.lea(a, Mem::at(b, -129)), &format!("lea {a64},[{b64}-0x81]"));
            if b != RSP {
                assert_text(
                    |asm| asm.lea(a, Mem::indexed(R15, b, 3, 0x1000)),
                    &format!("lea {a64},[r15+{b64}*8+0x1000]"),
                );
                assert_text(
                    |asm| asm.mov(Width::Double, R9, Mem::indexed(a, b, 2, 0)),
                    &format!("mov r9,[{a64}+{b64}*4]"),
                );
            }
        }
        assert_text(|asm| asm.set(Cond::Less, a), &format!("setl {a8}"));
        assert_text(|asm| asm.push(a), &format!("push {a64}"));
        assert_text(|asm| asm.pop(a), &format!("pop {a64}"));
        assert_text(|asm| asm.swap_bytes(a), &format!("bswap {a64}"));
        assert_text(|asm| asm.constant(a, 0x1234_5678), &format!("mov {a32},0x12345678"));
        assert_text(|asm| asm.constant(a, 0xffff_ffff_8000_0000), &format!("mov {a64},0xffffffff80000000"));
        assert_text(|asm| asm.constant(a, 0x1_0000_0000), &format!("mov {a64},0x100000000"));
        assert_text(|asm| asm.zero(a), &format!("xor {a32},{a32}"));
    }
}

#[test]
fn integer_instructions_are_what_they_say() {
    let home = Mem::at(R15, -100);
    assert_text(|a| a.alu_mem(Alu::Add, Width::Double, home, R8), "add [r15-0x64],r8");
    assert_text(
        |a| a.alu_imm(Alu::Cmp, Width::Double, home, -1),
        "cmp qword ptr [r15-0x64],0xffffffffffffffff",
    );
    assert_text(|a| a.alu_imm(Alu::And, Width::Double, RSP, -16), "and rsp,0xfffffffffffffff0");
    assert_text(|a| a.alu_imm(Alu::Add, Width::Word, RBX, 1000), "add ebx,0x3e8");
    assert_text(|a| a.alu(Alu::Sbb, Width::Double, RCX, RCX), "sbb rcx,rcx");
    assert_text(|a| a.alu(Alu::Adc, Width::Double, RAX, RAX), "adc rax,rax");
    assert_text(|a| a.alu(Alu::Xor, Width::Double, RAX, home), "xor rax,[r15-0x64]");
    assert_text(|a| a.test_imm(R13, 7), "test r13d,7");
    assert_text(|a| a.test_byte(Mem::at(RCX, 0), 8), "test byte ptr [rcx],8");
    assert_text(|a| a.test_byte(home, 16), "test byte ptr [r15-0x64],0x10");
    assert_text(|a| a.store(2, home, RSI), "mov [r15-0x64],si");
    assert_text(|a| a.store(4, home, RSI), "mov [r15-0x64],esi");
    assert_text(|a| a.store(8, home, RSI), "mov [r15-0x64],rsi");
    assert_text(|a| a.store_imm(1, home, 7), "mov byte ptr [r15-0x64],7");
    assert_text(|a| a.store_imm(2, home, 7), "mov word ptr [r15-0x64],7");
    assert_text(|a| a.store_imm(4, home, 7), "mov dword ptr [r15-0x64],7");
    assert_text(|a| a.store_imm(8, home, -1), "mov qword ptr [r15-0x64],0xffffffffffffffff");
    assert_text(|a| a.extend(Extend::I8, RBP, home), "movsx rbp,byte ptr [r15-0x64]");
    assert_text(|a| a.extend(Extend::U16, RBP, home), "movzx ebp,word ptr [r15-0x64]");
    assert_text(|a| a.extend(Extend::I16, RBP, home), "movsx rbp,word ptr [r15-0x64]");
    assert_text(|a| a.extend(Extend::U32, RBP, home), "mov ebp,[r15-0x64]");
    assert_text(|a| a.extend(Extend::U64, RBP, home), "mov rbp,[r15-0x64]");
    assert_text(|a| a.shift_imm(Shift::Sar, Width::Double, R9, 63), "sar r9,0x3f");
    assert_text(|a| a.shift_imm(Shift::Shl, Width::Word, R9, 1), "shl r9d,1");
    assert_text(|a| a.shift_cl(Shift::Ror, Width::Word, RAX), "ror eax,cl");
    assert_text(|a| a.shift_cl(Shift::Rol, Width::Double, RAX), "rol rax,cl");
    assert_text(|a| a.shift_x(Shift::Shl, Width::Double, R9, home, RCX), "shlx r9,[r15-0x64],rcx");
    assert_text(|a| a.shift_x(Shift::Shr, Width::Word, RBX, R9, R8), "shrx ebx,r9d,r8d");
    assert_text(|a| a.shift_x(Shift::Sar, Width::Double, RBX, R9, R8), "sarx rbx,r9,r8");
    assert_text(|a| a.rotate_x(Width::Word, R12, RSI, 7), "rorx r12d,esi,7");
    assert_text(|a| a.rotate_x(Width::Double, R12, home, 7), "rorx r12,[r15-0x64],7");
    assert_text(|a| a.unary(Unary::Not, Width::Double, R11), "not r11");
    assert_text(|a| a.unary(Unary::Neg, Width::Word, RCX), "neg ecx");
    assert_text(|a| a.unary(Unary::Mul, Width::Double, home), "mul qword ptr [r15-0x64]");
    assert_text(|a| a.unary(Unary::Imul, Width::Double, R9), "imul r9");
    assert_text(|a| a.unary(Unary::Div, Width::Word, RCX), "div ecx");
    assert_text(|a| a.unary(Unary::Idiv, Width::Double, RCX), "idiv rcx");
    assert_text(|a| a.multiply(Width::Double, R9, home), "imul r9,[r15-0x64]");
    assert_text(|a| a.widen_rax(Width::Double), "cqo");
    assert_text(|a| a.widen_rax(Width::Word), "cdq");
    assert_text(|a| a.bit(Bit::Test, RAX, R9), "bt rax,r9");
    assert_text(|a| a.bit(Bit::Set, RAX, R9), "bts rax,r9");
    assert_text(|a| a.bit(Bit::Reset, RAX, R9), "btr rax,r9");
    assert_text(|a| a.bit(Bit::Complement, RAX, R9), "btc rax,r9");
    assert_text(|a| a.bit_imm(Bit::Test, R10, 40), "bt r10,0x28");
    assert_text(|a| a.bit_imm(Bit::Complement, R10, 40), "btc r10,0x28");
    assert_text(|a| a.count(0xbd, Width::Double, R10, RBX), "lzcnt r10,rbx");
    assert_text(|a| a.count(0xbc, Width::Word, RBX, home), "tzcnt ebx,[r15-0x64]");
    assert_text(|a| a.count(0xb8, Width::Double, RBX, R14), "popcnt rbx,r14");
    assert_text(|a| a.move_if(Cond::Below, R10, home), "cmovb r10,[r15-0x64]");
    assert_text(|a| a.call_indirect(Mem::at(R15, 0x300)), "call qword ptr [r15+0x300]");
    assert_text(|a| a.call_indirect(RAX), "call rax");
    assert_text(|a| a.jump_indirect(Mem::at(RAX, 0)), "jmp qword ptr [rax]");
    assert_text(|a| a.note(0x1234, 5), "enter 0x1234,5");
    assert_text(|a| a.lea_word(RBX, Mem::at(R13, 0)), "lea ebx,[r13]");
}

#[test]
fn vector_instructions_are_what_they_say() {
    let home = Mem::at(R15, 0x88);
    let (x1, x9, x14) = (Xmm(1), Xmm(9), Xmm(14));
    assert_text(|a| a.vector(Prefix::F2, 0x58, x1, x9, x14), "vaddsd xmm1,xmm9,xmm14");
    assert_text(|a| a.vector(Prefix::F3, 0x5e, x14, x1, home), "vdivss xmm14,xmm1,[r15+0x88]");
    assert_text(|a| a.vector(Prefix::P66, 0x2e, x9, Xmm(0), x1), "vucomisd xmm9,xmm1");
    assert_text(|a| a.vector(Prefix::None, 0x2f, x9, Xmm(0), home), "vcomiss xmm9,[r15+0x88]");
    assert_text(|a| a.vector_38(Prefix::P66, true, 0xa9, x1, x9, x14), "vfmadd213sd xmm1,xmm9,xmm14");
    assert_text(|a| a.vector_38(Prefix::P66, false, 0xab, x1, x9, x14), "vfmsub213ss xmm1,xmm9,xmm14");
    assert_text(|a| a.vector_38(Prefix::P66, true, 0xad, x1, x9, x14), "vfnmadd213sd xmm1,xmm9,xmm14");
    assert_text(|a| a.vector_38(Prefix::P66, true, 0xaf, x1, x9, x14), "vfnmsub213sd xmm1,xmm9,xmm14");
    assert_text(|a| a.vector_copy(x9, x14), "vmovaps xmm9,xmm14");
    assert_text(|a| a.vector_load(8, x9, home), "vmovsd xmm9,[r15+0x88]");
    assert_text(|a| a.vector_load(4, x9, home), "vmovss xmm9,[r15+0x88]");
    assert_text(|a| a.vector_store(8, home, x9), "vmovsd [r15+0x88],xmm9");
    assert_text(|a| a.vector_store(4, home, x1), "vmovss [r15+0x88],xmm1");
    assert_text(|a| a.vector_of(Width::Double, x9, R8), "vmovq xmm9,r8");
    assert_text(|a| a.vector_of(Width::Word, x1, R8), "vmovd xmm1,r8d");
    assert_text(|a| a.of_vector(Width::Double, R8, x9), "vmovq r8,xmm9");
    assert_text(|a| a.of_vector(Width::Word, RBX, x9), "vmovd ebx,xmm9");
    assert_text(|a| a.vector_shift(true, Xmm(2), Xmm(3), 63), "vpsllq xmm2,xmm3,0x3f");
    assert_text(|a| a.vector_shift(false, Xmm(2), x9, 32), "vpsrlq xmm2,xmm9,0x20");
    assert_text(|a| a.vector_ones(Xmm(3)), "vpcmpeqd xmm3,xmm3,xmm3");
    assert_text(|a| a.insert_word(x9, Xmm(3), home), "vpinsrd xmm9,xmm3,[r15+0x88],0");
    assert_text(|a| a.insert_word(x9, Xmm(3), R8), "vpinsrd xmm9,xmm3,r8d,0");
    assert_text(|a| a.second_word(RAX, x9), "vpextrd eax,xmm9,1");
    assert_text(|a| a.upper_half(RAX, x1), "vpextrq rax,xmm1,1");
    assert_text(|a| a.carryless(x1, x9, x14), "vpclmullqlqdq xmm1,xmm9,xmm14");
    assert_text(|a| a.float_of(Prefix::F2, Width::Double, x9, Xmm(3), R8), "vcvtsi2sd xmm9,xmm3,r8");
    assert_text(|a| a.float_of(Prefix::F3, Width::Word, x9, Xmm(3), RBX), "vcvtsi2ss xmm9,xmm3,ebx");
    assert_text(|a| a.truncate(Prefix::F2, Width::Double, RAX, x9), "vcvttsd2si rax,xmm9");
    assert_text(|a| a.truncate(Prefix::F3, Width::Word, RAX, x9), "vcvttss2si eax,xmm9");
    assert_text(|a| a.vex(Prefix::P66, Map::M0f, false, 0x74, 0, 0, RCX.into()), "vpcmpeqb xmm0,xmm0,xmm1");
}

#[test]
fn jumps_arrive() {
    let around = |a: &mut Assembler| {
        let (back, ahead) = (a.label(), a.label());
        a.bind(back);
        a.jump_if(Cond::Equal, ahead);
        a.jump_if(Cond::NotEqual, back);
        a.call(ahead);
        a.jump(back);
        let short = a.skip_if(Cond::Below);
        let always = a.skip();
        a.arrive(short);
        a.bind(ahead);
        a.arrive(always);
        a.ret();
    };
    assert_text(around, "je 0x13; jne 0; call 0x13; jmp 0; jb 0x13; jmp 0x13; ret");
}
