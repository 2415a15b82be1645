//! The guest of a sequence: a made-up program as an executable, and what it can call.

use causality_isa::reg::{F, X};
use causality_vm::{Caller, HostFault, Instance, Linker, RegisterError};

use crate::elf::{Elf, PF_R, PF_W, PF_X, Phdr};
use crate::program::{CODE, DATA, DATA_END, WINDOW, WINDOW_SIZE};
use crate::{Program, Shape, Source, generate};

/// The embedder's data: how many calls there were.
pub(super) type Data = u64;

/// A program, and whether its code can be written.
#[derive(Clone, Debug)]
pub(super) struct Guest {
    program: Program,
    is_writable: bool,
}

impl Guest {
    pub(super) fn choose(source: &mut Source<'_>, may_be_writable: bool) -> Self {
        let is_writable = may_be_writable && source.chance(50);
        let statements = 5 + source.below(40);
        let shape = match source.below(4) {
            0 => Shape::own(statements),
            1 => Shape::registers(statements),
            _ => Shape::wild(statements),
        };
        Guest { program: generate(source, &shape), is_writable }
    }

    /// It ends by `exit`, unless something ends it before.
    pub(super) fn elf(&self) -> Vec<u8> {
        let mut code = self.program.code.clone();
        if !code.len().is_multiple_of(4) {
            code.extend_from_slice(&[1, 0]);
        }
        // `li a7, 93` and `ecall`.
        [0x05d0_0893_u32, 0x73].iter().for_each(|word| code.extend_from_slice(&word.to_le_bytes()));
        let mut data = vec![0; (DATA_END - DATA) as usize];
        let window = (WINDOW - DATA) as usize;
        data[window..window + WINDOW_SIZE].copy_from_slice(&*self.program.start.window);
        let flags = if self.is_writable { PF_R | PF_W | PF_X } else { PF_R | PF_X };
        Elf::exec(CODE)
            .segment(Phdr::load(PF_R | PF_W, DATA, &data))
            .segment(Phdr::load(flags, CODE, &code))
            .symbol("_start", CODE, code.len() as u64)
            .build()
    }

    /// Gives all registers but the stack pointer what the program starts with.
    pub(super) fn prepare(&self, instance: &mut Instance<Data>) {
        for (x, &value) in X::ALL.into_iter().zip(&self.program.start.x).filter(|(x, _)| *x != X::SP) {
            instance.set_x(x, value);
        }
        for (f, &bits) in F::ALL.into_iter().zip(&self.program.start.f) {
            instance.set_f(f, bits);
        }
        instance.set_fcsr(self.program.start.fcsr as u32);
    }
}

/// Functions in the place of Linux calls whose numbers made-up programs use, and one that has a number of its own.
pub(super) fn link(linker: &mut Linker<Data>) -> Result<(), RegisterError> {
    linker.function("count", |caller: &mut Caller<'_, Data>| {
        *caller.data_mut() += 1;
        *caller.data()
    })?;
    linker.replace_linux(17, "meddle", meddle)?;
    linker
        .replace_linux(23, "charge", |caller: &mut Caller<'_, Data>, amount: u64| caller.charge(amount % 50))
}

/// Ends in each way, one after the other.
fn meddle(caller: &mut Caller<'_, Data>, argument: u64) -> Result<u64, HostFault> {
    *caller.data_mut() += 1;
    match *caller.data() % 16 {
        1 | 5 | 9 => Err(HostFault::Pause),
        3 => Err(HostFault::Errno(38)),
        7 => Err(HostFault::Trap(argument)),
        11 => Err(HostFault::Fail("on purpose".into())),
        12 => caller.read_pod(argument).map_err(HostFault::from),
        15 => Err(HostFault::Exit(argument as i32)),
        _ => Ok(argument ^ 1),
    }
}
