//! Instances are made from what others left behind, and nothing of that can be seen.

use std::sync::Arc;
use std::thread;

use causality_machine::memory::{PAGE_SIZE, Perms, SegmentKind};
use causality_testkit::digest::of_memory;
use causality_testkit::elf::{Elf, PF_R, PF_W, PF_X, Phdr};
use causality_vm::{Config, Engine, ErrorKind, Exit, Instance, Limits, Linker, Module, Options, Tier};

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
    let mut bytes = vec![data; 6000];
    bytes[32..40].copy_from_slice(&SECRET[..8]);
    bytes[..32].fill(0);
    let data = Phdr::load(PF_R | PF_W, DATA, &bytes).with_size(40_000);
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

    fn instance(&self, module: &Module) -> Instance<u32> {
        self.linker.instantiate(module, Options::new().arg("guest"), 0).unwrap()
    }
}

/// All that can be told of a guest.
fn state<T>(instance: &Instance<T>) -> (String, String, u64, u64) {
    let (hart, memory) = (format!("{:?}", instance.hart()), instance.memory());
    (hart, of_memory(memory).to_string(), memory.mapped(), memory.peak())
}

/// Fills what can be written, and what the host can make so, with secrets.
fn plant<T>(instance: &mut Instance<T>) {
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
            let modules = [host.module(1), host.module(2)];
            for (first, second) in [(0, 0), (0, 1), (1, 0)] {
                let fresh = state(&host.instance(&modules[second]));
                let mut gone = host.instance(&modules[first]);
                assert_eq!(gone.run().unwrap(), Exit::Completed(7));
                plant(&mut gone);
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
        for _ in 0..3 {
            assert_eq!(instance.run().unwrap(), Exit::Completed(7));
            let end = state(&instance);
            plant(&mut instance);
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
                        plant(&mut instance);
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
        assert!(memory.slice(DATA, PAGE_SIZE).unwrap().iter().all(|&byte| byte == 0), "not the program's bytes");
        memory.store(DATA, SECRET).unwrap();
        memory.zero(page).unwrap();
        assert_eq!(memory.load(DATA), Ok([0; 16]));
    }
}
