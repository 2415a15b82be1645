//! Hosts that fork: parent and child go on with the same native code, whatever the other one does then.
//!
//! Nothing else may happen in this process while it forks, or the child has locks that nobody unlocks: one test at a time.

use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};

use causality_testkit::asm::Assembler;
use causality_testkit::elf::{Elf, PF_R, PF_X, Phdr};
use causality_vm::isa::reg::X;
use causality_vm::isa::{Inst, Opcode, format};
use causality_vm::{
    Caller, Config, Engine, Exit, FIRST_HOST_FUNCTION, Instance, Linker, Module, Options, Tier,
};
use nix::libc;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, alarm, fork};

const NATIVE: [Tier; 2] = [Tier::Baseline, Tier::Cranelift];
const TEXT: u64 = 0x1_0000;

fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Asks the host, counts, and exits with `result`; `length` instructions more make its code longer.
fn program(result: u64, length: usize) -> Vec<u8> {
    let mut code = Assembler::new();
    code.li(X::A7, FIRST_HOST_FUNCTION);
    code.inst(Inst::Ecall(format::Bare {}));
    code.li(X::A1, 100);
    let next = code.here();
    (0..length).for_each(|_| code.add(X::A2, 3));
    code.add(X::A1, -1);
    code.branch(Opcode::Bne, X::A1, X::ZERO, next);
    code.li(X::A0, result);
    code.li(X::A7, 93);
    code.inst(Inst::Ecall(format::Bare {}));
    Elf::exec(TEXT).segment(Phdr::load(PF_R | PF_X, TEXT, &code.finish())).build()
}

/// What the host function does.
type Asked = Option<Box<dyn FnOnce() + Send>>;

/// An instance of a program that is nobody else's.
fn guest(engine: &Engine, elf: &[u8], asked: Asked) -> Instance<Asked> {
    let module = Module::new(engine, elf).unwrap();
    let mut linker = Linker::new(engine);
    let answer = |caller: &mut Caller<'_, Asked>| {
        if let Some(asked) = caller.data_mut().take() {
            asked();
        }
    };
    linker.function_at(FIRST_HOST_FUNCTION, "asked", answer).unwrap();
    linker.instantiate(&module, Options::new(), asked).unwrap()
}

/// Programs that come and go, of different lengths.
fn others(engine: &Engine) {
    for length in [0, 500, 20, 3, 1000, 70, 9, 1, 200] {
        let result = length as u64 % 50;
        let mut other = guest(engine, &program(result, length), None);
        assert_eq!(other.run().unwrap(), Exit::Completed(result as i32));
    }
}

/// A process that was forked, or the one that it was forked from: whom they hear from and whom they tell.
struct Other {
    child: Option<Pid>,
    heard: PipeReader,
    told: PipeWriter,
}

impl Other {
    fn new() -> Self {
        let ((from_parent, to_child), (from_child, to_parent)) = (pipe().unwrap(), pipe().unwrap());
        // SAFETY: the child uses locks and memory as the parent does. No other thread has any of them: threads of other tests
        // wait for `alone`, and the engine has none in these tiers.
        match unsafe { fork() }.unwrap() {
            ForkResult::Child => {
                // Whatever happens, it ends.
                alarm::set(60);
                Other { child: None, heard: from_parent, told: to_parent }
            }
            ForkResult::Parent { child } => Other { child: Some(child), heard: from_child, told: to_child },
        }
    }

    fn wait(&mut self) {
        self.heard.read_exact(&mut [0]).unwrap();
    }

    fn tell(&mut self) {
        self.told.write_all(&[0]).unwrap();
    }

    /// In the child, its end, after it has done this; in the parent, what there is to do meanwhile, and the child must have ended well.
    fn part(mut self, child: impl FnOnce(&mut Self), parent: impl FnOnce(&mut Self)) {
        let Some(pid) = self.child else {
            let is_well = catch_unwind(AssertUnwindSafe(|| child(&mut self))).is_ok();
            // SAFETY: ends the process. Nothing of it is needed any more.
            unsafe { libc::_exit(i32::from(!is_well)) }
        };
        parent(&mut self);
        drop((self.heard, self.told));
        assert_eq!(waitpid(pid, None), Ok(WaitStatus::Exited(pid, 0)));
    }
}

#[test]
fn code_that_a_forked_process_runs_stays_when_the_parent_has_other_programs() {
    let _alone = alone();
    for tier in NATIVE {
        let engine = Engine::new(Config::new().tier(tier));
        let mut old = guest(&engine, &program(7, 2), None);
        assert_eq!(old.run().unwrap(), Exit::Completed(7));
        let old = Mutex::new(Some(old));
        let child = |parent: &mut Other| {
            let mut old = old.lock().unwrap().take().unwrap();
            for _ in 0..20 {
                parent.wait();
                old.reset().unwrap();
                assert_eq!(old.run().unwrap(), Exit::Completed(7), "{tier:?}");
                parent.tell();
            }
        };
        let parent = |child: &mut Other| {
            drop(old.lock().unwrap().take());
            for _ in 0..20 {
                others(&engine);
                child.tell();
                // It may run while programs go on coming and going.
                others(&engine);
                child.wait();
            }
        };
        Other::new().part(child, parent);
    }
}

#[test]
fn parent_and_child_compile_programs_of_their_own() {
    let _alone = alone();
    for tier in NATIVE {
        let engine = Engine::new(Config::new().tier(tier));
        others(&engine);
        let old = Mutex::new(guest(&engine, &program(7, 2), None));
        assert_eq!(old.lock().unwrap().run().unwrap(), Exit::Completed(7));
        let both = |other: &mut Other| {
            other.tell();
            other.wait();
            for round in 0..10 {
                others(&engine);
                let result = if other.child.is_some() { 20 } else { 40 } + round;
                let mut new = guest(&engine, &program(result, 30), None);
                assert_eq!(new.run().unwrap(), Exit::Completed(result as i32));
                others(&engine);
                let mut old = old.lock().unwrap();
                for (guest, result) in [(&mut *old, 7), (&mut new, result as i32)] {
                    guest.reset().unwrap();
                    assert_eq!(guest.run().unwrap(), Exit::Completed(result), "{tier:?}");
                }
            }
        };
        Other::new().part(both, both);
    }
}

#[test]
fn a_fork_in_a_host_function_returns_into_generated_code_in_parent_and_child() {
    let _alone = alone();
    for tier in NATIVE {
        let engine = Engine::new(Config::new().tier(tier));
        let forked = std::sync::Arc::new(Mutex::new(None));
        let place = std::sync::Arc::clone(&forked);
        let fork_here = move || {
            let mut other = Other::new();
            if other.child.is_none() {
                // The parent has returned, and the code that called it is gone there.
                other.wait();
            }
            *place.lock().unwrap() = Some(other);
        };
        let mut old = guest(&engine, &program(7, 50), Some(Box::new(fork_here)));
        let exit = catch_unwind(AssertUnwindSafe(|| old.run()));
        let child = |_: &mut Other| assert_eq!(exit.as_ref().unwrap().as_ref().unwrap(), &Exit::Completed(7));
        let old = Mutex::new(Some(old));
        let parent = |other: &mut Other| {
            assert_eq!(exit.as_ref().unwrap().as_ref().unwrap(), &Exit::Completed(7));
            drop(old.lock().unwrap().take());
            others(&engine);
            other.tell();
            others(&engine);
        };
        let other = forked.lock().unwrap().take().expect("it was asked");
        other.part(child, parent);
    }
}
