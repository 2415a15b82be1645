//! What is known where control is: which bytes are guarded, which registers hold constants, which floats are boxed.
//!
//! Where jumps forward arrive, what all ways there know is known. Where control may come from further down or from
//! outside, nothing is.

use causality_machine::isa::reg::X;

use super::Emitter;
use super::memory::Guards;

/// What is known.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) guards: Guards,
    /// Registers that hold known values.
    pub(super) constants: [Option<u64>; 32],
    /// Floating-point registers that hold a boxed single-precision value.
    pub(super) boxed: u32,
}

impl Facts {
    /// Nothing.
    pub(super) const NONE: Facts = Facts { guards: Guards::NONE, constants: NOTHING, boxed: 0 };

    /// Keeps what is known there too.
    fn meet(&mut self, other: &Facts) {
        self.guards.meet(&other.guards);
        for (known, other) in self.constants.iter_mut().zip(&other.constants) {
            if known != other {
                *known = None;
            }
        }
        self.boxed &= other.boxed;
    }
}

/// No register holds a known value.
const NOTHING: [Option<u64>; 32] = {
    let mut nothing = [None; 32];
    nothing[X::ZERO.index()] = Some(0);
    nothing
};

impl Emitter<'_> {
    /// Control may have come from anywhere.
    pub(super) fn forget_facts(&mut self) {
        self.facts.guards.forget_all();
        self.facts.constants = NOTHING;
        self.facts.boxed = 0;
    }

    /// Control goes from here to instruction `index`, further down.
    pub(super) fn send_facts(&mut self, index: usize) {
        let Some(meet) = &mut self.meets[index] else { return };
        match meet.facts {
            Some(known) => self.known[known as usize].meet(&self.facts),
            None => {
                meet.facts = Some(self.known.len() as u32);
                self.known.push(self.facts.clone());
            }
        }
    }

    /// Control comes here by jumps, and from above if `falls`.
    pub(super) fn receive_facts(&mut self, falls: bool) {
        let sent = self.meets[self.index].and_then(|meet| meet.facts);
        match sent {
            Some(known) if falls => self.facts.meet(&self.known[known as usize]),
            Some(known) => self.facts.clone_from(&self.known[known as usize]),
            None if falls => {}
            None => self.forget_facts(),
        }
    }
}
