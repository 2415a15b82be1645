//! What does an instance cost?
//!
//! A program with 1 MiB of memory writes to 64 KiB of it and exits; another has 16 MiB of bytes of its own and does the same. Their
//! time from the compiled module to the instance that is gone, and from the bytes of the program; that of a reset, and of a fork; the same
//! without a pool. Of each sample the best twenty in a row count, which others on the machine did not get in the way of.

use std::time::{Duration, Instant};

use causality_testkit::asm::Assembler;
use causality_testkit::elf::{Elf, PF_R, PF_W, PF_X, Phdr};
use causality_vm::isa::reg::X;
use causality_vm::isa::{Inst, Opcode, format};
use causality_vm::{Config, Engine, Exit, Instance, Limits, Linker, Module, Options};
use criterion::{Criterion, criterion_group, criterion_main};

const TEXT: u64 = 0x1_0000;
const DATA: u64 = 0x2_0000;
const TOUCHED: u64 = 64 << 10;

/// Writes a word to each of the first pages of its data, and exits.
fn program(data: &[u8], size: u64) -> Vec<u8> {
    let mut code = Assembler::new();
    code.li(X::A0, DATA);
    code.li(X::A1, DATA + TOUCHED);
    code.li(X::A2, 4096);
    let next = code.here();
    code.inst(Inst::Sd(format::S { rs1: X::A0, rs2: X::A1, imm: 0 }));
    code.inst(Inst::Add(format::R { rd: X::A0, rs1: X::A0, rs2: X::A2 }));
    code.branch(Opcode::Bltu, X::A0, X::A1, next);
    code.li(X::A0, 0);
    code.li(X::A7, 93);
    code.inst(Inst::Ecall(format::Bare {}));
    let text = Phdr::load(PF_R | PF_X, TEXT, &code.finish());
    let data = Phdr::load(PF_R | PF_W, DATA, data).with_size(size);
    Elf::exec(TEXT).segment(text).segment(data).build()
}

struct Guest {
    engine: Engine,
    elf: Vec<u8>,
    linker: Linker<()>,
    module: Module,
}

impl Guest {
    fn new(config: Config, elf: &[u8]) -> Self {
        let engine = Engine::new(config);
        let module = Module::new(&engine, elf).expect("a program");
        let guest = Guest { linker: Linker::new(&engine), module, elf: elf.to_vec(), engine };
        run(&mut guest.instance());
        guest
    }

    /// Of a module that nobody has seen before.
    fn first_instance(&self) -> Instance<()> {
        let module = Module::new(&self.engine, &self.elf).expect("a program");
        self.linker.instantiate(&module, Options::new(), ()).expect("instantiates")
    }

    fn instance(&self) -> Instance<()> {
        self.linker.instantiate(&self.module, Options::new(), ()).expect("instantiates")
    }
}

fn run(instance: &mut Instance<()>) {
    assert_eq!(instance.run().expect("runs"), Exit::Completed(0));
}

/// The time of `iterations`, if all took as long as the best.
fn best<R>(iterations: u64, mut once: impl FnMut() -> R) -> Duration {
    const BATCH: u32 = 20;
    let batch = |_| {
        let start = Instant::now();
        (0..BATCH).for_each(|_| drop(once()));
        start.elapsed()
    };
    let least = (0..iterations.div_ceil(u64::from(BATCH))).map(batch).min().unwrap_or_default();
    least.mul_f64(iterations as f64 / f64::from(BATCH))
}

fn instances(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("instance");
    group.sample_size(50).measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(500));
    let small = program(&[], 1 << 20);
    let large = program(&vec![1; 16 << 20], 16 << 20);
    let narrow = Limits { address_space: 64 << 20, ..Limits::default() };
    let guests = [
        ("1 MiB", Guest::new(Config::new(), &small)),
        ("1 MiB in 64 MiB of addresses", Guest::new(Config::new().limits(narrow), &small)),
        ("16 MiB", Guest::new(Config::new(), &large)),
        ("1 MiB without a pool", Guest::new(Config::new().pool(0), &small)),
    ];
    for (name, guest) in &guests {
        let mut measure = |what: &str, once: &mut dyn FnMut()| {
            group.bench_function(format!("{name}/{what}"), |bencher| {
                bencher.iter_custom(|iterations| best(iterations, &mut *once));
            });
        };
        measure("new", &mut || drop(guest.instance()));
        measure("new, run", &mut || run(&mut guest.instance()));
        measure("read, new, run", &mut || run(&mut guest.first_instance()));
        let mut instance = guest.instance();
        measure("run, reset", &mut || {
            run(&mut instance);
            instance.reset().expect("has ended");
        });
        let mut parent = guest.instance();
        parent.run_for(20).expect("runs");
        measure("fork", &mut || drop(parent.fork().expect("has no registers")));
        measure("fork, run", &mut || run(&mut parent.fork().expect("has no registers")));
        measure("write, checkpoint", &mut || {
            parent.memory_mut().store(DATA, [1; 8]).expect("writable");
            parent.checkpoint().expect("has no registers");
        });
    }
    group.finish();
}

criterion_group!(benches, instances);
criterion_main!(benches);
