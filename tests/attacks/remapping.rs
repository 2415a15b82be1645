//! Host functions that change what is mapped, under a guest that is in the middle of using it: data, stack, and the code
//! that called.

use causality_machine::memory::{Perms, SegmentKind};
use causality_testkit::{Assembler, Source};
use causality_vm::isa::reg::X;
use causality_vm::{Caller, Exit, Memory};

use crate::arena::Attack;
use crate::guest::{self, DATA, TEXT, add, addi, ld, sd};

const PAGE: u64 = 0x1000;

/// What decides what the next call does.
type Script = Source<'static>;

/// A page in use, mostly.
fn page(source: &mut Script, caller: &Caller<'_, Script>) -> u64 {
    let sp = caller.x(X::SP) & !(PAGE - 1);
    let pages = [DATA, DATA, DATA + PAGE, sp, sp, sp - PAGE, TEXT, TEXT + PAGE, guest::RODATA, 0x10_0000];
    source.pick(&pages)
}

/// Maps, unmaps or protects a page; what cannot be done is not.
fn meddle(caller: &mut Caller<'_, Script>) -> u64 {
    let mut source = caller.data().clone();
    // Most calls do nothing, so that code becomes hot in between.
    let done = if source.chance(98) {
        Ok(())
    } else {
        let page = page(&mut source, caller);
        change(&mut source, caller.memory_mut(), page)
    };
    *caller.data_mut() = source;
    u64::from(done.is_ok())
}

fn change(
    source: &mut Script,
    memory: &mut Memory,
    page: u64,
) -> Result<(), causality_machine::memory::MapError> {
    let range = page..page + PAGE;
    let is_code = page < guest::RODATA;
    match source.below(8) {
        0 => memory.unmap(range),
        1 => memory.protect(range, Perms::NONE),
        2 => memory.protect(range, Perms::R),
        3 => memory.map(range, Perms::RW, SegmentKind::Heap, "again"),
        // Away and back, empty.
        4 if !is_code => {
            memory.unmap(range.clone())?;
            memory.map(range, Perms::RW, SegmentKind::Stack, "stack")
        }
        5 => memory.zero(range),
        _ => memory.protect(range, if is_code { Perms::RX } else { Perms::RW }),
    }
}

/// Uses the same pages before and after each call, by all kinds of bases, within a loop and within functions.
fn using() -> Vec<u8> {
    guest::elf(|asm| {
        let (function, over) = (asm.label(), asm.label());
        let touch = |asm: &mut Assembler| {
            ld(asm, X::T1, X::S2, 8);
            sd(asm, X::S3, X::S2, 16);
            add(asm, X::S3, X::S3, X::T1);
            sd(asm, X::S3, X::SP, 8);
            ld(asm, X::T2, X::SP, 0);
            ld(asm, X::T2, X::S2, 2000);
        };
        asm.li(X::S2, DATA + PAGE - 1000);
        addi(asm, X::SP, X::SP, -2000);
        guest::repeat(asm, X::S1, 40, |asm| {
            touch(asm);
            asm.jump(X::RA, function);
            touch(asm);
        });
        asm.jump(X::ZERO, over);
        asm.bind(function);
        addi(asm, X::SP, X::SP, -32);
        sd(asm, X::RA, X::SP, 24);
        guest::repeat(asm, X::S4, 3, |asm| {
            touch(asm);
            guest::call_host(asm);
            touch(asm);
        });
        ld(asm, X::RA, X::SP, 24);
        addi(asm, X::SP, X::SP, 32);
        guest::ret(asm);
        asm.bind(over);
        guest::exit(asm);
    })
}

/// Has the host do what `seed` chooses; how that ends.
pub(crate) fn meddled(seed: u64) -> Exit {
    SEED.set(seed);
    let attack = Attack {
        elf: &using(),
        limits: guest::limits(),
        link: |linker| drop(linker.function("meddle", meddle)),
        data: || Source::Seed(SEED.get()),
    };
    attack.everywhere(|instance| instance.run().expect("the host answers"))
}

#[test]
fn pages_that_the_host_changes_are_as_it_says_from_the_next_instruction_on() {
    let traps = (0..60).map(meddled).filter(|exit| matches!(exit, Exit::Trap(_))).count();
    assert!((10..60).contains(&traps), "{traps} of 60 trap");
}

thread_local! {
    /// What the scripts of the next instances are made of.
    static SEED: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// The embedder does the same between two runs, and the guest goes on where it was, traps or not.
#[test]
fn pages_that_are_changed_between_two_runs_are_so_when_the_guest_goes_on() {
    let elf = using();
    for seed in 100..120 {
        let attack = Attack {
            link: |linker| drop(linker.function("nothing", |_: &mut Caller<'_, ()>| 0_u64)),
            ..Attack::new(&elf)
        };
        attack.everywhere(|instance| {
            let mut source = Source::Seed(seed);
            let mut exits = Vec::new();
            for _ in 0..40 {
                let exit = instance.run_for(1 + source.below(300) as u64).expect("the host answers");
                exits.push((exit, instance.pc()));
                if matches!(exit, Exit::Completed(_)) {
                    break;
                }
                instance.revive();
                let sp = instance.x(X::SP) & !(PAGE - 1);
                let page = source.pick(&[DATA, DATA + PAGE, sp, TEXT]);
                let _ = change(&mut source, instance.memory_mut(), page);
            }
            exits
        });
    }
}
