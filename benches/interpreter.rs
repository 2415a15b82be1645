//! How many guest instructions a second does the interpreter retire?

use causality_vm::{Config, Engine, Exit, Linker, Module, Options, Tier};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// One guest of each kind: calls, memory, integer arithmetic, floats, dispatch.
const GUESTS: [&str; 5] = ["fib", "sieve", "sha256", "nbody", "bytecode"];

fn interpreter(criterion: &mut Criterion) {
    let engine = Engine::new(Config::new().tier(Tier::Interpreter));
    let linker = Linker::<()>::new(&engine);
    let mut group = criterion.benchmark_group("interpreter");
    for guest in GUESTS {
        let path = format!("{}/testkit/guests/{guest}.elf", env!("CARGO_MANIFEST_DIR"));
        let module = Module::from_file(&engine, path).expect("a committed guest");
        let run = || {
            let mut instance =
                linker.instantiate(&module, Options::new().arg(guest), ()).expect("instantiates");
            assert_eq!(instance.run().expect("the host works"), Exit::Completed(0));
            instance.retired()
        };
        group.throughput(Throughput::Elements(run()));
        group.bench_function(guest, |bencher| bencher.iter(run));
    }
    group.finish();
}

criterion_group!(benches, interpreter);
criterion_main!(benches);
