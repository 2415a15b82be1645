//! Backtraces of programs made on the spot, well-meaning and not.

use causality_machine::isa::reg::X;
use causality_machine::{Limits, Machine};

use super::*;
use crate::elf::Program;

fn program(path: &str) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

/// The backtrace of a program that is loaded and stands at `pc` with these registers.
fn at(elf: &[u8], budget: &Budget, change: impl FnOnce(&Program, &mut Machine)) -> Backtrace {
    let program = Program::parse(elf, &Limits::default()).unwrap();
    let mut machine = Machine::new(Limits::default()).unwrap();
    program.image().load(&mut machine.hart, &mut machine.memory).unwrap();
    change(&program, &mut machine);
    Backtrace::within(budget, &program, &machine.hart, &machine.memory)
}

#[test]
fn a_program_that_has_not_run_has_one_frame() {
    let backtrace = at(&program("examples/hello.elf"), &Budget::default(), |_, _| ());
    let names: Vec<_> = backtrace.frames.iter().map(|frame| frame.function.as_deref()).collect();
    assert_eq!(names, [Some("_start")]);
    assert!(!backtrace.is_cut);
}

#[test]
fn a_stack_that_leads_nowhere_ends_the_backtrace() {
    for sp in [0, 8, u64::MAX, u64::MAX - 7, 1 << 40] {
        let backtrace =
            at(&program("testkit/guests/debugged.elf"), &Budget::default(), |program, machine| {
                machine.hart.pc = program.symbols().find("settle").unwrap().addr + 20;
                machine.hart.x = [sp; 32];
                machine.hart.x[X::SP.index()] = sp;
            });
        assert_eq!(backtrace.frames.len(), 1, "{backtrace}");
        assert_eq!(backtrace.frames[0].function.as_deref(), Some("settle"));
    }
}

#[test]
fn a_return_to_address_zero_has_no_line() {
    let backtrace = at(&program("testkit/guests/debugged.elf"), &Budget::default(), |program, machine| {
        machine.hart.pc = program.symbols().find("settle").unwrap().addr;
        machine.hart.x[X::RA.index()] = 0;
    });
    assert_eq!(backtrace.frames[0].function.as_deref(), Some("settle"), "{backtrace}");
    let nowhere = at(&program("testkit/guests/debugged.elf"), &Budget::default(), |program, machine| {
        machine.hart.pc = program.base().wrapping_sub(1);
    });
    assert_eq!(nowhere.frames.len(), 1, "{nowhere}");
}

#[test]
fn a_budget_that_is_spent_cuts_the_backtrace_and_names_by_symbol() {
    for reads in [0, 1, 10, 100, 1000] {
        let backtrace =
            at(&program("testkit/guests/debugged.elf"), &Budget::of(reads), |program, machine| {
                machine.hart.pc = program.symbols().find("deposit").unwrap().addr;
            });
        assert_eq!(backtrace.frames[0].function.as_deref(), Some("deposit"), "{reads}");
    }
}

/// Debug information in which each byte in turn is another one.
#[test]
fn damaged_debug_information_does_no_harm() {
    let elf = program("testkit/guests/debugged.elf");
    let file = object::read::elf::ElfFile64::<object::LittleEndian>::parse(&*elf).unwrap();
    let mut places = Vec::new();
    for section in object::Object::sections(&file) {
        use object::ObjectSection as _;
        if section.name().is_ok_and(|name| name.starts_with(".debug_"))
            && let Some((start, len)) = section.file_range()
        {
            places.extend(start..start + len);
        }
    }
    assert!(places.len() > 1000);
    for (number, &place) in places.iter().enumerate().step_by(3) {
        let mut damaged = elf.clone();
        damaged[place as usize] ^= [0xff, 0x01, 0x80][number % 3];
        let Ok(program) = Program::parse(&damaged, &Limits::default()) else { continue };
        let mut machine = Machine::new(Limits { address_space: 1 << 24, ..Limits::default() }).unwrap();
        program.image().load(&mut machine.hart, &mut machine.memory).unwrap();
        machine.hart.pc = program.symbols().find("deposit").unwrap().addr + 4;
        machine.hart.x[X::RA.index()] = program.symbols().find("settle").unwrap().addr + 28;
        machine.hart.x[X::SP.index()] = program.symbols().find("ledger").unwrap().addr;
        let backtrace = Backtrace::within(&Budget::of(1 << 20), &program, &machine.hart, &machine.memory);
        assert!(backtrace.frames.len() <= MOST_FRAMES * (MOST_INLINED + 1));
    }
}
