//! Made-up programs: any mix of instructions in straight lines, branches, loops, calls and jump tables.
//!
//! Every program ends: loops count, calls do not recurse, jumps go forward. Every load and store of the program
//! proper lies in the window. A program may end with an instruction that traps. The same choices and shape give the
//! same program everywhere, so a seed is all it takes to see it again.

mod misuse;
mod registers;
mod wild;

use causality_isa::format::{self, Operand};
use causality_isa::reg::{F, X};
use causality_isa::{COpcode, Extension, Inst, Opcode, Rm, csr, decode};

use crate::asm::{Assembler, Label};
use crate::corners::{self, Format, INTEGERS};
use crate::operands::{Class, Operands, RD, RM, RS1, RS2, Slot, class};
use crate::program::{CODE, DATA_END, Program, WINDOW, WINDOW_SIZE};
use crate::source::Source;
use crate::vm::wild::STACK_TOP;

/// What programs to make.
#[derive(Clone, Debug)]
pub struct Shape {
    /// 32-bit instructions to use. Control flow is made by structure and need not be listed.
    pub opcodes: Vec<Opcode>,
    /// 16-bit instructions to use.
    pub compressed: Vec<COpcode>,
    /// A register that is never written, for a harness.
    pub anchor: X,
    /// How many statements; a statement is an instruction with what prepares it, or a structure.
    pub statements: usize,
    /// How deep structures nest; 0 makes straight lines.
    pub depth: usize,
    /// How many programs in a hundred end with a trap.
    pub faults: usize,
    /// Whether programs read `cycle`, `time` and `instret`, about which no oracle agrees.
    pub counters: bool,
    /// Whether programs do what compilers do not: recurse off their stack, return to somewhere else, jump into the
    /// middle of instructions, access memory at its edges, call a [`Meddler`](crate::vm::wild::Meddler). They are
    /// for a [`vm::wild::machine`](crate::vm::wild::machine), and may take long.
    pub wild: bool,
    /// Whether they use resource registers above all. Those that are wild do it now and then.
    pub registers: bool,
}

impl Shape {
    /// Straight lines of what `wanted` accepts.
    #[must_use]
    pub fn straight(anchor: X, statements: usize, wanted: impl Fn(Extension) -> bool) -> Self {
        Shape {
            opcodes: Opcode::ALL.iter().copied().filter(|opcode| wanted(opcode.extension())).collect(),
            compressed: COpcode::ALL.iter().copied().filter(|opcode| wanted(opcode.extension())).collect(),
            anchor,
            statements,
            depth: 0,
            faults: 0,
            counters: false,
            wild: false,
            registers: false,
        }
    }

    /// Programs with everything, for this machine alone.
    #[must_use]
    pub fn wild(statements: usize) -> Self {
        Shape { wild: true, faults: 10, ..Shape::own(statements) }
    }

    /// Wild programs that use resource registers above all.
    #[must_use]
    pub fn registers(statements: usize) -> Self {
        Shape { registers: true, ..Shape::wild(statements) }
    }

    /// The same with all that only this machine can judge: every extension, and counters.
    #[must_use]
    pub fn own(statements: usize) -> Self {
        Shape { counters: true, ..Shape::structured(X::T6, statements, |_| true) }
    }

    /// Structured programs of what `wanted` accepts, some of which end with a trap.
    #[must_use]
    pub fn structured(anchor: X, statements: usize, wanted: impl Fn(Extension) -> bool) -> Self {
        Shape { depth: 3, faults: 30, ..Shape::straight(anchor, statements, wanted) }
    }
}

/// Makes a program.
#[must_use]
pub fn generate(source: &mut Source<'_>, shape: &Shape) -> Program {
    let mut generator = Generator {
        reserved: 1 << shape.anchor.index(),
        asm: Assembler::new(),
        tested: 0,
        budget: 0,
        source,
        shape,
    };
    let mut program = Program { start: generator.start(), ..Program::default() };
    if shape.wild {
        generator.reserved |= 1 << X::SP.index();
        program.start.x[X::SP.index()] = STACK_TOP;
    }
    let mut left = shape.statements;
    while left > 0 {
        // Short enough for a branch over all of it.
        generator.budget = left.min(SECTION);
        left -= generator.budget;
        while generator.budget > 0 {
            generator.statement(shape.depth);
        }
    }
    if generator.source.chance(shape.faults) {
        generator.fault();
    }
    program.tested = generator.tested;
    program.code = generator.asm.finish();
    program
}

