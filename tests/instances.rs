//! Instances are made from what others left behind, and nothing of that can be seen.

use std::fs::File;
use std::sync::Arc;
use std::thread;

use causality_machine::memory::{PAGE_SIZE, Perms, SegmentKind};
use causality_testkit::asm::Assembler;
use causality_testkit::digest::of_memory;
use causality_testkit::elf::{Elf, PF_R, PF_W, PF_X, Phdr};
use causality_vm::isa::reg::X;
use causality_vm::isa::{Inst, Opcode, format};
use causality_vm::{
    Capture, Config, Engine, ErrorKind, Exit, FreezeError, Instance, Limits, Linker, Module, Options,
    PauseReason, Tier, VmState,
};

const START: u64 = 0x10000;
const DATA: u64 = 0x20000;

/// No program, host or page table has these bytes by chance.
const SECRET: [u8; 16] = *b"\xc5ecret of a gon\x9e";

fn small() -> Limits {
    Limits {
        address_space: 16 << 20,
        memory: 32 << 20,
        stack: 256 << 10,
        registers: 8,
        register_bytes: 16 << 10,
        ..Limits::default()
    }
}

fn word(x: u32) -> [u8; 4] {
    x.to_le_bytes()
}

/// Puts a word at `DATA` and below the stack pointer, asks for 128 KiB of heap, writes there and exits with 7.
fn scribbler(data: u8) -> Vec<u8> {
    scribbler_with(data, 6000)
}

/// The same with so many bytes of data.
fn scribbler_with(data: u8, len: usize) -> Vec<u8> {
    let words: [u32; 22] = [
        0x0002_0537, // lui a0, 0x20
        0x0205_3583, // ld a1, 32(a0)
        0x00b5_3023, // sd a1, 0(a0)
        0xfeb1_3c23, // sd a1, -8(sp)
        0xc00b_0613, // addi a2, s6, -1024: s6 is zero
        0x00c1_0633, // add a2, sp, a2
        0x00b6_3023, // sd a1, 0(a2)
        0x0000_0513, // li a0, 0
        0x0d60_0893, // li a7, 214: brk
        0x0000_0073, // ecall
        0x0005_0493, // mv s1, a0
        0x0002_0637, // lui a2, 0x20
        0x00c4_8533, // add a0, s1, a2
        0x0000_0073, // ecall
        0x00b4_b023, // sd a1, 0(s1)
        0x0000_1637, // lui a2, 1
        0x00c4_8633, // add a2, s1, a2
        0x00b6_3423, // sd a1, 8(a2)
        0x0070_0513, // li a0, 7
        0x05d0_0893, // li a7, 93
        0x0000_0073, // ecall
        0x0000_006f,
    ];
    let text: Vec<u8> = words.into_iter().flat_map(word).collect();
    let mut bytes = vec![data; len];
    bytes[32..40].copy_from_slice(&SECRET[..8]);
    bytes[..32].fill(0);
    let data = Phdr::load(PF_R | PF_W, DATA, &bytes).with_size(len as u64 + 34_000);
    Elf::exec(START).segment(Phdr::load(PF_R | PF_X, START, &text)).segment(data).build()
}

struct Host {
    engine: Engine,
    linker: Linker<u32>,
}

impl Host {
    fn new(config: Config) -> Self {
        let engine = Engine::new(config);
        Host { linker: Linker::new(&engine), engine }
    }

    fn module(&self, data: u8) -> Module {
        Module::new(&self.engine, &scribbler(data)).unwrap()
    }

    /// One whose bytes no instance has a copy of.
    fn large(&self, data: u8) -> Module {
        Module::new(&self.engine, &scribbler_with(data, 600 << 10)).unwrap()
    }

    fn instance(&self, module: &Module) -> Instance<u32> {
        self.linker.instantiate(module, Options::new().arg("guest"), 0).unwrap()
    }
}

/// All that can be told of a guest.
fn state<T>(instance: &Instance<T>) -> (String, String, u64, u64) {
    let (hart, memory) = (format!("{:?}", instance.hart()), instance.memory());
    (hart, of_memory(memory).to_string(), memory.mapped(), memory.peak())
}

