//! What does a snapshot cost? Time and bytes of a whole one, one of what has changed, and going on from it, for a guest with
//! 16 MiB of memory in use.

use std::hint::black_box;

use causality_testkit::Source;
use causality_vm::memory::{Perms, SegmentKind};
use causality_vm::snapshot::Snapshot;
use causality_vm::{Engine, Instance, Linker, Module, Options};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const HEAP: u64 = 0x4000_0000;
const BYTES: u64 = 16 << 20;
/// Pages that change between two snapshots.
const CHANGED: u64 = 64;

fn guest() -> (Linker<()>, Module, Instance<()>) {
    let elf = std::fs::read("testkit/guests/fib.elf").expect("the guest is there");
    let engine = Engine::default();
    let module = Module::new(&engine, &elf).expect("it is a program");
    let linker = Linker::new(&engine);
    let mut instance = linker.instantiate(&module, Options::new(), ()).expect("it can be instantiated");
    let memory = instance.memory_mut();
    memory.map(HEAP..HEAP + BYTES, Perms::RW, SegmentKind::Heap, "heap").expect("there is room");
    let mut source = Source::Seed(1);
    for word in memory.slice_mut(HEAP, BYTES).expect("mapped").chunks_exact_mut(8) {
        word.copy_from_slice(&source.bits().to_le_bytes());
    }
    (linker, module, instance)
}

fn snapshots(criterion: &mut Criterion) {
    let (linker, module, mut instance) = guest();
    let base = Snapshot::of(&mut instance).expect("it is ready");
    for page in 0..CHANGED {
        instance.memory_mut().store(HEAP + page * 64 * 4096, [page as u8; 8]).expect("mapped");
    }
    let next = Snapshot::since(&mut instance, &base).expect("it is ready");
    let (whole, changes) = (next.to_bytes(), next.to_bytes_since(&base));
    println!("16 MiB: {} bytes; {CHANGED} pages of them changed: {} bytes", whole.len(), changes.len());
    let mut group = criterion.benchmark_group("snapshot of 16 MiB");
    group.throughput(Throughput::Bytes(BYTES));
    group.bench_function("of", |b| b.iter(|| Snapshot::of(&mut instance).expect("it is ready")));
    group.bench_function("since", |b| b.iter(|| Snapshot::since(&mut instance, &base).expect("it is ready")));
    group.bench_function("to_bytes", |b| b.iter(|| black_box(&next).to_bytes()));
    group.bench_function("to_bytes_since", |b| b.iter(|| black_box(&next).to_bytes_since(&base)));
    group.bench_function("from_bytes", |b| b.iter(|| Snapshot::from_bytes(black_box(&whole))));
    group.bench_function("from_bytes_on", |b| b.iter(|| Snapshot::from_bytes_on(&base, black_box(&changes))));
    let resume = || linker.resume(&module, Options::new(), (), &next).expect("it can go on");
    group.bench_function("resume", |b| b.iter(resume));
    group.finish();
}

criterion_group!(benches, snapshots);
criterion_main!(benches);
