//! [`Batch`]: many programs in one executable, so that starting a process costs nothing per program.
//!
//! The harness takes the programs in turn: it copies the window, loads `fcsr`, `f` and `x`, jumps to the code, and
//! dumps everything when the code ends, as one [`Record`](crate::Record) on standard output. If the program gets a signal, the
//! harness takes the state from the signal's context instead. Only the anchor register is the harness's own, and
//! batches take turns in which register that is.

use causality_isa::reg::{F, X};
use causality_isa::{Inst, Opcode, csr, format};
use causality_machine::memory::{Perms, SegmentKind};
use causality_machine::{Image, ImageSegment};

use crate::asm::{Assembler, Label};
use crate::elf::{Elf, PF_R, PF_W, PF_X, Phdr};
use crate::program::{CODE, DATA, DATA_END, Program, WINDOW, WINDOW_SIZE};
use crate::record::RECORD_SIZE;

/// Where the harness lies; its first instruction is where programs go at their end.
const HARNESS: u64 = 0x1_0000;
/// The harness's variables, beginning with the record.
const CONTROL: u64 = 0x2_0000;
/// The signal stack.
const SIGNAL_STACK: u64 = 0x2_1000;
const SIGNAL_STACK_SIZE: u64 = 0x8000;
/// What each program starts with.
const ENTRIES: u64 = 0x1800_0000;

const F_AT: i32 = 256;
const FCSR_AT: i32 = 512;
/// In a record.
const PC_AT: i32 = 520;
const ADDRESS_AT: i32 = 528;
const RECORD_WINDOW_AT: i32 = 536;
/// In an entry.
const ENTRY_WINDOW_AT: i32 = 520;
const ENTRY_SIZE: usize = 520 + WINDOW_SIZE;
/// In the control block, behind the record.
const CURSOR_AT: i32 = 1024;
const LAST_AT: i32 = 1032;
const ALTSTACK_AT: i32 = 1040;
const SIGACTION_AT: i32 = 1072;

/// Registers that may be the anchor: those that neither a call nor a signal passes anything in.
pub const ANCHORS: [X; 6] = [X::T6, X::T0, X::GP, X::A5, X::S0, X::RA];

/// Many programs in one executable.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The register the harness keeps.
    pub anchor: X,
    /// The programs, in the order of their records.
    pub programs: Vec<Program>,
}

/// The executable's parts.
#[derive(Clone, Debug)]
pub(crate) struct Linked {
    pub(crate) entry: u64,
    /// Where the harness starts the next program.
    pub(crate) next: u64,
    harness: Vec<u8>,
    control: Vec<u8>,
    entries: Vec<u8>,
    code: Vec<u8>,
}

impl Batch {
    /// No programs yet.
    #[must_use]
    pub const fn new(anchor: X) -> Self {
        Batch { anchor, programs: Vec::new() }
    }

    /// Cuts programs into batches that all share an anchor.
    #[must_use]
    pub fn of(anchor: X, programs: Vec<Program>) -> Self {
        Batch { anchor, programs }
    }

    /// Where the code of each program lies.
    #[must_use]
    pub fn addresses(&self) -> Vec<u64> {
        let mut at = CODE;
        let mut addresses = Vec::with_capacity(self.programs.len());
        for program in &self.programs {
            addresses.push(at);
            at += padded(program.code.len()) + 8;
        }
        addresses
    }

    /// The executable file.
    #[must_use]
    pub fn elf(&self) -> Vec<u8> {
        let linked = self.link();
        Elf::exec(linked.entry)
            .segment(Phdr::load(PF_R | PF_X, HARNESS, &linked.harness))
            .segment(Phdr::load(PF_R | PF_W, CONTROL, &linked.control).with_size(0x1000 + SIGNAL_STACK_SIZE))
            .segment(Phdr::load(PF_R | PF_W, DATA, &[]).with_size(DATA_END - DATA))
            .segment(Phdr::load(PF_R, ENTRIES, &linked.entries))
            .segment(Phdr::load(PF_R | PF_X, CODE, &linked.code))
            .build()
    }

    pub(crate) fn link(&self) -> Linked {
        let (harness, entry, next) = self.harness();
        let addresses = self.addresses();
        let mut code = Vec::new();
        let mut entries = Vec::with_capacity(self.programs.len() * ENTRY_SIZE);
        for (program, at) in self.programs.iter().zip(addresses) {
            code.extend_from_slice(&program.code);
            // A program may end between two words.
            if code.len() % 4 != 0 {
                code.extend_from_slice(&0x0001_u16.to_le_bytes());
            }
            code.extend_from_slice(&self.epilogue());
            self.put_entry(&mut entries, program, at);
        }
        Linked { entry, next, harness, control: self.control(), entries, code }
    }

    /// How a program's code ends: a jump to the harness's first instruction.
    fn epilogue(&self) -> Vec<u8> {
        let mut asm = Assembler::new();
        asm.inst(Inst::Lui(format::U { rd: self.anchor, imm: HARNESS as i32 }));
        asm.inst(Inst::Jalr(format::Jalr { rd: X::ZERO, rs1: self.anchor, imm: 0 }));
        asm.finish()
    }

