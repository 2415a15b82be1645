//! Wild programs in native code and in the interpreter, and everything compared.
//!
//! `CAUSALITY_FULL=1` runs over ten million blocks. `CAUSALITY_SOAK_SECONDS=3600` goes on for an hour, from
//! `CAUSALITY_SOAK_SEED` if that is set; build that with `--release`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use causality_interp::Interpreter;
use causality_jit::Tunables;
use causality_testkit::Source;
use causality_testkit::duel::{Duel, Tally, ends_block};
use causality_testkit::sweep::Effort;
use causality_vm::{InstructionReport, Native};

/// Runs programs and says who did what.
#[derive(Default)]
struct Arena {
    tally: Tally,
    instructions: InstructionReport,
}

impl Arena {
    fn fight(&mut self, seed: u64, most: u64) {
        for tunables in Tunables::of_all_kinds() {
            self.fight_in(tunables, seed, most);
        }
    }

    fn fight_in(&mut self, tunables: Tunables, seed: u64, most: u64) {
        let blocks = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&blocks);
        let mut interpreter = Interpreter::with_observer(move |retired| {
            if ends_block(retired.word) {
                counter.fetch_add(1, Ordering::Relaxed);
            }
        });
        let mut native = Native::new(tunables.clone());
        let duel = Duel::generate(&mut Source::Seed(seed), most);
        match duel.fight(&mut interpreter, &mut native) {
            Ok(ended) => self.tally.add(ended, blocks.load(Ordering::Relaxed) + 1),
            Err(difference) => {
                panic!(
                    "seed {seed}, {tunables:?}: native code is not what the interpreter does\n{difference}"
                )
            }
        }
        self.instructions += native.instructions();
    }

    fn share(&self) -> f64 {
        100.0 * self.instructions.native() as f64 / self.instructions.all().max(1) as f64
    }

    fn report(&self) {
        let Tally { programs, instructions, blocks, calls, ends } = &self.tally;
        println!(
            "{programs} programs, {instructions} instructions, {blocks} blocks, {calls} calls of the host, {:.1} % native, no difference; {ends:?}; {:?}",
            self.share(),
            self.instructions
        );
    }
}

#[test]
fn wild_programs_end_as_in_the_interpreter() {
    let effort = Effort::from_env();
    let blocks = effort.choose(1_000_000, 10_000_000) as u64;
    let most = effort.choose(60_000, 300_000) as u64;
    let mut arena = Arena::default();
    let mut seed = 0;
    while arena.tally.blocks < blocks {
        arena.fight(seed, most);
        seed += 1;
    }
    arena.report();
    assert!(arena.share() > 50.0, "{:.1} % native", arena.share());
}

#[test]
fn as_long_as_there_is_time() {
    let number = |name| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let Some(seconds) = number("CAUSALITY_SOAK_SECONDS") else { return };
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut seed = number("CAUSALITY_SOAK_SEED").unwrap_or(1 << 40);
    let (mut arena, mut said) = (Arena::default(), Instant::now());
    while Instant::now() < end {
        arena.fight(seed, 300_000);
        seed += 1;
        if said.elapsed() > Duration::from_secs(60) {
            arena.report();
            said = Instant::now();
        }
    }
    arena.report();
}