/// Fills what can be written, and what the host can make so, with secrets; takes some of it away then, or not.
fn plant<T>(instance: &mut Instance<T>, unmaps: bool) {
    let memory = instance.memory_mut();
    let segments: Vec<_> = memory.segments().cloned().collect();
    let heap = memory.find_free(64 << 10, DATA + 0x10000..u64::MAX >> 1).unwrap();
    memory.map(heap..heap + (64 << 10), Perms::RW, SegmentKind::Heap, "heap").unwrap();
    memory.slice_mut(heap, 64 << 10).unwrap().as_chunks_mut().0.fill(SECRET);
    for segment in segments.into_iter().filter(|segment| segment.kind != SegmentKind::Guard) {
        memory.protect(segment.range.clone(), Perms::RW).unwrap();
        memory.slice_mut(segment.range.start, segment.size()).unwrap().as_chunks_mut().0.fill(SECRET);
    }
    for slot in 0..4 {
        let window = memory.create_register(slot, 12 << 10).unwrap();
        memory.slice_mut(window, 12 << 10).unwrap().as_chunks_mut().0.fill(SECRET);
    }
    if !unmaps {
        return;
    }
    memory.unmap(heap..heap + 4096).unwrap();
    memory.unmap(START..START + 4096).unwrap();
}

/// Makes all memory readable that can be, and looks for secrets.
fn search<T>(instance: &mut Instance<T>) {
    let memory = instance.memory_mut();
    let segments: Vec<_> = memory.segments().cloned().collect();
    for segment in &segments {
        memory.protect(segment.range.clone(), Perms::R).unwrap();
    }
    let end = memory.limits().address_space;
    let (mut at, mut looked) = (0, 0);
    while at < end {
        let next = match memory.segment_at(at) {
            Some(segment) => segment.range.end,
            None => {
                let next = memory.segments().map(|s| s.range.start).find(|&start| start > at);
                let next = next.unwrap_or(end).min(at + (8 << 20));
                memory.map(at..next, Perms::R, SegmentKind::Heap, "all").unwrap();
                next
            }
        };
        let bytes = memory.slice(at, next - at).unwrap();
        let found = bytes.as_chunks::<16>().0.iter().position(|bytes| *bytes == SECRET);
        assert_eq!(found, None, "at {at:#x} and on");
        (looked, at) = (looked + next - at, next);
        if looked > 256 << 20 {
            break;
        }
    }
    for slot in 0..8 {
        let window = memory.create_register(slot, 16 << 10).unwrap();
        let bytes = memory.slice(window, 16 << 10).unwrap();
        assert!(bytes.iter().all(|&byte| byte == 0), "the window of slot {slot}");
    }
    let hart = format!("{:?}", instance.hart());
    assert!(!hart.contains(&u64::from_le_bytes(SECRET[..8].try_into().unwrap()).to_string()));
}

#[test]
fn what_an_instance_leaves_behind_is_never_seen_by_the_next() {
    for limits in [small(), Limits { memory: 8 << 30, ..Limits::default() }] {
        for tier in Tier::ALL {
            let host = Host::new(Config::new().tier(tier).limits(limits.clone()).pool(1));
            let modules = [host.module(1), host.module(2), host.large(3)];
            let pairs =
                [(0, 0), (0, 1), (1, 0), (1, 2), (2, 2), (2, 0)].map(|pair| [(pair, false), (pair, true)]);
            for ((first, second), unmaps) in pairs.into_iter().flatten() {
                let fresh = state(&host.instance(&modules[second]));
                let mut gone = host.instance(&modules[first]);
                assert_eq!(gone.run().unwrap(), Exit::Completed(7));
                plant(&mut gone, unmaps);
                drop(gone);
                assert_eq!(host.engine.pooled(), 1);
                let mut next = host.instance(&modules[second]);
                assert_eq!(host.engine.pooled(), 0, "it is made from what was left");
                assert_eq!(state(&next), fresh, "{tier:?}");
                search(&mut next);
            }
        }
    }
}