    fn put_entry(&self, entries: &mut Vec<u8>, program: &Program, at: u64) {
        let mut put = |value: u64| entries.extend_from_slice(&value.to_le_bytes());
        put(at);
        program.start.x[1..].iter().for_each(|&x| put(x));
        program.start.f.iter().for_each(|&f| put(f));
        put(program.start.fcsr);
        entries.extend_from_slice(&*program.start.window);
    }

    fn control(&self) -> Vec<u8> {
        let mut control = vec![0; 0x1000];
        let mut put = |at: i32, values: &[u64]| {
            for (i, value) in values.iter().enumerate() {
                let at = at as usize + 8 * i;
                control[at..at + 8].copy_from_slice(&value.to_le_bytes());
            }
        };
        put(CURSOR_AT, &[ENTRIES]);
        put(LAST_AT, &[ENTRIES + (self.programs.len() * ENTRY_SIZE) as u64]);
        put(ALTSTACK_AT, &[SIGNAL_STACK, 0, SIGNAL_STACK_SIZE]);
        control
    }

    /// The harness's code, its entry, and where it begins the next program.
    fn harness(&self) -> (Vec<u8>, u64, u64) {
        let mut h = Harness { asm: Assembler::new(), anchor: self.anchor };
        let (finish, next, exit, handler) = (h.asm.label(), h.asm.label(), h.asm.label(), h.asm.label());
        h.dump();
        h.asm.bind(finish);
        h.write_record();
        h.asm.bind(next);
        h.next(exit);
        h.asm.bind(handler);
        h.handler(finish);
        h.asm.bind(exit);
        h.call(93, &[0]);
        let start = h.asm.here();
        h.start(handler);
        h.asm.jump(X::ZERO, next);
        let at = |label| HARNESS + h.asm.offset(label).unwrap_or(0) as u64;
        let (start, next) = (at(start), at(next));
        (h.asm.finish(), start, next)
    }
}

impl Linked {
    /// The same as the executable file, for a machine.
    pub(crate) fn image(self) -> Image {
        let segment = |name: &str, kind, perms, addr, data: Vec<u8>, size: u64| ImageSegment {
            name: name.to_owned(),
            kind,
            perms,
            addr,
            size: size.max(data.len() as u64),
            data,
        };
        let segments = vec![
            segment("harness", SegmentKind::Text, Perms::RX, HARNESS, self.harness, 0),
            segment(
                "control",
                SegmentKind::Data,
                Perms::RW,
                CONTROL,
                self.control,
                0x1000 + SIGNAL_STACK_SIZE,
            ),
            segment("data", SegmentKind::Data, Perms::RW, DATA, Vec::new(), DATA_END - DATA),
            segment("entries", SegmentKind::Rodata, Perms::R, ENTRIES, self.entries, 0),
            segment("code", SegmentKind::Text, Perms::RX, CODE, self.code, 0),
        ];
        Image { entry: self.entry, segments, program_headers: (0, 0) }
    }
}

const fn padded(len: usize) -> u64 {
    len.next_multiple_of(4) as u64
}

/// Writes the harness's routines.
struct Harness {
    asm: Assembler,
    anchor: X,
}

impl Harness {
    /// A scratch register that is not the anchor.
    fn temp(&self, n: usize) -> X {
        let free = [X::A3, X::A4, X::A5, X::A6, X::T1, X::T2];
        free.into_iter().filter(|&x| x != self.anchor).nth(n).unwrap_or(X::T3)
    }

    fn ld(&mut self, rd: X, rs1: X, imm: i32) {
        self.asm.inst(Inst::Ld(format::Load { rd, rs1, imm }));
    }

    fn sd(&mut self, rs2: X, rs1: X, imm: i32) {
        self.asm.inst(Inst::Sd(format::S { rs1, rs2, imm }));
    }

    fn addi(&mut self, rd: X, rs1: X, imm: i32) {
        self.asm.inst(Inst::Addi(format::I { rd, rs1, imm }));
    }

    fn find_control(&mut self) {
        self.asm.inst(Inst::Lui(format::U { rd: self.anchor, imm: CONTROL as i32 }));
    }

    /// All integer registers but the anchor and `x0`.
    fn others(&self) -> impl Iterator<Item = X> + use<> {
        let anchor = self.anchor;
        X::ALL.into_iter().skip(1).filter(move |&x| x != anchor)
    }

    fn call(&mut self, number: u64, arguments: &[u64]) {
        for (rd, &value) in [X::A0, X::A1, X::A2, X::A3].into_iter().zip(arguments) {
            self.asm.li(rd, value);
        }
        self.asm.li(X::A7, number);
        self.asm.inst(Inst::Ecall(format::Bare {}));
    }

