//! What of the world a guest finds again, and what keeps it from going on.

use std::fs;
use std::path::Path;

use causality_testkit::Assembler;
use causality_testkit::elf::{Elf, PF_R, PF_W, PF_X, Phdr};
use causality_vm::isa::reg::X;
use causality_vm::isa::{Inst, format};
use causality_vm::snapshot::{FileProblem, RestoreError, SaveError, Snapshot, SnapshotError};
use causality_vm::{
    Access, Caller, Capture, Engine, Error, ErrorKind, Exit, Instance, Linker, Module, Options,
};

const DATA: u64 = 0x10_0000;

/// A program that opens a file of the data segment's first path and then reads 4 bytes at a time to stdout.
fn reader(flags: u64) -> Vec<u8> {
    let mut asm = Assembler::new();
    let call = |asm: &mut Assembler, number: u64, args: &[(X, u64)]| {
        for &(register, value) in args {
            asm.li(register, value);
        }
        asm.li(X::A7, number);
        asm.inst(Inst::Ecall(format::Bare {}));
    };
    call(&mut asm, 56, &[(X::A0, -100_i64 as u64), (X::A1, DATA), (X::A2, flags), (X::A3, 0o644)]);
    asm.inst(Inst::Addi(format::I { rd: X::S0, rs1: X::A0, imm: 0 }));
    let again = asm.here();
    asm.inst(Inst::Addi(format::I { rd: X::A0, rs1: X::S0, imm: 0 }));
    call(&mut asm, 63, &[(X::A1, DATA + 0x100), (X::A2, 4)]);
    asm.inst(Inst::Addi(format::I { rd: X::A2, rs1: X::A0, imm: 0 }));
    call(&mut asm, 64, &[(X::A0, 1), (X::A1, DATA + 0x100)]);
    asm.branch(causality_vm::isa::Opcode::Bne, X::A2, X::ZERO, again);
    call(&mut asm, 94, &[(X::A0, 5)]);
    let mut data = b"/data/f\0".to_vec();
    data.resize(0x200, 0);
    let text = Phdr::load(PF_R | PF_X, 0x1_0000, &asm.finish());
    Elf::exec(0x1_0000).segment(text).segment(Phdr::load(PF_R | PF_W, DATA, &data)).build()
}

const CONTENTS: &[u8] = b"some words that are in a file";

struct World {
    folder: tempfile::TempDir,
    output: Capture,
    linker: Linker<()>,
    module: Module,
}

impl World {
    fn new(flags: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("f"), CONTENTS).unwrap();
        let engine = Engine::default();
        let module = Module::new(&engine, &reader(flags)).unwrap();
        World { folder, output: Capture::new(1 << 12), linker: Linker::new(&engine), module }
    }

    fn options(&self, folder: &Path, access: Access) -> Options {
        Options::new().stdout(self.output.clone()).directory(folder, "/data", access).unwrap()
    }

    /// The guest when it has read eight bytes.
    fn reading(&self) -> Instance<()> {
        let options = self.options(self.folder.path(), Access::ReadWrite);
        let mut instance = self.linker.instantiate(&self.module, options, ()).unwrap();
        while self.output.bytes().len() < 8 {
            instance.run_for(1).unwrap();
        }
        instance
    }

    fn resume(&self, snapshot: &Snapshot, folder: &Path, access: Access) -> Result<Instance<()>, Error> {
        self.linker.resume(&self.module, self.options(folder, access), (), snapshot)
    }
}

fn problem(error: &Error) -> FileProblem {
    match error.kind() {
        ErrorKind::Snapshot(SnapshotError::Restore(RestoreError::File { path, problem })) => {
            assert_eq!(path, "/data/f");
            *problem
        }
        _ => panic!("{error}"),
    }
}

#[test]
fn an_open_file_is_read_on_where_the_guest_was_also_in_another_folder() {
    let world = World::new(0);
    let snapshot = Snapshot::of(&mut world.reading()).unwrap();
    let copy = tempfile::tempdir().unwrap();
    fs::write(copy.path().join("f"), CONTENTS).unwrap();
    for folder in [world.folder.path(), copy.path()] {
        let before = world.output.bytes().len();
        let mut resumed = world.resume(&snapshot, folder, Access::ReadWrite).unwrap();
        assert_eq!(resumed.run().unwrap(), Exit::Completed(5));
        assert_eq!(world.output.bytes()[before..], CONTENTS[8..]);
    }
}

