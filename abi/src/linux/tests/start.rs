//! What a program finds when it starts.

use causality_machine::memory::SegmentKind;

use super::*;
use crate::{HostFunctions, StartError};

fn string(guest: &Guest, addr: u64) -> Vec<u8> {
    guest.machine.memory.c_str(addr, 4096).unwrap().unwrap().to_vec()
}

#[test]
fn the_stack_holds_what_linux_puts_there() {
    let options = Options::new().arg("/bin/x").arg("").env("A", "1").seed(3);
    let guest = Guest::with(options, limits());
    let sp = guest.machine.hart.x[2];
    assert_eq!(sp % 16, 0);
    let words: Vec<u64> = guest.get::<[u64; 48]>(sp).to_vec();
    assert_eq!(words[0], 2);
    assert_eq!(string(&guest, words[1]), b"/bin/x");
    assert_eq!(string(&guest, words[2]), b"");
    assert_eq!(words[3], 0);
    assert_eq!(string(&guest, words[4]), b"A=1");
    assert_eq!(words[5], 0);
    let vector: Vec<(u64, u64)> =
        words[6..].chunks(2).map(|p| (p[0], p[1])).take_while(|p| p.0 != 0).collect();
    let value = |tag| vector.iter().find(|p| p.0 == tag).unwrap().1;
    assert_eq!((value(3), value(4), value(5)), (0x1_0040, 56, 2));
    assert_eq!((value(6), value(9), value(17), value(23)), (4096, 0x1_0000, 100, 0));
    assert_eq!((value(11), value(14)), (1000, 1000));
    assert_eq!(value(16), 0x112d, "IMAFDC");
    assert_eq!(string(&guest, value(31)), b"/bin/x");
    assert_ne!(guest.bytes(value(25), 16), [0; 16]);
}

#[test]
fn the_stack_lies_between_guards_at_the_top() {
    let guest = Guest::new();
    let last: Vec<_> = guest.machine.memory.segments().collect();
    let [.., below, stack, above] = &last[..] else { panic!() };
    assert_eq!((below.name.as_str(), below.kind), ("stack guard", SegmentKind::Guard));
    assert_eq!((stack.kind, stack.size()), (SegmentKind::Stack, 1 << 20));
    assert_eq!((above.kind, above.range.end), (SegmentKind::Guard, 256 << 20));
    assert_eq!(below.range.end, stack.range.start);
    assert!(stack.range.contains(&guest.machine.hart.x[2]));
    assert_eq!(guest.machine.hart.pc, 0x1_0000);
    assert_eq!(guest.abi.report().peak_heap, 0);
}

#[test]
fn arguments_must_fit_and_be_c_strings() {
    let start = |options: Options, limits: Limits| {
        let mut machine = Machine::new(limits).unwrap();
        Abi::new(options, HostFunctions::new(), ()).start(&image(), &mut machine)
    };
    assert!(matches!(start(Options::new().arg("a\0b"), limits()), Err(StartError::ZeroByte)));
    let long = Options::new().arg(vec![b'x'; 300 << 10]);
    assert!(matches!(start(long, limits()), Err(StartError::Arguments { .. })));
    for stack in [0, 1 << 40, u64::MAX] {
        let limits = Limits { stack, ..limits() };
        assert!(matches!(start(Options::new(), limits), Err(StartError::Stack { .. })), "{stack}");
    }
    let small = Limits { memory: 4096, ..limits() };
    assert!(matches!(start(Options::new(), small), Err(StartError::Image(_))));
    let tiny = Limits { stack: 4096, ..limits() };
    start(Options::new().arg("x"), tiny).unwrap();
}

#[test]
fn a_stack_that_cannot_be_filled_is_an_error() {
    let mut machine = Machine::new(limits()).unwrap();
    let filled = crate::linux::start::fill(&mut machine.memory, 0x1000, b"argc");
    assert!(matches!(filled, Err(StartError::Fill(fault)) if fault.tval == 0x1000));
}