#[test]
fn a_reset_instance_is_a_fresh_one_in_every_register_and_byte() {
    for tier in Tier::ALL {
        let host = Host::new(Config::new().tier(tier).limits(small()));
        let module = host.module(3);
        let mut instance = host.instance(&module);
        let fresh = state(&instance);
        for unmaps in [false, true, false] {
            assert_eq!(instance.run().unwrap(), Exit::Completed(7));
            let end = state(&instance);
            plant(&mut instance, unmaps);
            instance.reset().unwrap();
            assert_eq!(state(&instance), fresh, "{tier:?}");
            assert_eq!(instance.run().unwrap(), Exit::Completed(7));
            assert_eq!(state(&instance), end, "{tier:?}");
            instance.reset().unwrap();
            search(&mut instance);
            instance.abort().unwrap_err();
            assert!(instance.run().is_err() || instance.exit().is_some());
            instance.reset().unwrap();
        }
    }
}

#[test]
fn a_reused_memory_runs_as_a_new_one_does() {
    for tier in Tier::ALL {
        let host = Host::new(Config::new().tier(tier).pool(1));
        let unpooled = Host::new(Config::new().tier(tier).pool(0));
        let ends = [&host, &unpooled].map(|host| {
            let module = host.module(9);
            let mut ends = Vec::new();
            for _ in 0..4 {
                let mut instance = host.instance(&module);
                assert_eq!(instance.run().unwrap(), Exit::Completed(7));
                ends.push(state(&instance));
            }
            ends.dedup();
            ends
        });
        assert_eq!(ends[0].len(), 1);
        assert_eq!(ends[0], ends[1]);
        assert_eq!((host.engine.pooled(), unpooled.engine.pooled()), (1, 0));
    }
}

/// Looks at, and writes to, as many pages of its data and of its stack as it has arguments, and exits with whether
/// anything was there before.
fn explorer() -> Vec<u8> {
    let mut code = Assembler::new();
    code.inst(Inst::Ld(format::Load { rd: X::S0, rs1: X::SP, imm: 0 }));
    code.inst(Inst::Addi(format::I { rd: X::S2, rs1: X::SP, imm: 0 }));
    code.li(X::S1, DATA);
    code.li(X::S3, PAGE_SIZE);
    code.li(X::S4, 0);
    let next = code.here();
    code.inst(Inst::Sub(format::R { rd: X::S2, rs1: X::S2, rs2: X::S3 }));
    for at in [X::S1, X::S2] {
        code.inst(Inst::Ld(format::Load { rd: X::A1, rs1: at, imm: 0 }));
        code.inst(Inst::Or(format::R { rd: X::S4, rs1: X::S4, rs2: X::A1 }));
        code.inst(Inst::Sd(format::S { rs1: at, rs2: X::SP, imm: 0 }));
    }
    code.inst(Inst::Add(format::R { rd: X::S1, rs1: X::S1, rs2: X::S3 }));
    code.inst(Inst::Addi(format::I { rd: X::S0, rs1: X::S0, imm: -1 }));
    code.branch(Opcode::Bne, X::S0, X::ZERO, next);
    code.inst(Inst::Sltu(format::R { rd: X::A0, rs1: X::ZERO, rs2: X::S4 }));
    code.li(X::A7, 93);
    code.inst(Inst::Ecall(format::Bare {}));
    let data = Phdr::load(PF_R | PF_W, DATA, &[]).with_size(160 * PAGE_SIZE);
    Elf::exec(START).segment(Phdr::load(PF_R | PF_X, START, &code.finish())).segment(data).build()
}

#[test]
fn wherever_instances_write_the_next_finds_nothing_in_every_tier() {
    let sizes = [1, 1, 3, 3, 2, 9, 9, 40, 1, 100, 100, 3, 150, 150, 150, 2];
    let far = Limits { address_space: 4 << 30, stack: 1 << 20, ..small() };
    for (tier, limits) in Tier::ALL.into_iter().flat_map(|tier| [(tier, far.clone()), (tier, small())]) {
        let limits = Limits { stack: 1 << 20, ..limits };
        let results = [0, 1].map(|pool| {
            let config = Config::new().tier(tier).hot(0).limits(limits.clone()).pool(pool);
            let host = Host::new(config);
            let module = Module::new(&host.engine, &explorer()).unwrap();
            let explore = |pages: usize| {
                let options = Options::new().args(vec!["x"; pages]);
                let mut instance = host.linker.instantiate(&module, options, 0).unwrap();
                let mut runs = Vec::new();
                for _ in 0..3 {
                    assert_eq!(instance.run().unwrap(), Exit::Completed(0), "{pages} pages, {tier:?}");
                    runs.push((instance.retired(), state(&instance)));
                    instance.reset().unwrap();
                }
                assert_eq!((&runs[0], &runs[0]), (&runs[1], &runs[2]));
                runs.swap_remove(0)
            };
            sizes.map(explore)
        });
        assert_eq!(results[0], results[1], "{tier:?}");
    }
}

