//! What does it cost to keep bytes in a resource register?
//!
//! The guest `register_read` reads 1 MiB in four loops, from a register and from ordinary memory: for each tier and loop, the
//! ratio of the two is printed, made from the best of interleaved runs, and criterion has the times. `register_cycle`
//! creates, writes, seals and consumes registers of 32 bytes; the time of an element is that of one register.

use std::time::{Duration, Instant};

use causality_vm::{Config, Engine, Exit, Linker, Module, Options, Tier};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

const TIERS: [(&str, Tier); 3] =
    [("baseline", Tier::Baseline), ("cranelift", Tier::Cranelift), ("auto", Tier::Auto)];

/// Loops, and rounds that take some fifty milliseconds.
const LOOPS: [(&str, u64); 4] = [("words", 600), ("bytes", 100), ("calls", 250), ("pairs", 500)];

const SOURCES: [&str; 2] = ["register", "memory"];

/// Registers of a run of `register_cycle`.
const CYCLES: u64 = 1_000_000;

/// Runs of each kind of which the best counts.
const RUNS: usize = 12;

struct Guest {
    linker: Linker<()>,
    module: Module,
}

impl Guest {
    fn new(engine: &Engine, name: &str) -> Self {
        let path = format!("{}/testkit/guests/{name}.elf", env!("CARGO_MANIFEST_DIR"));
        let module = Module::from_file(engine, path).expect("a committed guest");
        Guest { linker: Linker::new(engine), module }
    }

    fn run(&self, args: &[&str]) -> Duration {
        let options = Options::new().arg("guest").args(args);
        let mut instance = self.linker.instantiate(&self.module, options, ()).expect("instantiates");
        let start = Instant::now();
        assert_eq!(instance.run().expect("the host works"), Exit::Completed(0));
        start.elapsed()
    }
}

/// The time of a loop over a register by that over ordinary memory, without what comes before.
fn ratio(guest: &Guest, name: &str, rounds: &str) -> f64 {
    let mut best = [[Duration::MAX; 2]; 2];
    for _ in 0..RUNS {
        for (source, best) in SOURCES.iter().zip(&mut best) {
            for (rounds, best) in ["0", rounds].iter().zip(best) {
                *best = guest.run(&[name, source, rounds, "1024"]).min(*best);
            }
        }
    }
    let [register, memory] = best.map(|[none, all]| (all - none).as_secs_f64());
    register / memory
}

fn registers(criterion: &mut Criterion) {
    for (tier_name, tier) in TIERS {
        let engine = Engine::new(Config::new().tier(tier));
        let (read, cycle) = (Guest::new(&engine, "register_read"), Guest::new(&engine, "register_cycle"));
        let mut group = criterion.benchmark_group(tier_name);
        group.sample_size(10).measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_secs(1));
        for (name, rounds) in LOOPS {
            let rounds = rounds.to_string();
            println!("{tier_name}/{name}: register / memory = {:.3}", ratio(&read, name, &rounds));
            for source in SOURCES {
                let args = [name, source, &rounds, "1024"];
                group.bench_function(BenchmarkId::new(name, source), |b| b.iter(|| read.run(&args)));
            }
        }
        let cycles = CYCLES.to_string();
        group.throughput(Throughput::Elements(CYCLES));
        group.bench_function("cycle of 32 bytes", |b| b.iter(|| cycle.run(&[&cycles])));
        group.finish();
    }
}

criterion_group!(benches, registers);
criterion_main!(benches);
