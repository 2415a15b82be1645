//! Jumps to where no code is, to odd addresses, into data, and into the middle of instructions.

use causality_testkit::Source;
use causality_testkit::elf::{PF_R, PF_X};
use causality_vm::isa::Inst;
use causality_vm::isa::format::Bare;
use causality_vm::isa::reg::X;
use causality_vm::{Exit, Instance};

use crate::addresses::edges;
use crate::arena::Attack;
use crate::guest::{self, ADDRESS_SPACE, TEXT, addi, jalr, ld, ret, sd};

/// Runs `to` steps from `pc`, and makes it able to go on elsewhere.
fn run_at(instance: &mut Instance<()>, pc: u64, most: u64) -> (Exit, u64) {
    instance.set_pc(pc);
    let exit = instance.run_for(most).expect("the host answers");
    instance.revive();
    (exit, instance.pc())
}

/// All edges and what is around them, in text and out of it, even and odd.
fn targets(instance: &Instance<()>) -> Vec<u64> {
    let offsets = [-4097_i64, -4096, -4, -3, -2, -1, 0, 1, 2, 3, 4, 4096];
    edges(instance).iter().flat_map(|edge| offsets.map(|offset| edge.wrapping_add_signed(offset))).collect()
}

#[test]
fn a_run_that_begins_anywhere_ends_the_same() {
    let elf = guest::elf(|asm| {
        for _ in 0..8 {
            addi(asm, X::A0, X::A0, 1);
        }
        asm.inst(Inst::Ebreak(Bare {}));
    });
    let ends = Attack::new(&elf).everywhere(|instance| {
        targets(instance)
            .into_iter()
            .chain((TEXT..TEXT + 32).rev())
            .map(|pc| run_at(instance, pc, 3))
            .collect::<Vec<_>>()
    });
    assert!(ends.iter().any(|(exit, _)| matches!(exit, Exit::Paused(_))));
}

/// By each kind of computed jump, of which some are taken for returns.
#[test]
fn a_jump_to_anywhere_ends_the_same() {
    for (link, base) in [(X::ZERO, X::A0), (X::ZERO, X::RA), (X::RA, X::A0), (X::T0, X::RA), (X::RA, X::T0)] {
        let elf = guest::elf(|asm| {
            addi(asm, X::A1, X::A1, 1);
            addi(asm, base, X::A0, 0);
            jalr(asm, link, base, 0);
            asm.inst(Inst::Ebreak(Bare {}));
        });
        let ends = Attack::new(&elf).everywhere(|instance| {
            let targets = targets(instance);
            let jump = |target| {
                instance.set_x(X::A0, target);
                run_at(instance, TEXT, 9)
            };
            targets.into_iter().map(jump).collect::<Vec<_>>()
        });
        assert!(ends.iter().filter(|(exit, _)| matches!(exit, Exit::Trap(_))).count() > 100);
    }
}

/// A callee that changes what its caller has kept to return to.
#[test]
fn a_return_address_that_was_overwritten_leads_where_it_says() {
    let elf = guest::elf(|asm| {
        let (function, inner) = (asm.label(), asm.label());
        asm.jump(X::RA, function);
        asm.inst(Inst::Ebreak(Bare {}));
        asm.bind(function);
        addi(asm, X::SP, X::SP, -16);
        sd(asm, X::RA, X::SP, 0);
        asm.jump(X::RA, inner);
        ld(asm, X::RA, X::SP, 0);
        addi(asm, X::SP, X::SP, 16);
        ret(asm);
        asm.bind(inner);
        sd(asm, X::A0, X::SP, 0);
        ret(asm);
    });
    Attack::new(&elf).everywhere(|instance| {
        let (sp, targets) = (instance.x(X::SP), targets_and_text(instance));
        let jump = |target| {
            instance.set_x(X::SP, sp);
            instance.set_x(X::A0, target);
            run_at(instance, TEXT, 40)
        };
        targets.into_iter().map(jump).collect::<Vec<_>>()
    });
}

fn targets_and_text(instance: &Instance<()>) -> Vec<u64> {
    targets(instance).into_iter().chain(TEXT..TEXT + 48).collect()
}

/// Runs bytes that `seed` chooses from any byte on.
pub(crate) fn run_bytes(seed: u64) {
    let source = &mut Source::Seed(seed);
    // Half of the words end in ones: instructions of 32 bits, of which many exist.
    let code: Vec<u8> = (0..40)
        .flat_map(|_| {
            let word = source.bits() as u32;
            if source.chance(50) { word | 3 } else { word }.to_le_bytes()
        })
        .collect();
    let elf = guest::of_code(&code, PF_R | PF_X);
    Attack::new(&elf).everywhere(|instance| {
        let mut run = |pc| {
            for x in X::ALL.into_iter().skip(1) {
                instance.set_x(x, [TEXT, guest::DATA, ADDRESS_SPACE, 8][x.index() % 4]);
            }
            run_at(instance, pc, 30)
        };
        (TEXT..TEXT + code.len() as u64).map(&mut run).collect::<Vec<_>>()
    });
}

#[test]
fn code_that_is_no_code_ends_the_same_from_every_byte_on() {
    (0..4).for_each(run_bytes);
}
