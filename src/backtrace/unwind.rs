//! From the registers of a function to those of its caller.

use causality_machine::isa::reg::X;
use causality_machine::{Hart, Memory};
use gimli::{
    BaseAddresses, CfaRule, DebugFrame, EhFrame, Evaluation, EvaluationResult, Location, Register,
    RegisterRule, UnwindContext, UnwindSection, UnwindTableRow, Value,
};

use super::budget::{Budget, Metered};
use crate::elf::Program;

/// The most operations that an expression of the debug information takes.
const OPERATIONS: u32 = 10_000;

/// What is known of a function that has been called: its integer registers, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Registers {
    pub(super) pc: u64,
    /// `None` for those whose value is lost.
    x: [Option<u64>; 32],
    /// Whether `pc` is the instruction after a call, rather than one that was being executed.
    pub(super) is_return: bool,
}

impl Registers {
    pub(super) fn of(hart: &Hart) -> Self {
        Registers { pc: hart.pc, x: hart.x.map(Some), is_return: false }
    }

    pub(super) fn sp(&self) -> Option<u64> {
        self.x[X::SP.index()]
    }

    fn get(&self, register: Register) -> Option<u64> {
        *self.x.get(usize::from(register.0))?
    }

    /// An address in the function: of a caller that of the call, for what follows may belong to another function.
    pub(super) fn lookup(&self) -> u64 {
        self.pc.wrapping_sub(u64::from(self.is_return))
    }
}

/// Finds callers.
pub(super) struct Unwinder<'a> {
    program: &'a Program,
    memory: &'a Memory,
    frames: DebugFrame<Metered<'a>>,
    exceptions: EhFrame<Metered<'a>>,
    bases: BaseAddresses,
    context: UnwindContext<usize>,
}

impl<'a> Unwinder<'a> {
    pub(super) fn new(program: &'a Program, memory: &'a Memory, budget: &'a Budget) -> Self {
        let debug = program.debug();
        let mut frames = DebugFrame::from(Metered::new(debug.bytes(".debug_frame"), budget));
        frames.set_address_size(8);
        let mut exceptions = EhFrame::from(Metered::new(debug.bytes(".eh_frame"), budget));
        exceptions.set_address_size(8);
        let bases = BaseAddresses::default()
            .set_eh_frame(debug.range(".eh_frame").start)
            .set_text(program.code().first().map_or(0, |code| code.start));
        Unwinder { program, memory, frames, exceptions, bases, context: UnwindContext::new() }
    }

    /// The caller, if there is one and it can be found.
    pub(super) fn caller(&mut self, callee: &Registers) -> Option<Registers> {
        // What the program was linked for.
        let address = callee.lookup().wrapping_sub(self.program.base());
        let (frames, exceptions) = (self.frames, self.exceptions);
        let caller = match self.by_table(&frames, address, callee) {
            Found::Nothing => self.by_table(&exceptions, address, callee),
            found => found,
        };
        let caller = match caller {
            Found::Caller(caller) => Some(*caller),
            Found::Nobody => None,
            Found::Nothing => self.by_convention(callee),
        }?;
        // Frames lie one above the other; a function without one is only ever the innermost.
        let is_above = match (caller.sp(), callee.sp()) {
            (Some(caller), Some(callee_sp)) => {
                caller > callee_sp || (caller == callee_sp && !callee.is_return)
            }
            _ => false,
        };
        let is_code = self.program.code().iter().any(|code| code.contains(&caller.pc.wrapping_sub(1)));
        (is_above && is_code).then_some(caller)
    }

    /// As the debug information says.
    fn by_table<S>(&mut self, section: &S, address: u64, callee: &Registers) -> Found
    where
        S: UnwindSection<Metered<'a>>,
    {
        let entry = section.fde_for_address(&self.bases, address, S::cie_from_offset);
        let Ok(entry) = entry else { return Found::Nothing };
        let encoding = entry.cie().encoding();
        let mut context = std::mem::take(&mut self.context);
        let row = entry.unwind_info_for_address(section, &self.bases, &mut context, address).cloned();
        let return_address = entry.cie().return_address_register();
        self.context = context;
        let Ok(row) = row else { return Found::Nothing };
        match self.apply(section, &row, encoding, return_address, callee) {
            Some(caller) => Found::Caller(Box::new(caller)),
            None => Found::Nobody,
        }
    }

