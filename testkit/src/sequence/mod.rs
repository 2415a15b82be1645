//! Sequences of calls of the embedding API, as an embedder could make them in any order: made up from a source of
//! choices, played in a way of executing guests, and compared.
//!
//! A new call is a variant of [`Step`], a row of [`Step::choose`], and an arm in [`Player`].

mod guest;
mod player;
mod step;
mod way;

use std::thread;

pub use player::Player;
pub use step::Step;
pub use way::Way;

use crate::Source;

/// What a sequence is played with.
#[derive(Clone, Debug)]
pub struct Sequence {
    /// The program that all instances run.
    guest: guest::Guest,
    /// Settings that do not depend on the way.
    settings: way::Settings,
    /// What is done to one instance, each. Lanes are played at the same time.
    lanes: Vec<Vec<Step>>,
}

/// Steps of a lane, at most.
const STEPS: usize = 40;

impl Sequence {
    /// A made-up one.
    #[must_use]
    pub fn choose(source: &mut Source<'_>) -> Self {
        let settings = way::Settings::choose(source);
        let lanes = if source.chance(30) { 2 + source.below(2) } else { 1 };
        let lane = |source: &mut Source<'_>| {
            (0..1 + source.below(STEPS)).map(|_| Step::choose(source)).collect::<Vec<_>>()
        };
        let lanes = (0..lanes).map(|_| lane(source)).collect();
        // Last: it takes as many choices as there are.
        let guest = guest::Guest::choose(source, settings.limits.allow_writable_code);
        Sequence { guest, settings, lanes }
    }

    /// Plays all lanes; what each step of each lane tells.
    ///
    /// # Panics
    /// If anything does.
    #[must_use]
    pub fn play(&self, way: Way) -> Vec<Vec<String>> {
        let stage = player::Stage::new(&self.guest, &self.settings, way);
        let play = |lane: &[Step]| {
            let mut player = Player::new(&stage);
            lane.iter().map(|step| player.play(step)).collect()
        };
        let [only] = &self.lanes[..] else {
            return thread::scope(|scope| {
                let threads: Vec<_> = self.lanes.iter().map(|lane| scope.spawn(|| play(lane))).collect();
                threads.into_iter().map(|thread| thread.join().expect("nothing panics")).collect()
            });
        };
        vec![play(only)]
    }

    /// Plays it in two ways. What fetches see of writable code is not crosschecked.
    ///
    /// # Panics
    /// If they do not tell the same.
    pub fn compare(&self, one: Way, other: Way) {
        let is_writable = self.settings.limits.allow_writable_code;
        let other = if other == Way::Crosschecked && is_writable { Way::Baseline } else { other };
        let (first, second) = (self.play(one), self.play(other));
        for (lane, (a, b)) in first.iter().zip(&second).enumerate() {
            for (at, (a, b)) in a.iter().zip(b).enumerate() {
                assert!(
                    a == b,
                    "lane {lane}, step {at}: {:?}\n{one:?}: {a}\n{other:?}: {b}\n{:#?}",
                    self.lanes[lane][at],
                    self.lanes[lane]
                );
            }
        }
    }
}
