//! What is to take effect at once.

use std::collections::BTreeMap;

use crate::{Commitment, ContentId, EncodingError, Nullifier, Object, ObjectKind, Staged, StateKey};

/// New objects, changes of the state, nullifiers and records that take effect together or not at all, provided that what
/// was relied upon still holds. See [`Store::commit`](crate::Store::commit).
#[derive(Debug, Default)]
#[must_use = "nothing happens before it is committed"]
pub struct Commit {
    pub(crate) objects: Vec<NewObject>,
    pub(crate) expected: Vec<(StateKey, Option<Commitment>)>,
    pub(crate) changes: BTreeMap<StateKey, Option<Commitment>>,
    pub(crate) nullifiers: Vec<(Nullifier, ContentId)>,
    pub(crate) records: Vec<ContentId>,
    pub(crate) pins: BTreeMap<ContentId, bool>,
    pub(crate) results: Vec<(ContentId, ContentId)>,
    pub(crate) notes: BTreeMap<ContentId, Option<ContentId>>,
    pub(crate) epoch: Option<u64>,
    pub(crate) advances: bool,
}

/// An object of a commit.
#[derive(Debug)]
pub(crate) enum NewObject {
    Bytes { id: ContentId, kind: ObjectKind, bytes: Vec<u8>, references: Vec<ContentId> },
    Staged(Staged),
}

impl Commit {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an object. It stays as long as something refers to it.
    ///
    /// # Errors
    ///
    /// [`EncodingError::Unencodable`].
    pub fn object<T: Object>(&mut self, object: &T) -> Result<ContentId, EncodingError> {
        Ok(self.bytes(T::KIND, object.to_bytes()?, object.references()))
    }

    /// Adds an object by its bytes, and the objects that it refers to.
    pub fn bytes(&mut self, kind: ObjectKind, bytes: Vec<u8>, references: Vec<ContentId>) -> ContentId {
        let id = ContentId::of(kind, &bytes);
        self.objects.push(NewObject::Bytes { id, kind, bytes, references });
        id
    }

    /// Adds an object whose bytes are on disk already: [`Store::stage`](crate::Store::stage).
    pub fn staged(&mut self, staged: Staged) -> ContentId {
        let id = staged.id();
        self.objects.push(NewObject::Staged(staged));
        id
    }

    /// Demands that the state under `key` is this, or that there is none. For everything that a run has read.
    pub fn expect(&mut self, key: StateKey, value: Option<Commitment>) -> &mut Self {
        self.expected.push((key, value));
        self
    }

    /// Demands that the epoch is this.
    pub fn expect_epoch(&mut self, epoch: u64) -> &mut Self {
        self.epoch = Some(epoch);
        self
    }

    /// Sets the state under `key`. The last change of a key counts.
    pub fn set(&mut self, key: StateKey, value: Commitment) -> &mut Self {
        self.changes.insert(key, Some(value));
        self
    }

    /// Removes what the state has under `key`, if anything.
    pub fn remove(&mut self, key: StateKey) -> &mut Self {
        self.changes.insert(key, None);
        self
    }

    /// Demands that `nullifier` is not there, and adds it. `by` is the record that tells of it, in the store or in this
    /// commit; it stays for ever, as the nullifier does.
    pub fn consume(&mut self, nullifier: Nullifier, by: ContentId) -> &mut Self {
        self.nullifiers.push((nullifier, by));
        self
    }

    /// Adds a record to the list of records: an object in the store or in this commit. It stays for ever.
    pub fn record(&mut self, id: ContentId) -> &mut Self {
        self.records.push(id);
        self
    }

    /// Makes an object stay, whether something refers to it or not.
    pub fn pin(&mut self, id: ContentId) -> &mut Self {
        self.pins.insert(id, true);
        self
    }

    /// Undoes [`pin`](Self::pin).
    pub fn unpin(&mut self, id: ContentId) -> &mut Self {
        self.pins.insert(id, false);
        self
    }

    /// Remembers what a computation came to, an object in the store or in this commit, for
    /// [`Snapshot::result`](crate::Snapshot::result). `of` names the computation and all that it depends on. No root and no proof
    /// has any of this, and it does not make the result stay.
    pub fn result(&mut self, of: ContentId, result: ContentId) -> &mut Self {
        self.results.push((of, result));
        self
    }

    /// Leaves a note for whoever knows `key`: an object in the store or in this commit, which stays until the note is
    /// [removed](Self::remove_note). No root and no proof has it.
    pub fn note(&mut self, key: ContentId, object: ContentId) -> &mut Self {
        self.notes.insert(key, Some(object));
        self
    }

    /// Undoes [`note`](Self::note).
    pub fn remove_note(&mut self, key: ContentId) -> &mut Self {
        self.notes.insert(key, None);
        self
    }

    /// Adds what another commit does, so that both take effect at once and as if the other came second.
    ///
    /// # Errors
    ///
    /// The other commit, if it could not come second: it demands or changes the state where this one changes it, consumes what this one
    /// consumes, or is of another epoch. Nothing was added.
    pub fn append(&mut self, other: Commit) -> Result<(), Box<Commit>> {
        if self.is_in_the_way_of(&other) {
            return Err(Box::new(other));
        }
        self.objects.extend(other.objects);
        self.expected.extend(other.expected);
        self.changes.extend(other.changes);
        self.nullifiers.extend(other.nullifiers);
        self.records.extend(other.records);
        self.pins.extend(other.pins);
        self.results.extend(other.results);
        self.notes.extend(other.notes);
        self.epoch = self.epoch.or(other.epoch);
        self.advances |= other.advances;
        Ok(())
    }

    fn is_in_the_way_of(&self, other: &Commit) -> bool {
        let mut keys = other.expected.iter().map(|(key, _)| key).chain(other.changes.keys());
        let consumes = |nullifier: &Nullifier| self.nullifiers.iter().any(|(ours, _)| ours == nullifier);
        let is_of_another_time =
            other.epoch.is_some_and(|epoch| self.advances || self.epoch.is_some_and(|ours| ours != epoch));
        is_of_another_time
            || (self.advances && other.advances)
            || keys.any(|key| self.changes.contains_key(key))
            || other.nullifiers.iter().any(|(nullifier, _)| consumes(nullifier))
    }

    /// Advances logical time by one.
    pub fn advance_epoch(&mut self) -> &mut Self {
        self.advances = true;
        self
    }
}