    fn apply<S>(
        &self,
        section: &S,
        row: &UnwindTableRow<usize>,
        encoding: gimli::Encoding,
        return_address: Register,
        callee: &Registers,
    ) -> Option<Registers>
    where
        S: UnwindSection<Metered<'a>>,
    {
        let frame = match row.cfa() {
            CfaRule::RegisterAndOffset { register, offset } => {
                callee.get(*register)?.wrapping_add_signed(*offset)
            }
            CfaRule::Expression(expression) => {
                self.evaluate(expression.get(section).ok()?, encoding, callee, None)?
            }
        };
        let mut x = [None; 32];
        for (number, value) in x.iter_mut().enumerate() {
            let register = Register(number as u16);
            let rule = row.register(register);
            let load = |addr: u64| self.memory.load::<8>(addr).map(u64::from_le_bytes).ok();
            *value = match rule {
                None | Some(RegisterRule::SameValue) => callee.get(register),
                Some(RegisterRule::Undefined) => None,
                Some(RegisterRule::Offset(offset)) => load(frame.wrapping_add_signed(offset)),
                Some(RegisterRule::ValOffset(offset)) => Some(frame.wrapping_add_signed(offset)),
                Some(RegisterRule::Register(other)) => callee.get(other),
                Some(RegisterRule::Expression(expression)) => {
                    let expression = expression.get(section).ok()?;
                    load(self.evaluate(expression, encoding, callee, Some(frame))?)
                }
                Some(RegisterRule::ValExpression(expression)) => {
                    self.evaluate(expression.get(section).ok()?, encoding, callee, Some(frame))
                }
                Some(RegisterRule::Constant(value)) => Some(value),
                Some(_) => None,
            };
        }
        let pc = (*x.get(usize::from(return_address.0))?)?;
        x[X::SP.index()] = Some(frame);
        Some(Registers { pc, x, is_return: true })
    }

    fn evaluate(
        &self,
        expression: gimli::Expression<Metered<'a>>,
        encoding: gimli::Encoding,
        callee: &Registers,
        initial: Option<u64>,
    ) -> Option<u64> {
        let mut evaluation: Evaluation<_> = expression.evaluation(encoding);
        evaluation.set_max_iterations(OPERATIONS);
        if let Some(initial) = initial {
            evaluation.set_initial_value(initial);
        }
        let mut result = evaluation.evaluate().ok()?;
        loop {
            result = match result {
                EvaluationResult::Complete => break,
                EvaluationResult::RequiresMemory { address, size, .. } => {
                    let bytes = self.memory.slice(address, u64::from(size.min(8))).ok()?;
                    let mut word = [0; 8];
                    word[..bytes.len()].copy_from_slice(bytes);
                    evaluation.resume_with_memory(Value::Generic(u64::from_le_bytes(word))).ok()?
                }
                EvaluationResult::RequiresRegister { register, .. } => {
                    evaluation.resume_with_register(Value::Generic(callee.get(register)?)).ok()?
                }
                _ => return None,
            };
        }
        match evaluation.result().first()?.location {
            Location::Address { address } => Some(address),
            Location::Value { value } => value.to_u64(u64::MAX).ok(),
            _ => None,
        }
    }

    /// By what compilers usually do: a leaf function has left `ra` alone; others with a frame pointer keep `ra` and the
    /// caller's frame pointer below it (psABI, "Frame pointer convention").
    fn by_convention(&self, callee: &Registers) -> Option<Registers> {
        let function = |pc: u64| self.program.symbols().function_of(pc);
        let ra = callee.get(Register(X::RA.index() as u16));
        if !callee.is_return
            && let Some(ra) = ra
            && function(ra.wrapping_sub(1)).is_some()
            && function(ra.wrapping_sub(1)) != function(callee.pc)
        {
            return Some(Registers { pc: ra, is_return: true, ..callee.clone() });
        }
        let frame = callee.get(Register(X::S0.index() as u16))?;
        let word = |addr: u64| self.memory.load::<8>(addr).map(u64::from_le_bytes).ok();
        let mut x = [None; 32];
        x[X::SP.index()] = Some(frame);
        x[X::S0.index()] = Some(word(frame.wrapping_sub(16))?);
        let pc = word(frame.wrapping_sub(8))?;
        (frame % 16 == 0).then_some(Registers { pc, x, is_return: true })
    }
}

/// What the debug information says of a caller.
enum Found {
    Caller(Box<Registers>),
    /// The function is the outermost, or its caller cannot be found.
    Nobody,
    /// It does not know the function.
    Nothing,
}
