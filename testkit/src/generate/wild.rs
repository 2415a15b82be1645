//! Control flow and accesses that compilers do not make, and some that they make but rarely.

use causality_isa::format;
use causality_isa::reg::X;
use causality_isa::{Inst, Opcode};

use super::Generator;
use crate::asm::Label;
use crate::operands::{Class, Operands, Slot, class};
use crate::vm::wild::{EDGES, MOVING};

impl Generator<'_, '_> {
    /// Any of what is wild.
    pub(super) fn wild(&mut self, depth: usize) {
        // They take more room than others.
        self.budget = self.budget.saturating_sub(2);
        match self.source.below(16) {
            0 | 1 => self.recursion(depth),
            2 => self.mutual_recursion(depth),
            3 => self.return_elsewhere(depth),
            4 => self.return_past_the_caller(depth),
            5 => self.coroutine(depth),
            6 => self.tail_call(depth),
            7 => self.middle_of_an_instruction(),
            8 => self.irreducible(depth),
            9 => self.walk(),
            10 => self.registers(depth),
            11 => self.accesses_anywhere(),
            12..=14 => self.call_host(),
            _ if self.source.chance(20) => self.fault(),
            _ => self.move_mappings(),
        }
    }

    /// A register for a return address, mostly one that calls use.
    fn link(&mut self) -> X {
        let usual = self.source.pick(&[X::RA, X::RA, X::RA, X::T0]);
        if self.is_free(usual) && self.source.chance(85) { usual } else { self.free() }
    }

    fn two(&mut self) -> (X, X) {
        let link = self.link();
        let mut other = link;
        self.reserving(&[link], |g| other = g.free());
        (link, other)
    }

    /// A call, direct or not.
    fn call_of(&mut self, link: X, function: Label) {
        if self.source.chance(60) {
            self.asm.jump(link, function);
        } else {
            self.asm.address(link, function);
            self.test(Inst::Jalr(format::Jalr { rd: link, rs1: link, imm: 0 }));
        }
    }

    fn return_by(&mut self, link: X) {
        self.test(Inst::Jalr(format::Jalr { rd: X::ZERO, rs1: link, imm: 0 }));
    }

    fn push(&mut self, link: X) {
        self.asm.add(X::SP, -16);
        self.test(Inst::Sd(format::S { rs1: X::SP, rs2: link, imm: 8 }));
    }

    fn pop(&mut self, link: X) {
        self.test(Inst::Ld(format::Load { rd: link, rs1: X::SP, imm: 8 }));
        self.asm.add(X::SP, 16);
    }

    /// How deep to recurse: a little, deeper than any copy of a function goes, or off the end of the stack.
    fn levels(&mut self) -> u64 {
        match self.source.below(32) {
            0 => 5000,
            1..4 => 100 + self.source.below(1000) as u64,
            _ => 1 + self.source.below(12) as u64,
        }
    }

    fn recursion(&mut self, depth: usize) {
        let (link, n) = self.two();
        let (function, done, over) = (self.asm.label(), self.asm.label(), self.asm.label());
        self.asm.jump(X::ZERO, over);
        self.asm.bind(function);
        self.asm.branch(Opcode::Beq, n, X::ZERO, done);
        self.push(link);
        self.asm.add(n, -1);
        self.reserving(&[link, n], |g| g.block(depth.min(1)));
        self.call_of(link, function);
        self.reserving(&[link, n], |g| g.instruction());
        self.pop(link);
        self.asm.bind(done);
        self.return_by(link);
        self.asm.bind(over);
        let levels = self.levels();
        self.asm.li(n, levels);
        self.call_of(link, function);
        self.tested += 8;
    }

    fn mutual_recursion(&mut self, depth: usize) {
        let (link, n) = self.two();
        let functions: [Label; 2] = std::array::from_fn(|_| self.asm.label());
        let over = self.asm.label();
        self.asm.jump(X::ZERO, over);
        for (this, other) in [(functions[0], functions[1]), (functions[1], functions[0])] {
            let done = self.asm.label();
            self.asm.bind(this);
            self.asm.branch(Opcode::Beq, n, X::ZERO, done);
            self.push(link);
            self.asm.add(n, -1);
            self.reserving(&[link, n], |g| g.block(depth.min(1)));
            self.call_of(link, other);
            self.pop(link);
            self.asm.bind(done);
            self.return_by(link);
        }
        self.asm.bind(over);
        let levels = self.levels();
        self.asm.li(n, levels);
        self.call_of(link, functions[0]);
        self.tested += 14;
    }

