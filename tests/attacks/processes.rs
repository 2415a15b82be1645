//! Guests that want to be more than one, or to reach other processes: the host's answer is always no.

use causality_testkit::{Assembler, Source};
use causality_vm::Exit;
use causality_vm::isa::Opcode;
use causality_vm::isa::reg::X;

use crate::arena::Attack;
use crate::guest::{self, addi};

/// `clone`, `execve`, `clone3`, `execveat`, `unshare`, `setns`, `ptrace`, `process_vm_readv`, `process_vm_writev`.
const MORE_THAN_ONE: [u64; 9] = [220, 221, 435, 281, 97, 268, 117, 270, 271];
/// `kill`, `tkill`, `tgkill`, `rt_sigqueueinfo`, `rt_tgsigqueueinfo`, `pidfd_open`, `pidfd_send_signal`.
const SIGNALLING: [u64; 7] = [129, 130, 131, 138, 240, 434, 424];

/// How many threads this process has and who its children are.
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

fn arguments(asm: &mut Assembler, values: impl IntoIterator<Item = u64>) {
    for (register, value) in [X::A0, X::A1, X::A2, X::A3, X::A4, X::A5].into_iter().zip(values) {
        asm.li(register, value);
    }
}

#[test]
fn a_guest_that_forks_without_end_stays_alone() {
    let source = &mut Source::Seed(1);
    let elf = guest::elf(|asm| {
        asm.li(X::S2, 0);
        guest::repeat(asm, X::S1, 200, |asm| {
            for number in MORE_THAN_ONE {
                let flags = source.pick(&[0, 17, 0x3d_0f00, 0x4111, 0x100, u64::MAX]);
                arguments(asm, [flags, guest::DATA, guest::DATA + 8, 0, guest::DATA + 64, 88]);
                guest::call(asm, number);
                let refused = asm.label();
                asm.branch(Opcode::Blt, X::A0, X::ZERO, refused);
                addi(asm, X::S2, X::S2, 1);
                asm.bind(refused);
            }
        });
        addi(asm, X::A0, X::S2, 0);
        guest::exit(asm);
    });
    let before = threads();
    let exit = Attack::new(&elf).everywhere(|instance| instance.run().expect("the host answers"));
    assert_eq!(exit, Exit::Completed(0), "so many calls succeeded");
    // Other tests have threads too, but not as many as there were calls.
    assert!(threads() < before + 200, "{} threads", threads());
}

/// Whoever is signalled, by numbers that mean processes of the host too: this one lives on.
#[test]
fn signals_of_a_guest_reach_nobody_but_itself() {
    let host = u64::from(std::process::id());
    let parent = u64::from(std::os::unix::process::parent_id());
    for signal in [0, 9, 15, 11] {
        for whom in [host, parent, 1, 0, u64::MAX, host.wrapping_neg(), 2, 1000] {
            let elf = guest::elf(|asm| {
                for number in SIGNALLING {
                    arguments(asm, [whom, whom, signal, guest::DATA, 0, 0]);
                    guest::call(asm, number);
                    arguments(asm, [whom, signal, guest::DATA, 0, 0, 0]);
                    guest::call(asm, number);
                }
                asm.li(X::A0, 0);
                guest::exit(asm);
            });
            Attack::new(&elf).everywhere(|instance| instance.run().expect("the host answers"));
        }
    }
}
