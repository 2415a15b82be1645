//! Whatever registers hold, a call ends, and nothing of the host breaks.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::TABLE;

/// What a hostile guest would try, and what gets a call deep enough to be interesting.
const VALUES: [u64; 14] = [
    0,
    1,
    3,
    7,
    4096,
    u64::MAX,
    i64::MIN as u64,
    i64::MAX as u64,
    CWD,
    DATA,
    DATA + 1,
    DATA + DATA_SIZE - 1,
    (256 << 20) - 1,
    1 << 40,
];

fn prepared(directory: &tempfile::TempDir) -> Guest {
    std::fs::write(directory.path().join("f"), "contents").unwrap();
    let mut guest = Guest::in_directory(directory, Access::ReadWrite);
    assert_eq!(guest.open("f", READ_WRITE), 3);
    assert_eq!(guest.open(".", DIRECTORY), 4);
    guest.put(DATA, b"f\0");
    guest.put_words(DATA + 8, &[DATA, 4096, u64::MAX, u64::MAX]);
    guest
}

/// The longest a call may take; generous, for slow and busy machines.
const LONG: Duration = Duration::from_secs(5);

fn attack(guest: &mut Guest, number: u64, args: &[u64]) {
    let began = Instant::now();
    guest.flow_of(number, args);
    assert!(began.elapsed() < LONG, "{number} {args:x?} took {:?}", began.elapsed());
    let memory = &guest.machine.memory;
    assert!(memory.mapped() <= memory.limits().memory);
}

#[test]
fn every_call_survives_every_pair_of_odd_values() {
    let directory = tempfile::tempdir().unwrap();
    for row in TABLE {
        let mut guest = prepared(&directory);
        for (i, &first) in VALUES.iter().enumerate() {
            for &second in &VALUES {
                for rest in [VALUES[i], VALUES[(i + 5) % VALUES.len()]] {
                    attack(&mut guest, row.number, &[first, second, rest, second, rest, first]);
                }
            }
        }
    }
}

#[test]
fn every_call_survives_one_odd_value_among_sound_ones() {
    let directory = tempfile::tempdir().unwrap();
    for row in TABLE {
        let mut guest = prepared(&directory);
        for position in 0..6 {
            for &value in &VALUES {
                for sound in
                    [[3, DATA, 16, 0, 0, 0], [CWD, DATA, DATA + 64, 0, 0, 0], [DATA, DATA, 1, 2, 3, 0]]
                {
                    let mut args = sound;
                    args[position] = value;
                    attack(&mut guest, row.number, &args);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_sequence_of_calls_is_survived(
        calls in prop::collection::vec((0..TABLE.len(), prop::array::uniform6(prop_oneof![
            prop::sample::select(VALUES.to_vec()), any::<u64>(), 0u64..64, DATA..DATA + DATA_SIZE,
        ])), 1..200),
    ) {
        let run = || {
            let directory = tempfile::tempdir().unwrap();
            let mut guest = prepared(&directory);
            for (row, args) in &calls {
                attack(&mut guest, TABLE[*row].number, args);
            }
            let data = guest.machine.memory.slice(DATA, DATA_SIZE).map(<[u8]>::to_vec);
            (guest.machine.hart.clone(), data, guest.output.bytes(), guest.abi.report())
        };
        prop_assert!(run() == run(), "two runs differ");
    }
}
