//! Bytes that are no snapshot, or one that nobody made: an error each, or a guest like any other.

use std::path::Path;

use causality_testkit::Source;
use causality_testkit::snapshots::{limits, program};
use causality_vm::snapshot::{Snapshot, SnapshotError};
use causality_vm::{Capture, Config, Instance, Linker, Options, Tier};

use crate::Guest;

/// A guest with little memory that has a register and an open file, and asks for more memory.
fn small() -> Guest {
    Guest::of(program()).config(Config::new().limits(limits()).fuel(10_000))
}

fn snapshot_at(instructions: u64) -> Snapshot {
    let folder = tempfile::tempdir().unwrap();
    let mut instance = small().start(Tier::Interpreter, &Capture::new(0), folder.path());
    instance.run_for(instructions).unwrap();
    Snapshot::of(&mut instance).unwrap()
}

fn snapshot() -> Snapshot {
    snapshot_at(120)
}

#[test]
fn every_truncation_is_refused() {
    let bytes = snapshot().to_bytes();
    for len in 0..bytes.len() {
        let error = Snapshot::from_bytes(&bytes[..len]).unwrap_err();
        assert!(matches!(error, SnapshotError::Truncated), "{len} of {}: {error}", bytes.len());
    }
}

#[test]
fn every_changed_byte_is_refused() {
    let bytes = snapshot().to_bytes();
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        let error = Snapshot::from_bytes(&damaged).expect_err("a bit was changed");
        match at {
            0..8 => assert!(matches!(error, SnapshotError::Magic), "{at}: {error}"),
            8..=11 => assert!(matches!(error, SnapshotError::Version(_)), "{at}: {error}"),
            13..=44 => assert!(matches!(error, SnapshotError::Root { .. }), "{at}: {error}"),
            _ => {}
        }
    }
}

#[test]
fn what_follows_is_refused() {
    let mut bytes = snapshot().to_bytes();
    bytes.push(0);
    assert!(matches!(Snapshot::from_bytes(&bytes), Err(SnapshotError::Trailing)));
}

/// Counts and lengths that nothing follows take neither memory nor time.
#[test]
fn numbers_alone_cost_nothing() {
    let bytes = snapshot().to_bytes();
    let state = 45;
    let tables = state + 4 + u32::from_le_bytes(bytes[state..state + 4].try_into().unwrap()) as usize;
    for at in [state, tables] {
        let mut damaged = bytes[..at].to_vec();
        damaged.extend_from_slice(&u32::MAX.to_le_bytes());
        assert!(matches!(Snapshot::from_bytes(&damaged), Err(SnapshotError::Truncated)), "{at}");
    }
}

fn resume(snapshot: &Snapshot) -> Option<Instance<()>> {
    let (linker, module): (Linker<()>, _) = small().linker(Tier::Baseline);
    linker.resume(&module, Options::new(), (), snapshot).ok()
}

/// What a hash keeps out otherwise: states that nobody was ever in. They are refused, or run within the limits.
#[test]
fn made_up_states_are_refused_or_run() {
    let bytes = snapshot().to_bytes();
    let state = 49..49 + u32::from_le_bytes(bytes[45..49].try_into().unwrap()) as usize;
    let (mut read, mut run, mut ended) = (0, 0, 0);
    for seed in 0..6000 {
        let mut source = Source::Seed(seed);
        let mut damaged = bytes.clone();
        for _ in 0..1 + source.below(3) {
            // The state, the tables, and now and then pages.
            let end = if source.chance(90) { state.end + 80 } else { bytes.len() };
            let at = state.start + source.bits() as usize % (end.min(bytes.len()) - state.start);
            damaged[at] = match source.below(3) {
                0 => source.byte(),
                1 => damaged[at] ^ 1 << source.below(8),
                _ => source.pick(&[0, 1, 0x7f, 0x80, 0xff]),
            };
        }
        let Ok(snapshot) = Snapshot::from_unsealed_bytes(&damaged) else { continue };
        read += 1;
        let sealed = snapshot.to_bytes();
        assert_eq!(Snapshot::from_bytes(&sealed).expect("it is sealed now"), snapshot, "seed {seed}");
        let Some(mut instance) = resume(&snapshot) else { continue };
        run += 1;
        // What leads nowhere in this world is not kept.
        let kept = Snapshot::of(&mut instance).expect("a guest like any other");
        let mut again = resume(&kept).expect("it was there just now");
        assert_eq!(Snapshot::of(&mut again).expect("as above"), kept, "seed {seed}");
        instance.take_fuel();
        instance.add_fuel(10_000);
        instance.run().expect("the host does its part");
        ended += 1;
    }
    assert!(read > 300 && run > 300 && run == ended, "{read} were read, {run} run, {ended} ended");
}

/// What fuzzing starts from: the program at its start, with a register and an open file, and with more memory.
///
/// `CAUSALITY_BLESS=1` writes them again.
#[test]
fn the_fuzz_seeds_are_current_small_and_valid() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/snapshots");
    for (name, at) in [("start", 0), ("register", 40), ("memory", 100)] {
        let bytes = snapshot_at(at).to_bytes();
        assert!(bytes.len() < 32 << 10, "{name} has {} bytes", bytes.len());
        let file = folder.join(name);
        if std::env::var_os("CAUSALITY_BLESS").is_some() {
            std::fs::create_dir_all(&folder).expect("the folder is writable");
            std::fs::write(&file, &bytes).expect("the folder is writable");
        }
        let seed = std::fs::read(&file).expect("the seed is there");
        assert!(seed == bytes, "{name} is not what is made today");
        resume(&Snapshot::from_bytes(&seed).expect("it is a snapshot")).expect("it can go on");
    }
}
