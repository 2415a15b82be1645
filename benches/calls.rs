//! What does it cost to call a function of a guest, and to call the host from there?

use std::hint::black_box;

use causality_vm::{Caller, Config, Engine, Instance, Linker, Module, Options, Tier};
use criterion::{Criterion, Throughput};

/// Calls of the host in one call of the guest.
const TIMES: u64 = 10_000;

fn instance(tier: Tier) -> Instance<u64> {
    let engine = Engine::new(Config::new().tier(tier));
    let module = Module::from_file(&engine, "testkit/guests/calls.elf").expect("it is there");
    let mut linker = Linker::new(&engine);
    let answer = |caller: &mut Caller<'_, u64>, value: u64| -> u64 {
        *caller.data_mut() += 1;
        value + 1
    };
    linker.function("answer", answer).expect("the first");
    let options = Options::new().args(["calls"]);
    let mut instance = linker.instantiate(&module, options, 0).expect("instantiates");
    instance.run().expect("the host does its part");
    instance
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("calls");
    for (name, tier) in
        [("auto", Tier::Auto), ("cranelift", Tier::Cranelift), ("interpreter", Tier::Interpreter)]
    {
        let mut guest = instance(tier);
        let add = guest.function::<(u64, u64), u64>("add").expect("a function");
        group.throughput(Throughput::Elements(1));
        group.bench_function(format!("guest/{name}"), |bench| {
            bench.iter(|| add.call(&mut guest, (black_box(1), black_box(2))).expect("returns"));
        });
        let ask = guest.function::<(u64, u64), u64>("ask_often").expect("a function");
        group.throughput(Throughput::Elements(TIMES));
        group.bench_function(format!("host/{name}"), |bench| {
            bench.iter(|| ask.call(&mut guest, (black_box(1), TIMES)).expect("returns"));
        });
    }
    group.finish();
    criterion.final_summary();
}
