//! How much faster is a batch of independent tasks on two cores than on one?
//!
//! Tasks of three sizes, of 170 million instructions, of 4 million and of some hundred, none equal to another: on one thread and on two, in turns. Printed are
//! the ratios of the best of these times, and of processor time, which is what two threads cost each other wherever they share
//! something; on a machine that others use, too, that says more. Criterion has the times, and those of a batch that is
//! served from the cache.

use std::num::NonZero;
use std::time::{Duration, Instant};

use causality_vm::batch::{Batch, Work};
use causality_vm::store::Store;
use causality_vm::{Config, Executable, Task};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// Name, program, number of tasks, and batches of each kind of which the best counts.
const SIZES: [(&str, &str, u64, usize); 3] = [
    ("long", "examples/raytrace", 16, 5),
    ("medium", "testkit/guests/sha256", 64, 15),
    ("short", "testkit/guests/args", 2000, 15),
];

fn guest(name: &str) -> Executable {
    let path = format!("{}/{name}.elf", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(path).expect("a committed guest").into()
}

fn works(name: &str, count: u64) -> Vec<Work> {
    let task = Task::new(guest(name)).args(["guest"]);
    (0..count).map(|seed| task.clone().seed(seed).into()).collect()
}

fn batch(threads: usize) -> Batch {
    let store = Store::in_memory().expect("opens");
    Batch::over(store, Config::new()).threads(NonZero::new(threads).expect("some"))
}

/// Processor time of this process so far, in ticks of the system.
fn ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux has it");
    let fields = stat.rsplit_once(')').expect("a name comes first").1.split_whitespace();
    fields.skip(11).take(2).map(|field| field.parse::<u64>().expect("a number")).sum()
}

fn run(batch: &Batch, works: &[Work]) -> Duration {
    let start = Instant::now();
    let finished = batch.run(works).expect("the host does its part");
    let time = start.elapsed();
    assert_eq!(finished.len(), works.len());
    time
}

/// What is printed of one size.
fn ratios(name: &str, works: &[Work], runs: usize) {
    let batches = [1, 2].map(|threads| batch(threads).caching(false));
    let (mut best, mut used) = ([Duration::MAX; 2], [0; 2]);
    for _ in 0..runs {
        for ((batch, best), used) in batches.iter().zip(&mut best).zip(&mut used) {
            let before = ticks();
            *best = run(batch, works).min(*best);
            *used += ticks() - before;
        }
    }
    let [one, two] = best.map(|best| best.as_secs_f64());
    println!("{name}: one thread / two threads = {:.2} in time, best of {runs}", one / two);
    println!("{name}: two threads / one thread = {:.3} in processor time", used[1] as f64 / used[0] as f64);
}

fn batches(criterion: &mut Criterion) {
    for (name, program, count, runs) in SIZES {
        let works = works(program, count);
        ratios(name, &works, runs);
        let mut group = criterion.benchmark_group(name);
        group.sample_size(10).throughput(Throughput::Elements(count));
        for threads in [1, 2] {
            let batch = batch(threads).caching(false);
            group.bench_function(BenchmarkId::new("threads", threads), |b| b.iter(|| run(&batch, &works)));
        }
        let cached = batch(2);
        run(&cached, &works);
        group.bench_function("from the cache", |b| b.iter(|| run(&cached, &works)));
        group.finish();
    }
}

criterion_group!(benches, batches);
criterion_main!(benches);