#[test]
fn a_file_that_is_not_as_it_was_is_refused() {
    let world = World::new(0);
    let snapshot = Snapshot::of(&mut world.reading()).unwrap();
    let file = world.folder.path().join("f");
    fs::write(&file, b"short").unwrap();
    let error = world.resume(&snapshot, world.folder.path(), Access::ReadWrite).unwrap_err();
    assert_eq!(problem(&error), FileProblem::Size { was: CONTENTS.len() as u64, is: 5 });
    fs::remove_file(&file).unwrap();
    let error = world.resume(&snapshot, world.folder.path(), Access::ReadWrite).unwrap_err();
    assert_eq!(problem(&error), FileProblem::Gone);
    fs::create_dir(&file).unwrap();
    let error = world.resume(&snapshot, world.folder.path(), Access::ReadWrite).unwrap_err();
    assert_eq!(problem(&error), FileProblem::Gone);
}

#[test]
fn a_file_that_is_gone_or_replaced_keeps_the_guest_from_being_saved() {
    let world = World::new(0);
    let mut instance = world.reading();
    let file = world.folder.path().join("f");
    let refused = |instance: &mut Instance<()>| {
        let error = Snapshot::of(instance).unwrap_err();
        let ErrorKind::Snapshot(SnapshotError::Save(SaveError::File { path, problem })) = error.kind() else {
            panic!("{error}");
        };
        assert_eq!((path.as_str(), *problem), ("/data/f", FileProblem::Gone));
    };
    fs::rename(&file, world.folder.path().join("g")).unwrap();
    refused(&mut instance);
    fs::write(&file, CONTENTS).unwrap();
    refused(&mut instance);
    fs::rename(world.folder.path().join("g"), &file).unwrap();
    Snapshot::of(&mut instance).unwrap();
}

#[test]
fn directories_must_be_the_same() {
    let world = World::new(2);
    let snapshot = Snapshot::of(&mut world.reading()).unwrap();
    let error = world.resume(&snapshot, world.folder.path(), Access::ReadOnly).unwrap_err();
    let directory = |error: &Error| match error.kind() {
        ErrorKind::Snapshot(SnapshotError::Restore(RestoreError::Directory {
            path,
            writable,
            was_there,
        })) => (path.clone(), *writable, *was_there),
        _ => panic!("{error}"),
    };
    assert_eq!(directory(&error), ("/data".to_owned(), true, true));
    let error = world.linker.resume(&world.module, Options::new(), (), &snapshot).unwrap_err();
    assert_eq!(directory(&error), ("/data".to_owned(), true, true));
    let more = world.options(world.folder.path(), Access::ReadWrite);
    let more = more.directory(world.folder.path(), "/more", Access::ReadOnly).unwrap();
    let error = world.linker.resume(&world.module, more, (), &snapshot).unwrap_err();
    assert_eq!(directory(&error), ("/more".to_owned(), false, false));
}

#[test]
fn host_functions_must_be_there_by_number_and_name() {
    let engine = Engine::default();
    let module = Module::new(&engine, &reader(0)).unwrap();
    let nothing = |_: &mut Caller<'_, ()>| ();
    let mut linker = Linker::new(&engine);
    let number = linker.function("one", nothing).unwrap();
    let mut instance = linker.instantiate(&module, Options::new(), ()).unwrap();
    let snapshot = Snapshot::of(&mut instance).unwrap();
    assert_eq!(snapshot.functions().collect::<Vec<_>>(), [(number, "one")]);
    let resume = |linker: &Linker<()>| linker.resume(&module, Options::new(), (), &snapshot);
    let mut other = Linker::new(&engine);
    for linker in [&Linker::new(&engine), &{
        other.function("two", nothing).unwrap();
        other.function("one", nothing).unwrap();
        other
    }] {
        let error = resume(linker).unwrap_err();
        let expected = RestoreError::Function { number, name: "one".to_owned() };
        assert!(
            matches!(error.kind(), ErrorKind::Snapshot(SnapshotError::Restore(found)) if *found == expected),
            "{error}"
        );
    }
    linker.function("more", nothing).unwrap();
    resume(&linker).unwrap();
}

#[test]
fn a_process_that_is_to_hear_answers_again_is_not_saved() {
    let world = World::new(0);
    let options = world.options(world.folder.path(), Access::ReadWrite);
    let mut instance = world.linker.instantiate(&world.module, options, ()).unwrap();
    instance.keep_answers();
    let moment = instance.moment(None).unwrap().unwrap();
    while world.output.bytes().len() < 8 {
        instance.run_for(1).unwrap();
    }
    Snapshot::of(&mut instance).unwrap();
    instance.go_back(&moment).unwrap();
    let error = Snapshot::of(&mut instance).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Snapshot(SnapshotError::Save(SaveError::Rewound))), "{error}");
    instance.forget_later();
    Snapshot::of(&mut instance).unwrap();
}
