//! Where the guest has met files: a path for each number, to find them again by.
//!
//! Invariant: a number has at most one path, so that this is never larger than the files there are; and a path at most one
//! number. A path may have come to lead elsewhere, or nowhere: whoever uses it looks.

use std::collections::BTreeMap;

use super::Files;
use super::Object;

/// Paths by number, and the other way round.
#[derive(Clone, Debug, Default)]
pub(super) struct Met {
    /// Absolute and normal, and whether links are followed there.
    paths: BTreeMap<u64, (Vec<u8>, bool)>,
    nodes: BTreeMap<Vec<u8>, u64>,
}

/// What `path` is called when what was `old` is `new`; `None` if it is not below.
fn moved(path: &[u8], old: &[u8], new: &[u8]) -> Option<Vec<u8>> {
    let rest = path.strip_prefix(old)?;
    (rest.is_empty() || rest.starts_with(b"/")).then(|| [new, rest].concat())
}

impl Met {
    /// A file of this number is at `path`. Its first path stays.
    pub(super) fn note(&mut self, node: u64, path: &[u8], follow: bool) {
        if self.paths.contains_key(&node) {
            return;
        }
        if let Some(other) = self.nodes.insert(path.to_vec(), node) {
            self.paths.remove(&other);
        }
        self.paths.insert(node, (path.to_vec(), follow));
    }

    /// The number will not be met again.
    pub(super) fn forget(&mut self, node: u64) {
        if let Some((path, _)) = self.paths.remove(&node) {
            self.nodes.remove(&path);
        }
    }

    /// What was at and below `old` is at and below `new` now.
    fn renamed(&mut self, old: &[u8], new: &[u8]) {
        let end = [old, b"0"].concat();
        let below = self.nodes.range(old.to_vec()..end).map(|(path, &node)| (path.clone(), node));
        let moved: Vec<_> = below.filter_map(|(path, node)| Some((moved(&path, old, new)?, node))).collect();
        for (path, node) in moved {
            let follow = self.paths.get(&node).is_some_and(|(_, follow)| *follow);
            self.forget(node);
            self.note(node, &path, follow);
        }
    }

    /// Path, whether links are followed, and number, by number.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], bool, u64)> {
        self.paths.iter().map(|(&node, (path, follow))| (&path[..], *follow, node))
    }
}

impl Files {
    /// What was at and below `old` is at and below `new` now.
    pub(super) fn renamed(&mut self, old: &[u8], new: &[u8]) {
        self.nodes.met.renamed(old, new);
        for description in self.open.iter_mut() {
            if let Object::File(file) = &mut description.object
                && let Some(path) = moved(&file.path, old, new)
            {
                file.path = path;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(met: &Met) -> Vec<(String, u64)> {
        met.iter().map(|(path, _, node)| (String::from_utf8_lossy(path).into_owned(), node)).collect()
    }

    #[test]
    fn names_move_with_the_directory_they_are_in() {
        let mut met = Met::default();
        for (node, path) in [(1, "/d"), (2, "/d/x"), (3, "/d-e"), (4, "/d/y/z"), (5, "/n/x")] {
            met.note(node, path.as_bytes(), true);
        }
        met.renamed(b"/d", b"/n");
        let expected = [("/n", 1), ("/n/x", 2), ("/d-e", 3), ("/n/y/z", 4)];
        assert_eq!(all(&met), expected.map(|(path, node)| (path.to_owned(), node)), "5 was replaced");
    }

    #[test]
    fn a_file_keeps_the_path_where_it_was_first_met() {
        let mut met = Met::default();
        met.note(1, b"/a", true);
        met.note(1, b"/b", true);
        assert_eq!(all(&met), [("/a".to_owned(), 1)]);
        met.forget(1);
        met.note(1, b"/b", true);
        assert_eq!(all(&met), [("/b".to_owned(), 1)]);
    }
}