    /// A function that returns one instruction further than it was called from.
    fn return_elsewhere(&mut self, depth: usize) {
        let (link, marker) = self.two();
        let (function, over) = (self.asm.label(), self.asm.label());
        self.asm.jump(X::ZERO, over);
        self.asm.bind(function);
        self.reserving(&[link], |g| g.block(depth));
        self.asm.add(link, 4);
        self.return_by(link);
        self.asm.bind(over);
        self.call_of(link, function);
        self.asm.add(marker, 1);
        self.tested += 4;
    }

    /// A function that returns to its caller's caller, as `longjmp` does.
    fn return_past_the_caller(&mut self, depth: usize) {
        let (link, saved) = self.two();
        let (outer, inner, over) = (self.asm.label(), self.asm.label(), self.asm.label());
        self.asm.jump(X::ZERO, over);
        self.asm.bind(inner);
        self.reserving(&[link, saved], |g| g.block(depth));
        self.test(Inst::Addi(format::I { rd: link, rs1: saved, imm: 0 }));
        self.return_by(link);
        self.asm.bind(outer);
        self.test(Inst::Addi(format::I { rd: saved, rs1: link, imm: 0 }));
        self.call_of(link, inner);
        self.reserving(&[link, saved], |g| g.block(depth));
        self.return_by(link);
        self.asm.bind(over);
        self.call_of(link, outer);
        self.tested += 6;
    }

    /// Two that take turns: each jump is the other's return.
    fn coroutine(&mut self, depth: usize) {
        let (link, n) = self.two();
        let (other, over) = (self.asm.label(), self.asm.label());
        let turns = 1 + self.source.below(60) as u64;
        self.asm.li(n, turns);
        self.asm.address(link, other);
        let swap = Inst::Jalr(format::Jalr { rd: link, rs1: link, imm: 0 });
        let again = self.asm.here();
        self.test(swap);
        self.reserving(&[link, n], |g| g.block(depth.min(1)));
        self.asm.add(n, -1);
        self.asm.branch(Opcode::Bne, n, X::ZERO, again);
        self.asm.jump(X::ZERO, over);
        self.asm.bind(other);
        self.reserving(&[link, n], |g| g.block(depth.min(1)));
        self.test(swap);
        self.asm.jump(X::ZERO, other);
        self.asm.bind(over);
        self.tested += 4;
    }

    /// A function that ends by jumping to another, which returns for it; by an odd address at that.
    fn tail_call(&mut self, depth: usize) {
        let (link, scratch) = self.two();
        let (first, second, over) = (self.asm.label(), self.asm.label(), self.asm.label());
        self.asm.jump(X::ZERO, over);
        self.asm.bind(first);
        self.reserving(&[link], |g| g.block(depth));
        if self.source.chance(50) {
            self.asm.jump(X::ZERO, second);
        } else {
            self.asm.address(scratch, second);
            self.test(Inst::Jalr(format::Jalr { rd: X::ZERO, rs1: scratch, imm: 1 }));
        }
        self.asm.bind(second);
        self.reserving(&[link], |g| g.block(depth));
        self.return_by(link);
        self.asm.bind(over);
        for _ in 0..1 + self.source.below(3) {
            self.call_of(link, first);
        }
        self.tested += 4;
    }

    /// `lui` whose upper half is an instruction too, come to from before it and in it.
    fn middle_of_an_instruction(&mut self) {
        const C_ADDI: u32 = 0x0001;
        let (counter, rd) = (self.free(), self.free());
        if counter == rd {
            return;
        }
        self.asm.li(counter, 3);
        let again = self.asm.here();
        let middle = self.asm.label();
        self.asm.add(counter, -1);
        self.asm.branch(self.source.pick(&[Opcode::Beq, Opcode::Bne]), counter, X::ZERO, middle);
        let half = C_ADDI | (rd.index() as u32) << 7 | 1 << 2;
        let word = Inst::Lui(format::U { rd, imm: (half << 16) as i32 }).encode();
        self.asm.half(word as u16);
        self.asm.bind(middle);
        self.asm.half((word >> 16) as u16);
        self.asm.branch(Opcode::Blt, X::ZERO, counter, again);
        self.tested += 6;
    }

    /// A loop that is entered at two places.
    fn irreducible(&mut self, depth: usize) {
        let counter = self.free();
        let (first, second) = (self.asm.label(), self.asm.label());
        let trips = 2 + self.source.below(40) as u64;
        self.asm.li(counter, trips);
        let (rs1, rs2) = (self.any(), self.any());
        self.asm.branch(Opcode::Bltu, rs1, rs2, second);
        self.asm.bind(first);
        self.reserving(&[counter], |g| g.block(depth.min(1)));
        self.asm.bind(second);
        self.asm.add(counter, -1);
        self.reserving(&[counter], |g| g.block(depth.min(1)));
        self.asm.branch(Opcode::Bne, counter, X::ZERO, first);
        self.tested += 4;
    }