#[test]
fn instances_of_a_module_share_its_native_code() {
    let host = Host::new(Config::new().tier(Tier::Baseline));
    let module = host.module(4);
    let mut first = host.instance(&module);
    first.run().unwrap();
    let translated = first.report().host.code.translated_regions;
    assert!(translated > 0);
    for _ in 0..3 {
        let mut next = host.instance(&module);
        next.run().unwrap();
        next.reset().unwrap();
        next.run().unwrap();
        assert_eq!(next.report().host.code.translated_regions, translated);
    }
}

#[test]
fn a_pool_never_keeps_more_than_it_may() {
    let host = Host::new(Config::new().limits(small()).pool(3));
    let modules = [host.module(1), host.module(2)];
    let instances: Vec<_> = (0..8).map(|index| host.instance(&modules[index % 2])).collect();
    assert_eq!(host.engine.pooled(), 0);
    drop(instances);
    assert_eq!(host.engine.pooled(), 3);
    drop(host.instance(&modules[0]));
    assert_eq!(host.engine.pooled(), 3);
}

#[test]
fn instances_outlive_engine_module_and_thread() {
    let host = Host::new(Config::new().limits(small()));
    let module = host.module(5);
    let mut instance = host.instance(&module);
    let fresh = state(&instance);
    drop(module);
    drop(host);
    let mut instance = thread::spawn(move || {
        assert_eq!(instance.run().unwrap(), Exit::Completed(7));
        instance.reset().unwrap();
        instance
    })
    .join()
    .unwrap();
    assert_eq!(state(&instance), fresh);
    assert_eq!(instance.run().unwrap(), Exit::Completed(7));
}

