//! How many guest instructions a second does each native tier translate?

use causality_vm::codegen::Codegen;
use causality_vm::{Config, Engine, Linker, Module, Options, Tier};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Functions of different kinds: a large loop nest of floats, straight integer code, branches and calls.
const FUNCTIONS: [(&str, &str); 3] = [("matmul", "run"), ("sha256", "run"), ("json", "parse_value")];

fn translation(criterion: &mut Criterion) {
    for (guest, function) in FUNCTIONS {
        let engine = Engine::new(Config::new());
        let linker = Linker::<()>::new(&engine);
        let path = format!("{}/testkit/guests/{guest}.elf", env!("CARGO_MANIFEST_DIR"));
        let module = Module::from_file(&engine, path).expect("a committed guest");
        let instance = linker.instantiate(&module, Options::new().arg(guest), ()).expect("instantiates");
        let pc = module.symbols().find(function).expect("a function of the guest").addr;
        let mut group = criterion.benchmark_group(format!("{guest}/{function}"));
        for (name, tier) in [("baseline", Tier::Baseline), ("cranelift", Tier::Cranelift)] {
            let mut codegen = Codegen::new(&instance, tier).expect("a host with a code generator");
            // What Cranelift is to translate; the baseline tier finds its own way in the time that is measured.
            let region = codegen.region(pc).expect("code");
            let mut translate = || codegen.translate(&region).expect("it can be translated").insts;
            group.throughput(Throughput::Elements(translate() as u64));
            group.bench_function(name, |bencher| bencher.iter(&mut translate));
        }
        group.finish();
    }
}

criterion_group!(benches, translation);
criterion_main!(benches);
