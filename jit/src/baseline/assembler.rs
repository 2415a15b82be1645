//! Host instructions as bytes: as much of x86-64 as this tier emits.
//!
//! Operands are given destination first. Nothing here knows of guests; the tests compare the bytes with a disassembler.

/// A general-purpose register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gpr(u8);

pub(super) const RAX: Gpr = Gpr(0);
pub(super) const RCX: Gpr = Gpr(1);
pub(super) const RDX: Gpr = Gpr(2);
pub(super) const RBX: Gpr = Gpr(3);
pub(super) const RSP: Gpr = Gpr(4);
pub(super) const RBP: Gpr = Gpr(5);
pub(super) const RSI: Gpr = Gpr(6);
pub(super) const RDI: Gpr = Gpr(7);
pub(super) const R8: Gpr = Gpr(8);
pub(super) const R9: Gpr = Gpr(9);
pub(super) const R10: Gpr = Gpr(10);
pub(super) const R11: Gpr = Gpr(11);
pub(super) const R12: Gpr = Gpr(12);
pub(super) const R13: Gpr = Gpr(13);
pub(super) const R14: Gpr = Gpr(14);
pub(super) const R15: Gpr = Gpr(15);

/// A vector register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Xmm(pub(super) u8);

/// A place in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mem {
    base: Gpr,
    /// Register, and by how much it is shifted.
    index: Option<(Gpr, u8)>,
    disp: i32,
}

impl Mem {
    /// `base + disp`.
    pub(super) const fn at(base: Gpr, disp: i32) -> Self {
        Mem { base, index: None, disp }
    }

    /// `base + (index << shift) + disp`; `index` is not `rsp`.
    pub(super) const fn indexed(base: Gpr, index: Gpr, shift: u8, disp: i32) -> Self {
        Mem { base, index: Some((index, shift)), disp }
    }

    /// The place that many bytes behind this one.
    pub(super) const fn plus(self, more: i32) -> Self {
        Mem { disp: self.disp + more, ..self }
    }
}

/// A register or a place in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rm {
    Reg(Gpr),
    Mem(Mem),
}

impl From<Gpr> for Rm {
    fn from(reg: Gpr) -> Self {
        Rm::Reg(reg)
    }
}

impl From<Mem> for Rm {
    fn from(mem: Mem) -> Self {
        Rm::Mem(mem)
    }
}

/// A vector register or a place in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Xm {
    Reg(Xmm),
    Mem(Mem),
}

impl From<Xmm> for Xm {
    fn from(reg: Xmm) -> Self {
        Xm::Reg(reg)
    }
}

impl From<Mem> for Xm {
    fn from(mem: Mem) -> Self {
        Xm::Mem(mem)
    }
}

/// How many bits an operation is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    Word,
    Double,
}

impl Width {
    const fn w(self) -> bool {
        matches!(self, Width::Double)
    }
}

/// Operations with two operands, by their number in the encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alu {
    Add = 0,
    Or = 1,
    /// With the carry.
    Adc = 2,
    /// With the carry.
    Sbb = 3,
    And = 4,
    Sub = 5,
    Xor = 6,
    Cmp = 7,
}

/// Shifts, by their number in the encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shift {
    Rol = 0,
    Ror = 1,
    Shl = 4,
    Shr = 5,
    Sar = 7,
}

/// Operations with one operand (opcode `f7`), by their number in the encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unary {
    Not = 2,
    Neg = 3,
    Mul = 4,
    Imul = 5,
    Div = 6,
    Idiv = 7,
}

/// Bit operations (opcode `0f ba`), by their number in the encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bit {
    Test = 4,
    Set = 5,
    Reset = 6,
    Complement = 7,
}

/// Conditions, by their number in the encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cond {
    NoOverflow = 1,
    Below = 2,
    AboveEqual = 3,
    Equal = 4,
    NotEqual = 5,
    BelowEqual = 6,
    Above = 7,
    Sign = 8,
    Parity = 10,
    NotParity = 11,
    Less = 12,
    GreaterEqual = 13,
    LessEqual = 14,
    Greater = 15,
}