#[test]
fn many_threads_take_from_one_pool() {
    let host = Arc::new(Host::new(Config::new().limits(small()).pool(2)));
    let modules = Arc::new([host.module(1), host.module(2)]);
    let fresh: Arc<Vec<_>> = Arc::new(modules.iter().map(|module| state(&host.instance(module))).collect());
    let threads: Vec<_> = (0..4)
        .map(|number| {
            let (host, modules, fresh) = (Arc::clone(&host), Arc::clone(&modules), Arc::clone(&fresh));
            thread::spawn(move || {
                for round in 0..50 {
                    let which = (number + round) % 2;
                    let mut instance = host.instance(&modules[which]);
                    assert_eq!(state(&instance), fresh[which]);
                    assert_eq!(instance.run().unwrap(), Exit::Completed(7));
                    if round % 5 == 0 {
                        plant(&mut instance, round % 2 == 0);
                    }
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn a_host_without_address_space_is_a_typed_error() {
    let huge = Limits { address_space: 1 << 46, ..Limits::default() };
    let host = Host::new(Config::new().limits(huge));
    let module = host.module(1);
    let mut instances = Vec::new();
    let error = loop {
        match host.linker.instantiate(&module, Options::new(), 0) {
            Ok(instance) => instances.push(instance),
            Err(error) => break error,
        }
    };
    assert!(instances.len() < 2, "no host has more than 2^47 bytes");
    assert!(matches!(error.kind(), ErrorKind::Io { .. }), "{error}");
}

#[test]
fn a_range_that_a_guest_gave_back_is_zero_when_it_gets_it_again() {
    let host = Host::new(Config::new().limits(small()));
    let module = host.module(6);
    for _ in 0..2 {
        let mut instance = host.instance(&module);
        let memory = instance.memory_mut();
        let page = DATA..DATA + PAGE_SIZE;
        memory.unmap(page.clone()).unwrap();
        memory.map(page.clone(), Perms::RW, SegmentKind::Data, "again").unwrap();
        assert!(
            memory.slice(DATA, PAGE_SIZE).unwrap().iter().all(|&byte| byte == 0),
            "not the program's bytes"
        );
        memory.store(DATA, SECRET).unwrap();
        memory.zero(page).unwrap();
        assert_eq!(memory.load(DATA), Ok([0; 16]));
    }
}

/// Runs to the end and says all of it.
fn future<T>(mut instance: Instance<T>) -> (Exit, (String, String, u64, u64)) {
    let exit = loop {
        match instance.run().unwrap() {
            Exit::Paused(_) => {}
            exit => break exit,
        }
    };
    (exit, state(&instance))
}

fn guest(name: &str, args: &[&str], tier: Tier) -> (Instance<()>, Capture) {
    let engine = Engine::new(Config::new().tier(tier).fuel(50_000_000));
    let module = Module::from_file(&engine, format!("testkit/guests/{name}.elf")).unwrap();
    let output = Capture::new(1 << 20);
    let mut options = Options::new().arg(name).args(args).stdout(output.clone());
    if let Ok(input) = File::open(format!("testkit/guests/{name}.stdin")) {
        options = options.stdin(input);
    }
    (Linker::new(&engine).instantiate(&module, options, ()).unwrap(), output)
}

#[test]
fn forks_have_the_same_future_as_the_unforked_in_every_tier() {
    for (name, args) in [("json", &[][..]), ("memory", &[]), ("clock", &[]), ("bytecode", &[])] {
        let ends = Tier::ALL.map(|tier| {
            let (unforked, printed) = guest(name, args, tier);
            let end = future(unforked);
            for steps in [0, 1, 100, 10_000, 200_000] {
                let (mut parent, output) = guest(name, args, tier);
                if steps > 0 && !matches!(parent.run_for(steps).unwrap(), Exit::Paused(_)) {
                    break;
                }
                let here = state(&parent);
                let checkpoint = parent.checkpoint().unwrap();
                assert_eq!(checkpoint.retired(), parent.retired());
                let mut fork = parent.fork().unwrap();
                assert_eq!(state(&fork), here);
                fork.run_for(1000).unwrap();
                let grandchild = if fork.exit().is_some_and(|exit| matches!(exit, Exit::Paused(_))) {
                    fork.fork().unwrap()
                } else {
                    checkpoint.fork().unwrap()
                };
                assert_eq!(future(grandchild), end, "{name}, {tier:?}: a fork of a fork after {steps}");
                if matches!(fork.exit(), Some(Exit::Paused(_))) {
                    assert_eq!(future(fork), end, "{name}, {tier:?}: a fork after {steps}");
                }
                assert_eq!(future(parent), end, "{name}, {tier:?}: the parent after {steps}");
                let late = checkpoint.fork().unwrap();
                assert_eq!(state(&late), here, "{name}, {tier:?}: a late fork after {steps}");
                let late = thread::spawn(move || future(late)).join().unwrap();
                assert_eq!(late, end, "{name}, {tier:?}: a late fork after {steps}");
                let most = 4 * printed.bytes().len();
                assert!(output.bytes().len() <= most, "{name}, {tier:?}: all write to one place");
            }
            end
        });
        ends.iter().for_each(|end| assert_eq!(end, &ends[0], "{name}"));
    }
}

#[test]
fn forks_do_not_see_each_others_writes() {
    let host = Host::new(Config::new().limits(small()));
    let module = host.module(1);
    let mut parent = host.instance(&module);
    parent.run_for(12).unwrap();
    parent.memory_mut().store(DATA + 100, [1; 8]).unwrap();
    let mut forks: Vec<_> = (0..5_u8).map(|_| parent.fork().unwrap()).collect();
    for (number, fork) in (10..).zip(&mut forks) {
        fork.memory_mut().store(DATA + 100, [number; 8]).unwrap();
        *fork.data_mut() = u32::from(number);
    }
    parent.memory_mut().store(DATA + 100, [2; 8]).unwrap();
    let later = parent.fork().unwrap();
    for (number, fork) in (10..).zip(&forks) {
        assert_eq!(fork.memory().load(DATA + 100), Ok([number; 8]));
        assert_eq!(*fork.data(), u32::from(number));
    }
    assert_eq!(later.memory().load(DATA + 100), Ok([2; 8]));
    assert_eq!((*parent.data(), *later.data()), (0, 0));
    forks.truncate(2);
    let grandchild = forks[1].fork().unwrap();
    assert_eq!(grandchild.memory().load(DATA + 100), Ok([11; 8]));
    assert_eq!(*grandchild.data(), 11);
}

#[test]
fn a_fork_that_is_reset_starts_the_program() {
    let host = Host::new(Config::new().limits(small()));
    let module = host.module(1);
    let mut parent = host.instance(&module);
    let fresh = state(&parent);
    parent.run_for(15).unwrap();
    plant(&mut parent.fork().unwrap(), true);
    let mut fork = parent.fork().unwrap();
    assert_eq!(fork.run().unwrap(), Exit::Completed(7));
    fork.reset().unwrap();
    assert_eq!(state(&fork), fresh);
    search(&mut fork);
}

#[test]
fn what_a_fork_leaves_behind_is_never_seen_by_the_next() {
    let host = Host::new(Config::new().limits(small()).pool(1));
    let modules = [host.module(1), host.module(2)];
    for next in 0..2 {
        let fresh = state(&host.instance(&modules[next]));
        let mut parent = host.instance(&modules[0]);
        parent.run_for(15).unwrap();
        parent.memory_mut().slice_mut(DATA, 4096).unwrap().as_chunks_mut().0.fill(SECRET);
        drop(parent.fork().unwrap());
        assert_eq!(host.engine.pooled(), 1, "what the fork had");
        let mut instance = host.instance(&modules[next]);
        assert_eq!(state(&instance), fresh);
        search(&mut instance);
    }
}

#[test]
fn a_guest_that_has_had_resource_registers_has_no_forks() {
    let host = Host::new(Config::new().limits(small()));
    let module = host.module(1);
    let mut instance = host.instance(&module);
    let checkpoint = instance.checkpoint().unwrap();
    instance.memory_mut().create_register(1, 100).unwrap();
    for _ in 0..2 {
        let error = instance.checkpoint().unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Checkpoint(FreezeError::Registers)), "{error}");
        assert!(instance.fork().is_err());
        instance.memory_mut().seal_register(1).unwrap();
        instance.memory_mut().consume_register(1).unwrap();
        instance.memory_mut().create_register(1, 100).unwrap();
    }
    let fork = checkpoint.fork().unwrap();
    assert!(fork.memory().registers().is_unused(), "from before there was one");
    assert_eq!(instance.run().unwrap(), Exit::Completed(7));
    instance.reset().unwrap();
    instance.fork().unwrap();
}

#[test]
fn forks_have_breakpoints_fuel_and_pauses_of_their_own() {
    let host = Host::new(Config::new().limits(small()));
    let module = host.module(1);
    let mut parent = host.instance(&module);
    parent.breakpoints_mut().insert(START + 4 * 7);
    assert_eq!(parent.run().unwrap(), Exit::Paused(PauseReason::Breakpoint));
    let mut fork = parent.fork().unwrap();
    assert_eq!((fork.exit(), fork.state()), (parent.exit(), VmState::Paused));
    fork.breakpoints_mut().insert(START + 4 * 9);
    fork.add_fuel(5);
    parent.pause_handle().pause();
    assert_eq!(fork.run().unwrap(), Exit::Paused(PauseReason::Breakpoint), "not where it is paused already");
    assert_eq!(fork.pc(), START + 4 * 9);
    assert_eq!(parent.run().unwrap(), Exit::Paused(PauseReason::Requested));
    assert_eq!(parent.run().unwrap(), Exit::Completed(7));
    assert_eq!(fork.run().unwrap(), Exit::Completed(7));
    let ended = fork.fork().unwrap();
    assert_eq!((ended.exit(), ended.state()), (Some(Exit::Completed(7)), VmState::Completed));
    assert!(fork.fork().unwrap().run().is_err(), "it has ended");
}

#[test]
fn forks_share_streams_as_processes_do() {
    let (mut parent, output) = guest("cat", &[], Tier::Auto);
    let (exit, _) = future(parent.fork().unwrap());
    let printed = output.bytes();
    assert_eq!(printed, std::fs::read("testkit/guests/cat.expected").unwrap());
    assert_eq!(future(parent).0, exit);
    let more = output.bytes().len() - printed.len();
    assert!(more < printed.len() / 10, "the fork has read all there was");
}

#[test]
fn a_fork_hears_the_answers_again_that_its_parent_kept() {
    let (mut parent, output) = guest("cat", &[], Tier::Auto);
    parent.keep_answers();
    let moment = parent.moment(None).unwrap().unwrap();
    let exit = parent.run().unwrap();
    let (end, printed) = (state(&parent), output.bytes());
    parent.go_back(&moment).unwrap();
    let forks = [parent.fork().unwrap(), parent.fork().unwrap()];
    for instance in forks.into_iter().chain([parent]) {
        assert_eq!(future(instance), (exit, end.clone()));
    }
    assert_eq!(output.bytes(), printed, "nothing is written twice");
}

#[test]
fn forks_share_native_code() {
    let (mut parent, _) = guest("json", &[], Tier::Baseline);
    parent.run_for(100_000).unwrap();
    let mut first = parent.fork().unwrap();
    first.run().unwrap();
    let translated = first.report().host.code.translated_regions;
    for _ in 0..3 {
        let mut fork = parent.fork().unwrap();
        fork.run().unwrap();
        assert_eq!(fork.report().host.code.translated_regions, translated);
    }
}

#[test]
fn checkpoints_can_be_shared_by_threads() {
    fn check<C: Send + Sync + Clone>(_: &C) {}
    let host = Host::new(Config::new().limits(small()));
    let mut parent = host.instance(&host.module(1));
    parent.run_for(10).unwrap();
    let checkpoint = parent.checkpoint().unwrap();
    check(&checkpoint);
    let end = future(parent);
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let (checkpoint, end) = (checkpoint.clone(), end.clone());
            thread::spawn(move || (0..20).for_each(|_| assert_eq!(future(checkpoint.fork().unwrap()), end)))
        })
        .collect();
    drop((host, checkpoint));
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

/// Two guards with a mebibyte of heap between: more than is taken over into a new file, and a hole in it.
#[test]
fn large_memories_are_forked_too() {
    let limits = Limits { address_space: 256 << 20, ..Limits::default() };
    let host = Host::new(Config::new().limits(limits));
    let data: Vec<u8> = (0..3 << 20).map(|index: u32| (index >> 12) as u8 | 1).collect();
    let text: Vec<u8> = [0x05d0_0893_u32, 0x73].into_iter().flat_map(word).collect();
    let elf = Elf::exec(START).segment(Phdr::load(PF_R | PF_X, START, &text));
    let elf = elf.segment(Phdr::load(PF_R | PF_W, DATA, &data)).build();
    let module = Module::new(&host.engine, &elf).unwrap();
    let mut parent = host.instance(&module);
    let memory = parent.memory_mut();
    memory.map(64 << 20..96 << 20, Perms::RW, SegmentKind::Heap, "far").unwrap();
    for page in (0..8192).step_by(5) {
        memory.store((64 << 20) + page * 4096, [page as u8; 8]).unwrap();
    }
    memory.store(DATA + (1 << 20), [0; 4096]).unwrap();
    memory.store(DATA + (2 << 20), [7; 8]).unwrap();
    memory.protect(70 << 20..71 << 20, Perms::NONE).unwrap();
    memory.unmap(DATA + 0x8000..DATA + 0x9000).unwrap();
    let here = state(&parent);
    let mut fork = parent.fork().unwrap();
    assert_eq!(state(&fork), here);
    fork.memory_mut().protect(70 << 20..71 << 20, Perms::RW).unwrap();
    parent.memory_mut().protect(70 << 20..71 << 20, Perms::RW).unwrap();
    let second = parent.fork().unwrap();
    assert_eq!(state(&fork).1, state(&second).1, "what could not be read was copied too");
    fork.memory_mut().store(64 << 20, [0xee; 4096]).unwrap();
    let mut third = fork.fork().unwrap();
    assert_eq!(state(&third), state(&fork));
    drop(fork);
    assert_eq!(third.run().unwrap(), future(second).0);
}
