//! Ten thousand instances at once: what each takes of the host's memory, and what happens when the host has no more mappings.

use std::fs;
use std::sync::{Mutex, PoisonError};

use causality_testkit::elf::{Elf, PF_R, PF_W, PF_X, Phdr};
use causality_vm::{Config, Engine, ErrorKind, Exit, Instance, Linker, Module, Options};

const START: u64 = 0x10000;
const DATA: u64 = 0x20000;
const PAGE: u64 = 4096;

/// Writes to a page of data and to one of stack, and exits.
const WORDS: [u32; 6] = [
    0x0002_0537, // lui a0, 0x20
    0x00a5_3023, // sd a0, 0(a0)
    0xfea1_3c23, // sd a0, -8(sp)
    0x0000_0513, // li a0, 0
    0x05d0_0893, // li a7, 93
    0x0000_0073, // ecall
];
/// Pages that the guest touches.
const TOUCHED: u64 = 2;

fn program() -> Vec<u8> {
    let text: Vec<u8> = WORDS.into_iter().flat_map(u32::to_le_bytes).collect();
    let data = Phdr::load(PF_R | PF_W, DATA, &[1; 5000]).with_size(1 << 20);
    Elf::exec(START).segment(Phdr::load(PF_R | PF_X, START, &text)).segment(data).build()
}

/// A line of a file of `/proc/self` in bytes.
fn told(file: &str, name: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/self/{file}")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim_matches([':', ' ', '\t', 'k', 'B']).trim().parse::<u64>().unwrap() << 10
}

fn mappings() -> u64 {
    fs::read("/proc/self/maps").unwrap().iter().filter(|&&byte| byte == b'\n').count() as u64
}

/// The process is measured by one test at a time.
static MEASURED: Mutex<()> = Mutex::new(());

struct Usage {
    /// What is shared counts in proportion.
    resident: u64,
    tables: u64,
    mappings: u64,
}

fn usage() -> Usage {
    Usage { resident: told("smaps_rollup", "Pss"), tables: told("status", "VmPTE"), mappings: mappings() }
}

/// How much more there is of everything, for each of `count`.
fn each(before: &Usage, count: u64) -> Usage {
    let now = usage();
    Usage {
        resident: now.resident.saturating_sub(before.resident) / count,
        tables: now.tables.saturating_sub(before.tables) / count,
        mappings: (now.mappings.saturating_sub(before.mappings)).div_ceil(count),
    }
}

fn show(what: &str, count: usize, each: &Usage) {
    let Usage { resident, tables, mappings } = each;
    println!("{count} {what}: {resident} bytes resident, {tables} in page tables, {mappings} mappings each");
}

#[test]
fn ten_thousand_instances_live_at_once() {
    let _alone = MEASURED.lock().unwrap_or_else(PoisonError::into_inner);
    let engine = Engine::new(Config::new());
    let module = Module::new(&engine, &program()).unwrap();
    let linker = Linker::new(&engine);
    let instance = || linker.instantiate(&module, Options::new().arg("guest"), 0_u32);
    assert_eq!(instance().unwrap().run().unwrap(), Exit::Completed(0));
    let before = usage();
    let mut instances: Vec<Instance<u32>> = Vec::with_capacity(20_000);
    for count in [1_000, 10_000] {
        while instances.len() < count {
            let mut instance = instance().unwrap();
            instance.run().unwrap();
            instances.push(instance);
        }
        let each = each(&before, count as u64);
        show("that have run", count, &each);
        assert!(each.resident < TOUCHED * PAGE + (16 << 10), "{} bytes", each.resident);
        assert!(each.mappings <= 6);
    }
    let more = (0..10_000).find_map(|_| match instance() {
        Ok(more) => {
            instances.push(more);
            None
        }
        Err(error) => Some(error),
    });
    if let Some(error) = more {
        assert!(matches!(error.kind(), ErrorKind::Io { .. }), "{error}");
        println!("{} are as many as the host has mappings for: {error}", instances.len());
        instances.truncate(10_000);
        instances.push(instance().unwrap());
    }
    for instance in &mut instances[..10_000] {
        instance.reset().unwrap();
        assert_eq!(instance.run().unwrap(), Exit::Completed(0));
    }
}

/// How many mappings show bytes of files that hold programs or guests.
fn files() -> usize {
    fs::read_to_string("/proc/self/maps").unwrap().matches("memfd:causality-image").count()
}

#[test]
fn a_small_program_is_in_a_file_as_soon_as_many_instances_share_it() {
    let _alone = MEASURED.lock().unwrap_or_else(PoisonError::into_inner);
    let engine = Engine::new(Config::new());
    let linker = Linker::new(&engine);
    let module = Module::new(&engine, &program()).unwrap();
    let instance = || {
        let mut instance = linker.instantiate(&module, Options::new(), 0_u32).unwrap();
        assert_eq!(instance.run().unwrap(), Exit::Completed(0));
        instance
    };
    for _ in 0..100 {
        drop(instance());
    }
    let few: Vec<_> = (0..3).map(|_| instance()).collect();
    assert_eq!(files(), 0);
    let many: Vec<_> = (0..100).map(|_| instance()).collect();
    assert!(files() > 50, "{}", files());
    for mut instance in few.into_iter().chain(many) {
        instance.reset().unwrap();
        assert_eq!(instance.run().unwrap(), Exit::Completed(0));
    }
}

#[test]
fn a_thousand_forks_share_what_they_do_not_write() {
    let _alone = MEASURED.lock().unwrap_or_else(PoisonError::into_inner);
    let engine = Engine::new(Config::new());
    let module = Module::new(&engine, &program()).unwrap();
    let mut parent = Linker::new(&engine).instantiate(&module, Options::new(), [0_u8; 16]).unwrap();
    parent.run_for(3).unwrap();
    parent.memory_mut().slice_mut(DATA, 100 * PAGE).unwrap().fill(5);
    let _warm = parent.fork().unwrap().fork().unwrap();
    let before = usage();
    let mut forks: Vec<_> = (0..1_000).map(|_| parent.fork().unwrap()).collect();
    let each = each(&before, 1_000);
    show("forks that have not run", forks.len(), &each);
    assert!(each.resident < 16 << 10, "{} bytes", each.resident);
    for fork in &mut forks {
        assert_eq!(fork.run().unwrap(), Exit::Completed(0));
        assert_eq!(fork.memory().load(DATA + 99 * PAGE), Ok([5; 8]));
    }
}