    /// `rd` = a value that nothing but the load of it knows.
    fn opaque(&mut self, rd: X, value: u64) {
        let (literal, over) = (self.asm.label(), self.asm.label());
        self.asm.jump(X::ZERO, over);
        self.asm.bind(literal);
        value.to_le_bytes().chunks(2).for_each(|half| self.asm.half(u16::from_le_bytes([half[0], half[1]])));
        self.asm.bind(over);
        self.asm.address(rd, literal);
        self.asm.inst(Inst::Ld(format::Load { rd, rs1: rd, imm: 0 }));
    }

    fn address_in(&mut self, rd: X, address: u64) {
        if self.source.chance(50) {
            self.opaque(rd, address);
        } else {
            self.asm.li(rd, address);
        }
    }

    pub(super) fn a_load_or_store(&mut self) -> Opcode {
        let opcodes = &self.shape.opcodes;
        let is_access = |o: &&Opcode| matches!(class(**o), Class::Load(_) | Class::Store(_));
        let accesses: Vec<Opcode> = opcodes.iter().filter(is_access).copied().collect();
        self.source.pick(&accesses)
    }

    pub(super) fn access_at(&mut self, opcode: Opcode, base: X, imm: i32) {
        let operands = Operands::of(opcode);
        let bits = if operands.rd == Slot::None {
            let rs2 = self.any();
            format::S { rs1: base, rs2, imm }.encode()
        } else {
            let mut rd = self.any();
            if operands.rd == Slot::X {
                self.reserving(&[base], |g| rd = g.free());
            }
            format::Load { rd, rs1: base, imm }.encode()
        };
        self.asm.word(opcode.fill(bits));
        self.tested += 1;
    }

    /// Loads and stores off one base at an edge of what may be accessed.
    fn accesses_anywhere(&mut self) {
        let base = self.free();
        let near = self.source.below(33) as u64;
        let address = self.source.pick(EDGES).wrapping_add(near).wrapping_sub(16);
        let imm = match self.source.below(4) {
            0 => self.source.pick(&[2047, -2048, 1000, -1000]),
            _ => self.source.below(17) as i32 - 8,
        };
        self.address_in(base, address.wrapping_sub(imm as u64));
        self.reserving(&[base], |g| {
            for _ in 0..1 + g.source.below(4) {
                let opcode = g.a_load_or_store();
                let beside = g.source.below(17) as i32 - 8;
                g.access_at(opcode, base, (imm + beside).clamp(-2048, 2047));
                if g.source.chance(40) {
                    g.instruction();
                }
            }
        });
    }

    /// A pointer that runs over memory, and mostly stops in time.
    fn walk(&mut self) {
        let pointer = self.free();
        let mut end = pointer;
        self.reserving(&[pointer], |g| end = g.free());
        let edge = self.source.pick(&EDGES[..12]);
        let stride = self.source.pick(&[1, 2, 4, 8, 16, 24]);
        let steps = 1 + self.source.below(60) as i64;
        let beyond = if self.source.chance(15) { 3 } else { 0 };
        let stop = edge.wrapping_add_signed(stride * beyond);
        let start = stop.wrapping_add_signed(-stride * steps);
        self.address_in(pointer, start);
        self.asm.li(end, stop);
        let again = self.asm.here();
        self.reserving(&[pointer, end], |g| {
            for _ in 0..1 + g.source.below(3) {
                let opcode = g.a_load_or_store();
                let imm = if g.source.chance(80) { 0 } else { g.source.below(9) as i32 - 4 };
                g.access_at(opcode, pointer, imm);
            }
            if g.source.chance(50) {
                g.instruction();
            }
        });
        self.asm.add(pointer, stride as i32);
        self.asm.branch(Opcode::Bne, pointer, end, again);
        self.tested += 2;
    }

    /// An `ecall`, of any number.
    fn call_host(&mut self) {
        if self.is_free(X::A7) && self.is_free(X::A0) {
            let number = self.source.below(6) as u64;
            self.asm.li(X::A7, number);
            self.test(Inst::Ecall(format::Bare {}));
        }
    }

    /// The same access before and after a call that moves what is mapped there.
    fn move_mappings(&mut self) {
        if !self.is_free(X::A7) || !self.is_free(X::A0) {
            return;
        }
        let mut base = X::A0;
        self.reserving(&[X::A0, X::A7], |g| base = g.free());
        let (number, opcode) = (8 + self.source.below(4) as u64, self.a_load_or_store());
        self.reserving(&[base], |g| {
            g.address_in(base, MOVING + 16);
            g.access_at(opcode, base, 0);
            g.asm.li(X::A7, number);
            g.test(Inst::Ecall(format::Bare {}));
            g.access_at(opcode, base, 0);
        });
    }
}
