//! What does a request cost, and what does finalization?

use causality_zk::{DeferredHashing, Domain, HashLimits, Poseidon2};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

/// Length and number of inputs; all are different.
const SHAPES: [(usize, u64); 3] = [(32, 20_000), (256, 10_000), (4096, 1_000)];

fn inputs(length: usize, count: u64) -> Vec<Vec<u8>> {
    let input = |number: u64| (0..length).map(|i| (i as u64 * 7 + (number >> (8 * (i % 4)))) as u8).collect();
    (0..count).map(input).collect()
}

fn requested(inputs: &[Vec<u8>]) -> DeferredHashing {
    let mut hashing = DeferredHashing::new().limits(HashLimits::default());
    for bytes in inputs {
        hashing.request(bytes).expect("within limits");
    }
    hashing
}

fn deferred(criterion: &mut Criterion) {
    for (length, count) in SHAPES {
        let inputs = inputs(length, count);
        let mut group = criterion.benchmark_group(format!("{length} bytes"));
        group.throughput(Throughput::Elements(count)).sample_size(10);
        group.bench_function("request", |bencher| bencher.iter_with_large_drop(|| requested(&inputs)));
        group.bench_function("finalize", |bencher| {
            let finalize = |hashing: DeferredHashing| hashing.finalize();
            bencher.iter_batched(|| requested(&inputs), finalize, BatchSize::LargeInput);
        });
        group.bench_function("one by one", |bencher| {
            let hasher = Poseidon2::new();
            bencher.iter(|| {
                let hashes = inputs.iter().map(|bytes| hasher.hash(Domain::OBJECT, bytes));
                hashes.collect::<Vec<_>>()
            });
        });
        group.finish();
    }
}

criterion_group!(benches, deferred);
criterion_main!(benches);
