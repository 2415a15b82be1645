//! What a trap tells: cause, place, line, instruction, registers; and its exit code.

use causality_testkit::elf::Elf;

use crate::{vm, vm_on};

#[test]
fn a_trap_names_the_function_the_line_and_the_instruction() {
    let run = vm(&["run", "examples/crash.elf"]);
    assert_eq!(run.code, 139);
    assert!(run.stdout.ends_with("sum of 3 nodes: 60\n"), "what was printed before is seen: {}", run.stdout);
    let lines: Vec<_> = run.stderr.lines().map(str::trim).collect();
    assert_eq!(
        lines[0],
        "causality-vm: trap: load access fault (cause 5): address 0x8, where nothing is mapped"
    );
    assert!(lines[1].starts_with("at 0x") && lines[1].contains(" in total") && lines[1].contains("crash.c:"));
    assert!(lines[2].starts_with("ld ") && lines[2].contains(" 8("), "{}", lines[2]);
    assert!(lines[3].starts_with("from 0x") && lines[3].contains(" in report+0x"), "{}", lines[3]);
    let caller = lines[3].split_once("0x").and_then(|(_, rest)| rest.split_once(" in report+0x")).unwrap();
    let hex = |text: &str| u64::from_str_radix(text, 16).unwrap();
    let elf = std::fs::read("../examples/crash.elf").unwrap();
    let program = causality_vm::elf::Program::parse(&elf, &causality_vm::Limits::default()).unwrap();
    let offset = hex(caller.1.split(' ').next().unwrap());
    assert_eq!(hex(caller.0) - offset, program.symbols().find("report").unwrap().addr);
    assert!(lines[4].starts_with("from 0x") && lines[4].contains(" in main+0x"), "{}", lines[4]);
    let lines = &lines[lines.iter().position(|line| line.starts_with("after ")).unwrap() - 4..];
    assert!(lines[4].starts_with("after ") && lines[4].ends_with(" instructions; registers:"));
    for name in ["ra", "sp", "gp", "tp", "t0", "s0", "a0", "a7", "s11", "t6"] {
        assert!(lines[5..].iter().any(|line| line.split(' ').any(|word| word == name)), "{name}");
    }
}

/// `fcvt.d.l fa0, a0` with `a0` the number of arguments, `csrwi frm, 2`, `ebreak`.
#[test]
fn floating_point_registers_are_shown_if_they_are_used() {
    let run = vm_on(&[], &Elf::of_words(&[0x0010_0513, 0xd225_0553, 0x0021_5073, 0x0010_0073]));
    assert_eq!(run.code, 133);
    assert!(run.stderr.contains("\n   fa0 3ff0000000000000\n  fcsr 40\n"), "{}", run.stderr);
    let run = vm_on(&[], &Elf::of_words(&[0x0010_0073]));
    assert!(!run.stderr.contains("fa0") && !run.stderr.contains("fcsr"), "{}", run.stderr);
}

#[test]
fn each_kind_of_trap_has_its_exit_code() {
    for (guest, code) in [
        ("trap_illegal", 132),
        ("trap_csr", 132),
        ("trap_ebreak", 133),
        ("trap_amo_misaligned", 135),
        ("trap_memory_limit", 137),
        ("trap_null", 139),
        ("trap_rodata", 139),
        ("trap_jump_null", 139),
        ("trap_jump_data", 139),
        ("trap_stack", 139),
    ] {
        let run = vm(&["run", &format!("testkit/guests/{guest}.elf")]);
        assert_eq!(run.code, code, "{guest}: {}", run.stderr);
        assert!(run.stderr.starts_with("causality-vm: trap: "), "{guest}: {}", run.stderr);
    }
}

#[test]
fn what_is_special_about_a_cause_is_said() {
    let said = |guest: &str| vm(&["run", &format!("testkit/guests/{guest}.elf")]).stderr;
    assert!(said("trap_stack").contains("stack overflow (cause 24): address 0x"));
    assert!(said("trap_stack").contains("in segment `stack guard` (---)"));
    assert!(said("trap_rodata").contains("store/AMO access fault (cause 7): address 0x"));
    assert!(said("trap_rodata").contains("in segment `rodata` (r--)"));
    assert!(said("trap_jump_null").contains("\n     no instruction there\n"));
    assert!(said("trap_memory_limit").contains("the limit is "));
}

#[test]
fn a_stripped_program_is_still_told_by_address() {
    let run = vm_on(&[], &Elf::of_words(&[0]).arch("rv64i2p1"));
    assert_eq!(run.code, 132);
    assert!(
        run.stderr.contains("illegal instruction (cause 2): word 0x0\n  at 0x10000 in _start\n"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("     .2byte 0x0000\n"), "{}", run.stderr);
}
