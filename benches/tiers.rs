//! How many guest instructions a second does each tier retire?

use causality_vm::{Config, Engine, Exit, Linker, Module, Options, Tier};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// One guest of each kind: calls, memory, integer arithmetic, floats, dispatch.
const GUESTS: [&str; 5] = ["fib", "sieve", "sha256", "nbody", "bytecode"];

const TIERS: [(&str, Tier); 3] =
    [("interpreter", Tier::Interpreter), ("baseline", Tier::Baseline), ("cranelift", Tier::Cranelift)];

fn tiers(criterion: &mut Criterion) {
    for guest in GUESTS {
        let mut group = criterion.benchmark_group(guest);
        for (name, tier) in TIERS {
            let engine = Engine::new(Config::new().tier(tier));
            let linker = Linker::<()>::new(&engine);
            let path = format!("{}/testkit/guests/{guest}.elf", env!("CARGO_MANIFEST_DIR"));
            let module = Module::from_file(&engine, path).expect("a committed guest");
            let run = || {
                let mut instance =
                    linker.instantiate(&module, Options::new().arg(guest), ()).expect("instantiates");
                assert_eq!(instance.run().expect("the host works"), Exit::Completed(0));
                instance.retired()
            };
            // This one translates; instances of a module share code.
            group.throughput(Throughput::Elements(run()));
            group.bench_function(name, |bencher| bencher.iter(run));
        }
        group.finish();
    }
}

criterion_group!(benches, tiers);
criterion_main!(benches);