/// Statements that a conditional branch can be sure to reach over, at no more than 110 bytes each.
const SECTION: usize = 32;

#[derive(Debug)]
struct Generator<'g, 's> {
    source: &'g mut Source<'s>,
    shape: &'g Shape,
    asm: Assembler,
    /// Integer registers that must not be written here.
    reserved: u32,
    budget: usize,
    tested: usize,
}

impl Generator<'_, '_> {
    /// Corner values everywhere.
    fn start(&mut self) -> crate::State {
        let mut state = crate::State::default();
        let doubles = corners::converted_floats(Format::D);
        let singles = corners::converted_floats(Format::S);
        let halves = corners::floats(Format::H);
        let source = &mut *self.source;
        let float = |source: &mut Source<'_>| match source.below(8) {
            0 => source.pick(&halves),
            1..4 => source.pick(&singles),
            4..7 => source.pick(&doubles),
            _ => source.bits(),
        };
        for x in &mut state.x[1..] {
            *x = if source.chance(75) { source.pick(INTEGERS) } else { source.bits() };
        }
        state.f = std::array::from_fn(|_| float(source));
        for chunk in state.window.chunks_mut(8) {
            let value = if source.chance(50) { source.pick(INTEGERS) } else { float(source) };
            chunk.copy_from_slice(&value.to_le_bytes());
        }
        state.fcsr = u64::from(source.byte() & 0x1f) | (source.below(5) as u64) << 5;
        state
    }

    fn is_free(&self, x: X) -> bool {
        self.reserved >> x.index() & 1 == 0
    }

    /// An integer register that may be written and is not `x0`.
    fn free(&mut self) -> X {
        let first = self.source.below(31);
        let all = (0..31).map(|i| X::ALL[1 + (first + i) % 31]);
        // Structures reserve a register or two each and nest a few levels deep, so there is always one.
        all.into_iter().find(|&x| self.is_free(x)).unwrap_or(X::T3)
    }

    fn any(&mut self) -> X {
        X::from_bits(self.source.byte().into())
    }

    fn test(&mut self, inst: Inst) {
        self.asm.inst(inst);
        self.tested += 1;
    }

    // Statements.

    fn statement(&mut self, depth: usize) {
        self.budget = self.budget.saturating_sub(1);
        if self.shape.registers && self.source.chance(40) {
            return self.registers(depth);
        }
        if self.shape.wild && depth > 0 && self.source.chance(15) {
            return self.wild(depth - 1);
        }
        let structures = if depth == 0 { 0 } else { 5 };
        match self.source.below(24) {
            choice if choice >= structures => match choice {
                20 | 21 => self.refresh(),
                22 | 23 => self.cluster(),
                _ => self.instruction(),
            },
            0 | 1 => self.branch_over(depth - 1),
            2 => self.count_down(depth - 1),
            3 => self.call(depth - 1),
            _ => self.jump_table(depth - 1),
        }
    }

    /// A few statements.
    fn block(&mut self, depth: usize) {
        let count = self.source.below(6).min(self.budget);
        for _ in 0..count {
            self.statement(depth);
        }
    }

    /// Does something with registers reserved.
    fn reserving(&mut self, registers: &[X], body: impl FnOnce(&mut Self)) {
        let before = self.reserved;
        registers.iter().for_each(|x| self.reserved |= 1 << x.index());
        body(self);
        self.reserved = before;
    }

    /// A conditional branch, forward.
    fn branch_over(&mut self, depth: usize) {
        use Opcode::{Beq, Bge, Bgeu, Blt, Bltu, Bne};
        let opcode = self.source.pick(&[Beq, Bne, Blt, Bge, Bltu, Bgeu]);
        let (rs1, rs2, over) = (self.any(), self.any(), self.asm.label());
        self.asm.branch(opcode, rs1, rs2, over);
        self.tested += 1;
        self.block(depth);
        self.asm.bind(over);
    }

    /// A loop with a counter.
    fn count_down(&mut self, depth: usize) {
        let counter = self.free();
        // Inner loops may become hot.
        let most = match (depth, self.shape.wild) {
            (0, false) => 40,
            (_, false) => 4,
            (0, true) => 250,
            (_, true) => 20,
        };
        let trips = 1 + self.source.below(most) as u64;
        self.asm.li(counter, trips);
        let again = self.asm.here();
        self.reserving(&[counter], |g| g.block(depth));
        self.asm.add(counter, -1);
        self.asm.branch(Opcode::Bne, counter, X::ZERO, again);
        self.tested += 3;
    }

    /// A function and one or two calls of it, direct or indirect.
    fn call(&mut self, depth: usize) {
        let link = self.free();
        let (function, over) = (self.asm.label(), self.asm.label());
        self.asm.jump(X::ZERO, over);
        self.asm.bind(function);
        self.reserving(&[link], |g| g.block(depth));
        self.test(Inst::Jalr(format::Jalr { rd: X::ZERO, rs1: link, imm: 0 }));
        self.asm.bind(over);
        for _ in 0..1 + self.source.below(2) {
            if self.source.chance(50) {
                self.asm.jump(link, function);
            } else {
                self.asm.address(link, function);
                // The link register may be the base.
                self.test(Inst::Jalr(format::Jalr { rd: link, rs1: link, imm: 0 }));
            }
            self.tested += 1;
        }
    }

    /// One of four blocks, by a register's low bits and a table of distances in the code.
    fn jump_table(&mut self, depth: usize) {
        let selector = self.any();
        let index = self.free();
        let mut base = index;
        self.reserving(&[index], |g| base = g.free());
        let (table, end) = (self.asm.label(), self.asm.label());
        self.asm.inst(Inst::Andi(format::I { rd: index, rs1: selector, imm: 3 }));
        self.asm.inst(Inst::Slli(format::Shift { rd: index, rs1: index, shamt: 2 }));
        self.asm.address(base, table);
        self.asm.inst(Inst::Add(format::R { rd: index, rs1: index, rs2: base }));
        self.asm.inst(Inst::Lw(format::Load { rd: index, rs1: index, imm: 0 }));
        self.asm.inst(Inst::Add(format::R { rd: base, rs1: index, rs2: base }));
        self.asm.inst(Inst::Jalr(format::Jalr { rd: X::ZERO, rs1: base, imm: 0 }));
        self.tested += 8;
        // Words to load: the compressed instructions before may leave it misaligned, which is as good a test.
        self.asm.bind(table);
        let cases: [Label; 4] = std::array::from_fn(|_| self.asm.label());
        cases.iter().for_each(|&case| self.asm.distance(table, case));
        for case in cases {
            self.asm.bind(case);
            self.block(depth);
            self.asm.jump(X::ZERO, end);
        }
        self.asm.bind(end);
    }

    /// A corner value from the window, since results tend to become junk.
    fn refresh(&mut self) {
        let base = self.free();
        let place = self.source.below(WINDOW_SIZE / 8) as u64 * 8;
        self.asm.li(base, WINDOW + place);
        if self.source.chance(50) {
            self.test(Inst::Ld(format::Load { rd: base, rs1: base, imm: 0 }));
        } else {
            let rd = F::from_bits(self.source.byte().into());
            self.test(Inst::Fld(format::FLoad { rd, rs1: base, imm: 0 }));
        }
    }

    /// Loads and stores off one base, one upon the other as compilers write them.
    fn cluster(&mut self) {
        let opcodes = &self.shape.opcodes;
        let is_access = |o: &&Opcode| matches!(class(**o), Class::Load(_) | Class::Store(_));
        let accesses: Vec<Opcode> = opcodes.iter().filter(is_access).copied().collect();
        if accesses.is_empty() {
            return;
        }
        let base = self.free();
        let place = self.source.below(WINDOW_SIZE);
        self.asm.li(base, WINDOW + place as u64);
        self.reserving(&[base], |g| {
            for _ in 0..2 + g.source.below(3) {
                if g.source.chance(75) {
                    let opcode = g.source.pick(&accesses);
                    g.access(opcode, base, place);
                } else {
                    g.instruction();
                }
            }
        });
    }

    /// A load or store somewhere in the window, where `base` holds the address of `place`.
    fn access(&mut self, opcode: Opcode, base: X, place: usize) {
        let size = match class(opcode) {
            Class::Load(size) | Class::Store(size) => size as usize,
            _ => return,
        };
        let imm = self.source.below(WINDOW_SIZE - size + 1) as i32 - place as i32;
        let operands = Operands::of(opcode);
        let bits = if operands.rd == Slot::None {
            let rs2 = self.any();
            format::S { rs1: base, rs2, imm }.encode()
        } else {
            let rd = if operands.rd == Slot::X { self.free() } else { self.any() };
            format::Load { rd, rs1: base, imm }.encode()
        };
        self.asm.word(opcode.fill(bits));
        self.tested += 1;
    }

    // Instructions.

    /// One instruction that goes on to the next.
    fn instruction(&mut self) {
        // Not every choice can be used here; a few always can.
        for _ in 0..8 {
            let compressed = !self.shape.compressed.is_empty() && self.source.chance(25);
            let done = if compressed { self.short() } else { self.long() };
            if done {
                return;
            }
        }
    }

    fn short(&mut self) -> bool {
        let bits = u16::from_le_bytes([self.source.byte(), self.source.byte()]);
        let half = self.source.pick(&self.shape.compressed).fill(bits);
        let Some(decoded) = decode(half.into()) else { return false };
        // The more specific row may be one that is not wanted.
        let wanted = decoded.compressed.is_some_and(|c| self.shape.compressed.contains(&c.opcode()));
        if !wanted || !self.prepare(decoded.inst) {
            return false;
        }
        self.asm.half(half);
        self.tested += 1;
        true
    }

    fn long(&mut self) -> bool {
        if self.shape.opcodes.is_empty() {
            return false;
        }
        let opcode = self.opcode();
        let operands = Operands::of(opcode);
        let mut bits = self.source.bits() as u32;
        if operands.rd == Slot::X && !self.is_free(X::from_bits(bits >> RD)) {
            bits = bits & !(31 << RD) | (self.free().index() as u32) << RD;
        }
        if operands.rm {
            let rm =
                self.source.pick(&[Rm::Rne, Rm::Rtz, Rm::Rdn, Rm::Rup, Rm::Rmm, Rm::Dyn, Rm::Dyn, Rm::Dyn]);
            bits = bits & !(7 << RM) | (rm as u32) << RM;
        }
        match class(opcode) {
            Class::Atomic(size) => return self.atomic(opcode, bits, size),
            Class::Csr => return self.csr(opcode, bits),
            // Made in sequences that mean something.
            Class::Register => return false,
            _ => {}
        }
        let word = opcode.fill(bits);
        let Some(inst) = Inst::decode32(word).filter(|inst| inst.opcode() == opcode) else { return false };
        let usable = self.prepare(inst);
        if usable {
            self.test(inst);
        }
        usable
    }

    /// One of the wanted opcodes; often one of those that compiled programs consist of, and executors favour.
    fn opcode(&mut self) -> Opcode {
        use Opcode as O;
        const COMMON: &[Opcode] = &[
            O::Addi,
            O::Add,
            O::Sub,
            O::Addiw,
            O::Addw,
            O::Slli,
            O::Srli,
            O::Srai,
            O::And,
            O::Or,
            O::Xor,
            O::Andi,
            O::Lui,
            O::Auipc,
            O::Mul,
            O::Sltu,
            O::Slliw,
            O::Sh3add,
            O::ZextH,
            O::FaddD,
            O::FmulD,
            O::FmaddD,
        ];
        let common = self.source.pick(COMMON);
        if self.source.chance(40) && self.shape.opcodes.contains(&common) {
            common
        } else {
            self.source.pick(&self.shape.opcodes)
        }
    }

    /// Whether an instruction can stand here; if it accesses memory, gives its base register an address in the
    /// window.
    fn prepare(&mut self, inst: Inst) -> bool {
        if let Some(Operand::X(rd)) = inst.operand("rd")
            && !self.is_free(rd)
        {
            return false;
        }
        let size = match class(inst.opcode()) {
            Class::Value => return true,
            Class::Load(size) | Class::Store(size) => size,
            // A whole block, wherever in it the address is.
            Class::Block => 1,
            _ => return false,
        };
        let Some(Operand::X(base)) = inst.operand("rs1") else { return false };
        if base.is_zero() || !self.is_free(base) {
            return false;
        }
        let imm = match inst.operand("imm") {
            Some(Operand::Int(imm)) => i64::from(imm),
            _ => 0,
        };
        let place = self.source.below(WINDOW_SIZE - size as usize + 1) as u64;
        self.asm.li(base, (WINDOW + place).wrapping_add_signed(-imm));
        true
    }

    /// An atomic operation, aligned; `lr` and `sc` as a pair, of the same address or of two.
    fn atomic(&mut self, opcode: Opcode, bits: u32, size: u32) -> bool {
        let base = self.free();
        let place =
            self.source.below(WINDOW_SIZE / 8) as u64 * 8 + u64::from(8 - size) * (u64::from(bits) & 1);
        self.asm.li(base, WINDOW + place);
        let with_base = |bits: u32| bits & !(31 << RS1) | (base.index() as u32) << RS1;
        let (lr, sc) = if size == 8 { (Opcode::LrD, Opcode::ScD) } else { (Opcode::LrW, Opcode::ScW) };
        if opcode != lr && opcode != sc {
            self.asm.word(opcode.fill(with_base(bits)));
            self.tested += 1;
            return true;
        }
        let mut loaded = base;
        self.reserving(&[base], |g| loaded = g.free());
        let loads = bits & !(31 << RD) | (loaded.index() as u32) << RD;
        self.asm.word(lr.fill(with_base(loads)));
        if self.source.chance(25) {
            self.asm.li(base, WINDOW + self.source.below(WINDOW_SIZE / 8) as u64 * 8);
        }
        self.asm.word(sc.fill(with_base(bits)));
        self.tested += 2;
        true
    }

    /// Access to the floating-point CSRs; mostly leaving a rounding mode that exists.
    fn csr(&mut self, opcode: Opcode, bits: u32) -> bool {
        if self.shape.counters && self.source.chance(50) {
            let (rd, rs1) = (X::from_bits(bits >> RD), X::ZERO);
            let csr = self.source.pick(&[csr::CYCLE, csr::TIME, csr::INSTRET]);
            self.test(Inst::Csrrs(format::Csr { rd, rs1, csr }));
            return true;
        }
        let number = self.source.pick(&[csr::FFLAGS, csr::FFLAGS, csr::FRM, csr::FCSR]);
        self.asm.word(opcode.fill(bits & 0xf_ffff | u32::from(number) << 20));
        self.tested += 1;
        if number != csr::FFLAGS && self.source.chance(95) {
            let uimm = self.source.below(5) as u8;
            self.test(Inst::Csrrwi(format::CsrImm { rd: X::ZERO, uimm, csr: csr::FRM }));
        }
        true
    }

    /// An instruction that traps.
    fn fault(&mut self) {
        const HALVES: &[u16] = &[0x0000, 0x9002, 0x8002, 0x2001, 0x6101];
        const CSR_THAT_IS_NONE: u16 = 0x7c0;
        let base = self.free();
        let address = self.source.pick(&[0, 8, DATA_END, DATA_END - 1, 0x5000_0000, CODE]);
        let (rd, rs1, rs2) = (base, base, base);
        self.tested += 1;
        let inst = match self.source.below(9) {
            0 => return self.asm.half(self.source.pick(HALVES)),
            1 => Inst::Ebreak(format::Bare {}),
            2 => Inst::Csrrw(format::Csr { rd, rs1, csr: CSR_THAT_IS_NONE }),
            3 => return self.asm.word(Opcode::FaddS.fill(5 << RM)),
            4 => {
                self.asm.li(base, address.max(DATA_END - 1));
                Inst::Ld(format::Load { rd, rs1, imm: if address == CODE { -2048 } else { 0 } })
            }
            5 => {
                self.asm.li(base, address);
                Inst::Sd(format::S { rs1, rs2, imm: 0 })
            }
            6 => {
                self.asm.li(base, WINDOW + 4);
                Inst::AmoaddD(format::Amo { rd, rs1, rs2, aq: true, rl: false })
            }
            7 => {
                self.asm.li(base, WINDOW + 2);
                Inst::LrW(format::Lr { rd, rs1, aq: false, rl: false })
            }
            _ => {
                self.asm.li(base, if address == CODE { WINDOW } else { address & !1 });
                Inst::Jalr(format::Jalr { rd: base, rs1: base, imm: 0 })
            }
        };
        self.asm.inst(inst);
    }
}

/// Fields that formats share lie in the same place, which lets the generator exchange registers in a word.
const _: () = assert!(RD == 7 && RS1 == 15 && RS2 == 20);
