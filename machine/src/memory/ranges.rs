//! Sets of addresses.

use std::ops::Range;

/// Ranges of addresses: ascending, not empty, with a gap between each and the next.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Ranges(Vec<Range<u64>>);

impl Clone for Ranges {
    fn clone(&self) -> Self {
        Ranges(self.0.clone())
    }

    /// Reuses the memory that is there.
    fn clone_from(&mut self, from: &Self) {
        self.0.clone_from(&from.0);
    }
}

impl Ranges {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Range<u64>> {
        self.0.iter()
    }

    /// Index of the first that ends at `addr` or later.
    fn from(&self, addr: u64) -> usize {
        self.0.partition_point(|range| range.end < addr)
    }

    /// Adds the addresses of `range`.
    pub(super) fn insert(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        let first = self.from(range.start);
        let last = self.0.partition_point(|other| other.start <= range.end);
        let touched = &self.0[first..last.max(first)];
        let start = touched.first().map_or(range.start, |other| other.start.min(range.start));
        let end = touched.last().map_or(range.end, |other| other.end.max(range.end));
        self.0.splice(first..last.max(first), std::iter::once(start..end));
    }

    /// Takes the addresses of `range` out.
    pub(super) fn remove(&mut self, range: &Range<u64>) {
        let parts = self.0.iter().flat_map(|other| {
            let below = other.start..other.end.min(range.start);
            let above = other.start.max(range.end)..other.end;
            [below, above].into_iter().filter(|part| !part.is_empty())
        });
        let parts: Vec<_> = if range.is_empty() { return } else { parts.collect() };
        self.0 = parts;
    }

    /// Whether every address of `range` is in it.
    pub(super) fn contains(&self, range: &Range<u64>) -> bool {
        let within = |other: &Range<u64>| other.start <= range.start && range.end <= other.end;
        range.is_empty() || self.0.get(self.from(range.end)).is_some_and(within)
    }

    /// What of `range` is in it.
    pub(super) fn within(&self, range: &Range<u64>) -> impl Iterator<Item = Range<u64>> {
        let (start, end) = (range.start, range.end);
        let touching = self.0[self.from(start)..].iter().take_while(move |other| other.start < end);
        touching.map(move |other| other.start.max(start)..other.end.min(end)).filter(|part| !part.is_empty())
    }

    /// What of `range` is not in it.
    pub(super) fn missing(&self, range: &Range<u64>) -> Vec<Range<u64>> {
        let mut at = range.start;
        let mut gaps = Vec::new();
        for part in self.within(range) {
            gaps.extend((at < part.start).then_some(at..part.start));
            at = part.end;
        }
        gaps.extend((at < range.end).then_some(at..range.end));
        gaps
    }

    /// `range` without what of its beginning and of its end is in it.
    pub(super) fn trimmed(&self, range: &Range<u64>) -> Range<u64> {
        let reaches = |other: &&Range<u64>| other.start <= range.start && range.start < other.end;
        let start = self.0.get(self.from(range.start + 1)).filter(reaches);
        let start = start.map_or(range.start, |other| other.end.min(range.end));
        let holds = |other: &&Range<u64>| other.start < range.end && range.end <= other.end;
        let end = self.0.get(self.from(range.end)).filter(holds);
        let end = end.map_or(range.end, |other| other.start.max(start));
        start..end
    }

    /// How many addresses of `range` are in it.
    pub(super) fn count(&self, range: &Range<u64>) -> u64 {
        self.within(range).map(|part| part.end - part.start).sum()
    }
}

impl FromIterator<Range<u64>> for Ranges {
    fn from_iter<I: IntoIterator<Item = Range<u64>>>(ranges: I) -> Self {
        let mut all = Ranges::default();
        ranges.into_iter().for_each(|range| all.insert(range));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(ranges: &Ranges) -> Vec<u64> {
        ranges.iter().flat_map(Range::clone).collect()
    }

    /// Small enough to try everything: sets of eight addresses, all ranges.
    #[test]
    fn every_change_of_small_sets_is_that_of_a_set_of_numbers() {
        for bits in 0..256_u64 {
            let set: Vec<u64> = (0..8).filter(|bit| bits >> bit & 1 == 1).collect();
            let ranges: Ranges = set.iter().map(|&bit| bit..bit + 1).collect();
            assert_eq!(members(&ranges), set);
            assert!(ranges.0.windows(2).all(|pair| pair[0].end < pair[1].start), "gaps: {ranges:?}");
            for (start, end) in (0..9).flat_map(|start| (start..9).map(move |end| (start, end))) {
                let range = start..end;
                let (mut more, mut less) = (ranges.clone(), ranges.clone());
                more.insert(range.clone());
                less.remove(&range);
                let is_in = |addr: &u64| range.contains(addr);
                let united: Vec<_> = (0..8).filter(|addr| set.contains(addr) || is_in(addr)).collect();
                assert_eq!(members(&more), united);
                assert_eq!(
                    members(&less),
                    set.iter().copied().filter(|addr| !is_in(addr)).collect::<Vec<_>>()
                );
                assert!(more.0.windows(2).all(|pair| pair[0].end < pair[1].start), "gaps: {more:?}");
                assert_eq!(ranges.contains(&range), range.clone().all(|addr| set.contains(&addr)));
                assert_eq!(ranges.count(&range), set.iter().filter(|addr| is_in(addr)).count() as u64);
                let rest = range.clone().filter(|addr| !set.contains(addr));
                let trimmed = rest.clone().min().map_or(0..0, |first| first..rest.max().unwrap_or(first) + 1);
                let found = ranges.trimmed(&range);
                assert!(found == trimmed || found.is_empty() && trimmed.is_empty(), "{ranges:?} {range:?}");
                let missing: Vec<u64> = ranges.missing(&range).into_iter().flatten().collect();
                assert_eq!(missing, range.clone().filter(|addr| !set.contains(addr)).collect::<Vec<_>>());
            }
        }
    }
}