    /// State to record, from the registers.
    fn dump(&mut self) {
        let (a, t) = (self.anchor, self.temp(0));
        self.find_control();
        for x in self.others() {
            self.sd(x, a, 8 * x.index() as i32);
        }
        for f in F::ALL {
            let imm = F_AT + 8 * f.index() as i32;
            self.asm.inst(Inst::Fsd(format::FStore { rs1: a, rs2: f, imm }));
        }
        self.asm.inst(Inst::Csrrs(format::Csr { rd: t, rs1: X::ZERO, csr: csr::FCSR }));
        self.sd(t, a, FCSR_AT);
        for at in [0, PC_AT, ADDRESS_AT, 8 * a.index() as i32] {
            self.sd(X::ZERO, a, at);
        }
    }

    /// State to record, from a signal's context: `a0` the signal, `a1` its information, `a2` the context, which
    /// holds pc and `x` from byte 176 on, then `f` and `fcsr`.
    fn handler(&mut self, finish: Label) {
        let (a, t) = (self.anchor, self.temp(0));
        self.find_control();
        self.sd(X::A0, a, 0);
        self.ld(t, X::A1, 16);
        self.sd(t, a, ADDRESS_AT);
        self.addi(X::A2, X::A2, 176);
        self.ld(t, X::A2, 0);
        self.sd(t, a, PC_AT);
        for i in 1..64 {
            self.ld(t, X::A2, 8 * i);
            self.sd(t, a, 8 * i);
        }
        self.asm.inst(Inst::Lwu(format::Load { rd: t, rs1: X::A2, imm: 512 }));
        self.sd(t, a, FCSR_AT);
        self.sd(X::ZERO, a, 8 * a.index() as i32);
        self.asm.jump(X::ZERO, finish);
    }

    /// Copies the window from `from + offset` to `to + offset`, both registers being kept.
    fn copy_window(&mut self, from: X, from_at: i32, to: X, to_at: i32) {
        let (source, target, left, word) = (self.temp(1), self.temp(2), self.temp(3), self.temp(4));
        self.addi(source, from, from_at);
        self.addi(target, to, to_at);
        self.asm.li(left, WINDOW_SIZE as u64 / 8);
        let again = self.asm.here();
        self.ld(word, source, 0);
        self.sd(word, target, 0);
        self.addi(source, source, 8);
        self.addi(target, target, 8);
        self.addi(left, left, -1);
        self.asm.branch(Opcode::Bne, left, X::ZERO, again);
    }

    fn write_record(&mut self) {
        let (a, t) = (self.anchor, self.temp(0));
        self.asm.li(t, WINDOW);
        self.copy_window(t, 0, a, RECORD_WINDOW_AT);
        self.call(64, &[1, CONTROL, RECORD_SIZE as u64]);
    }

    /// The next program, or the exit.
    fn next(&mut self, exit: Label) {
        let (a, t, u) = (self.anchor, self.temp(0), self.temp(1));
        self.find_control();
        // Whatever a program reserved is not the next one's.
        self.asm.inst(Inst::ScD(format::Amo { rd: t, rs1: a, rs2: X::ZERO, aq: false, rl: false }));
        self.ld(t, a, CURSOR_AT);
        self.ld(u, a, LAST_AT);
        let more = self.asm.label();
        self.asm.branch(Opcode::Bne, t, u, more);
        self.asm.jump(X::ZERO, exit);
        self.asm.bind(more);
        self.addi(u, t, ENTRY_SIZE as i32);
        self.sd(u, a, CURSOR_AT);
        self.addi(a, t, 0);
        self.asm.li(t, WINDOW);
        self.copy_window(a, ENTRY_WINDOW_AT, t, 0);
        self.ld(t, a, FCSR_AT);
        self.asm.inst(Inst::Csrrw(format::Csr { rd: X::ZERO, rs1: t, csr: csr::FCSR }));
        for f in F::ALL {
            let imm = F_AT + 8 * f.index() as i32;
            self.asm.inst(Inst::Fld(format::FLoad { rd: f, rs1: a, imm }));
        }
        for x in self.others() {
            self.ld(x, a, 8 * x.index() as i32);
        }
        self.ld(a, a, 0);
        self.asm.inst(Inst::Jalr(format::Jalr { rd: X::ZERO, rs1: a, imm: 0 }));
    }

    /// Signals that traps become go to the handler, on a stack of their own and not blocked meanwhile.
    fn start(&mut self, handler: Label) {
        const SA_SIGINFO_ONSTACK_NODEFER: u64 = 4 | 0x0800_0000 | 0x4000_0000;
        self.find_control();
        let (a, t) = (self.anchor, self.temp(0));
        self.asm.address(t, handler);
        self.sd(t, a, SIGACTION_AT);
        self.asm.li(t, SA_SIGINFO_ONSTACK_NODEFER);
        self.sd(t, a, SIGACTION_AT + 8);
        self.call(132, &[CONTROL + ALTSTACK_AT as u64, 0]);
        for signal in [4, 5, 7, 11] {
            self.call(134, &[signal, CONTROL + SIGACTION_AT as u64, 0, 8]);
        }
    }
}
