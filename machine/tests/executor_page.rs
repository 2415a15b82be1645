//! The page beside guest memory that belongs to the executor, and the bell that stops generated code.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::thread;

use causality_machine::memory::{
    Doorbell, EXECUTOR_PAGE_SIZE, GUEST_OFFSET, MapError, PAGE_SIZE, Perms, SegmentKind,
};
use causality_machine::{Executor, Exit, Host, HostError, Limits, Machine, Memory, PauseHandle, PauseReason};

const SIZE: u64 = 64 * PAGE_SIZE;

fn machine() -> Machine {
    Machine::new(Limits { address_space: SIZE, memory: SIZE, ..Limits::default() }).unwrap()
}

fn map_all(memory: &mut Memory) -> Result<(), MapError> {
    memory.map(0..SIZE, Perms::RW, SegmentKind::Data, "data")
}

/// Bytes of this process, read as a debugger would.
fn peek<const N: usize>(host: usize) -> [u8; N] {
    let mut bytes = [0; N];
    File::open("/proc/self/mem").unwrap().read_exact_at(&mut bytes, host as u64).unwrap();
    bytes
}

/// What the host allows at an address, as `/proc/self/maps` writes it.
fn host_perms(host: usize) -> String {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let mut lines = maps.lines().map(|line| line.split_once(' ').unwrap());
    let here = lines.find(|(range, _)| {
        let (start, end) = range.split_once('-').unwrap();
        let address = |hex| usize::from_str_radix(hex, 16).unwrap();
        (address(start)..address(end)).contains(&host)
    });
    here.unwrap().1[..3].to_owned()
}

#[test]
fn the_executor_page_is_zero_at_first_and_aligned() {
    let mut machine = machine();
    assert_eq!(machine.memory.floor(), 0);
    let page = machine.memory.executor_page().addr().get();
    assert_eq!(page % EXECUTOR_PAGE_SIZE, 0);
    assert_eq!(peek(page), [0; EXECUTOR_PAGE_SIZE]);
}

#[test]
fn guest_address_0_lies_guest_offset_bytes_above_the_executor_page() {
    let mut machine = machine();
    map_all(&mut machine.memory).unwrap();
    let page = machine.memory.executor_page().addr().get();
    let guest = machine.memory.slice_mut(0, SIZE).unwrap();
    assert_eq!(guest.as_ptr().addr(), page + GUEST_OFFSET);
    guest.fill(0xff);
    assert_eq!(peek(page), [0; EXECUTOR_PAGE_SIZE], "guest memory overlaps the executor page");
}

#[test]
fn only_the_executor_page_is_accessible_below_guest_memory() {
    let mut machine = machine();
    map_all(&mut machine.memory).unwrap();
    let page = machine.memory.executor_page().addr().get();
    assert_eq!(host_perms(page), "rw-");
    for band in (EXECUTOR_PAGE_SIZE..GUEST_OFFSET).step_by(PAGE_SIZE as usize) {
        assert_eq!(host_perms(page + band), "---");
    }
    assert_eq!(host_perms(page + GUEST_OFFSET), "rw-");
    assert_eq!(host_perms(page + GUEST_OFFSET + SIZE as usize), "---");
}

#[test]
fn the_floor_is_the_first_eight_bytes_of_the_executor_page() {
    let mut machine = machine();
    machine.memory.set_floor(-0x0123_4567_89ab_cdef);
    assert_eq!(machine.memory.floor(), -0x0123_4567_89ab_cdef);
    let page = machine.memory.executor_page().addr().get();
    assert_eq!(i64::from_ne_bytes(peek(page)), -0x0123_4567_89ab_cdef);
}

#[test]
fn addresses_stay_when_the_memory_is_moved_or_changed() {
    let mut machine = machine();
    let page = machine.memory.executor_page();
    let table = machine.memory.page_table().as_ptr_range();
    map_all(&mut machine.memory).unwrap();
    machine.memory.protect(0..PAGE_SIZE, Perms::RX).unwrap();
    let mut moved = Box::new(machine);
    assert_eq!(moved.memory.executor_page(), page);
    assert_eq!(moved.memory.page_table().as_ptr_range(), table);
}

#[test]
fn a_pause_raises_the_floor_of_its_machine_from_another_thread() {
    let (mut paused, mut other) = (machine(), machine());
    paused.memory.set_floor(5);
    other.memory.set_floor(5);
    let handle = paused.pause_handle();
    thread::spawn(move || handle.pause()).join().unwrap();
    assert!(paused.pause_requested());
    assert_eq!(paused.memory.floor(), i64::MAX);
    assert!(!other.pause_requested());
    assert_eq!(other.memory.floor(), 5);
}

#[test]
fn a_pause_after_the_machine_is_gone_does_nothing() {
    let machine = machine();
    let (handle, bell) = (machine.pause_handle(), machine.memory.doorbell());
    drop(machine);
    handle.pause();
    bell.ring();
    assert!(handle.is_requested());
}

#[test]
fn handles_and_bells_of_no_machine_work_alone() {
    let handle = PauseHandle::default();
    handle.pause();
    assert!(handle.take());
    assert!(!handle.take());
    Doorbell::default().ring();
}

#[test]
fn bells_may_ring_while_machines_are_dropped() {
    for _ in 0..200 {
        let machine = machine();
        let bells = [machine.memory.doorbell(), machine.memory.doorbell()];
        thread::scope(|scope| {
            for bell in &bells {
                scope.spawn(|| (0..50).for_each(|_| bell.ring()));
            }
            drop(machine);
        });
    }
}

/// Does what generated code does: looks at nothing but the floor.
struct Looping;

impl Executor for Looping {
    fn execute(&mut self, machine: &mut Machine, _: &mut dyn Host, _: u64) -> Result<Exit, HostError> {
        loop {
            machine.memory.set_floor(0);
            if machine.take_pause() {
                return Ok(Exit::Paused(PauseReason::Requested));
            }
            while machine.memory.floor() <= 0 {
                std::hint::spin_loop();
            }
        }
    }
}

#[test]
fn no_pause_is_lost_on_an_executor_that_looks_at_the_floor_only() {
    let mut machine = machine();
    let handle = machine.pause_handle();
    for _ in 0..200 {
        thread::scope(|scope| {
            scope.spawn(|| handle.pause());
            let exit = machine.run(&mut Looping, &mut ()).unwrap();
            assert!(matches!(exit, Exit::Paused(_)));
        });
    }
}

#[test]
fn a_reset_leaves_the_executor_page_alone() {
    let mut machine = machine();
    map_all(&mut machine.memory).unwrap();
    machine.memory.set_floor(7);
    let _ = machine.run(&mut Completing, &mut ()).unwrap();
    machine.reset().unwrap();
    assert_eq!(machine.memory.floor(), 7);
    assert!(machine.memory.page_table().iter().all(|&bits| bits == Perms::NONE.bits()));
}

/// Ends at once.
struct Completing;

impl Executor for Completing {
    fn execute(&mut self, _: &mut Machine, _: &mut dyn Host, _: u64) -> Result<Exit, HostError> {
        Ok(Exit::Completed(0))
    }
}
