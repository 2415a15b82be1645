//! Files that are not run: each has its reason, and none takes the command down.

use causality_testkit::elf::{Elf, PF_R, PF_W, PF_X, PT_INTERP, Phdr};

use crate::{vm, vm_on};

const EXIT: [u32; 2] = [0x05d0_0893, 0x73];

fn refused(elf: &Elf) -> String {
    let run = vm_on(&[], elf);
    assert_eq!((run.code, run.stdout.as_str()), (126, ""), "{}", run.stderr);
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    assert!(run.stderr.starts_with("causality-vm: "));
    run.stderr
}

#[test]
fn a_program_that_is_not_there_is_not_found() {
    let run = vm(&["run", "no/such.elf"]);
    assert_eq!(run.code, 127);
    assert_eq!(run.stderr, "causality-vm: cannot read no/such.elf: No such file or directory (os error 2)\n");
    assert_eq!(vm(&["inspect", "no/such.elf"]).code, 127);
    assert_eq!(vm(&["disasm", "no/such.elf"]).code, 127);
}

#[test]
fn other_files_are_refused() {
    for command in ["run", "inspect", "disasm"] {
        let run = vm(&[command, "examples/hello.c"]);
        assert_eq!(run.code, 126);
        assert!(run.stderr.starts_with("causality-vm: examples/hello.c: not an ELF file"), "{}", run.stderr);
    }
    let native = vm(&["run", env!("CARGO_BIN_EXE_causality-vm")]);
    assert_eq!(native.code, 126);
    assert!(native.stderr.contains("for another architecture: e_machine is "), "{}", native.stderr);
}

#[test]
fn missing_extensions_are_named_before_the_first_instruction() {
    let vector = Elf::of_words(&EXIT).arch("rv64i2p1_v1p0_zfh1p0");
    let said = refused(&vector);
    assert!(said.contains("`rv64i2p1_v1p0_zfh1p0`") && said.ends_with("does not have: v, zfh\n"), "{said}");
    assert!(refused(&Elf::of_words(&EXIT).arch("rv32i2p1")).ends_with("rv32 as the base\n"));
    assert!(refused(&Elf::of_words(&EXIT).flags(0x6)).contains("(extension Q)"));
    assert!(refused(&Elf::of_words(&EXIT).flags(0x8)).contains("RV64E"));
}

#[test]
fn malformed_and_hostile_files_are_refused_by_segment() {
    let huge = Elf::of_words(&EXIT).segment(Phdr::load(PF_R | PF_W, 0x20000, &[1]).with_size(2 << 30));
    assert!(refused(&huge).contains("the memory limit is 0x40000000"));
    let far = Elf::of_words(&EXIT).segment(Phdr::load(PF_R, u64::MAX - 0xfff, &[1]));
    assert!(refused(&far).contains("PT_LOAD 1 (r--, 0xfffffffffffff000..0xfffffffffffff001): outside"));
    let overlap = Elf::of_words(&EXIT).segment(Phdr::load(PF_R, 0x10004, &[1]));
    assert!(
        refused(&overlap).contains("PT_LOAD 0 (r-x, 0x10000..0x10008) and PT_LOAD 1 (r--, 0x10004..0x10005)")
    );
    let rwx = Elf::exec(0x10000).segment(Phdr::load(PF_R | PF_W | PF_X, 0x10000, &[0x13, 0, 0, 0]));
    assert!(refused(&rwx).contains("writable and executable at once"));
    let dynamic =
        Elf::of_words(&EXIT).segment(Phdr::load(PF_R, 0x10000, b"/lib/ld.so\0").with_kind(PT_INTERP));
    assert!(refused(&dynamic).contains("dynamically linked: it asks for the interpreter `/lib/ld.so`"));
    let lost = Elf::exec(0x40000).segment(Phdr::load(PF_R | PF_X, 0x10000, &[0x13, 0, 0, 0]));
    assert!(refused(&lost).contains("the entry point 0x40000 is not in an executable segment"));
}

#[test]
fn a_program_that_says_nothing_about_its_isa_is_run() {
    assert_eq!(vm_on(&[], &Elf::of_words(&EXIT)).code, 0);
}

#[test]
fn a_refused_program_can_still_be_inspected() {
    let folder = tempfile::tempdir().unwrap();
    let elf = Elf::of_words(&EXIT).arch("rv64i2p1_v1p0").build();
    let path = crate::file(folder.path(), "v.elf", &elf);
    let run = vm(&["inspect", path.to_str().unwrap()]);
    assert_eq!(run.code, 0);
    assert!(run.stdout.contains("v            missing"), "{}", run.stdout);
    assert!(run.stdout.contains("runs      no: the program is built for `rv64i2p1_v1p0`"), "{}", run.stdout);
}
