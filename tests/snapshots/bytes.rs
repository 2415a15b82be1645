//! The bytes themselves: one spelling of each state, changes on a base, readers and writers.

use causality_testkit::Source;
use causality_vm::snapshot::{Snapshot, SnapshotError};
use causality_vm::{Capture, Exit, Tier};

use crate::{End, Guest, TIERS, whole};

/// A guest after so many instructions, in a folder of its own.
fn snapshot_at(guest: &Guest, tier: Tier, instructions: u64) -> Snapshot {
    let folder = tempfile::tempdir().unwrap();
    let mut instance = guest.start(tier, &Capture::new(1 << 20), folder.path());
    instance.run_for(instructions).unwrap();
    Snapshot::of(&mut instance).unwrap()
}

#[test]
fn the_same_state_has_the_same_bytes_in_every_tier_and_folder() {
    for (name, args) in
        [("json", &["2"][..]), ("files", &["/data"]), ("memory", &[]), ("register_cycle", &[])]
    {
        let guest = Guest::named(name, args).in_directory();
        let (_, length) = whole(&guest);
        for at in [0, 1, length / 3, length / 2, length - 2] {
            let bytes = TIERS.map(|tier| snapshot_at(&guest, tier, at).to_bytes());
            assert!(bytes.iter().all(|one| *one == bytes[0]), "{name} after {at}");
        }
    }
}

#[test]
fn other_states_have_other_roots() {
    let guest = Guest::named("json", &["2"]);
    let mut roots: Vec<_> =
        (0..50).map(|at| snapshot_at(&guest, Tier::Interpreter, at * 11).root()).collect();
    roots.sort_unstable();
    roots.dedup();
    assert_eq!(roots.len(), 50);
}

#[test]
fn a_chain_of_changes_is_the_whole() {
    let guest = Guest::named("memory", &[]).in_directory();
    let (expected, length) = whole(&guest);
    let (output, folder) = (Capture::new(1 << 20), tempfile::tempdir().unwrap());
    let mut instance = guest.start(Tier::Auto, &output, folder.path());
    let first = Snapshot::of(&mut instance).unwrap();
    // As somebody has it who was only sent bytes.
    let mut here = first.clone();
    let mut there = Snapshot::from_bytes(&first.to_bytes()).unwrap();
    for _ in 0..20 {
        assert!(matches!(instance.run_for(length / 24).unwrap(), Exit::Paused(_)));
        let next = Snapshot::since(&mut instance, &here).unwrap();
        assert_eq!(next, Snapshot::of(&mut instance).unwrap(), "what is shared is the same");
        let changes = next.to_bytes_since(&here);
        assert!(changes.len() < next.to_bytes().len());
        there = Snapshot::from_bytes_on(&there, &changes).unwrap();
        assert_eq!(there.root(), next.root());
        assert!(
            there.to_bytes() == next.to_bytes() && there.to_bytes_since(&next) == next.to_bytes_since(&next)
        );
        here = next;
    }
    // All at once, over what has come and gone in between; and back.
    let at_once = Snapshot::from_bytes_on(&first, &here.to_bytes_since(&first)).unwrap();
    assert_eq!(at_once, here);
    assert_eq!(Snapshot::from_bytes_on(&here, &first.to_bytes_since(&here)).unwrap(), first);
    drop(instance);
    let mut resumed = guest.resume(Tier::Interpreter, &output, folder.path(), &there);
    let exit = resumed.run().unwrap();
    assert_eq!(End::of(exit, &resumed, &output, folder.path()), expected);
}

#[test]
fn changes_hold_only_pages_that_have_changed() {
    let guest = Guest::named("json", &["2"]);
    let (output, folder) = (Capture::new(1 << 20), tempfile::tempdir().unwrap());
    let mut instance = guest.start(Tier::Interpreter, &output, folder.path());
    instance.run_for(50_000).unwrap();
    let base = Snapshot::of(&mut instance).unwrap();
    let nothing = base.to_bytes_since(&base).len();
    let stack = instance.memory().segments().find(|segment| segment.name == "stack").unwrap().range.clone();
    for page in 0..3 {
        instance.memory_mut().store(stack.start + page * 4096, [1 + page as u8]).unwrap();
    }
    let changed = Snapshot::since(&mut instance, &base).unwrap();
    assert_eq!(changed.to_bytes_since(&base).len(), nothing + 3 * (12 + 4096));
    // A page that the base has elsewhere is not stored again, and one that is there twice once.
    instance.memory_mut().store(stack.start + 0x1000, [1]).unwrap();
    let changed = Snapshot::since(&mut instance, &base).unwrap();
    assert_eq!(changed.to_bytes_since(&base).len(), nothing + 3 * 12 + 2 * 4096);
}

#[test]
fn changes_of_another_snapshot_are_refused() {
    let guest = Guest::named("json", &["2"]);
    let [a, b, c] = [100, 5000, 20_000].map(|at| snapshot_at(&guest, Tier::Interpreter, at));
    let changes = b.to_bytes_since(&a);
    assert!(
        matches!(Snapshot::from_bytes_on(&c, &changes), Err(SnapshotError::Base(root)) if root == a.root())
    );
    assert!(matches!(Snapshot::from_bytes(&changes), Err(SnapshotError::Base(root)) if root == a.root()));
    assert!(matches!(Snapshot::from_bytes_on(&a, &b.to_bytes()), Err(SnapshotError::Whole)));
    assert_eq!(Snapshot::from_bytes_on(&a, &changes).unwrap(), b);
}

#[test]
fn a_reader_is_left_behind_the_snapshot() {
    let guest = Guest::named("json", &["2"]);
    let snapshots = [100, 5000].map(|at| snapshot_at(&guest, Tier::Interpreter, at));
    let mut file = Vec::new();
    for snapshot in &snapshots {
        snapshot.write_to(&mut file).unwrap();
    }
    let mut rest = &file[..];
    for snapshot in &snapshots {
        assert_eq!(Snapshot::read_from(&mut rest).unwrap(), *snapshot);
    }
    assert!(rest.is_empty());
    assert!(matches!(Snapshot::from_bytes(&file), Err(SnapshotError::Trailing)));
}

#[test]
fn many_hops_through_changes_lead_to_the_same_end() {
    let guest = Guest::named("closures", &["2"]);
    let (expected, length) = whole(&guest);
    let (output, folder) = (Capture::new(1 << 20), tempfile::tempdir().unwrap());
    let mut source = Source::Seed(7);
    let mut instance = guest.start(Tier::Interpreter, &output, folder.path());
    let mut base = Snapshot::of(&mut instance).unwrap();
    for hop in 0..12 {
        instance.run_for(source.bits() % (length / 13)).unwrap();
        let next = Snapshot::since(&mut instance, &base).unwrap();
        base = Snapshot::from_bytes_on(&base, &next.to_bytes_since(&base)).unwrap();
        instance = guest.resume(TIERS[hop % 4], &output, folder.path(), &base);
    }
    let exit = instance.run().unwrap();
    assert_eq!(End::of(exit, &instance, &output, folder.path()), expected);
}
