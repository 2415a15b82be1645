//! `--trace`: a line per instruction, in the form that `docs/cli.md` describes.

use causality_testkit::elf::{Elf, PF_R, PF_W, Phdr};

use crate::{vm, vm_on};

/// Loads, stores, an AMO, floats, a compressed instruction pair and the end.
fn program() -> Elf {
    Elf::of_words(&[
        0x0002_0537, // lui a0, 32
        0x0005_3583, // ld a1, 0(a0)
        0x00b5_2423, // sw a1, 8(a0)
        0x00b5_35af, // amoadd.d a1, a1, (a0)
        0x0005_3507, // fld fa0, 0(a0)
        0x4501_0001, // c.nop; c.li a0, 0
        0x05d0_0893, // li a7, 93
        0x0000_0073, // ecall
    ])
    .segment(Phdr::load(PF_R | PF_W, 0x20000, &[2, 1, 0, 0, 0, 0, 0, 0]).with_size(16))
}

const EXPECTED: &str = "
         0 0000000000010000 00020537 lui a0, 32                        a0=0x20000
         1 0000000000010004 00053583 ld a1, 0(a0)                      a1=0x102  r8[0x20000]
         2 0000000000010008 00b52423 sw a1, 8(a0)                      w4[0x20008]=0x102
         3 000000000001000c 00b535af amoadd.d a1, a1, (a0)             w8[0x20000]=0x204
         4 0000000000010010 00053507 fld fa0, 0(a0)                    fa0=0x204  r8[0x20000]
         5 0000000000010014 0001     nop
         6 0000000000010016 4501     li a0, 0                          a0=0x0
         7 0000000000010018 05d00893 li a7, 93                         a7=0x5d
         8 000000000001001c 00000073 ecall
";

#[test]
fn every_retired_instruction_has_its_line() {
    let run = vm_on(&["--trace"], &program());
    assert_eq!(run.code, 0);
    assert_eq!(format!("\n{}", run.stderr), EXPECTED);
}

#[test]
fn a_trace_can_go_to_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace");
    let run = vm_on(&[&format!("--trace={}", path.display())], &program());
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert_eq!(format!("\n{}", std::fs::read_to_string(path).unwrap()), EXPECTED);
}

#[test]
fn the_trace_of_a_program_has_as_many_lines_as_it_used_fuel() {
    let run = vm(&["run", "--trace", "--report", "-", "examples/hello.elf"]);
    let used = format!("\"fuel_used\": {},", run.stderr.lines().count());
    assert!(run.stdout.contains(&used), "{used} {}", run.stdout);
}

#[test]
fn the_trace_comes_before_the_trap_that_ends_it() {
    let run = vm(&["run", "--trace", "testkit/guests/trap_illegal.elf"]);
    let trap = run.stderr.find("causality-vm: trap: illegal instruction").unwrap();
    assert!(!run.stderr[trap..].contains("\n         "), "nothing is traced behind it");
    let last = run.stderr[..trap].lines().next_back().unwrap();
    let retired: u64 = last.split_whitespace().next().unwrap().parse().unwrap();
    assert!(run.stderr.contains(&format!("after {} instructions", retired + 1)), "{last}");
}

#[test]
fn a_trace_that_cannot_be_written_is_a_failure() {
    let run = vm(&["run", "--trace=/dev/full", "examples/raytrace.elf", "--width", "4"]);
    assert_eq!(run.code, 125);
    assert!(run.stderr.starts_with("causality-vm: cannot write the trace: "), "{}", run.stderr);
}
