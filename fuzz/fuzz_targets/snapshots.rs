//! Any bytes as a snapshot, whatever root they say they have: refused with a reason, or a guest that runs within its limits.

#![no_main]

use causality_testkit::snapshots::{limits, program};
use causality_vm::snapshot::Snapshot;
use causality_vm::{Config, Engine, Linker, Module, Options, Tier};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(snapshot) = Snapshot::from_unsealed_bytes(data) else { return };
    assert_eq!(Snapshot::from_bytes(&snapshot.to_bytes()).expect("it is sealed now"), snapshot);
    let engine = Engine::new(Config::new().limits(limits()).tier(Tier::Baseline));
    let module = Module::new(&engine, &program()).expect("an executable");
    let resume = |snapshot: &Snapshot| Linker::new(&engine).resume(&module, Options::new(), (), snapshot);
    let Ok(mut instance) = resume(&snapshot) else { return };
    // What leads nowhere in this world is not kept.
    let kept = Snapshot::of(&mut instance).expect("a guest like any other");
    let mut again = resume(&kept).expect("it was there just now");
    assert_eq!(Snapshot::of(&mut again).expect("as above"), kept);
    instance.take_fuel();
    instance.add_fuel(10_000);
    instance.run().expect("the host does its part");
});
