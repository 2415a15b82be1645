//! Windows of resource registers: every access around where their bytes end, and where there is none.

use causality_vm::isa::reg::X;

use crate::addresses::{accessing, pause, try_all};
use crate::arena::Attack;

/// Bytes of the registers in the slots; the last two have none.
const LENGTHS: [u64; 6] = [0, 1, 7, 4095, 4096, 8192];

#[test]
fn no_access_reaches_beyond_the_bytes_of_a_resource_register() {
    for seed in 10..13 {
        let elf = accessing(seed);
        let attack = Attack { link: |linker| drop(linker.function("pause", pause)), ..Attack::new(&elf) };
        let traps = attack.everywhere(|instance| {
            let mut addresses = Vec::new();
            for (slot, length) in (0..).zip(LENGTHS) {
                let window = instance.memory_mut().create_register(slot, length).expect("there is room");
                let near = |at: u64| (at.saturating_sub(9)..at + 9).chain([at + 2047, at.wrapping_sub(2048)]);
                addresses.extend(near(window).chain(near(window + length)).chain(near(window + 8192)));
            }
            // The first sealed: only readable.
            instance.memory_mut().seal_register(3).expect("it is there");
            instance.set_x(X::T0, 1);
            try_all(instance, &addresses)
        });
        assert!(traps.len() > 1000, "{} traps", traps.len());
    }
}
