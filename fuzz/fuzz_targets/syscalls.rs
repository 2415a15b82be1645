//! Any sequence of Linux calls with any operands: it ends, the same in native code as interpreted.

#![no_main]

use causality_testkit::Source;
use causality_testkit::digest::of_memory;
use causality_testkit::syscalls::calls;
use causality_vm::{Access, Config, Engine, Limits, Linker, Module, Options, Tier};
use libfuzzer_sys::fuzz_target;

fn run(elf: &[u8], tier: Tier) -> (String, String) {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("f"), "contents of a file").expect("written");
    let limits = Limits { address_space: 64 << 20, memory: 4 << 20, stack: 1 << 20, ..Limits::default() };
    let engine = Engine::new(Config::new().limits(limits).tier(tier).fuel(1_000_000));
    let options = Options::new().args(["calls"]).stdin(&b"what there is to read"[..]).cwd("/d");
    let options = options.directory(directory.path(), "/d", Access::ReadWrite).expect("it is there");
    let module = Module::new(&engine, elf).expect("an executable");
    let mut instance = Linker::new(&engine).instantiate(&module, options, ()).expect("instantiates");
    let exit = instance.run().expect("the host does its part");
    (format!("{exit:?} {:?}", instance.hart()), of_memory(instance.memory()).to_string())
}

fuzz_target!(|data: &[u8]| {
    let numbers: Vec<_> = causality_abi::TABLE.iter().map(|call| call.number).collect();
    let elf = calls(&mut Source::Bytes(data), &numbers, 30);
    assert_eq!(run(&elf, Tier::Baseline), run(&elf, Tier::Interpreter));
});