/// How many bytes a load reads, and how it extends them to 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extend {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
}

impl Extend {
    /// Bytes read.
    pub(super) const fn size(self) -> i64 {
        match self {
            Extend::U8 | Extend::I8 => 1,
            Extend::U16 | Extend::I16 => 2,
            Extend::U32 | Extend::I32 => 4,
            Extend::U64 => 8,
        }
    }
}

/// The prefix that is part of an opcode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prefix {
    None = 0,
    P66 = 1,
    F3 = 2,
    F2 = 3,
}

impl Prefix {
    /// What says how many bytes are moved.
    const fn of_size(size: i64) -> Self {
        match size {
            4 => Prefix::F3,
            8 => Prefix::F2,
            _ => Prefix::None,
        }
    }

    const fn byte(self) -> Option<u8> {
        match self {
            Prefix::None => None,
            Prefix::P66 => Some(0x66),
            Prefix::F3 => Some(0xf3),
            Prefix::F2 => Some(0xf2),
        }
    }
}

/// The opcode map of a VEX instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Map {
    M0f = 1,
    M0f38 = 2,
    M0f3a = 3,
}

/// A place in the code, which may not be known yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Label(u32);

/// A short jump forward that has not arrived yet.
#[derive(Debug)]
#[must_use]
pub(super) struct Short(usize);

impl Label {
    /// No place.
    pub(super) const NONE: Label = Label(u32::MAX);
}

const UNBOUND: u32 = u32::MAX;

/// Code in the making.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    code: Vec<u8>,
    labels: Vec<u32>,
    /// Four bytes each that hold the distance to a label from behind them.
    uses: Vec<(u32, Label)>,
    /// Counts what may change `rax`.
    changes: u32,
}

/// The bytes of one instruction.
struct Bytes {
    bytes: [u8; 16],
    len: usize,
}

impl Bytes {
    const fn new() -> Self {
        Bytes { bytes: [0; 16], len: 0 }
    }

    fn put(&mut self, byte: u8) {
        self.bytes[self.len & 15] = byte;
        self.len += 1;
    }

    fn put_all(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.put(byte));
    }

    /// ModRM, SIB and displacement.
    fn modrm(&mut self, reg: u8, rm: Rm) {
        let reg = (reg & 7) << 3;
        let mem = match rm {
            Rm::Reg(rm) => return self.put(0xc0 | reg | rm.0 & 7),
            Rm::Mem(mem) => mem,
        };
        let base = mem.base.0 & 7;
        let (mode, len) = match mem.disp {
            // Without displacement, `rbp` and `r13` stand for something else.
            0 if base != 5 => (0x00, 0),
            -128..=127 => (0x40, 1),
            _ => (0x80, 4),
        };
        match mem.index {
            None if base != 4 => self.put(mode | reg | base),
            None => self.put_all(&[mode | reg | 4, 0x20 | base]),
            Some((index, shift)) => self.put_all(&[mode | reg | 4, shift << 6 | (index.0 & 7) << 3 | base]),
        }
        self.put_all(&mem.disp.to_le_bytes()[..len]);
    }
}

/// Extension bits `r`, `x`, `b` of an instruction's registers.
fn high_bits(reg: u8, rm: Rm) -> (u8, u8, u8) {
    let (x, b) = match rm {
        Rm::Reg(rm) => (0, rm.0),
        Rm::Mem(mem) => (mem.index.map_or(0, |(index, _)| index.0), mem.base.0),
    };
    (reg >> 3, x >> 3, b >> 3)
}

