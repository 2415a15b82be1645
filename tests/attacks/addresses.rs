//! Every kind of access, at every end of everything there is, and far beyond.

use causality_machine::memory::GUEST_OFFSET;
use causality_testkit::Source;
use causality_testkit::operands::{self, Class, Operands};
use causality_vm::isa::{Opcode, format, reg::X};
use causality_vm::{Caller, Cause, Exit, HostFault, Instance, PauseReason};

use crate::arena::Attack;
use crate::guest::{self, ADDRESS_SPACE, DATA, TEXT};

/// Inaccessible bytes before and after guest memory.
const BAND: u64 = 64 << 10;

/// Where something begins or ends: segments, the address space, the bands around it, what the host keeps before them, and
/// where addresses of some width do.
pub(crate) fn edges<T>(instance: &Instance<T>) -> Vec<u64> {
    let segments = instance.memory().segments().flat_map(|segment| [segment.range.start, segment.range.end]);
    let offset = GUEST_OFFSET as u64;
    let windows = 8 * 8192;
    let mut edges: Vec<_> = segments
        .chain([0, ADDRESS_SPACE, ADDRESS_SPACE + windows, ADDRESS_SPACE + windows + BAND])
        .chain([BAND, offset, offset - 0x1000, 2 * offset].map(u64::wrapping_neg))
        .chain([31, 32, 33, 47, 48, 52, 63].map(|bit| 1 << bit))
        .chain([(1 << 32) + DATA, (1 << 63) + DATA, DATA.wrapping_neg(), TEXT << 32])
        .collect();
    edges.sort_unstable();
    edges.dedup();
    edges
}

/// A few bytes before and behind an edge; as far as an immediate reaches.
fn around(edge: u64) -> impl Iterator<Item = u64> {
    [-4096_i64, -2048, -9, -8, -7, -4, -3, -2, -1, 0, 1, 3, 8, 2047, 2048]
        .into_iter()
        .map(move |offset| edge.wrapping_add_signed(offset))
}

/// Each opcode that accesses memory, twice, in an order and with immediates that are made up.
fn accesses(seed: u64) -> Vec<u32> {
    let source = &mut Source::Seed(seed);
    let is_access = |opcode: &Opcode| {
        matches!(operands::class(*opcode), Class::Load(_) | Class::Store(_) | Class::Atomic(_) | Class::Block)
    };
    let mut opcodes: Vec<_> =
        Opcode::ALL.iter().copied().filter(is_access).flat_map(|opcode| [opcode; 2]).collect();
    for at in (1..opcodes.len()).rev() {
        opcodes.swap(at, source.below(at + 1));
    }
    let mut last = X::T0;
    let mut words = Vec::new();
    for opcode in opcodes {
        // What one has loaded, the next stores.
        let (rd, rs2, rs1) = (source.pick(&[X::T0, X::T1, X::T2, X::T3]), last, X::A0);
        last = rd;
        let imm = source.pick(&[0, 0, 1, -1, 7, 8, -8, 2047, -2048]);
        words.push(opcode.fill(match operands::class(opcode) {
            Class::Load(_) => format::Load { rd, rs1, imm }.encode(),
            Class::Store(_) => format::S { rs1, rs2, imm }.encode(),
            Class::Block => (rs1.index() as u32) << operands::RS1,
            _ => {
                let rs2 = if Operands::of(opcode).rs2 == operands::Slot::None { X::ZERO } else { rs2 };
                format::R { rd, rs1, rs2 }.encode()
            }
        }));
    }
    words
}

/// Pauses before the call.
pub(crate) fn pause<T>(_: &mut Caller<'_, T>) -> Result<(), HostFault> {
    Err(HostFault::Pause)
}

/// Runs from the start of the code with each address in `a0` to the call that pauses, over every trap. Says where it
/// trapped, and why.
pub(crate) fn try_all(instance: &mut Instance<()>, addresses: &[u64]) -> Vec<(u64, Cause, u64)> {
    let mut traps = Vec::new();
    for &address in addresses {
        instance.set_pc(TEXT);
        instance.set_x(X::A0, address);
        loop {
            match instance.run().expect("the host answers") {
                Exit::Trap(trap) => {
                    traps.push((trap.pc, trap.cause, trap.tval));
                    instance.revive();
                    instance.set_pc(trap.pc + 4);
                }
                exit => {
                    assert_eq!(exit, Exit::Paused(PauseReason::Host));
                    break;
                }
            }
        }
    }
    traps
}

/// A guest that makes these accesses over and over.
pub(crate) fn accessing(seed: u64) -> Vec<u8> {
    guest::elf(|asm| {
        accesses(seed).into_iter().for_each(|word| asm.word(word));
        guest::call_host(asm);
    })
}

/// Makes accesses in an order that `seed` chooses everywhere; how often they trapped.
pub(crate) fn access_all(seed: u64) -> usize {
    let elf = accessing(seed);
    let attack = Attack { link: |linker| drop(linker.function("pause", pause)), ..Attack::new(&elf) };
    let traps = attack.everywhere(|instance| {
        let addresses: Vec<_> = edges(instance).into_iter().flat_map(around).collect();
        try_all(instance, &addresses)
    });
    traps.len()
}

#[test]
fn no_access_of_any_width_reaches_beyond_what_is_mapped() {
    let traps: usize = (0..3).map(access_all).sum();
    println!("{traps} accesses trapped in each tier");
    assert!(traps > 30_000, "{traps} traps");
}

/// As above with addresses that a translator knows.
#[test]
fn no_constant_address_reaches_beyond_what_is_mapped() {
    let probe = guest::elf(guest::exit);
    let edges = std::sync::Mutex::new(Vec::new());
    Attack::new(&probe).everywhere(|instance| *edges.lock().expect("nobody panics") = self::edges(instance));
    let addresses: Vec<_> = edges.into_inner().expect("nobody panics").into_iter().flat_map(around).collect();
    for (seed, addresses) in (0..).zip(addresses.chunks(40)) {
        let words = accesses(seed);
        let elf = guest::elf(|asm| {
            for (&address, chunk) in addresses.iter().zip(words.chunks(2).cycle()) {
                asm.li(X::A0, address);
                chunk.iter().for_each(|&word| asm.word(word));
            }
            guest::call_host(asm);
        });
        let attack = Attack { link: |linker| drop(linker.function("pause", pause)), ..Attack::new(&elf) };
        let traps = attack.everywhere(|instance| try_all(instance, &[0]));
        assert!(!traps.is_empty());
    }
}
