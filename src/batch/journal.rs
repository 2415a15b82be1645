//! What makes a batch go on where it stopped.

use core::fmt;
use core::str::FromStr;

use causality_store::{Commit, ContentId, ObjectKind, ParseContentIdError, Roots};

const JOURNAL: &[u8] = b"causality-vm 2026-11-23 batch v1: journal";
const NOTE: &[u8] = b"causality-vm 2026-11-23 batch v1: note";

/// The name of one run of a batch. Under it, the store keeps the result of each work from the very commit on in which it took effect, until
/// [`Batch::close`](super::Batch::close). It is no cache: another run has another name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Journal(ContentId);

impl Journal {
    /// A name that no other journal of the store has: these are the roots after a commit that was made for it.
    pub(super) fn after(roots: &Roots) -> Self {
        let commits = roots.commits.to_le_bytes();
        let parts = [JOURNAL, roots.state.as_bytes(), roots.nullifiers.as_bytes(), &commits];
        Journal(ContentId::of(ObjectKind::Blob, &parts.concat()))
    }

    /// The key of the note about a work.
    pub(super) fn key(self, index: usize) -> ContentId {
        let parts = [NOTE, self.0.as_bytes(), &(index as u64).to_le_bytes()];
        ContentId::of(ObjectKind::Blob, &parts.concat())
    }

    /// Removes the notes about so many works.
    pub(super) fn removal(self, works: usize) -> Commit {
        let mut commit = Commit::new();
        for index in 0..works {
            commit.remove_note(self.key(index));
        }
        commit
    }
}

impl fmt::Display for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Journal {
    type Err = ParseContentIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Journal)
    }
}
