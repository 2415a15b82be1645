//! What does a guest save that asks for hashes instead of computing them?
//!
//! `inline` computes Poseidon2 in guest code; `deferred, until exit` requests the same hashes, and
//! `deferred, in all` includes finalization.

use causality_vm::zk::DeferredHashing;
use causality_vm::{Config, Engine, Exit, Instance, Linker, Module, Options, Tier};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

/// Hashes of 256 bytes each.
const HASHES: u64 = 10_000;

struct Guest {
    linker: Linker<DeferredHashing>,
    module: Module,
    name: &'static str,
}

impl Guest {
    fn new(engine: &Engine, name: &'static str) -> Self {
        let mut linker = Linker::new(engine);
        linker.deferred_hashing(|data| data).expect("the only function");
        let path = format!("{}/testkit/guests/{name}.elf", env!("CARGO_MANIFEST_DIR"));
        let module = Module::from_file(engine, path).expect("a committed guest");
        Guest { linker, module, name }
    }

    fn instance(&self) -> Instance<DeferredHashing> {
        let options = Options::new().arg(self.name).arg(HASHES.to_string());
        self.linker.instantiate(&self.module, options, DeferredHashing::new()).expect("instantiates")
    }
}

fn run(mut instance: Instance<DeferredHashing>) -> DeferredHashing {
    assert_eq!(instance.run().expect("the host works"), Exit::Completed(0));
    instance.into_data()
}

fn hashing(criterion: &mut Criterion) {
    for (tier_name, tier) in [("baseline", Tier::Baseline), ("cranelift", Tier::Cranelift)] {
        let engine = Engine::new(Config::new().tier(tier));
        let (inline, deferred) =
            (Guest::new(&engine, "hashes_inline"), Guest::new(&engine, "hashes_deferred"));
        // The first runs translate; instances of a module share code.
        run(inline.instance());
        assert_eq!(run(deferred.instance()).finalize().batch().entries().len() as u64, HASHES);
        let mut group = criterion.benchmark_group(tier_name);
        group.throughput(Throughput::Elements(HASHES)).sample_size(20);
        group.bench_function("inline", |bencher| {
            bencher.iter_batched(|| inline.instance(), run, BatchSize::PerIteration);
        });
        group.bench_function("deferred, until exit", |bencher| {
            bencher.iter_batched(|| deferred.instance(), run, BatchSize::PerIteration);
        });
        group.bench_function("deferred, in all", |bencher| {
            let all = |instance| run(instance).finalize();
            bencher.iter_batched(|| deferred.instance(), all, BatchSize::PerIteration);
        });
        group.finish();
    }
}

criterion_group!(benches, hashing);
criterion_main!(benches);
