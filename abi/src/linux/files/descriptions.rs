//! Open file descriptions by their number.
//!
//! Processes have few, most of them three, and each is made for a new instance: so they lie beside each other.

use super::Description;

/// Descriptions, ascending by number. Those that are added have higher numbers than all before.
#[derive(Clone, Debug, Default)]
pub(super) struct Descriptions(Vec<(u64, Description)>);

impl Descriptions {
    /// How many standard descriptors there are.
    const STANDARD: usize = 3;

    fn place(&self, number: u64) -> Option<usize> {
        self.0.binary_search_by_key(&number, |&(number, _)| number).ok()
    }

    /// Adds one, whose number is higher than all others.
    pub(super) fn add(&mut self, number: u64, description: Description) {
        debug_assert!(self.0.last().is_none_or(|&(last, _)| last < number));
        if self.0.is_empty() {
            self.0.reserve_exact(Self::STANDARD);
        }
        self.0.push((number, description));
    }

    pub(super) fn get(&self, number: u64) -> Option<&Description> {
        self.place(number).map(|place| &self.0[place].1)
    }

    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut Description> {
        self.place(number).map(|place| &mut self.0[place].1)
    }

    pub(super) fn remove(&mut self, number: u64) {
        if let Some(place) = self.place(number) {
            self.0.remove(place);
        }
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// All of them, to change.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Description> {
        self.0.iter_mut().map(|(_, description)| description)
    }
}
