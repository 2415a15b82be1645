//! Attacks that depend on chance, for as long as there is time: `CAUSALITY_SOAK_SECONDS`, from `CAUSALITY_SOAK_SEED` on.

use std::time::{Duration, Instant};

use crate::{addresses, jumps, pauses, remapping, signals};

#[test]
fn as_long_as_there_is_time() {
    let number = |name| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let Some(seconds) = number("CAUSALITY_SOAK_SECONDS") else { return };
    let end = Instant::now() + Duration::from_secs(seconds);
    let first = number("CAUSALITY_SOAK_SEED").unwrap_or(1 << 40);
    for seed in (first..).take_while(|_| Instant::now() < end) {
        println!("seed {seed}");
        addresses::access_all(seed);
        remapping::meddled(seed);
        jumps::run_bytes(seed);
        if seed % 16 == 0 {
            pauses::every_pause_is_seen_and_none_is_noticed();
            signals::handlers_of_the_embedder_run_in_the_middle_of_native_code_and_change_nothing();
        }
    }
}