impl Assembler {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Assembler { code: Vec::with_capacity(bytes), ..Assembler::default() }
    }

    /// Bytes so far.
    pub(super) fn len(&self) -> usize {
        self.code.len()
    }

    /// The code; every label that is used has been bound. Begins anew.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        for (at, label) in self.uses.drain(..) {
            let target = self.labels[label.0 as usize];
            debug_assert_ne!(target, UNBOUND, "a label is not bound");
            let distance = target.wrapping_sub(at + 4);
            self.code[at as usize..at as usize + 4].copy_from_slice(&distance.to_le_bytes());
        }
        let code = self.code.clone();
        self.code.clear();
        self.labels.clear();
        code
    }

    pub(super) fn label(&mut self) -> Label {
        self.labels.push(UNBOUND);
        Label(self.labels.len() as u32 - 1)
    }

    /// A number that stays the same as long as `rax` keeps its value.
    pub(super) fn rax(&self) -> u32 {
        self.changes
    }

    /// Puts a label here.
    pub(super) fn bind(&mut self, label: Label) {
        self.changes += 1;
        self.bind_back(label);
    }

    /// The same, where control only comes back with `rax` as it was.
    pub(super) fn bind_back(&mut self, label: Label) {
        self.labels[label.0 as usize] = self.code.len() as u32;
    }

    /// Where a label is, if it has been bound.
    pub(super) fn offset(&self, label: Label) -> Option<u32> {
        Some(self.labels[label.0 as usize]).filter(|&at| at != UNBOUND)
    }

    fn put(&mut self, bytes: &Bytes) {
        self.code.extend_from_slice(&bytes.bytes[..bytes.len & 15]);
    }

    /// `is_byte`: `reg` is the low byte of a register, which takes a REX prefix for some.
    fn op(&mut self, prefix: Prefix, w: bool, opcode: &[u8], reg: u8, rm: Rm, is_byte: bool) -> Bytes {
        self.touch(reg, rm);
        let mut bytes = Bytes::new();
        if let Some(prefix) = prefix.byte() {
            bytes.put(prefix);
        }
        let (r, x, b) = high_bits(reg, rm);
        let rex = u8::from(w) << 3 | r << 2 | x << 1 | b;
        let needs_rex = is_byte && ((4..8).contains(&reg) || matches!(rm, Rm::Reg(Gpr(4..8))));
        if rex != 0 || needs_rex {
            bytes.put(0x40 | rex);
        }
        bytes.put_all(opcode);
        bytes.modrm(reg, rm);
        bytes
    }

    /// Operands of an instruction, one of which it may change.
    fn touch(&mut self, reg: u8, rm: Rm) {
        self.changes += u32::from(reg == RAX.0 || rm == Rm::Reg(RAX));
    }

    /// An instruction that changes memory or flags only.
    fn emit_reading(&mut self, emit: impl FnOnce(&mut Self)) {
        let changes = self.changes;
        emit(self);
        self.changes = changes;
    }

    fn emit(&mut self, width: Width, opcode: &[u8], reg: u8, rm: Rm) {
        let bytes = self.op(Prefix::None, width.w(), opcode, reg, rm, false);
        self.put(&bytes);
    }

    /// `dst = src`.
    pub(super) fn mov(&mut self, width: Width, dst: Gpr, src: impl Into<Rm>) {
        self.emit(width, &[0x8b], dst.0, src.into());
    }

    /// `dst = src`, 64 bits, unless they are the same.
    pub(super) fn copy(&mut self, dst: Gpr, src: Gpr) {
        if dst != src {
            self.mov(Width::Double, dst, src);
        }
    }

    /// The low bytes of `src` go to memory.
    pub(super) fn store(&mut self, size: i64, dst: Mem, src: Gpr) {
        let (prefix, w, opcode) = match size {
            1 => (Prefix::None, false, 0x88),
            2 => (Prefix::P66, false, 0x89),
            4 => (Prefix::None, false, 0x89),
            _ => (Prefix::None, true, 0x89),
        };
        self.emit_reading(|a| {
            let bytes = a.op(prefix, w, &[opcode], src.0, dst.into(), size == 1);
            a.put(&bytes);
        });
    }

    /// A constant goes to memory: 8 bytes, sign-extended, or the low ones.
    pub(super) fn store_imm(&mut self, size: i64, dst: Mem, value: i32) {
        let (prefix, w, opcode, len) = match size {
            1 => (Prefix::None, false, 0xc6, 1),
            2 => (Prefix::P66, false, 0xc7, 2),
            4 => (Prefix::None, false, 0xc7, 4),
            _ => (Prefix::None, true, 0xc7, 4),
        };
        self.emit_reading(|a| {
            let bytes = a.op(prefix, w, &[opcode], 0, dst.into(), false);
            a.put(&bytes);
        });
        self.code.extend_from_slice(&value.to_le_bytes()[..len]);
    }

    /// `dst` = what is at `src`, extended.
    pub(super) fn extend(&mut self, how: Extend, dst: Gpr, src: impl Into<Rm>) {
        let src = src.into();
        let (w, opcode): (bool, &[u8]) = match how {
            Extend::U8 => (false, &[0x0f, 0xb6]),
            Extend::I8 => (true, &[0x0f, 0xbe]),
            Extend::U16 => (false, &[0x0f, 0xb7]),
            Extend::I16 => (true, &[0x0f, 0xbf]),
            Extend::U32 => (false, &[0x8b]),
            Extend::I32 => (true, &[0x63]),
            Extend::U64 => (true, &[0x8b]),
        };
        // The source is the byte, so the destination's number does not matter; a superfluous prefix does no harm.
        let bytes = self.op(Prefix::None, w, opcode, dst.0, src, how.size() == 1);
        self.put(&bytes);
    }

    /// `dst = value`. Leaves flags as they are.
    pub(super) fn constant(&mut self, dst: Gpr, value: u64) {
        self.touch(dst.0, dst.into());
        let mut bytes = Bytes::new();
        let b = dst.0 >> 3;
        if let Ok(word) = u32::try_from(value) {
            if b != 0 {
                bytes.put(0x41);
            }
            bytes.put(0xb8 | dst.0 & 7);
            bytes.put_all(&word.to_le_bytes());
        } else if let Ok(word) = i32::try_from(value as i64) {
            bytes.put_all(&[0x48 | b, 0xc7, 0xc0 | dst.0 & 7]);
            bytes.put_all(&word.to_le_bytes());
        } else {
            bytes.put_all(&[0x48 | b, 0xb8 | dst.0 & 7]);
            bytes.put_all(&value.to_le_bytes());
        }
        self.put(&bytes);
    }

    /// `dst = 0`. Changes flags.
    pub(super) fn zero(&mut self, dst: Gpr) {
        self.emit(Width::Word, &[0x33], dst.0, dst.into());
    }

    /// `dst = dst op src`, or for a comparison only flags.
    pub(super) fn alu(&mut self, op: Alu, width: Width, dst: Gpr, src: impl Into<Rm>) {
        let src = src.into();
        match op {
            Alu::Cmp => self.emit_reading(|a| a.emit(width, &[0x3b], dst.0, src)),
            _ => self.emit(width, &[(op as u8) << 3 | 3], dst.0, src),
        }
    }

    /// The same, with memory first.
    pub(super) fn alu_mem(&mut self, op: Alu, width: Width, dst: Mem, src: Gpr) {
        self.emit_reading(|a| a.emit(width, &[(op as u8) << 3 | 1], src.0, dst.into()));
    }

    /// The same, with a constant.
    pub(super) fn alu_imm(&mut self, op: Alu, width: Width, dst: impl Into<Rm>, value: i32) {
        let dst = dst.into();
        let is_byte = i8::try_from(value).is_ok();
        let opcode = if is_byte { 0x83 } else { 0x81 };
        self.emit_reading(|a| a.emit(width, &[opcode], op as u8, dst));
        self.changes += u32::from(op != Alu::Cmp && dst == Rm::Reg(RAX));
        self.code.extend_from_slice(&value.to_le_bytes()[..if is_byte { 1 } else { 4 }]);
    }

    /// Flags of `a & b`.
    pub(super) fn test(&mut self, width: Width, a: Gpr, b: Gpr) {
        self.emit_reading(|asm| asm.emit(width, &[0x85], b.0, a.into()));
    }

    /// Flags of `a & value`.
    pub(super) fn test_imm(&mut self, a: Gpr, value: i32) {
        self.emit(Width::Word, &[0xf7], 0, a.into());
        self.code.extend_from_slice(&value.to_le_bytes());
    }

    /// Flags of a byte in memory and `value`.
    pub(super) fn test_byte(&mut self, mem: Mem, value: u8) {
        self.emit_reading(|asm| asm.emit(Width::Word, &[0xf6], 0, mem.into()));
        self.code.push(value);
    }

    /// `dst` = the address of `mem`; leaves flags as they are.
    pub(super) fn lea(&mut self, dst: Gpr, mem: Mem) {
        self.emit(Width::Double, &[0x8d], dst.0, mem.into());
    }

    /// The low word of the address, zero-extended.
    pub(super) fn lea_word(&mut self, dst: Gpr, mem: Mem) {
        self.emit(Width::Word, &[0x8d], dst.0, mem.into());
    }

    /// Shifts by a constant.
    pub(super) fn shift_imm(&mut self, op: Shift, width: Width, dst: impl Into<Rm>, count: u8) {
        let dst = dst.into();
        if count == 1 {
            self.emit(width, &[0xd1], op as u8, dst);
        } else {
            self.emit(width, &[0xc1], op as u8, dst);
            self.code.push(count);
        }
    }

    /// Shifts by `cl`.
    pub(super) fn shift_cl(&mut self, op: Shift, width: Width, dst: Gpr) {
        self.emit(width, &[0xd3], op as u8, dst.into());
    }

    /// `dst = src` shifted by `count` (BMI2).
    pub(super) fn shift_x(&mut self, op: Shift, width: Width, dst: Gpr, src: impl Into<Rm>, count: Gpr) {
        let prefix = match op {
            Shift::Shr => Prefix::F2,
            Shift::Sar => Prefix::F3,
            _ => Prefix::P66,
        };
        self.vex(prefix, Map::M0f38, width.w(), 0xf7, dst.0, count.0, src.into());
    }

    /// `dst = src` rotated right by a constant (BMI2).
    pub(super) fn rotate_x(&mut self, width: Width, dst: Gpr, src: impl Into<Rm>, count: u8) {
        self.vex(Prefix::F2, Map::M0f3a, width.w(), 0xf0, dst.0, 0, src.into());
        self.code.push(count);
    }

    /// `dst = !a & b` (BMI1).
    pub(super) fn and_not(&mut self, dst: Gpr, a: Gpr, b: impl Into<Rm>) {
        self.vex(Prefix::None, Map::M0f38, true, 0xf2, dst.0, a.0, b.into());
    }

    pub(super) fn unary(&mut self, op: Unary, width: Width, rm: impl Into<Rm>) {
        // Some change `rax`.
        self.touch(RAX.0, RAX.into());
        self.emit(width, &[0xf7], op as u8, rm.into());
    }

    /// `dst = dst * src`.
    pub(super) fn multiply(&mut self, width: Width, dst: Gpr, src: impl Into<Rm>) {
        self.emit(width, &[0x0f, 0xaf], dst.0, src.into());
    }

    /// Sign-extends `rax` into `rdx`.
    pub(super) fn widen_rax(&mut self, width: Width) {
        self.touch(RAX.0, RAX.into());
        match width {
            Width::Word => self.code.push(0x99),
            Width::Double => self.code.extend_from_slice(&[0x48, 0x99]),
        }
    }

    /// Bit operation with the bit's number in a register, modulo the width.
    pub(super) fn bit(&mut self, op: Bit, dst: Gpr, number: Gpr) {
        self.emit(Width::Double, &[0x0f, (op as u8) << 3 | 0x83], number.0, dst.into());
    }

    /// Bit operation with a constant number.
    pub(super) fn bit_imm(&mut self, op: Bit, dst: Gpr, number: u8) {
        self.emit(Width::Double, &[0x0f, 0xba], op as u8, dst.into());
        self.code.push(number);
    }

    /// Counts: `lzcnt`, `tzcnt`, `popcnt`, which differ in their last byte.
    pub(super) fn count(&mut self, opcode: u8, width: Width, dst: Gpr, src: impl Into<Rm>) {
        let bytes = self.op(Prefix::F3, width.w(), &[0x0f, opcode], dst.0, src.into(), false);
        self.put(&bytes);
    }

    /// Reverses the bytes.
    pub(super) fn swap_bytes(&mut self, dst: Gpr) {
        self.touch(dst.0, dst.into());
        self.code.extend_from_slice(&[0x48 | dst.0 >> 3, 0x0f, 0xc8 | dst.0 & 7]);
    }

    /// The low byte of `dst` = whether the condition holds.
    pub(super) fn set(&mut self, cond: Cond, dst: Gpr) {
        let bytes = self.op(Prefix::None, false, &[0x0f, 0x90 | cond as u8], 0, dst.into(), true);
        self.put(&bytes);
    }

    /// `dst = src` if the condition holds.
    pub(super) fn move_if(&mut self, cond: Cond, dst: Gpr, src: impl Into<Rm>) {
        self.emit(Width::Double, &[0x0f, 0x40 | cond as u8], dst.0, src.into());
    }

    /// Stores the control register of vector instructions.
    pub(super) fn store_modes(&mut self, dst: Mem) {
        self.emit(Width::Word, &[0x0f, 0xae], 3, dst.into());
    }

    /// Loads it.
    pub(super) fn load_modes(&mut self, src: Mem) {
        self.emit(Width::Word, &[0x0f, 0xae], 2, src.into());
    }

    pub(super) fn push(&mut self, reg: Gpr) {
        self.short_op(0x50, reg);
    }

    pub(super) fn pop(&mut self, reg: Gpr) {
        self.short_op(0x58, reg);
    }

    fn short_op(&mut self, opcode: u8, reg: Gpr) {
        self.touch(reg.0, reg.into());
        if reg.0 >= 8 {
            self.code.push(0x41);
        }
        self.code.push(opcode | reg.0 & 7);
    }

    pub(super) fn ret(&mut self) {
        self.code.push(0xc3);
    }

    /// Calls what a register or memory points to.
    pub(super) fn call_indirect(&mut self, target: impl Into<Rm>) {
        self.changes += 1;
        self.emit(Width::Word, &[0xff], 2, target.into());
    }

    /// Jumps to what a register or memory points to.
    pub(super) fn jump_indirect(&mut self, target: impl Into<Rm>) {
        self.emit(Width::Word, &[0xff], 4, target.into());
    }

    pub(super) fn call(&mut self, label: Label) {
        self.changes += 1;
        self.code.push(0xe8);
        self.distance(label);
    }

    /// Jumps; close by and known, in two bytes.
    pub(super) fn jump(&mut self, label: Label) {
        match self.near(label, 2) {
            Some(distance) => self.code.extend_from_slice(&[0xeb, distance as u8]),
            None => self.jump_far(label),
        }
    }

    /// Jumps, in five bytes.
    pub(super) fn jump_far(&mut self, label: Label) {
        self.code.push(0xe9);
        self.distance(label);
    }

    /// Four bytes that are read, not executed, in the form of an instruction (`enter`).
    pub(super) fn note(&mut self, word: u16, byte: u8) {
        let [low, high] = word.to_le_bytes();
        self.code.extend_from_slice(&[0xc8, low, high, byte]);
    }

    /// The same with one byte more (`test`).
    pub(super) fn note_more(&mut self, word: u16, byte: u8, more: u8) {
        let [low, high] = word.to_le_bytes();
        self.code.extend_from_slice(&[0xa9, low, high, byte, more]);
    }

    /// Stores `rax` to `rcx` doublewords from `rdi` on (`rep stosq`).
    pub(super) fn fill(&mut self) {
        self.code.extend_from_slice(&[0xf3, 0x48, 0xab]);
    }

    /// Jumps if the condition holds.
    pub(super) fn jump_if(&mut self, cond: Cond, label: Label) {
        match self.near(label, 2) {
            Some(distance) => self.code.extend_from_slice(&[0x70 | cond as u8, distance as u8]),
            None => {
                self.code.extend_from_slice(&[0x0f, 0x80 | cond as u8]);
                self.distance(label);
            }
        }
    }

    /// The distance to a label from behind an instruction of `len` bytes, if it is known and fits a byte.
    fn near(&self, label: Label, len: i64) -> Option<i8> {
        let target = self.offset(label)?;
        i8::try_from(i64::from(target) - (self.code.len() as i64 + len)).ok()
    }

    fn distance(&mut self, label: Label) {
        self.uses.push((self.code.len() as u32, label));
        self.code.extend_from_slice(&[0; 4]);
    }

    /// Jumps forward by less than 128 bytes if the condition holds, to where [`Assembler::arrive`] is called.
    pub(super) fn skip_if(&mut self, cond: Cond) -> Short {
        self.code.extend_from_slice(&[0x70 | cond as u8, 0]);
        Short(self.code.len())
    }

    /// The same, always.
    pub(super) fn skip(&mut self) -> Short {
        self.code.extend_from_slice(&[0xeb, 0]);
        Short(self.code.len())
    }

    pub(super) fn arrive(&mut self, from: Short) {
        self.changes += 1;
        let distance = self.code.len() - from.0;
        debug_assert!(distance < 128, "a short jump is too long");
        self.code[from.0 - 1] = distance as u8;
    }

    /// A VEX instruction on 128 bits: `reg` and `rm` as in the encoding, `extra` the operand in the prefix.
    #[allow(clippy::too_many_arguments, reason = "the fields of the encoding")]
    pub(super) fn vex(&mut self, prefix: Prefix, map: Map, w: bool, opcode: u8, reg: u8, extra: u8, rm: Rm) {
        self.touch(reg, rm);
        let mut bytes = Bytes::new();
        let (r, x, b) = high_bits(reg, rm);
        let last = (!extra & 15) << 3 | prefix as u8;
        if map == Map::M0f && !w && x == 0 && b == 0 {
            bytes.put_all(&[0xc5, (r ^ 1) << 7 | last]);
        } else {
            let first = (r ^ 1) << 7 | (x ^ 1) << 6 | (b ^ 1) << 5 | map as u8;
            bytes.put_all(&[0xc4, first, u8::from(w) << 7 | last]);
        }
        bytes.put(opcode);
        bytes.modrm(reg, rm);
        self.put(&bytes);
    }

    /// A VEX instruction on vector registers: `dst = a op b`.
    pub(super) fn vector(&mut self, prefix: Prefix, opcode: u8, dst: Xmm, a: Xmm, b: impl Into<Xm>) {
        self.vex(prefix, Map::M0f, false, opcode, dst.0, a.0, rm_of(b.into()));
    }

    /// The same from another opcode map.
    pub(super) fn vector_38(
        &mut self,
        prefix: Prefix,
        w: bool,
        opcode: u8,
        dst: Xmm,
        a: Xmm,
        b: impl Into<Xm>,
    ) {
        self.vex(prefix, Map::M0f38, w, opcode, dst.0, a.0, rm_of(b.into()));
    }

    /// `dst = src`, all of it.
    pub(super) fn vector_copy(&mut self, dst: Xmm, src: Xmm) {
        if dst != src {
            self.vector(Prefix::None, 0x28, dst, Xmm(0), src);
        }
    }

    /// Loads 16 bytes, or 8, or 4, the rest of the register zero.
    pub(super) fn vector_load(&mut self, size: i64, dst: Xmm, src: Mem) {
        self.vector(Prefix::of_size(size), 0x10, dst, Xmm(0), src);
    }

    /// Stores 16 bytes, or the low 8, or 4.
    pub(super) fn vector_store(&mut self, size: i64, dst: Mem, src: Xmm) {
        self.vector(Prefix::of_size(size), 0x11, src, Xmm(0), dst);
    }

    /// `dst` = the bits of a general-purpose register, the rest zero.
    pub(super) fn vector_of(&mut self, width: Width, dst: Xmm, src: Gpr) {
        self.vex(Prefix::P66, Map::M0f, width.w(), 0x6e, dst.0, 0, src.into());
    }

    /// `dst` = the low bits of a vector register.
    pub(super) fn of_vector(&mut self, width: Width, dst: Gpr, src: Xmm) {
        self.vex(Prefix::P66, Map::M0f, width.w(), 0x7e, src.0, 0, dst.into());
    }

    /// Shifts both halves by a constant: left, or right.
    pub(super) fn vector_shift(&mut self, is_left: bool, dst: Xmm, src: Xmm, count: u8) {
        let op = if is_left { 6 } else { 2 };
        self.vex(Prefix::P66, Map::M0f, false, 0x73, op, dst.0, Gpr(src.0).into());
        self.code.push(count);
    }

    /// `dst = a` with its lowest four bytes replaced (AVX).
    pub(super) fn insert_word(&mut self, dst: Xmm, a: Xmm, word: impl Into<Rm>) {
        self.vex(Prefix::P66, Map::M0f3a, false, 0x22, dst.0, a.0, word.into());
        self.code.push(0);
    }

    /// `dst` = the second four bytes (AVX).
    pub(super) fn second_word(&mut self, dst: Gpr, src: Xmm) {
        self.vex(Prefix::P66, Map::M0f3a, false, 0x16, src.0, 0, dst.into());
        self.code.push(1);
    }

    /// Carry-less product of the low halves.
    pub(super) fn carryless(&mut self, dst: Xmm, a: Xmm, b: Xmm) {
        self.vex(Prefix::P66, Map::M0f3a, false, 0x44, dst.0, a.0, Gpr(b.0).into());
        self.code.push(0);
    }

    /// `dst` = the upper eight bytes (AVX).
    pub(super) fn upper_half(&mut self, dst: Gpr, src: Xmm) {
        self.vex(Prefix::P66, Map::M0f3a, true, 0x16, src.0, 0, dst.into());
        self.code.push(1);
    }

    /// An integer as a float; the upper bytes are those of `a`.
    pub(super) fn float_of(&mut self, prefix: Prefix, width: Width, dst: Xmm, a: Xmm, src: Gpr) {
        self.vex(prefix, Map::M0f, width.w(), 0x2a, dst.0, a.0, src.into());
    }

    /// A float as an integer, truncated.
    pub(super) fn truncate(&mut self, prefix: Prefix, width: Width, dst: Gpr, src: impl Into<Xm>) {
        self.vex(prefix, Map::M0f, width.w(), 0x2c, dst.0, 0, rm_of(src.into()));
    }
}

/// Vector registers have the same encoding.
fn rm_of(operand: Xm) -> Rm {
    match operand {
        Xm::Reg(reg) => Rm::Reg(Gpr(reg.0)),
        Xm::Mem(mem) => Rm::Mem(mem),
    }
}

impl Assembler {
    /// `dst` = all ones.
    pub(super) fn vector_ones(&mut self, dst: Xmm) {
        self.vector(Prefix::P66, 0x76, dst, dst, dst);
    }
}
